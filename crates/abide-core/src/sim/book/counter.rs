//! Counts in windows on the clock, and adds the window before by its share of the last period.

use std::time::Duration;

use super::Rule;
use super::window::on_clock;
use crate::time::Wall;

#[derive(Clone, Debug, Default)]
pub(super) struct Counter {
    /// When the current window began.
    open: Wall,
    current: u64,
    previous: u64,
}

impl Counter {
    pub(super) fn advance(&mut self, rule: &Rule, now: Wall) {
        let open = on_clock(rule, 0, now);
        if open == self.open {
            return;
        }
        self.previous = if open == self.open + rule.period { self.current } else { 0 };
        self.current = 0;
        self.open = open;
    }

    pub(super) fn opens_at(&self, rule: &Rule, weight: u64, now: Wall) -> Option<Wall> {
        let turn = self.open + rule.period;
        let here = opens_after(rule, self.previous, self.current, weight).map(|after| self.open + after);
        let here = here.map(|at| at.max(now)).filter(|at| *at < turn);
        // In the next window this one weighs on it; in the one after that nothing does.
        let next = || opens_after(rule, self.current, 0, weight).map(|after| turn + after);
        here.or_else(next)
    }

    pub(super) fn count(&mut self, weight: u64) {
        self.current = self.current.saturating_add(weight);
    }

    pub(super) fn remaining(&self, rule: &Rule, now: Wall) -> u64 {
        let period = rule.period.as_nanos();
        let in_sight = period - now.since(self.open).as_nanos().min(period);
        // The estimate is rounded up, for a part of a request takes the room of one.
        let used = (u128::from(self.previous) * in_sight).div_ceil(period) + u128::from(self.current);
        u64::try_from(u128::from(rule.amount).saturating_sub(used)).unwrap_or(0)
    }
}

/// How long after a window's begin the window before it, by its share, leaves room for `weight` beside `current`. At most one
/// period; `None` if it never does.
fn opens_after(rule: &Rule, previous: u64, current: u64, weight: u64) -> Option<Duration> {
    let free = rule.amount.checked_sub(current.checked_add(weight)?)?;
    let period = rule.period.as_nanos();
    let in_sight = match previous {
        0 => period,
        _ => (u128::from(free) * period / u128::from(previous)).min(period),
    };
    u64::try_from(period - in_sight).ok().map(Duration::from_nanos)
}
