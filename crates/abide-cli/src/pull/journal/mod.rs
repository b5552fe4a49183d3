//! The journal of a pull: what was fetched, how far the output has come, and what is still missing.
//!
//! One SQLite file beside the output, held by one process at a time. A commit survives the death of the process; a
//! [`Journal::checkpoint`] survives the loss of power. While a pull runs, and after a kill, a `-wal` file lies beside it, which is
//! as much part of it; after an orderly end there is the one file. A `-shm` file is never made.

pub(crate) mod batch;
pub(crate) mod digest;
pub(crate) mod disk;
pub(crate) mod error;
pub(crate) mod files;
pub(crate) mod known;
pub(crate) mod place;
mod read;
mod schema;
pub(crate) mod state;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use error::{Error, Result};
use place::Frontier;
use state::State;

/// Pages of 4 KiB after which the log is folded into the file even if nobody asks for a sync: 64 MiB.
const LOG_BOUND: u32 = 16_384;

/// An open journal. Nobody else can open it until it is dropped or the process ends, however it ends.
///
/// Dropped without [`Journal::settle`] it stays as a kill would leave it.
#[derive(Debug)]
pub(crate) struct Journal {
    conn: Connection,
    path: PathBuf,
}

/// What a journal file holds when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Nothing yet: it was just created, or its creator was killed at once.
    Nothing,
    /// A pull.
    Pull,
}

impl Journal {
    /// Opens the journal at `path`, or creates it with nothing in it, and locks it.
    pub(crate) fn open(path: &Path) -> Result<(Self, Contents)> {
        let journal = Self::lock(path)?;
        match journal.marks_of_origin().map_err(|e| opening(path, e))? {
            (0, _, true) => Ok((journal, Contents::Nothing)),
            (schema::APPLICATION_ID, schema::VERSION, _) => {
                journal.prepare()?;
                Ok((journal, Contents::Pull))
            }
            (schema::APPLICATION_ID, version, _) => Err(Error::OtherVersion { journal: path.to_owned(), version }),
            _ => Err(Error::ForeignJournal { journal: path.to_owned() }),
        }
    }

    /// As [`Self::open`], for a pull that starts again: a journal of another version is accepted, and a broken one set aside.
    ///
    /// What the journal holds stays until [`Self::start`] replaces it.
    pub(crate) fn open_fresh(path: &Path) -> Result<Self> {
        match Self::open(path) {
            Ok((journal, _)) => Ok(journal),
            Err(Error::OtherVersion { .. }) => Self::lock(path),
            Err(Error::BrokenJournal { .. }) => {
                set_aside(path)?;
                Self::lock(path)
            }
            Err(error) => Err(error),
        }
    }

    /// A journal for a pull that cannot be resumed: a temporary file without a name, gone with the process.
    pub(crate) fn temporary() -> Result<Self> {
        let conn = Connection::open("")?;
        conn.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")?;
        schema::create(&conn)?;
        Ok(Self { conn, path: PathBuf::new() })
    }

    /// Begins a pull, in place of whatever the journal held.
    pub(crate) fn start(&self, config: &[(&str, &str)], state: &State) -> Result<()> {
        self.prepare()?;
        let mut batch = self.begin()?;
        schema::wipe(&self.conn)?;
        schema::create(&self.conn)?;
        for (name, value) in config {
            self.conn.execute("INSERT INTO config (name, value) VALUES (?, ?)", [name, value])?;
        }
        batch.save(state)?;
        batch.mark(&Frontier::START)?;
        batch.commit()?;
        self.checkpoint()
    }

    /// Makes all commits durable against a loss of power, and folds the log into the file.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        Ok(self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }

    /// Gives space that is no longer used back to the file system.
    pub(crate) fn shrink(&self) -> Result<()> {
        let mut vacuum = self.conn.prepare("PRAGMA incremental_vacuum")?;
        let mut freed = vacuum.query([])?;
        // Each step frees one page.
        while freed.next()?.is_some() {}
        Ok(())
    }

    /// Makes all durable; once the journal is dropped it is one file.
    pub(crate) fn settle(&self) -> Result<()> {
        self.checkpoint()?;
        self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The error of a journal that contradicts itself.
    pub(crate) fn broken(&self, why: &str) -> Error {
        Error::BrokenJournal { journal: self.path.clone(), why: why.to_owned() }
    }

    fn lock(path: &Path) -> Result<Self> {
        let mut found = disk::plain_file(path)?;
        if found.is_none() {
            disk::create_private(path)?;
            found = disk::plain_file(path)?;
        }
        let is_empty = found.is_none_or(|meta| meta.len() == 0);
        let has_log = disk::plain_file(&disk::with_suffix(path, "-wal"))?.is_some_and(|meta| meta.len() > 0);
        // SQLite's NOFOLLOW refuses links in the whole path; those of the folder are the user's business.
        let folder = disk::folder_of(path);
        let mut real = fs::canonicalize(folder).map_err(Error::io("open", folder))?;
        real.extend(path.file_name());
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let open = || {
            let conn = Connection::open_with_flags(&real, flags)?;
            conn.busy_timeout(Duration::ZERO)?;
            // Should the journal be refused, it is to stay as it was found.
            conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
            if is_empty {
                conn.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
            }
            // The lock is taken by the first transaction and then kept.
            conn.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")?;
            Ok(conn)
        };
        let conn = open().map_err(|e| opening(path, e))?;
        Ok(Self { conn, path: path.to_owned() })
    }

    /// Application id, version, and whether there are no tables.
    fn marks_of_origin(&self) -> rusqlite::Result<(i32, i32, bool)> {
        let number = |sql| self.conn.query_row(sql, [], |row| row.get::<_, i32>(0));
        let tables = number("SELECT count(*) FROM sqlite_schema")?;
        Ok((number("PRAGMA application_id")?, number("PRAGMA user_version")?, tables == 0))
    }

    /// Settings that must be in force before the first write.
    fn prepare(&self) -> Result<()> {
        Ok(self.conn.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = {LOG_BOUND}"
        ))?)
    }
}

/// Says what an error means that came while the journal at `path` was opened.
fn opening(path: &Path, error: rusqlite::Error) -> Error {
    let journal = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::InUse { journal },
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            Error::BrokenJournal { journal, why: error.to_string() }
        }
        _ => error.into(),
    }
}

/// Moves a broken journal and its log out of the way.
fn set_aside(path: &Path) -> Result<()> {
    for suffix in ["-wal", ""] {
        let (from, to) = (disk::with_suffix(path, suffix), disk::with_suffix(path, &format!(".broken{suffix}")));
        match fs::rename(&from, to) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io("move away", &from)(e)),
            _ => {}
        }
    }
    Ok(())
}
