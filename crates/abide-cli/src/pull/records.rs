//! Finds the records of a response body and writes each as one line: the server's own text without white space between tokens.

use std::fmt;
use std::str::FromStr;

use abide_core::json::{Json, JsonError, Kind, Value};
use abide_core::page;
use abide_core::place::{Path, Place};

use super::body::Body;

/// Where the records of a body are, as a user states it: `auto`, or a path such as `data.items` or `body.data.items`.
///
/// `auto` means: an array is the list of records; so is, in an object, the array under `items`, `data`, `results`, `records`,
/// `rows` or `entries`, or else its only array of objects; or else the value itself is the one record.
/// `body` means the whole body. A list of lists beside a list `columns` becomes a list of objects. Each line of NDJSON is a
/// record, or holds its own at the path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum RecordsAt {
    /// Found in each body.
    #[default]
    Auto,
    /// The value at this path: each of its elements, if it is an array; none, if it is null; else itself.
    Path(Path),
}

impl RecordsAt {
    /// Where to look in the later pages of a list, given what was found in an earlier one.
    ///
    /// A page without records may look like a record: `{"animals": []}` has no array of objects.
    pub(crate) fn settled(self, found: Option<&Path>) -> Self {
        match (self, found) {
            (Self::Auto, Some(path)) if *path != Path::ROOT => Self::Path(path.clone()),
            (at, _) => at,
        }
    }
}

impl fmt::Display for RecordsAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Path(path) => write!(f, "{}", Place::Body(path.clone())),
        }
    }
}

impl FromStr for RecordsAt {
    type Err = RecordsAtError;

    fn from_str(text: &str) -> Result<Self, RecordsAtError> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(Place::Body(path))) => Ok(Self::Path(path)),
            // Records stand nowhere but in the body, so the word may be left out.
            _ => text.parse().map(Self::Path).map_err(|_| RecordsAtError(text.to_owned())),
        }
    }
}

/// A place of records that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordsAtError(String);

impl fmt::Display for RecordsAtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a path to records; accepted: 'auto', 'body' for the whole body, ", self.0)?;
        f.write_str("or a path such as 'data.items', with '[\"odd.key\"]', '[0]' and '[rel=next]' as steps too")
    }
}

impl std::error::Error for RecordsAtError {}

/// The records of one response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extract {
    /// The records, each compact and followed by a line feed.
    pub(crate) records: Vec<u8>,
    /// How many there are.
    pub(crate) count: u64,
    /// Where in the body they stood; nothing where there was no body.
    pub(crate) found: Option<Path>,
}

impl Extract {
    /// Takes the records out of a body.
    ///
    /// # Errors
    ///
    /// If the path that was named is not there, a row does not fit its columns, or a line is not JSON.
    pub(crate) fn of(body: &Body<'_>, at: &RecordsAt) -> Result<Self, RecordsError> {
        let mut extract = Self::default();
        match body {
            Body::Nothing => {}
            Body::Value(json) => {
                let path = match at {
                    RecordsAt::Auto => page::records(json),
                    RecordsAt::Path(path) => path.clone(),
                };
                extract.push_all(json, &path)?;
                extract.found = Some(path);
            }
            Body::Lines(text) => {
                extract.push_lines(text, at)?;
                extract.found = Some(match at {
                    RecordsAt::Auto => Path::ROOT,
                    RecordsAt::Path(path) => path.clone(),
                });
            }
        }
        Ok(extract)
    }

    /// The last record.
    pub(crate) fn last(&self) -> Option<&[u8]> {
        let records = self.records.strip_suffix(b"\n")?;
        let begins = records.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        Some(&records[begins..])
    }

    /// Adds the records that stand at `path`.
    fn push_all(&mut self, json: &Json<'_>, path: &Path) -> Result<(), RecordsError> {
        let value = path.find(json).ok_or_else(|| RecordsError::missing(path, json))?;
        match value.kind() {
            Kind::Array => {}
            Kind::Null if *path != Path::ROOT => return Ok(()),
            _ => {
                self.push(value.text());
                return Ok(());
            }
        }
        // A comma or a bracket goes for each line feed that comes.
        self.records.reserve(value.text().len());
        match columns(json, path, value) {
            Some(columns) => self.push_rows(value, &columns)?,
            None => value.elements().for_each(|element| self.push(element.text())),
        }
        Ok(())
    }

    fn push_rows(&mut self, rows: Value<'_>, columns: &[Value<'_>]) -> Result<(), RecordsError> {
        for (i, row) in rows.elements().enumerate() {
            let mut values = 0;
            self.records.push(b'{');
            for value in row.elements() {
                if let Some(column) = columns.get(values) {
                    if values > 0 {
                        self.records.push(b',');
                    }
                    self.records.extend_from_slice(column.text().as_bytes());
                    self.records.push(b':');
                    self.records.extend_from_slice(value.text().as_bytes());
                }
                values += 1;
            }
            if values != columns.len() {
                return Err(RecordsError::Row { number: i + 1, values, columns: columns.len() });
            }
            self.push("}");
        }
        Ok(())
    }

    fn push_lines(&mut self, text: &[u8], at: &RecordsAt) -> Result<(), RecordsError> {
        for (i, line) in text.split(|&c| c == b'\n').enumerate() {
            // RFC 7464 puts a record separator before each value.
            let line = line.strip_prefix(b"\x1e").unwrap_or(line);
            match (Json::parse(line), at) {
                (Ok(json), RecordsAt::Auto) => self.push(json.root().text()),
                (Ok(json), RecordsAt::Path(path)) => self.push_all(&json, path)?,
                (Err(JsonError::Empty), _) => {}
                (Err(why), _) => return Err(RecordsError::Line { number: i + 1, why }),
            }
        }
        Ok(())
    }

    /// Ends a record with `text`.
    fn push(&mut self, text: &str) {
        self.records.extend_from_slice(text.as_bytes());
        self.records.push(b'\n');
        self.count += 1;
    }
}

/// The keys for a list of lists: the list `columns` beside it, of names or of objects with a `name`.
fn columns<'a>(json: &'a Json<'_>, path: &Path, rows: Value<'_>) -> Option<Vec<Value<'a>>> {
    let (holder, _) = path.split_key()?;
    let columns = holder.join("columns").find(json)?;
    let name = |column: Value<'a>| match column.kind() {
        Kind::Object => column.member("name").filter(|name| name.kind() == Kind::String),
        kind => (kind == Kind::String).then_some(column),
    };
    let names: Vec<_> = columns.elements().map(name).collect::<Option<_>>()?;
    (!names.is_empty() && rows.elements().all(|row| row.kind() == Kind::Array)).then_some(names)
}

/// Why the records of a body could not be taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordsError {
    /// The body lacks the place that was named.
    Missing {
        /// The place.
        at: Place,
        /// The keys of the outermost object, or what the body is instead.
        instead: String,
    },
    /// A list has more or fewer values than there are columns.
    Row {
        /// Which list, counted from 1.
        number: usize,
        /// How many values it has.
        values: usize,
        /// How many columns there are.
        columns: usize,
    },
    /// A line of NDJSON that is not JSON.
    Line {
        /// Which line, counted from 1.
        number: usize,
        /// What is wrong with it.
        why: JsonError,
    },
}

impl RecordsError {
    fn missing(path: &Path, json: &Json<'_>) -> Self {
        const SHOWN: usize = 12;
        let instead = match json.root().kind() {
            Kind::Object => {
                let mut keys: Vec<&str> = json.members().map(|(key, _)| key.text()).take(SHOWN + 1).collect();
                if keys.len() > SHOWN {
                    keys[SHOWN] = "…";
                }
                format!("the body is an object with the keys {}", keys.join(", "))
            }
            Kind::Array => "the body is an array".to_owned(),
            _ => "the body is a single value".to_owned(),
        };
        Self::Missing { at: Place::Body(path.clone()), instead }
    }
}

impl fmt::Display for RecordsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { at, instead } => {
                write!(f, "there is nothing at '{at}': {instead}; name the place of the records with --records PATH")
            }
            Self::Row { number, values, columns } => write!(
                f,
                "row {number} has {values} values for {columns} columns; --records 'body' writes the response as it is"
            ),
            Self::Line { number, why } => {
                write!(f, "line {number} of the body is not JSON: {why}; with `-o NAME/` bodies are kept as they are")
            }
        }
    }
}

impl std::error::Error for RecordsError {}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use proptest::prelude::*;

    use super::*;

    fn extract(at: &str, content_type: &str, body: &str) -> Result<Extract, RecordsError> {
        let body = Body::read(StatusCode::OK, Some(content_type), body.as_bytes()).unwrap();
        Extract::of(&body, &at.parse().unwrap())
    }

    /// The lines of what was taken out, and where it was found.
    fn read(at: &str, body: &str) -> (Vec<String>, String) {
        let Extract { records, count, found } = extract(at, "application/json", body).unwrap();
        let text = String::from_utf8(records).unwrap();
        assert_eq!(text.matches('\n').count() as u64, count);
        (text.lines().map(str::to_owned).collect(), Place::Body(found.unwrap()).to_string())
    }

    fn lines(lines: &[&str], found: &str) -> (Vec<String>, String) {
        (lines.iter().map(|&line| line.to_owned()).collect(), found.to_owned())
    }

    #[test]
    fn an_array_is_the_list() {
        assert_eq!(read("auto", r#"[ {"id": 1}, {"id": 2} ]"#), lines(&[r#"{"id":1}"#, r#"{"id":2}"#], "body"));
        assert_eq!(read("auto", "[[1, 2], null, \"a b\"]"), lines(&["[1,2]", "null", "\"a b\""], "body"));
        assert_eq!(read("auto", "[]"), lines(&[], "body"));
    }

    #[test]
    fn else_the_only_array_of_objects_is_the_list() {
        let found = lines(&[r#"{"a":1}"#], "body.things");
        assert_eq!(
            read("auto", r#"{"n": 1, "tags": ["x"], "none": [], "mixed": [{}, 1], "things": [{"a": 1}]}"#),
            found
        );
        assert_eq!(read("auto", r#"{"links": [{"rel": "self"}], "things": [{"a": 1}]}"#), found);
        assert_eq!(read("auto", r#"{"links": [{"a": 1}]}"#), lines(&[r#"{"a":1}"#], "body.links"));
        assert_eq!(read("auto", r#"{"odd.key": [{"a": 1}]}"#), lines(&[r#"{"a":1}"#], "body[\"odd.key\"]"));
    }

    #[test]
    fn else_the_value_is_the_record() {
        for body in [
            r#"{"a":[{}],"b":[{}]}"#,
            r#"{"a":[1,2],"data":{"id":1}}"#,
            r#"{"links":[{}],"link":[{}]}"#,
            "{}",
            "7",
            "null",
        ] {
            assert_eq!(read("auto", body), lines(&[body], "body"));
        }
    }

    #[test]
    fn a_path_names_the_list_or_the_record() {
        let body =
            r#"{"data": {"items": [{"a": 1}, 2], "none": null, "one": {"b": []}}, "body": [3], "header": {"x": [4]}}"#;
        let found = lines(&[r#"{"a":1}"#, "2"], "body.data.items");
        assert_eq!(read("data.items", body), found);
        assert_eq!(read("body.data.items", body), found);
        assert_eq!(read("data.items[0]", body), lines(&[r#"{"a":1}"#], "body.data.items[0]"));
        assert_eq!(read("data.none", body), lines(&[], "body.data.none"));
        assert_eq!(read("data.one", body), lines(&[r#"{"b":[]}"#], "body.data.one"));
        assert_eq!(read("body.body", body), lines(&["3"], "body.body"));
        assert_eq!(read("header.x", body), lines(&["4"], "body.header.x"));
        assert_eq!(read("body", r#"{"items": [1]}"#), lines(&[r#"{"items":[1]}"#], "body"));
    }

    #[test]
    fn a_path_that_leads_nowhere_says_what_is_there() {
        let message = |body: &str| extract("data.items", "", body).unwrap_err().to_string();
        let start = "there is nothing at 'body.data.items': the body is";
        let end = "; name the place of the records with --records PATH";
        assert_eq!(message(r#"{"data": [], "n": 1}"#), format!("{start} an object with the keys \"data\", \"n\"{end}"));
        assert_eq!(message("[]"), format!("{start} an array{end}"));
        assert_eq!(message("7"), format!("{start} a single value{end}"));
        let many = (0..20).map(|i| format!("\"{i}\":0")).collect::<Vec<_>>().join(",");
        assert!(message(&format!("{{{many}}}")).contains("\"11\", …;"));
    }

    #[test]
    fn rows_with_columns_become_objects() {
        let body = r#"{"columns": ["id", "na\u006de"], "rows": [[1, "x"], [2, {"a": [3, 4]}]], "primary_keys": [], "truncated": false}"#;
        let found = [r#"{"id":1,"na\u006de":"x"}"#, r#"{"id":2,"na\u006de":{"a":[3,4]}}"#];
        assert_eq!(read("auto", body), lines(&found, "body.rows"));
        assert_eq!(read("rows[0]", body), lines(&["1", "\"x\""], "body.rows[0]"));
        let nested = format!(r#"{{"result": {body}}}"#);
        assert_eq!(read("result.rows", &nested), lines(&found, "body.result.rows"));
        let typed = r#"{"columns": [{"name": "id", "type": "int"}], "data": [[1]]}"#;
        assert_eq!(read("auto", typed), lines(&[r#"{"id":1}"#], "body.data"));
        assert_eq!(read("auto", r#"{"columns": ["id"], "rows": []}"#), lines(&[], "body.rows"));
    }

    #[test]
    fn rows_stay_as_they_are_where_the_columns_are_no_names() {
        for columns in ["[]", "[1]", "[{\"id\":1}]", "\"id\"", "{}"] {
            let body = format!("{{\"columns\": {columns}, \"rows\": [[1], [2]]}}");
            assert_eq!(read("auto", &body), lines(&["[1]", "[2]"], "body.rows"), "{columns}");
        }
        assert_eq!(
            read("auto", r#"{"columns": ["id"], "rows": [[1], {"id": 2}]}"#),
            lines(&["[1]", r#"{"id":2}"#], "body.rows")
        );
    }

    #[test]
    fn a_row_that_does_not_fit_its_columns_is_an_error() {
        for (row, values) in [("[]", 0), ("[1]", 1), ("[1,2,3]", 3)] {
            let body = format!("{{\"columns\": [\"a\", \"b\"], \"rows\": [[1, 2], {row}]}}");
            assert_eq!(extract("auto", "", &body), Err(RecordsError::Row { number: 2, values, columns: 2 }));
        }
    }

    #[test]
    fn each_line_of_ndjson_is_a_record() {
        let body = "\u{feff}{\"items\": [1, 2]}\r\n\n \n\u{1e}[3]\n\"x\"";
        let read = |at: &str| {
            extract(at, "application/x-ndjson", body).map(|extract| String::from_utf8(extract.records).unwrap())
        };
        assert_eq!(read("auto"), Ok("{\"items\":[1,2]}\n[3]\n\"x\"\n".to_owned()));
        assert_eq!(read("items").unwrap_err().to_string().split(':').next(), Some("there is nothing at 'body.items'"));
        assert_eq!(
            extract("items", "application/x-ndjson", "{\"items\": [1, 2]}\n{\"items\": []}").map(|e| e.count),
            Ok(2)
        );
        let empty = extract("auto", "application/jsonl", "").unwrap();
        assert_eq!((empty.records.len(), empty.count), (0, 0));
        let wrong = extract("auto", "application/jsonl", "{}\n{\n").unwrap_err();
        assert!(
            wrong.to_string().starts_with("line 2 of the body is not JSON: it ends after 1 bytes, where a key"),
            "{wrong}"
        );
    }

    #[test]
    fn no_body_has_no_records() {
        let body = Body::read(StatusCode::NO_CONTENT, None, b"").unwrap();
        assert_eq!(Extract::of(&body, &"a.b".parse().unwrap()), Ok(Extract::default()));
    }

    #[test]
    fn later_pages_are_read_where_the_first_one_had_its_list() {
        let first = extract("auto", "", r#"{"animals": [{"id": 1}]}"#).unwrap();
        let at = RecordsAt::Auto.settled(first.found.as_ref());
        let body = Body::read(StatusCode::OK, None, br#"{"animals": []}"#).unwrap();
        assert_eq!(Extract::of(&body, &at).map(|extract| extract.count), Ok(0));
        assert_eq!(RecordsAt::Auto.settled(Some(&Path::ROOT)), RecordsAt::Auto);
        assert_eq!(RecordsAt::Auto.settled(None), RecordsAt::Auto);
        assert_eq!(at.clone().settled(Some(&Path::ROOT.join("other"))), at);
    }

    #[test]
    fn a_misspelt_path_is_refused() {
        for text in ["", "a.", "body.", "a b"] {
            let message = text.parse::<RecordsAt>().unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("'{text}' is not a path to records; accepted: 'auto', ")),
                "{message}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_record_is_lost_or_changed(
            records in proptest::collection::vec("[ \\[\\]{},:\"\\\\\na-c0-9é]{0,12}", 0..6),
            wrap in proptest::sample::select(vec!["", "items", "rows"]),
            pretty in any::<bool>(),
        ) {
            // A record with spaces in its strings, a big number and a repeated key.
            let records: Vec<String> = records
                .iter()
                .map(|text| format!("{{\"a\":{},\"n\":123456789012345678901.50,\"a\":[]}}", serde_json::to_string(text).unwrap()))
                .collect();
            let mut body = format!("[{}]", records.join(if pretty { " ,\n  " } else { "," }));
            if !wrap.is_empty() {
                body = format!("{{\"next\":\"/x\",\"{wrap}\":{body},\"n\":1}}");
            }
            let (read, _) = read("auto", &body);
            prop_assert_eq!(read, records);
        }
    }
}
