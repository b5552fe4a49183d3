//! The way between the clients and the server.

use std::time::Duration;

use super::chance::{Span, happens, millionths, upto};
use crate::rng::Rng;

/// Latency, loss and reordering of messages, and how long a client's transport waits for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    one_way: Span,
    lost: u64,
    late: u64,
    late_by: Duration,
    pub(super) timeout: Duration,
}

impl Network {
    /// Every message takes this long one way.
    pub const fn latency(one_way: Duration) -> Self {
        let one_way = Span { least: one_way, spread: Duration::ZERO };
        Self { one_way, lost: 0, late: 0, late_by: Duration::ZERO, timeout: Duration::from_secs(30) }
    }

    /// A round trip of this length, both ways alike.
    pub const fn round_trip(trip: Duration) -> Self {
        Self::latency(Duration::from_nanos(trip.as_nanos() as u64 / 2))
    }

    /// Each message takes up to this much longer, so that some overtake others.
    #[must_use]
    pub const fn jitter(mut self, most: Duration) -> Self {
        self.one_way.spread = most;
        self
    }

    /// The share of messages that never arrive. A client is told of a timeout then.
    #[must_use]
    pub fn loses(mut self, share: f64) -> Self {
        self.lost = millionths(share);
        self
    }

    /// The share of messages that come up to this much later, overtaken by those sent after them.
    #[must_use]
    pub fn reorders(mut self, share: f64, by: Duration) -> Self {
        self.late = millionths(share);
        self.late_by = by;
        self
    }

    /// After this long without an answer an attempt fails with [`Failure::Timeout`](crate::event::Failure::Timeout); 30 s by
    /// default.
    #[must_use]
    pub const fn timeout(mut self, after: Duration) -> Self {
        self.timeout = after;
        self
    }

    /// How long one message takes; `None` if it is lost.
    pub(super) fn carry(&self, rng: &mut Rng) -> Option<Duration> {
        if self.lost > 0 && happens(rng, self.lost) {
            return None;
        }
        let mut trip = self.least();
        if !self.one_way.spread.is_zero() {
            trip += upto(rng, self.one_way.spread);
        }
        if self.late > 0 && happens(rng, self.late) {
            trip += upto(rng, self.late_by);
        }
        Some(trip)
    }

    /// The least time one way.
    pub(super) const fn least(&self) -> Duration {
        self.one_way.least
    }
}

impl Default for Network {
    /// Messages arrive at once.
    fn default() -> Self {
        Self::latency(Duration::ZERO)
    }
}
