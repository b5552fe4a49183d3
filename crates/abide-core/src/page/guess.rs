//! Finds a way to page in a response that names no URL: a token, a page number or an offset in the places that APIs use.

use http::HeaderName;

use super::answer::Answer;
use super::catalogue::{self, path};
use super::reference;
use super::slot::Slot;
use super::style::{Cursor, Holder, Last, Number, Offset};
use super::{Next, Pages};
use crate::json::Kind;
use crate::place::{Path, Place};

/// The way to page that this response shows, with what it says about the next page.
pub(super) fn guess(answer: &Answer<'_>) -> Option<Next> {
    let pages = merged(answer)
        .or_else(|| token(answer))
        .or_else(|| graph(answer))
        .or_else(|| numbered(answer))
        .or_else(|| skipped(answer))
        .or_else(|| listed(answer))?;
    match pages.next(answer) {
        Next::End => None,
        next => Some(next),
    }
}

fn token(answer: &Answer<'_>) -> Option<Pages> {
    let in_body = catalogue::TOKENS.iter().filter_map(|(path, key)| Some((Place::Body(path.clone()), (*key)?)));
    let in_header =
        catalogue::HEADER_TOKENS.iter().map(|(name, key)| (Place::Header(HeaderName::from_static(name)), *key));
    let (at, key) = in_body.chain(in_header).find(|(at, _)| {
        // A list or an object is no token, and true names none.
        answer.token(at).is_some_and(|token| !token.starts_with(['{', '[', 't']))
    })?;
    // The last page may hold a token as well, with a word that there is no more.
    let more = answer.body.and_then(reference::more).filter(|(_, path)| **path != catalogue::path(catalogue::END));
    let more = more.map(|(_, path)| Place::Body(path.clone()));
    Some(Pages::Cursor(Cursor { at, send: Slot::Query(key.to_owned()), more }))
}

/// MediaWiki's object, which holds itself a key of its own name.
fn merged(answer: &Answer<'_>) -> Option<Pages> {
    let path = path("continue");
    path.find(answer.body?)?.member("continue").map(|_| Pages::Merge(path))
}

fn graph(answer: &Answer<'_>) -> Option<Pages> {
    // A cursor can only be sent where there are variables to hold it.
    path("query").find(answer.asked.body?).map(|_| Pages::Relay)
}

fn numbered(answer: &Answer<'_>) -> Option<Pages> {
    let key = catalogue::PAGE_KEYS.into_iter().find(|key| answer.asked.has_query(key)).unwrap_or("page");
    let send = Slot::Query(key.to_owned());
    let number =
        |first, pages| Pages::Number(Number { send: send.clone(), first, size: None, pages: Some(pages), total: None });
    for name in catalogue::HEADER_PAGES.map(HeaderName::from_static) {
        let at = Place::Header(name);
        if answer.number(&at).is_some() {
            return Some(number(1, at));
        }
    }
    holders(answer).find_map(|holder| {
        let (_, page) = holder.number(&catalogue::PAGE)?;
        let (name, _) = holder.number(&catalogue::PAGES)?;
        // What is page 0 by its own word, though nobody asked for a page or for that one, begins the count at 0.
        let first = if page == answer.asked.number(&send).unwrap_or(page) && page == 0 { 0 } else { 1 };
        Some(number(first, Place::Body(holder.place(name))))
    })
}

fn skipped(answer: &Answer<'_>) -> Option<Pages> {
    holders(answer).find_map(|holder| {
        let (offset, _) = holder.number(&catalogue::OFFSET)?;
        holder.number(&catalogue::LIMIT)?;
        let (total, _) = holder.number(&catalogue::TOTAL)?;
        Some(Pages::Offset(Offset {
            send: Slot::Query(offset.to_owned()),
            first: 0,
            size: None,
            total: Some(Place::Body(holder.place(total))),
        }))
    })
}

/// Stripe's lists say so, and go on behind the last record.
fn listed(answer: &Answer<'_>) -> Option<Pages> {
    let is_list = path("object").find(answer.body?).is_some_and(|value| value.is_text("list"));
    let id = answer.records.last?.member("id").filter(|id| id.kind() == Kind::String);
    let more = Place::Body(path("has_more"));
    (is_list && id.is_some() && answer.token(&more).is_some()).then(|| {
        Pages::Last(Last { record: path("id"), send: Slot::Query("starting_after".to_owned()), more: Some(more) })
    })
}

fn holders<'a>(answer: &Answer<'a>) -> impl Iterator<Item = Holder<'a>> {
    let body = answer.body;
    body.into_iter().flat_map(|body| {
        std::iter::once(Path::ROOT).chain(catalogue::HOLDERS.iter().cloned()).map(move |path| Holder { path, body })
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::super::{Asked, Change, Records};
    use super::*;
    use crate::json::Json;

    /// How the pages go on that begin with this one, and by what; two records came.
    fn guessed(query: &str, fields: &[(&'static str, &'static str)], body: &str) -> String {
        let json = Json::parse(body.as_bytes()).unwrap();
        let records = Json::parse(br#"[{"id": "a"}, {"id": "b"}]"#).unwrap();
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let headers: HeaderMap = fields.iter().map(field).collect();
        let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        let query: Vec<_> = query.split('&').filter_map(pair).collect();
        let records = Records { before: 0, count: 2, last: records.root().elements().last() };
        let asked = Asked { query: &query, body: None };
        match Pages::Auto.next(&Answer { headers: &headers, body: Some(&json), asked, records }) {
            Next::Changed { changes, by } => {
                let change = |change: &Change| format!("{}={}", change.slot, change.text());
                format!("{} by {by}", changes.iter().map(change).collect::<Vec<_>>().join(" "))
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn tokens_go_where_their_apis_want_them() {
        for (body, key) in [
            (r#"{"next_cursor": "c", "has_more": true}"#, "cursor"),
            (r#"{"response_metadata": {"next_cursor": "c"}}"#, "cursor"),
            (r#"{"nextPageToken": "c"}"#, "pageToken"),
            (r#"{"metadata": {"continue": "c"}}"#, "continue"),
            (r#"{"paging": {"next": {"after": "c"}}}"#, "after"),
        ] {
            let guess = guessed("", &[], body);
            assert!(guess.starts_with(&format!("query.{key}=c by cursor=body.")), "{body}: {guess}");
        }
        let by_header = "query.page=2 by cursor=header.x-next-page send=query.page";
        assert_eq!(guessed("", &[("x-next-page", "2")], "[]"), by_header);
        assert_eq!(guessed("", &[("x-next-page", "")], "[]"), "End");
        assert_eq!(guessed("", &[], r#"{"next_cursor": "c", "has_more": false}"#), "End");
        let more = guessed("", &[], r#"{"next_cursor": "c", "has_more": true}"#);
        assert_eq!(more, "query.cursor=c by cursor=body.next_cursor send=query.cursor more=body.has_more");
        let merged = guessed("", &[], r#"{"continue": {"a": "1", "continue": "-"}}"#);
        assert_eq!(merged, "query.a=1 query.continue=- by mediawiki");
    }

    #[test]
    fn a_page_that_says_its_number_is_followed_by_the_next() {
        let by = "by page=query.page first=1 pages=body";
        let one = guessed("", &[], r#"{"page": 1, "total_pages": 3}"#);
        assert_eq!(one, format!("query.page=2 {by}.total_pages"));
        let two = guessed("page=2", &[], r#"{"meta": {"current_page": 2, "last_page": 3}}"#);
        assert_eq!(two, format!("query.page=3 {by}.meta.last_page"));
        assert_eq!(guessed("page=3", &[], r#"{"page": 3, "total_pages": 3}"#), "End");
        assert_eq!(
            guessed("", &[], r#"{"page": {"number": 0, "totalPages": 2}}"#),
            "query.page=1 by page=query.page first=0 pages=body.page.totalPages"
        );
        assert_eq!(
            guessed("_page=1", &[("x-wp-totalpages", "2")], "[]"),
            "query._page=2 by page=query._page first=1 pages=header.x-wp-totalpages"
        );
    }

    #[test]
    fn a_page_that_says_where_it_begins_is_followed_by_what_is_behind_it() {
        assert_eq!(
            guessed("", &[], r#"{"startAt": 0, "maxResults": 50, "total": 120}"#),
            "query.startAt=2 by offset=query.startAt first=0 total=body.total"
        );
        assert_eq!(guessed("skip=118", &[], r#"{"skip": 118, "limit": 2, "total": 120}"#), "End");
        assert_eq!(guessed("", &[], r#"{"offset": 0, "total": 120}"#), "End");
    }

    #[test]
    fn a_list_that_says_it_is_one_goes_on_behind_its_last_record() {
        let listed = guessed("", &[], r#"{"object": "list", "has_more": true}"#);
        assert_eq!(listed, "query.starting_after=b by stripe");
        assert!(guessed("", &[], r#"{"has_more": true}"#).starts_with("Token"));
    }
}
