//! Those who want requests done: how many, how many at a time, when and at what cost.

use std::time::Duration;

use super::chance::{secs, unit};
use crate::rng::Rng;

/// A program that has requests to make. By default it wants them all at once and waits for at most eight answers at a time.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(super) requests: u64,
    pub(super) workers: usize,
    arrivals: Arrivals,
    costs: (u32, u32),
    /// Whether the run ends without it.
    pub(super) background: bool,
}

/// When a caller's requests come up, counted from the start of the run.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Arrivals {
    /// All from the start.
    AtOnce,
    /// All from this moment on.
    At(Duration),
    /// One each period.
    Every(Duration),
    /// At random, one a period in the mean.
    Poisson(Duration),
    /// So many together, each period.
    Bursts {
        /// How many together; at least 1.
        size: u64,
        /// From one burst to the next.
        every: Duration,
    },
}

impl Caller {
    /// A caller of so many requests.
    pub const fn new(requests: u64) -> Self {
        Self { requests, workers: 8, arrivals: Arrivals::AtOnce, costs: (1, 1), background: false }
    }

    /// One that sends at random, one a `period` in the mean, for as long as the run lasts.
    pub(super) const fn background(period: Duration) -> Self {
        let endless = Self::new(u64::MAX).workers(usize::MAX).arrivals(Arrivals::Poisson(period));
        Self { background: true, ..endless }
    }

    /// The most requests that it waits for at a time; 8 by default.
    #[must_use]
    pub const fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// When its requests come up.
    #[must_use]
    pub const fn arrivals(mut self, arrivals: Arrivals) -> Self {
        self.arrivals = arrivals;
        self
    }

    /// What its requests cost: drawn between these, both included; 1 by default.
    #[must_use]
    pub const fn costs(mut self, least: u32, most: u32) -> Self {
        self.costs = (least, most);
        self
    }

    /// The moments and costs of its requests, in order. `rng` is a stream of its own.
    pub(super) fn wishes(&self, rng: Rng) -> Wishes {
        Wishes { arrivals: self.arrivals, costs: self.costs, left: self.requests, made: 0, at: Duration::ZERO, rng }
    }
}

/// What a caller wants, one request after the other.
#[derive(Clone, Debug)]
pub(super) struct Wishes {
    arrivals: Arrivals,
    costs: (u32, u32),
    left: u64,
    made: u64,
    at: Duration,
    rng: Rng,
}

/// One request that is wanted from a moment on, counted from the start of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) at: Duration,
    pub(super) cost: u32,
}

impl Iterator for Wishes {
    type Item = Wish;

    fn next(&mut self) -> Option<Wish> {
        self.left = self.left.checked_sub(1)?;
        self.at = match self.arrivals {
            Arrivals::AtOnce => Duration::ZERO,
            Arrivals::At(at) => at,
            Arrivals::Every(_) | Arrivals::Bursts { .. } if self.made == 0 => Duration::ZERO,
            Arrivals::Every(period) => self.at + period,
            // The time between two of a Poisson process.
            Arrivals::Poisson(mean) => self.at + secs(-(1.0 - unit(&mut self.rng)).ln() * mean.as_secs_f64()),
            Arrivals::Bursts { size, every } if self.made.is_multiple_of(size.max(1)) => self.at + every,
            Arrivals::Bursts { .. } => self.at,
        };
        self.made += 1;
        let (least, most) = self.costs;
        let more = self.rng.below(u64::from(most.saturating_sub(least)) + 1);
        let cost = least.saturating_add(u32::try_from(more).unwrap_or(0));
        Some(Wish { at: self.at, cost })
    }
}

#[cfg(test)]
mod tests {
    use super::super::chance::stream;
    use super::*;

    fn moments(arrivals: Arrivals) -> Vec<u64> {
        let caller = Caller::new(5).arrivals(arrivals);
        caller.wishes(stream(1, 1)).map(|wish| wish.at.as_millis() as u64).collect()
    }

    #[test]
    fn requests_come_up_in_their_pattern() {
        let second = Duration::from_secs(1);
        assert_eq!(moments(Arrivals::AtOnce), [0, 0, 0, 0, 0]);
        assert_eq!(moments(Arrivals::At(second)), [1_000, 1_000, 1_000, 1_000, 1_000]);
        assert_eq!(moments(Arrivals::Every(second)), [0, 1_000, 2_000, 3_000, 4_000]);
        assert_eq!(moments(Arrivals::Bursts { size: 2, every: second }), [0, 0, 1_000, 1_000, 2_000]);
    }

    #[test]
    fn poisson_arrivals_have_their_mean() {
        let mut wishes = Caller::background(Duration::from_secs(2)).wishes(stream(7, 1));
        let last = wishes.nth(9_999).unwrap().at.as_secs_f64();
        assert!((19_000.0..21_000.0).contains(&last), "{last}");
    }

    #[test]
    fn costs_stay_between_their_bounds() {
        let costs: Vec<_> = Caller::new(500).costs(3, 6).wishes(stream(3, 1)).map(|wish| wish.cost).collect();
        assert_eq!((costs.iter().min(), costs.iter().max()), (Some(&3), Some(&6)));
    }
}
