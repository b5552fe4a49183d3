//! The ways to page that ask the same again with a few values changed: a token, the last record, a page number, an offset.

use std::num::NonZeroU64;

use super::answer::{Answer, number_at};
use super::slot::{Change, Slot};
use super::{Next, Pages};
use crate::json::{Json, Kind, Value};
use crate::place::{Path, Place};

/// A token in the response goes into the next request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Where the token stands; absent, empty or null there is no more.
    pub at: Place,
    /// Where it goes.
    pub send: Slot,
    /// What says whether there is more, if anything does.
    pub more: Option<Place>,
}

/// A value of the last record goes into the next request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Last {
    /// Where the value stands in a record.
    pub record: Path,
    /// Where it goes.
    pub send: Slot,
    /// What says whether there is more; without it the pages end with an empty one.
    pub more: Option<Place>,
}

/// The pages have numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number {
    /// Where the number of the page goes.
    pub send: Slot,
    /// The number of the first page.
    pub first: u64,
    /// How many records to ask for, and where that goes.
    pub size: Option<Size>,
    /// Where the number of pages stands. Without it and `total` the pages end with an empty one.
    pub pages: Option<Place>,
    /// Where the number of records stands.
    pub total: Option<Place>,
}

/// The pages begin at a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Offset {
    /// Where the number of records before the page goes.
    pub send: Slot,
    /// The offset of the first record.
    pub first: u64,
    /// How many records to ask for, and where that goes.
    pub size: Option<Size>,
    /// Where the number of records stands. Without it the pages end with an empty one.
    pub total: Option<Place>,
}

/// How many records a page is to hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Where the number goes.
    pub send: Slot,
    /// The number.
    pub count: NonZeroU64,
}

impl Cursor {
    pub(super) fn next(&self, answer: &Answer<'_>) -> Next {
        if answer.says_no_more(self.more.as_ref()) {
            return Next::End;
        }
        match answer.token(&self.at) {
            Some(token) => changed(Pages::Cursor(self.clone()), &self.send, token),
            None => Next::End,
        }
    }
}

impl Last {
    pub(super) fn next(&self, answer: &Answer<'_>) -> Next {
        let Some(last) = answer.records.last else { return Next::End };
        if answer.says_no_more(self.more.as_ref()) {
            return Next::End;
        }
        match self.record.find_in(last) {
            Some(value) if matches!(value.kind(), Kind::String | Kind::Number) => {
                changed(Pages::Last(self.clone()), &self.send, value.text())
            }
            _ => Next::NoSuchValue { path: self.record.clone() },
        }
    }
}

impl Number {
    pub(super) fn next(&self, answer: &Answer<'_>) -> Next {
        let here = answer.asked.number(&self.send).unwrap_or(self.first);
        let pages = self.pages.as_ref().and_then(|place| answer.number(place));
        // Numbers that begin at 0 end one before their count.
        let is_last = pages.is_some_and(|pages| here.saturating_sub(self.first) + 1 >= pages);
        if is_last || is_all(self.total.as_ref(), answer) || answer.records.count == 0 {
            return Next::End;
        }
        changed(Pages::Number(self.clone()), &self.send, here.saturating_add(1))
    }
}

impl Offset {
    /// Goes on behind the records that came: a server may give fewer than it was asked for.
    pub(super) fn next(&self, answer: &Answer<'_>) -> Next {
        let here = answer.asked.number(&self.send).unwrap_or(self.first);
        let next = here.saturating_add(answer.records.count);
        let total = self.total.as_ref().and_then(|place| answer.number(place));
        let is_last = total.is_some_and(|total| next.saturating_sub(self.first) >= total);
        if is_last || answer.records.count == 0 {
            return Next::End;
        }
        changed(Pages::Offset(self.clone()), &self.send, next)
    }
}

/// Whether as many records have come as there are.
fn is_all(total: Option<&Place>, answer: &Answer<'_>) -> bool {
    let total = total.and_then(|place| answer.number(place));
    total.is_some_and(|total| answer.records.before + answer.records.count >= total)
}

/// All members of an object go into the query (MediaWiki's `continue`).
pub(super) fn merge(path: &Path, answer: &Answer<'_>) -> Next {
    let members = answer.body.and_then(|body| path.find(body));
    let changes: Vec<Change> = members
        .into_iter()
        .flat_map(Value::members)
        .filter_map(|(key, value)| Some(Change::new(&Slot::Query(key.as_str()?.into_owned()), value.text())))
        .collect();
    if changes.is_empty() { Next::End } else { Next::Changed { changes, by: Pages::Merge(path.clone()) } }
}

/// The `pageInfo` of GraphQL's cursor connections, wherever it stands: the shallowest one that names a cursor.
pub(super) fn relay(answer: &Answer<'_>) -> Next {
    let info = answer.body.and_then(page_info);
    let has_next = info.and_then(|info| info.member("hasNextPage")).is_some_and(|flag| flag.text() == "true");
    match info.and_then(|info| info.member("endCursor")) {
        Some(cursor) if has_next && cursor.kind() == Kind::String => {
            changed(Pages::Relay, &Slot::Body(variables_after()), cursor.text())
        }
        _ => Next::End,
    }
}

/// How deep connections may be nested.
const DEEPEST: usize = 12;

fn page_info<'a>(body: &'a Json<'_>) -> Option<Value<'a>> {
    let mut level = vec![body.root()];
    for _ in 0..DEEPEST {
        let is_info = |value: &Value<'a>| value.member("endCursor").is_some() && value.member("hasNextPage").is_some();
        if let Some(found) = level.iter().filter_map(|value| value.member("pageInfo")).find(is_info) {
            return Some(found);
        }
        let below = level.iter().flat_map(|value| value.members()).map(|(_, value)| value);
        level = below.filter(|value| value.kind() == Kind::Object).collect();
    }
    None
}

fn variables_after() -> Path {
    Path::ROOT.join("variables").join("after")
}

fn changed(by: Pages, send: &Slot, value: impl std::fmt::Display) -> Next {
    Next::Changed { changes: vec![Change::new(send, value)], by }
}

impl Pages {
    /// What the first request of a chain has to say: how many records a page is to hold, and the number of the first page where
    /// it is not the usual one.
    pub fn opening(&self) -> Vec<Change> {
        let (send, first, usual, size) = match self {
            Self::Number(Number { send, first, size, .. }) => (send, *first, 1, size),
            Self::Offset(Offset { send, first, size, .. }) => (send, *first, 0, size),
            _ => return Vec::new(),
        };
        let start = (first != usual).then(|| Change::new(send, first));
        size.iter().map(|size| Change::new(&size.send, size.count)).chain(start).collect()
    }
}

/// The members of one object that say which page it is.
pub(super) struct Holder<'a> {
    pub(super) path: Path,
    pub(super) body: &'a Json<'a>,
}

impl Holder<'_> {
    /// The first of these members that is a number, and the number.
    pub(super) fn number<'n>(&self, names: &[&'n str]) -> Option<(&'n str, u64)> {
        names.iter().find_map(|name| Some((*name, number_at(&self.place(name), self.body)?)))
    }

    pub(super) fn place(&self, name: &str) -> Path {
        self.path.clone().join(name)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::super::{Asked, Records};
    use super::*;

    /// What a page with this body says, where a request had this query and the page held these records.
    fn next(pages: &str, query: &str, body: &str, records: &str, before: u64) -> String {
        let (json, held) = (Json::parse(body.as_bytes()).unwrap(), Json::parse(records.as_bytes()).unwrap());
        let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        let query: Vec<_> = query.split('&').filter_map(pair).collect();
        let range = http::HeaderValue::from_static("id ]500..");
        let headers: HeaderMap = [(http::header::RANGE, range)].into_iter().collect();
        let count = held.root().elements().count() as u64;
        let records = Records { before, count, last: held.root().elements().last() };
        let asked = Asked { query: &query, body: None };
        let pages: Pages = pages.parse().unwrap();
        match pages.next(&Answer { headers: &headers, body: Some(&json), asked, records }) {
            Next::Changed { changes, by } => {
                assert_eq!(by, pages);
                let change = |change: &Change| format!("{}={}", change.slot, change.text());
                changes.iter().map(change).collect::<Vec<_>>().join(" ")
            }
            Next::End => "end".to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_token_goes_on_until_it_is_gone() {
        let pages = "cursor=body.next send=query.cursor more=body.more";
        assert_eq!(next(pages, "", r#"{"next": "a b"}"#, "[]", 0), "query.cursor=a b");
        assert_eq!(next(pages, "", r#"{"next": 7, "more": true}"#, "[]", 0), "query.cursor=7");
        for end in [r#"{"next": ""}"#, r#"{"next": null}"#, "{}", r#"{"next": "x", "more": false}"#] {
            assert_eq!(next(pages, "", end, "[]", 0), "end", "{end}");
        }
        assert_eq!(next("range=header.range send=header.range", "", "{}", "[]", 0), "header.range=id ]500..");
    }

    #[test]
    fn the_last_record_names_the_next_page() {
        let stripe = |body, records| next("stripe", "", body, records, 0);
        assert_eq!(stripe(r#"{"has_more": true}"#, r#"[{"id": "a"}, {"id": "b"}]"#), "query.starting_after=b");
        assert_eq!(stripe(r#"{"has_more": false}"#, r#"[{"id": "b"}]"#), "end");
        assert_eq!(stripe("{}", "[]"), "end");
        assert!(stripe("{}", r#"[{"ID": 1}]"#).starts_with("NoSuchValue"));
        assert_eq!(next("last=record.a.b send=query.max", "", "{}", r#"[{"a": {"b": 5}}]"#, 0), "query.max=5");
    }

    #[test]
    fn pages_are_counted_to_their_last() {
        let pages = "page=query.p first=1 pages=body.pages total=body.total";
        let counted = |query, body, before| next(pages, query, body, "[1, 2]", before);
        assert_eq!(counted("", r#"{"pages": "3"}"#, 0), "query.p=2");
        assert_eq!(counted("p=2", r#"{"pages": 3}"#, 2), "query.p=3");
        assert_eq!(counted("p=3", r#"{"pages": 3}"#, 4), "end");
        assert_eq!(counted("p=2", r#"{"total": 5}"#, 2), "query.p=3");
        assert_eq!(counted("p=2", r#"{"total": "4"}"#, 2), "end");
        assert_eq!(next("page=query.p", "p=4", "{}", "[]", 3), "end");
        assert_eq!(next("page=query.p first=0 pages=body.n", "p=1", r#"{"n": 2}"#, "[1]", 3), "end");
    }

    #[test]
    fn a_short_page_is_no_end() {
        let pages = "page=query.p first=1 size=query.n:100";
        assert_eq!(next(pages, "p=4", "{}", "[1]", 3), "query.p=5");
    }

    #[test]
    fn an_offset_advances_by_what_came() {
        let pages = "offset=query.skip first=0 size=query.limit:100 total=body.total";
        let skipped = |query, body, records| next(pages, query, body, records, 0);
        assert_eq!(skipped("", r#"{"total": 5}"#, "[1, 2, 3]"), "query.skip=3");
        assert_eq!(skipped("skip=3", r#"{"total": 5}"#, "[4, 5]"), "end");
        assert_eq!(skipped("skip=3", "{}", "[4, 5]"), "query.skip=5");
        assert_eq!(skipped("skip=5", "{}", "[]"), "end");
    }

    #[test]
    fn an_object_goes_into_the_query() {
        let body = r#"{"continue": {"cmcontinue": "page|2", "continue": "-||"}}"#;
        assert_eq!(next("mediawiki", "", body, "[]", 0), "query.cmcontinue=page|2 query.continue=-||");
        assert_eq!(next("mediawiki", "", "{}", "[]", 0), "end");
    }

    #[test]
    fn a_connection_goes_on_wherever_it_stands() {
        let info = |more| format!(r#"{{"issues": {{"pageInfo": {{"hasNextPage": {more}, "endCursor": "c"}}}}}}"#);
        let body = |more| format!(r#"{{"data": {{"repo": {}}}}}"#, info(more));
        assert_eq!(next("relay", "", &body(true), "[]", 0), "body.variables.after=c");
        assert_eq!(next("relay", "", &body(false), "[]", 0), "end");
    }

    #[test]
    fn the_first_request_says_what_it_wants() {
        let opening = |pages: &str| {
            let changes = pages.parse::<Pages>().unwrap().opening();
            changes.iter().map(|change| format!("{}={}", change.slot, change.text())).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(opening("page=query.p first=0 size=query.n:50"), "query.n=50 query.p=0");
        assert_eq!(opening("offset=query.skip size=query.n:50"), "query.n=50");
        assert_eq!(opening("auto"), "");
    }
}
