//! PostgreSQL as a target: the connection, which may break and come back, and what its SQL has of its own.

use std::collections::HashSet;
use std::io;
use std::panic;
use std::thread;
use std::time::Duration;
use std::{env, fs};

use abide_core::time::Wall;
use bytes::BytesMut;
use postgres::error::SqlState;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, NoTls};

use super::address::Address;
use crate::pull::journal::digest::Digest;
use crate::pull::journal::disk;
use crate::pull::journal::error::{Error, Result};
use crate::pull::sink::table::Table;
use crate::pull::sink::table::error::TableError;
use crate::pull::sink::table::kind::Kind;
use crate::pull::sink::table::name::{TableName, quoted};
use crate::pull::sink::table::schema::{Cell, Column};
use crate::pull::sink::table::sql::{Database, Into, Sql};
use crate::pull::sink::{OpenOptions, Opened};

/// For one attempt to connect.
const CONNECT: Duration = Duration::from_secs(5);

/// Opens a table of the database at `address`.
pub(crate) fn open(address: &Address, options: &OpenOptions<'_>, now: Wall) -> Result<Opened<Table<Sql<Postgres>>>> {
    let table = options.table.cloned().unwrap_or_else(|| TableName::of_url(""));
    let journal = address.journal(&table);
    let folder = disk::folder_of(&journal);
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    Table::open(Sql::new(Postgres::new(address, &table)?, table, options)?, &journal, options, now)
}

/// A database.
pub(crate) struct Postgres {
    config: Config,
    /// Without credentials.
    name: String,
    client: Option<Client>,
    /// Held for as long as the connection lasts, so that no other process writes to the table.
    lock: i64,
    has_connected: bool,
    /// What is to be done in a transaction is lost with the connection.
    in_transaction: bool,
}

impl Postgres {
    fn new(address: &Address, table: &TableName) -> Result<Self> {
        let refused = |why: String| TableError::Refused { at: address.to_string(), why };
        let mut config: Config = address.url().parse().map_err(|e: postgres::Error| refused(explain(&e)))?;
        config.connect_timeout(CONNECT).application_name("abide");
        if config.get_password().is_none()
            && let Ok(password) = env::var("PGPASSWORD")
        {
            config.password(password);
        }
        let lock = Digest::of(format!("abide {table}").as_bytes()).as_u64().cast_signed();
        let name = address.to_string();
        Ok(Self { config, name, client: None, lock, has_connected: false, in_transaction: false })
    }

    /// Calls `work` with the connection, which is made if there is none.
    fn with<T: Send>(&mut self, work: impl FnOnce(&mut Client) -> Result<T, postgres::Error> + Send) -> Result<T> {
        let call = || {
            let client = match &mut self.client {
                Some(client) => client,
                None if self.in_transaction => return Err(self.away("the connection broke")),
                none => none.insert(connect(&self.config, &self.name, self.lock, self.has_connected)?),
            };
            self.has_connected = true;
            match work(client) {
                Ok(done) => Ok(done),
                Err(error) => {
                    let error = meaning(&self.name, &error);
                    if matches!(error, Error::Table(TableError::Away { .. })) {
                        self.client = None;
                    }
                    Err(error)
                }
            }
        };
        elsewhere(call)
    }

    fn away(&self, why: &str) -> Error {
        TableError::Away { at: self.name.clone(), why: why.to_owned(), since: Duration::ZERO }.into()
    }
}

/// The client waits for its own runtime, which it can't where another one is at work.
fn elsewhere<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| panic::resume_unwind(panic)))
}

fn connect(config: &Config, name: &str, lock: i64, again: bool) -> Result<Client> {
    let open = || {
        let mut client = config.connect(NoTls)?;
        let is_free: bool = client.query_one("SELECT pg_try_advisory_lock($1)", &[&lock])?.try_get(0)?;
        Ok((client, is_free))
    };
    match open() {
        Ok((client, true)) => Ok(client),
        // The server may not have noticed yet that our last connection broke.
        Ok((_, false)) if again => {
            let why = "it still holds the lock of a connection that broke, or of another process".to_owned();
            Err(TableError::Away { at: name.to_owned(), why, since: Duration::ZERO }.into())
        }
        Ok((_, false)) => Err(TableError::InUse { at: name.to_owned() }.into()),
        Err(error) => Err(meaning(name, &error)),
    }
}

/// Whether it may be better in a while, or not.
fn meaning(name: &str, error: &postgres::Error) -> Error {
    let (at, why) = (name.to_owned(), explain(error));
    let is_passing = |state: &SqlState| {
        // Connections that break, servers that start or stop, and too many clients.
        state.code().starts_with("08") || state.code().starts_with("57P") || state.code() == "53300"
    };
    let has_io_error = || {
        let mut source = std::error::Error::source(error);
        std::iter::from_fn(|| {
            let this = source?;
            source = this.source();
            Some(this)
        })
        .any(|error| error.is::<io::Error>())
    };
    if error.is_closed() || error.code().map_or_else(has_io_error, is_passing) {
        TableError::Away { at, why, since: Duration::ZERO }.into()
    } else if error.code() == Some(&SqlState::DISK_FULL) {
        TableError::Refused { at, why: format!("its disk is full ({why})") }.into()
    } else {
        TableError::Refused { at, why }.into()
    }
}

/// What the server said, or else all that is known.
fn explain(error: &postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(said), _) => said.message().to_owned(),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            elsewhere(|| drop(client));
        }
    }
}

impl Database for Postgres {
    const BEGIN: &'static str = "BEGIN";
    const LONGEST_NAME: usize = 63;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn execute(&mut self, sql: &str, values: &[Cell<'_>]) -> Result<()> {
        let done = self.with(|client| {
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
            client.execute(sql, &values)
        });
        match sql {
            Self::BEGIN => self.in_transaction = done.is_ok(),
            "COMMIT" | "ROLLBACK" => self.in_transaction = false,
            _ => {}
        }
        done.map(|_| ())
    }

    fn query(&mut self, sql: &str, values: &[Cell<'_>]) -> Result<Vec<Vec<Cell<'static>>>> {
        self.with(|client| {
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
            let rows = client.query(sql, &values)?;
            rows.iter().map(|row| (0..row.len()).map(|at| cell(row, at)).collect()).collect()
        })
    }

    fn has_table(&mut self, name: &str) -> Result<bool> {
        let sql = "SELECT count(*) FROM pg_catalog.pg_class WHERE relname = $1 AND relkind IN ('r', 'v', 'm', 'p', 'f')
                   AND pg_catalog.pg_table_is_visible(oid)";
        Ok(self.query(sql, &[Cell::Text(name.into())])? != [[Cell::Integer(0)]])
    }

    fn type_of(kind: Kind) -> &'static str {
        match kind {
            Kind::Boolean => "boolean",
            Kind::Integer | Kind::Long => "bigint",
            Kind::Real => "double precision",
            Kind::Null | Kind::Text => "text",
            // As it came; jsonb would sort the keys.
            Kind::Json => "json",
        }
    }

    fn widen(&mut self, table: &str, column: &Column, _: Kind) -> Result<()> {
        let (table, name, kind) = (quoted(table), quoted(&column.name), Self::type_of(column.kind));
        self.execute(&format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE {kind} USING {name}::{kind}"), &[])
    }

    /// All rows in one statement, each column as an array of texts.
    fn insert(&mut self, into: &Into<'_>, rows: Vec<Vec<Cell<'static>>>) -> Result<()> {
        let rows = last_of_each_key(into, rows);
        let (head, conflict) = into.sql();
        let columns = 1..=into.columns.len();
        let list = |each: &dyn Fn(usize) -> String| columns.clone().map(each).collect::<Vec<_>>().join(", ");
        let values = list(&|n| format!("c{n}::{}", Self::type_of(into.columns[n - 1].1.kind)));
        let (arrays, names) = (list(&|n| format!("${n}::text[]")), list(&|n| format!("c{n}")));
        let sql = format!("{head} SELECT {values} FROM unnest({arrays}) AS r({names}){conflict}");
        let array = |at: usize| rows.iter().map(|row| row.get(at).and_then(text)).collect::<Vec<Option<String>>>();
        let arrays: Vec<_> = into.columns.iter().map(|(at, _)| array(*at)).collect();
        self.with(|client| {
            let values: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| array as &(dyn ToSql + Sync)).collect();
            client.execute(&sql, &values)
        })?;
        Ok(())
    }
}

/// Without the rows that a later one with the same key replaces: one statement can't change a row twice.
fn last_of_each_key(into: &Into<'_>, mut rows: Vec<Vec<Cell<'static>>>) -> Vec<Vec<Cell<'static>>> {
    if into.key.is_empty() {
        return rows;
    }
    let places: Vec<usize> =
        into.columns.iter().filter(|(_, column)| into.key.contains(&column.name.as_str())).map(|(at, _)| *at).collect();
    let mut seen = HashSet::new();
    rows.reverse();
    rows.retain(|row| seen.insert(places.iter().map(|at| row.get(*at).and_then(text)).collect::<Vec<_>>()));
    rows.reverse();
    rows
}

/// As PostgreSQL reads it; nothing for null. It has no character 0 in texts.
fn text(cell: &Cell<'_>) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Boolean(truth) => Some(truth.to_string()),
        Cell::Integer(integer) => Some(integer.to_string()),
        Cell::Real(real) => Some(format!("{real:e}")),
        Cell::Text(text) => Some(text.replace('\0', "\u{fffd}")),
    }
}

fn cell(row: &postgres::Row, at: usize) -> Result<Cell<'static>, postgres::Error> {
    if *row.columns()[at].type_() == Type::INT8 {
        return Ok(row.try_get::<_, Option<i64>>(at)?.map_or(Cell::Null, Cell::Integer));
    }
    Ok(row.try_get::<_, Option<String>>(at)?.map_or(Cell::Null, |text| Cell::Text(text.into())))
}

impl ToSql for Cell<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Boolean(truth) => truth.to_sql(kind, out),
            Self::Integer(integer) => integer.to_sql(kind, out),
            Self::Real(real) => real.to_sql(kind, out),
            Self::Text(text) => text.as_ref().to_sql(kind, out),
        }
    }

    /// Only statements of our own have such values, and they have the right ones.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("name", &self.name).finish_non_exhaustive()
    }
}
