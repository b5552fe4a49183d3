//! What can go wrong between a page and the disk, said so that the user knows what to do next.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use abide_core::time::Wall;
use rusqlite::ErrorCode;

use crate::pull::sink::table::error::TableError;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a pull could not be opened, written or finished. Nothing that was committed before is lost by any of them.
#[derive(Debug)]
pub(crate) enum Error {
    /// A file stands where the output belongs, and abide did not write it.
    Occupied { path: PathBuf },
    /// A file stands where the output grows, and no journal speaks of it.
    Leftover { path: PathBuf },
    /// The finished output is not as abide left it.
    Changed { path: PathBuf, since: Option<Wall> },
    /// A file appeared or changed where the output belongs, while the pull was under way.
    Appeared { path: PathBuf },
    /// The output has been complete since then, and the user wanted that to be an error.
    AlreadyComplete { path: PathBuf, since: Wall },
    /// A symbolic link, device, pipe or socket where a plain file is needed.
    NotAFile { path: PathBuf },
    /// A folder where a file is needed, or the other way round.
    WrongKind { path: PathBuf, is_folder: bool },
    /// The folder that the output belongs in does not exist.
    NoFolder { path: PathBuf, folder: PathBuf },
    /// A name that does not lie in the folder or that abide keeps for itself.
    BadName { name: String },
    /// Another process holds the journal.
    InUse { journal: PathBuf },
    /// A database of another program stands where the journal belongs.
    ForeignJournal { journal: PathBuf },
    /// The journal was written by another version of abide.
    OtherVersion { journal: PathBuf, version: i32 },
    /// The journal cannot be read.
    BrokenJournal { journal: PathBuf, why: String },
    /// The journal belongs to a pull of something else.
    OtherPull { journal: PathBuf, differences: Vec<Difference> },
    /// The growing output is shorter than what was known to be on disk.
    Damaged { path: PathBuf, length: u64, needed: u64 },
    /// The partial output that is being repaired is gone or altered.
    SourceLost { path: PathBuf },
    /// The output was on its way to its final name, and is at neither place.
    Lost { path: PathBuf },
    /// The input was read to its end, yet jobs before it are open: a mistake of the caller.
    Unfinished { job: u64, jobs: u64 },
    /// A record has a value for which a CSV file has no column.
    NewColumn { name: String, columns: Vec<String> },
    /// No space, or the quota is used up.
    DiskFull { path: Option<PathBuf> },
    /// Whoever read the output has gone.
    BrokenPipe,
    /// The operating system refused.
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// The table that rows go to.
    Table(TableError),
    /// The journal could not be read or written.
    Journal(rusqlite::Error),
}

/// A setting in which two pulls differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) name: String,
    /// As the journal has it.
    pub(crate) then: Option<String>,
    /// As it is asked for now.
    pub(crate) now: Option<String>,
}

impl Error {
    /// The exit code of the command: 0 for a broken pipe, 2 where the user has to decide, else 1.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::BrokenPipe => 0,
            Self::Table(error) => error.exit_code(),
            Self::Occupied { .. }
            | Self::Leftover { .. }
            | Self::Changed { .. }
            | Self::Appeared { .. }
            | Self::NotAFile { .. }
            | Self::BadName { .. }
            | Self::ForeignJournal { .. }
            | Self::OtherVersion { .. }
            | Self::OtherPull { .. }
            | Self::NewColumn { .. } => 2,
            _ => 1,
        }
    }

    /// Turns an I/O error at `path` into ours; `action` is what was tried, as in "cannot {action} PATH".
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path: Some(path.to_owned()) },
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull { path: None },
            _ => Self::Journal(error),
        }
    }
}

impl From<TableError> for Error {
    fn from(error: TableError) -> Self {
        Self::Table(error)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Journal(source) => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied { path } => write!(
                f,
                "{0} exists and abide did not write it, so it was left alone; name another output with -o, \
                 or give --fresh to replace {0} once the new file is complete",
                path.display()
            ),
            Self::Leftover { path } => write!(
                f,
                "{0} exists, but its journal does not, so it cannot be gone on with and was left alone; \
                 move it away, or give --fresh to start again and discard {0}",
                path.display()
            ),
            Self::Changed { path, since } => write!(
                f,
                "{0} is not as abide left it{since}, so it was left alone; name another output with -o, \
                 or give --fresh to pull again and replace {0} once the new file is complete",
                path.display(),
                since = since.map(|at| format!(" at {}", Since(at))).unwrap_or_default()
            ),
            Self::Appeared { path } => write!(
                f,
                "{0} appeared or changed while this pull was under way, so it was left alone; move it away and run \
                 the same command again: what was fetched is kept. --fresh would start from nothing and replace {0}",
                path.display()
            ),
            Self::AlreadyComplete { path, since } => {
                write!(f, "{} is complete since {}, and --if-complete fail was given", path.display(), Since(*since))
            }
            Self::NotAFile { path } => write!(
                f,
                "{} is a link, device, pipe or socket, and abide writes only plain files; name a plain file, \
                 or write to standard output with -o - and redirect that",
                path.display()
            ),
            Self::WrongKind { path, is_folder: true } => write!(
                f,
                "{0} is a folder and a file is needed; for one file an URL end the name with a slash (-o {0}/), \
                 else name a file",
                path.display()
            ),
            Self::WrongKind { path, is_folder: false } => {
                write!(f, "{} is a file and a folder is needed; leave out the slash, or name a folder", path.display())
            }
            Self::NoFolder { path, folder } => write!(
                f,
                "{} cannot be written: the folder {} does not exist; create it first",
                path.display(),
                folder.display()
            ),
            Self::BadName { name } => {
                write!(
                    f,
                    "{name:?} cannot be the name of an output file: it must not leave the folder nor begin with .abide"
                )
            }
            Self::InUse { journal } => write!(
                f,
                "another process is writing this output (it holds {}); wait until it is done, stop it, \
                 or name another output with -o",
                journal.display()
            ),
            Self::ForeignJournal { journal } => write!(
                f,
                "{0} is the journal's place, but abide did not write what is there, so it was left alone; \
                 move {0} away, or name another output with -o",
                journal.display()
            ),
            Self::OtherVersion { journal, version } => write!(
                f,
                "the journal {} is of format {version}, and this abide reads format {}; nothing was touched: \
                 finish the pull with the abide that began it, or give --fresh to start again",
                journal.display(),
                super::schema::VERSION
            ),
            Self::BrokenJournal { journal, why } => write!(
                f,
                "the journal {} is broken ({why}); nothing was touched: give --fresh to start again \
                 (the broken file is kept beside it as .broken)",
                journal.display()
            ),
            Self::OtherPull { journal, differences } => {
                write!(f, "the journal {} belongs to another pull", journal.display())?;
                for (n, Difference { name, then, now }) in differences.iter().enumerate() {
                    let none = || "none".to_owned();
                    let (then, now) = (then.clone().unwrap_or_else(none), now.clone().unwrap_or_else(none));
                    write!(f, "{} {name} was {then}, now {now}", if n == 0 { ":" } else { ";" })?;
                }
                f.write_str("; name another output with -o, or give --fresh to start again")
            }
            Self::Damaged { path, length, needed } => write!(
                f,
                "{} has {length} bytes, but {needed} were written safely: something else has shortened it; \
                 give --fresh to start again",
                path.display()
            ),
            Self::SourceLost { path } => write!(
                f,
                "{} holds the rows that this run adds to, but it is gone or has changed; put it back, \
                 or give --fresh to start again",
                path.display()
            ),
            Self::Lost { path } => write!(
                f,
                "{0} was complete and about to get its name, but neither {0} nor {0}.part is there as it was; \
                 give --fresh to start again",
                path.display()
            ),
            Self::Unfinished { job, jobs } => {
                write!(
                    f,
                    "cannot finish: URL {job} of {jobs} is still open; this is a mistake in abide, please report it"
                )
            }
            Self::NewColumn { name, columns } => write!(
                f,
                "a record has the field {name:?}, and the CSV file has no column for it: its columns are those of the first \
                 page ({0}); name the ones that you want with --columns {0},{name} and start again with --fresh, or write to \
                 NAME.ndjson or NAME.sqlite, which take any record",
                columns.join(",")
            ),
            Self::DiskFull { path } => {
                match path {
                    Some(path) => write!(f, "no space left to write {}", path.display())?,
                    None => f.write_str("no space left to write the journal")?,
                }
                f.write_str(
                    "; what was fetched is kept: free some space and run the same command again, it goes on from there",
                )
            }
            Self::BrokenPipe => f.write_str("the reader of the output has gone"),
            Self::Table(error) => error.fmt(f),
            Self::Io { action, path, source } => write!(f, "cannot {action} {}: {source}", path.display()),
            Self::Journal(source) => write!(
                f,
                "the journal beside the output failed: {source}; what was fetched is kept: run the same command again, \
                 or give --fresh to start again if it fails the same way"
            ),
        }
    }
}

/// A moment as people read it; the epoch second if it lies outside the calendar.
pub(crate) struct Since(pub(crate) Wall);

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0.as_secs()) {
            Ok(moment) => write!(f, "{moment}"),
            Err(_) => write!(f, "second {} after 1970", self.0.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_file_and_the_way_out() {
        let path = PathBuf::from("items.ndjson");
        let said = Error::Occupied { path: path.clone() }.to_string();
        assert!(said.contains("items.ndjson") && said.contains("--fresh"), "{said}");
        let said = Error::Changed { path, since: Some(Wall::from_secs(1_700_000_000)) }.to_string();
        assert!(said.contains("2023-11-14T22:13:20Z"), "{said}");
    }

    #[test]
    fn another_pull_is_told_by_what_differs() {
        let difference = Difference { name: "records".into(), then: Some("body.items".into()), now: None };
        let said = Error::OtherPull { journal: "x.abide".into(), differences: vec![difference] }.to_string();
        assert!(said.contains("records was body.items, now none"), "{said}");
    }

    #[test]
    fn a_full_disk_is_told_apart_from_other_failures() {
        let full = Error::io("write", Path::new("x"))(io::ErrorKind::StorageFull.into());
        assert!(matches!(full, Error::DiskFull { .. }) && full.to_string().contains("run the same command again"));
        let other = Error::io("write", Path::new("x"))(io::ErrorKind::PermissionDenied.into());
        assert!(matches!(other, Error::Io { .. }));
    }

    #[test]
    fn only_the_users_decisions_are_usage_errors() {
        assert_eq!(Error::BrokenPipe.exit_code(), 0);
        assert_eq!(Error::WrongKind { path: "d".into(), is_folder: true }.exit_code(), 1);
        assert_eq!(Error::Occupied { path: "x".into() }.exit_code(), 2);
    }
}
