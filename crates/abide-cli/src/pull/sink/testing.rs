//! What the tests of the outputs share: pages made from numbers, and places to put them.

use std::path::Path;

use tempfile::TempDir;

use crate::pull::journal::place::{Failure, Page, Place};

/// In memory where that is possible, so that waiting for the disk costs nothing.
pub(super) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("the tests need a temporary folder")
}

/// Page `page` of job `job`, of a job with `of` pages.
pub(super) fn page(job: u64, page: u64, of: u64) -> Page {
    Page {
        place: Place { job, page },
        url: url(job, page),
        next: (page + 1 < of).then(|| url(job, page + 1)),
        records: records(job, page),
        bytes: rows(job, page).into(),
    }
}

pub(super) fn url(job: u64, page: u64) -> String {
    format!("http://127.0.0.1/{job}?page={page}")
}

/// None to three.
pub(super) fn records(job: u64, page: u64) -> u64 {
    (job * 7 + page * 3) % 4
}

/// The rows of one page.
pub(super) fn rows(job: u64, page: u64) -> String {
    (0..records(job, page)).map(|n| format!("{{\"job\":{job},\"page\":{page},\"n\":{n}}}\n")).collect()
}

/// The rows of a whole job.
pub(super) fn all_rows(job: u64, of: u64) -> String {
    (0..of).map(|page| rows(job, page)).collect()
}

pub(super) fn failure(job: u64) -> Failure {
    Failure { url: url(job, 0), status: Some(404), reason: "not found".into() }
}
