//! Finds a refusal, a wait and quotas in a body: structured members first, text only where a dialect says so.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::dialect::{Place, Pointers, Rule, Spoken};
use super::grammar::{self, Role};
use super::refusal::{contains_ignoring_case, find_ignoring_case};
use super::units::{self, Decimal, Hint, Scale, Told};
use super::values::Item;
use super::{Refusal, Response, codes};
use crate::time::Wall;

/// Deeper than this nobody puts an error.
const DEPTH: usize = 5;

/// What a body says.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) refusal: Option<Refusal>,
    pub(super) wait: Option<Told>,
    /// The wait is an order whatever the status.
    pub(super) is_order: bool,
    pub(super) policy: Option<String>,
    pub(super) cost: Option<Decimal>,
    pub(super) should_retry: Option<bool>,
    pub(super) quotas: Vec<(&'static str, Item<'static>)>,
}

/// Reads the body of `response`, if there is one. `now` is the server's clock.
pub(super) fn read(response: &Response<'_>, spoken: &Spoken, now: Wall) -> Body {
    let mut body = Body::default();
    let Some(bytes) = response.body else { return body };
    let json = serde_json::from_slice::<Value>(bytes).ok();
    let text = String::from_utf8_lossy(bytes);
    match &json {
        Some(json) if response.status.is_client_error() || response.status.is_server_error() => {
            body.search(json, DEPTH, now);
        }
        Some(Value::Object(members)) => {
            // A success is read as an error only by the members that an error alone has.
            for (key, value) in members {
                if is_error_key(key) {
                    body.search_member(key, value, 3, now);
                }
            }
            body.wait = body.wait.filter(|_| body.refusal.is_some());
        }
        Some(_) => {}
        None => {
            if let Some((code, _)) = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")) {
                body.code(code);
            }
        }
    }
    for rule in spoken.rules() {
        body.apply(rule, json.as_ref(), &text, response.status, now);
    }
    body
}

impl Body {
    /// Looks through an error for codes and waits.
    fn search(&mut self, value: &Value, depth: usize, now: Wall) {
        if depth == 0 {
            return;
        }
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    self.search_member(key, value, depth, now);
                }
            }
            Value::Array(items) => {
                for item in items.iter().take(16) {
                    self.search(item, depth - 1, now);
                }
            }
            _ => {}
        }
    }

    fn search_member(&mut self, key: &str, value: &Value, depth: usize, now: Wall) {
        let codes = codes::is_key(key);
        match value {
            Value::String(text) if codes => self.code(text),
            Value::Number(number) if codes => self.code(&number.to_string()),
            Value::Array(items) if codes => {
                for item in items.iter().take(16) {
                    match item {
                        Value::String(text) => self.code(text),
                        _ => self.search(item, depth - 1, now),
                    }
                }
            }
            Value::Object(_) | Value::Array(_) => self.search(value, depth - 1, now),
            _ => {}
        }
        if self.wait.is_none() {
            self.wait = wait(key, value, now);
        }
    }

    fn code(&mut self, text: &str) {
        let Some(refusal) = codes::meaning(text) else { return };
        self.refusal = self.refusal.or(Some(refusal));
        if codes::is_unpaid(text) {
            self.should_retry = Some(false);
        }
    }

    fn apply(&mut self, rule: &Rule, json: Option<&Value>, text: &str, status: StatusCode, now: Wall) {
        match *rule {
            Rule::Code(Place::Body(pointer), values, refusal) => {
                let is_one = |value: &Value| match value {
                    Value::String(text) => values.contains(&text.as_str()),
                    Value::Number(number) => values.contains(&number.to_string().as_str()),
                    _ => false,
                };
                if json.is_some_and(|json| any_at(json, pointer, &is_one)) {
                    self.refusal = Some(refusal);
                }
            }
            Rule::Text(only, words, refusal) if status == only && contains_ignoring_case(text, words) => {
                self.refusal = self.refusal.or(Some(refusal));
            }
            Rule::WaitInText(words) if self.wait.is_none() && (self.refusal.is_some() || !status.is_success()) => {
                let rest = find_ignoring_case(text, words).and_then(|at| text.get(at + words.len()..));
                self.wait = rest.and_then(|rest| wait_in_text(rest, now));
            }
            Rule::Wait(pointer, scale) => {
                let hint = Hint { scale: Some(scale), relative: true, absolute: false };
                if let Some(told) = json.and_then(|json| json.pointer(pointer)).and_then(|value| told(value, hint, now))
                {
                    (self.wait, self.is_order) = (Some(told), true);
                }
            }
            Rule::Policy(pointer) => {
                let name = json.and_then(|json| json.pointer(pointer)).and_then(Value::as_str);
                self.policy = self.policy.take().or(name.map(str::to_owned));
            }
            Rule::Quota(name, pointers) => {
                if let Some(item) = json.and_then(|json| quota(json, pointers, now)) {
                    self.quotas.push((name, item));
                }
            }
            Rule::Cost(Place::Body(pointer)) => {
                self.cost = self.cost.or_else(|| json.and_then(|json| number(json, pointer)));
            }
            _ => {}
        }
    }
}

/// The members by which a success admits to be an error.
fn is_error_key(key: &str) -> bool {
    ["error", "errors", "code", "error_code", "errorCode", "errcode", "errorType", "error_type"].contains(&key)
}

/// A wait, if that is what the key of a member says.
fn wait(key: &str, value: &Value, now: Wall) -> Option<Told> {
    if !(key.contains("etry") || key.contains("ackoff") || key.contains("RETRY")) {
        return None;
    }
    let key = grammar::kebab(key);
    let name = grammar::understand(&key).filter(|name| name.role == Role::RetryAfter)?;
    told(value, name.hint, now)
}

fn told(value: &Value, hint: Hint, now: Wall) -> Option<Told> {
    match value {
        Value::Number(number) => units::told(&number.to_string(), hint, now),
        Value::String(text) if !text.starts_with('-') => units::told(text, hint, now),
        _ => None,
    }
}

/// `5 seconds`, `20s`, `1.5 minutes.`, `2026-08-04T10:00:05.000Z`: a wait at the beginning of a text.
fn wait_in_text(text: &str, now: Wall) -> Option<Told> {
    let end = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '+'));
    let text = text.trim_start();
    let word = text.split(end).next()?.trim_end_matches('.');
    if Decimal::parse(word).is_none() {
        return units::told(word, Hint::default(), now);
    }
    let unit = text[word.len()..].trim_start().split(end).next()?.trim_end_matches('.');
    let with_unit = || units::span(&format!("{word} {unit}")).map(Told::After);
    with_unit().or_else(|| units::told(word, Hint::default(), now))
}

fn quota(json: &Value, pointers: Pointers, now: Wall) -> Option<Item<'static>> {
    let item = Item {
        limit: number(json, pointers.limit),
        remaining: number(json, pointers.remaining),
        used: number(json, pointers.used),
        reset: at(json, pointers.reset).and_then(|value| told(value, Hint::default(), now)),
        ..Item::default()
    };
    (item.limit.is_some() || item.remaining.is_some() || item.used.is_some()).then_some(item)
}

fn at<'v>(json: &'v Value, pointer: &str) -> Option<&'v Value> {
    if pointer.is_empty() { None } else { json.pointer(pointer) }
}

fn number(json: &Value, pointer: &str) -> Option<Decimal> {
    match at(json, pointer)? {
        Value::Number(number) => Decimal::parse(&number.to_string()),
        Value::String(text) => Decimal::parse(text),
        _ => None,
    }
}

/// Whether any value at `pointer` is meant; `*` is any place of a list.
fn any_at(json: &Value, pointer: &str, is_meant: &impl Fn(&Value) -> bool) -> bool {
    match pointer.split_once("/*") {
        Some((list, rest)) => json
            .pointer(list)
            .and_then(Value::as_array)
            .is_some_and(|items| items.iter().any(|item| any_at(item, rest, is_meant))),
        None => json.pointer(pointer).is_some_and(is_meant),
    }
}

/// Looks for a member of that name at any depth, and takes the longest of the waits.
pub(super) fn longest_wait(value: &str, member: &str, scale: Scale) -> Option<Told> {
    fn search(value: &Value, member: &str, scale: Scale, depth: usize) -> Option<Duration> {
        if depth == 0 {
            return None;
        }
        match value {
            Value::Object(members) => members
                .iter()
                .filter_map(|(key, value)| match value {
                    Value::Number(number) if key == member => Some(Decimal::parse(&number.to_string())?.of(scale)),
                    _ => search(value, member, scale, depth - 1),
                })
                .max(),
            Value::Array(items) => items.iter().filter_map(|item| search(item, member, scale, depth - 1)).max(),
            _ => None,
        }
    }
    search(&serde_json::from_str(value).ok()?, member, scale, DEPTH).map(Told::After)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::time::Now;

    const NOW: Wall = Wall::from_secs(1_767_225_600);

    fn body(status: u16, text: &str) -> Body {
        let headers = HeaderMap::new();
        let now = Now { wall: NOW, ..Now::default() };
        let response = Response {
            host: "api.example",
            status: StatusCode::from_u16(status).unwrap(),
            headers: &headers,
            body: Some(text.as_bytes()),
            sent: now,
            received: now,
        };
        read(&response, &Spoken::by("api.example"), NOW)
    }

    fn secs(secs: u64) -> Option<Told> {
        Some(Told::After(Duration::from_secs(secs)))
    }

    #[test]
    fn codes_are_found_where_errors_put_them() {
        for text in [
            r#"{"error":"ratelimited"}"#,
            r#"{"error":{"code":"rate_limited"}}"#,
            r#"{"error":["EAPI:Rate limit exceeded"]}"#,
            r#"{"errors":[{"extensions":{"code":"THROTTLED"}}]}"#,
            r#"{"code":429}"#,
        ] {
            assert_eq!(body(200, text).refusal, Some(Refusal::Rate), "{text}");
            assert_eq!(body(400, text).refusal, Some(Refusal::Rate), "{text}");
        }
        assert_eq!(body(503, "<Error><Code>SlowDown</Code></Error>").refusal, Some(Refusal::Rate));
    }

    #[test]
    fn a_record_that_speaks_of_limits_is_no_refusal() {
        for text in [r#"{"items":[{"type":"rate_limit"}]}"#, r#"{"type":"throttled"}"#, r#"{"data":{"retry_after":5}}"#]
        {
            let read = body(200, text);
            assert_eq!((read.refusal, read.wait), (None, None), "{text}");
        }
    }

    #[test]
    fn waits_are_known_by_their_keys() {
        for text in [
            r#"{"retry_after":64}"#,
            r#"{"parameters":{"retry_after":64}}"#,
            r#"{"error":{"details":[{"retryDelay":"64s"}]}}"#,
            r#"{"retryAfterMs":64000}"#,
            r#"{"retry_in_seconds":"64"}"#,
        ] {
            assert_eq!(body(429, text).wait, secs(64), "{text}");
        }
        assert_eq!(body(429, r#"{"retryable":true,"retries":3}"#).wait, None);
    }

    #[test]
    fn a_wait_in_text_is_read_with_its_unit() {
        assert_eq!(wait_in_text(" 20s. Visit us", NOW), secs(20));
        assert_eq!(wait_in_text("5 minutes.", NOW), secs(300));
        assert_eq!(wait_in_text("83 seconds", NOW), secs(83));
        assert_eq!(wait_in_text("7.", NOW), secs(7));
        assert_eq!(wait_in_text("2026-01-01T00:00:05.000Z\"", NOW), Some(Told::At(Wall::from_secs(1_767_225_605))));
        assert_eq!(wait_in_text("a while", NOW), None);
    }
}
