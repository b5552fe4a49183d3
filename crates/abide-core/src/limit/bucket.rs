//! A steady rate with a burst on top: the generic cell rate algorithm in integer nanoseconds.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Opening, Ticket, Trip};
use crate::time::Instant;

/// Servers count buckets in whole milliseconds (nginx does), so two arrivals may look this much closer than they were.
const SERVER_TICK: Duration = Duration::from_millis(1);

/// The share of the shortest round trip that is taken for a constant delay, in tenths. Only differences between arrivals
/// matter, so a constant delay says nothing; the rest may be jitter.
const CONSTANT_TENTHS: u32 = 8;

#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    /// Time that one unit takes to come back.
    interval: Duration,
    /// How far ahead of a steady pace the bucket may be.
    tolerance: Duration,
    /// How much closer together the server may see two arrivals than they were.
    tick: Duration,
    burst: u64,
    /// The moment at which all that was spent has come back, if every request arrived as late as it can have.
    full_at: Instant,
    /// Units of attempts that may leave and have not. They may all leave at one moment.
    reserved: u64,
    /// All units that ever left, those that were given back included.
    left: u64,
    /// Attempts that are not answered yet.
    pub(super) pending: u32,
    /// What was given back while others were not answered: where in `left` it was, and how much.
    returned: VecDeque<(u64, u64)>,
}

/// More refunds at once than this are forgotten, which errs on the side of waiting.
const RETURNED: usize = 64;

impl Bucket {
    pub(crate) fn new(amount: u64, period: Duration, burst: u64) -> Self {
        let interval = Duration::from_nanos(crate::time::nanos(period).div_ceil(amount));
        Self {
            interval,
            tolerance: times(interval, burst),
            tick: SERVER_TICK,
            burst,
            full_at: Instant::ZERO,
            reserved: 0,
            left: 0,
            pending: 0,
            returned: VecDeque::new(),
        }
    }

    /// Counted here, where time is exact.
    pub(crate) fn exact(self) -> Self {
        Self { tick: Duration::ZERO, ..self }
    }

    /// The most that may leave at once.
    pub(super) fn amount(&self) -> u64 {
        self.burst.saturating_add(1)
    }

    pub(super) fn write(&self, words: &mut Vec<u64>) {
        words.push(self.full_at.as_nanos());
    }

    pub(super) fn read(&mut self, words: &mut impl Iterator<Item = u64>) -> Option<()> {
        self.full_at = Instant::from_nanos(words.next()?);
        self.left = u64::from(self.full_at > Instant::ZERO);
        Some(())
    }

    pub(crate) fn opening(&self, cost: u64) -> Opening {
        if cost > self.burst.saturating_add(1) {
            return Opening::Never;
        }
        let units = self.reserved + cost;
        if units > self.burst.saturating_add(1) {
            return Opening::AfterAnswer;
        }
        if self.left == 0 {
            return Opening::At(Instant::ZERO);
        }
        // The first unit may leave when the bucket is `tolerance` ahead; each further one needs its own interval.
        let ahead = self.full_at + times(self.interval, units.saturating_sub(1));
        Opening::At(ahead - self.tolerance + self.tick)
    }

    pub(crate) fn take(&mut self, cost: u64) {
        self.reserved += cost;
        self.pending += 1;
    }

    /// An attempt leaves, maybe later than it was taken for.
    pub(crate) fn leave(&mut self, ticket: &mut Ticket, cost: u64, now: Instant) {
        *ticket = Ticket { number: self.left, left: true };
        self.reserved -= cost;
        self.spend(cost, now);
    }

    /// Counts what arrives at this moment, for what has no answer.
    pub(crate) fn spend(&mut self, cost: u64, now: Instant) {
        self.left += cost;
        self.full_at = self.full_at.max(now) + times(self.interval, cost);
    }

    pub(crate) fn refund(&mut self, ticket: Ticket, cost: u64) {
        if ticket.left {
            self.full_at = self.full_at - times(self.interval, cost);
            if self.returned.len() == RETURNED {
                self.returned.pop_front();
            }
            self.returned.push_back((ticket.number, cost));
        } else {
            self.reserved -= cost;
        }
        self.end();
    }

    /// A request that arrived late at an idle bucket makes all that follow late: what left from it on comes back from the latest
    /// moment at which it can have arrived.
    pub(crate) fn settle(&mut self, ticket: Ticket, trip: &Trip) {
        let latest = trip.arrived - trip.shortest * CONSTANT_TENTHS / 10;
        let returned: u64 = self.returned.iter().filter(|(at, _)| *at > ticket.number).map(|(_, cost)| cost).sum();
        let since = self.left - ticket.number - returned;
        self.full_at = self.full_at.max(latest + times(self.interval, since));
        self.end();
    }

    /// What was just settled turned out to cost something else.
    pub(crate) fn correct(&mut self, estimate: u64, actual: u64) {
        self.full_at = self.full_at + times(self.interval, actual) - times(self.interval, estimate);
    }

    fn end(&mut self) {
        self.pending -= 1;
        if self.pending == 0 {
            self.returned.clear();
        }
    }
}

fn times(interval: Duration, n: u64) -> Duration {
    Duration::from_nanos(crate::time::nanos(interval).saturating_mul(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Now, Wall};

    const START: u64 = 1_000_000;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos((START + millis) * 1_000_000)
    }

    /// Takes one and leaves at once.
    fn send(bucket: &mut Bucket, now: Instant) -> Ticket {
        let mut ticket = Ticket::default();
        bucket.take(1);
        bucket.leave(&mut ticket, 1, now);
        ticket
    }

    fn trip(answered: Instant) -> Trip {
        Trip::answered(Now { mono: answered, wall: Wall::default() }, Duration::from_millis(10))
    }

    fn opens(bucket: &Bucket, cost: u64, now: Instant) -> Opening {
        match bucket.opening(cost) {
            Opening::At(opening) => Opening::At(opening.max(now)),
            other => other,
        }
    }

    #[test]
    fn one_more_than_the_burst_leaves_at_once_and_then_one_an_interval() {
        let mut bucket = Bucket::new(20, Duration::from_secs(1), 10);
        for _ in 0..10 {
            assert_eq!(opens(&bucket, 1, at(0)), Opening::At(at(0)));
            send(&mut bucket, at(0));
        }
        assert_eq!(opens(&bucket, 1, at(0)), Opening::At(at(0) + SERVER_TICK));
        send(&mut bucket, at(1));
        assert_eq!(opens(&bucket, 1, at(1)), Opening::At(at(50) + SERVER_TICK));
        assert_eq!(opens(&bucket, 12, at(0)), Opening::Never);
    }

    #[test]
    fn a_late_first_arrival_makes_all_that_follow_late() {
        let mut bucket = Bucket::new(20, Duration::from_secs(1), 1);
        let ticket = send(&mut bucket, at(0));
        send(&mut bucket, at(0));
        bucket.settle(ticket, &trip(at(30)));
        // It arrived by +22 ms at the latest; the two are back at +122 ms, and one may leave an interval ahead of that.
        assert_eq!(opens(&bucket, 1, at(30)), Opening::At(at(72) + SERVER_TICK));
    }

    #[test]
    fn what_never_left_is_not_counted() {
        let mut bucket = Bucket::new(1, Duration::from_secs(1), 0);
        let ticket = send(&mut bucket, at(0));
        bucket.refund(ticket, 1);
        assert_eq!(opens(&bucket, 1, at(0)), Opening::At(at(0) + SERVER_TICK));
    }

    #[test]
    fn a_refund_does_not_hide_that_later_ones_arrived_late() {
        let mut bucket = Bucket::new(20, Duration::from_secs(1), 1);
        let never_left = send(&mut bucket, at(0));
        let late = send(&mut bucket, at(0));
        bucket.refund(never_left, 1);
        bucket.settle(late, &trip(at(30)));
        // It arrived by +22 ms and is back at +72 ms, and one may leave an interval ahead of that.
        assert_eq!(opens(&bucket, 1, at(0)), Opening::At(at(22) + SERVER_TICK));
    }

    #[test]
    fn what_leaves_late_makes_the_next_late() {
        let mut bucket = Bucket::new(20, Duration::from_secs(1), 0);
        let mut slow = Ticket::default();
        bucket.take(1);
        assert_eq!(opens(&bucket, 1, at(30)), Opening::AfterAnswer);
        bucket.leave(&mut slow, 1, at(49));
        assert_eq!(opens(&bucket, 1, at(49)), Opening::At(at(99) + SERVER_TICK));
    }

    #[test]
    fn what_may_leave_together_fits_the_burst() {
        let mut bucket = Bucket::new(20, Duration::from_secs(1), 2);
        send(&mut bucket, at(0));
        bucket.take(1);
        assert_eq!(opens(&bucket, 1, at(0)), Opening::At(at(0) + SERVER_TICK));
        bucket.take(1);
        assert_eq!(opens(&bucket, 1, at(500)), Opening::At(at(500)));
        bucket.take(1);
        assert_eq!(opens(&bucket, 1, at(500)), Opening::AfterAnswer);
        bucket.refund(Ticket::default(), 1);
        assert_eq!(opens(&bucket, 1, at(500)), Opening::At(at(500)));
    }
}
