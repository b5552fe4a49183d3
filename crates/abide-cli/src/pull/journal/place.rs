//! Where a page stands in a pull, what a page carries, and how far the output has come.

use bytes::Bytes;

use super::digest::Digest;

/// A page's place in pull order: by job, and within a job by page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// Index of the input URL, from 0.
    pub(crate) job: u64,
    /// Index of the page within its job, from 0.
    pub(crate) page: u64,
}

impl Place {
    pub(crate) const fn start_of(job: u64) -> Self {
        Self { job, page: 0 }
    }

    pub(crate) const fn next_page(self) -> Self {
        Self { job: self.job, page: self.page + 1 }
    }
}

/// A fetched page, ready to be written.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) place: Place,
    /// What was fetched, without credentials.
    pub(crate) url: String,
    /// Where the job goes on, without credentials; `None` ends the job.
    pub(crate) next: Option<String>,
    /// Where its records stood, for the later pages of its job; `None` where they need not know.
    pub(crate) found: Option<String>,
    /// How many records `bytes` holds.
    pub(crate) records: u64,
    /// What goes into the output, byte for byte.
    pub(crate) bytes: Bytes,
}

/// A page that arrived out of turn, as the journal gives it back.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) next: Option<String>,
    pub(crate) records: u64,
    pub(crate) bytes: Vec<u8>,
}

/// What is known of such a page without reading it.
#[derive(Debug)]
pub(crate) struct HeldSize {
    pub(crate) next: Option<String>,
    pub(crate) records: u64,
    /// How many bytes it has.
    pub(crate) bytes: u64,
}

/// How far the output has come: everything before `place` is written or passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frontier {
    /// Whose turn it is.
    pub(crate) place: Place,
    /// The URL of that page; `None` where a job begins.
    pub(crate) url: Option<String>,
    /// Length of the output so far, in bytes.
    pub(crate) offset: u64,
    /// Digest of the output so far.
    pub(crate) digest: Digest,
    /// How much of the earlier, partial output has been copied into this one, in bytes.
    pub(crate) copied: u64,
    /// How much of it has to be before the next page may be written, in bytes.
    pub(crate) copy_to: u64,
    /// Records in the output, those of the earlier one included.
    pub(crate) records: u64,
    /// Pages in the output, those of the earlier one included.
    pub(crate) pages: u64,
}

impl Frontier {
    /// Where a pull begins.
    pub(crate) const START: Self = Self {
        place: Place::start_of(0),
        url: None,
        offset: 0,
        digest: Digest::EMPTY,
        copied: 0,
        copy_to: 0,
        records: 0,
        pages: 0,
    };

    /// Where in the finished output the next byte will stand.
    pub(crate) const fn end(&self) -> u64 {
        self.offset.saturating_add(self.copy_to.saturating_sub(self.copied))
    }
}

/// Where a job goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Todo {
    pub(crate) place: Place,
    /// What to fetch; `None` for the first page, whose URL is the job's own.
    pub(crate) url: Option<String>,
}

/// Why a page is missing for good, as far as this run is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What was fetched, without credentials.
    pub(crate) url: String,
    /// The status of the last answer; `None` if there was none.
    pub(crate) status: Option<u16>,
    /// One line for a person, without credentials.
    pub(crate) reason: String,
}

/// A failure and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) place: Place,
    pub(crate) failure: Failure,
}
