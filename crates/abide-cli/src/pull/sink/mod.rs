//! Where the pages of a pull go: what every output offers to the one who fetches.

mod csv;
pub(crate) mod database;
pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod key;
mod order;
mod shape;
pub(crate) mod stdout;
pub(crate) mod table;
pub(crate) mod tee;
#[cfg(test)]
mod testing;

use abide_core::time::Wall;

use self::key::Key;
use self::table::name::TableName;
use super::journal::Journal;
use super::journal::digest::Digest;
use super::journal::error::Result;
use super::journal::place::{Failed, Failure, Page, Place, Todo};
use super::journal::state::Ending;
use super::since::{Increment, Since};

/// An output. Pages come in any order and leave in pull order; what [`Self::put`] has taken survives the death of the process.
///
/// After an error the output stands where it stood before the call, so that the call may be made again or the output dropped:
/// a later run goes on from there.
pub(crate) trait Sink: Send {
    /// What is done and what is to do.
    fn journal(&self) -> &Journal;

    /// The first job at `from` or after it that is not all there, and where it goes on. Asked with rising `from` it gives all that
    /// is left to do. `None` if no job is left at all; as long as the number of jobs is not known, every job that was never heard
    /// of is to do, and the caller stops at the end of its input.
    fn todo(&mut self, from: u64) -> Result<Option<Todo>>;

    /// Takes pages, all of them or none. A page that was put before is ignored. One call with many pages is cheaper than many calls.
    fn put(&mut self, pages: &[Page]) -> Result<()>;

    /// Gives up `job` at the first page that is missing: its place is passed over. The next run tries it again if its turn had not
    /// come, else the first run after [`Self::finish`].
    fn fail(&mut self, job: u64, failure: &Failure) -> Result<()>;

    /// Whether the job has put a page that was fetched from `url`, in this run or an earlier one. If it is the next page's URL, the
    /// chain is a loop.
    fn seen(&self, job: u64, url: &str) -> Result<bool> {
        self.journal().visited(job, url)
    }

    /// Where the records of the job's first page stood, as [`Page::found`] said, while the job is not all there.
    fn found(&self, job: u64) -> Result<Option<String>> {
        self.journal().found(job)
    }

    /// What a page held that the job has put, while the job is not all there.
    fn digest(&self, place: Place) -> Result<Option<Digest>> {
        self.journal().digest(place)
    }

    /// How far the run asks and has come, where it asks for what is new.
    fn increment(&self) -> Option<&Increment> {
        None
    }

    /// How many pages wait for their turn on disk. Who fetches keeps this bounded by not running too far ahead.
    fn waiting(&self) -> u64;

    fn totals(&self) -> Totals;

    /// At most `most` failures in order, from `job` on.
    fn failures(&self, job: u64, most: u32) -> Result<Vec<Failed>> {
        self.journal().failures(job, most)
    }

    /// Makes everything put so far durable against a loss of power. It waits for the disk: call it about once a second.
    fn sync(&mut self) -> Result<()>;

    /// What there is to tell about the output since the last call, in one line.
    fn poll_note(&mut self) -> Option<String> {
        None
    }

    /// Gives the output its final name, after every one of the `jobs` is put or failed. Afterwards only [`Self::totals`] and
    /// [`Self::failures`] may be called.
    fn finish(&mut self, jobs: u64, now: Wall) -> Result<()>;

    /// Ends a run that did not finish; the next one goes on from here.
    fn close(self: Box<Self>, ending: Ending) -> Result<()>;
}

/// What the output holds, pages of earlier runs included. Waiting pages are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) records: u64,
    pub(crate) pages: u64,
    pub(crate) bytes: u64,
    /// Jobs given up in this run, or in earlier ones that were not finished.
    pub(crate) failed: u64,
}

/// How a pull is to be opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OpenOptions<'a> {
    /// What decides the bytes of the output, by name: the input, how records are found, how pages follow. No credentials. A journal
    /// with other values is refused.
    pub(crate) config: &'a [(&'a str, &'a str)],
    /// Start again, and replace what stands under the output's name once the new output is complete.
    pub(crate) fresh: bool,
    pub(crate) if_complete: IfComplete,
    /// What names a record. A file keeps the first record with a key, a table the last.
    pub(crate) key: Option<&'a Key>,
    /// The table that records go to, where the output is a database.
    pub(crate) table: Option<&'a TableName>,
    /// Where records say when they changed, if a later run is to ask for what is new.
    pub(crate) since: Option<&'a Since>,
    /// What is complete is followed by a run that asks for what is new.
    pub(crate) goes_on: bool,
    /// What is asked for follows from another endpoint's records: where it changes, its records are added to a complete table.
    pub(crate) follows: bool,
    /// The columns of a CSV file, in their order; those of the first page with records if they are not named.
    pub(crate) columns: Option<&'a [String]>,
}

/// What to do with an output that is complete, without a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum IfComplete {
    #[default]
    Skip,
    Refetch,
    Fail,
}

/// An output as it was found.
#[derive(Debug)]
pub(crate) enum Opened<S> {
    /// Nothing was there.
    New(S),
    /// Some of it is there, or all but what failed.
    Resumed(S, Resumed),
    /// All of it is there, and nothing is left to do.
    Complete { since: Wall, totals: Totals, increment: Option<Increment> },
}

/// What an earlier run left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resumed {
    /// What is in the output.
    pub(crate) totals: Totals,
    /// Jobs that are wholly in the output.
    pub(crate) jobs: u64,
    /// Pages that wait for their turn.
    pub(crate) waiting: u64,
    /// Failed jobs of a finished run that this one tries again.
    pub(crate) missing: u64,
    /// How the earlier run ended; `None` if it was killed or finished.
    pub(crate) ending: Option<Ending>,
}
