//! What a learner does while nothing explains what it sees: it keeps to a pace, and looks now and then whether something does.

use std::time::Duration;

use super::pace::Pace;
use crate::time::Instant;

/// The distance of attempts where nothing was ever accepted.
const UNKNOWN: Duration = Duration::from_millis(500);
/// Congestion events that an explanation has to explain: a few can be explained by chance, where others are the reason.
const EVENTS: u32 = 12;

#[derive(Clone, Debug)]
pub(super) struct Lost {
    pub(super) pace: Pace,
    since: Instant,
    accepted: u32,
    events: u32,
    patience: u32,
}

impl Lost {
    /// Begins with so many in this time, and stays for so many accepted attempts at least.
    pub(super) fn new(accepted: u64, elapsed: Duration, patience: u32, seed: u64, now: Instant) -> Self {
        let distance = match u32::try_from(accepted) {
            Ok(0) => UNKNOWN,
            accepted => elapsed / accepted.unwrap_or(u32::MAX),
        };
        Self { pace: Pace::new(distance, seed, now), since: now, accepted: 0, events: 0, patience }
    }

    pub(super) fn on_accepted(&mut self) {
        self.pace.on_accepted();
        self.accepted += 1;
    }

    pub(super) fn on_refused(&mut self, sent: Instant, now: Instant) {
        if self.pace.on_refused(sent, now) {
            self.events += 1;
        }
    }

    /// Since when evidence is to be explained, if there is enough of it by now.
    pub(super) fn looks(&mut self) -> Option<Instant> {
        if self.accepted < self.patience || self.events < EVENTS {
            return None;
        }
        self.patience = self.patience.saturating_mul(2);
        Some(self.since)
    }
}
