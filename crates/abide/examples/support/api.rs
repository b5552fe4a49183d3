//! An API in this process that answers as a script says; errors as an HTTP client would have them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a request came to, if not to a body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Error {
    Status { status: u16, retry_after: Option<Duration> },
    Timeout,
    Connect,
}

impl Error {
    pub(crate) fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None }
    }

    /// What may go better another time: too many requests, a fault of the server, and no answer. Other 4xx would come again.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 429 | 500..=599),
            Self::Timeout | Self::Connect => true,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Timeout | Self::Connect => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, .. } => write!(f, "the server answered {status}"),
            Self::Timeout => f.write_str("the request timed out"),
            Self::Connect => f.write_str("the connection was refused"),
        }
    }
}

impl std::error::Error for Error {}

/// Gives its answers one after another, and the last one for ever.
pub(crate) struct Api(Mutex<VecDeque<Result<&'static str, Error>>>);

impl Api {
    pub(crate) fn script(answers: impl IntoIterator<Item = Result<&'static str, Error>>) -> Self {
        Self(Mutex::new(answers.into_iter().collect()))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<String, Error> {
        let answer = {
            let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
        };
        answer.unwrap_or(Err(Error::status(404))).map(|body| format!("{path}: {body}"))
    }
}
