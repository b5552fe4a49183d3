//! Keeps a log of what was counted in the last period.

use std::collections::VecDeque;

use super::Rule;
use crate::time::Wall;

#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// When each request came and what it weighed, oldest first.
    lines: VecDeque<(Wall, u64)>,
    /// The sum of their weights.
    used: u64,
}

impl Log {
    pub(super) fn advance(&mut self, rule: &Rule, now: Wall) {
        while self.lines.front().is_some_and(|(at, _)| *at + rule.period <= now) {
            self.drop_oldest();
        }
    }

    pub(super) fn opens_at(&self, rule: &Rule, weight: u64, now: Wall) -> Option<Wall> {
        let mut over = self.used.saturating_add(weight).saturating_sub(rule.amount);
        if over == 0 {
            return Some(now);
        }
        self.lines.iter().find_map(|(at, freed)| {
            over = over.saturating_sub(*freed);
            (over == 0).then(|| *at + rule.period)
        })
    }

    pub(super) fn count(&mut self, rule: &Rule, weight: u64, now: Wall) {
        // What weighs more than the whole amount fills the log as well as the amount does.
        let weight = weight.min(rule.amount);
        self.lines.push_back((now, weight));
        self.used += weight;
        // Where refused requests count, the log would grow with each of them. A line has no say any more once those after
        // it fill the amount: they outlive it.
        while self.lines.front().is_some_and(|(_, oldest)| self.used - oldest >= rule.amount) {
            self.drop_oldest();
        }
    }

    pub(super) fn remaining(&self, rule: &Rule) -> u64 {
        rule.amount.saturating_sub(self.used)
    }

    fn drop_oldest(&mut self) {
        if let Some((_, weight)) = self.lines.pop_front() {
            self.used -= weight;
        }
    }
}
