//! Time for the parts that sleep by themselves: the clock of the runtime, which a test can pause.

use std::time::Instant as StdInstant;

use abide_core::time::Instant;

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
}

#[cfg(feature = "tokio")]
fn now() -> StdInstant {
    tokio::time::Instant::now().into_std()
}

#[cfg(not(feature = "tokio"))]
fn now() -> StdInstant {
    StdInstant::now()
}
