//! Time for the parts that sleep by themselves: the clock of the runtime, which a test can pause, or one that a test brings.

#[cfg(feature = "tokio")]
use std::future::Future;
use std::time::{Duration, Instant as StdInstant, SystemTime, UNIX_EPOCH};

use abide_core::time::{Instant, Offset, Wall};

#[cfg(feature = "testing")]
use crate::testing::VirtualClock;

/// What a stopwatch is to go by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timepiece {
    /// In place of the runtime's clock, or the machine's.
    #[cfg(feature = "testing")]
    clock: Option<VirtualClock>,
}

#[cfg(feature = "testing")]
impl From<&VirtualClock> for Timepiece {
    fn from(clock: &VirtualClock) -> Self {
        Self { clock: Some(clock.clone()) }
    }
}

/// Counts from its start. With the feature `tokio` it goes by Tokio's clock, so that in a runtime whose clock is paused it moves as
/// that clock does; elsewhere by the machine's.
#[derive(Clone, Debug)]
pub(crate) enum Stopwatch {
    Running(StdInstant),
    #[cfg(feature = "testing")]
    Virtual {
        clock: VirtualClock,
        start: Instant,
    },
}

impl Timepiece {
    pub(crate) fn start(&self) -> Stopwatch {
        #[cfg(feature = "testing")]
        if let Some(clock) = &self.clock {
            return Stopwatch::Virtual { clock: clock.clone(), start: clock.now().mono };
        }
        Stopwatch::Running(now())
    }
}

impl Stopwatch {
    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::Running(start) => Instant::ZERO + now().saturating_duration_since(*start),
            #[cfg(feature = "testing")]
            Self::Virtual { clock, start } => Instant::ZERO + clock.now().mono.since(*start),
        }
    }

    /// The wall clock, as far ahead of the machine's, or behind, as the monotonic one is.
    pub(crate) fn wall(&self) -> Wall {
        match self {
            Self::Running(_) => wall(),
            #[cfg(feature = "testing")]
            Self::Virtual { clock, .. } => clock.now().wall,
        }
    }

    /// Sleeps for so long, or until `early` is ready; whether it was that.
    #[cfg(feature = "tokio")]
    pub(crate) async fn sleep(&self, time: Duration, early: impl Future<Output = ()>) -> bool {
        match self {
            Self::Running(_) => tokio::time::timeout(time, early).await.is_ok(),
            #[cfg(feature = "testing")]
            Self::Virtual { clock, .. } => {
                use std::{future::poll_fn, pin::pin, task::Poll};
                let until = clock.now().mono + time;
                let (mut sleep, mut early) = (pin!(clock.sleep_until(until)), pin!(early));
                poll_fn(|cx| match early.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(true),
                    Poll::Pending => sleep.as_mut().poll(cx).map(|()| false),
                })
                .await
            }
        }
    }

    /// Lets so much time pass at once, where a test has that in its hand: whether it did, so that no thread has to sleep for it.
    pub(crate) fn skip(&self, time: Duration) -> bool {
        match self {
            Self::Running(_) => {
                let _ = time;
                false
            }
            #[cfg(feature = "testing")]
            Self::Virtual { clock, .. } => {
                clock.advance(time);
                true
            }
        }
    }
}

fn wall() -> Wall {
    let (ours, machine) = (now(), StdInstant::now());
    let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    let ahead = nanos(ours.saturating_duration_since(machine)) - nanos(machine.saturating_duration_since(ours));
    let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => nanos(after),
        Err(before) => -nanos(before.duration()),
    };
    Wall::from_nanos(wall) + Offset::from_nanos(ahead)
}

#[cfg(feature = "tokio")]
fn now() -> StdInstant {
    tokio::time::Instant::now().into_std()
}

#[cfg(not(feature = "tokio"))]
fn now() -> StdInstant {
    StdInstant::now()
}
