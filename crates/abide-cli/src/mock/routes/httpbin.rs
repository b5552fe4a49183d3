//! Answers `/get` and `/status/CODE` as httpbin does.

use std::net::IpAddr;

use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::{Map, Value, json};

use super::{Answer, Query, empty, error};

/// What the request looked like: its query, its fields, where it came from and what it asked for.
pub(super) fn get(request: &Parts, peer: IpAddr) -> Answer {
    let host = request.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
    let seen = json!({
        "args": args(Query::of(&request.uri)),
        "headers": headers(&request.headers),
        "origin": peer.to_string(),
        "url": format!("http://{host}{target}"),
    });
    super::json(StatusCode::OK, format!("{seen:#}\n").into_bytes())
}

/// A parameter that is given more than once is a list.
fn args(query: Query<'_>) -> Map<String, Value> {
    let mut args = Map::new();
    for (name, value) in query.pairs() {
        let value = Value::from(value.into_owned());
        match args.get_mut(name.as_ref()) {
            None => {
                args.insert(name.into_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    args
}

/// Names in the case of old, and the lines of a field joined by commas.
fn headers(fields: &HeaderMap) -> Map<String, Value> {
    let lines = |name| {
        let lines: Vec<_> = fields.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        Value::from(lines.join(","))
    };
    fields.keys().map(|name| (title_case(name), lines(name))).collect()
}

fn title_case(name: &HeaderName) -> String {
    let mut start = true;
    let upper = |c: char| {
        let cased = if start { c.to_ascii_uppercase() } else { c };
        start = c == '-';
        cased
    };
    name.as_str().chars().map(upper).collect()
}

/// An empty answer with this status.
pub(super) fn status(code: &str) -> Answer {
    match code.parse() {
        // A status below 200 would only announce another one.
        Ok(code @ 200..=999) => StatusCode::from_u16(code).map_or_else(|_| no_status(), empty),
        _ => no_status(),
    }
}

fn no_status() -> Answer {
    error(StatusCode::BAD_REQUEST, "a status is a number from 200 to 999")
}

#[cfg(test)]
mod tests {
    use super::super::Site;
    use super::super::tests::{ask, get};
    use http::Request;
    use serde_json::json;

    const SITE: Site = Site { records: 1, like: None, pages: None };

    #[test]
    fn get_tells_what_it_saw() {
        let request =
            Request::get("/get?a=1&b=x%20y&a=2&a=3").header("host", "127.0.0.1:8080").header("x-api-key", "k");
        let request = request.header("accept", "a").header("accept", "b");
        assert_eq!(
            ask(SITE, request, "").json(),
            json!({
                "args": { "a": ["1", "2", "3"], "b": "x y" },
                "headers": { "Host": "127.0.0.1:8080", "X-Api-Key": "k", "Accept": "a,b" },
                "origin": "127.0.0.1",
                "url": "http://127.0.0.1:8080/get?a=1&b=x%20y&a=2&a=3",
            })
        );
    }

    #[test]
    fn a_status_is_answered_without_a_body() {
        let told = get(SITE, "/status/418");
        assert_eq!((told.status, told.body.as_str()), (418, ""));
        assert_eq!(ask(SITE, Request::delete("/status/503"), "").status, 503);
        for uri in ["/status/", "/status/100", "/status/1000", "/status/ok", "/status/200/1"] {
            assert_eq!(get(SITE, uri).status, 400, "{uri}");
        }
    }
}
