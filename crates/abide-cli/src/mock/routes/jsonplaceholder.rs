//! Answers the paths of jsonplaceholder.typicode.com as it does: collections with filters and pages, records, children,
//! and writes that are acknowledged and then forgotten.

use std::ops::Range;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, LINK, LOCATION};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::collections::{Collection, Record};
use super::{Answer, Query, READ_ONLY, allow, empty, error};

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");
const COLLECTION: &str = "GET, HEAD, POST, OPTIONS";
const RECORD: &str = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS";
const PAGE: usize = 10;

/// The answer, if the path is one of jsonplaceholder's.
pub(super) fn answer(request: &Parts, body: &Bytes) -> Option<Answer> {
    let mut segments = request.uri.path().strip_prefix('/')?.split('/');
    let collection = Collection::named(segments.next()?)?;
    Some(match (segments.next(), segments.next(), segments.next()) {
        (None | Some(""), None, _) => whole(request, collection, body),
        (Some(id), None, _) => single(request, collection, id, body),
        (Some(id), Some(children), None) => nested(request, collection, id, children),
        _ => missing(),
    })
}

fn whole(request: &Parts, collection: Collection, body: &Bytes) -> Answer {
    match request.method {
        Method::GET | Method::HEAD => list(request, collection, 1..collection.len() + 1),
        Method::OPTIONS => allow(StatusCode::NO_CONTENT, COLLECTION),
        Method::POST => match sent(request, body) {
            Ok(mut record) => {
                let id = collection.len() + 1;
                record.insert("id".to_owned(), id.into());
                let mut created = json(StatusCode::CREATED, &record);
                if let Ok(location) = HeaderValue::try_from(format!("{}/{id}", here(request))) {
                    created.headers_mut().insert(LOCATION, location);
                }
                created
            }
            Err(wrong) => unreadable(&wrong),
        },
        _ => allow(StatusCode::METHOD_NOT_ALLOWED, COLLECTION),
    }
}

fn single(request: &Parts, collection: Collection, id: &str, body: &Bytes) -> Answer {
    if request.method == Method::OPTIONS {
        return allow(StatusCode::NO_CONTENT, RECORD);
    }
    let Some(id) = id.parse().ok().filter(|id| collection.contains(*id)) else { return missing() };
    match request.method {
        Method::GET | Method::HEAD => json(StatusCode::OK, &collection.record(id)),
        Method::DELETE => json(StatusCode::OK, &Map::new()),
        Method::PUT | Method::PATCH => match sent(request, body) {
            Ok(changes) => {
                let mut record =
                    if request.method == Method::PATCH { fields(&collection.record(id)) } else { Map::new() };
                record.extend(changes);
                record.insert("id".to_owned(), id.into());
                json(StatusCode::OK, &record)
            }
            Err(wrong) => unreadable(&wrong),
        },
        _ => allow(StatusCode::METHOD_NOT_ALLOWED, RECORD),
    }
}

fn nested(request: &Parts, parent: Collection, id: &str, children: &str) -> Answer {
    let children = Collection::named(children).filter(|children| children.parent().is_some_and(|(of, _)| of == parent));
    let (Some(children), Ok(id)) = (children, id.parse()) else { return missing() };
    match request.method {
        Method::GET | Method::HEAD => list(request, children, children.children(parent, id)),
        Method::OPTIONS => allow(StatusCode::NO_CONTENT, READ_ONLY),
        _ => allow(StatusCode::METHOD_NOT_ALLOWED, READ_ONLY),
    }
}

/// The records of a range that the query asks for.
fn list(request: &Parts, collection: Collection, within: Range<u64>) -> Answer {
    let query = Query::of(&request.uri);
    let shape = Value::Object(fields(&collection.record(1)));
    // The original, too, passes over parameters that name no field.
    let filters: Vec<_> = query.pairs().filter(|(name, _)| field(&shape, name).is_some()).collect();
    // Values of one name are alternatives, names hold together.
    let wanted = |id: &u64| {
        let record = Value::Object(fields(&collection.record(*id)));
        let matches = |name: &str, value: &str| field(&record, name).is_some_and(|field| text(field) == value);
        filters.iter().all(|(name, _)| filters.iter().any(|(other, value)| other == name && matches(name, value)))
    };
    let found: Vec<u64> = match (filters.as_slice(), collection.parent()) {
        ([], _) => within.collect(),
        // The commonest question, the children of one parent, is answered without making up any other record.
        ([(name, id)], Some((parent, field))) if name == field => {
            let children = id.parse().map_or(0..0, |id| collection.children(parent, id));
            within.filter(|id| children.contains(id)).collect()
        }
        _ => within.filter(wanted).collect(),
    };
    let slice = Slice::of(query, found.len());
    let records: Vec<Record> = found[slice.range.clone()].iter().map(|id| collection.record(*id)).collect();
    let mut answer = json(StatusCode::OK, &records);
    if slice.asked {
        answer.headers_mut().insert(TOTAL, found.len().into());
    }
    if let Some(link) = slice.links(request, query, found.len()) {
        answer.headers_mut().insert(LINK, link);
    }
    answer
}

/// The part of a list that `_page`, `_limit`, `_start` and `_end` ask for.
struct Slice {
    range: Range<usize>,
    /// Whether the query asked for a part at all.
    asked: bool,
    page: Option<(usize, usize)>,
}

impl Slice {
    fn of(query: Query<'_>, total: usize) -> Self {
        let number = |name| query.value(name).and_then(|value| value.parse::<usize>().ok());
        let limit = number("_limit");
        let page = number("_page").map(|page| (page.max(1), limit.unwrap_or(PAGE).max(1)));
        let start =
            page.map_or(number("_start").unwrap_or(0), |(page, size)| (page - 1).saturating_mul(size)).min(total);
        let end = match (page, number("_end"), limit) {
            (Some((_, size)), _, _) => start.saturating_add(size),
            (None, Some(end), _) => end,
            (None, None, Some(limit)) => start.saturating_add(limit),
            (None, None, None) => total,
        };
        let asked = page.is_some() || ["_limit", "_start", "_end"].iter().any(|name| number(name).is_some());
        Self { range: start..end.clamp(start, total), asked, page }
    }

    /// The `Link` field that goes with `_page`, with absolute targets.
    fn links(&self, request: &Parts, query: Query<'_>, total: usize) -> Option<HeaderValue> {
        let (page, size) = self.page?;
        let last = total.div_ceil(size).max(1);
        let base = format!("{}?{}", here(request), query.without(&["_page"]));
        let link = |page: usize, rel| format!("<{base}_page={page}>; rel=\"{rel}\"");
        let mut links = vec![link(1, "first")];
        if page > 1 && page <= last {
            links.push(link(page - 1, "prev"));
        }
        if page < last {
            links.push(link(page + 1, "next"));
        }
        links.push(link(last, "last"));
        HeaderValue::try_from(links.join(", ")).ok()
    }
}

/// A field of a record, or of an object within it (`address.city`).
fn field<'a>(record: &'a Value, name: &str) -> Option<&'a Value> {
    name.split('.').try_fold(record, |value, part| value.get(part))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn fields(record: &Record) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields,
        // Every record is a struct with text keys, so it is an object.
        _ => Map::new(),
    }
}

/// The fields that a client sent, as JSON or as a form; none where there is no body.
fn sent(request: &Parts, body: &Bytes) -> serde_json::Result<Map<String, Value>> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let media = request.headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    if media.starts_with("application/x-www-form-urlencoded") {
        let pairs = form_urlencoded::parse(body).into_owned();
        return Ok(pairs.map(|(name, value)| (name, Value::from(value))).collect());
    }
    if !media.contains("json") {
        // The original reads JSON and forms, and takes anything else for nothing.
        return Ok(Map::new());
    }
    serde_json::from_slice(body)
}

fn unreadable(wrong: &serde_json::Error) -> Answer {
    error(StatusCode::BAD_REQUEST, &format!("the body is not a JSON object: {wrong}"))
}

/// The address of the request without its query.
fn here(request: &Parts) -> String {
    let host = request.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    format!("http://{host}{}", request.uri.path())
}

fn missing() -> Answer {
    json(StatusCode::NOT_FOUND, &Map::new())
}

/// JSON with two spaces of indent, as the original sends it.
fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    match serde_json::to_vec_pretty(body) {
        Ok(body) => super::json(status, body),
        // Keys are text and numbers are finite, so there is nothing that JSON cannot hold.
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Told, ask, get};
    use super::super::{Like, Site};
    use http::Request;
    use serde_json::json;

    const SITE: Site = Site { records: 1, like: Some(Like::Jsonplaceholder), pages: None };

    fn ids(told: &Told) -> Vec<u64> {
        told.json().as_array().unwrap().iter().map(|record| record["id"].as_u64().unwrap()).collect()
    }

    fn send(request: http::request::Builder, body: &str) -> Told {
        let request = request.header("content-type", "application/json; charset=UTF-8").header("host", "127.0.0.1:1");
        ask(SITE, request, body)
    }

    #[test]
    fn collections_have_the_sizes_of_the_original() {
        let sizes = ["posts", "comments", "albums", "photos", "todos", "users"]
            .map(|name| ids(&get(SITE, &format!("/{name}"))).len());
        assert_eq!(sizes, [100, 500, 100, 5_000, 200, 10]);
    }

    #[test]
    fn a_record_is_found_by_its_number() {
        let post = get(SITE, "/posts/100");
        assert_eq!((post.status, &post.json()["id"], &post.json()["userId"]), (200, &json!(100), &json!(10)));
        assert!(post.body.starts_with("{\n  \"userId\": 10,\n  \"id\": 100,\n"), "{}", post.body);
        for uri in ["/posts/0", "/posts/101", "/posts/x", "/posts/1/users", "/posts/1/comments/1"] {
            assert_eq!((get(SITE, uri).status, get(SITE, uri).body.as_str()), (404, "{}"), "{uri}");
        }
    }

    #[test]
    fn children_are_found_by_path_and_by_query() {
        assert_eq!(ids(&get(SITE, "/posts/2/comments")), [6, 7, 8, 9, 10]);
        assert_eq!(get(SITE, "/posts/2/comments").body, get(SITE, "/comments?postId=2").body);
        assert_eq!(ids(&get(SITE, "/users/1/todos?completed=false")), [3, 6, 9, 12, 15, 18]);
        assert_eq!(ids(&get(SITE, "/users/99/posts")), [0; 0]);
    }

    #[test]
    fn filters_hold_together_and_values_of_one_name_are_alternatives() {
        assert_eq!(ids(&get(SITE, "/posts?id=3&id=5&userId=1")), [3, 5]);
        assert_eq!(ids(&get(SITE, "/posts?id=3&userId=2")), [0; 0]);
        assert_eq!(ids(&get(SITE, "/users?username=Hana")), [8]);
        assert_eq!(ids(&get(SITE, "/users?address.city=North%20Quarry&id=6")), [6]);
        assert_eq!(ids(&get(SITE, "/comments?postId=1&postId=3")), [1, 2, 3, 4, 5, 11, 12, 13, 14, 15]);
        assert_eq!(ids(&get(SITE, "/users?colour=red")).len(), 10);
    }

    #[test]
    fn parts_of_a_list_tell_the_whole() {
        let page = get(SITE, "/comments?_page=2&postId=1&_limit=2");
        assert_eq!((ids(&page), page.field("x-total-count")), (vec![3, 4], "5"));
        let base = "<http://127.0.0.1:8080/comments?postId=1&_limit=2&_page=";
        let links = [(1, "first"), (1, "prev"), (3, "next"), (3, "last")];
        assert_eq!(page.field("link"), links.map(|(page, rel)| format!("{base}{page}>; rel=\"{rel}\"")).join(", "));
        assert!(!get(SITE, "/posts?_page=10").field("link").contains("next"));
        assert_eq!(ids(&get(SITE, "/posts?_limit=3")), [1, 2, 3]);
        assert_eq!(ids(&get(SITE, "/posts?_start=97")), [98, 99, 100]);
        assert_eq!(ids(&get(SITE, "/posts?_start=5&_end=7")), [6, 7]);
        assert_eq!(ids(&get(SITE, "/posts?_page=99")), [0; 0]);
        assert_eq!(get(SITE, "/posts").field("x-total-count"), "");
    }

    #[test]
    fn writes_are_acknowledged_as_the_original_does() {
        let created = send(Request::post("/posts"), r#"{"title":"foo","body":"bar","userId":1}"#);
        assert_eq!((created.status, created.field("location")), (201, "http://127.0.0.1:1/posts/101"));
        assert_eq!(created.json(), json!({"title": "foo", "body": "bar", "userId": 1, "id": 101}));
        let put = send(Request::put("/posts/1"), r#"{"title":"foo","id":7}"#);
        assert_eq!((put.status, put.json()), (200, json!({"title": "foo", "id": 1})));
        let patched = send(Request::patch("/todos/1"), r#"{"title":"foo"}"#).json();
        assert_eq!(patched, json!({"userId": 1, "id": 1, "title": "foo", "completed": true}));
        assert_eq!(send(Request::delete("/posts/1"), "").body, "{}");
        assert_eq!(send(Request::put("/posts/101"), "{}").status, 404);
        assert_eq!(send(Request::put("/posts"), "{}").field("allow"), "GET, HEAD, POST, OPTIONS");
        assert_eq!(send(Request::post("/posts/1"), "{}").status, 405);
    }

    #[test]
    fn forms_are_read_and_broken_json_is_refused() {
        let form = Request::post("/posts").header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(ask(SITE, form, "title=a+b&userId=1").json(), json!({"title": "a b", "userId": "1", "id": 101}));
        assert_eq!(send(Request::post("/posts"), "{\"title\":").status, 400);
        assert_eq!(send(Request::post("/posts"), "[1]").status, 400);
        assert_eq!(ask(SITE, Request::post("/posts"), "title").json(), json!({"id": 101}));
    }
}
