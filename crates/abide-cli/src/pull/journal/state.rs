//! The journal's one row about the pull as a whole: where its output stands, and how the last run ended.

use abide_core::time::Wall;
use rusqlite::{OptionalExtension, Row, params};

use super::Journal;
use super::batch::Batch;
use super::digest::Digest;
use super::disk::Stamp;
use super::error::{Difference, Result};

/// Where the output stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It grows under its temporary name.
    Pulling,
    /// It is whole and durable under its temporary name, or has just got its own.
    Finishing,
    /// It has its own name. Failures may be left: then the next run adds what is missing.
    Complete,
}

/// How a run ended that did not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By a signal or an error.
    Interrupted,
    /// A limit opens only then.
    Paused { until: Wall },
    /// The pages led nowhere new.
    Stalled,
}

/// The row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    /// How many jobs there are, once that is known.
    pub(crate) jobs: Option<u64>,
    /// When the output was completed.
    pub(crate) since: Option<Wall>,
    /// The file that stands under the output's own name and may be replaced; `None` if there must be none.
    pub(crate) name: Option<Stamp>,
    /// Whether that file is an earlier, partial output whose rows go into this one.
    pub(crate) splice: bool,
    /// How the last run ended; `None` if it was killed, or is under way.
    pub(crate) ending: Option<Ending>,
    /// When the run began whose rows are in a database: by this the database knows it.
    pub(crate) run: Option<Wall>,
}

impl State {
    /// Of a pull that begins, and may replace `name`.
    pub(crate) const fn new(name: Option<Stamp>) -> Self {
        Self { phase: Phase::Pulling, jobs: None, since: None, name, splice: false, ending: None, run: None }
    }
}

impl Journal {
    pub(crate) fn state(&self) -> Result<State> {
        let sql = "SELECT phase, jobs, since, size, modified, digest, splice, ending, until, run FROM pull";
        Ok(self.conn.query_row(sql, [], read_state)?)
    }

    /// In what `config` differs from what the pull was begun with.
    pub(crate) fn differences(&self, config: &[(&str, &str)]) -> Result<Vec<Difference>> {
        let mut differences = Vec::new();
        for (name, now) in config {
            let sql = "SELECT value FROM config WHERE name = ?";
            let then: Option<String> = self.conn.query_row(sql, [name], |row| row.get(0)).optional()?;
            if then.as_deref() != Some(now) {
                differences.push(Difference { name: (*name).to_owned(), then, now: Some((*now).to_owned()) });
            }
        }
        let mut rows = self.conn.prepare("SELECT name, value FROM config ORDER BY name")?;
        for row in rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))? {
            let (name, then) = row?;
            if !config.iter().any(|(known, _)| *known == name) {
                differences.push(Difference { name, then: Some(then), now: None });
            }
        }
        Ok(differences)
    }
}

impl Batch<'_> {
    pub(crate) fn save(&mut self, state: &State) -> Result<()> {
        let phase = match state.phase {
            Phase::Pulling => "pulling",
            Phase::Finishing => "finishing",
            Phase::Complete => "complete",
        };
        let (ending, until) = match state.ending {
            None => (None, None),
            Some(Ending::Interrupted) => (Some("interrupted"), None),
            Some(Ending::Paused { until }) => (Some("paused"), Some(until.as_nanos())),
            Some(Ending::Stalled) => (Some("stalled"), None),
        };
        self.conn().execute(
            "INSERT OR REPLACE INTO pull (id, phase, jobs, since, size, modified, digest, splice, ending, until, run)
             VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                phase,
                state.jobs.map(u64::cast_signed),
                state.since.map(Wall::as_nanos),
                state.name.map(|stamp| stamp.size.cast_signed()),
                state.name.map(|stamp| stamp.modified),
                state.name.and_then(|stamp| stamp.digest).map(|digest| digest.as_u64().cast_signed()),
                state.splice,
                ending,
                until,
                state.run.map(Wall::as_nanos)
            ],
        )?;
        Ok(())
    }
}

fn read_state(row: &Row<'_>) -> rusqlite::Result<State> {
    let phase = match row.get_ref(0)?.as_str()? {
        "pulling" => Phase::Pulling,
        "finishing" => Phase::Finishing,
        "complete" => Phase::Complete,
        other => return Err(unknown(0, other)),
    };
    let ending = match row.get_ref(7)?.as_str_or_null()? {
        None => None,
        Some("interrupted") => Some(Ending::Interrupted),
        Some("paused") => Some(Ending::Paused { until: Wall::from_nanos(row.get(8)?) }),
        Some("stalled") => Some(Ending::Stalled),
        Some(other) => return Err(unknown(7, other)),
    };
    Ok(State {
        phase,
        jobs: row.get::<_, Option<i64>>(1)?.map(i64::cast_unsigned),
        since: row.get::<_, Option<i64>>(2)?.map(Wall::from_nanos),
        name: read_stamp(row, 3)?,
        splice: row.get(6)?,
        ending,
        run: row.get::<_, Option<i64>>(9)?.map(Wall::from_nanos),
    })
}

/// Reads size, time and digest from three columns; `None` if there is no size.
pub(super) fn read_stamp(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Stamp>> {
    let Some(size) = row.get::<_, Option<i64>>(at)? else { return Ok(None) };
    let digest = row.get::<_, Option<i64>>(at + 2)?.map(|digest| Digest::from_u64(digest.cast_unsigned()));
    Ok(Some(Stamp { size: size.cast_unsigned(), modified: row.get(at + 1)?, digest }))
}

fn unknown(column: usize, word: &str) -> rusqlite::Error {
    let why = format!("the journal says {word:?}, which means nothing");
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, why.into())
}
