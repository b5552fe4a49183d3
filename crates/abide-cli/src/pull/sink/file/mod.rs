//! One file in pull order, NDJSON or CSV, packed or not: it grows as `NAME.part` beside its journal `NAME.abide`, and is renamed when complete.
//!
//! Pages are appended, then committed; a kill in between leaves a tail that the next run cuts off. When the order passes over a
//! failed job, the journal keeps the offset at which its rows belong. The output is renamed all the same, and the next run writes
//! a new `NAME.part` out of `NAME` and the pages that were missing, so that the rows stand where they would have stood.

pub(crate) mod format;
#[cfg(test)]
mod model;
mod open;
mod part;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use abide_core::time::Wall;

use self::format::Format;
use self::part::Part;
use super::order::{Order, Output};
use super::{Sink, Totals};
use crate::pull::journal::Journal;
use crate::pull::journal::digest::Digest;
use crate::pull::journal::disk::{self, Found, Stamp};
use crate::pull::journal::error::{Error, Result};
use crate::pull::journal::place::{Failure, Frontier, Page, Todo};
use crate::pull::journal::state::{Ending, Phase, State};

/// An open output of one file.
#[derive(Debug)]
pub(crate) struct OneFile {
    journal: Journal,
    paths: Paths,
    state: State,
    order: Order,
    part: Part,
    /// Whether anything was put since the last sync.
    dirty: bool,
    /// Whether the names of the new files are known to be on disk.
    named: bool,
}

/// The three names of an output, and what it holds.
#[derive(Clone, Debug)]
struct Paths {
    format: Format,
    name: PathBuf,
    part: PathBuf,
    journal: PathBuf,
}

impl OneFile {
    /// First step of finishing: the output is whole and durable, and the journal says so.
    fn seal(&mut self, jobs: u64) -> Result<()> {
        let at = self.order.job();
        if at != jobs {
            return Err(Error::Unfinished { job: at, jobs });
        }
        let mut frontier = self.order.frontier.clone();
        if let Err(error) = self.part.end(&mut frontier) {
            self.part.rewind(&self.order.frontier);
            return Err(error);
        }
        self.part.sync()?;
        let state = State { phase: Phase::Finishing, jobs: Some(jobs), ..self.state.clone() };
        let mut batch = self.journal.begin()?;
        batch.reclaim(&frontier)?;
        batch.save(&state)?;
        batch.commit()?;
        self.order.frontier = frontier;
        self.state = state;
        self.journal.checkpoint()
    }

    /// Whether this run has come to its end without a byte to add to the earlier output.
    fn adds_nothing(&self, jobs: u64) -> bool {
        self.state.splice && self.order.frontier.place.job == jobs && self.order.frontier.offset == 0
    }
}

impl Sink for OneFile {
    fn todo(&mut self, from: u64) -> Result<Option<Todo>> {
        self.order.todo(&self.journal, from)
    }

    fn put(&mut self, pages: &[Page]) -> Result<()> {
        self.dirty = true;
        self.order.put(&self.journal, &mut self.part, pages)
    }

    fn fail(&mut self, job: u64, failure: &Failure) -> Result<()> {
        self.dirty = true;
        self.order.fail(&self.journal, &mut self.part, job, failure)
    }

    fn journal(&self) -> &Journal {
        &self.journal
    }

    fn waiting(&self) -> u64 {
        self.order.waiting
    }

    fn totals(&self) -> Totals {
        let (at, gathered) = (&self.order.frontier, &self.order.gathered);
        let bytes = match (self.state.phase, &self.state.name) {
            (Phase::Complete, Some(name)) => name.size,
            (_, Some(earlier)) if self.state.splice => at.offset + earlier.size.saturating_sub(at.copied),
            _ => at.offset,
        };
        let (records, pages) = (at.records + gathered.records, at.pages + gathered.pages);
        Totals { records, pages, bytes, failed: self.order.failures }
    }

    fn sync(&mut self) -> Result<()> {
        if !self.dirty {
            return Ok(());
        }
        self.part.sync()?;
        if !self.named {
            disk::sync_folder(disk::folder_of(&self.paths.part))?;
            self.named = true;
        }
        let mut batch = self.journal.begin()?;
        batch.reclaim(&self.order.frontier)?;
        batch.commit()?;
        self.journal.checkpoint()?;
        self.dirty = false;
        Ok(())
    }

    fn finish(&mut self, jobs: u64, now: Wall) -> Result<()> {
        self.order.write_all(&self.journal, &mut self.part)?;
        let name = match self.state.name.filter(|_| self.adds_nothing(jobs)) {
            Some(earlier) => {
                if earlier.compare(&self.paths.name)? != Found::Same {
                    return Err(Error::SourceLost { path: self.paths.name.clone() });
                }
                disk::remove(&self.paths.part)?;
                earlier
            }
            None => {
                self.seal(jobs)?;
                if self.order.failures > 0 {
                    keep_earlier(&self.paths, &self.state)?;
                }
                publish(&self.paths, &self.state, self.order.frontier.digest)?
            }
        };
        self.state = settle(&self.journal, &self.order.frontier, jobs, name, now)?;
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

/// Before a partial output takes the name of an earlier file that it was to replace: that one is moved to `NAME.before`, for it
/// goes only when the new one is complete.
fn keep_earlier(paths: &Paths, state: &State) -> Result<()> {
    let Some(earlier) = state.name.filter(|_| !state.splice) else { return Ok(()) };
    if earlier.compare(&paths.name)? != Found::Same {
        return Ok(());
    }
    let mut before = disk::with_suffix(&paths.name, ".before");
    let mut number = 2;
    while before.symlink_metadata().is_ok() {
        before = disk::with_suffix(&paths.name, &format!(".before{number}"));
        number += 1;
    }
    fs::rename(&paths.name, &before).map_err(Error::io("rename", &paths.name))
}

/// Second step of finishing: the output gets its name, unless that would destroy what is not ours.
fn publish(paths: &Paths, state: &State, digest: Digest) -> Result<Stamp> {
    let found = match &state.name {
        Some(stamp) => stamp.compare(&paths.name)?,
        None => disk::plain_file(&paths.name)?.map_or(Found::Absent, |_| Found::Changed),
    };
    if found == Found::Changed {
        return Err(Error::Appeared { path: paths.name.clone() });
    }
    fs::rename(&paths.part, &paths.name).map_err(Error::io("rename", &paths.part))?;
    published(paths, digest)
}

/// The stamp of the output under its own name, after the rename is durable.
fn published(paths: &Paths, digest: Digest) -> Result<Stamp> {
    disk::sync_folder(disk::folder_of(&paths.name))?;
    let meta = disk::plain_file(&paths.name)?.ok_or_else(|| Error::Lost { path: paths.name.clone() })?;
    Ok(Stamp::of(&meta, Some(digest)))
}

/// Last step of finishing: the journal knows the output as complete.
fn settle(journal: &Journal, last: &Frontier, jobs: u64, name: Stamp, now: Wall) -> Result<State> {
    let state = State { jobs: Some(jobs), since: Some(now), phase: Phase::Complete, ..State::new(Some(name)) };
    let mut batch = journal.begin()?;
    batch.reclaim(last)?;
    batch.save(&state)?;
    if journal.failure_count()? == 0 {
        batch.forget_keys()?;
    }
    batch.commit()?;
    journal.shrink()?;
    journal.settle()?;
    Ok(state)
}

impl Paths {
    fn of(name: &Path, format: Format) -> Result<Self> {
        let folder = disk::folder_of(name);
        if !folder.is_dir() {
            return Err(Error::NoFolder { path: name.to_owned(), folder: folder.to_owned() });
        }
        if name.is_dir() || name.file_name().is_none() || name.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(Error::WrongKind { path: name.to_owned(), is_folder: true });
        }
        Ok(Self {
            format,
            name: name.to_owned(),
            part: disk::with_suffix(name, ".part"),
            journal: disk::with_suffix(name, ".abide"),
        })
    }

    /// An error if anything stands where a new pull would write.
    fn vacant(&self) -> Result<()> {
        if disk::plain_file(&self.name)?.is_some() {
            return Err(Error::Occupied { path: self.name.clone() });
        }
        match disk::plain_file(&self.part)? {
            Some(_) => Err(Error::Leftover { path: self.part.clone() }),
            None => Ok(()),
        }
    }
}
