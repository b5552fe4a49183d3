//! Learning a limit that nobody stated, from what the server accepted and what it refused.
//!
//! Read in this order: `book` keeps the evidence, each file of `family` holds one kind of limit as a hypothesis that the
//! evidence narrows or kills, `learner` keeps every hypothesis that still explains all that was seen, and `schedule`
//! decides from them when the next attempt leaves. `knowledge` is what all this comes to, in a form that outlives the process.

mod amount;
mod belief;
mod book;
#[cfg(any(test, feature = "sim"))]
pub(crate) mod cubic;
mod family;
mod fault;
mod grid;
pub mod knowledge;
mod learner;
mod log;
mod lost;
mod pace;
mod proof;
mod raise;
mod rates;
mod recover;
mod schedule;
mod stated;
mod trust;

#[cfg(test)]
mod tests;

pub use knowledge::Knowledge;
pub use learner::Learner;
pub(crate) use stated::{Said, Stated};

use std::fmt;
use std::time::Duration;

use crate::time::{Instant, Now};

/// Decides from the answers so far when the next attempt to one server may leave.
///
/// Plain data without a clock: every input says when it happens, and the same inputs give the same decisions.
pub trait Controller: Clone + fmt::Debug {
    /// An attempt leaves now. The ticket names it at its end.
    fn on_sent(&mut self, now: Now) -> Ticket;

    /// The attempt has ended. One that is never told of stays in flight.
    fn on_end(&mut self, ticket: Ticket, end: End, now: Now);

    /// When the next attempt may leave.
    fn opening(&mut self, now: Now) -> Opening;
}

/// Names an attempt in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

impl Ticket {
    /// Its number, counted from 0 in order of sending.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// How an attempt ended, as far as a limit is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server took it.
    Accepted,
    /// The server refused it because of a limit, with the wait that it told, if any.
    Refused(Option<Duration>),
    /// The server refused it without saying why: a limit may be the reason, or a fault.
    Suspected,
    /// Nobody knows whether the server counted it: a fault, a timeout, a cancel.
    Unknown,
    /// It never reached the server.
    Unsent,
}

/// When a controller lets the next attempt go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// At this moment; at once if it has passed.
    At(Instant),
    /// Not before some attempt in flight is answered.
    AfterAnswer,
}

impl Opening {
    /// The later of two.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::At(one), Self::At(other)) => Self::At(one.max(other)),
            _ => Self::AfterAnswer,
        }
    }
}
