//! Begins slowly where the user wants that: from a rate of the user's, twice as fast after every few accepted attempts, until a
//! refusal or a belief shows what the server takes.

use std::time::Duration;

use crate::policy::LimitSpec;
use crate::time::Instant;

/// Accepted attempts after which the rate doubles.
const STEP: u32 = 4;
/// A distance between attempts that is none.
const NONE: Duration = Duration::from_millis(1);

/// The beginning of a gate, while it lasts.
#[derive(Clone, Debug)]
pub(crate) struct Warmup {
    /// As the user told it.
    pub(crate) rate: LimitSpec,
    interval: Duration,
    last: Option<Instant>,
    accepted: u32,
}

impl Warmup {
    /// From this rate on; nothing, if it is no rate.
    pub(super) fn new(rate: LimitSpec) -> Option<Self> {
        let interval = rate.interval(1)?;
        Some(Self { rate, interval, last: None, accepted: 0 })
    }

    /// When the next attempt may leave.
    pub(super) fn opening(&self) -> Option<Instant> {
        self.last.map(|last| last + self.interval)
    }

    pub(super) fn on_left(&mut self, at: Instant) {
        self.last = self.last.max(Some(at));
    }

    /// The server took an attempt. Returns whether the beginning is over.
    pub(super) fn on_accepted(&mut self) -> bool {
        self.accepted += 1;
        if self.accepted == STEP {
            self.accepted = 0;
            self.interval /= 2;
        }
        self.interval < NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_doubles_with_what_is_accepted_until_it_is_none() {
        let mut warmup = Warmup::new("2/s".parse().unwrap()).unwrap();
        assert_eq!(warmup.opening(), None);
        warmup.on_left(Instant::from_nanos(0));
        let mut distances = Vec::new();
        loop {
            let distance = warmup.opening().unwrap().since(Instant::from_nanos(0));
            if distances.last() != Some(&distance) {
                distances.push(distance);
            }
            if warmup.on_accepted() {
                break;
            }
        }
        assert_eq!(distances[..3], [500, 250, 125].map(Duration::from_millis));
        assert_eq!(distances.len(), 9);
        assert!(Warmup::new("concurrency 4".parse().unwrap()).is_none());
    }
}
