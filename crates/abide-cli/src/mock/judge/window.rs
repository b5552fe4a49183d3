//! Judges a fixed window: an amount a period, all of it free again when the window ends.

use std::time::Duration;

use abide_core::time::Wall;

use super::Rule;

/// Where windows begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// With the first request that is counted after the last window ended.
    FirstRequest,
    /// At whole multiples of the period since the epoch, moved by `offset`.
    Clock { offset: Duration },
}

impl Start {
    /// When the window that holds `now` begins, if it is not open yet.
    pub(super) fn of_window(self, period: Duration, now: Wall) -> Wall {
        match self {
            Self::FirstRequest => now,
            Self::Clock { offset } => {
                // Periods are at most a year and a day, which is far inside an i64 of nanoseconds.
                let (period, offset) = (period.as_nanos() as i64, offset.as_nanos() as i64);
                Wall::from_nanos(now.as_nanos() - (now.as_nanos() - offset).rem_euclid(period))
            }
        }
    }
}

/// A fixed window of time.
#[derive(Debug)]
pub(super) struct Window {
    amount: u64,
    period: Duration,
    start: Start,
    /// When the open window began.
    open: Option<Wall>,
    used: u64,
}

impl Window {
    pub(super) fn new(amount: u64, period: Duration, start: Start) -> Self {
        Self { amount, period, start, open: None, used: 0 }
    }

    fn ends_in(&self, now: Wall) -> Duration {
        (self.open.unwrap_or_else(|| self.start.of_window(self.period, now)) + self.period).since(now)
    }
}

impl Rule for Window {
    fn advance(&mut self, now: Wall) {
        if self.open.is_some_and(|open| now >= open + self.period) {
            self.open = None;
            self.used = 0;
        }
    }

    fn admits(&self, cost: u64, _now: Wall) -> bool {
        self.used.saturating_add(cost) <= self.amount
    }

    fn count(&mut self, cost: u64, now: Wall) {
        self.open.get_or_insert_with(|| self.start.of_window(self.period, now));
        self.used = self.used.saturating_add(cost);
    }

    fn opens_in(&self, cost: u64, now: Wall) -> Option<Duration> {
        match cost {
            _ if self.admits(cost, now) => Some(Duration::ZERO),
            _ if cost > self.amount => None,
            _ => Some(self.ends_in(now)),
        }
    }

    fn remaining(&self, _now: Wall) -> u64 {
        self.amount.saturating_sub(self.used)
    }

    fn reset(&self, now: Wall) -> Duration {
        self.ends_in(now)
    }
}
