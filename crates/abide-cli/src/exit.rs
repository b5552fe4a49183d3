//! How a run ends: the exit codes, and the message that goes with each.

use std::fmt;
use std::process::ExitCode;

/// The exit codes of every verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Complete and verified.
    Complete = 0,
    /// An error: nothing was fetched.
    Error = 1,
    /// The command line or the configuration can't work.
    Usage = 2,
    /// A part is missing, and is listed.
    Partial = 3,
    /// Pagination leads in a circle or to another origin.
    Stalled = 4,
    /// Paused for a limit; what was fetched is kept.
    Paused = 75,
    /// Ended by Ctrl-C; what was fetched is kept.
    Interrupted = 130,
    /// Ended by SIGTERM; what was fetched is kept.
    Terminated = 143,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Why a run did not complete: what happened, why, and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    /// `None` where everything has been said already, or nobody is there to read it.
    pub(crate) message: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { code, message: Some(message.to_string()) }
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Code::Usage, message)
    }

    pub(crate) fn error(message: impl fmt::Display) -> Self {
        Self::new(Code::Error, message)
    }

    /// Ends with a code and without a word.
    pub(crate) fn silent(code: Code) -> Self {
        Self { code, message: None }
    }

    /// Writing to standard output failed. A reader that went away is no failure of ours.
    pub(crate) fn stdout(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::silent(Code::Complete)
        } else {
            Self::error(format!("standard output can't be written: {error}"))
        }
    }
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;
