//! Round trips to the origin, as far as they say when an attempt arrived.

use std::time::Duration;

/// A round trip before any was seen.
const UNKNOWN_TRIP: Duration = Duration::from_secs(1);

/// Round trips to the origin.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trips {
    answers: u32,
    shortest: Option<Duration>,
    usual: Duration,
}

/// As many trips may each have made a connection.
const FEW: u32 = 16;

impl Trips {
    pub(crate) fn on_answer(&mut self, trip: Duration) {
        self.answers = self.answers.saturating_add(1);
        self.shortest = Some(self.shortest.map_or(trip, |known| known.min(trip)));
        // Moves by an eighth, as RFC 6298 smooths round trips.
        self.usual = if self.usual.is_zero() { trip } else { self.usual - self.usual / 8 + trip / 8 };
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
