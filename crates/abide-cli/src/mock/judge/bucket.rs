//! Judges a leaky bucket as nginx's `limit_req` with `burst` and `nodelay` does: a level that drains at the rate, on a
//! clock of whole milliseconds.

use std::time::Duration;

use abide_core::time::Wall;

use super::Rule;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// A bucket that each request fills by its cost.
///
/// Amounts are kept in parts of a request, as many as the period has milliseconds, so that `amount` parts drain each
/// millisecond and no division rounds. At so many a second this is nginx's own unit; at so many a minute nginx first
/// rounds the rate down to thousandths of a request a second, which is not copied.
#[derive(Debug)]
pub(super) struct Bucket {
    amount: u64,
    /// Milliseconds a period, which is also the parts of one request.
    period: u64,
    /// What the bucket holds: the burst, and the request itself.
    capacity: u128,
    level: u128,
    /// When the level was right, in milliseconds since the epoch.
    at: i64,
}

impl Bucket {
    pub(super) fn new(amount: u64, period: Duration, burst: u64) -> Self {
        // Periods are at least a millisecond and at most a year and a day.
        let period = period.as_millis() as u64;
        let capacity = (u128::from(burst) + 1) * u128::from(period);
        Self { amount, period, capacity, level: 0, at: 0 }
    }

    fn parts(&self, cost: u64) -> u128 {
        u128::from(cost) * u128::from(self.period)
    }

    /// How long until `parts` more fit, `None` if they never do.
    fn room_in(&self, parts: u128, now: Wall) -> Option<Duration> {
        let target = self.capacity.checked_sub(parts)?;
        let excess = self.level.saturating_sub(target);
        if excess == 0 {
            return Some(Duration::ZERO);
        }
        let millis = i64::try_from(excess.div_ceil(u128::from(self.amount))).unwrap_or(i64::MAX);
        Some(Wall::from_millis(self.at.saturating_add(millis)).since(now))
    }
}

impl Rule for Bucket {
    fn advance(&mut self, now: Wall) {
        let now = now.as_nanos().div_euclid(NANOS_PER_MILLI);
        let passed = u128::from((now - self.at).unsigned_abs());
        self.level = self.level.saturating_sub(passed * u128::from(self.amount));
        self.at = now;
    }

    fn admits(&self, cost: u64, _now: Wall) -> bool {
        self.level + self.parts(cost) <= self.capacity
    }

    fn count(&mut self, cost: u64, _now: Wall) {
        // nginx itself counts no refused request. Where they are to count, they fill the bucket and do not pile up on
        // it.
        self.level = (self.level + self.parts(cost)).min(self.capacity);
    }

    fn opens_in(&self, cost: u64, now: Wall) -> Option<Duration> {
        self.room_in(self.parts(cost), now)
    }

    fn remaining(&self, _now: Wall) -> u64 {
        let free = (self.capacity - self.level) / u128::from(self.period);
        u64::try_from(free).unwrap_or(u64::MAX)
    }

    fn reset(&self, now: Wall) -> Duration {
        if self.level == 0 {
            return Duration::from_millis(self.period);
        }
        let more = self.parts(self.remaining(now).saturating_add(1));
        self.room_in(more, now).unwrap_or(Duration::from_millis(self.period))
    }
}
