//! Reads the reference to the next page out of a response.

use http::{HeaderMap, HeaderName};

use super::{Next, catalogue, link};
use crate::json::{Json, Kind, Value};
use crate::place::{Path, Place};

/// What stands at a place.
enum Reading {
    /// What means that there is no more: null, false, empty.
    Nothing,
    Reference(String),
    Other(String),
}

/// What stands at a place that the user named.
pub(super) fn named(place: &Place, headers: &HeaderMap, body: Option<&Json<'_>>) -> Next {
    let reading = match place {
        Place::Link(rel) => link::target(headers, rel).map(Reading::Reference),
        Place::Header(name) => in_header(headers, name, is_reference),
        Place::Body(path) => body.and_then(|body| in_body(body, path, is_reference)),
    };
    let at = place.clone();
    match reading {
        None => Next::Absent { at },
        Some(Reading::Nothing) => Next::End,
        Some(Reading::Reference(reference)) => Next::Page { reference, at },
        Some(Reading::Other(value)) => Next::Token { at, value },
    }
}

/// Looks where APIs use to name their next page. The `Link` field goes first: it is what the standards provide.
pub(super) fn auto(headers: &HeaderMap, body: Option<&Json<'_>>) -> Next {
    if let Some(reference) = link::next(headers) {
        return Next::Page { reference, at: Place::Link("next".to_owned()) };
    }
    let mut token = None;
    for name in catalogue::HEADERS.map(HeaderName::from_static) {
        match in_header(headers, &name, is_url) {
            Some(Reading::Reference(reference)) => return Next::Page { reference, at: Place::Header(name) },
            Some(Reading::Other(value)) if token.is_none() => token = Some((Place::Header(name), value)),
            _ => {}
        }
    }
    if let Some(body) = body {
        let more = more(body);
        if let Some((false, _)) = more {
            return Next::End;
        }
        for path in catalogue::NEXT.iter() {
            match in_body(body, path, is_url) {
                Some(Reading::Reference(reference)) => return Next::Page { reference, at: Place::Body(path.clone()) },
                Some(Reading::Other(value)) if token.is_none() => token = Some((Place::Body(path.clone()), value)),
                _ => {}
            }
        }
        token = token
            .or_else(|| token_in(body))
            .or_else(|| more.map(|(_, path)| (Place::Body(path.clone()), "true".to_owned())));
    }
    token.map_or(Next::End, |(at, value)| Next::Token { at, value })
}

/// Whether the body says that there is more, and where it says so. This goes before a link: some name a next page for ever.
pub(super) fn more(body: &Json<'_>) -> Option<(bool, &'static Path)> {
    catalogue::MORE.iter().find_map(|(path, yes)| {
        let flag = path.find(body).filter(|value| value.kind() == Kind::Bool)?;
        Some((flag.text() == *yes, path))
    })
}

fn token_in(body: &Json<'_>) -> Option<(Place, String)> {
    catalogue::TOKENS.iter().find_map(|(path, _)| {
        let value = path.find(body)?;
        (!is_nothing(value)).then(|| (Place::Body(path.clone()), value.text().to_owned()))
    })
}

fn in_header(headers: &HeaderMap, name: &HeaderName, is_target: fn(&str) -> bool) -> Option<Reading> {
    let value = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    Some(match value.trim() {
        "" => Reading::Nothing,
        text if is_target(text) => Reading::Reference(text.to_owned()),
        text => Reading::Other(text.to_owned()),
    })
}

fn in_body(body: &Json<'_>, path: &Path, is_target: fn(&str) -> bool) -> Option<Reading> {
    let value = path.find(body)?;
    if is_nothing(value) {
        return Some(Reading::Nothing);
    }
    Some(match target(value).filter(|text| is_target(text)) {
        Some(text) => Reading::Reference(based(body, path, &text).unwrap_or(text)),
        None => Reading::Other(value.text().to_owned()),
    })
}

pub(super) fn is_nothing(value: Value<'_>) -> bool {
    matches!(value.text(), "null" | "false" | "\"\"" | "{}" | "[]")
}

/// The text of a string, or of the member of a link object that holds its target.
fn target(value: Value<'_>) -> Option<String> {
    if value.kind() != Kind::Object {
        return value.as_str().map(|text| text.trim().to_owned());
    }
    // STAC can ask for a POST, with the page in a body; to follow that with GET would fetch the first page for ever.
    let by_get =
        value.member("method").is_none_or(|method| method.as_str().is_none_or(|m| m.eq_ignore_ascii_case("get")));
    let link = catalogue::TARGETS.iter().find_map(|name| value.member(name)?.as_str())?;
    by_get.then(|| link.trim().to_owned())
}

/// Puts a path behind the `base` that stands beside it, as Confluence means it: its paths lack what the base begins with.
fn based(body: &Json<'_>, path: &Path, reference: &str) -> Option<String> {
    let (holder, _) = path.split_key()?;
    let base = holder.join("base").find(body)?.as_str()?;
    (is_absolute(&base) && reference.starts_with('/') && !reference.starts_with("//"))
        .then(|| format!("{}{reference}", base.trim_end_matches('/')))
}

/// Whether a text that stands where APIs put URLs and tokens alike is a URL, absolute or relative, and no token.
fn is_url(text: &str) -> bool {
    if text.contains(char::is_control) {
        return false;
    }
    if is_absolute(text) || text.starts_with(['/', '?']) || text.starts_with("./") || text.starts_with("../") {
        return true;
    }
    // `Books?$skiptoken=1000`: no alphabet of tokens has both signs.
    let has_query = text.split_once('?').is_some_and(|(path, query)| !path.contains(':') && query.contains('='));
    has_query && !text.contains(char::is_whitespace)
}

/// The same for a place that the user named: a relative path without a query is taken for one as well.
fn is_reference(text: &str) -> bool {
    is_url(text) || text.contains('/') && !text.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control())
}

fn is_absolute(text: &str) -> bool {
    let starts_with = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    starts_with("http://") || starts_with("https://")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::super::Pages;
    use super::super::testing::answer;
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        fields.iter().map(field).collect()
    }

    fn next(pages: &str, fields: &[(&'static str, &'static str)], body: &str) -> Next {
        let json = Json::parse(body.as_bytes()).unwrap();
        pages.parse::<Pages>().unwrap().next(&answer(&headers(fields), Some(&json)))
    }

    fn page(reference: &str, at: &str) -> Next {
        Next::Page { reference: reference.to_owned(), at: at.parse().unwrap() }
    }

    fn token(value: &str, at: &str) -> Next {
        Next::Token { at: at.parse().unwrap(), value: value.to_owned() }
    }

    #[test]
    fn each_usual_place_is_found_and_read_again_by_its_name() {
        for (body, reference, at) in [
            (r#"{"next": "https://api.example/a?page=2", "results": []}"#, "https://api.example/a?page=2", "body.next"),
            (
                r#"{"next": "100", "next_url": "http:\/\/h\/t.json?_next=100"}"#,
                "http://h/t.json?_next=100",
                "body.next_url",
            ),
            (r#"{"@odata.nextLink": "Books?$skiptoken=1000"}"#, "Books?$skiptoken=1000", "body[\"@odata.nextLink\"]"),
            (
                r#"{"d": {"results": [], "__next": "http://h/Books?$skip=2"}}"#,
                "http://h/Books?$skip=2",
                "body.d.__next",
            ),
            (r#"{"_links": {"next": {"href": "/a?page=2"}}}"#, "/a?page=2", "body._links.next"),
            (r#"{"links": {"next": "/a?page=2"}}"#, "/a?page=2", "body.links.next"),
            (r#"{"links": {"next": {"href": "/a", "meta": {}}}}"#, "/a", "body.links.next"),
            (
                r#"{"links": [{"rel": "self", "href": "/s"}, {"rel": "next", "href": "/n"}]}"#,
                "/n",
                "body.links[rel=next]",
            ),
            (r#"{"links": [{"rel": ["next"], "href": "/n"}]}"#, "/n", "body.links[rel=next]"),
            (r#"{"link": [{"relation": "next", "url": "/n"}]}"#, "/n", "body.link[relation=next]"),
            (r#"{"nextRecordsUrl": "/query/01g-500", "done": false}"#, "/query/01g-500", "body.nextRecordsUrl"),
            (
                r#"{"paging": {"next": {"after": "t", "link": "https://h/c?after=t"}}}"#,
                "https://h/c?after=t",
                "body.paging.next",
            ),
            (r#"{"hydra:view": {"hydra:next": "/a?page=2"}}"#, "/a?page=2", "body[\"hydra:view\"][\"hydra:next\"]"),
            (r#"{"pagination": {"next_page": "HTTPS://h/a"}}"#, "HTTPS://h/a", "body.pagination.next_page"),
            (r#"{"next": "?page=2"}"#, "?page=2", "body.next"),
            (r#"{"next": "https://h/a?q=b c&page=2"}"#, "https://h/a?q=b c&page=2", "body.next"),
            (r#"{"next": "../items?page=2"}"#, "../items?page=2", "body.next"),
        ] {
            assert_eq!(next("auto", &[], body), page(reference, at), "{body}");
            assert_eq!(next(at, &[], body), page(reference, at), "{body}");
        }
    }

    #[test]
    fn a_header_is_found_before_the_body() {
        let body = r#"{"next": "/c"}"#;
        let fields = [("link", "</a>; rel=next"), ("next-page", "http://h/b")];
        assert_eq!(next("auto", &fields, body), page("/a", "link.next"));
        assert_eq!(next("auto", &fields[1..], body), page("http://h/b", "header.next-page"));
        assert_eq!(next("auto", &[("x-next-page", "2")], body), page("/c", "body.next"));
        assert_eq!(next("body.next", &fields, body), page("/c", "body.next"));
        assert_eq!(next("none", &fields, body), Next::End);
    }

    #[test]
    fn null_and_empty_are_the_end() {
        for value in ["null", "false", "\"\"", "{}", "[]"] {
            let body = format!(r#"{{"next": {value}, "next_cursor": {value}, "items": [1]}}"#);
            assert_eq!(next("auto", &[("x-next-page", "")], &body), Next::End, "{value}");
            assert_eq!(next("body.next", &[], &body), Next::End, "{value}");
        }
        assert_eq!(next("header.x-next-page", &[("x-next-page", " ")], "{}"), Next::End);
        assert_eq!(next("auto", &[], "[{\"next\": \"/a\"}]"), Next::End);
        assert_eq!(Pages::Auto.next(&answer(&HeaderMap::new(), None)), Next::End);
    }

    #[test]
    fn a_place_that_was_named_and_is_not_there_is_told() {
        for place in ["body.nxt", "body.next.href.x", "header.next-page", "link.next", "link.successor"] {
            assert_eq!(next(place, &[], r#"{"next": {"href": "/a"}}"#), Next::Absent { at: place.parse().unwrap() });
        }
        let pages: Pages = "body.next".parse().unwrap();
        assert_eq!(pages.next(&answer(&HeaderMap::new(), None)), Next::Absent { at: "body.next".parse().unwrap() });
    }

    #[test]
    fn a_token_is_no_url() {
        for value in
            ["\"100\"", "\"eyJpZCI6MTAwfQ==\"", "\"aGVs/bG8=\"", "\"a b/c?d=e\"", "\"urn:x?a=b\"", "2", "true", "[1]"]
        {
            assert_eq!(next("auto", &[], &format!(r#"{{"next": {value}}}"#)), token(value, "body.next"));
        }
        assert_eq!(next("body.next", &[], r#"{"next": "100"}"#), token("\"100\"", "body.next"));
        assert_eq!(next("header.x-next-page", &[("x-next-page", "2")], "{}"), token("2", "header.x-next-page"));
    }

    #[test]
    fn more_that_cannot_be_followed_is_told() {
        assert_eq!(next("auto", &[], r#"{"data": [], "has_more": true}"#), token("true", "body.has_more"));
        assert_eq!(
            next("auto", &[], r#"{"LastEvaluatedKey": {"id": 1}}"#),
            token(r#"{"id":1}"#, "body.LastEvaluatedKey")
        );
        let post = r#"{"links":[{"rel":"next","href":"/search","method":"POST","body":{"token":"t"}}]}"#;
        assert!(matches!(next("auto", &[], post), Next::Token { .. }));
        assert_eq!(next("auto", &[], &post.replace("POST", "GET")), page("/search", "body.links[rel=next]"));
    }

    #[test]
    fn a_flag_that_says_no_more_ends_the_pages_that_a_body_names() {
        assert_eq!(next("auto", &[], r#"{"links": {"next": "/a"}, "meta": {"has_more": false}}"#), Next::End);
        assert_eq!(next("auto", &[], r#"{"next_page": "/a", "end_of_stream": true}"#), Next::End);
        assert_eq!(next("auto", &[], r#"{"next_page": "/a", "end_of_stream": false}"#), page("/a", "body.next_page"));
        assert_eq!(next("auto", &[], r#"{"next": "/a", "has_more": "no"}"#), page("/a", "body.next"));
        let fields = [("link", "</a>; rel=next")];
        assert_eq!(next("auto", &fields, r#"{"has_more": false}"#), page("/a", "link.next"));
    }

    #[test]
    fn a_base_beside_the_path_goes_before_it() {
        let body = r#"{"_links": {"base": "https://x.example/wiki/", "next": "/rest/api/content?start=25"}}"#;
        let expected = page("https://x.example/wiki/rest/api/content?start=25", "body._links.next");
        assert_eq!(next("auto", &[], body), expected);
        assert_eq!(next("body._links.next", &[], body), expected);
        let other = r#"{"next": "/a", "base": "/b"}"#;
        assert_eq!(next("auto", &[], other), page("/a", "body.next"));
    }

    #[test]
    fn a_relative_path_is_followed_where_its_place_was_named() {
        assert_eq!(next("body.more", &[], r#"{"more": "items/page/2"}"#), page("items/page/2", "body.more"));
        assert_eq!(next("header.next", &[("next", "items/2")], "{}"), page("items/2", "header.next"));
        assert_eq!(next("body.more", &[], r#"{"more": "ftp://h/a"}"#), token("\"ftp://h/a\"", "body.more"));
    }
}
