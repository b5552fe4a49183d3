//! The tables of the journal, and the marks by which a file is known to be one.

use rusqlite::Connection;

/// "abid", in the header of every journal, so that another program's database is never taken for one.
pub(super) const APPLICATION_ID: i32 = 0x6162_6964;
/// Of the tables below. A journal of another version is refused.
pub(super) const VERSION: i32 = 3;

/// * `pull` has one row: where the output's file stands between being pulled and being complete.
/// * `config` is what the pull was asked for; a run that asks for something else is refused.
/// * `marks` has a row for each page written since the last sync. The first row is what is known to be on disk, the last one is now.
/// * `waiting` holds pages that arrived out of turn; they stay until the output is known to be on disk.
/// * `failures` are the jobs passed over, and where in the output their rows belong.
/// * `gaps` are the failures of the earlier run that this one repairs.
/// * `visited` are the URLs that a chain of pages has fetched, so that a loop is seen, where the records of a page
///   stood, and what it held, so that it is known again.
/// * `keys` are the keys of the records in the output, and `columns` its columns where they are fixed, whose names end at
///   the offset `until`; `at` is the offset of what brought them in, or -1 if that was an earlier run.
/// * `files` are the finished files where each job has its own (those with a size), and what they may replace.
const TABLES: &str = "
CREATE TABLE pull (id INTEGER PRIMARY KEY CHECK (id = 1), phase TEXT NOT NULL, jobs INTEGER, since INTEGER,
    size INTEGER, modified INTEGER, digest INTEGER, splice INTEGER NOT NULL, ending TEXT, until INTEGER, run INTEGER);
CREATE TABLE config (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE marks (id INTEGER PRIMARY KEY, job INTEGER NOT NULL, page INTEGER NOT NULL, url TEXT, offset INTEGER NOT NULL,
    digest INTEGER NOT NULL, copied INTEGER NOT NULL, copy_to INTEGER NOT NULL, records INTEGER NOT NULL, pages INTEGER NOT NULL);
CREATE TABLE waiting (job INTEGER NOT NULL, page INTEGER NOT NULL, next TEXT, records INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE UNIQUE INDEX waiting_place ON waiting (job, page);
CREATE TABLE failures (job INTEGER PRIMARY KEY, page INTEGER NOT NULL, next TEXT, url TEXT NOT NULL, status INTEGER,
    reason TEXT NOT NULL, offset INTEGER);
CREATE TABLE gaps (job INTEGER PRIMARY KEY, page INTEGER NOT NULL, next TEXT, offset INTEGER NOT NULL);
CREATE TABLE visited (job INTEGER NOT NULL, hash INTEGER NOT NULL, page INTEGER NOT NULL, url TEXT NOT NULL,
    found TEXT, digest INTEGER NOT NULL, PRIMARY KEY (job, hash, page)) WITHOUT ROWID;
CREATE TABLE keys (key BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE columns (id INTEGER PRIMARY KEY, name TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL);
CREATE TABLE files (job INTEGER PRIMARY KEY, size INTEGER, modified INTEGER, digest INTEGER, records INTEGER, pages INTEGER,
    named INTEGER NOT NULL DEFAULT 0, old_size INTEGER, old_modified INTEGER);
";

/// Must run within a transaction: a kill leaves either no journal or a whole one.
pub(super) fn create(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(TABLES)?;
    conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    conn.pragma_update(None, "user_version", VERSION)
}

/// Empties the database of whatever version of the journal it holds. Must run within a transaction.
pub(super) fn wipe(conn: &Connection) -> rusqlite::Result<()> {
    let mut tables =
        conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")?;
    let names = tables.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    drop(tables);
    for name in names {
        conn.execute_batch(&format!("DROP TABLE \"{}\"", name.replace('"', "\"\"")))?;
    }
    Ok(())
}
