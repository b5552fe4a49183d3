//! Keeps a level that drains at the rate, on a clock that ticks.

use std::time::Duration;

use super::{Rule, Shape};
use crate::time::Wall;

/// The level is in parts of a request, as many as the period has ticks, so that `amount` parts drain a tick and nothing is
/// rounded. At so many a second and ticks of a millisecond this is nginx's own unit.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    level: u128,
    /// The tick at which the level was right.
    at: i64,
}

impl Bucket {
    pub(super) fn advance(&mut self, rule: &Rule, now: Wall) {
        let at = now.as_nanos().div_euclid(tick(rule));
        let drained = u128::from(at.abs_diff(self.at)) * u128::from(rule.amount);
        self.level = self.level.saturating_sub(drained);
        self.at = at;
    }

    pub(super) fn opens_at(&self, rule: &Rule, weight: u64, now: Wall) -> Option<Wall> {
        let room = capacity(rule).checked_sub(parts(rule, weight))?;
        let over = self.level.saturating_sub(room);
        if over == 0 {
            return Some(now);
        }
        let ticks = i64::try_from(over.div_ceil(u128::from(rule.amount))).unwrap_or(i64::MAX);
        Some(Wall::from_nanos(self.at.saturating_add(ticks).saturating_mul(tick(rule))))
    }

    pub(super) fn count(&mut self, rule: &Rule, weight: u64) {
        // Refused requests, where they count, fill the bucket and do not pile up on it.
        self.level = (self.level + parts(rule, weight)).min(capacity(rule).max(self.level));
    }

    /// How long a request of now is held back: until all before it have drained.
    pub(super) fn delay(&self, rule: &Rule) -> Duration {
        match rule.shape {
            Shape::Bucket { delays: true, tick, .. } => {
                let ticks = u64::try_from(self.level.div_ceil(u128::from(rule.amount))).unwrap_or(u64::MAX);
                Duration::from_nanos(ticks.saturating_mul(crate::time::nanos(tick)))
            }
            _ => Duration::ZERO,
        }
    }

    pub(super) fn remaining(&self, rule: &Rule) -> u64 {
        u64::try_from(capacity(rule).saturating_sub(self.level) / parts(rule, 1)).unwrap_or(u64::MAX)
    }
}

/// Nanoseconds a tick; 1 where there is no bucket.
pub(super) fn tick(rule: &Rule) -> i64 {
    match rule.shape {
        Shape::Bucket { tick, .. } => i64::try_from(tick.as_nanos()).unwrap_or(1),
        _ => 1,
    }
}

/// Parts of `weight` requests.
fn parts(rule: &Rule, weight: u64) -> u128 {
    u128::from(weight) * (rule.period.as_nanos() / u128::from(tick(rule).unsigned_abs()))
}

/// The burst, and the request itself.
fn capacity(rule: &Rule) -> u128 {
    match rule.shape {
        Shape::Bucket { burst, .. } => parts(rule, burst + 1),
        _ => 0,
    }
}
