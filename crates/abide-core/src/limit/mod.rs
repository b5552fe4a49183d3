//! The limits that the user told: when the next attempt may leave, and what each attempt spends.
//!
//! A limit is counted by the server when a request arrives there, which is some time between its leaving and its answer. Each
//! limit here takes the moment in that interval that makes the next attempt later: a place is free again one period after the
//! *answer*.

mod bucket;
mod clock;
mod fixed;
pub(crate) mod pause;
pub(crate) mod quota;
mod sliding;
mod stack;

pub(crate) use stack::{Permit, Stack};

use bucket::Bucket;
use clock::Clock;
use fixed::Fixed;
use sliding::Sliding;

use std::time::Duration;

use crate::policy::{LimitSpec, Unit, WindowKind};
use crate::time::{Instant, Now};

/// When a limit has room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// At this moment; at once if it has passed.
    At(Instant),
    /// Not before some attempt that was let through has left or is answered.
    AfterAnswer,
    /// Never: the limit is smaller than the cost.
    Never,
}

/// What an attempt spent of one limit, as far as the limit has to know it again at the answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ticket {
    /// Its number, in the limit's own way of counting.
    number: u64,
    /// Whether the attempt has left.
    left: bool,
}

/// One limit's book.
#[derive(Clone, Debug)]
pub(crate) enum Limit {
    Sliding(Sliding),
    Fixed(Fixed),
    Clock(Clock),
    Bucket(Bucket),
}

impl Limit {
    /// `None` for a cap on attempts in flight, which is kept with the slots.
    pub(crate) fn new(spec: LimitSpec) -> Option<Self> {
        Some(match spec {
            LimitSpec::Concurrency(_) => return None,
            LimitSpec::Bucket { amount, period, burst, .. } => Self::Bucket(Bucket::new(amount, period, burst)),
            LimitSpec::Window { amount, period, kind, .. } => match kind {
                WindowKind::Sliding | WindowKind::Hits => Self::Sliding(Sliding::new(amount, period)),
                WindowKind::Fixed => Self::Fixed(Fixed::new(amount, period)),
                WindowKind::Clock { offset } => Self::Clock(Clock::fixed(amount, period, offset)),
                WindowKind::Counter => Self::Clock(Clock::counter(amount, period)),
            },
        })
    }

    /// Counted here and not by a server far away.
    fn exact(self) -> Self {
        match self {
            Self::Bucket(limit) => Self::Bucket(limit.exact()),
            other => other,
        }
    }

    pub(crate) fn opening(&self, cost: u64, now: Now) -> Opening {
        match self {
            Self::Sliding(limit) => limit.opening(cost, now.mono),
            Self::Fixed(limit) => limit.opening(cost, now.mono),
            Self::Clock(limit) => limit.opening(cost, now),
            Self::Bucket(limit) => limit.opening(cost),
        }
    }

    pub(crate) fn take(&mut self, cost: u64, now: Now) -> Ticket {
        match self {
            Self::Fixed(limit) => limit.take(cost, now.mono),
            Self::Bucket(limit) => {
                limit.take(cost);
                Ticket::default()
            }
            Self::Sliding(limit) => {
                limit.take(cost, now.mono);
                Ticket::default()
            }
            Self::Clock(limit) => {
                limit.take(cost, now);
                Ticket::default()
            }
        }
    }

    /// Counts what leaves and arrives at this moment, for what has no answer.
    fn spend(&mut self, cost: u64, now: Now) {
        if let Self::Bucket(limit) = self {
            limit.spend(cost, now.mono);
        } else {
            let ticket = self.take(cost, now);
            self.settle(ticket, cost, &Trip::answered(now, Duration::ZERO));
        }
    }

    /// Spends all that there is at this moment.
    fn exhaust(&mut self, now: Now) {
        let all = match self {
            Self::Sliding(limit) => limit.amount(),
            Self::Fixed(limit) => limit.amount(),
            Self::Clock(limit) => limit.amount(),
            Self::Bucket(limit) => limit.amount(),
        };
        self.spend(all, now);
    }

    /// What was spent from `from` on, and counted then, was not used after all. Where that can't be found any more it stays spent.
    fn unspend(&mut self, cost: u64, from: Now, counted: Instant) {
        match self {
            Self::Sliding(limit) => limit.unspend(cost, counted),
            // What opened its window is not known.
            Self::Fixed(_) => {}
            Self::Clock(limit) => limit.unspend(cost, from, counted),
            Self::Bucket(limit) => limit.correct(cost, 0),
        }
    }

    /// Adds its book to these words. Nothing may wait for an answer.
    fn write(&self, words: &mut Vec<u64>) {
        match self {
            Self::Sliding(limit) => limit.write(words),
            Self::Fixed(limit) => limit.write(words),
            Self::Clock(limit) => limit.write(words),
            Self::Bucket(limit) => limit.write(words),
        }
    }

    /// Takes its book from these words. `None` if they can't be one.
    fn read(&mut self, words: &mut impl Iterator<Item = u64>) -> Option<()> {
        match self {
            Self::Sliding(limit) => limit.read(words),
            Self::Fixed(limit) => limit.read(words),
            Self::Clock(limit) => limit.read(words),
            Self::Bucket(limit) => limit.read(words),
        }
    }

    /// An attempt leaves, some time after its take.
    pub(crate) fn leave(&mut self, ticket: &mut Ticket, cost: u64, now: Now) {
        if let Self::Bucket(limit) = self {
            limit.leave(ticket, cost, now.mono);
        }
    }

    #[cfg(debug_assertions)]
    pub(crate) fn pending(&self) -> u64 {
        match self {
            Self::Sliding(limit) => limit.pending,
            Self::Fixed(limit) => limit.pending,
            Self::Clock(limit) => limit.pending,
            Self::Bucket(limit) => u64::from(limit.pending),
        }
    }

    /// Undoes a take whose attempt never left.
    pub(crate) fn refund(&mut self, ticket: Ticket, cost: u64) {
        match self {
            Self::Sliding(limit) => limit.refund(cost),
            Self::Fixed(limit) => limit.refund(cost),
            Self::Clock(limit) => limit.refund(cost),
            Self::Bucket(limit) => limit.refund(ticket, cost),
        }
    }

    /// An attempt was answered, or nobody waits for its answer any more.
    pub(crate) fn settle(&mut self, ticket: Ticket, cost: u64, trip: &Trip) {
        match self {
            Self::Sliding(limit) => limit.settle(cost, trip.arrived),
            Self::Fixed(limit) => limit.settle(ticket, cost, trip.arrived),
            Self::Clock(limit) => limit.settle(cost, trip),
            Self::Bucket(limit) => limit.settle(ticket, trip),
        }
    }

    /// What was just settled turned out to cost something else.
    pub(crate) fn correct(&mut self, estimate: u64, actual: u64) {
        match self {
            Self::Sliding(limit) => limit.correct(estimate, actual),
            Self::Fixed(limit) => limit.correct(estimate, actual),
            Self::Clock(limit) => limit.correct(estimate, actual),
            Self::Bucket(limit) => limit.correct(estimate, actual),
        }
    }
}

/// The way of one attempt there and back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trip {
    /// When its answer came, or nobody waited for it any more.
    pub(crate) ended: Now,
    /// The latest moment at which the server can have counted it: the answer, or later where none was waited for.
    pub(crate) arrived: Instant,
    /// The shortest round trip seen to this origin; as much as this of any trip tells nothing about when it arrived.
    pub(crate) shortest: Duration,
}

impl Trip {
    /// The way of an attempt that was answered.
    pub(crate) fn answered(now: Now, shortest: Duration) -> Self {
        Self { ended: now, arrived: now.mono, shortest }
    }
}

/// What one attempt of a call spends of a limit.
pub(crate) fn cost_in(spec: LimitSpec, cost: u32) -> u64 {
    let unit = match spec {
        LimitSpec::Window { unit, .. } | LimitSpec::Bucket { unit, .. } => unit,
        LimitSpec::Concurrency(_) => Unit::Requests,
    };
    match unit {
        Unit::Requests => 1,
        Unit::Cost => u64::from(cost),
    }
}
