//! What paging goes by: what was asked for, what came, and how many records it held.

use http::HeaderMap;

use super::slot::Slot;
use crate::json::{Json, Value};
use crate::place::{Path, Place};

/// One page's request and response.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The header fields of the response.
    pub headers: &'a HeaderMap,
    /// Its body; none where it holds no single JSON value.
    pub body: Option<&'a Json<'a>>,
    /// What was asked for.
    pub asked: Asked<'a>,
    /// The records that it held.
    pub records: Records<'a>,
}

/// The parts of a request that may say which page it asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The query, decoded, in its order.
    pub query: &'a [(String, String)],
    /// A JSON body.
    pub body: Option<&'a Json<'a>>,
}

/// What a page held, and what came before it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Records<'a> {
    /// How many records the earlier pages of its chain held.
    pub before: u64,
    /// How many it holds.
    pub count: u64,
    /// The last of them.
    pub last: Option<Value<'a>>,
}

impl Answer<'_> {
    /// The number at a place in the response, be it written as a number or as text.
    pub(super) fn number(&self, place: &Place) -> Option<u64> {
        match place {
            Place::Header(name) => self.headers.get(name)?.to_str().ok()?.trim().parse().ok(),
            Place::Body(path) => number_at(path, self.body?),
            Place::Link(_) => None,
        }
    }

    /// What stands at a place in the response, as JSON; nothing where it is absent, empty or null.
    pub(super) fn token(&self, place: &Place) -> Option<String> {
        match place {
            Place::Header(name) => {
                let text = self.headers.get(name)?.to_str().ok()?.trim();
                (!text.is_empty()).then(|| serde_json::Value::from(text).to_string())
            }
            Place::Body(path) => {
                let value = path.find(self.body?)?;
                (!super::reference::is_nothing(value)).then(|| value.text().to_owned())
            }
            Place::Link(_) => None,
        }
    }

    /// Whether the place, if there is one, says that there is no more.
    pub(super) fn says_no_more(&self, more: Option<&Place>) -> bool {
        let Some(more) = more else { return false };
        match more {
            Place::Body(path) => {
                let value = self.body.and_then(|body| path.find(body));
                value.is_some_and(|value| super::reference::is_nothing(value) || value.text() == "0")
            }
            Place::Header(_) | Place::Link(_) => {
                self.token(more).is_some_and(|text| matches!(text.as_str(), "\"false\"" | "\"0\""))
            }
        }
    }
}

impl Asked<'_> {
    /// The number that the request has in a slot.
    pub(super) fn number(&self, slot: &Slot) -> Option<u64> {
        match slot {
            Slot::Query(key) => self.query.iter().rev().find(|(name, _)| name == key)?.1.trim().parse().ok(),
            Slot::Body(path) => number_at(path, self.body?),
            Slot::Header(_) => None,
        }
    }

    pub(super) fn has_query(&self, key: &str) -> bool {
        self.query.iter().any(|(name, _)| name == key)
    }
}

/// Some APIs write numbers as text.
pub(super) fn number_at(path: &Path, body: &Json<'_>) -> Option<u64> {
    let value = path.find(body)?;
    value.as_str().map_or_else(|| value.text().parse().ok(), |text| text.trim().parse().ok())
}
