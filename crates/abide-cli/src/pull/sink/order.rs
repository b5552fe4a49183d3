//! Puts pages into pull order: a page whose turn it is goes to the output, any other into the journal until its turn comes.

use crate::pull::journal::Journal;
use crate::pull::journal::batch::Batch;
use crate::pull::journal::error::Result;
use crate::pull::journal::place::{Failure, Frontier, Page, Place, Todo};

/// Where ordered bytes go.
pub(super) trait Output {
    /// Takes the bytes of one page, and moves the frontier's offset and digest past them.
    fn append(&mut self, frontier: &mut Frontier, bytes: &[u8]) -> Result<()>;

    /// Hands what was appended to the operating system, so that it outlives the process.
    fn flush(&mut self) -> Result<()>;

    /// Forgets what was appended beyond `offset`, because its commit failed.
    fn rewind(&mut self, offset: u64);
}

/// The state of the order: as plain as the journal's last mark, plus counts that save look-ups.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) frontier: Frontier,
    /// Pages in the journal whose turn has not come.
    pub(super) waiting: u64,
    /// Jobs given up since the output was begun.
    pub(super) failures: u64,
    /// Those of them whose turn has not come.
    failed: u64,
    /// Jobs after this one were never heard of.
    heard_of: Option<u64>,
    splice: Option<Splice>,
}

/// A run that fills the gaps of an earlier, partial output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Splice {
    /// How many jobs there are.
    pub(super) jobs: u64,
    /// Length of the earlier output, in bytes.
    pub(super) length: u64,
}

impl Order {
    pub(super) fn new(journal: &Journal, frontier: Frontier, splice: Option<Splice>) -> Result<Self> {
        let (waiting, heard_of) = journal.waiting(frontier.place)?;
        Ok(Self { frontier, waiting, failures: journal.failure_count()?, failed: 0, heard_of, splice })
    }

    /// The frontier of a run that begins to fill gaps. `totals` is where the earlier run ended.
    pub(super) fn at_first_gap(journal: &Journal, totals: &Frontier, splice: Splice) -> Result<Frontier> {
        let mut frontier = Frontier { records: totals.records, pages: totals.pages, ..Frontier::START };
        go_to_gap(journal, &mut frontier, 0, splice)?;
        Ok(frontier)
    }

    pub(super) fn todo(&self, journal: &Journal, from: u64) -> Result<Option<Todo>> {
        let at = &self.frontier;
        let mut job = from.max(at.place.job);
        loop {
            let start = match self.splice {
                _ if job == at.place.job => Todo { place: at.place, url: at.url.clone() },
                None => Todo { place: Place::start_of(job), url: None },
                Some(_) => match journal.gap_from(job)? {
                    Some(gap) => gap.todo,
                    None => return Ok(None),
                },
            };
            if self.splice.is_some_and(|splice| start.place.job >= splice.jobs) {
                return Ok(None);
            }
            job = start.place.job;
            if self.heard_of.is_none_or(|last| job > last) {
                return Ok(Some(start));
            }
            let failed = self.failed > 0 && journal.failed_at(job)?.is_some();
            if !failed && let Some(todo) = journal.follow(start)? {
                return Ok(Some(todo));
            }
            job += 1;
        }
    }

    /// Writes what had waited and whose turn has come; so it is where a resumed output fell back.
    pub(super) fn catch_up(&mut self, journal: &Journal, output: &mut impl Output) -> Result<()> {
        self.transact(journal, output, |order, batch, output| order.drain(journal, batch, output))
    }

    /// All of `pages` or, on error, none.
    pub(super) fn put(&mut self, journal: &Journal, output: &mut impl Output, pages: &[Page]) -> Result<()> {
        self.transact(journal, output, |order, batch, output| {
            pages.iter().try_for_each(|page| order.take(journal, batch, output, page))
        })
    }

    pub(super) fn fail(
        &mut self,
        journal: &Journal,
        output: &mut impl Output,
        job: u64,
        failure: &Failure,
    ) -> Result<()> {
        // Otherwise the job is all there, or has failed before.
        let Some(todo) = self.todo(journal, job)?.filter(|todo| todo.place.job == job) else { return Ok(()) };
        self.transact(journal, output, |order, batch, output| {
            batch.fail(&todo, failure)?;
            order.failures += 1;
            order.failed += 1;
            order.heard_of = order.heard_of.max(Some(job));
            order.drain(journal, batch, output)
        })
    }

    fn transact<O: Output>(
        &mut self,
        journal: &Journal,
        output: &mut O,
        work: impl FnOnce(&mut Self, &mut Batch<'_>, &mut O) -> Result<()>,
    ) -> Result<()> {
        let mut next = self.clone();
        let attempt = || {
            let mut batch = journal.begin()?;
            work(&mut next, &mut batch, output)?;
            // The bytes first: a commit without its bytes could not be repaired, bytes without a commit are cut off.
            output.flush()?;
            batch.commit()
        };
        match attempt() {
            Ok(()) => {
                *self = next;
                Ok(())
            }
            Err(error) => {
                output.rewind(self.frontier.offset);
                Err(error)
            }
        }
    }

    fn take(&mut self, journal: &Journal, batch: &mut Batch<'_>, output: &mut impl Output, page: &Page) -> Result<()> {
        if page.place < self.frontier.place {
            return Ok(());
        }
        batch.visit(page)?;
        if page.place == self.frontier.place {
            self.write(journal, batch, output, page.next.clone(), page.records, &page.bytes)?;
            return self.drain(journal, batch, output);
        }
        if batch.hold(page)? {
            self.waiting += 1;
            self.heard_of = self.heard_of.max(Some(page.place.job));
        }
        Ok(())
    }

    /// Writes and passes over whatever can be, now that the frontier has moved.
    fn drain(&mut self, journal: &Journal, batch: &mut Batch<'_>, output: &mut impl Output) -> Result<()> {
        loop {
            let place = self.frontier.place;
            if self.failed > 0 && journal.failed_at(place.job)? == Some(place.page) {
                batch.pass_over(place.job, self.frontier.end())?;
                self.failed -= 1;
                self.next_job(journal)?;
                batch.mark(&self.frontier)?;
                continue;
            }
            if self.waiting == 0 {
                return Ok(());
            }
            let Some(held) = journal.held(place)? else { return Ok(()) };
            self.waiting -= 1;
            self.write(journal, batch, output, held.next, held.records, &held.bytes)?;
        }
    }

    fn write(
        &mut self,
        journal: &Journal,
        batch: &mut Batch<'_>,
        output: &mut impl Output,
        next: Option<String>,
        records: u64,
        bytes: &[u8],
    ) -> Result<()> {
        if !bytes.is_empty() {
            output.append(&mut self.frontier, bytes)?;
        }
        self.frontier.records += records;
        self.frontier.pages += 1;
        if next.is_some() {
            self.frontier.place = self.frontier.place.next_page();
            self.frontier.url = next;
        } else {
            self.next_job(journal)?;
        }
        batch.mark(&self.frontier)
    }

    fn next_job(&mut self, journal: &Journal) -> Result<()> {
        let job = self.frontier.place.job + 1;
        match self.splice {
            Some(splice) => go_to_gap(journal, &mut self.frontier, job, splice),
            None => {
                self.frontier.place = Place::start_of(job);
                self.frontier.url = None;
                Ok(())
            }
        }
    }
}

/// Moves to the first gap at `job` or after it, or behind the last job.
fn go_to_gap(journal: &Journal, frontier: &mut Frontier, job: u64, splice: Splice) -> Result<()> {
    match journal.gap_from(job)? {
        Some(gap) => {
            frontier.place = gap.todo.place;
            frontier.url = gap.todo.url;
            frontier.copy_to = gap.offset;
        }
        None => {
            frontier.place = Place::start_of(splice.jobs);
            frontier.url = None;
            frontier.copy_to = splice.length;
        }
    }
    Ok(())
}
