//! Rows in a target such as a database table, in pull order: the target has its own frontier, and the journal follows it.

pub(crate) mod error;
pub(crate) mod kind;
pub(crate) mod name;
mod open;
pub(crate) mod schema;
pub(crate) mod sql;
mod target;
#[cfg(test)]
mod tests;

use std::thread;
use std::time::{Duration, Instant};

use abide_core::time::Wall;

use self::error::TableError;
use self::target::{Rows, Target};
use super::order::{Order, Splice};
use super::{Sink, Totals};
use crate::pull::journal::Journal;
use crate::pull::journal::error::{Error, Result};
use crate::pull::journal::place::{Failure, Page, Todo};
use crate::pull::journal::state::{Ending, Phase, State};
use crate::pull::since::Increment;

/// For how long a target may be out of reach before the run ends. Until then pages are gathered in the journal.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often it is looked whether the target is back.
const KNOCK: Duration = Duration::from_millis(500);

/// An open output whose rows go to a target.
#[derive(Debug)]
pub(crate) struct Table<T> {
    journal: Journal,
    state: State,
    order: Order,
    rows: Rows<T>,
    /// Since when the target has been out of reach, and when it was tried last.
    away: Option<(Instant, Instant)>,
    dirty: bool,
    /// Whether a loss of power may take the knowledge of a failure.
    has_unsafe_failures: bool,
    note: Option<String>,
}

impl<T: Target> Table<T> {
    /// Hands the target what it is to have: whole groups, or all. Does nothing while it is out of reach.
    fn write(&mut self, all: bool) -> Result<()> {
        if self.away.is_some_and(|(_, tried)| tried.elapsed() < KNOCK) {
            return Ok(());
        }
        // Or the target might have passed over a job of which nobody knows any more that it is missing.
        if self.has_unsafe_failures {
            self.journal.checkpoint()?;
            self.has_unsafe_failures = false;
        }
        let written = self.realign().and_then(|()| match all {
            true => self.order.write_all(&self.journal, &mut self.rows),
            false => self.order.catch_up(&self.journal, &mut self.rows),
        });
        match written {
            Err(Error::Table(TableError::Away { at, why, .. })) => {
                let now = Instant::now();
                if self.away.is_none() {
                    self.note = Some(format!(
                        "{at} is out of reach ({why}); until it is back, what comes is kept in the journal"
                    ));
                }
                let (since, _) = self.away.unwrap_or((now, now));
                self.away = Some((since, now));
                match now.duration_since(since) {
                    since if since < PATIENCE => Ok(()),
                    since => Err(TableError::Away { at, why, since }.into()),
                }
            }
            Ok(()) => {
                if let Some((since, _)) = self.away.take() {
                    let name = self.rows.target.name();
                    self.note = Some(format!("{name} is back after {} s", since.elapsed().as_secs()));
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// After a time out of reach, asks the target how far it has come: the last it was told may or may not have got through.
    fn realign(&mut self) -> Result<()> {
        let (Some(_), Some(began)) = (self.away, self.state.run) else { return Ok(()) };
        let Some(known) = self.rows.target.take_up(began)? else { return Err(open::lost(&self.rows.target)) };
        if known.frontier.place != self.order.frontier.place {
            self.order = open::align(&self.journal, known.frontier, self.order.splice())?;
        }
        self.rows.align(self.order.frontier.place);
        Ok(())
    }
}

impl<T: Target> Sink for Table<T> {
    fn todo(&mut self, from: u64) -> Result<Option<Todo>> {
        self.order.todo(&self.journal, from)
    }

    fn put(&mut self, pages: &[Page]) -> Result<()> {
        self.dirty = true;
        self.order.take_all(&self.journal, &mut self.rows, pages)?;
        self.write(false)
    }

    fn fail(&mut self, job: u64, failure: &Failure) -> Result<()> {
        self.dirty = true;
        self.has_unsafe_failures = true;
        self.order.give_up(&self.journal, &mut self.rows, job, failure)
    }

    fn journal(&self) -> &Journal {
        &self.journal
    }

    fn increment(&self) -> Option<&Increment> {
        self.rows.target.increment()
    }

    fn waiting(&self) -> u64 {
        self.order.waiting
    }

    fn totals(&self) -> Totals {
        let (at, gathered) = (&self.order.frontier, &self.order.gathered);
        let (records, pages) = (at.records + gathered.records, at.pages + gathered.pages);
        Totals { records, pages, bytes: 0, failed: self.order.failures }
    }

    fn poll_note(&mut self) -> Option<String> {
        self.note.take()
    }

    fn sync(&mut self) -> Result<()> {
        if !self.dirty {
            return Ok(());
        }
        self.write(true)?;
        let mut batch = self.journal.begin()?;
        batch.reclaim(&self.order.frontier)?;
        batch.commit()?;
        self.journal.checkpoint()?;
        self.dirty = self.away.is_some();
        Ok(())
    }

    fn finish(&mut self, jobs: u64, now: Wall) -> Result<()> {
        loop {
            self.write(true)?;
            if self.away.is_none() {
                break;
            }
            thread::sleep(KNOCK);
        }
        match self.order.job() {
            job if job == jobs => {}
            job => return Err(Error::Unfinished { job, jobs }),
        }
        self.rows.target.finish(now, self.order.failures > 0)?;
        self.state = open::settle(&self.journal, &self.order.frontier, &self.state, jobs, now)?;
        Ok(())
    }

    fn close(mut self: Box<Self>, ending: Ending) -> Result<()> {
        self.state.ending = Some(ending);
        let mut batch = self.journal.begin()?;
        batch.save(&self.state)?;
        batch.commit()?;
        self.dirty = true;
        self.sync()?;
        self.journal.settle()
    }
}

/// The gaps that a run fills. Rows have no place between others, so that nothing is measured in bytes.
fn splice_of(state: &State) -> Option<Splice> {
    let jobs = state.jobs.filter(|_| state.splice && state.phase == Phase::Pulling)?;
    Some(Splice { jobs, length: 0, header: 0 })
}
