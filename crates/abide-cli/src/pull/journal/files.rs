//! The journal's list of finished files, for an output of one file a job.

use rusqlite::{OptionalExtension, Statement, params};

use super::Journal;
use super::batch::Batch;
use super::disk::Stamp;
use super::error::Result;
use super::read::read_u64;
use super::state::read_stamp;

/// What the journal knows about the file of one job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileEntry {
    /// The finished file; `None` if there is none yet.
    pub(crate) done: Option<Stamp>,
    /// Whether the finished file is known to be on disk under its own name.
    pub(crate) named: bool,
    /// What the finished file may replace.
    pub(crate) old: Option<Stamp>,
}

/// What the finished files hold together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileTotals {
    pub(crate) files: u64,
    pub(crate) records: u64,
    pub(crate) pages: u64,
    /// In bytes.
    pub(crate) size: u64,
}

/// Looks up what the journal knows about files.
pub(crate) struct FileEntries<'j>(Statement<'j>);

impl FileEntries<'_> {
    pub(crate) fn of(&mut self, job: u64) -> Result<FileEntry> {
        let entry = self.0.query_row([job.cast_signed()], |row| {
            Ok(FileEntry { done: read_stamp(row, 0)?, old: read_stamp(row, 3)?, named: row.get(6)? })
        });
        Ok(entry.optional()?.unwrap_or_default())
    }
}

impl Journal {
    pub(crate) fn files(&self) -> Result<FileEntries<'_>> {
        let sql = "SELECT size, modified, digest, old_size, old_modified, NULL, named FROM files WHERE job = ?";
        Ok(FileEntries(self.conn.prepare(sql)?))
    }

    pub(crate) fn file_totals(&self) -> Result<FileTotals> {
        let sql = "SELECT count(*), ifnull(sum(records), 0), ifnull(sum(pages), 0), ifnull(sum(size), 0)
                   FROM files WHERE size IS NOT NULL";
        Ok(self.conn.query_row(sql, [], |row| {
            let (files, records) = (read_u64(row, 0)?, read_u64(row, 1)?);
            Ok(FileTotals { files, records, pages: read_u64(row, 2)?, size: read_u64(row, 3)? })
        })?)
    }

    /// The first job at `from` or after it whose file is not finished.
    pub(crate) fn first_unfinished(&self, from: u64) -> Result<u64> {
        let sql = "SELECT job FROM files WHERE job >= ? AND size IS NOT NULL ORDER BY job";
        let mut statement = self.conn.prepare(sql)?;
        let mut rows = statement.query([from.cast_signed()])?;
        let mut job = from;
        while let Some(row) = rows.next()? {
            if read_u64(row, 0)? != job {
                break;
            }
            job += 1;
        }
        Ok(job)
    }

    /// The last job that has a file or a waiting page.
    pub(crate) fn last_heard_of(&self) -> Result<Option<u64>> {
        let sql = "SELECT max(job) FROM (SELECT max(job) AS job FROM files UNION ALL SELECT max(job) FROM waiting)";
        let last: Option<i64> = self.conn.query_row(sql, [], |row| row.get(0))?;
        Ok(last.map(i64::cast_unsigned))
    }
}

impl Batch<'_> {
    /// Notes the finished file of a job, which has no name yet.
    pub(crate) fn finish_file(&mut self, job: u64, stamp: &Stamp, records: u64, pages: u64) -> Result<()> {
        self.conn().execute(
            "INSERT INTO files (job, size, modified, digest, records, pages) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (job) DO UPDATE SET size = excluded.size, modified = excluded.modified, digest = excluded.digest,
                records = excluded.records, pages = excluded.pages, named = 0",
            params![
                job.cast_signed(),
                stamp.size.cast_signed(),
                stamp.modified,
                stamp.digest.map(|digest| digest.as_u64().cast_signed()),
                records.cast_signed(),
                pages.cast_signed()
            ],
        )?;
        Ok(())
    }

    /// Notes that the finished files of `jobs` are on disk under their names, and forgets what was kept until then.
    pub(crate) fn files_named(&mut self, jobs: impl Iterator<Item = u64>) -> Result<()> {
        let conn = self.conn();
        let mut file =
            conn.prepare("UPDATE files SET named = 1, old_size = NULL, old_modified = NULL WHERE job = ?")?;
        let mut waiting = conn.prepare("DELETE FROM waiting WHERE job = ?")?;
        let mut visited = conn.prepare("DELETE FROM visited WHERE job = ?")?;
        for job in jobs {
            let job = [job.cast_signed()];
            file.execute(job)?;
            waiting.execute(job)?;
            visited.execute(job)?;
        }
        Ok(())
    }

    /// Notes that the job has no finished file (any more), and what a new one may replace.
    pub(crate) fn unfinish_file(&mut self, job: u64, old: Option<&Stamp>) -> Result<()> {
        match old {
            None => self.conn().execute("DELETE FROM files WHERE job = ?", [job.cast_signed()])?,
            Some(old) => self.conn().execute(
                "INSERT OR REPLACE INTO files (job, old_size, old_modified) VALUES (?, ?, ?)",
                [job.cast_signed(), old.size.cast_signed(), old.modified],
            )?,
        };
        Ok(())
    }
}
