//! The two clocks of a shell, read together, and the sleep until a moment of the one that does not jump.

#[cfg(feature = "tokio")]
use std::future::{Future, poll_fn};
#[cfg(feature = "tokio")]
use std::pin::pin;
#[cfg(feature = "blocking")]
use std::sync::Arc;
#[cfg(feature = "tokio")]
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use abide_core::time::{Instant, Now, Wall};

#[cfg(feature = "blocking")]
use crate::handle::threads::Parker;
#[cfg(feature = "testing")]
use crate::testing::VirtualClock;

/// Moments of earlier boots lie before the start of the monotonic clock, and have to be named too.
const BEFORE: Duration = Duration::from_secs(400 * 86_400);

/// Timers of the runtime stand still while the machine is suspended; looking at the clock this often bounds what that costs.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Reads both clocks, and sleeps.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    /// The machine's. Monotonic time is the one that runs on through a suspend where the system has one (Linux), so that a wait of
    /// an hour is over after an hour, whether the lid was open or not; there it is the same for all processes.
    System,
    /// One that a test moves.
    #[cfg(feature = "testing")]
    Virtual(VirtualClock),
}

impl Clock {
    pub(crate) fn now(&self) -> Now {
        match self {
            Self::System => {
                let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
                    Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
                    Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
                };
                Now { mono: Instant::ZERO + BEFORE + monotonic(), wall: Wall::from_nanos(wall) }
            }
            #[cfg(feature = "testing")]
            Self::Virtual(clock) => clock.now(),
        }
    }

    /// The same moment on the wall clock as it goes now.
    pub(crate) fn system_time(&self, at: Instant) -> SystemTime {
        let now = self.now();
        let wall = match u64::try_from(now.wall.as_nanos()) {
            Ok(nanos) => UNIX_EPOCH + Duration::from_nanos(nanos),
            Err(_) => UNIX_EPOCH - Duration::from_nanos(now.wall.as_nanos().unsigned_abs()),
        };
        wall + at.since(now.mono).min(Duration::from_secs(u64::from(u32::MAX) * 10))
    }

    /// Sleeps until a moment or until `early` is ready; it may wake before either.
    #[cfg(feature = "tokio")]
    pub(crate) async fn sleep_until(&self, at: Instant, early: impl Future<Output = ()>) {
        match self {
            Self::System => {
                let sleep = tokio::time::sleep(at.since(self.now().mono).min(LONGEST_SLEEP));
                first_of(sleep, early).await;
            }
            #[cfg(feature = "testing")]
            Self::Virtual(clock) => first_of(clock.sleep_until(at), early).await,
        }
    }
}

#[cfg(feature = "blocking")]
impl Clock {
    /// Puts the thread to sleep until it is woken or roused, or a moment has come; it may wake before. Says whether its call was woken.
    pub(crate) fn park(&self, until: Option<Instant>, parker: &Arc<Parker>) -> bool {
        match self {
            Self::System => {
                if parker.take_woken() {
                    return true;
                }
                if parker.take_roused() {
                    return false;
                }
                match until {
                    Some(at) => std::thread::park_timeout(at.since(self.now().mono).min(LONGEST_SLEEP)),
                    None => std::thread::park(),
                }
                parker.take_woken()
            }
            #[cfg(feature = "testing")]
            Self::Virtual(clock) => clock.park(until, parker),
        }
    }

    /// A thread begins a call.
    pub(crate) fn on_call(&self) {
        match self {
            Self::System => {}
            #[cfg(feature = "testing")]
            Self::Virtual(clock) => clock.on_call(),
        }
    }

    /// Its call is over.
    pub(crate) fn on_called(&self) {
        match self {
            Self::System => {}
            #[cfg(feature = "testing")]
            Self::Virtual(clock) => clock.on_called(),
        }
    }

    /// It was woken once too often.
    pub(crate) fn on_rest(&self) {
        match self {
            Self::System => {}
            #[cfg(feature = "testing")]
            Self::Virtual(clock) => clock.on_rest(),
        }
    }

    /// A thread that slept is at work again.
    pub(crate) fn on_wake(&self) {
        match self {
            Self::System => {}
            #[cfg(feature = "testing")]
            Self::Virtual(clock) => clock.on_wake(),
        }
    }
}

#[cfg(feature = "tokio")]
async fn first_of(a: impl Future<Output = ()>, b: impl Future<Output = ()>) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| if a.as_mut().poll(cx).is_ready() { Poll::Ready(()) } else { b.as_mut().poll(cx) }).await;
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
