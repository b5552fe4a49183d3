//! Keeps `HEADERS.md` equal to the table of dialects, and to what the units and shapes of values are read as.

use std::time::Duration;

use super::dialects::DIALECTS;
use super::tests::read_from;
use super::{Amount, Told};
use crate::time::Wall;

const PAGE: &str = include_str!("../../../../HEADERS.md");

/// The lines of the page between two marks.
fn between(mark: &str) -> Vec<&'static str> {
    let (_, rest) = PAGE.split_once(&format!("<!-- {mark} -->")).expect("the page has the mark");
    let (part, _) = rest.split_once(&format!("<!-- end of {mark} -->")).expect("the page has the mark");
    part.trim().lines().collect()
}

fn assert_page_says(mark: &str, lines: &[String]) {
    assert!(
        between(mark) == lines,
        "write these lines between the marks for {mark} in HEADERS.md:\n{}",
        lines.join("\n")
    );
}

#[test]
fn the_page_lists_every_dialect_as_the_table_has_it() {
    let mut lines =
        vec!["| dialect | hosts | what is known | source |".to_owned(), "| --- | --- | --- | --- |".to_owned()];
    lines.extend(DIALECTS.iter().map(ToString::to_string));
    assert_page_says("dialects", &lines);
}

#[test]
fn the_table_is_in_order_and_every_row_has_a_source() {
    assert!(DIALECTS.is_sorted_by_key(|dialect| dialect.name.to_lowercase()));
    for dialect in DIALECTS {
        assert!(!dialect.source.is_empty() && !dialect.rules.is_empty(), "{}", dialect.name);
    }
}

/// Units of a reset: the unit, a field, a value, and who sends it.
const UNITS: [[&str; 4]; 17] = [
    ["seconds from now", "X-RateLimit-Reset", "42", "RateLimit drafts 03 to 10"],
    ["a fraction of seconds", "X-RateLimit-Reset-After", "64.57", "Discord"],
    ["milliseconds, by the name", "X-Rate-Limit-Time-Reset-Ms", "29500", "BigCommerce"],
    ["milliseconds, for no wait is that long", "X-RateLimit-Reset", "86400000", "the 400 days of DESIGN.md"],
    ["seconds since 1970", "X-RateLimit-Reset", "1767225642", "GitHub"],
    ["the same with a fraction", "X-RateLimit-Reset", "1767225642.123", "Discord"],
    ["milliseconds since 1970", "X-RateLimit-Requests-Reset", "1767229200000", "Linear"],
    ["microseconds since 1970", "X-RateLimit-Reset", "1767225642123456", "by size"],
    ["nanoseconds since 1970", "X-RateLimit-Reset", "1767225642123456789", "by size"],
    ["ISO 8601", "anthropic-ratelimit-requests-reset", "2026-01-01T00:01:00Z", "Anthropic"],
    ["ISO 8601 to the minute", "X-RateLimit-Reset", "2026-01-01T00:02Z", "Jira"],
    ["ISO 8601 with a space", "X-RateLimit-Reset", "2026-01-01 00:00:07 UTC", "Netlify"],
    ["an HTTP date", "RateLimit-ResetTime", "Thu, 01 Jan 2026 00:01:00 GMT", "GitLab"],
    ["a JavaScript date", "X-RateLimit-Reset", "Thu Jan 01 2026 01:00:02 GMT+0100 (CET)", "lemlist"],
    ["a Go duration", "x-ratelimit-reset-tokens", "6m0s", "OpenAI"],
    ["a duration in words", "X-RateLimit-Reset", "2 minutes", "by its words"],
    ["an ISO 8601 duration", "X-RateLimit-Reset", "PT1M30S", "by its letters"],
];

#[test]
fn the_page_says_how_each_unit_is_read() {
    let mut lines = vec![
        "| unit | for example | read at 2026-01-01T00:00:00Z as | seen at |".to_owned(),
        "| --- | --- | --- | --- |".to_owned(),
    ];
    for [unit, field, value, source] in UNITS {
        let signal = read_from("api.example", 200, &[(field, value), ("X-RateLimit-Remaining", "0")], None);
        let quota = signal.quotas.iter().find(|quota| quota.reset.is_some()).expect(unit);
        let seconds = quota.reset.unwrap_or_default().as_secs_f64();
        lines.push(format!("| {unit} | `{field}: {value}` | {seconds} s | {source} |"));
    }
    assert_page_says("units", &lines);
}

/// Shapes of a count: the shape, a field, a value, and who sends it.
const SHAPES: [[&str; 4]; 19] = [
    ["a number", "X-RateLimit-Limit", "60", "GitHub"],
    ["a number with a decimal point", "X-RateLimit-Remaining", "60.0", "Reddit"],
    ["a pace: a fraction a second", "x-amzn-RateLimit-Limit", "0.0167", "Amazon Selling Partner"],
    ["below zero: nothing is left", "X-RateLimit-Remaining", "-5", "hex.pm"],
    ["a limit below zero: there is none", "X-RateLimit-Limit", "-1", "by its sign"],
    ["a word: there is none", "X-RateLimit-Limit", "unlimited", "Cloud Foundry"],
    ["groups of three", "x-ms-ratelimit-time-remaining-xrm-requests", "1,200.00", "Dynamics 365"],
    ["used/limit", "X-Shopify-Shop-Api-Call-Limit", "32/40", "Shopify"],
    ["a limit and its window", "X-RateLimit-Limit", "60/minute", "by its words"],
    ["a number with a window", "ratelimit-remaining", "20;w=21600", "Docker Hub"],
    ["the limit, then its policies", "X-RateLimit-Limit", "10, 10;w=1, 1000;w=3600", "Envoy, RateLimit draft 03"],
    ["a dictionary", "RateLimit", "limit=100, remaining=50, reset=5", "RateLimit draft 07"],
    ["names with what is left", "RateLimit", "\"default\";r=50;t=30", "RateLimit drafts 08 to 10"],
    ["one number a window", "X-RateLimit-Limit", "600,30000", "Strava"],
    ["count:window", "X-App-Rate-Limit", "20:1,100:120", "Riot Games"],
    ["name;count", "x-ms-ratelimit-remaining-resource", "A/Put3Min;239,A/Put30Min;1198", "Azure Resource Manager"],
    ["key=value", "Zendesk-RateLimit-Exports", "total=10; remaining=1; resets=2", "Zendesk"],
    ["key=used/limit", "Sforce-Limit-Info", "api-usage=18/5000", "Salesforce"],
    ["JSON", "X-RateLimit", "{\"limit\":50,\"remaining\":49,\"period\":10}", "Basecamp"],
];

#[test]
fn the_page_says_how_each_shape_is_read() {
    let mut lines =
        vec!["| shape | for example | read as | seen at |".to_owned(), "| --- | --- | --- | --- |".to_owned()];
    for [shape, field, value, source] in SHAPES {
        let signal = read_from("api.example", 200, &[(field, value)], None);
        let summary = signal.summary(Wall::from_secs(0), None);
        let buckets: Vec<_> = summary
            .buckets
            .iter()
            .map(|bucket| {
                let parts = [
                    bucket.limit.map(|limit| format!("limit {}", Amount::as_f64(limit))),
                    bucket.remaining.map(|left| format!("remaining {left}")),
                    bucket.reset_after.map(|reset| format!("reset {} s", Duration::as_secs_f64(&reset))),
                    bucket.window.map(|window| format!("window {} s", window.as_secs())),
                ];
                let told: Vec<_> = parts.into_iter().flatten().collect();
                if told.is_empty() { "no number".to_owned() } else { told.join(", ") }
            })
            .collect();
        assert!(!buckets.is_empty(), "{shape}");
        lines.push(format!("| {shape} | `{field}: {value}` | {} | {source} |", buckets.join("; ")));
    }
    assert_page_says("shapes", &lines);
}

#[test]
fn a_share_is_no_count() {
    let signal =
        read_from("api.example", 200, &[("X-RateLimit-Used", "85%"), ("x-ms-throttle-limit-percentage", "0.85")], None);
    assert_eq!(signal.quotas, []);
}

#[test]
fn a_moment_and_a_distance_are_told_apart_in_the_signal() {
    let told = |value| read_from("api.example", 200, &[("X-RateLimit-Reset", value)], None).quotas[0].told_reset;
    assert_eq!(told("42"), Some(Told::After(Duration::from_secs(42))));
    assert_eq!(told("1767225642"), Some(Told::At(Wall::from_secs(1_767_225_642))));
}
