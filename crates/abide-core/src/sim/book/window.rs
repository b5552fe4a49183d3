//! Counts in windows, which begin with a request or on the clock.

use super::{Rule, Shape};
use crate::time::{Offset, Wall};

#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// When the current window began; `None` before the first request of a window that begins with one.
    open: Option<Wall>,
    used: u64,
}

impl Window {
    pub(super) fn advance(&mut self, rule: &Rule, now: Wall) {
        if self.open.is_none_or(|open| open + rule.period > now) {
            return;
        }
        self.open = None;
        self.used = 0;
    }

    pub(super) fn opens_at(&self, rule: &Rule, weight: u64, now: Wall) -> Option<Wall> {
        match weight {
            _ if weight > rule.amount => None,
            _ if self.used.saturating_add(weight) <= rule.amount => Some(now),
            _ => Some(self.ends(rule, now)),
        }
    }

    pub(super) fn count(&mut self, rule: &Rule, weight: u64, now: Wall) {
        self.open.get_or_insert_with(|| start(rule, now));
        self.used = self.used.saturating_add(weight);
    }

    pub(super) fn remaining(&self, rule: &Rule) -> u64 {
        rule.amount.saturating_sub(self.used)
    }

    pub(super) fn ends(&self, rule: &Rule, now: Wall) -> Wall {
        self.open.unwrap_or_else(|| start(rule, now)) + rule.period
    }
}

/// When the window began that a request of now falls into.
pub(super) fn start(rule: &Rule, now: Wall) -> Wall {
    let Shape::Clock { offset } = rule.shape else { return now };
    on_clock(rule, i64::try_from(offset.as_nanos()).unwrap_or(0), now)
}

/// The last whole multiple of the period, shifted by an offset.
pub(super) fn on_clock(rule: &Rule, offset: i64, now: Wall) -> Wall {
    let period = i64::try_from(rule.period.as_nanos()).unwrap_or(i64::MAX);
    now - Offset::from_nanos((now.as_nanos() - offset).rem_euclid(period))
}
