//! Records as CSV (RFC 4180): quoting, the names of the columns, and where a record's values go.

use abide_core::json::{Json, Kind, Value};

/// The column of a record that is not an object.
const VALUE: &str = "value";

/// The names that the records bring, in the order in which they first appear.
pub(super) fn columns_of<'r>(records: impl Iterator<Item = &'r Json<'r>>) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for record in records {
        for (n, (name, _)) in fields(record).enumerate() {
            if place(&columns, n, &name).is_none() {
                columns.push(name.decode());
            }
        }
    }
    columns
}

/// Adds the line of a record to `csv`. A value without a column is left out, and the first such name is returned.
///
/// Text is written as it is meant, all else as it came: `null` and a value that is not there as nothing, empty text as `""`, lists and
/// objects as JSON.
pub(super) fn push_row(csv: &mut Vec<u8>, columns: &[String], record: &Json<'_>) -> Option<String> {
    let mut values: Vec<Option<Value<'_>>> = vec![None; columns.len()];
    let mut stranger = None;
    for (n, (name, value)) in fields(record).enumerate() {
        match place(columns, n, &name) {
            Some(at) => values[at] = Some(value),
            None => stranger = stranger.or_else(|| Some(name.decode())),
        }
    }
    let fields = values.iter().map(|value| value.filter(|value| value.kind() != Kind::Null));
    push_line(csv, fields.map(|value| value.map(|value| value.as_str().unwrap_or(value.text().into()))));
    stranger
}

/// Adds the line with the names of the columns.
pub(super) fn push_header(csv: &mut Vec<u8>, columns: &[String]) {
    push_line(csv, columns.iter().map(Some));
}

fn push_line(csv: &mut Vec<u8>, fields: impl ExactSizeIterator<Item = Option<impl AsRef<str>>>) {
    // An empty line is no record to most readers.
    let alone = fields.len() == 1;
    for (n, field) in fields.enumerate() {
        if n > 0 {
            csv.push(b',');
        }
        match field {
            Some(field) => push_field(csv, field.as_ref()),
            None if alone => csv.extend_from_slice(b"\"\""),
            None => {}
        }
    }
    csv.push(b'\n');
}

fn push_field(csv: &mut Vec<u8>, field: &str) {
    if !field.is_empty() && !field.contains(['"', ',', '\n', '\r']) {
        return csv.extend_from_slice(field.as_bytes());
    }
    csv.push(b'"');
    for (n, piece) in field.split('"').enumerate() {
        if n > 0 {
            csv.extend_from_slice(b"\"\"");
        }
        csv.extend_from_slice(piece.as_bytes());
    }
    csv.push(b'"');
}

/// The name of a field: a key of the record, or ours for a record that has none.
enum Name<'a> {
    Key(Value<'a>),
    Ours,
}

impl Name<'_> {
    fn is(&self, column: &str) -> bool {
        match self {
            Self::Key(key) => key.is_text(column),
            Self::Ours => column == VALUE,
        }
    }

    fn decode(&self) -> String {
        match self {
            Self::Key(key) => key.as_str().unwrap_or_default().into_owned(),
            Self::Ours => VALUE.to_owned(),
        }
    }
}

fn fields<'r>(record: &'r Json<'_>) -> impl Iterator<Item = (Name<'r>, Value<'r>)> {
    let root = record.root();
    let alone = (root.kind() != Kind::Object).then_some((Name::Ours, root));
    record.members().map(|(key, value)| (Name::Key(key), value)).chain(alone)
}

/// Where the column of a field is. Most records have their fields in the order of the first one.
fn place(columns: &[String], expected: usize, name: &Name<'_>) -> Option<usize> {
    match columns.get(expected) {
        Some(column) if name.is(column) => Some(expected),
        _ => columns.iter().position(|column| name.is(column)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(records: &[&str]) -> String {
        let records: Vec<_> = records.iter().map(|record| Json::parse(record.as_bytes()).unwrap()).collect();
        let columns = columns_of(records.iter());
        let mut csv = Vec::new();
        push_header(&mut csv, &columns);
        for record in &records {
            assert_eq!(push_row(&mut csv, &columns, record), None);
        }
        String::from_utf8(csv).unwrap()
    }

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let record = r#"{"a":"x, \"y\"\nz","b":1.50,"c":true,"d":{"e":[1,"f"]},"g h":"plain \u00e9","i":"\r"}"#;
        let line = "\"x, \"\"y\"\"\nz\",1.50,true,\"{\"\"e\"\":[1,\"\"f\"\"]}\",plain é,\"\r\"\n";
        assert_eq!(csv(&[record]), format!("a,b,c,d,g h,i\n{line}"));
    }

    #[test]
    fn nothing_and_empty_text_are_told_apart() {
        assert_eq!(csv(&[r#"{"a":null,"b":""}"#, r#"{"b":"x"}"#]), "a,b\n,\"\"\n,x\n");
        assert_eq!(csv(&[r#"{"a":null}"#, r#"{"a":1}"#]), "a\n\"\"\n1\n");
    }

    #[test]
    fn columns_are_those_of_all_records_in_the_order_of_their_appearance() {
        assert_eq!(csv(&[r#"{"b":1,"a":2}"#, r#"{"a":3,"c":4,"b":5}"#]), "b,a,c\n1,2,\n5,3,4\n");
        assert_eq!(csv(&["7", r#"{"a":[]}"#, "[1,2]"]), "value,a\n7,\n,[]\n\"[1,2]\",\n");
    }

    #[test]
    fn a_field_without_a_column_is_named() {
        let record = Json::parse(br#"{"a":1,"x":2,"y":3}"#).unwrap();
        let mut csv = Vec::new();
        assert_eq!(push_row(&mut csv, &["a".to_owned()], &record), Some("x".to_owned()));
        assert_eq!(csv, b"1\n");
    }
}
