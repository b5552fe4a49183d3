//! The columns of a table, as the records that came so far make them: a record is fitted in by itself, in its turn.
//!
//! Since no record looks ahead, the columns and the values are the same however the records are cut into transactions.

use std::borrow::Cow;

use abide_core::json::{self, Json, Value};
use serde::{Deserialize, Serialize};

use super::kind::Kind;

/// The column of a record that is not an object.
const VALUE: &str = "value";

/// The columns, in the order in which the fields were first seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Schema {
    pub(crate) columns: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Column {
    /// The field that it holds.
    field: String,
    /// What it is called in the table.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Whether it is in the table. While nothing but nulls came, nobody knows its type.
    pub(crate) is_made: bool,
}

/// What has to be done to the table before a record fits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Make this column.
    Add(usize),
    /// Let this column, which was of that kind, hold what its kind is now.
    Widen(usize, Kind),
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
}

impl Schema {
    /// Makes room for a record. `longest` is how many bytes a column's name may have.
    pub(super) fn fit(&mut self, record: &Json<'_>, longest: usize) -> Vec<Change> {
        let mut changes = Vec::new();
        for (n, (field, value)) in fields(record).enumerate() {
            let at = self.place(n, field).unwrap_or_else(|| self.push(decoded(field), longest));
            let column = &mut self.columns[at];
            let (was, is) = (column.kind, column.kind.join(Kind::of(value)));
            column.kind = is;
            if is == was {
                continue;
            }
            changes.push(if column.is_made { Change::Widen(at, was) } else { Change::Add(at) });
            column.is_made = true;
        }
        // A table needs a column.
        if !self.is_made() {
            if self.columns.is_empty() {
                self.push(VALUE.to_owned(), longest);
            }
            self.columns[0].is_made = true;
            changes.push(Change::Add(0));
        }
        changes
    }

    /// Whether a record fits in as things are.
    pub(super) fn fits(&self, record: &Json<'_>) -> bool {
        let fits = |(n, (field, value)): (usize, (Option<Value<'_>>, Value<'_>))| {
            let column = self.place(n, field).map(|at| &self.columns[at]);
            column.is_some_and(|column| column.kind.join(Kind::of(value)) == column.kind)
        };
        self.is_made() && fields(record).enumerate().all(fits)
    }

    /// The columns that are still to be made, for the fields that were null in every record.
    pub(super) fn fit_nulls(&mut self) -> Vec<Change> {
        let unmade = self.columns.iter_mut().enumerate().filter(|(_, column)| !column.is_made);
        unmade
            .map(|(at, column)| {
                column.is_made = true;
                Change::Add(at)
            })
            .collect()
    }

    /// The row of a record that was fitted in: a cell for each column.
    pub(super) fn row(&self, record: &Json<'_>) -> Vec<Cell<'static>> {
        let mut row = vec![Cell::Null; self.columns.len()];
        for (n, (field, value)) in fields(record).enumerate() {
            if let Some(at) = self.place(n, field) {
                row[at] = Cell::of(value, self.columns[at].kind);
            }
        }
        row
    }

    /// Whether there is a table yet.
    pub(super) fn is_made(&self) -> bool {
        self.columns.iter().any(|column| column.is_made)
    }

    /// The columns that are in the table, with their places in a row.
    pub(crate) fn made(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(|(_, column)| column.is_made)
    }

    /// The name of the column that holds a field.
    pub(super) fn name_of(&self, field: &str) -> Option<&str> {
        self.columns.iter().find(|column| column.field == field).map(|column| column.name.as_str())
    }

    /// Where the column of a field is. Most records have their fields in the order of the first one.
    fn place(&self, expected: usize, field: Option<Value<'_>>) -> Option<usize> {
        let is = |column: &Column| match field {
            Some(field) => field.is_text(&column.field),
            None => column.field == VALUE,
        };
        match self.columns.get(expected) {
            Some(column) if is(column) => Some(expected),
            _ => self.columns.iter().position(is),
        }
    }

    fn push(&mut self, field: String, longest: usize) -> usize {
        let name = self.name_for(&field, longest);
        self.columns.push(Column { field, name, kind: Kind::Null, is_made: false });
        self.columns.len() - 1
    }

    /// A name that no other column has, not even in other letters: databases tell `Id` and `id` apart or they do not.
    fn name_for(&self, field: &str, longest: usize) -> String {
        let plain: String = field.chars().filter(|c| *c != '\0').collect();
        let plain = if plain.is_empty() { "_".to_owned() } else { plain };
        let names = std::iter::once(String::new()).chain((2..).map(|n: u64| format!("_{n}")));
        let fitting = |suffix: String| {
            let room = longest.saturating_sub(suffix.len());
            let end = (0..=room.min(plain.len())).rev().find(|end| plain.is_char_boundary(*end)).unwrap_or(0);
            plain[..end].to_owned() + &suffix
        };
        let is_free = |name: &String| !self.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        names.map(fitting).find(is_free).expect("there are more numbers than columns")
    }
}

impl Cell<'static> {
    fn of(value: Value<'_>, kind: Kind) -> Self {
        let text = || Self::Text(value.as_str().unwrap_or(value.text().into()).into_owned().into());
        match kind {
            _ if value.kind() == json::Kind::Null => Self::Null,
            Kind::Boolean => Self::Boolean(value.text() == "true"),
            Kind::Integer | Kind::Long => value.text().parse().map_or_else(|_| text(), Self::Integer),
            Kind::Real => value.text().parse().map_or_else(|_| text(), Self::Real),
            Kind::Null | Kind::Text | Kind::Json => text(),
        }
    }
}

/// The fields of a record with their keys; what is no object has one without.
fn fields<'r>(record: &'r Json<'_>) -> impl Iterator<Item = (Option<Value<'r>>, Value<'r>)> {
    let root = record.root();
    let alone = (root.kind() != json::Kind::Object).then_some((None, root));
    record.members().map(|(key, value)| (Some(key), value)).chain(alone)
}

fn decoded(field: Option<Value<'_>>) -> String {
    field.and_then(Value::as_str).map_or_else(|| VALUE.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json<'_> {
        Json::parse(text.as_bytes()).unwrap()
    }

    fn fitted(records: &[&str]) -> (Schema, Vec<Vec<Change>>) {
        let mut schema = Schema::default();
        let changes = records.iter().map(|record| schema.fit(&json(record), 63)).collect();
        (schema, changes)
    }

    #[test]
    fn columns_are_made_when_their_type_is_known_and_widened_when_it_changes() {
        let (mut schema, changes) =
            fitted(&[r#"{"id":1,"n":null}"#, r#"{"id":2.5,"n":true}"#, r#"{"id":3,"n":"x","last":null}"#]);
        let expected = [
            vec![Change::Add(0)],
            vec![Change::Widen(0, Kind::Integer), Change::Add(1)],
            vec![Change::Widen(1, Kind::Boolean)],
        ];
        assert_eq!(changes, expected);
        assert_eq!(schema.row(&json(r#"{"id":3,"n":true}"#)), [Cell::Real(3.0), Cell::Text("true".into()), Cell::Null]);
        assert_eq!(schema.fit_nulls(), [Change::Add(2)]);
        // What was only null is known by its type later.
        assert_eq!(schema.fit(&json(r#"{"last":[1]}"#), 63), [Change::Widen(2, Kind::Null)]);
        assert_eq!(schema.row(&json(r#"{"last":[1,"a"]}"#))[2], Cell::Text("[1,\"a\"]".into()));
    }

    #[test]
    fn a_table_has_at_least_one_column() {
        assert_eq!(fitted(&["{}"]).1, [vec![Change::Add(0)]]);
        assert_eq!(fitted(&[r#"{"a":null,"b":null}"#]).1, [vec![Change::Add(0)]]);
        let (schema, _) = fitted(&["7", "[1]"]);
        assert_eq!((schema.columns[0].name.as_str(), schema.columns[0].kind), ("value", Kind::Text));
    }

    #[test]
    fn no_two_columns_have_the_same_name() {
        let (schema, _) = fitted(&[r#"{"Id":1,"id":2,"":3,"_":4,"ID":5,"éééé":6}"#]);
        let names: Vec<&str> = schema.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["Id", "id_2", "_", "__2", "ID_3", "éééé"]);
        let mut short = Schema::default();
        short.fit(&json(r#"{"ééé":1,"éé":2}"#), 5);
        assert_eq!(short.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["éé", "é_2"]);
    }
}
