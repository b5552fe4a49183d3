//! Opening a folder of files: each name is looked at before the first request, so that nothing foreign is in the way later.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Component, Path};

use abide_core::time::Wall;

use super::{FileNames, Files, Finished, Folder};
use crate::pull::journal::disk::{self, Found, Stamp};
use crate::pull::journal::error::{Error, Result};
use crate::pull::journal::files::{FileEntry, FileTotals};
use crate::pull::journal::place::Place;
use crate::pull::journal::state::{Phase, State};
use crate::pull::journal::{Contents, Journal};
use crate::pull::sink::{IfComplete, OpenOptions, Opened, Resumed, Sink, Totals};

const JOURNAL: &str = ".abide";

impl Files {
    /// Opens the folder `path` and creates it if need be, for `jobs` files named by `names`. An error leaves every file as it was.
    pub(crate) fn open(path: &Path, jobs: u64, names: FileNames, options: &OpenOptions<'_>) -> Result<Opened<Self>> {
        let folder = Folder { path: path.to_owned(), names };
        folder.check_names(jobs)?;
        let made = folder.check_folder()?;
        let journal_path = path.join(JOURNAL);
        if options.fresh && !made {
            // A look at each before the journal is emptied, for what is no plain file cannot be replaced.
            for job in 0..jobs {
                disk::plain_file(&folder.file(job))?;
            }
            let journal = Journal::open_fresh(&journal_path)?;
            return begin(journal, folder, jobs, options, true);
        }
        if !made && disk::plain_file(&journal_path)?.is_none() {
            folder.vacant(jobs)?;
        }
        let (journal, contents) = Journal::open(&journal_path)?;
        if contents == Contents::Nothing {
            folder.vacant(jobs)?;
            return begin(journal, folder, jobs, options, false);
        }
        match journal.differences(options.config)? {
            differences if differences.is_empty() => resume(journal, folder, jobs, options),
            differences => Err(Error::OtherPull { journal: journal_path, differences }),
        }
    }
}

/// What became of a job's file.
enum Check {
    /// As the journal says.
    AsKnown,
    /// It is whole, and has yet to get its name.
    Unnamed,
    /// It got its name just before the process died.
    Named,
    /// It is gone, or its bytes are.
    Lost,
}

fn begin(
    journal: Journal,
    folder: Folder,
    jobs: u64,
    options: &OpenOptions<'_>,
    replace: bool,
) -> Result<Opened<Files>> {
    let state = State::new(None);
    journal.start(options.config, &state)?;
    if replace {
        let mut batch = journal.begin()?;
        for job in 0..jobs {
            if let Some(meta) = disk::plain_file(&folder.file(job))? {
                batch.unfinish_file(job, Some(&Stamp::of(&meta, None)))?;
            }
        }
        batch.commit()?;
    }
    folder.remove_parts(&[])?;
    Ok(Opened::New(files(journal, folder, jobs, state)?))
}

fn files(journal: Journal, folder: Folder, jobs: u64, state: State) -> Result<Files> {
    let (totals, heard_of, failures) = (journal.file_totals()?, journal.last_heard_of()?, journal.failure_count()?);
    let (unnamed, named) = (Vec::new(), Vec::new());
    Ok(Files { journal, folder, jobs, state, totals, failures, heard_of, unnamed, named, dirty: true })
}

fn resume(journal: Journal, folder: Folder, jobs: u64, options: &OpenOptions<'_>) -> Result<Opened<Files>> {
    let mut state = journal.state()?;
    let (missing, ending) = (journal.failure_count()?, state.ending.take());
    let mut batch = journal.begin()?;
    let mut unnamed = Vec::new();
    let mut entries = journal.files()?;
    for job in 0..jobs {
        let entry = entries.of(job)?;
        match folder.check(job, &entry, state.since)? {
            Check::AsKnown => {}
            Check::Unnamed => unnamed.push(Finished { job, old: entry.old }),
            Check::Named => batch.files_named([job].into_iter())?,
            Check::Lost => batch.unfinish_file(job, entry.old.as_ref())?,
        }
    }
    drop(entries);
    let totals = journal.file_totals()?;
    if let (Phase::Complete, Some(since), true) = (state.phase, state.since, totals.files == jobs) {
        match options.if_complete {
            IfComplete::Skip => {
                drop(batch);
                journal.settle()?;
                let FileTotals { records, pages, size, .. } = totals;
                let totals = Totals { records, pages, bytes: size, failed: 0 };
                return Ok(Opened::Complete { since, totals, increment: None });
            }
            IfComplete::Fail => return Err(Error::AlreadyComplete { path: folder.path, since }),
            IfComplete::Refetch => {
                drop(batch);
                return begin(journal, folder, jobs, options, true);
            }
        }
    }
    state = State { phase: Phase::Pulling, since: None, ..state };
    batch.forgive_from(0)?;
    batch.save(&state)?;
    batch.commit()?;
    folder.remove_parts(&unnamed)?;
    let mut files = files(journal, folder, jobs, state)?;
    files.unnamed = unnamed;
    let waiting = files.journal.waiting(Place::default())?.0;
    let resumed = Resumed { totals: files.totals(), jobs: totals.files, waiting, missing, ending };
    Ok(Opened::Resumed(files, resumed))
}

impl Folder {
    fn check_names(&self, jobs: u64) -> Result<()> {
        for job in 0..jobs {
            let name = (self.names)(job);
            let mut parts = Path::new(&name).components();
            let plain =
                matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && !name.ends_with('/');
            if !plain || name.starts_with(JOURNAL) {
                return Err(Error::BadName { name });
            }
        }
        Ok(())
    }

    /// Creates the folder if it is not there. Returns whether it was created.
    fn check_folder(&self) -> Result<bool> {
        match fs::metadata(&self.path) {
            Ok(meta) if meta.is_dir() => Ok(false),
            Ok(_) => Err(Error::WrongKind { path: self.path.clone(), is_folder: false }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => match fs::create_dir(&self.path) {
                Ok(()) => Ok(true),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    let folder = disk::folder_of(&self.path).to_owned();
                    Err(Error::NoFolder { path: self.path.clone(), folder })
                }
                Err(e) => Err(Error::io("create", &self.path)(e)),
            },
            Err(e) => Err(Error::io("look at", &self.path)(e)),
        }
    }

    /// An error if anything stands where a new pull would write.
    fn vacant(&self, jobs: u64) -> Result<()> {
        for job in 0..jobs {
            let path = self.file(job);
            if disk::plain_file(&path)?.is_some() {
                return Err(Error::Occupied { path });
            }
        }
        Ok(())
    }

    /// Compares what stands in the folder for a job with what the journal says of it.
    fn check(&self, job: u64, entry: &FileEntry, since: Option<Wall>) -> Result<Check> {
        let path = self.file(job);
        let found = |stamp: Option<Stamp>| match stamp {
            Some(stamp) => stamp.compare(&path),
            None => Ok(disk::plain_file(&path)?.map_or(Found::Absent, |_| Found::Changed)),
        };
        if let Some(done) = entry.done.filter(|_| !entry.named) {
            // Its bytes may have been lost with the power, whatever its size and time say: it has to be read.
            let unread = Stamp { modified: i64::MIN, ..done };
            if unread.compare(&self.part(job))? == Found::Same {
                return match found(entry.old)? {
                    Found::Changed => Err(Error::Appeared { path }),
                    Found::Same | Found::Absent => Ok(Check::Unnamed),
                };
            }
        }
        match (entry.done, found(entry.done)?) {
            (None, Found::Absent) => Ok(Check::AsKnown),
            (Some(_), Found::Absent) => Ok(Check::Lost),
            (Some(_), Found::Same) if entry.named => Ok(Check::AsKnown),
            (Some(_), Found::Same) => Ok(Check::Named),
            (done, _) if !entry.named && found(entry.old)? == Found::Same => {
                Ok(if done.is_some() { Check::Lost } else { Check::AsKnown })
            }
            (None, _) => Err(Error::Appeared { path }),
            (Some(_), _) => Err(Error::Changed { path, since }),
        }
    }

    /// Removes what killed runs left half written, but not the finished files that have yet to get their names.
    fn remove_parts(&self, unnamed: &[Finished]) -> Result<()> {
        let keep: HashSet<_> = unnamed.iter().map(|file| self.part(file.job)).collect();
        for entry in fs::read_dir(&self.path).map_err(Error::io("read", &self.path))? {
            let name = entry.map_err(Error::io("read", &self.path))?.file_name();
            let path = self.path.join(&name);
            let name = name.to_string_lossy();
            if name.starts_with(".abide-") && name.ends_with(".part") && !keep.contains(&path) {
                disk::remove(&path)?;
            }
        }
        Ok(())
    }
}
