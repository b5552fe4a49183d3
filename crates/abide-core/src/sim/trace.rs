//! All that happened in a run, one line each.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::client::JobId;
use crate::event::Failure;

/// One thing that happened. Prints as a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, counted from the start of the run.
    pub at: Duration,
    /// Whose client, by its place in the list of parties; the background comes after all of them.
    pub party: usize,
    /// The job.
    pub job: JobId,
    /// The client's number of the attempt; 0 for the job as a whole.
    pub attempt: u32,
    /// What.
    pub step: Step,
}

/// What happened to a job or to an attempt of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A caller wants the job done.
    Wanted,
    /// An attempt left.
    Sent,
    /// The network lost it before the server saw it.
    LostOnTheWay,
    /// It arrived at the server, which decided so.
    Arrived(Outcome),
    /// The client heard this status.
    Heard(StatusCode),
    /// The client learned that no answer comes.
    Failed(Failure),
    /// The client wants no answer any more.
    Dropped,
    /// The job is done.
    Done,
    /// The job is given up.
    GivenUp,
}

/// What a server made of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is within every limit, and was answered well.
    Accepted,
    /// It is over a limit, or its sender is banned.
    Refused,
    /// It is within every limit, and failed behind them.
    Failed,
    /// The server is down.
    Down,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12.6} s  party {} job {}", self.at.as_secs_f64(), self.party, self.job.0)?;
        if self.attempt > 0 {
            write!(f, " attempt {}", self.attempt)?;
        }
        match self.step {
            Step::Wanted => f.write_str(" is wanted"),
            Step::Sent => f.write_str(" leaves"),
            Step::LostOnTheWay => f.write_str(" is lost on the way"),
            Step::Arrived(Outcome::Accepted) => f.write_str(" is accepted"),
            Step::Arrived(Outcome::Refused) => f.write_str(" is refused"),
            Step::Arrived(Outcome::Failed) => f.write_str(" fails in the server"),
            Step::Arrived(Outcome::Down) => f.write_str(" finds the server down"),
            Step::Heard(status) => write!(f, " is answered with {}", status.as_u16()),
            Step::Failed(failure) => write!(f, " fails: {failure}"),
            Step::Dropped => f.write_str(" is dropped"),
            Step::Done => f.write_str(" is done"),
            Step::GivenUp => f.write_str(" is given up"),
        }
    }
}
