//! SQLite as a target: opening the file, and what its SQL has of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_core::time::Wall;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, params_from_iter};

use crate::pull::journal::disk;
use crate::pull::journal::error::{Error, Result};
use crate::pull::sink::table::Table;
use crate::pull::sink::table::error::TableError;
use crate::pull::sink::table::kind::Kind;
use crate::pull::sink::table::name::{TableName, quoted};
use crate::pull::sink::table::schema::{Cell, Column};
use crate::pull::sink::table::sql::{Database, Into, Sql};
use crate::pull::sink::{OpenOptions, Opened};

/// For how long somebody else may keep the file locked before that counts as out of reach.
const BUSY: Duration = Duration::from_secs(5);
/// A table on its way to having another type.
const WIDENED: &str = "_abide_widened";

/// Opens a table of the file at `path`, with a journal beside it.
pub(crate) fn open(path: &Path, options: &OpenOptions<'_>, now: Wall) -> Result<Opened<Table<Sql<Sqlite>>>> {
    let table = options.table.cloned().unwrap_or_else(|| TableName::of_url(""));
    let folder = disk::folder_of(path);
    if !folder.is_dir() {
        return Err(Error::NoFolder { path: path.to_owned(), folder: folder.to_owned() });
    }
    disk::plain_file(path)?;
    let journal = journal(path, &table);
    Table::open(Sql::new(Sqlite::open(path)?, table, options)?, &journal, options, now)
}

/// Each table has its own, so that several can be pulled at once.
pub(crate) fn journal(path: &Path, table: &TableName) -> PathBuf {
    disk::with_suffix(path, &format!(".{table}.abide"))
}

/// An open file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    conn: Connection,
    path: PathBuf,
}

impl Sqlite {
    fn open(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let conn = Connection::open_with_flags(path, flags)?;
            conn.busy_timeout(BUSY)?;
            // A commit is to be on disk when the journal forgets the pages; and views are not to stand in the way of a new type.
            conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA legacy_alter_table = ON")?;
            Ok(conn)
        };
        let conn = open().map_err(|e| refused(path, &e))?;
        Ok(Self { conn, path: path.to_owned() })
    }

    fn refused(&self, error: &rusqlite::Error) -> Error {
        refused(&self.path, error)
    }

    fn columns_of(&mut self, table: &str) -> Result<Vec<Existing>> {
        let sql = "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info($1)";
        let rows = self.query(sql, &[Cell::Text(table.into())])?;
        let text = |cell: &Cell<'_>| match cell {
            Cell::Text(text) => Some(text.clone().into_owned()),
            _ => None,
        };
        let existing = |row: Vec<Cell<'static>>| Existing {
            name: text(&row[0]).unwrap_or_default(),
            kind: text(&row[1]).unwrap_or_default(),
            not_null: row[2] == Cell::Integer(1),
            default: text(&row[3]),
            key: if let Cell::Integer(place) = row[4] { place } else { 0 },
        };
        Ok(rows.into_iter().map(existing).collect())
    }
}

/// A column as it is in the file, which may be one that somebody else added.
struct Existing {
    name: String,
    kind: String,
    not_null: bool,
    default: Option<String>,
    /// Its place in the primary key, from 1.
    key: i64,
}

fn refused(path: &Path, error: &rusqlite::Error) -> Error {
    let at = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            let why = "somebody else is writing to it".to_owned();
            TableError::Away { at, why, since: Duration::ZERO }.into()
        }
        Some(ErrorCode::DiskFull) => Error::DiskFull { path: Some(path.to_owned()) },
        _ => TableError::Refused { at, why: error.to_string() }.into(),
    }
}

/// The value of a column that was of kind `from`, as it would have been written to one of kind `to`.
fn converted(column: &str, from: Kind, to: Kind) -> String {
    match (from, to) {
        (Kind::Integer | Kind::Long, Kind::Real) => format!("CAST({column} AS REAL)"),
        (Kind::Integer | Kind::Long, Kind::Text) => format!("CAST({column} AS TEXT)"),
        // A cast would round to 15 digits.
        (Kind::Real, Kind::Text) => {
            format!("CASE WHEN {column} IS NOT NULL THEN printf('%!.17g', {column}) END")
        }
        (Kind::Boolean, Kind::Text) => format!("CASE {column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"),
        _ => column.to_owned(),
    }
}

impl Database for Sqlite {
    // At once, or another writer could make the first write fail.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const LONGEST_NAME: usize = 1_000;

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn execute(&mut self, sql: &str, values: &[Cell<'_>]) -> Result<()> {
        match self.conn.execute(sql, params_from_iter(values)) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.refused(&error)),
        }
    }

    fn query(&mut self, sql: &str, values: &[Cell<'_>]) -> Result<Vec<Vec<Cell<'static>>>> {
        let read = || {
            let mut statement = self.conn.prepare(sql)?;
            let width = statement.column_count();
            let mut rows = statement.query(params_from_iter(values))?;
            let mut cells = Vec::new();
            while let Some(row) = rows.next()? {
                let row: rusqlite::Result<_> = (0..width).map(|at| Ok(Cell::read(row.get_ref(at)?))).collect();
                cells.push(row?);
            }
            Ok(cells)
        };
        read().map_err(|e| self.refused(&e))
    }

    fn has_table(&mut self, name: &str) -> Result<bool> {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view') AND name = $1 COLLATE NOCASE";
        Ok(self.query(sql, &[Cell::Text(name.into())])? != [[Cell::Integer(0)]])
    }

    fn type_of(kind: Kind) -> &'static str {
        match kind {
            Kind::Boolean | Kind::Integer | Kind::Long => "INTEGER",
            Kind::Real => "REAL",
            Kind::Null | Kind::Text | Kind::Json => "TEXT",
        }
    }

    /// SQLite can't change the type of a column, so that the table is made anew, with whatever others added to it.
    fn widen(&mut self, table: &str, column: &Column, from: Kind) -> Result<()> {
        let existing = self.columns_of(table)?;
        let is_it = |other: &Existing| other.name == column.name;
        let define = |other: &Existing| {
            let kind = if is_it(other) { Self::type_of(column.kind) } else { &other.kind };
            let not_null = if other.not_null { " NOT NULL" } else { "" };
            let default = other.default.as_ref().map(|default| format!(" DEFAULT ({default})")).unwrap_or_default();
            format!("{} {kind}{not_null}{default}", quoted(&other.name))
        };
        let mut parts: Vec<String> = existing.iter().map(define).collect();
        let mut key: Vec<&Existing> = existing.iter().filter(|other| other.key > 0).collect();
        key.sort_by_key(|other| other.key);
        if !key.is_empty() {
            let names: Vec<String> = key.iter().map(|other| quoted(&other.name)).collect();
            parts.push(format!("PRIMARY KEY ({})", names.join(", ")));
        }
        let value = |other: &Existing| match is_it(other) {
            true => converted(&quoted(&other.name), from, column.kind),
            false => quoted(&other.name),
        };
        let names: Vec<String> = existing.iter().map(|other| quoted(&other.name)).collect();
        let values: Vec<String> = existing.iter().map(value).collect();
        let sql =
            "SELECT sql FROM sqlite_schema WHERE tbl_name = $1 AND type IN ('index', 'trigger') AND sql IS NOT NULL";
        let attached = self.query(sql, &[Cell::Text(table.into())])?;
        let (table, widened) = (quoted(table), quoted(WIDENED));
        self.execute(&format!("CREATE TABLE {widened} ({})", parts.join(", ")), &[])?;
        let copy = format!("INSERT INTO {widened} ({}) SELECT {} FROM {table}", names.join(", "), values.join(", "));
        self.execute(&copy, &[])?;
        self.execute(&format!("DROP TABLE {table}"), &[])?;
        self.execute(&format!("ALTER TABLE {widened} RENAME TO {table}"), &[])?;
        for statement in attached {
            if let [Cell::Text(sql)] = &statement[..] {
                self.execute(sql, &[])?;
            }
        }
        Ok(())
    }

    fn insert(&mut self, into: &Into<'_>, rows: Vec<Vec<Cell<'static>>>) -> Result<()> {
        let (head, conflict) = into.sql();
        let places: Vec<String> = (1..=into.columns.len()).map(|n| format!("?{n}")).collect();
        let insert = || {
            let mut statement = self.conn.prepare(&format!("{head} VALUES ({}){conflict}", places.join(", ")))?;
            for row in &rows {
                statement.execute(params_from_iter(into.columns.iter().map(|(at, _)| row.get(*at))))?;
            }
            Ok(())
        };
        insert().map_err(|e: rusqlite::Error| self.refused(&e))
    }
}

impl Cell<'static> {
    fn read(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(integer) => Self::Integer(integer),
            ValueRef::Real(real) => Self::Real(real),
            ValueRef::Text(text) | ValueRef::Blob(text) => {
                Self::Text(String::from_utf8_lossy(text).into_owned().into())
            }
        }
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Boolean(truth) => ValueRef::Integer((*truth).into()),
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
