//! Decides whether a request is within the limits: a state, a moment and a cost in, a verdict out.
//!
//! This is the server's side of every kind of limit, written from each rule's definition and apart from the limiters
//! that the client runs: a mistake that both sides shared would never show. There is no clock in here; moments are
//! passed in, and must not go back.

mod bucket;
mod counter;
mod sliding;
mod window;

use std::fmt;
use std::time::Duration;

use abide_core::policy::{LimitSpec, Unit, WindowKind};
use abide_core::time::Wall;

use bucket::Bucket;
use counter::Counter;
use sliding::SlidingLog;
use window::{Start, Window};

/// One limit's book-keeping. `advance` comes before every other call at the same moment.
trait Rule: fmt::Debug + Send {
    /// Forgets what no longer counts.
    fn advance(&mut self, now: Wall);

    /// Whether a request of this cost is within the limit.
    fn admits(&self, cost: u64, now: Wall) -> bool;

    /// Counts a request, accepted or refused.
    fn count(&mut self, cost: u64, now: Wall);

    /// How long until a request of this cost would be accepted if no other came: zero if now, `None` if never.
    fn opens_in(&self, cost: u64, now: Wall) -> Option<Duration>;

    /// How many more of cost 1 would be accepted now.
    fn remaining(&self, now: Wall) -> u64;

    /// How long until more room comes, or the whole period while nothing is counted.
    fn reset(&self, now: Wall) -> Duration;
}

/// What became of a request at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Within every limit, and counted by each.
    Accepted,
    /// Over one limit at least.
    Refused {
        /// How long until the windows and buckets would let the same request pass; `None` if it costs more than they
        /// ever hold. Zero where only requests in flight were too many.
        opens_in: Option<Duration>,
    },
}

/// What one limit would tell a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    /// How many are allowed a period.
    pub(super) amount: u64,
    /// The period.
    pub(super) period: Duration,
    /// How many are left.
    pub(super) remaining: u64,
    /// How long until more room comes.
    pub(super) reset: Duration,
}

#[derive(Debug)]
struct Held {
    rule: Box<dyn Rule>,
    amount: u64,
    period: Duration,
    unit: Unit,
    counts_refused: bool,
}

impl Held {
    fn cost(&self, cost: u64) -> u64 {
        match self.unit {
            Unit::Requests => 1,
            Unit::Cost => cost,
        }
    }

    /// As [`Rule::opens_in`]. What costs nothing passes, even where refused requests have left a limit more than full.
    fn opens_in(&self, cost: u64, now: Wall) -> Option<Duration> {
        match self.cost(cost) {
            0 => Some(Duration::ZERO),
            cost => self.rule.opens_in(cost, now),
        }
    }

    fn admits(&self, cost: u64, now: Wall) -> bool {
        self.cost(cost) == 0 || self.rule.admits(self.cost(cost), now)
    }
}

/// All limits of the server, judged together.
#[derive(Debug)]
pub(super) struct Judge {
    held: Vec<Held>,
    /// The least of the caps on requests in flight.
    slots: Option<u32>,
    in_flight: u32,
}

impl Judge {
    /// A judge over these limits, or the first of them that it has no rule for. `count_refused` lets every one of them
    /// count refused requests too.
    pub(super) fn new(specs: &[LimitSpec], count_refused: bool) -> Result<Self, LimitSpec> {
        let mut judge = Self { held: Vec::with_capacity(specs.len()), slots: None, in_flight: 0 };
        for spec in specs {
            match *spec {
                LimitSpec::Concurrency(n) => judge.slots = Some(judge.slots.map_or(n, |held| held.min(n))),
                LimitSpec::Bucket { amount, period, burst, unit } => {
                    let rule = Box::new(Bucket::new(amount, period, burst));
                    judge.held.push(Held { rule, amount, period, unit, counts_refused: count_refused });
                }
                LimitSpec::Window { amount, period, kind, unit } => {
                    let rule: Box<dyn Rule> = match kind {
                        WindowKind::Fixed => Box::new(Window::new(amount, period, Start::FirstRequest)),
                        WindowKind::Clock { offset } => Box::new(Window::new(amount, period, Start::Clock { offset })),
                        WindowKind::Sliding | WindowKind::Hits => Box::new(SlidingLog::new(amount, period)),
                        WindowKind::Counter => Box::new(Counter::new(amount, period)),
                        _ => return Err(*spec),
                    };
                    let counts_refused = count_refused || kind == WindowKind::Hits;
                    judge.held.push(Held { rule, amount, period, unit, counts_refused });
                }
                _ => return Err(*spec),
            }
        }
        Ok(judge)
    }

    /// Judges a request of this cost that arrives now. It is within all limits or counted by none, but for those that
    /// count refused requests. An accepted request is in flight until [`Judge::leave`].
    pub(super) fn arrive(&mut self, cost: u64, now: Wall) -> Verdict {
        self.held.iter_mut().for_each(|held| held.rule.advance(now));
        let slot = self.slots.is_none_or(|slots| self.in_flight < slots);
        let accepted = slot && self.held.iter().all(|held| held.admits(cost, now));
        for held in self.held.iter_mut().filter(|held| accepted || held.counts_refused) {
            held.rule.count(held.cost(cost), now);
        }
        if accepted {
            self.in_flight += 1;
            return Verdict::Accepted;
        }
        let mut waits = self.held.iter().map(|held| held.opens_in(cost, now));
        Verdict::Refused { opens_in: waits.try_fold(Duration::ZERO, |longest, wait| Some(longest.max(wait?))) }
    }

    /// An accepted request was answered, or its client has gone.
    pub(super) fn leave(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// What each limit on an amount a period has to tell now, in the order in which they were stated. A cap on requests
    /// in flight has no window, so there is nothing to tell.
    pub(super) fn quotas(&mut self, now: Wall) -> impl Iterator<Item = Quota> {
        self.held.iter_mut().map(move |held| {
            held.rule.advance(now);
            Quota {
                amount: held.amount,
                period: held.period,
                remaining: held.rule.remaining(now),
                reset: held.rule.reset(now),
            }
        })
    }
}

#[cfg(test)]
mod tests;
