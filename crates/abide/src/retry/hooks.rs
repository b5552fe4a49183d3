//! What a retry tells those who watch it, and who they are.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

use abide_core::retry::Ending;
use abide_core::time::Human;

/// An attempt that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// Whether it is the last one, whatever comes of it. Where time is bounded as well, only an attempt that is the last by number
    /// is known to be.
    pub is_last: bool,
}

/// An attempt that was made.
#[non_exhaustive]
pub struct Tried<'a> {
    /// Its number, from 1.
    pub attempt: u32,
    /// The time since the first attempt began.
    pub elapsed: Duration,
    /// Why it is not the result; `None` if it is.
    pub cause: Option<&'a dyn Display>,
}

/// A wait before the next attempt.
#[non_exhaustive]
pub struct Wait<'a> {
    /// The name of the operation, if it was given one.
    pub operation: Option<&'a str>,
    /// The number of the attempt that failed, from 1.
    pub attempt: u32,
    /// How long the wait is.
    pub wait: Duration,
    /// Whether the error said so, and not the backoff.
    pub told: bool,
    /// The time since the first attempt began.
    pub elapsed: Duration,
    /// The error, or that the result was not the one that is waited for.
    pub cause: &'a dyn Display,
}

/// The end of all attempts without the result.
#[non_exhaustive]
pub struct GivenUp<'a> {
    /// The name of the operation, if it was given one.
    pub operation: Option<&'a str>,
    /// How many attempts were made.
    pub attempts: u32,
    /// The time since the first attempt began.
    pub elapsed: Duration,
    /// Why there is no further attempt.
    pub ending: Ending,
    /// The last error, or that the result was not the one that is waited for.
    pub cause: &'a dyn Display,
}

impl Display for Tried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Some(cause) => write!(f, "attempt {} failed: {cause}", self.attempt),
            None => write!(f, "attempt {} succeeded", self.attempt),
        }
    }
}

impl Display for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempt, wait, cause, .. } = self;
        operation(f, self.operation)?;
        write!(f, "attempt {attempt} failed: {cause}; again in {}", Human(*wait))?;
        f.write_str(if self.told { ", as it asked for" } else { "" })
    }
}

impl Display for GivenUp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempts, elapsed, ending, cause, .. } = self;
        operation(f, self.operation)?;
        let s = if *attempts == 1 { "" } else { "s" };
        match ending {
            Ending::Final => cause.fmt(f),
            _ => write!(f, "gave up after {attempts} attempt{s} in {}, for {ending}: {cause}", Human(*elapsed)),
        }
    }
}

fn operation(f: &mut fmt::Formatter<'_>, name: Option<&str>) -> fmt::Result {
    name.map_or(Ok(()), |name| write!(f, "{name}: "))
}

type Hook<F> = Option<Arc<F>>;

/// Those who watch. A hook must not take long: the operation waits for it.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) before: Hook<dyn Fn(&Attempt) + Send + Sync>,
    pub(super) after: Hook<dyn Fn(&Tried<'_>) + Send + Sync>,
    pub(super) wait: Hook<dyn Fn(&Wait<'_>) + Send + Sync>,
    pub(super) give_up: Hook<dyn Fn(&GivenUp<'_>) + Send + Sync>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("before", &self.before.is_some())
            .field("after", &self.after.is_some())
            .field("wait", &self.wait.is_some())
            .field("give_up", &self.give_up.is_some())
            .finish()
    }
}
