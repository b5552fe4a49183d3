//! The quotas that the server named: what is left of each, and when it starts anew.

mod reach;

use std::time::Duration;

use super::Opening;
use crate::headers;
use crate::policy::Share;
use crate::route::Route;
use crate::time::{Instant, nanos};
use reach::{Reach, Set};

/// Two readings of one reset differ by less than this: most servers send whole seconds.
const RESET_TOLERANCE: Duration = Duration::from_millis(1_500);

/// All quotas of one key, and which routes draw on which.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quotas {
    all: Vec<Quota>,
    reach: Reach,
    share: Share,
}

#[derive(Clone, Debug)]
struct Quota {
    name: Option<String>,
    limit: Option<u64>,
    /// Left after every answer so far; attempts without an answer are not in it.
    remaining: u64,
    /// Spent by attempts without an answer: it may or may not be counted in `remaining`.
    claimed: u64,
    /// When the window ends; `None` once it has and no answer told of the next.
    reset: Option<Instant>,
    /// When the answer came that `remaining` rests on. Only what left after it can raise it.
    as_of: Instant,
    /// The most that ever was left, and the longest that a window had still to go.
    most: u64,
    length: Duration,
}

/// What an attempt without an answer may have spent, and of which quotas.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Claim {
    places: Set,
    cost: u64,
}

impl Quotas {
    /// Quotas that are used to this share.
    pub(crate) fn new(share: Share) -> Self {
        Self { share, ..Self::default() }
    }

    /// The quota that opens last for `cost` more on a route, with its size.
    pub(crate) fn opening(&self, route: &Route, cost: u64, now: Instant) -> Option<(Option<u64>, Opening)> {
        if self.all.is_empty() {
            return None;
        }
        let places = self.reach.of(route);
        self.all
            .iter()
            .enumerate()
            .filter(|(place, _)| places.contains(*place))
            .filter_map(|(_, quota)| Some((quota.limit, quota.opening(cost, self.share, now)?)))
            .max_by_key(|(_, opening)| match opening {
                Opening::At(at) => (0, *at),
                Opening::AfterAnswer | Opening::Never => (1, Instant::ZERO),
            })
    }

    /// The quota of a route with the longest time to the next attempt, where what is left is spread evenly after one of this cost
    /// that left at `last`, and that time.
    pub(crate) fn interval(
        &self,
        route: &Route,
        cost: u64,
        last: Instant,
        now: Instant,
    ) -> Option<(Option<u64>, Duration)> {
        if self.all.is_empty() {
            return None;
        }
        let places = self.reach.of(route);
        let drawn = self.all.iter().enumerate().filter(|(place, _)| places.contains(*place));
        let intervals =
            drawn.filter_map(|(_, quota)| Some((quota.limit, quota.interval(cost, self.share, last, now)?)));
        intervals.max_by_key(|(_, interval)| *interval)
    }

    /// Whether something that a route draws on is none of another route's business.
    pub(crate) fn divides(&self, route: &Route) -> bool {
        self.reach.divides(route)
    }

    /// An attempt leaves.
    pub(crate) fn take(&mut self, route: &Route, cost: u64) -> Claim {
        let claim = Claim { places: if self.all.is_empty() { Set::default() } else { self.reach.of(route) }, cost };
        self.claimed(claim).for_each(|quota| quota.claimed += claim.cost);
        claim
    }

    /// An attempt was answered, is lost, or never left.
    pub(crate) fn release(&mut self, claim: Claim) {
        self.claimed(claim).for_each(|quota| quota.claimed = quota.claimed.saturating_sub(claim.cost));
    }

    fn claimed(&mut self, claim: Claim) -> impl Iterator<Item = &mut Quota> {
        let all = self.all.iter_mut().enumerate();
        all.filter(move |(place, _)| claim.places.contains(*place)).map(|(_, quota)| quota)
    }

    /// An answer came to an attempt that left at `sent`, whose claim has been released.
    pub(crate) fn on_answer(
        &mut self,
        route: &Route,
        claim: Claim,
        said: &[headers::Quota],
        sent: Instant,
        now: Instant,
    ) {
        let mut named = Set::default();
        for said in said {
            let Some(remaining) = said.remaining else { continue };
            let reset = said.reset.filter(|reset| !reset.is_zero()).map(|reset| now + reset);
            match self.all.iter_mut().position(|quota| quota.name == said.name && quota.is_of(said.limit)) {
                Some(place) => {
                    self.all[place].on_said(said.limit, remaining, reset, said.rolling, sent, now);
                    named.insert(place);
                }
                None => named.insert(self.add(said, remaining, reset, now)),
            }
        }
        if named == Set::default() {
            // The answer of a proxy, say: it was counted all the same.
            self.claimed(claim).for_each(|quota| quota.remaining = quota.remaining.saturating_sub(claim.cost));
        } else {
            self.reach.note(route, named);
        }
    }

    /// A quota that was not known; it takes the place of the one that was not heard of for longest if there are too many.
    fn add(&mut self, said: &headers::Quota, remaining: u64, reset: Option<Instant>, now: Instant) -> usize {
        let length = reset.map(|reset| reset.since(now)).unwrap_or_default();
        let (name, limit) = (said.name.clone(), said.limit);
        let quota = Quota { name, limit, remaining, claimed: 0, reset, as_of: now, most: remaining, length };
        let place = if self.all.len() < Set::SIZE {
            self.all.push(quota);
            self.all.len() - 1
        } else {
            let oldest = (0..self.all.len()).min_by_key(|place| self.all[*place].as_of).unwrap_or(0);
            self.all[oldest] = quota;
            oldest
        };
        self.reach.replace(place, said.named);
        place
    }

    /// The server refused an attempt for an empty quota: nothing that draws on it leaves before `until`. Returns whether there is
    /// such a quota that is not everybody's, so that this explains the refusal and the others need not wait.
    pub(crate) fn hold(&mut self, route: &Route, wait: Option<Instant>, now: Instant) -> bool {
        let places = self.reach.of(route);
        if !self.reach.divides(route) {
            return false;
        }
        let empty = self.all.iter_mut().enumerate().filter(|(place, quota)| {
            places.contains(*place) && quota.remaining == 0 && quota.reset.max(wait).is_some_and(|until| until > now)
        });
        let mut held = false;
        for (_, quota) in empty {
            quota.reset = quota.reset.max(wait);
            held = true;
        }
        held
    }

    /// Size and name of each quota whose size was said.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (u64, Option<&str>)> {
        self.all.iter().filter_map(|quota| Some((quota.limit?, quota.name.as_deref())))
    }

    /// The moment at which the window of an empty quota ends, if one is empty.
    pub(crate) fn empty_until(&self, now: Instant) -> Option<Instant> {
        self.all
            .iter()
            .filter(|quota| quota.remaining == 0)
            .filter_map(|quota| quota.reset)
            .filter(|at| *at > now)
            .max()
    }

    /// Turns the windows that have ended.
    pub(crate) fn turn(&mut self, now: Instant) {
        for quota in &mut self.all {
            if quota.reset.is_some_and(|reset| reset <= now) {
                quota.reset = None;
                quota.remaining = quota.limit.unwrap_or(u64::MAX);
                quota.as_of = now;
            }
        }
    }
}

impl Quota {
    /// Two quotas without a name of their own are told apart by their size: many APIs have one a route.
    fn is_of(&self, limit: Option<u64>) -> bool {
        self.limit.is_none() || limit.is_none() || self.limit == limit
    }

    /// What is left for us where only a share is used: at least one of every window.
    fn spare(&self, share: Share) -> u64 {
        let all = self.limit.unwrap_or(self.most);
        self.remaining.saturating_sub(all - share.of(all).max(1).min(all))
    }

    fn interval(&self, cost: u64, share: Share, last: Instant, now: Instant) -> Option<Duration> {
        let (time, parts) = match self.reset.filter(|reset| *reset > now) {
            Some(reset) => (reset.since(last), self.spare(share).saturating_sub(self.claimed).saturating_add(1)),
            // No answer told of the window that has begun: it goes as the last one did.
            None => (self.length, share.of(self.limit?).max(1)),
        };
        let nanos = u128::from(nanos(time)) * u128::from(cost) / u128::from(parts);
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    fn opening(&self, cost: u64, share: Share, now: Instant) -> Option<Opening> {
        let reset = self.reset.filter(|reset| *reset > now)?;
        let spare = self.spare(share);
        if spare >= self.claimed.saturating_add(cost) {
            return None;
        }
        // Those without an answer may have been counted in `remaining`: their answers will tell, if there is enough for one more.
        Some(if spare >= cost && self.claimed > 0 { Opening::AfterAnswer } else { Opening::At(reset) })
    }

    fn on_said(
        &mut self,
        limit: Option<u64>,
        remaining: u64,
        reset: Option<Instant>,
        rolling: bool,
        sent: Instant,
        now: Instant,
    ) {
        self.limit = limit.or(self.limit);
        self.most = self.most.max(remaining);
        self.length = self.length.max(reset.map(|reset| reset.since(now)).unwrap_or_default());
        let newer = sent >= self.as_of;
        match (self.reset, reset) {
            (Some(known), Some(said)) if said > known + RESET_TOLERANCE => {
                // The server has begun a new window, whatever we thought of the old one.
                (self.remaining, self.reset, self.as_of) = (remaining, reset, now);
            }
            (Some(known), Some(said)) if known > said + RESET_TOLERANCE => {
                if newer {
                    (self.remaining, self.reset, self.as_of) = (remaining, reset, now);
                }
            }
            (known, said) => {
                if newer || known.is_none() && said.is_some() && self.remaining == u64::MAX {
                    self.remaining = remaining;
                } else {
                    self.remaining = self.remaining.min(remaining);
                }
                self.as_of = now;
                self.reset = match (known, said) {
                    // A window that rolls is free a whole distance after the last answer, and not before.
                    (Some(known), Some(said)) if rolling => Some(known.max(said)),
                    // Whole seconds are rounded up, so the earliest reading is the nearest one.
                    (Some(known), Some(said)) => Some(known.min(said)),
                    (known, said) => said.or(known),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn said(remaining: u64, reset_secs: u64) -> Vec<headers::Quota> {
        vec![headers::Quota {
            limit: Some(50),
            remaining: Some(remaining),
            reset: Some(Duration::from_secs(reset_secs)),
            ..headers::Quota::default()
        }]
    }

    /// An answer to a call of cost 1 on one route.
    fn answer(quotas: &mut Quotas, said: &[headers::Quota], sent: u64, now: u64) {
        let claim = quotas.take(&Route::default(), 1);
        quotas.release(claim);
        quotas.on_answer(&Route::default(), claim, said, at(sent), at(now));
    }

    fn opening(quotas: &Quotas, cost: u64, now: u64) -> Option<(Option<u64>, Opening)> {
        quotas.opening(&Route::default(), cost, at(now))
    }

    #[test]
    fn what_is_not_answered_may_be_counted_already() {
        let mut quotas = Quotas::default();
        answer(&mut quotas, &said(5, 5), 0, 10);
        let claims: Vec<Claim> = (0..4).map(|_| quotas.take(&Route::default(), 1)).collect();
        assert_eq!(opening(&quotas, 1, 10), None);
        quotas.take(&Route::default(), 1);
        assert_eq!(opening(&quotas, 1, 10), Some((Some(50), Opening::AfterAnswer)));
        claims.into_iter().for_each(|claim| quotas.release(claim));
        assert_eq!(opening(&quotas, 4, 10), None);
    }

    #[test]
    fn a_route_is_held_back_only_by_what_it_draws_on() {
        let named = |name: &str, remaining| {
            let quota = said(remaining, 60).remove(0);
            vec![headers::Quota { name: Some(name.to_owned()), named: true, ..quota }]
        };
        let (search, core) = (Route::of_path("/search/code"), Route::of_path("/repos/a"));
        let mut quotas = Quotas::default();
        quotas.on_answer(&search, Claim::default(), &named("search", 0), at(0), at(10));
        quotas.on_answer(&core, Claim::default(), &named("core", 40), at(0), at(10));
        assert!(quotas.opening(&search, 1, at(20)).is_some());
        assert!(quotas.opening(&Route::of_path("/search/users"), 1, at(20)).is_some());
        assert_eq!(quotas.opening(&core, 1, at(20)), None);
        assert_eq!(quotas.opening(&Route::of_path("/users/x"), 1, at(20)), None);
    }

    #[test]
    fn a_window_that_rolls_is_free_a_whole_distance_after_the_last_answer() {
        let rolling = |remaining| vec![headers::Quota { rolling: true, ..said(remaining, 58).remove(0) }];
        let mut quotas = Quotas::default();
        answer(&mut quotas, &rolling(1), 0, 10);
        answer(&mut quotas, &rolling(0), 900, 1_000);
        quotas.turn(at(58_500));
        assert_eq!(opening(&quotas, 1, 58_500), Some((Some(50), Opening::At(at(59_000)))));
    }

    #[test]
    fn quotas_beyond_the_last_place_take_that_of_the_oldest() {
        let mut quotas = Quotas::default();
        for i in 0..200 {
            let quota = headers::Quota { name: Some(format!("q{i}")), ..said(0, 60).remove(0) };
            quotas.on_answer(
                &Route::of_path(&format!("/r{}x", "y".repeat(i))),
                Claim::default(),
                &[quota],
                at(0),
                at(i as u64),
            );
        }
        assert_eq!(quotas.all.len(), Set::SIZE);
    }

    #[test]
    fn an_empty_quota_opens_at_its_earliest_reset() {
        let mut quotas = Quotas::default();
        answer(&mut quotas, &said(1, 5), 0, 10);
        answer(&mut quotas, &said(0, 5), 100, 900);
        assert_eq!(opening(&quotas, 1, 900), Some((Some(50), Opening::At(at(5_010)))));
        quotas.turn(at(5_010));
        assert_eq!(opening(&quotas, 50, 5_010), None);
    }

    #[test]
    fn answers_out_of_order_never_raise_what_is_left() {
        let mut quotas = Quotas::default();
        answer(&mut quotas, &said(41, 5), 0, 10);
        answer(&mut quotas, &said(42, 5), 1, 11);
        assert_eq!(opening(&quotas, 41, 11), None);
        assert!(opening(&quotas, 42, 11).is_some());
    }

    #[test]
    fn a_later_reset_is_a_new_window() {
        let mut quotas = Quotas::default();
        answer(&mut quotas, &said(0, 5), 0, 10);
        answer(&mut quotas, &said(49, 5), 4_000, 4_010);
        assert_eq!(opening(&quotas, 49, 4_010), None);
    }

    #[test]
    fn an_answer_without_fields_still_spends() {
        let mut quotas = Quotas::default();
        answer(&mut quotas, &said(2, 5), 0, 10);
        answer(&mut quotas, &[], 20, 30);
        assert_eq!(opening(&quotas, 1, 30), None);
        assert!(opening(&quotas, 2, 30).is_some());
    }
}
