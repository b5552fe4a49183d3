//! Reading the journal: marks, waiting pages, failures, gaps, and where each job goes on.

use rusqlite::{OptionalExtension, Row, params};

use super::Journal;
use super::batch::url_hash;
use super::digest::Digest;
use super::error::Result;
use super::place::{Failed, Failure, Frontier, Held, HeldSize, Place, Todo};

/// The columns of a mark, as [`read_frontier`] wants them.
const FRONTIER: &str = "job, page, url, offset, digest, copied, copy_to, records, pages";

/// A hole in the earlier output that this run fills.
#[derive(Debug)]
pub(crate) struct Gap {
    /// The first page that is missing.
    pub(crate) todo: Todo,
    /// Where its rows belong, in bytes from the start of the earlier output.
    pub(crate) offset: u64,
}

impl Journal {
    /// Calls `each` with the marks from the last sync to now, until it returns false.
    pub(crate) fn marks(&self, mut each: impl FnMut(i64, Frontier) -> Result<bool>) -> Result<()> {
        let mut statement = self.conn.prepare(&format!("SELECT {FRONTIER}, id FROM marks ORDER BY id"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if !each(row.get(9)?, read_frontier(row)?)? {
                break;
            }
        }
        Ok(())
    }

    /// How far the output has come.
    pub(crate) fn last_mark(&self) -> Result<Frontier> {
        let sql = format!("SELECT {FRONTIER} FROM marks ORDER BY id DESC LIMIT 1");
        Ok(self.conn.query_row(&sql, [], read_frontier)?)
    }

    /// The page that waits at `place`.
    pub(crate) fn held(&self, place: Place) -> Result<Option<Held>> {
        let sql = "SELECT next, records, bytes FROM waiting WHERE job = ? AND page = ?";
        let held = self.conn.query_row(sql, params_of(place), |row| {
            Ok(Held { next: row.get(0)?, records: read_u64(row, 1)?, bytes: row.get(2)? })
        });
        Ok(held.optional()?)
    }

    /// What is known of the page that waits at `place`, without reading it.
    pub(crate) fn held_size(&self, place: Place) -> Result<Option<HeldSize>> {
        let sql = "SELECT next, records, length(bytes) FROM waiting WHERE job = ? AND page = ?";
        let held = self.conn.query_row(sql, params_of(place), |row| {
            Ok(HeldSize { next: row.get(0)?, records: read_u64(row, 1)?, bytes: read_u64(row, 2)? })
        });
        Ok(held.optional()?)
    }

    /// How many pages wait at `frontier` or after it, and the last job that has one.
    pub(crate) fn waiting(&self, frontier: Place) -> Result<(u64, Option<u64>)> {
        let sql = "SELECT count(*), max(job) FROM waiting WHERE (job, page) >= (?, ?)";
        Ok(self.conn.query_row(sql, params_of(frontier), |row| {
            Ok((read_u64(row, 0)?, row.get::<_, Option<i64>>(1)?.map(i64::cast_unsigned)))
        })?)
    }

    /// Goes along the waiting pages of a job: the first that is missing from `todo` on, or `None` if the job is all there.
    pub(crate) fn follow(&self, mut todo: Todo) -> Result<Option<Todo>> {
        let sql = "SELECT page, next FROM waiting WHERE job = ? AND page >= ? ORDER BY page";
        let mut statement = self.conn.prepare(sql)?;
        let mut rows = statement.query(params_of(todo.place))?;
        while let Some(row) = rows.next()? {
            if read_u64(row, 0)? != todo.place.page {
                break;
            }
            match row.get(1)? {
                None => return Ok(None),
                next => todo = Todo { place: todo.place.next_page(), url: next },
            }
        }
        Ok(Some(todo))
    }

    /// Whether the job's chain has fetched `url`.
    pub(crate) fn visited(&self, job: u64, url: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM visited WHERE job = ? AND hash = ? AND url = ?";
        let found = self.conn.query_row(sql, params![job.cast_signed(), url_hash(url), url], |_| Ok(()));
        Ok(found.optional()?.is_some())
    }

    /// Where the records of the job's first page stood, if that was noted.
    pub(crate) fn found(&self, job: u64) -> Result<Option<String>> {
        let sql = "SELECT found FROM visited WHERE job = ? AND found IS NOT NULL ORDER BY page LIMIT 1";
        Ok(self.conn.query_row(sql, [job.cast_signed()], |row| row.get(0)).optional()?)
    }

    /// What a page of a chain held.
    pub(crate) fn digest(&self, place: Place) -> Result<Option<Digest>> {
        let sql = "SELECT digest FROM visited WHERE job = ? AND page = ?";
        let digest = self.conn.query_row(sql, params_of(place), |row| read_u64(row, 0)).optional()?;
        Ok(digest.map(Digest::from_u64))
    }

    /// The page at which `job` failed in this run.
    pub(crate) fn failed_at(&self, job: u64) -> Result<Option<u64>> {
        let sql = "SELECT page FROM failures WHERE job = ?";
        Ok(self.conn.query_row(sql, [job.cast_signed()], |row| read_u64(row, 0)).optional()?)
    }

    /// How many jobs have failed.
    pub(crate) fn failure_count(&self) -> Result<u64> {
        Ok(self.conn.query_row("SELECT count(*) FROM failures", [], |row| read_u64(row, 0))?)
    }

    /// At most `most` failures in order, from `job` on.
    pub(crate) fn failures(&self, job: u64, most: u32) -> Result<Vec<Failed>> {
        let sql = "SELECT job, page, url, status, reason FROM failures WHERE job >= ? ORDER BY job LIMIT ?";
        let mut statement = self.conn.prepare(sql)?;
        let rows = statement.query_map(params![job.cast_signed(), most], |row| {
            let failure = Failure { url: row.get(2)?, status: row.get(3)?, reason: row.get(4)? };
            Ok(Failed { place: read_place(row, 0)?, failure })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The first gap at `job` or after it.
    pub(crate) fn gap_from(&self, job: u64) -> Result<Option<Gap>> {
        let sql = "SELECT job, page, next, offset FROM gaps WHERE job >= ? ORDER BY job LIMIT 1";
        let gap = self.conn.query_row(sql, [job.cast_signed()], |row| {
            Ok(Gap { todo: Todo { place: read_place(row, 0)?, url: row.get(2)? }, offset: read_u64(row, 3)? })
        });
        Ok(gap.optional()?)
    }

    /// How many gaps there are at `job` or after it.
    pub(crate) fn gap_count(&self, job: u64) -> Result<u64> {
        let sql = "SELECT count(*) FROM gaps WHERE job >= ?";
        Ok(self.conn.query_row(sql, [job.cast_signed()], |row| read_u64(row, 0))?)
    }
}

fn params_of(place: Place) -> [i64; 2] {
    [place.job.cast_signed(), place.page.cast_signed()]
}

fn read_frontier(row: &Row<'_>) -> rusqlite::Result<Frontier> {
    Ok(Frontier {
        place: read_place(row, 0)?,
        url: row.get(2)?,
        offset: read_u64(row, 3)?,
        digest: Digest::from_u64(read_u64(row, 4)?),
        copied: read_u64(row, 5)?,
        copy_to: read_u64(row, 6)?,
        records: read_u64(row, 7)?,
        pages: read_u64(row, 8)?,
    })
}

fn read_place(row: &Row<'_>, at: usize) -> rusqlite::Result<Place> {
    Ok(Place { job: read_u64(row, at)?, page: read_u64(row, at + 1)? })
}

/// SQLite's integers are signed; ours are stored by their bits.
pub(super) fn read_u64(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at).map(i64::cast_unsigned)
}
