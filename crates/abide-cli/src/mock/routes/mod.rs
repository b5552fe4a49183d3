//! Answers what the limits let through: which path is which resource, and the shapes all answers share.

mod collections;
mod httpbin;
mod items;
mod jsonplaceholder;
mod query;

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

use super::config::Like;
use super::pages::Paging;

pub(super) use items::write_record;
pub(super) use query::Query;

pub(super) type Answer = Response<Full<Bytes>>;

pub(super) const READ_ONLY: &str = "GET, HEAD, OPTIONS";

/// What there is to be had.
#[derive(Clone, Debug, Default)]
pub(super) struct Site {
    /// How many records `/items` holds.
    pub(super) records: u64,
    /// Another API whose paths are served too.
    pub(super) like: Option<Like>,
    /// How the pages of `/items` follow each other; as ever, if nobody said.
    pub(super) pages: Option<Paging>,
}

impl Site {
    /// Answers a request. No body means that it was too large to read.
    pub(super) fn answer(&self, request: &Parts, body: Option<&Bytes>, peer: IpAddr) -> Answer {
        let Some(body) = body else {
            return error(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB");
        };
        let path = request.uri.path();
        if let Some(code) = path.strip_prefix("/status/") {
            return httpbin::status(code);
        }
        if self.like == Some(Like::Jsonplaceholder)
            && let Some(answer) = jsonplaceholder::answer(request, body)
        {
            return answer;
        }
        if path == "/items"
            && let Some(pages) = &self.pages
        {
            return match request.method {
                Method::OPTIONS => allow(StatusCode::NO_CONTENT, pages.methods()),
                Method::POST if pages.is_posted() => pages.answer(self.records, request, body),
                Method::GET | Method::HEAD if !pages.is_posted() => pages.answer(self.records, request, body),
                _ => allow(StatusCode::METHOD_NOT_ALLOWED, pages.methods()),
            };
        }
        let known = matches!(path, "/" | "/items" | "/get") || path.starts_with("/items/");
        match request.method {
            _ if !known => {
                error(StatusCode::NOT_FOUND, &format!("there is nothing at {path}: see / for what there is"))
            }
            Method::OPTIONS => allow(StatusCode::NO_CONTENT, READ_ONLY),
            Method::GET | Method::HEAD => self.read(request, path, peer),
            _ => allow(StatusCode::METHOD_NOT_ALLOWED, READ_ONLY),
        }
    }

    fn read(&self, request: &Parts, path: &str, peer: IpAddr) -> Answer {
        match path {
            "/" => self.index(),
            "/get" => httpbin::get(request, peer),
            "/items" => items::page(self.records, Query::of(&request.uri)),
            _ => items::one(self.records, path.strip_prefix("/items/").unwrap_or_default()),
        }
    }

    fn index(&self) -> Answer {
        let mut paths = ["/items?page=1", "/items/ID", "/get", "/status/CODE"].map(str::to_owned).to_vec();
        if self.like == Some(Like::Jsonplaceholder) {
            paths.extend(collections::ALL.map(|collection| format!("/{}", collection.name())));
        }
        json(StatusCode::OK, format!("{}\n", json!({ "paths": paths })).into_bytes())
    }
}

pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    answer
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// `{"error": …}`.
pub(super) fn error(status: StatusCode, message: &str) -> Answer {
    json(status, format!("{}\n", json!({ "error": message })).into_bytes())
}

/// An answer that names the methods of its path.
fn allow(status: StatusCode, methods: &'static str) -> Answer {
    let mut answer = match status {
        StatusCode::NO_CONTENT => empty(status),
        _ => error(status, &format!("this path answers {methods} only")),
    };
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use http::Request;
    use http_body_util::BodyExt;
    use std::net::Ipv4Addr;

    /// What came of a request: status, a field's text, and the body.
    pub(in super::super) struct Told {
        pub(in super::super) status: u16,
        pub(in super::super) head: http::response::Parts,
        pub(in super::super) body: String,
    }

    impl Told {
        pub(in super::super) fn field(&self, name: &str) -> &str {
            self.head.headers.get(name).map_or("", |value| value.to_str().unwrap())
        }

        pub(in super::super) fn json(&self) -> serde_json::Value {
            serde_json::from_str(&self.body).unwrap()
        }
    }

    pub(in super::super) fn told(answer: Answer) -> Told {
        let (head, body) = answer.into_parts();
        // A `Full` body is there at once, so one poll sees all of it.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let std::task::Poll::Ready(body) = std::pin::pin!(body.collect()).as_mut().poll(&mut context) else { panic!() };
        let body = String::from_utf8(body.unwrap().to_bytes().to_vec()).unwrap();
        Told { status: head.status.as_u16(), head, body }
    }

    pub(in super::super) fn ask(site: Site, request: http::request::Builder, body: &str) -> Told {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        told(site.answer(&parts, Some(&Bytes::copy_from_slice(body.as_bytes())), IpAddr::from(Ipv4Addr::LOCALHOST)))
    }

    pub(super) fn get(site: Site, uri: &str) -> Told {
        ask(site, Request::get(uri).header("host", "127.0.0.1:8080"), "")
    }

    const SITE: Site = Site { records: 45, like: None, pages: None };

    #[test]
    fn unknown_paths_and_methods_are_told_apart() {
        assert_eq!(get(SITE, "/nowhere").status, 404);
        assert_eq!(get(SITE, "/posts").status, 404);
        let posted = ask(SITE, Request::post("/items"), "{}");
        assert_eq!((posted.status, posted.field("allow")), (405, READ_ONLY));
        let options = ask(SITE, Request::options("/get"), "");
        assert_eq!((options.status, options.field("allow"), options.body.as_str()), (204, READ_ONLY, ""));
    }

    #[test]
    fn the_root_names_what_there_is() {
        let paths = get(SITE, "/").json()["paths"].clone();
        assert_eq!(paths, json!(["/items?page=1", "/items/ID", "/get", "/status/CODE"]));
        let like = Site { like: Some(Like::Jsonplaceholder), ..SITE };
        assert!(get(like, "/").body.contains("/todos"));
    }

    #[test]
    fn a_body_that_was_too_large_is_said_so() {
        let (parts, ()) = Request::post("/items").body(()).unwrap().into_parts();
        assert_eq!(SITE.answer(&parts, None, IpAddr::from(Ipv4Addr::LOCALHOST)).status(), 413);
    }
}
