//! The two clocks of a shell, read together.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use abide_core::time::{Instant, Now, Wall};

/// Moments of earlier boots lie before the start of the monotonic clock, and have to be named too.
const BEFORE: Duration = Duration::from_secs(400 * 86_400);

/// Reads both clocks. Monotonic time is the one that runs on through a suspend where the system has one (Linux), so that a wait
/// of an hour is over after an hour, whether the lid was open or not; there it is the same for all processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock;

impl Clock {
    pub(crate) fn start() -> Self {
        Self
    }

    pub(crate) fn now(self) -> Now {
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
        };
        Now { mono: Instant::ZERO + BEFORE + monotonic(), wall: Wall::from_nanos(wall) }
    }

    /// The same moment on the wall clock as it goes now.
    pub(crate) fn system_time(self, at: Instant) -> SystemTime {
        SystemTime::now() + at.since(self.now().mono).min(Duration::from_secs(u64::from(u32::MAX) * 10))
    }
}

#[cfg(target_os = "linux")]
fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
fn monotonic() -> Duration {
    use std::sync::OnceLock;
    static START: OnceLock<std::time::Instant> = OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}
