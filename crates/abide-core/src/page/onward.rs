//! Where a chain of pages goes next, and why nobody can know.

use std::fmt;

use super::slot::Change;
use crate::place::{Path, Place};

/// The request for a later page, in terms of what was asked and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Onward {
    /// A GET to this URL.
    Url {
        /// As the server wrote it; it may be relative to the address of the response, or even empty.
        reference: String,
        /// Where it stands.
        at: Place,
    },
    /// The first request of the chain again, with these values set.
    Changed(Vec<Change>),
}

/// Why a chain of pages does not go on, though it has not come to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stall {
    /// The page holds the very records of an earlier one.
    Repeats {
        /// The number of the earlier page, from 1.
        page: u64,
    },
    /// So many pages in a row were empty, and the last of them names one more.
    Empty {
        /// How many.
        pages: u64,
    },
    /// There seems to be a next page, but what stands there is a token, a number or a flag and not a URL to follow with GET.
    Token {
        /// Where it stands.
        at: Place,
        /// What stands there; JSON, for a place in the body.
        value: String,
    },
    /// The first page lacks the place that the user named.
    Absent {
        /// The place that was looked for.
        at: Place,
    },
    /// The last record has no text and no number there.
    NoSuchValue {
        /// Where it was looked for in the record.
        path: Path,
    },
}

/// What happened, as a clause about "it", the page.
impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeats { page } => {
                write!(
                    f,
                    "it holds the very records of page {page}, so the server does not heed what asks for the next"
                )
            }
            Self::Empty { pages } => {
                write!(f, "it names one more, though it is the last of {pages} in a row without a record")
            }
            Self::Token { at, value } => {
                write!(f, "there seems to be a next page, but {at} holds {value}, which is not a URL")
            }
            Self::Absent { at } => write!(f, "it has no {at}"),
            Self::NoSuchValue { path } => write!(
                f,
                "the last record has no text and no number in {path}, so nobody can know where the next page begins"
            ),
        }
    }
}

impl std::error::Error for Stall {}
