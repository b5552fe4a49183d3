//! Where a value goes in a request: a query key, a header field, a place in a JSON body.

use std::fmt;
use std::str::FromStr;

use http::HeaderName;

use crate::json::Json;
use crate::place::{Path, PlaceError};

/// A place in a request.
///
/// | spelling | what is set |
/// | --- | --- |
/// | `query.page` | a key of the query |
/// | `header.range` | a header field |
/// | `body.variables.after` | a member of the JSON body |
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Slot {
    /// A key of the query, decoded.
    Query(String),
    /// A header field.
    Header(HeaderName),
    /// A member of the JSON body.
    Body(Path),
}

/// One thing that a request for a page has other than the first request of its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is set.
    pub slot: Slot,
    /// To what: one JSON value, as the server wrote it.
    pub value: String,
}

impl Change {
    pub(super) fn new(slot: &Slot, value: impl fmt::Display) -> Self {
        Self { slot: slot.clone(), value: value.to_string() }
    }

    /// The value as it stands in a query or a header field: what a string means, and everything else as it is written.
    pub fn text(&self) -> String {
        let meaning = Json::parse(self.value.as_bytes()).ok().and_then(|json| Some(json.root().as_str()?.into_owned()));
        meaning.unwrap_or_else(|| self.value.clone())
    }
}

/// A place in a request that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotError(String);

impl fmt::Display for SlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is not a place in a request; accepted: 'query.KEY', 'header.NAME', 'body.PATH' (as in \
             'body.variables.after')",
            self.0
        )
    }
}

impl std::error::Error for SlotError {}

impl FromStr for Slot {
    type Err = SlotError;

    fn from_str(text: &str) -> Result<Self, SlotError> {
        let wrong = || SlotError(text.to_owned());
        let (source, rest) = text.split_at(text.find(['.', '[']).ok_or_else(wrong)?);
        let name = rest.strip_prefix('.').filter(|name| !name.is_empty());
        match source {
            "query" => Ok(Self::Query(name.ok_or_else(wrong)?.to_owned())),
            "header" => name.and_then(|name| name.parse().ok()).map(Self::Header).ok_or_else(wrong),
            "body" => {
                let path: Path = name.unwrap_or(rest).parse().map_err(|_: PlaceError| wrong())?;
                // An index or a choice cannot be set where nothing stands.
                if path.keys().is_some() { Ok(Self::Body(path)) } else { Err(wrong()) }
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(key) => write!(f, "query.{key}"),
            Self::Header(name) => write!(f, "header.{name}"),
            Self::Body(path) => crate::place::Place::Body(path.clone()).fmt(f),
        }
    }
}

/// A JSON body with these changes made; members that are not there are added, and what is no object becomes one. Changes of
/// other slots do nothing. An empty body counts as `{}`.
///
/// # Errors
///
/// If the body is not JSON.
pub fn set_in_body(body: &str, changes: &[Change]) -> Result<String, serde_json::Error> {
    let text = if body.trim().is_empty() { "{}" } else { body };
    let mut root: serde_json::Value = serde_json::from_str(text)?;
    for change in changes {
        let Slot::Body(path) = &change.slot else { continue };
        let mut at = &mut root;
        for key in path.keys().into_iter().flatten() {
            if !at.is_object() {
                *at = serde_json::Value::Object(serde_json::Map::new());
            }
            at = &mut at[key];
        }
        *at = serde_json::from_str(&change.value)?;
    }
    Ok(root.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_back_as_itself() {
        for text in
            ["query.page", "query.page[number]", "query.$skip", "header.range", "body.variables.after", "body[\"a.b\"]"]
        {
            assert_eq!(text.parse::<Slot>().map(|slot| slot.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "query", "query.", "header.a b", "body", "body.", "body.a[0]", "link.next", "page"] {
            assert_eq!(text.parse::<Slot>(), Err(SlotError(text.to_owned())));
        }
    }

    #[test]
    fn a_value_is_text_in_a_query_and_itself_in_a_body() {
        let change = |slot: &str, value: &str| Change { slot: slot.parse().unwrap(), value: value.to_owned() };
        assert_eq!(change("query.cursor", r#""a\/b""#).text(), "a/b");
        assert_eq!(change("query.page", "2").text(), "2");
        let changes = [change("body.variables.after", "\"x\""), change("body.n", "[1]"), change("query.q", "1")];
        assert_eq!(
            set_in_body(r#"{"query":"q","n":0}"#, &changes).unwrap(),
            r#"{"n":[1],"query":"q","variables":{"after":"x"}}"#
        );
        assert_eq!(set_in_body("", &changes[1..2]).unwrap(), r#"{"n":[1]}"#);
        assert!(set_in_body("a=b", &changes).is_err());
    }
}
