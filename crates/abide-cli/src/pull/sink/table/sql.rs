//! A table of a SQL database as a target: rows, and the frontier in the table `_abide_runs`, in one transaction.
//!
//! `_abide_runs` says for each table what was pulled into it, when, and how far it has come.

use abide_core::json::{self, Json};
use abide_core::time::Wall;
use serde::Serialize;

use super::error::TableError;
use super::kind::Kind;
use super::name::{TableName, quoted};
use super::schema::{Cell, Change, Column, Schema};
use super::target::{Begin, Known, Standing, Target};
use crate::pull::journal::error::{self, Error, Result};
use crate::pull::journal::place::{Frontier, Place};
use crate::pull::since::{Increment, Since};
use crate::pull::sink::OpenOptions;

/// So many rows are handed to the database at once.
const ROWS: usize = 1_000;

const RUNS: &str = "CREATE TABLE IF NOT EXISTS \"_abide_runs\" (\"table\" TEXT NOT NULL, began TEXT NOT NULL, ended TEXT,
    source TEXT NOT NULL, records BIGINT NOT NULL, pages BIGINT NOT NULL, job BIGINT NOT NULL, page BIGINT NOT NULL, url TEXT,
    written_to TEXT NOT NULL, columns TEXT NOT NULL, since TEXT, PRIMARY KEY (\"table\", began))";

/// A database, as far as its SQL is its own. Values are numbered `$1`, `$2` in the order of their appearance.
pub(crate) trait Database: Send {
    /// How a transaction that writes begins.
    const BEGIN: &'static str;
    /// How many bytes the name of a column may have.
    const LONGEST_NAME: usize;

    /// What it is called in messages, without credentials.
    fn name(&self) -> String;

    /// Runs one statement.
    fn execute(&mut self, sql: &str, values: &[Cell<'_>]) -> Result<()>;

    /// The rows of a query, whose values are integers or text.
    fn query(&mut self, sql: &str, values: &[Cell<'_>]) -> Result<Vec<Vec<Cell<'static>>>>;

    /// Whether there is a table or a view of this name.
    fn has_table(&mut self, name: &str) -> Result<bool>;

    /// The type of a column.
    fn type_of(kind: Kind) -> &'static str;

    /// Changes the type of a column of `table`, which was of kind `from`, and lets its values be what they would have been.
    fn widen(&mut self, table: &str, column: &Column, from: Kind) -> Result<()>;

    /// Adds rows, and where one with the key is there takes the values of the later one.
    fn insert(&mut self, into: &Into<'_>, rows: Vec<Vec<Cell<'static>>>) -> Result<()>;
}

/// Where rows go.
#[derive(Clone, Debug)]
pub(crate) struct Into<'a> {
    pub(crate) table: &'a str,
    /// The columns, with their places in a row.
    pub(crate) columns: Vec<(usize, &'a Column)>,
    /// The names of those that make up the key; none if there is no key.
    pub(crate) key: Vec<&'a str>,
}

impl Into<'_> {
    /// The statement without the values, and what is to happen to a row that is there.
    pub(crate) fn sql(&self) -> (String, String) {
        let list = |names: &[&str]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let names: Vec<&str> = self.columns.iter().map(|(_, column)| column.name.as_str()).collect();
        let head = format!("INSERT INTO {} ({})", quoted(self.table), list(&names));
        if self.key.is_empty() {
            return (head, String::new());
        }
        let others = names.iter().filter(|name| !self.key.contains(name));
        let set: Vec<String> = others.map(|name| format!("{0} = excluded.{0}", quoted(name))).collect();
        let then = if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(", ")) };
        (head, format!(" ON CONFLICT ({}) DO {then}", list(&self.key)))
    }
}

/// A table of a database.
#[derive(Debug)]
pub(crate) struct Sql<D> {
    db: D,
    table: TableName,
    key: Vec<String>,
    schema: Schema,
    /// The run under way.
    began: String,
    /// The table that its rows go to until it has ended.
    written_to: String,
    since: Option<Since>,
    increment: Option<Increment>,
}

impl<D: Database> Sql<D> {
    pub(crate) fn new(db: D, table: TableName, options: &OpenOptions<'_>) -> Result<Self> {
        let fields = match options.key {
            Some(key) => key.fields().ok_or_else(|| TableError::NestedKey { key: key.to_string() })?,
            None => Vec::new(),
        };
        let (key, written_to) = (fields.into_iter().map(str::to_owned).collect(), table.to_string());
        let since = options.since.cloned();
        Ok(Self { db, table, key, schema: Schema::default(), began: String::new(), written_to, since, increment: None })
    }

    /// Runs `work` in a transaction.
    fn transact(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let before = (self.schema.clone(), self.increment.clone());
        let done =
            self.db.execute(D::BEGIN, &[]).and_then(|()| work(self)).and_then(|()| self.db.execute("COMMIT", &[]));
        if done.is_err() {
            // Where it fails, the connection is gone and with it the transaction.
            let _ = self.db.execute("ROLLBACK", &[]);
            (self.schema, self.increment) = before;
        }
        done
    }

    /// Adds the records in their order, and changes the table wherever one needs it.
    fn add(&mut self, lines: &[u8]) -> Result<()> {
        let mut rows = Vec::new();
        for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            // It was written by the parser of pages, so it can be read.
            let Ok(record) = Json::parse(line) else { continue };
            for field in &self.key {
                if record.member(field).is_none_or(|value| value.kind() == json::Kind::Null) {
                    return Err(TableError::NoKey { field: field.clone() }.into());
                }
            }
            if !self.schema.fits(&record) {
                self.insert(&mut rows)?;
                let is_made = self.schema.is_made();
                let changes = self.schema.fit(&record, D::LONGEST_NAME);
                self.change(is_made, &changes)?;
            }
            rows.push(self.schema.row(&record));
            if let (Some(increment), Some(since)) = (&mut self.increment, &self.since) {
                increment.on_record(&record, &since.field);
            }
            if rows.len() >= ROWS {
                self.insert(&mut rows)?;
            }
        }
        self.insert(&mut rows)
    }

    fn insert(&mut self, rows: &mut Vec<Vec<Cell<'static>>>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let into = Into {
            table: &self.written_to,
            columns: self.schema.made().collect(),
            key: key_columns(&self.key, &self.schema),
        };
        self.db.insert(&into, std::mem::take(rows))
    }

    /// Makes the columns that are to be made, and the table with the first of them.
    fn change(&mut self, is_made: bool, changes: &[Change]) -> Result<()> {
        let table = quoted(&self.written_to);
        let define = |column: &Column| format!("{} {}", quoted(&column.name), D::type_of(column.kind));
        let added: Vec<String> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Add(at) => Some(define(&self.schema.columns[*at])),
                Change::Widen(..) => None,
            })
            .collect();
        if is_made {
            for column in added {
                self.db.execute(&format!("ALTER TABLE {table} ADD COLUMN {column}"), &[])?;
            }
        } else {
            let key: Vec<String> = key_columns(&self.key, &self.schema).into_iter().map(quoted).collect();
            let key = if key.is_empty() { String::new() } else { format!(", PRIMARY KEY ({})", key.join(", ")) };
            self.db.execute(&format!("CREATE TABLE {table} ({}{key})", added.join(", ")), &[])?;
        }
        for change in changes {
            if let Change::Widen(at, from) = *change {
                let column = &self.schema.columns[at];
                if D::type_of(column.kind) != D::type_of(from) {
                    self.db.widen(&self.written_to, column, from)?;
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, frontier: &Frontier) -> Result<()> {
        let values = [
            integer(frontier.records),
            integer(frontier.pages),
            integer(frontier.place.job),
            integer(frontier.place.page),
            frontier.url.as_deref().map_or(Cell::Null, |url| Cell::Text(url.into())),
            Cell::Text(self.columns()?.into()),
            match &self.increment {
                Some(increment) => Cell::Text(self.stored(increment)?.into()),
                None => Cell::Null,
            },
            Cell::Text(self.table.as_str().into()),
            Cell::Text(self.began.as_str().into()),
        ];
        let sql = "UPDATE \"_abide_runs\" SET records = $1, pages = $2, job = $3, page = $4, url = $5, columns = $6,
                   since = $7 WHERE \"table\" = $8 AND began = $9";
        self.db.execute(sql, &values)
    }

    fn columns(&self) -> Result<String> {
        self.stored(&self.schema)
    }

    /// As the table of runs has it.
    fn stored(&self, value: &impl Serialize) -> Result<String> {
        serde_json::to_string(value).map_err(|e| self.refused(&e.to_string()))
    }

    fn refused(&self, why: &str) -> Error {
        TableError::Refused { at: self.db.name(), why: why.to_owned() }.into()
    }

    fn name_before(&mut self) -> Result<String> {
        let mut name = format!("{}_before", self.table);
        let mut number = 2;
        while self.db.has_table(&name)? {
            name = format!("{}_before{number}", self.table);
            number += 1;
        }
        Ok(name)
    }
}

impl<D: Database> Target for Sql<D> {
    fn name(&self) -> String {
        format!("the table {} of {}", self.table, self.db.name())
    }

    fn standing(&mut self) -> Result<Standing> {
        if !self.db.has_table(self.table.as_str())? {
            return Ok(Standing::Nothing);
        }
        if !self.db.has_table("_abide_runs")? {
            return Ok(Standing::Foreign);
        }
        let sql = "SELECT count(*) FROM \"_abide_runs\" WHERE \"table\" = $1 AND written_to = \"table\"";
        let count = self.db.query(sql, &[Cell::Text(self.table.as_str().into())])?;
        Ok(if count == [[Cell::Integer(0)]] { Standing::Foreign } else { Standing::Ours })
    }

    fn take_up(&mut self, began: Wall) -> Result<Option<Known>> {
        let began = moment(began);
        if !self.db.has_table("_abide_runs")? {
            return Ok(None);
        }
        let sql = "SELECT records, pages, job, page, url, written_to, columns, ended, since FROM \"_abide_runs\"
                   WHERE \"table\" = $1 AND began = $2";
        let keys = [Cell::Text(self.table.as_str().into()), Cell::Text(began.as_str().into())];
        let Some(row) = self.db.query(sql, &keys)?.pop() else { return Ok(None) };
        let number = |at: usize| match row[at] {
            Cell::Integer(number) => u64::try_from(number).unwrap_or(0),
            _ => 0,
        };
        let text = |at: usize| match &row[at] {
            Cell::Text(text) => Some(text.clone().into_owned()),
            _ => None,
        };
        let unreadable = |e: serde_json::Error| self.refused(&format!("its table _abide_runs can't be read ({e})"));
        let schema: Schema = serde_json::from_str(&text(6).unwrap_or_default()).map_err(unreadable)?;
        let increment = text(8).map(|text| serde_json::from_str(&text)).transpose().map_err(unreadable)?;
        let written_to = text(5).unwrap_or_else(|| self.table.to_string());
        if schema.is_made() && !self.db.has_table(&written_to)? {
            return Ok(None);
        }
        self.began = began;
        self.schema = schema;
        self.increment = increment;
        self.written_to = written_to;
        let place = Place { job: number(2), page: number(3) };
        let frontier = Frontier { place, url: text(4), records: number(0), pages: number(1), ..Frontier::START };
        Ok(Some(Known { frontier, has_ended: text(7).is_some() }))
    }

    fn begin(&mut self, began: Wall, how: Begin, source: &str, start: &Frontier) -> Result<()> {
        self.began = moment(began);
        if matches!(how, Begin::New | Begin::Replace) {
            self.schema = Schema::default();
            self.increment = None;
        }
        if how != Begin::Add {
            self.increment = match (&self.since, &self.increment) {
                (Some(_), Some(before)) => Some(before.next(began)),
                (Some(since), None) => Some(Increment::first(since, began)),
                (None, _) => None,
            };
        }
        self.written_to = match how {
            Begin::Replace => format!("_abide_new_{}", self.table),
            Begin::New | Begin::Add | Begin::Next => self.table.to_string(),
        };
        self.transact(|sql| {
            sql.db.execute(RUNS, &[])?;
            if how == Begin::Replace {
                // What an earlier attempt left.
                sql.db.execute(&format!("DROP TABLE IF EXISTS {}", quoted(&sql.written_to)), &[])?;
            }
            let values = [
                Cell::Text(sql.table.to_string().into()),
                Cell::Text(sql.began.clone().into()),
                Cell::Text(source.to_owned().into()),
                Cell::Text(sql.written_to.clone().into()),
                Cell::Text(sql.columns()?.into()),
            ];
            let insert = "INSERT INTO \"_abide_runs\"
                (\"table\", began, source, written_to, columns, records, pages, job, page)
                VALUES ($1, $2, $3, $4, $5, 0, 0, 0, 0)";
            sql.db.execute(insert, &values)?;
            sql.note(start)
        })
    }

    fn increment(&self) -> Option<&Increment> {
        self.increment.as_ref()
    }

    fn write(&mut self, lines: &[u8], frontier: &Frontier) -> Result<()> {
        self.transact(|sql| {
            sql.add(lines)?;
            sql.note(frontier)
        })
    }

    fn finish(&mut self, ended: Wall, is_partial: bool) -> Result<()> {
        let (table, written_to) = (self.table.to_string(), self.written_to.clone());
        self.transact(|sql| {
            let is_made = sql.schema.is_made();
            let changes = sql.schema.fit_nulls();
            if is_made {
                sql.change(is_made, &changes)?;
            }
            if written_to != table {
                if is_partial {
                    let before = sql.name_before()?;
                    sql.db.execute(&format!("ALTER TABLE {} RENAME TO {}", quoted(&table), quoted(&before)), &[])?;
                } else {
                    sql.db.execute(&format!("DROP TABLE {}", quoted(&table)), &[])?;
                }
                if is_made {
                    sql.db
                        .execute(&format!("ALTER TABLE {} RENAME TO {}", quoted(&written_to), quoted(&table)), &[])?;
                }
            }
            let values = [
                Cell::Text(moment(ended).into()),
                Cell::Text(sql.columns()?.into()),
                Cell::Text(table.clone().into()),
                Cell::Text(sql.began.clone().into()),
            ];
            let end = "UPDATE \"_abide_runs\" SET ended = $1, columns = $2, written_to = \"table\"
                       WHERE \"table\" = $3 AND began = $4";
            sql.db.execute(end, &values)
        })?;
        self.written_to = self.table.to_string();
        Ok(())
    }
}

/// The columns of the key's fields. Each record has these, so that they are there from the first one on.
fn key_columns<'a>(key: &[String], schema: &'a Schema) -> Vec<&'a str> {
    key.iter().filter_map(|field| schema.name_of(field)).collect()
}

/// As the table of runs has it: to the nanosecond, since a run is known by it.
fn moment(wall: Wall) -> String {
    match jiff::Timestamp::from_nanosecond(wall.as_nanos().into()) {
        Ok(moment) => moment.to_string(),
        Err(_) => error::Since(wall).to_string(),
    }
}

fn integer(number: u64) -> Cell<'static> {
    Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
