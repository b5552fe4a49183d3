//! Writing to the journal: everything within one [`Batch`] becomes true together, or not at all.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Statement, params};

use super::Journal;
use super::digest::Digest;
use super::error::Result;
use super::place::{Failure, Frontier, Page, Place, Todo};

/// A transaction. Dropped without [`Self::commit`] it leaves no trace.
pub(crate) struct Batch<'j> {
    conn: &'j Connection,
    open: bool,
    mark: Option<Statement<'j>>,
    visit: Option<Statement<'j>>,
    key: Option<Statement<'j>>,
}

impl Journal {
    pub(crate) fn begin(&self) -> Result<Batch<'_>> {
        // From the first write on, being dropped is like being killed.
        self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        self.conn.execute_batch("BEGIN")?;
        Ok(Batch { conn: &self.conn, open: true, mark: None, visit: None, key: None })
    }
}

impl Batch<'_> {
    pub(crate) fn commit(mut self) -> Result<()> {
        self.conn.execute_batch("COMMIT")?;
        self.open = false;
        Ok(())
    }

    /// Notes how far the output has come.
    pub(crate) fn mark(&mut self, frontier: &Frontier) -> Result<()> {
        let sql = "INSERT INTO marks (job, page, url, offset, digest, copied, copy_to, records, pages)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        prepared(&mut self.mark, self.conn, sql)?.execute(params![
            frontier.place.job.cast_signed(),
            frontier.place.page.cast_signed(),
            frontier.url,
            frontier.offset.cast_signed(),
            frontier.digest.as_u64().cast_signed(),
            frontier.copied.cast_signed(),
            frontier.copy_to.cast_signed(),
            frontier.records.cast_signed(),
            frontier.pages.cast_signed(),
        ])?;
        Ok(())
    }

    /// Goes back to the mark `id`: what was written after it did not reach the disk.
    pub(crate) fn fall_back(&mut self, id: i64, to: &Frontier) -> Result<()> {
        self.conn.execute("DELETE FROM marks WHERE id > ?", [id])?;
        self.forget_known_from(to.offset)?;
        self.forget_visits_from(to.place)
    }

    /// Goes to where the output says that it is, be it before or behind what was noted.
    pub(crate) fn follow(&mut self, to: &Frontier) -> Result<()> {
        self.conn.execute("DELETE FROM marks", [])?;
        self.mark(to)?;
        // What was passed over in the output and not here.
        let sql = "UPDATE failures SET offset = 0 WHERE offset IS NULL AND job < ?";
        self.conn.execute(sql, [to.place.job.cast_signed()])?;
        self.forget_visits_from(to.place)
    }

    /// Pages that had waited are still there and wait again; the others will be fetched again. Those before a gap are in the
    /// earlier output.
    fn forget_visits_from(&self, to: Place) -> Result<()> {
        self.conn.execute(
            "DELETE FROM visited WHERE (job, page) >= (?, ?)
                AND NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.job = visited.job AND waiting.page = visited.page)
                AND NOT EXISTS (SELECT 1 FROM gaps WHERE gaps.job = visited.job AND gaps.page > visited.page)",
            [to.job.cast_signed(), to.page.cast_signed()],
        )?;
        Ok(())
    }

    /// Forgets what was kept only until the output up to `frontier` is on disk.
    pub(crate) fn reclaim(&mut self, frontier: &Frontier) -> Result<()> {
        let Place { job, page } = frontier.place;
        let (job, page) = (job.cast_signed(), page.cast_signed());
        // Emptying a table is cheap, deleting all rows but one is not.
        self.conn.execute("DELETE FROM marks", [])?;
        self.mark(frontier)?;
        self.conn.execute("DELETE FROM waiting WHERE (job, page) < (?, ?)", [job, page])?;
        self.conn.execute("DELETE FROM visited WHERE job < ? AND job NOT IN (SELECT job FROM failures)", [job])?;
        Ok(())
    }

    /// Keeps a page until its turn comes. Returns whether it was not there yet.
    pub(crate) fn hold(&mut self, page: &Page) -> Result<bool> {
        let sql = "INSERT OR IGNORE INTO waiting (job, page, next, records, bytes) VALUES (?, ?, ?, ?, ?)";
        let Place { job, page: number } = page.place;
        let rows = self.conn.execute(
            sql,
            params![job.cast_signed(), number.cast_signed(), page.next, page.records.cast_signed(), &page.bytes[..]],
        )?;
        Ok(rows == 1)
    }

    /// Notes that the job's chain has fetched this page's URL. A job of one page is no chain and needs no note.
    pub(crate) fn visit(&mut self, page: &Page) -> Result<()> {
        if page.place.page == 0 && page.next.is_none() {
            return Ok(());
        }
        let sql = "INSERT OR IGNORE INTO visited (job, hash, page, url, found, digest) VALUES (?, ?, ?, ?, ?, ?)";
        prepared(&mut self.visit, self.conn, sql)?.execute(params![
            page.place.job.cast_signed(),
            url_hash(&page.url),
            page.place.page.cast_signed(),
            page.url,
            page.found,
            Digest::of(&page.bytes).as_u64().cast_signed()
        ])?;
        Ok(())
    }

    /// Notes a key that a row brings which will stand at `offset` or after it. Returns whether it is new.
    pub(crate) fn note_key(&mut self, key: &[u8], offset: u64) -> Result<bool> {
        let sql = "INSERT OR IGNORE INTO keys (key, at) VALUES (?, ?)";
        Ok(prepared(&mut self.key, self.conn, sql)?.execute(params![key, offset.cast_signed()])? == 1)
    }

    /// Notes that a job cannot go on at `todo`. Its place in the output is not known before [`Self::pass_over`].
    pub(crate) fn fail(&mut self, todo: &Todo, failure: &Failure) -> Result<()> {
        let Place { job, page } = todo.place;
        let sql = "INSERT OR REPLACE INTO failures (job, page, next, url, status, reason) VALUES (?, ?, ?, ?, ?, ?)";
        self.conn.execute(
            sql,
            params![job.cast_signed(), page.cast_signed(), todo.url, failure.url, failure.status, failure.reason],
        )?;
        Ok(())
    }

    /// Notes where in the output the missing rows of a failed job belong.
    pub(crate) fn pass_over(&mut self, job: u64, offset: u64) -> Result<()> {
        let sql = "UPDATE failures SET offset = ? WHERE job = ?";
        self.conn.execute(sql, [offset.cast_signed(), job.cast_signed()])?;
        Ok(())
    }

    /// Forgets the failures of `job` and of all after it: they will be tried again.
    pub(crate) fn forgive_from(&mut self, job: u64) -> Result<()> {
        self.conn.execute("DELETE FROM failures WHERE job >= ?", [job.cast_signed()])?;
        Ok(())
    }

    /// Makes the failures of a finished run the gaps that this run fills, and begins its output at `frontier`.
    pub(crate) fn begin_splice(&mut self) -> Result<()> {
        self.conn.execute_batch(
            "DELETE FROM gaps; INSERT INTO gaps (job, page, next, offset) SELECT job, page, next, offset FROM failures;
             DELETE FROM failures; DELETE FROM marks",
        )?;
        self.keep_known()
    }

    pub(super) fn conn(&self) -> &Connection {
        self.conn
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if self.open && !self.conn.is_autocommit() {
            // Should this fail, nothing can be committed on this connection any more, which the next batch reports.
            let _ = self.conn.execute_batch("ROLLBACK");
        }
    }
}

/// A key for the index; two URLs may share one.
pub(super) fn url_hash(url: &str) -> i64 {
    Digest::of(url.as_bytes()).as_u64().cast_signed()
}

/// The statement in `slot`, compiled on first use.
fn prepared<'s, 'j>(
    slot: &'s mut Option<Statement<'j>>,
    conn: &'j Connection,
    sql: &str,
) -> rusqlite::Result<&'s mut Statement<'j>> {
    let statement = match slot.take() {
        Some(statement) => statement,
        None => conn.prepare(sql)?,
    };
    Ok(slot.insert(statement))
}
