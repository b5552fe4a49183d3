//! Judges a sliding window by a log of what was counted: an amount in any period, each place free a period after it was
//! taken.

use std::collections::VecDeque;
use std::time::Duration;

use abide_core::time::Wall;

use super::Rule;

/// A log of the requests of the last period.
#[derive(Debug)]
pub(super) struct SlidingLog {
    amount: u64,
    period: Duration,
    /// When each request came and what it cost, oldest first.
    entries: VecDeque<(Wall, u64)>,
    /// The sum of their costs.
    used: u64,
}

impl SlidingLog {
    pub(super) fn new(amount: u64, period: Duration) -> Self {
        Self { amount, period, entries: VecDeque::new(), used: 0 }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, cost)) = self.entries.pop_front() {
            self.used -= cost;
        }
    }
}

impl Rule for SlidingLog {
    fn advance(&mut self, now: Wall) {
        while self.entries.front().is_some_and(|(at, _)| *at + self.period <= now) {
            self.forget_oldest();
        }
    }

    fn admits(&self, cost: u64, _now: Wall) -> bool {
        self.used.saturating_add(cost) <= self.amount
    }

    fn count(&mut self, cost: u64, now: Wall) {
        // A cost above the amount fills the log as well as the amount does, and keeps the sum far from its end.
        let cost = cost.min(self.amount);
        if cost == 0 {
            return;
        }
        self.entries.push_back((now, cost));
        self.used += cost;
        // Where refused requests count, the log would grow with every one of them. What lies before the entries that
        // fill the limit by themselves has no say: it goes before they do.
        while self.entries.front().is_some_and(|(_, oldest)| self.used - oldest >= self.amount) {
            self.forget_oldest();
        }
    }

    fn opens_in(&self, cost: u64, now: Wall) -> Option<Duration> {
        if self.admits(cost, now) {
            return Some(Duration::ZERO);
        }
        let mut used = self.used;
        self.entries.iter().find_map(|(at, freed)| {
            used -= freed;
            (used.saturating_add(cost) <= self.amount).then(|| (*at + self.period).since(now))
        })
    }

    fn remaining(&self, _now: Wall) -> u64 {
        self.amount.saturating_sub(self.used)
    }

    fn reset(&self, now: Wall) -> Duration {
        self.entries.front().map_or(self.period, |(at, _)| (*at + self.period).since(now))
    }
}
