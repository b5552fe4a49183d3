//! The last outcome of an operation that was given up, with the history of its attempts.

use std::error::Error;
use std::fmt::{self, Display};
use std::time::Duration;

use abide_core::retry::Ending;

use super::hooks::GivenUp;

/// An operation did not come to its result.
///
/// It stands in the place of the last error: its words are that error's, with the history before them, and its
/// [`source`](Error::source) is that error's source. [`into_inner`](RetryError::into_inner) gives the last outcome itself:
///
/// ```
/// use abide::retry::{fixed, Retry, RetryError};
/// use std::{num::ParseIntError, time::Duration};
///
/// fn parse(text: &str) -> Result<u8, ParseIntError> {
///     let retry = Retry::new().attempts(2).backoff(fixed(Duration::ZERO));
///     retry.run_blocking(|| text.parse()).or_else(RetryError::into_inner)
/// }
/// assert_eq!(parse("7"), Ok(7));
/// assert!(parse("x").is_err());
/// ```
pub struct RetryError<T, E>(Box<Inner<T, E>>);

struct Inner<T, E> {
    last: Result<T, E>,
    history: History,
}

/// What was done before an operation was given up.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) operation: Option<String>,
    pub(super) attempts: u32,
    pub(super) elapsed: Duration,
    pub(super) waited: Duration,
    pub(super) waits: Vec<Duration>,
    pub(super) ending: Ending,
}

impl<T, E> RetryError<T, E> {
    pub(super) fn new(last: Result<T, E>, history: History) -> Self {
        Self(Box::new(Inner { last, history }))
    }

    /// What the last attempt came to: its error, or the result that was not the one that was waited for.
    ///
    /// # Errors
    ///
    /// The last attempt's error.
    pub fn into_inner(self) -> Result<T, E> {
        self.0.last
    }

    /// The last attempt's error; `None` if it had a result that was not the one that was waited for.
    pub fn error(&self) -> Option<&E> {
        self.0.last.as_ref().err()
    }

    /// The last attempt's result, if it had one.
    pub fn value(&self) -> Option<&T> {
        self.0.last.as_ref().ok()
    }

    /// Why there was no further attempt.
    pub fn ending(&self) -> Ending {
        self.0.history.ending
    }

    /// How many attempts were made.
    pub fn attempts(&self) -> u32 {
        self.0.history.attempts
    }

    /// The time from the beginning of the first attempt to the end of the last.
    pub fn elapsed(&self) -> Duration {
        self.0.history.elapsed
    }

    /// All waits between attempts together.
    pub fn waited(&self) -> Duration {
        self.0.history.waited
    }

    /// The last waits between attempts, 64 at most, oldest first.
    pub fn waits(&self) -> &[Duration] {
        &self.0.history.waits
    }

    /// The full wait that the last error asked for, if that was too long.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.0.history.ending {
            Ending::TooLong { wait, .. } => Some(wait),
            _ => None,
        }
    }
}

impl<T, E: Display> RetryError<T, E> {
    pub(super) fn given_up(&self) -> GivenUp<'_> {
        let History { operation, attempts, elapsed, ending, .. } = &self.0.history;
        GivenUp {
            operation: operation.as_deref(),
            attempts: *attempts,
            elapsed: *elapsed,
            ending: *ending,
            cause: cause(&self.0.last),
        }
    }
}

/// What an outcome that is not the result says of itself.
pub(super) fn cause<T, E: Display>(outcome: &Result<T, E>) -> &dyn Display {
    match outcome {
        Ok(_) => &"the result is not the one that is waited for",
        Err(error) => error,
    }
}

impl<T, E: Display> Display for RetryError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.given_up().fmt(f)
    }
}

impl<T, E: fmt::Debug> fmt::Debug for RetryError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryError").field("error", &self.error()).field("history", &self.0.history).finish()
    }
}

impl<T, E: Error> Error for RetryError<T, E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error().and_then(Error::source)
    }
}
