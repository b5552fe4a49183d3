//! Who may pass limits that are counted here: one after another in the order of arrival, for anything that has no answer to wait for.
//!
//! Nobody is let through before he shows up. The first in line is *called* when there is room for him, and what he takes is
//! counted when he comes; who does not come within [`CALL_LIFE`] stands aside until he does, and holds nobody up. So a waiter that
//! is gone, or is not looked after by his program, spends nothing and costs the others at most that long.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::limit::{Opening, Stack};
use crate::policy::{LimitSpec, LimitSpecs, Unit, WindowKind};
use crate::time::{Instant, Now};

/// How long the first in line has to come when he was called.
pub const CALL_LIFE: Duration = Duration::from_millis(50);

/// Limits with a line before them. Plain data: the caller brings the time and wakes those who are called.
///
/// After each input the caller asks [`poll_call`](Turnstile::poll_call) whom to wake, and then
/// [`poll_timeout`](Turnstile::poll_timeout) when to ask again.
#[derive(Clone, Debug)]
pub struct Turnstile {
    limits: Stack,
    /// The most that may be inside at once.
    places: Option<u32>,
    inside: u32,
    /// Whether the limits say themselves which of them count weight.
    by_cost: bool,
    arrivals: u64,
    /// Those who wait, and what each weighs.
    line: BTreeMap<Place, u32>,
    /// Those of them who were called and did not come.
    aside: BTreeMap<Place, u32>,
    called: Option<(Place, Instant)>,
}

/// A place in the line, in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(u64);

/// A weight that a limit can never let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooHeavy {
    /// What was asked for.
    pub weight: u32,
    /// The limit that is too small.
    pub limit: LimitSpec,
}

impl Turnstile {
    /// Limits that hold together. A weight counts in the limits that are written `by cost`; if none is, it counts in all of them.
    /// `concurrency` counts each that passes as one. An amount of zero is one.
    pub fn new(limits: &LimitSpecs) -> Self {
        let by_cost = limits.0.iter().any(|spec| unit(*spec) == Some(Unit::Cost));
        let weighed = limits.0.iter().map(|spec| {
            let spec = at_least_one(*spec);
            if by_cost { spec } else { with_unit(spec, Unit::Cost) }
        });
        let places = limits.0.iter().filter_map(|spec| match spec {
            LimitSpec::Concurrency(n) => Some((*n).max(1)),
            _ => None,
        });
        Self {
            limits: Stack::exact(weighed),
            places: places.min(),
            inside: 0,
            by_cost,
            arrivals: 0,
            line: BTreeMap::new(),
            aside: BTreeMap::new(),
            called: None,
        }
    }

    /// Whether any limit goes by the wall clock, so that the caller has to read it.
    pub fn reads_wall(limits: &LimitSpecs) -> bool {
        let on_the_wall = |kind| matches!(kind, WindowKind::Clock { .. } | WindowKind::Counter);
        limits.0.iter().any(|spec| matches!(spec, LimitSpec::Window { kind, .. } if on_the_wall(*kind)))
    }

    /// Whether those who pass have to [`go out`](Turnstile::go_out) again.
    pub fn has_places(&self) -> bool {
        self.places.is_some()
    }

    /// Passes at once, without standing in line, if nobody does and there is room.
    pub fn pass(&mut self, weight: u32, now: Now) -> bool {
        self.head().is_none() && self.let_in(weight, now)
    }

    /// Whether a weight can ever pass.
    ///
    /// # Errors
    ///
    /// If a limit is smaller.
    pub fn check(&self, weight: u32) -> Result<(), TooHeavy> {
        match self.limits.opening(weight, Now::default()) {
            Some((limit, Opening::Never)) => {
                let limit = if self.by_cost { limit } else { with_unit(limit, Unit::Requests) };
                Err(TooHeavy { weight, limit })
            }
            _ => Ok(()),
        }
    }

    /// Takes the last place in the line.
    ///
    /// # Errors
    ///
    /// If a limit is smaller than the weight, so that the turn would never come. A weight of 1 always passes in the end.
    pub fn join(&mut self, weight: u32) -> Result<Place, TooHeavy> {
        self.check(weight)?;
        let place = Place(self.arrivals);
        self.arrivals += 1;
        self.line.insert(place, weight);
        Ok(place)
    }

    /// One in line shows up. `true` if he has passed; then he is in line no more.
    pub fn show_up(&mut self, place: Place, now: Now) -> bool {
        if let Some(weight) = self.aside.remove(&place) {
            self.line.insert(place, weight);
        }
        let Some(weight) = self.line.get(&place).copied() else { return false };
        self.called.take_if(|(called, _)| *called == place);
        let passes = self.head() == Some(place) && self.let_in(weight, now);
        if passes {
            self.line.remove(&place);
        }
        passes
    }

    /// One in line gives up. It is as if he had never come.
    pub fn leave(&mut self, place: Place) {
        self.line.remove(&place);
        self.aside.remove(&place);
        self.called.take_if(|(called, _)| *called == place);
    }

    /// One who has passed goes out, and his place is free.
    pub fn go_out(&mut self) {
        self.inside = self.inside.saturating_sub(1);
    }

    /// Whom to wake: the first in line, if there is room for him and he was not called yet.
    pub fn poll_call(&mut self, now: Now) -> Option<Place> {
        if let Some((called, at)) = self.called {
            if now.mono < at + CALL_LIFE {
                return None;
            }
            self.called = None;
            if let Some(weight) = self.line.remove(&called) {
                self.aside.insert(called, weight);
            }
        }
        let head = self.head()?;
        if !matches!(self.opening(head, now), Some(at) if at <= now.mono) {
            return None;
        }
        self.called = Some((head, now.mono));
        Some(head)
    }

    /// When to ask [`poll_call`](Turnstile::poll_call) again, if nothing happens before.
    pub fn poll_timeout(&self, now: Now) -> Option<Instant> {
        match self.called {
            Some((_, at)) => Some(at + CALL_LIFE),
            None => self.opening(self.head()?, now),
        }
    }

    /// How many wait, those included who were called and did not come.
    pub fn waiting(&self) -> usize {
        self.line.len() + self.aside.len()
    }

    fn head(&self) -> Option<Place> {
        self.line.first_key_value().map(|(place, _)| *place)
    }

    /// When there is room for one in line; `None` if that is when somebody goes out.
    fn opening(&self, place: Place, now: Now) -> Option<Instant> {
        if self.is_full() {
            return None;
        }
        let weight = self.line.get(&place).copied()?;
        match self.limits.opening(weight, now) {
            None => Some(now.mono),
            Some((_, Opening::At(at))) => Some(at),
            // What has no answer is settled when it is spent, and what can never pass does not stand in line.
            Some((_, Opening::AfterAnswer | Opening::Never)) => None,
        }
    }

    fn let_in(&mut self, weight: u32, now: Now) -> bool {
        let room = !self.is_full() && self.limits.opening(weight, now).is_none();
        if room {
            self.limits.spend(weight, now);
            self.inside += u32::from(self.has_places());
        }
        room
    }

    fn is_full(&self) -> bool {
        self.places.is_some_and(|places| self.inside >= places)
    }
}

fn unit(spec: LimitSpec) -> Option<Unit> {
    match spec {
        LimitSpec::Window { unit, .. } | LimitSpec::Bucket { unit, .. } => Some(unit),
        LimitSpec::Concurrency(_) => None,
    }
}

fn with_unit(spec: LimitSpec, unit: Unit) -> LimitSpec {
    match spec {
        LimitSpec::Window { amount, period, kind, .. } => LimitSpec::Window { amount, period, kind, unit },
        LimitSpec::Bucket { amount, period, burst, .. } => LimitSpec::Bucket { amount, period, burst, unit },
        LimitSpec::Concurrency(_) => spec,
    }
}

/// One who writes a limit in code, and not as text, can write zero.
fn at_least_one(spec: LimitSpec) -> LimitSpec {
    match spec {
        LimitSpec::Window { amount, period, kind, unit } => {
            LimitSpec::Window { amount: amount.max(1), period: period.max(Duration::from_millis(1)), kind, unit }
        }
        LimitSpec::Bucket { amount, period, burst, unit } => {
            LimitSpec::Bucket { amount: amount.max(1), period, burst, unit }
        }
        LimitSpec::Concurrency(_) => spec,
    }
}

impl fmt::Display for TooHeavy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = match self.limit {
            LimitSpec::Window { amount, .. } => amount,
            LimitSpec::Bucket { burst, .. } => burst.saturating_add(1),
            LimitSpec::Concurrency(n) => n.into(),
        };
        let Self { weight, limit } = self;
        write!(f, "{weight} at once never pass the limit {limit}, which lets {most} through; ask for less at a time")
    }
}

impl std::error::Error for TooHeavy {}

#[cfg(test)]
mod tests;
