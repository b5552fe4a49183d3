//! A summary in words.

use std::fmt::Write;
use std::time::Duration;

use abide_core::headers::{Amount, Bucket, Summary};

use super::Exchange;
use crate::screen::short;

/// What a response says, in a few lines for people.
pub(super) fn people(exchange: &Exchange, summary: &Summary) -> String {
    let mut text = String::new();
    if let Some(id) = exchange.id.as_str() {
        text += &format!("{id}: ");
    }
    text += &format!("{}: ", exchange.status);
    text += match (summary.throttled, summary.kind) {
        (true, Some("burst")) => "refused, for requests come too fast",
        (true, Some("quota")) => "refused, for a quota is used up",
        (true, Some("concurrency")) => "refused, for too many requests are in flight",
        (true, _) => "refused, for the server is overloaded",
        (false, Some("unknown")) => "refused without a word: a limit or a fault",
        (false, _) => "not refused for a limit",
    };
    text.push('\n');
    let mut line = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {label:<12} {value}");
        }
    };
    line("come back", summary.retry_after.map(|wait| format!("in {} (header)", short(wait))));
    line("come back", summary.retry_after_body.map(|wait| format!("in {} (body)", short(wait))));
    line("limit", summary.policy_name.clone());
    for bucket in &summary.buckets {
        line("quota", Some(quota(bucket)));
    }
    if summary.buckets.is_empty() && summary.retry_after.is_none() && summary.retry_after_body.is_none() {
        line("says", Some("nothing about limits".to_owned()));
    }
    text
}

fn quota(bucket: &Bucket) -> String {
    let number = |amount: Amount| amount.whole().map_or_else(|| amount.as_f64().to_string(), |whole| whole.to_string());
    let time = |time: Duration| short(time);
    let mut text = match (bucket.remaining, bucket.limit.map(number)) {
        (Some(left), Some(limit)) => format!("{left} of {limit} left"),
        (Some(left), None) => format!("{left} left"),
        (None, Some(limit)) => format!("{limit} allowed"),
        (None, None) => "named, without a number".to_owned(),
    };
    if let Some(window) = bucket.window {
        text += &format!(" in {}", time(window));
    }
    if let Some(reset) = bucket.reset_after {
        text += &format!(", new in {}", time(reset));
    }
    if let Some(name) = &bucket.name {
        text += &format!(" ({name})");
    }
    text
}
