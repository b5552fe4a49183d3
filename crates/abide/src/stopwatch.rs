//! Time for the parts that sleep by themselves: the clock of the runtime, which a test can pause.

use std::time::{Instant as StdInstant, SystemTime, UNIX_EPOCH};

use abide_core::time::{Instant, Offset, Wall};

/// Counts from its start. With the feature `tokio` it goes by Tokio's clock, so that in a runtime whose clock is paused it moves as
/// that clock does; elsewhere by the machine's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(StdInstant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(now())
    }

    pub(crate) fn now(self) -> Instant {
        Instant::ZERO + now().saturating_duration_since(self.0)
    }

    /// The wall clock, as far ahead of the machine's, or behind, as the monotonic one is.
    pub(crate) fn wall() -> Wall {
        let (ours, machine) = (now(), StdInstant::now());
        let nanos = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let ahead = nanos(ours.saturating_duration_since(machine)) - nanos(machine.saturating_duration_since(ours));
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        };
        Wall::from_nanos(wall) + Offset::from_nanos(ahead)
    }
}

#[cfg(feature = "tokio")]
fn now() -> StdInstant {
    tokio::time::Instant::now().into_std()
}

#[cfg(not(feature = "tokio"))]
fn now() -> StdInstant {
    StdInstant::now()
}
