//! What happened so far, as plain data.

use std::fmt;
use std::time::Duration;

use crate::decision::{Book, Reason};
use crate::time::Human;

/// Counters since the engine began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls that were submitted.
    pub calls: u64,
    /// Attempts that were sent, redirects included.
    pub requests: u64,
    /// Calls that ended with an answer below 400.
    pub ok: u64,
    /// Calls that ended otherwise.
    pub failed: u64,
    /// Attempts that the server refused because of a limit.
    pub rate_limited: u64,
    /// Attempts beyond the first of their call, redirects and hedges not counted.
    pub retries: u64,
    /// Attempts that were sent beside one that had stalled.
    pub hedges: u64,
    /// Time in which calls stood waiting, by what they waited for, in the words of
    /// [`Reason::label`](crate::decision::Reason::label). Calls of one key that wait together count once; backoff counts for each.
    pub waited: Waited,
}

/// Waiting time by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited(pub(crate) [Duration; Book::COUNT]);

impl Waited {
    pub(crate) fn add(&mut self, reason: Reason, time: Duration) {
        self.0[reason.book() as usize] += time;
    }

    /// Each reason's label with the time waited for it, where there was any.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        Book::ALL.into_iter().map(|book| (book.label(), self.0[book as usize])).filter(|(_, time)| !time.is_zero())
    }
}

impl Stats {
    /// The share of ended calls that went well; 1 before any has ended.
    pub fn success_rate(&self) -> f64 {
        match self.ok + self.failed {
            0 => 1.0,
            ended => self.ok as f64 / ended as f64,
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} calls: {} ok, {} failed; {} requests, {} retries, {} refused",
            self.calls, self.ok, self.failed, self.requests, self.retries, self.rate_limited
        )?;
        if self.hedges > 0 {
            write!(f, ", {} sent twice because the first stalled", self.hedges)?;
        }
        for (i, (label, time)) in self.waited.iter().enumerate() {
            write!(f, "{} {label} {}", if i == 0 { "; waited:" } else { "," }, Human(time))?;
        }
        Ok(())
    }
}
