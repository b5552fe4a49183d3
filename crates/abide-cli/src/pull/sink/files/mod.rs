//! A folder with one file a job, its bytes as they came. The journal is `.abide` within the folder.
//!
//! The pages of a job wait in the journal until its last one is there; then the file is written under a name of abide's own, and
//! committed. The next sync gives it its name. So a file under its own name is whole and on disk, and so is the journal's knowledge
//! of it: no loss of power leaves a file that abide would not know as its own.

mod open;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use abide_core::time::Wall;

use super::{Sink, Totals};
use crate::pull::journal::Journal;
use crate::pull::journal::batch::Batch;
use crate::pull::journal::digest::Digest;
use crate::pull::journal::disk::{self, Found, Stamp};
use crate::pull::journal::error::{Error, Result};
use crate::pull::journal::files::{FileEntry, FileTotals};
use crate::pull::journal::place::{Failure, Page, Place, Todo};
use crate::pull::journal::state::{Ending, Phase, State};

/// Gives the file name of a job.
pub(crate) type FileNames = Box<dyn Fn(u64) -> String + Send>;

/// An open output of many files.
pub(crate) struct Files {
    journal: Journal,
    folder: Folder,
    jobs: u64,
    state: State,
    totals: FileTotals,
    failures: u64,
    /// Jobs after this one were never heard of.
    heard_of: Option<u64>,
    /// Finished files that have yet to get their names.
    unnamed: Vec<Finished>,
    /// Jobs whose files have their names, though the journal does not know it yet.
    named: Vec<u64>,
    dirty: bool,
}

/// The folder, and how its files are named.
struct Folder {
    path: PathBuf,
    names: FileNames,
}

/// A file that is whole and committed.
struct Finished {
    job: u64,
    /// What it may replace.
    old: Option<Stamp>,
}

/// What one call of `put` adds, once it is committed.
struct Taken {
    finished: Vec<Finished>,
    /// Of all files, these included.
    totals: FileTotals,
}

impl Files {
    fn take(&self, batch: &mut Batch<'_>, page: &Page, taken: &mut Taken) -> Result<()> {
        let job = page.place.job;
        let known = self.heard_of.is_some_and(|last| job <= last);
        let entry = if known { self.journal.files()?.of(job)? } else { FileEntry::default() };
        if entry.done.is_some() || taken.finished.iter().any(|file| file.job == job) {
            return Ok(());
        }
        batch.visit(page)?;
        if page.next.is_some() {
            batch.hold(page)?;
            return Ok(());
        }
        let (stamp, records) = self.write(page)?;
        let pages = page.place.page + 1;
        batch.finish_file(job, &stamp, records, pages)?;
        taken.totals.files += 1;
        taken.totals.records += records;
        taken.totals.pages += pages;
        taken.totals.size += stamp.size;
        taken.finished.push(Finished { job, old: entry.old });
        Ok(())
    }

    /// Writes the file of which `last` is the last page. Returns its stamp and how many records it holds.
    fn write(&self, last: &Page) -> Result<(Stamp, u64)> {
        let path = self.folder.part(last.place.job);
        let mut file = disk::open_or_create(&path)?;
        file.set_len(0).map_err(Error::io("cut", &path))?;
        let (mut digest, mut records) = (Digest::EMPTY, last.records);
        let mut push = |bytes: &[u8]| {
            digest.update(bytes);
            file.write_all(bytes).map_err(Error::io("write", &path))
        };
        for page in 0..last.place.page {
            let place = Place { job: last.place.job, page };
            let held = self.journal.held(place)?.ok_or(Error::Unfinished { job: place.job, jobs: self.jobs })?;
            push(&held.bytes)?;
            records += held.records;
        }
        push(&last.bytes)?;
        let meta = file.metadata().map_err(Error::io("look at", &path))?;
        Ok((Stamp::of(&meta, Some(digest)), records))
    }

    fn save_state(&self) -> Result<()> {
        let mut batch = self.journal.begin()?;
        batch.save(&self.state)?;
        batch.commit()
    }

    /// Gives all finished files their names.
    fn name_files(&mut self) -> Result<()> {
        let parts: Vec<_> = self.unnamed.iter().map(|file| self.folder.part(file.job)).collect();
        disk::sync_files(&parts)?;
        disk::sync_folder(&self.folder.path)?;
        self.journal.checkpoint()?;
        while let Some(Finished { job, old }) = self.unnamed.last() {
            self.folder.publish(*job, old.as_ref())?;
            self.named.push(*job);
            self.unnamed.pop();
        }
        if self.named.is_empty() {
            return Ok(());
        }
        disk::sync_folder(&self.folder.path)?;
        let mut batch = self.journal.begin()?;
        batch.files_named(self.named.iter().copied())?;
        batch.commit()?;
        self.named.clear();
        self.journal.checkpoint()
    }
}

impl Sink for Files {
    fn todo(&mut self, from: u64) -> Result<Option<Todo>> {
        let mut job = from;
        while job < self.jobs {
            let start = Todo { place: Place::start_of(job), url: None };
            if self.heard_of.is_none_or(|last| job > last) {
                return Ok(Some(start));
            }
            let unfinished = self.journal.first_unfinished(job)?;
            if unfinished == job && self.journal.failed_at(job)?.is_none() {
                return self.journal.follow(start);
            }
            job = unfinished.max(job + 1);
        }
        Ok(None)
    }

    fn put(&mut self, pages: &[Page]) -> Result<()> {
        self.dirty = true;
        let mut taken = Taken { finished: Vec::new(), totals: self.totals };
        let mut batch = self.journal.begin()?;
        for page in pages {
            self.take(&mut batch, page, &mut taken)?;
        }
        batch.commit()?;
        self.heard_of = self.heard_of.max(pages.iter().map(|page| page.place.job).max());
        self.totals = taken.totals;
        self.unnamed.append(&mut taken.finished);
        Ok(())
    }

    fn fail(&mut self, job: u64, failure: &Failure) -> Result<()> {
        let Some(todo) = self.todo(job)?.filter(|todo| todo.place.job == job) else { return Ok(()) };
        self.dirty = true;
        let mut batch = self.journal.begin()?;
        batch.fail(&todo, failure)?;
        batch.commit()?;
        self.failures += 1;
        self.heard_of = self.heard_of.max(Some(job));
        Ok(())
    }

    fn journal(&self) -> &Journal {
        &self.journal
    }

    /// No job waits for another here.
    fn waiting(&self) -> u64 {
        0
    }

    fn totals(&self) -> Totals {
        let FileTotals { records, pages, size, .. } = self.totals;
        Totals { records, pages, bytes: size, failed: self.failures }
    }

    fn sync(&mut self) -> Result<()> {
        if self.dirty {
            self.name_files()?;
            self.dirty = false;
        }
        Ok(())
    }

    fn finish(&mut self, jobs: u64, now: Wall) -> Result<()> {
        if self.totals.files + self.failures != jobs {
            let job = self.todo(0)?.map_or(jobs, |todo| todo.place.job);
            return Err(Error::Unfinished { job, jobs });
        }
        self.name_files()?;
        self.state = State { jobs: Some(jobs), since: Some(now), phase: Phase::Complete, ..State::new(None) };
        self.save_state()?;
        self.journal.shrink()?;
        self.journal.settle()
    }

    fn close(mut self: Box<Self>, ending: Ending) -> Result<()> {
        self.name_files()?;
        self.state.ending = Some(ending);
        self.save_state()?;
        self.journal.settle()
    }
}

impl Folder {
    fn file(&self, job: u64) -> PathBuf {
        self.path.join((self.names)(job))
    }

    /// Not after the job's own name, which with an ending might be the name of another job's file.
    fn part(&self, job: u64) -> PathBuf {
        self.path.join(format!(".abide-{job}.part"))
    }

    /// Gives a finished file its name, unless that would destroy what is not ours.
    fn publish(&self, job: u64, old: Option<&Stamp>) -> Result<()> {
        let (part, path) = (self.part(job), self.file(job));
        let found = match old {
            Some(old) => old.compare(&path)?,
            None => disk::plain_file(&path)?.map_or(Found::Absent, |_| Found::Changed),
        };
        if found == Found::Changed {
            return Err(Error::Appeared { path });
        }
        fs::rename(&part, &path).map_err(Error::io("rename", &part))
    }
}
