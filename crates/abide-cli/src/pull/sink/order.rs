//! Puts pages into pull order: a page whose turn it is goes to the output, any other into the journal until its turn comes.
//!
//! An output takes pages one by one or in groups. Those of a group that is not full yet wait in the journal too, so that nothing
//! is lost whatever becomes of the output: the journal is ahead of it, and what the output says of itself is where it stands.
//! Where a group ends depends on the pages alone and not on when they came, so that an interrupted run forms the same ones.

use crate::pull::journal::Journal;
use crate::pull::journal::batch::Batch;
use crate::pull::journal::error::Result;
use crate::pull::journal::place::{Failure, Frontier, Page, Place, Todo};

/// Where ordered pages go.
pub(super) trait Output {
    /// How many bytes of pages make a group, or nothing if it takes each page as it comes.
    fn group(&self) -> Option<u64>;

    /// Takes the records of one page, and counts those that it keeps. What has to be remembered of them goes into the same batch.
    fn append(&mut self, batch: &mut Batch<'_>, frontier: &mut Frontier, bytes: &[u8], records: u64) -> Result<()>;

    /// Ends a group: the frontier's offset and digest are those behind it.
    fn seal(&mut self, frontier: &mut Frontier) -> Result<()>;

    /// Makes what was appended outlive the process; it ends at `frontier`.
    fn flush(&mut self, frontier: &Frontier) -> Result<()>;

    /// Forgets what was appended behind `frontier`, because it could not be committed.
    fn rewind(&mut self, frontier: &Frontier);
}

/// The state of the order: as plain as the journal's last mark, plus counts that save look-ups.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// How far the output has come.
    pub(super) frontier: Frontier,
    /// Pages in the journal whose turn has not come.
    pub(super) waiting: u64,
    /// Jobs given up since the output was begun.
    pub(super) failures: u64,
    /// Whose turn it is: everything between the frontier and this has been gathered.
    head: Todo,
    pub(super) gathered: Gathered,
    /// Failures whose turn has not come.
    failed: u64,
    /// Jobs after this one were never heard of.
    heard_of: Option<u64>,
    splice: Option<Splice>,
}

/// Pages in the journal whose turn has come, and which are not a whole group yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gathered {
    pub(super) pages: u64,
    pub(super) records: u64,
    bytes: u64,
    /// The group ends here, however small it is.
    is_due: bool,
}

/// A run that fills the gaps of an earlier, partial output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Splice {
    /// How many jobs there are.
    pub(super) jobs: u64,
    /// Length of the earlier output, in bytes.
    pub(super) length: u64,
    /// Length of what stands in it before all rows, in bytes.
    pub(super) header: u64,
}

impl Order {
    pub(super) fn new(journal: &Journal, frontier: Frontier, splice: Option<Splice>) -> Result<Self> {
        let (waiting, heard_of) = journal.waiting(frontier.place)?;
        let head = Todo { place: frontier.place, url: frontier.url.clone() };
        let (failures, gathered) = (journal.failure_count()?, Gathered::default());
        Ok(Self { frontier, waiting, failures, head, gathered, failed: 0, heard_of, splice })
    }

    /// The frontier of a run that begins to fill gaps. `totals` is where the earlier run ended.
    pub(super) fn at_first_gap(journal: &Journal, totals: &Frontier, splice: Splice) -> Result<Frontier> {
        let mut frontier = Frontier { records: totals.records, pages: totals.pages, ..Frontier::START };
        go_to_gap(journal, &mut frontier, 0, splice)?;
        Ok(frontier)
    }

    /// The first job that is not all there; what is gathered counts as there.
    pub(super) fn job(&self) -> u64 {
        self.head.place.job
    }

    pub(super) fn splice(&self) -> Option<Splice> {
        self.splice
    }

    pub(super) fn todo(&self, journal: &Journal, from: u64) -> Result<Option<Todo>> {
        let mut job = from.max(self.head.place.job);
        loop {
            let start = match self.splice {
                _ if job == self.head.place.job => self.head.clone(),
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

    /// All of `pages` or, on error, none.
    pub(super) fn put(&mut self, journal: &Journal, output: &mut impl Output, pages: &[Page]) -> Result<()> {
        self.take_all(journal, output, pages)?;
        // A group is written in a commit of its own: by then all that it is made from is in the journal.
        if output.group().is_some() { self.catch_up(journal, output) } else { Ok(()) }
    }

    /// Takes `pages`, all or none, and writes those that make no group.
    pub(super) fn take_all(&mut self, journal: &Journal, output: &mut impl Output, pages: &[Page]) -> Result<()> {
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
        self.give_up(journal, output, job, failure)?;
        self.catch_up(journal, output)
    }

    /// Notes that a job has failed, whose turn may come later.
    pub(super) fn give_up(
        &mut self,
        journal: &Journal,
        output: &mut impl Output,
        job: u64,
        failure: &Failure,
    ) -> Result<()> {
        // Otherwise the job is all there, or has failed before.
        let Some(todo) = self.todo(journal, job)?.filter(|todo| todo.place.job == job) else { return Ok(()) };
        self.transact(journal, output, |order, batch, _| {
            batch.fail(&todo, failure)?;
            order.failures += 1;
            order.failed += 1;
            order.heard_of = order.heard_of.max(Some(job));
            Ok(())
        })
    }

    /// Writes all whose turn has come and that makes up whole groups.
    pub(super) fn catch_up(&mut self, journal: &Journal, output: &mut impl Output) -> Result<()> {
        while self.transact(journal, output, |order, batch, output| order.drain(journal, batch, output))? {}
        Ok(())
    }

    /// Writes all whose turn has come, the last group however small it is.
    pub(super) fn write_all(&mut self, journal: &Journal, output: &mut impl Output) -> Result<()> {
        self.catch_up(journal, output)?;
        if self.gathered.pages > 0 {
            self.transact(journal, output, |order, batch, output| order.write_group(journal, batch, output))?;
        }
        Ok(())
    }

    fn transact<O: Output, T>(
        &mut self,
        journal: &Journal,
        output: &mut O,
        work: impl FnOnce(&mut Self, &mut Batch<'_>, &mut O) -> Result<T>,
    ) -> Result<T> {
        let mut next = self.clone();
        let attempt = || {
            let mut batch = journal.begin()?;
            let done = work(&mut next, &mut batch, output)?;
            // The output first: a commit without its bytes could not be repaired, bytes without a commit are cut off.
            output.flush(&next.frontier)?;
            batch.commit()?;
            Ok(done)
        };
        match attempt() {
            Ok(done) => {
                *self = next;
                Ok(done)
            }
            Err(error) => {
                output.rewind(&self.frontier);
                Err(error)
            }
        }
    }

    fn take(&mut self, journal: &Journal, batch: &mut Batch<'_>, output: &mut impl Output, page: &Page) -> Result<()> {
        if page.place < self.head.place {
            return Ok(());
        }
        batch.visit(page)?;
        if page.place == self.head.place && output.group().is_none() {
            self.append(batch, output, &page.bytes, page.records)?;
            self.pass(journal, page.next.clone())?;
            self.mark(journal, batch, output)?;
            self.drain(journal, batch, output)?;
            return Ok(());
        }
        if batch.hold(page)? {
            self.waiting += 1;
            self.heard_of = self.heard_of.max(Some(page.place.job));
        }
        Ok(())
    }

    /// Writes and passes over whatever can be: all of it, or one group. Returns whether there may be more.
    fn drain(&mut self, journal: &Journal, batch: &mut Batch<'_>, output: &mut impl Output) -> Result<bool> {
        loop {
            if self.gathered.is_due || output.group().is_some_and(|bytes| self.gathered.bytes >= bytes) {
                self.write_group(journal, batch, output)?;
                return Ok(true);
            }
            let place = self.head.place;
            if self.failed > 0 && journal.failed_at(place.job)? == Some(place.page) {
                // Its rows will go between two groups.
                if self.gathered.pages > 0 {
                    self.gathered.is_due = true;
                    continue;
                }
                batch.pass_over(place.job, self.frontier.end())?;
                self.failed -= 1;
                self.pass_job(journal)?;
                self.mark(journal, batch, output)?;
                continue;
            }
            if self.waiting == 0 {
                return Ok(false);
            }
            if output.group().is_some() {
                let Some(held) = journal.held_size(place)? else { return Ok(false) };
                self.gathered.pages += 1;
                self.gathered.records += held.records;
                self.gathered.bytes += held.bytes;
                self.waiting -= 1;
                self.pass(journal, held.next)?;
            } else {
                let Some(held) = journal.held(place)? else { return Ok(false) };
                self.append(batch, output, &held.bytes, held.records)?;
                self.waiting -= 1;
                self.pass(journal, held.next)?;
                self.mark(journal, batch, output)?;
            }
        }
    }

    /// Writes what is gathered.
    fn write_group(&mut self, journal: &Journal, batch: &mut Batch<'_>, output: &mut impl Output) -> Result<()> {
        let mut place = self.frontier.place;
        for _ in 0..self.gathered.pages {
            let held = journal.held(place)?.ok_or_else(|| journal.broken("a page that was gathered is gone"))?;
            self.append(batch, output, &held.bytes, held.records)?;
            place = match held.next {
                Some(_) => place.next_page(),
                None => Place::start_of(place.job + 1),
            };
        }
        self.gathered = Gathered::default();
        self.mark(journal, batch, output)
    }

    fn append(&mut self, batch: &mut Batch<'_>, output: &mut impl Output, bytes: &[u8], records: u64) -> Result<()> {
        output.append(batch, &mut self.frontier, bytes, records)?;
        self.frontier.pages += 1;
        Ok(())
    }

    /// Notes that the output has come as far as the head.
    fn mark(&mut self, journal: &Journal, batch: &mut Batch<'_>, output: &mut impl Output) -> Result<()> {
        output.seal(&mut self.frontier)?;
        let left = self.frontier.place.job;
        self.frontier.place = self.head.place;
        self.frontier.url = self.head.url.clone();
        if let Some(splice) = self.splice.filter(|_| self.head.place.job != left) {
            go_to_gap(journal, &mut self.frontier, self.head.place.job, splice)?;
        }
        batch.mark(&self.frontier)
    }

    /// Moves the head past a page that was taken.
    fn pass(&mut self, journal: &Journal, next: Option<String>) -> Result<()> {
        if next.is_some() {
            self.head = Todo { place: self.head.place.next_page(), url: next };
            return Ok(());
        }
        // Rows of the earlier output stand between this gap and the next.
        self.gathered.is_due = self.splice.is_some() && self.gathered.pages > 0;
        self.pass_job(journal)
    }

    fn pass_job(&mut self, journal: &Journal) -> Result<()> {
        let job = self.head.place.job + 1;
        self.head = match self.splice {
            Some(splice) => gap_at(journal, job, splice)?.0,
            None => Todo { place: Place::start_of(job), url: None },
        };
        Ok(())
    }
}

/// The first gap at `job` or after it, or behind the last job, and how much of the earlier output stands before it.
fn gap_at(journal: &Journal, job: u64, splice: Splice) -> Result<(Todo, u64)> {
    Ok(match journal.gap_from(job)? {
        Some(gap) => (gap.todo, gap.offset.max(splice.header)),
        None => (Todo { place: Place::start_of(splice.jobs), url: None }, splice.length),
    })
}

fn go_to_gap(journal: &Journal, frontier: &mut Frontier, job: u64, splice: Splice) -> Result<()> {
    let (todo, copy_to) = gap_at(journal, job, splice)?;
    frontier.place = todo.place;
    frontier.url = todo.url;
    frontier.copy_to = copy_to;
    Ok(())
}
