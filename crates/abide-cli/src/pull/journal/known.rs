//! What the journal knows of the rows in the output: which keys they have, and which columns.

use std::ops::Range;

use rusqlite::params;

use super::Journal;
use super::batch::Batch;
use super::error::Result;
use super::read::read_u64;

impl Journal {
    /// How many bytes of the earlier output stand before all of its rows.
    pub(crate) fn earlier_header(&self) -> Result<u64> {
        let sql = "SELECT coalesce(max(until), 0) FROM columns WHERE at = -1";
        Ok(self.conn.query_row(sql, [], |row| read_u64(row, 0))?)
    }
}

impl Batch<'_> {
    /// The columns of the output, in their order; none if they are not fixed yet.
    pub(crate) fn columns(&self) -> Result<Vec<String>> {
        let mut statement = self.conn().prepare("SELECT name FROM columns ORDER BY id")?;
        let names = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(names)
    }

    /// Fixes the columns of the output, whose names stand at these bytes.
    pub(crate) fn fix_columns(&mut self, names: &[String], at: Range<u64>) -> Result<()> {
        let mut statement = self.conn().prepare("INSERT INTO columns (name, at, until) VALUES (?, ?, ?)")?;
        for name in names {
            statement.execute(params![name, at.start.cast_signed(), at.end.cast_signed()])?;
        }
        Ok(())
    }

    /// Forgets what the rows from `offset` on brought in: they did not reach the disk.
    pub(super) fn forget_known_from(&mut self, offset: u64) -> Result<()> {
        self.conn().execute("DELETE FROM keys WHERE at >= ?", [offset.cast_signed()])?;
        self.conn().execute("DELETE FROM columns WHERE at >= ?", [offset.cast_signed()])?;
        Ok(())
    }

    /// Keeps what is known for a run whose offsets begin anew.
    pub(super) fn keep_known(&mut self) -> Result<()> {
        Ok(self.conn().execute_batch("UPDATE keys SET at = -1; UPDATE columns SET at = -1")?)
    }

    /// Forgets the keys: no more rows will come.
    pub(crate) fn forget_keys(&mut self) -> Result<()> {
        Ok(self.conn().execute_batch("DELETE FROM keys")?)
    }
}
