//! Runs what comparable libraries and RFCs expect of a reader, one test a case, named after its id.

mod github;
mod ratelimit;
mod retry_after;
mod structured;
mod values;

use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{Reader, Response, Signal};
use crate::time::{Instant, Now, Wall};

const VECTORS: &str = include_str!("../../../tests/data/peer-vectors.jsonl");

/// Makes one test of each id.
macro_rules! vectors {
    ($check:ident: $($name:ident = $id:literal;)*) => {
        mod $check {
            $(#[test] fn $name() { super::super::run($id, super::$check); })*

            #[test]
            fn every_case_of_the_family_has_its_test() {
                super::super::assert_complete(&[$($id),*]);
            }
        }
    };
}
pub(super) use vectors;

/// One case.
struct Vector {
    input: Value,
    expect: Value,
    /// Set where peers contradict each other, or a law of ours: the case is then tested as refused.
    choice: Option<Choice>,
}

/// Why a peer is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// A server's wait is never cut.
    Uncut,
    /// `1.0` is one second, as other peers and real servers have it.
    Fraction,
    /// A number beyond any clock is reported as absurd; it is neither absent nor zero.
    Absurd,
    /// A reset is the moment that was named; whether to come a second later is the engine's affair.
    NoMargin,
    /// A limit that was not sent is not made up.
    NotDerived,
    /// A day of the week that does not fit the date is not read.
    Weekday,
}

const CHOICES: [(&str, Choice); 12] = [
    ("retry-after/urllib3-cap-over", Choice::Uncut),
    ("retry-after/httpx-cap", Choice::Uncut),
    ("retry-after/urllib3-invalid-decimal", Choice::Fraction),
    ("retry-after/edge-u64", Choice::Absurd),
    ("retry-after-policy/openai-07", Choice::Uncut),
    ("retry-after-policy/openai-13", Choice::Uncut),
    ("retry-after-policy/openai-15", Choice::Absurd),
    ("retry-after-clamp/boto-10000", Choice::Uncut),
    ("retry-after-clamp/smithy-above", Choice::Uncut),
    ("github-wait/primary-future", Choice::NoMargin),
    ("ratelimit-field-lenient/mre-reddit", Choice::NotDerived),
    ("http-date/httpdate-wrong-weekday", Choice::Weekday),
];

fn all() -> impl Iterator<Item = Value> {
    VECTORS.lines().map(|line| serde_json::from_str(line).unwrap())
}

fn run(id: &str, check: impl Fn(&Vector)) {
    let line = all().find(|line| line["id"] == id).expect("the case");
    let choice = CHOICES.iter().find(|(known, _)| *known == id).map(|(_, choice)| *choice);
    check(&Vector { input: line["input"].clone(), expect: line["expect"].clone(), choice });
}

fn assert_complete(ids: &[&str]) {
    let family = ids[0].split('/').next().unwrap();
    let listed: Vec<_> = all().filter(|line| line["family"] == family).map(|line| line["id"].clone()).collect();
    assert_eq!(ids, listed);
}

#[test]
fn every_choice_is_about_a_case() {
    for (id, _) in CHOICES {
        assert!(all().any(|line| line["id"] == id), "{id}");
    }
}

/// The moment of a case, or one that does not matter.
fn now(input: &Value) -> Wall {
    let moment: jiff::Timestamp = input["now"].as_str().unwrap_or("2026-01-01T00:00:00Z").parse().unwrap();
    Wall::from_secs(moment.as_second())
}

fn read(host: &str, status: u64, fields: &[(&str, &str)], body: Option<&str>, now: Wall) -> Signal {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.trim().as_bytes()).unwrap());
    }
    let now = Now { mono: Instant::ZERO, wall: now };
    let status = StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
    let body = body.map(str::as_bytes);
    Reader::default().read(&Response { host, status, headers: &headers, body, sent: now, received: now })
}

/// The field lines of a case: one value, several, or none.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().map(|value| value.as_str().unwrap()).collect(),
        value => value.as_str().into_iter().collect(),
    }
}

fn secs(value: &Value) -> Option<Duration> {
    value.as_f64().map(|secs| Duration::from_micros((secs * 1e6).round() as u64))
}
