//! Round trips to the origin, as far as they say when an attempt arrived.

use std::time::Duration;

use crate::limit::Opening;
use crate::time::Instant;

/// A round trip before any was seen.
const UNKNOWN_TRIP: Duration = Duration::from_secs(1);

/// Round trips to the origin.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trips {
    /// When the first attempt left of which nothing is known yet, and whether one has come to an end.
    first_left: Option<Instant>,
    has_ended: bool,
    answers: u32,
    shortest: Option<Duration>,
    usual: Duration,
}

/// As many trips may each have made a connection.
const FEW: u32 = 16;

impl Trips {
    pub(crate) fn on_answer(&mut self, trip: Duration) {
        self.has_ended = true;
        self.answers = self.answers.saturating_add(1);
        self.shortest = Some(self.shortest.map_or(trip, |known| known.min(trip)));
        // Moves by an eighth, as RFC 6298 smooths round trips.
        self.usual = if self.usual.is_zero() { trip } else { self.usual - self.usual / 8 + trip / 8 };
    }

    pub(crate) fn on_left(&mut self, now: Instant) {
        self.first_left.get_or_insert(now);
    }

    /// Nobody waits for the answer to an attempt any more.
    pub(crate) fn on_lost(&mut self) {
        self.has_ended = true;
    }

    /// What others wait for while the first attempt is out and nothing is known of the server: its answer mostly says how many may
    /// go at once. If none comes within what a trip may take, the others go.
    pub(crate) fn first_is_back(self) -> Option<Opening> {
        let back = || self.first_left.map_or(Opening::AfterAnswer, |left| Opening::At(left + UNKNOWN_TRIP));
        (!self.has_ended).then(back)
    }

    /// The shortest of many; zero while there are few, for the first trips hold the making of their connections.
    pub(crate) fn shortest(self) -> Duration {
        self.shortest.filter(|_| self.answers > FEW).unwrap_or_default()
    }

    pub(crate) fn usual(self) -> Duration {
        self.usual
    }

    /// What hardly any trip takes longer than, as far as is known.
    pub(crate) fn longest(self) -> Duration {
        if self.shortest.is_none() { UNKNOWN_TRIP } else { self.usual * 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_trips_say_nothing_of_the_constant_delay() {
        let mut trips = Trips::default();
        for _ in 0..FEW {
            trips.on_answer(Duration::from_millis(6));
            assert_eq!(trips.shortest(), Duration::ZERO);
        }
        trips.on_answer(Duration::from_millis(1));
        assert_eq!(trips.shortest(), Duration::from_millis(1));
    }
}
