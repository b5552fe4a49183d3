//! The key that names a record: read from a flag, and taken out of a record.

use std::fmt;
use std::str::FromStr;

use abide_core::json::{Json, Kind};
use abide_core::place::{Path, PlaceError};

/// The places in a record whose values together name it, as `id` or `tenant,id`.
///
/// `record.id` is the same as `id`. Two values are the same if they are the same JSON, however it is spelled in the case of
/// text; `1` and `"1"` are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key(Vec<Path>);

impl Key {
    /// The key of a record; nothing if one of its values is missing or null.
    pub(crate) fn of(&self, record: &Json<'_>) -> Option<Vec<u8>> {
        let mut key = Vec::new();
        for path in &self.0 {
            let value = path.find(record).filter(|value| value.kind() != Kind::Null)?;
            match value.as_str() {
                Some(text) => push(&mut key, b'"', text.as_bytes()),
                None => push(&mut key, b' ', value.text().as_bytes()),
            }
        }
        Some(key)
    }

    /// Its fields, if each is a member of the record itself and not of something within it.
    pub(crate) fn fields(&self) -> Option<Vec<&str>> {
        let field = |path: &'_ Path| path.split_key().is_some_and(|(holder, _)| holder == Path::ROOT);
        self.0.iter().all(field).then(|| self.0.iter().filter_map(|path| Some(path.split_key()?.1)).collect())
    }
}

/// With its length, so that no two keys run into each other.
fn push(key: &mut Vec<u8>, kind: u8, value: &[u8]) {
    key.push(kind);
    key.extend_from_slice(value.len().to_string().as_bytes());
    key.push(b':');
    key.extend_from_slice(value);
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, path) in self.0.iter().enumerate() {
            write!(f, "{}{path}", if n == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = |part: &str| {
            let part = part.trim();
            part.strip_prefix("record.").unwrap_or(part).parse::<Path>()
        };
        let paths: Result<Vec<Path>, PlaceError> = text.split(',').map(path).collect();
        match paths {
            Ok(paths) => Ok(Self(paths)),
            Err(_) => Err(format!(
                "'{text}' does not name a key; write the field that names a record, as id, or several, as tenant,id"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &str, record: &str) -> Option<Vec<u8>> {
        key.parse::<Key>().unwrap().of(&Json::parse(record.as_bytes()).unwrap())
    }

    #[test]
    fn records_with_the_same_values_have_the_same_key() {
        let same = [r#"{"id":"é","n":1}"#, r#"{"n":2,"id":"\u00e9"}"#].map(|record| key("id", record));
        assert!(same[0].is_some() && same[0] == same[1]);
        assert_ne!(key("id", r#"{"id":1}"#), key("id", r#"{"id":"1"}"#));
        assert_ne!(key("a,b", r#"{"a":"1","b":"23"}"#), key("a,b", r#"{"a":"12","b":"3"}"#));
        assert_eq!(key("record.user.id", r#"{"user":{"id":7}}"#), key("user.id", r#"{"user":{"id":7}}"#));
    }

    #[test]
    fn a_record_without_its_key_has_none() {
        for record in [r#"{"a":1}"#, r#"{"a":1,"b":null}"#, "7", "[1]"] {
            assert_eq!(key("a,b", record), None);
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for wrong in ["", "id,", "a..b"] {
            assert!(wrong.parse::<Key>().unwrap_err().contains("tenant,id"), "{wrong}");
        }
        assert_eq!("a, b".parse::<Key>().unwrap().to_string(), "a,b");
        assert_eq!("a,record.b".parse::<Key>().unwrap().fields(), Some(vec!["a", "b"]));
        assert_eq!("a.b".parse::<Key>().unwrap().fields(), None);
    }
}
