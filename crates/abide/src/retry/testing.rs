//! A switch for tests: no waits, and few attempts, everywhere in the process.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use abide_core::retry::{Schedule, attempts, fixed};

/// The most attempts; 0 if the switch is off.
static MOST: AtomicU32 = AtomicU32::new(0);

/// Makes every [`Retry`](super::Retry) of this process wait for nothing and make at most so many attempts (fewer if its own
/// bounds say so); `None` switches back.
///
/// It is for tests of code that retries deep inside. Tests run at the same time share it: set it once for all of them, or keep
/// those that need another setting in a test file of their own.
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use abide::retry::{fixed, set_testing, Retry};
///
/// let hour = Duration::from_secs(3_600);
/// let retry = Retry::new().attempts(5).backoff(fixed(hour)).wait_from(|_: &&str| Some(hour)).max_wait(hour);
/// set_testing(NonZeroU32::new(2));
/// let error = retry.run_blocking(|| Err::<(), _>("no")).unwrap_err();
/// assert_eq!((error.attempts(), error.waited()), (2, Duration::ZERO));
/// set_testing(None);
/// ```
pub fn set_testing(most: Option<NonZeroU32>) {
    MOST.store(most.map_or(0, NonZeroU32::get), Ordering::Relaxed);
}

/// The schedule that takes the place of this one while the switch is on.
pub(super) fn instead(schedule: &Schedule) -> Option<Schedule> {
    let most = NonZeroU32::new(MOST.load(Ordering::Relaxed))?;
    Some(Schedule {
        backoff: fixed(Duration::ZERO),
        stop: schedule.stop.clone() | attempts(most.get()),
        max_wait: schedule.max_wait,
    })
}
