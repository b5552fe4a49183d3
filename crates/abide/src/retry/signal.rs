//! A signal that ends waiting and trying, for both halves.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Tells retries to stop: a wait ends at once, and no further attempt is made. An attempt that is under way is not broken off.
///
/// Clones are the same signal. Once given it stays.
///
/// ```
/// use abide::retry::{Retry, StopSignal};
///
/// let signal = StopSignal::new();
/// let retry = Retry::new().forever().stop_on(&signal);
/// // ... in another thread or task, say at Ctrl-C:
/// signal.stop();
/// let error = retry.run_blocking(|| "x".parse::<u8>()).unwrap_err();
/// assert_eq!(error.attempts(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct StopSignal(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    given: Mutex<bool>,
    threads: Condvar,
    #[cfg(feature = "tokio")]
    tasks: tokio::sync::Notify,
}

impl StopSignal {
    /// A signal that is not given yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the signal.
    pub fn stop(&self) {
        *self.given() = true;
        self.0.threads.notify_all();
        #[cfg(feature = "tokio")]
        self.0.tasks.notify_waiters();
    }

    /// Whether it was given.
    pub fn is_given(&self) -> bool {
        *self.given()
    }

    /// Blocks until the signal or for so long; `true` if the signal came.
    pub(super) fn sleep(&self, wait: Duration) -> bool {
        let slept = self.0.threads.wait_timeout_while(self.given(), wait, |given| !*given);
        *slept.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Ends with the signal.
    #[cfg(feature = "tokio")]
    pub(super) async fn wait(&self) {
        // Made before the flag is looked at: it hears of a signal that is given in between.
        let notified = self.0.tasks.notified();
        if !self.is_given() {
            notified.await;
        }
    }

    /// Nothing can panic while it is held.
    fn given(&self) -> MutexGuard<'_, bool> {
        self.0.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
