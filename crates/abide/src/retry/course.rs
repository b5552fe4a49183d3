//! One operation's way through its attempts: asks the schedule what follows from an outcome, sleeps, and tells those who watch.

use std::fmt::Display;
#[cfg(feature = "tokio")]
use std::future::pending;
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use abide_core::retry::{Ending, Next, Schedule, Tries};
use abide_core::time::{Human, Instant};

use super::error::{History, RetryError, cause};
use super::hooks::{Attempt, Tried, Wait};
use super::settings::{Retry, Told};
use super::signal::StopSignal;
use super::testing;
use super::when::Condition;
use crate::stopwatch::Stopwatch;

/// The waits that a history keeps.
const KEPT_WAITS: usize = 64;

/// One operation's way through its attempts, for a loop that closures can't express: the body may borrow and change what it likes.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # struct Connection;
/// # impl Connection { async fn send(&mut self, _: &str) -> std::io::Result<u64> { Ok(1) } }
/// # let mut connection = Connection;
/// use std::ops::ControlFlow;
/// use abide::Retry;
///
/// let retry = Retry::new().attempts(5);
/// let mut course = retry.course();
/// let receipt = loop {
///     let attempt = course.attempt();
///     let outcome = connection.send(&format!("hello number {}", attempt.number)).await;
///     if let ControlFlow::Break(result) = course.settle(outcome).await {
///         break result?;
///     }
/// };
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Course<'a, C, W> {
    retry: &'a Retry<C, W>,
    /// What takes the place of the retry's own schedule in tests.
    instead: Option<Schedule>,
    clock: Stopwatch,
    tries: Tries,
    waits: Vec<Duration>,
}

enum Step<T, E> {
    End(Result<T, RetryError<T, E>>),
    /// Another attempt follows after so long; the outcome is kept for the case that it does not.
    Sleep(Duration, Result<T, E>),
}

impl<'a, C, W> Course<'a, C, W> {
    pub(super) fn new(retry: &'a Retry<C, W>) -> Self {
        Self {
            retry,
            instead: testing::instead(&retry.schedule),
            clock: retry.clock.start(),
            tries: Tries::new(Instant::ZERO),
            waits: Vec::new(),
        }
    }

    /// The attempt that is about to be made.
    pub fn attempt(&mut self) -> Attempt {
        let number = self.tries.attempt();
        let attempt = Attempt { number, is_last: self.schedule().stop.is_last(number) };
        if let Some(hook) = &self.retry.hooks.before {
            hook(&attempt);
        }
        attempt
    }

    /// Takes the outcome of an attempt. Ends with the result or the error, or, after a wait, says to go on.
    ///
    /// # Panics
    ///
    /// If it has to wait outside of a Tokio runtime with time enabled.
    #[cfg(feature = "tokio")]
    pub async fn settle<T, E>(&mut self, outcome: Result<T, E>) -> ControlFlow<Result<T, RetryError<T, E>>>
    where
        C: Condition<T, E>,
        W: Told<E>,
        E: Display,
    {
        let (wait, last) = match self.judge(outcome) {
            Step::End(result) => return ControlFlow::Break(result),
            Step::Sleep(wait, last) => (wait, last),
        };
        let is_stopped = match &self.retry.signal {
            Some(signal) => self.clock.sleep(wait, signal.wait()).await,
            None => self.clock.sleep(wait, pending()).await,
        };
        if is_stopped { ControlFlow::Break(Err(self.on_signal(last))) } else { ControlFlow::Continue(()) }
    }

    /// As [`settle`](Course::settle), and blocks the thread while it waits.
    pub fn settle_blocking<T, E>(&mut self, outcome: Result<T, E>) -> ControlFlow<Result<T, RetryError<T, E>>>
    where
        C: Condition<T, E>,
        W: Told<E>,
        E: Display,
    {
        let (wait, last) = match self.judge(outcome) {
            Step::End(result) => return ControlFlow::Break(result),
            Step::Sleep(wait, last) => (wait, last),
        };
        let is_stopped = match &self.retry.signal {
            signal if self.clock.skip(wait) => signal.as_ref().is_some_and(StopSignal::is_given),
            Some(signal) => signal.sleep(wait),
            None => {
                thread::sleep(wait);
                false
            }
        };
        if is_stopped { ControlFlow::Break(Err(self.on_signal(last))) } else { ControlFlow::Continue(()) }
    }

    fn schedule(&self) -> &Schedule {
        self.instead.as_ref().unwrap_or(&self.retry.schedule)
    }

    fn judge<T, E>(&mut self, outcome: Result<T, E>) -> Step<T, E>
    where
        C: Condition<T, E>,
        W: Told<E>,
        E: Display,
    {
        let again = self.retry.condition.holds(&outcome);
        if let Some(hook) = &self.retry.hooks.after {
            let cause = (again || outcome.is_err()).then(|| cause(&outcome));
            hook(&Tried { attempt: self.tries.attempt(), elapsed: self.tries.elapsed(self.clock.now()), cause });
        }
        match outcome {
            Ok(value) if !again => Step::End(Ok(value)),
            outcome => self.on_failure(outcome, again),
        }
    }

    #[cold]
    fn on_failure<T, E>(&mut self, outcome: Result<T, E>, again: bool) -> Step<T, E>
    where
        W: Told<E>,
        E: Display,
    {
        let (attempt, now) = (self.tries.attempt(), self.clock.now());
        if !again {
            return Step::End(Err(self.give_up(outcome, Ending::Final, attempt, now)));
        }
        if self.retry.signal.as_ref().is_some_and(StopSignal::is_given) {
            return Step::End(Err(self.give_up(outcome, Ending::Stopped, attempt, now)));
        }
        let told = outcome.as_ref().err().and_then(|error| self.retry.told.told(error));
        // The switch for tests waits for nothing, whoever asks for it.
        let asked = if self.instead.is_some() { told.map(|_| Duration::ZERO) } else { told };
        let seed = self.retry.seed.map_or_else(|| fastrand::u64(..), |seed| seed.wrapping_add(attempt.into()));
        let schedule = self.instead.as_ref().unwrap_or(&self.retry.schedule);
        match self.tries.on_failure(schedule, asked, seed, now) {
            Next::End(ending) => Step::End(Err(self.give_up(outcome, ending, attempt, now))),
            Next::Again { wait, .. } => {
                self.on_wait(&Wait {
                    operation: self.retry.operation.as_deref(),
                    attempt,
                    wait,
                    told: told.is_some(),
                    elapsed: self.tries.elapsed(now),
                    cause: cause(&outcome),
                });
                if self.waits.len() == KEPT_WAITS {
                    self.waits.remove(0);
                }
                self.waits.push(wait);
                Step::Sleep(wait, outcome)
            }
        }
    }

    fn on_signal<T, E: Display>(&mut self, last: Result<T, E>) -> RetryError<T, E> {
        // The wait that was broken off led to the attempt that is not made.
        self.give_up(last, Ending::Stopped, self.tries.attempt() - 1, self.clock.now())
    }

    fn on_wait(&self, wait: &Wait<'_>) {
        match &self.retry.hooks.wait {
            Some(hook) => hook(wait),
            None => tracing::warn!(
                operation = wait.operation,
                attempt = wait.attempt,
                wait = %Human(wait.wait),
                told = wait.told,
                cause = %wait.cause,
                "again after a wait"
            ),
        }
    }

    fn give_up<T, E: Display>(
        &mut self,
        last: Result<T, E>,
        ending: Ending,
        attempts: u32,
        now: Instant,
    ) -> RetryError<T, E> {
        let error = RetryError::new(
            last,
            History {
                operation: self.retry.operation.as_deref().map(str::to_owned),
                attempts,
                elapsed: self.tries.elapsed(now),
                waited: self.tries.waited(),
                waits: std::mem::take(&mut self.waits),
                ending,
            },
        );
        match &self.retry.hooks.give_up {
            Some(hook) => hook(&error.given_up()),
            None => tracing::debug!(%error, "gave up"),
        }
        error
    }
}

#[cfg(test)]
mod tests;
