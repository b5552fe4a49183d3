//! So many a window, where windows turn at moments of the wall clock; the last window may count by the share of it that still
//! lies within the period.

use std::time::Duration;

use super::{Opening, Trip};
use crate::time::{Instant, Now, Wall, nanos};

#[derive(Clone, Debug)]
pub(crate) struct Clock {
    amount: u64,
    period: u64,
    offset: u64,
    /// Whether the last window counts by its share.
    weighted: bool,
    /// Number of the window since the epoch.
    number: i64,
    /// Spent in this window, with all that is not answered yet.
    used: u64,
    last: u64,
    /// Spent by attempts that are not answered yet, whatever window they left in.
    pub(super) pending: u64,
    /// Spent by attempts whose answer nobody waited for, so that they may arrive in a later window, and until when.
    late: u64,
    late_until: Instant,
}

impl Clock {
    pub(crate) fn fixed(amount: u64, period: Duration, offset: Duration) -> Self {
        Self::new(amount, period, offset, false)
    }

    pub(crate) fn counter(amount: u64, period: Duration) -> Self {
        Self::new(amount, period, Duration::ZERO, true)
    }

    fn new(amount: u64, period: Duration, offset: Duration, weighted: bool) -> Self {
        let (period, offset) = (nanos(period), nanos(offset));
        Self {
            amount,
            period,
            offset,
            weighted,
            number: 0,
            used: 0,
            last: 0,
            pending: 0,
            late: 0,
            late_until: Instant::ZERO,
        }
    }

    pub(super) fn amount(&self) -> u64 {
        self.amount
    }

    pub(super) fn unspend(&mut self, cost: u64, from: Now, counted: Instant) {
        let (number, into) = self.window(from.wall);
        let ends = from.mono + Duration::from_nanos(self.period - into);
        // What may count in the next window too stays there.
        if number == self.number && counted < ends {
            self.used = self.used.saturating_sub(cost);
        }
    }

    pub(super) fn write(&self, words: &mut Vec<u64>) {
        words.extend([self.number.cast_unsigned(), self.used, self.last, self.late, self.late_until.as_nanos()]);
    }

    pub(super) fn read(&mut self, words: &mut impl Iterator<Item = u64>) -> Option<()> {
        self.number = words.next()?.cast_signed();
        (self.used, self.last, self.late) = (words.next()?, words.next()?, words.next()?);
        self.used.checked_add(self.last)?.checked_add(self.late)?.checked_add(self.amount)?;
        self.late_until = Instant::from_nanos(words.next()?);
        Some(())
    }

    pub(crate) fn opening(&self, cost: u64, now: Now) -> Opening {
        if cost > self.amount {
            return Opening::Never;
        }
        let (_, into) = self.window(now.wall);
        let turned = self.turned(now);
        if turned.used + cost > self.amount {
            // After the turn only what is not answered yet is sure to be carried over.
            return if turned.pending + cost > self.amount {
                Opening::AfterAnswer
            } else {
                Opening::At(now.mono + Duration::from_nanos(self.period - into))
            };
        }
        Opening::At(now.mono + Duration::from_nanos(turned.weight_wait(cost, into)))
    }

    /// How long until the last window's share has shrunk enough.
    fn weight_wait(&self, cost: u64, into: u64) -> u64 {
        let room = self.amount - self.used - cost;
        if !self.weighted || self.last <= room {
            return 0;
        }
        // last * (period - t) / period <= room, solved for t and rounded up.
        let excess = u128::from(self.last - room) * u128::from(self.period);
        let t = excess.div_ceil(u128::from(self.last));
        u64::try_from(t).unwrap_or(u64::MAX).saturating_sub(into)
    }

    pub(crate) fn take(&mut self, cost: u64, now: Now) {
        *self = self.turned(now);
        self.used += cost;
        self.pending += cost;
    }

    /// What is not answered is in `used` too, for every turn carries it over.
    pub(crate) fn refund(&mut self, cost: u64) {
        self.used -= cost;
        self.pending -= cost;
    }

    pub(crate) fn correct(&mut self, estimate: u64, actual: u64) {
        self.used = (self.used + actual).saturating_sub(estimate).max(self.pending);
    }

    pub(crate) fn settle(&mut self, cost: u64, trip: &Trip) {
        // Left in one window and answered in the next: it may count in either.
        *self = self.turned(trip.ended);
        self.pending -= cost;
        let (_, into) = self.window(trip.ended.wall);
        if nanos(trip.arrived.since(trip.ended.mono)) >= self.period - into {
            self.late += cost;
            self.late_until = self.late_until.max(trip.arrived);
        }
    }

    /// The book as it stands now; any other window than ours is a turn, so that a clock that was set back does not hold the
    /// window for ever.
    fn turned(&self, now: Now) -> Self {
        let (number, into) = self.window(now.wall);
        let mut turned = self.clone();
        if number != self.number {
            turned.number = number;
            turned.last = if number == self.number.saturating_add(1) {
                self.used
            } else if self.late_until >= now.mono - Duration::from_nanos(into) - Duration::from_nanos(self.period) {
                self.late
            } else {
                0
            };
            turned.late = if self.late_until < now.mono - Duration::from_nanos(into) { 0 } else { self.late };
            turned.used = turned.pending + turned.late;
        }
        turned
    }

    fn window(&self, wall: Wall) -> (i64, u64) {
        let shifted = i128::from(wall.as_nanos()) - i128::from(self.offset);
        let period = i128::from(self.period);
        let number = i64::try_from(shifted.div_euclid(period)).unwrap_or(i64::MAX);
        (number, u64::try_from(shifted.rem_euclid(period)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Now {
        Now { mono: Instant::from_nanos(millis * 1_000_000), wall: Wall::from_millis(millis.cast_signed()) }
    }

    #[test]
    fn the_amount_is_free_at_the_turn() {
        let mut limit = Clock::fixed(1, Duration::from_secs(1), Duration::ZERO);
        limit.take(1, at(1_200));
        limit.settle(1, &Trip::answered(at(1_210), Duration::ZERO));
        assert_eq!(limit.opening(1, at(1_210)), Opening::At(at(2_000).mono));
        assert_eq!(limit.opening(1, at(2_000)), Opening::At(at(2_000).mono));
    }

    #[test]
    fn what_is_answered_after_the_turn_counts_in_both_windows() {
        let mut limit = Clock::fixed(1, Duration::from_secs(1), Duration::ZERO);
        limit.take(1, at(1_990));
        assert_eq!(limit.opening(1, at(1_990)), Opening::AfterAnswer);
        limit.settle(1, &Trip::answered(at(2_010), Duration::ZERO));
        assert_eq!(limit.opening(1, at(2_010)), Opening::At(at(3_000).mono));
    }

    #[test]
    fn a_counter_weighs_the_last_window() {
        let mut limit = Clock::counter(4, Duration::from_secs(1));
        for _ in 0..4 {
            limit.take(1, at(1_500));
            limit.settle(1, &Trip::answered(at(1_510), Duration::ZERO));
        }
        // 4 * (1 - t) + 1 <= 4 from t = 0.25 on.
        assert_eq!(limit.opening(1, at(2_000)), Opening::At(at(2_250).mono));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_hold_the_window() {
        let mut limit = Clock::fixed(1, Duration::from_secs(1), Duration::ZERO);
        limit.take(1, at(10_200));
        limit.settle(1, &Trip::answered(at(10_210), Duration::ZERO));
        assert_eq!(limit.opening(1, at(3_000)), Opening::At(at(3_000).mono));
    }
    #[test]
    fn a_clock_that_jumps_there_and_back_loses_no_count() {
        let mut limit = Clock::fixed(2, Duration::from_secs(1), Duration::ZERO);
        limit.take(1, at(10_200));
        limit.take(1, at(5_000));
        limit.settle(1, &Trip::answered(at(10_300), Duration::ZERO));
        limit.settle(1, &Trip::answered(at(10_300), Duration::ZERO));
        assert_eq!(limit.opening(1, at(10_300)), Opening::At(at(11_000).mono));
    }

    #[test]
    fn what_stays_unanswered_counts_in_every_window() {
        let mut limit = Clock::fixed(1, Duration::from_secs(1), Duration::ZERO);
        limit.take(1, at(1_200));
        limit.settle(0, &Trip::answered(at(2_500), Duration::ZERO));
        assert_eq!(limit.opening(1, at(5_500)), Opening::AfterAnswer);
        limit.refund(1);
        assert_eq!(limit.opening(1, at(5_500)), Opening::At(at(5_500).mono));
    }
    #[test]
    fn what_may_still_be_on_its_way_counts_in_both_windows() {
        let mut limit = Clock::fixed(1, Duration::from_secs(1), Duration::ZERO);
        limit.take(1, at(1_990));
        limit.settle(1, &Trip { ended: at(1_995), arrived: at(2_005).mono, shortest: Duration::ZERO });
        assert_eq!(limit.opening(1, at(2_000)), Opening::At(at(3_000).mono));
        assert_eq!(limit.opening(1, at(3_000)), Opening::At(at(3_000).mono));
    }
}
