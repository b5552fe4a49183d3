//! Opening a folder of files: each name is looked at before the first request, so that nothing foreign is in the way later.

use std::fs;
use std::io;
use std::path::{Component, Path};

use abide_core::time::Wall;

use super::{FileNames, Files, Folder};
use crate::pull::journal::batch::Batch;
use crate::pull::journal::disk::{self, Found, Stamp};
use crate::pull::journal::error::{Error, Result};
use crate::pull::journal::files::{FileEntry, FileTotals};
use crate::pull::journal::state::{Phase, State};
use crate::pull::journal::{Contents, Journal};
use crate::pull::sink::{IfComplete, OpenOptions, Opened, Resumed, Totals};

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
    folder.remove_parts()?;
    Ok(Opened::New(files(journal, folder, jobs, state)?))
}

fn files(journal: Journal, folder: Folder, jobs: u64, state: State) -> Result<Files> {
    let (totals, heard_of, failures) = (journal.file_totals()?, journal.last_heard_of()?, journal.failure_count()?);
    let (unnamed, unsynced) = (Vec::new(), Vec::new());
    Ok(Files { journal, folder, jobs, state, totals, failures, heard_of, unnamed, unsynced, dirty: true })
}

fn resume(journal: Journal, folder: Folder, jobs: u64, options: &OpenOptions<'_>) -> Result<Opened<Files>> {
    let mut state = journal.state()?;
    let (missing, ending) = (journal.failure_count()?, state.ending.take());
    let mut batch = journal.begin()?;
    let mut unsynced = Vec::new();
    for job in 0..jobs {
        let entry = folder.check(&mut batch, job, journal.file(job)?, state.since)?;
        if entry.done.is_some() && !entry.synced {
            unsynced.push(job);
        }
    }
    let totals = journal.file_totals()?;
    if let (Phase::Complete, Some(since), true) = (state.phase, state.since, totals.files == jobs) {
        match options.if_complete {
            IfComplete::Skip => {
                drop(batch);
                journal.settle()?;
                let FileTotals { records, pages, size, .. } = totals;
                return Ok(Opened::Complete { since, totals: Totals { records, pages, bytes: size, failed: 0 } });
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
    folder.remove_parts()?;
    let mut files = files(journal, folder, jobs, state)?;
    files.unsynced = unsynced;
    let waiting = files.journal.waiting(Default::default())?.0;
    let resumed = Resumed { totals: super::Sink::totals(&files), jobs: totals.files, waiting, missing, ending };
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

    /// Compares what stands under a job's name with what the journal says of it, and corrects the journal where a kill, a loss of
    /// power or the user has undone something.
    fn check(&self, batch: &mut Batch<'_>, job: u64, entry: FileEntry, since: Option<Wall>) -> Result<FileEntry> {
        let path = self.file(job);
        let Some(done) = entry.done else {
            return match (entry.old, disk::plain_file(&path)?) {
                (_, None) => Ok(entry),
                (Some(old), Some(_)) if old.compare(&path)? == Found::Same => Ok(entry),
                _ => Err(Error::Appeared { path }),
            };
        };
        if entry.synced {
            return match done.compare(&path)? {
                Found::Same => Ok(entry),
                Found::Changed => Err(Error::Changed { path, since }),
                Found::Absent => {
                    batch.unfinish_file(job, None)?;
                    Ok(FileEntry::default())
                }
            };
        }
        // Its bytes may have been lost with the power, whatever its size and time say: it has to be read.
        let unread = Stamp { modified: i64::MIN, ..done };
        if unread.compare(&path)? == Found::Same {
            return Ok(entry);
        }
        if unread.compare(&self.part(job))? == Found::Same {
            self.publish(job, entry.old.as_ref())?;
            return Ok(entry);
        }
        let old = disk::plain_file(&path)?.map(|meta| Stamp::of(&meta, None));
        if old.is_some_and(|torn| torn.modified > done.modified) {
            // Written to after abide left it.
            return Err(Error::Changed { path, since });
        }
        batch.unfinish_file(job, old.as_ref())?;
        Ok(FileEntry { old, ..FileEntry::default() })
    }

    /// Removes what a killed run left half written.
    fn remove_parts(&self) -> Result<()> {
        for entry in fs::read_dir(&self.path).map_err(Error::io("read", &self.path))? {
            let name = entry.map_err(Error::io("read", &self.path))?.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(".abide-") && name.ends_with(".part") {
                disk::remove(&self.path.join(&*name))?;
            }
        }
        Ok(())
    }
}
