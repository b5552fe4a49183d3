//! Judges a sliding-window counter: this window's count, plus the last one's weighted by how much of it is still in
//! sight.

use std::time::Duration;

use abide_core::time::Wall;

use super::Rule;
use super::window::Start;

/// Counts of two windows on the clock.
#[derive(Debug)]
pub(super) struct Counter {
    amount: u64,
    period: Duration,
    /// When the current window began.
    open: Wall,
    current: u64,
    previous: u64,
}

impl Counter {
    pub(super) fn new(amount: u64, period: Duration) -> Self {
        Self { amount, period, open: Wall::default(), current: 0, previous: 0 }
    }

    fn window(&self, now: Wall) -> Wall {
        Start::Clock { offset: Duration::ZERO }.of_window(self.period, now)
    }

    /// The estimate of what the last period saw, in units of one request each nanosecond of the period, so that it is
    /// exact.
    fn estimate(&self, now: Wall) -> u128 {
        let left = self.period.saturating_sub(now.since(self.open));
        u128::from(self.previous) * left.as_nanos() + u128::from(self.current) * self.period.as_nanos()
    }

    fn capacity(&self) -> u128 {
        u128::from(self.amount) * self.period.as_nanos()
    }

    /// How long from a window's begin until its weighted predecessor, `previous`, leaves room for `cost` beside
    /// `current`.
    fn room_after(&self, previous: u64, current: u64, cost: u64) -> Option<Duration> {
        let free = self.amount.checked_sub(current.checked_add(cost)?)?;
        let period = self.period.as_nanos();
        let in_sight = match previous {
            0 => period,
            _ => (u128::from(free) * period / u128::from(previous)).min(period),
        };
        // At most one period, which fits.
        u64::try_from(period - in_sight).ok().map(Duration::from_nanos)
    }
}

impl Rule for Counter {
    fn advance(&mut self, now: Wall) {
        let window = self.window(now);
        if window == self.open {
            return;
        }
        self.previous = if window == self.open + self.period { self.current } else { 0 };
        self.current = 0;
        self.open = window;
    }

    fn admits(&self, cost: u64, now: Wall) -> bool {
        self.estimate(now) + u128::from(cost) * self.period.as_nanos() <= self.capacity()
    }

    fn count(&mut self, cost: u64, _now: Wall) {
        self.current = self.current.saturating_add(cost);
    }

    fn opens_in(&self, cost: u64, now: Wall) -> Option<Duration> {
        let here = self.room_after(self.previous, self.current, cost).map(|after| (self.open + after).since(now));
        let next = || {
            let after = self.room_after(self.current, 0, cost)?;
            Some((self.open + self.period + after).since(now))
        };
        here.or_else(next)
    }

    fn remaining(&self, now: Wall) -> u64 {
        let free = self.capacity().saturating_sub(self.estimate(now)) / self.period.as_nanos();
        u64::try_from(free).unwrap_or(u64::MAX)
    }

    fn reset(&self, now: Wall) -> Duration {
        if self.estimate(now) == 0 {
            return self.period;
        }
        let more = self.remaining(now).saturating_add(1);
        self.opens_in(more, now).unwrap_or(self.period)
    }
}
