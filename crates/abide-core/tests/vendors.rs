//! Reads the corpus of vendors' responses and compares every reading with what its line expects.

use std::time::Duration;

use abide_core::headers::{Reader, Response};
use abide_core::time::{Instant, Now, Wall};
use http::StatusCode;
use http::header::{DATE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

const CORPUS: &str = include_str!("data/vendors.jsonl");

fn lines() -> impl Iterator<Item = Value> {
    CORPUS.lines().map(|line| serde_json::from_str(line).expect("the corpus is JSON lines"))
}

fn headers(line: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in line["headers"].as_object().expect("headers") {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        let values: Vec<&str> = match value {
            Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
            value => value.as_str().into_iter().collect(),
        };
        for value in values {
            headers.append(name.clone(), HeaderValue::from_str(value.trim()).expect("a value"));
        }
    }
    headers
}

/// Seconds since the epoch of an RFC 3339 time.
fn wall(text: &str) -> Wall {
    let moment: jiff::Timestamp = text.parse().expect("RFC 3339");
    Wall::from_nanos(i64::try_from(moment.as_nanosecond()).expect("this century"))
}

fn read(line: &Value) -> Map<String, Value> {
    let headers = headers(line);
    let received = wall(line["received_at"].as_str().expect("a time"));
    let now = Now { mono: Instant::ZERO, wall: received };
    let response = Response {
        host: line["host"].as_str().expect("a host"),
        status: StatusCode::from_u16(
            line["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status"),
        )
        .expect("a status"),
        headers: &headers,
        body: line["body"].as_str().map(str::as_bytes),
        sent: now,
        received: now,
    };
    let date = headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let date = date.map(|date| {
        let since = date.duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Wall::from_secs(i64::try_from(since.as_secs()).expect("this century"))
    });
    Reader::default().read(&response).summary(received, date).to_json()
}

/// Whether two values are the same; times within one millisecond.
fn same(expected: &Value, read: &Value) -> bool {
    match (expected.as_f64(), read.as_f64()) {
        (Some(expected), Some(read)) => (expected - read).abs() <= 0.001,
        _ => expected == read,
    }
}

/// Whether each bucket that is expected was read, and none besides. Their names are the corpus's own.
fn same_buckets(expected: &Value, read: &Value) -> bool {
    let (Some(expected), Some(read)) = (expected.as_array(), read.as_array()) else { return false };
    let mut left: Vec<&Value> = read.iter().collect();
    let all = expected.iter().all(|bucket| {
        let fits = |read: &&Value| {
            ["limit", "remaining", "reset_after_s", "window_s"].iter().all(|key| same(&bucket[*key], &read[*key]))
        };
        left.iter().position(fits).map(|at| left.remove(at)).is_some()
    });
    all && left.is_empty()
}

/// What differs from the expectation of a line.
fn differences(line: &Value) -> Vec<String> {
    let read = read(line);
    let expected = line["expect"].as_object().expect("an expectation");
    let differs = |(key, value): &(&String, &Value)| {
        let got = read.get(*key).unwrap_or(&Value::Null);
        if *key == "buckets" { !same_buckets(value, got) } else { !same(value, got) }
    };
    let tell = |(key, value): (&String, &Value)| format!("{key}: expected {value}, read {}", read[key]);
    expected.iter().filter(differs).map(tell).collect()
}

fn assert_read_right(lines: impl Iterator<Item = Value>) {
    let wrong: Vec<_> = lines
        .map(|line| (line["id"].clone(), differences(&line)))
        .filter(|(_, differences)| !differences.is_empty())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_line_that_needs_no_judgement_is_read_exactly() {
    assert_read_right(lines().filter(|line| line.get("judgement").is_none()));
}

/// A difference would be fair here, and would have to be argued in `HEADERS.md`. There is none.
#[test]
fn every_line_that_needs_a_judgement_is_read_as_it_was_judged() {
    assert_read_right(lines().filter(|line| line.get("judgement").is_some()));
}

#[test]
fn the_corpus_is_whole() {
    assert_eq!(lines().count(), 162);
}
