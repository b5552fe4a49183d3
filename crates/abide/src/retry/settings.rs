//! A retry as a value: what is tried again, when, how often, and who is told.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use abide_core::call::Patience;
use abide_core::retry::{Backoff, Schedule, Stop, after, attempts, before, never};

use super::hooks::{Attempt, GivenUp, Hooks, Tried, Wait};
use super::signal::StopSignal;
use super::when::AnyError;
use crate::stopwatch::Timepiece;

/// Tries any operation again until it succeeds or a bound is reached.
///
/// It is a value: it can be made once, kept, cloned, and used for many operations at the same time. By default it tries after every
/// error, 6 times at most, and waits up to 0.5, 1, 2, ... 30 s with full jitter. The first bound that is stated takes the place of
/// the default one; of several the first that is reached counts.
///
/// Every wait is logged through `tracing` at the level `warn`, and giving up at `debug`, for the caller has the error.
///
/// ```
/// use std::io;
/// use std::time::Duration;
/// use abide::retry::{exponential, Retry};
///
/// # fn fetch() -> io::Result<String> { Ok(String::new()) }
/// fn is_transient(error: &io::Error) -> bool {
///     matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::TimedOut)
/// }
///
/// let retry = Retry::new()
///     .attempts(5)
///     .backoff(exponential(Duration::from_secs(1)).max(Duration::from_secs(30)).full_jitter())
///     .when(is_transient);
/// let body = retry.run_blocking(|| fetch())?;
/// # Ok::<_, abide::retry::RetryError<String, io::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a retry does nothing until it runs an operation"]
pub struct Retry<C = AnyError, W = Untold> {
    pub(super) schedule: Schedule,
    /// Whether the bounds are the user's.
    bounded: bool,
    pub(super) condition: C,
    pub(super) told: W,
    pub(super) hooks: Hooks,
    pub(super) signal: Option<StopSignal>,
    pub(super) operation: Option<Cow<'static, str>>,
    pub(super) seed: Option<u64>,
    pub(super) clock: Timepiece,
}

impl Retry {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            schedule: Schedule::default(),
            bounded: false,
            condition: AnyError,
            told: Untold,
            hooks: Hooks::default(),
            signal: None,
            operation: None,
            seed: None,
            clock: Timepiece::default(),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

impl<C, W> Retry<C, W> {
    /// Makes at most so many attempts, the first included.
    pub fn attempts(self, most: u32) -> Self {
        self.stop(attempts(most))
    }

    /// Makes no attempt that would begin after so much time: it gives up before a wait that would be in vain. An attempt that is
    /// under way is not broken off.
    pub fn stop_before(self, elapsed: Duration) -> Self {
        self.stop(before(elapsed))
    }

    /// Gives up when an attempt fails after so much time. The last wait may lead past it.
    pub fn stop_after(self, elapsed: Duration) -> Self {
        self.stop(after(elapsed))
    }

    /// Gives up at this bound, or at an earlier one that was stated before.
    pub fn stop(mut self, stop: Stop) -> Self {
        self.schedule.stop = if self.bounded { self.schedule.stop | stop } else { stop };
        self.bounded = true;
        self
    }

    /// Gives up by no bound but those that are stated elsewhere.
    pub fn forever(self) -> Self {
        self.stop(never())
    }

    /// Gives up at a signal; a wait ends with it.
    pub fn stop_on(mut self, signal: &StopSignal) -> Self {
        self.signal = Some(signal.clone());
        self
    }

    /// The wait before the next attempt.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.schedule.backoff = backoff;
        self
    }

    /// What is tried again: a predicate on errors, or a [`When`](super::When). Takes the place of an earlier one.
    pub fn when<D>(self, condition: D) -> Retry<D, W> {
        let Self { schedule, bounded, condition: _, told, hooks, signal, operation, seed, clock } = self;
        Retry { schedule, bounded, condition, told, hooks, signal, operation, seed, clock }
    }

    /// Takes the wait from the error, where it says one ("come back in 30 s").
    ///
    /// Such a wait takes the place of the backoff. It is never cut and never made shorter by jitter. If it is longer than
    /// [`max_wait`](Retry::max_wait), or leads past a bound on time, it is not begun: the operation is given up at once, and
    /// [`RetryError::retry_after`](super::RetryError::retry_after) has the full wait.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use abide::retry::Retry;
    /// # #[derive(Debug)] struct Busy { retry_after: Option<Duration> }
    /// # impl std::fmt::Display for Busy { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("busy") } }
    /// let retry = Retry::new().wait_from(|busy: &Busy| busy.retry_after);
    /// let error = retry.run_blocking(|| Err::<(), _>(Busy { retry_after: Some(Duration::from_secs(3_600)) })).unwrap_err();
    /// assert_eq!((error.attempts(), error.retry_after()), (1, Some(Duration::from_secs(3_600))));
    /// ```
    pub fn wait_from<V>(self, told: V) -> Retry<C, V> {
        let Self { schedule, bounded, condition, told: _, hooks, signal, operation, seed, clock } = self;
        Retry { schedule, bounded, condition, told, hooks, signal, operation, seed, clock }
    }

    /// The longest wait that an error may ask for; 60 s by default. A longer one ends the tries at once.
    pub fn max_wait(mut self, most: Duration) -> Self {
        self.schedule.max_wait = Patience::Within(most);
        self
    }

    /// Calls this before each attempt.
    pub fn before(mut self, hook: impl Fn(&Attempt) + Send + Sync + 'static) -> Self {
        self.hooks.before = Some(Arc::new(hook));
        self
    }

    /// Calls this after each attempt.
    pub fn after(mut self, hook: impl Fn(&Tried<'_>) + Send + Sync + 'static) -> Self {
        self.hooks.after = Some(Arc::new(hook));
        self
    }

    /// Calls this before each wait, in place of the log.
    pub fn on_wait(mut self, hook: impl Fn(&Wait<'_>) + Send + Sync + 'static) -> Self {
        self.hooks.wait = Some(Arc::new(hook));
        self
    }

    /// Calls this when the operation is given up, in place of the log.
    pub fn on_give_up(mut self, hook: impl Fn(&GivenUp<'_>) + Send + Sync + 'static) -> Self {
        self.hooks.give_up = Some(Arc::new(hook));
        self
    }

    /// Names the operation in logs and errors.
    pub fn named(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Waits on a virtual clock, for tests: a wait is over as soon as nothing else can be done, and in
    /// [`run_blocking`](Retry::run_blocking) at once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use abide::retry::{Retry, exponential};
    /// use abide::testing::VirtualClock;
    ///
    /// let clock = VirtualClock::new();
    /// let retry = Retry::new().attempts(4).backoff(exponential(Duration::from_secs(60))).on_clock(&clock);
    /// assert!(retry.run_blocking(|| "x".parse::<u8>()).is_err());
    /// assert_eq!(clock.elapsed(), Duration::from_secs(60 + 120 + 240)); // and it took no time at all
    /// ```
    #[cfg(feature = "testing")]
    pub fn on_clock(mut self, clock: &crate::testing::VirtualClock) -> Self {
        self.clock = clock.into();
        self
    }

    /// Draws jitter from this seed, so that a run can be repeated.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

/// Reads from an error how long it asks to wait. Every `Fn(&E) -> Option<Duration>` does.
pub trait Told<E> {
    /// The wait, if the error says one.
    fn told(&self, error: &E) -> Option<Duration>;
}

/// The default: errors say nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untold;

impl<E> Told<E> for Untold {
    fn told(&self, _: &E) -> Option<Duration> {
        None
    }
}

impl<E, F: Fn(&E) -> Option<Duration>> Told<E> for F {
    fn told(&self, error: &E) -> Option<Duration> {
        self(error)
    }
}
