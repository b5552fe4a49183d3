//! The words that the names of limit fields are made of, and how names are cut into them.

use std::time::Duration;

use super::few::Few;
use super::units::{self, Scale};

/// What a word contributes to the meaning of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// `rate` before `limit`.
    Rate,
    /// `ratelimit` in one word, `throttle`: what marks a name as being about limits.
    Family,
    /// `quota`: marks the family, and is the limit if nothing else is.
    Quota,
    /// Claims to say what the value is.
    Claim(Claim),
    /// `resource`, `bucket`, `reason`: the value names something. A larger number is a vaguer name.
    Name(u8),
    /// A span of time that is counted over: its name, its length, and whether the word says so outright (`minute`) or
    /// only suggests it (`daily`).
    Span(&'a str, Duration, bool),
    /// A unit of time in the plural or abbreviated: the unit of the value, if the value is a time.
    Scale(Scale, &'static str),
    /// What is counted, or over which time: `requests`, `tokens`, `day`.
    Dimension(&'static str),
    /// Says nothing: `x`, `per`, `the`.
    #[default]
    Filler,
    /// Says that the name is about something else: `page`, `size`.
    Other,
    /// A word that is not known: a vendor before the family, a dimension after it.
    Unknown(&'a str),
}

/// What the value of a field is, as far as one word of its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// `percentage`, `nearlimit`: the field counts nothing.
    Info,
    /// `retry`.
    Retry,
    /// `reset`, `expires`.
    Reset,
    /// `remaining`, `left`, `available`.
    Remaining,
    /// `cost`, `charge`.
    Cost,
    /// `used`, `usage`.
    Used,
    /// `count`: what was used, if the name says of what.
    Count,
    /// `limit`, `max`, `total`, `allowed`, `capacity`.
    Limit,
    /// `scope`.
    Scope,
    /// `policy`.
    Policy,
    /// `window`, `interval`, `period`.
    Window,
    /// `after`, `in`, `delay`: a distance, not a moment.
    After,
}

/// A word and where it stands in the name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) word: Word<'a>,
}

/// The words of a name. A name of more than twelve is not about limits.
pub(super) type Parts<'a> = Few<Part<'a>, 12>;

/// Cuts a name in lower case into words, also where they are written together (`userlimit`).
pub(super) fn parts(name: &str) -> Option<Parts<'_>> {
    let mut parts = Parts::default();
    let mut start = 0;
    for text in name.as_bytes().split(|byte| matches!(byte, b'-' | b'_' | b'.')) {
        let end = start + text.len();
        if !text.is_empty() && !cut(&name[start..end], start, &mut parts) {
            return None;
        }
        start = end + 1;
    }
    Some(parts)
}

/// Words at which glued names are cut, where they begin or end one; longest first.
const JOINTS: [&str; 16] = [
    "ratelimits",
    "ratelimit",
    "remaining",
    "limits",
    "remain",
    "hourly",
    "limit",
    "reset",
    "usage",
    "count",
    "quota",
    "daily",
    "used",
    "time",
    "left",
    "rate",
];

fn cut<'a>(text: &'a str, start: usize, parts: &mut Parts<'a>) -> bool {
    let word = word(text);
    if matches!(word, Word::Unknown(_)) {
        for joint in JOINTS {
            let at = match () {
                () if text.len() < joint.len() + 2 => continue,
                () if text.ends_with(joint) => text.len() - joint.len(),
                () if text.starts_with(joint) => joint.len(),
                () => continue,
            };
            return cut(&text[..at], start, parts) && cut(&text[at..], start + at, parts);
        }
    }
    parts.push(Part { start, end: start + text.len(), word })
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// `10s`, `15min`, `24hour`: a number and a unit in one word.
fn span(text: &str) -> Option<Duration> {
    text.starts_with(|c: char| c.is_ascii_digit()).then(|| units::span(text)).flatten()
}

fn word(part: &str) -> Word<'_> {
    match part {
        "rate" => Word::Rate,
        "limit" | "limits" | "limited" | "limiting" | "limiter" => Word::Claim(Claim::Limit),
        "ratelimit" | "ratelimits" | "ratelimiting" | "ratelimited" | "throttle" | "throttling" | "throttled" => {
            Word::Family
        }
        "quota" | "quotas" => Word::Quota,
        "max" | "maximum" | "total" | "allowed" | "allotted" | "allowance" | "capacity" | "ceiling" | "lim" => {
            Word::Claim(Claim::Limit)
        }
        "remaining" | "remain" | "remains" | "rem" | "left" | "available" | "balance" => Word::Claim(Claim::Remaining),
        "used" | "usage" | "consumed" | "observed" | "current" | "spent" => Word::Claim(Claim::Used),
        "count" => Word::Claim(Claim::Count),
        "reset" | "resets" | "resetting" | "resetson" | "resetsin" | "resetsat" | "next" | "renew" | "renews"
        | "refresh" | "expire" | "expires" | "expiry" | "until" => Word::Claim(Claim::Reset),
        "retry" | "backoff" => Word::Claim(Claim::Retry),
        "after" | "in" | "delay" | "wait" | "ttl" | "delta" => Word::Claim(Claim::After),
        "window" | "interval" | "period" | "duration" => Word::Claim(Claim::Window),
        "cost" | "charge" | "requested" | "actual" | "currentrequest" => Word::Claim(Claim::Cost),
        "bucket" => Word::Name(0),
        "resource" | "name" => Word::Name(1),
        "policy" | "policies" => Word::Claim(Claim::Policy),
        "reason" | "problem" | "information" | "rule" => Word::Name(3),
        "category" | "type" | "group" => Word::Name(4),
        "scope" => Word::Claim(Claim::Scope),
        "ns" => Word::Scale(Scale::Nanos, "ns"),
        "ms" | "millis" | "millisecond" | "milliseconds" | "msec" => Word::Scale(Scale::Millis, "ms"),
        "s" | "secs" | "seconds" => Word::Scale(Scale::Seconds, "second"),
        "minutes" | "mins" => Word::Scale(Scale::Minutes, "minute"),
        "hours" => Word::Scale(Scale::Hours, "hour"),
        "days" => Word::Scale(Scale::Days, "day"),
        "nearlimit" | "percent" | "percentage" | "pct" | "ratio" | "source" | "over" | "should" | "fillrate"
        | "replenish" | "id" | "version" | "state" | "status" | "path" | "url" | "plan" | "tier" | "code"
        | "exceeded" | "enabled" | "threshold" | "warning" | "attempt" | "attempts" | "level" | "precision" => {
            Word::Claim(Claim::Info)
        }
        "x" | "per" | "the" | "this" | "of" | "for" | "by" | "at" | "on" | "api" | "time" | "timestamp" | "epoch"
        | "unix" | "utc" | "date" | "value" | "info" => Word::Filler,
        "request" | "requests" | "req" | "reqs" => Word::Dimension("requests"),
        "call" | "calls" => Word::Dimension("calls"),
        "token" | "tokens" => Word::Dimension("tokens"),
        "credit" | "credits" => Word::Dimension("credits"),
        "point" | "points" => Word::Dimension("points"),
        "unit" | "units" => Word::Dimension("units"),
        "hit" | "hits" => Word::Dimension("hits"),
        "query" | "queries" => Word::Dimension("queries"),
        "operation" | "operations" => Word::Dimension("operations"),
        "complexity" => Word::Dimension("complexity"),
        "weight" => Word::Dimension("weight"),
        "order" | "orders" => Word::Dimension("orders"),
        "error" | "errors" => Word::Dimension("errors"),
        "concurrent" | "concurrency" => Word::Dimension("concurrent"),
        "burst" => Word::Dimension("burst"),
        "second" => Word::Span("second", SECOND, true),
        "secondly" | "persecond" | "sec" | "1s" => Word::Span("second", SECOND, false),
        "minute" => Word::Span("minute", MINUTE, true),
        "minutely" | "perminute" | "min" | "1m" | "1min" => Word::Span("minute", MINUTE, false),
        "hour" => Word::Span("hour", HOUR, true),
        "hourly" | "perhour" | "1h" => Word::Span("hour", HOUR, false),
        "day" => Word::Span("day", DAY, true),
        "daily" | "perday" | "today" | "1d" | "24h" | "24hour" => Word::Span("day", DAY, false),
        "week" | "weekly" => Word::Span("week", WEEK, false),
        "month" | "monthly" => Word::Dimension("month"),
        "user" => Word::Dimension("user"),
        "client" => Word::Dimension("client"),
        "app" | "application" => Word::Dimension("app"),
        "ip" => Word::Dimension("ip"),
        "key" => Word::Dimension("key"),
        "account" => Word::Dimension("account"),
        "global" => Word::Dimension("global"),
        "endpoint" => Word::Dimension("endpoint"),
        "route" => Word::Dimension("route"),
        "method" => Word::Dimension("method"),
        "read" => Word::Dimension("read"),
        "write" | "writes" => Word::Dimension("write"),
        "search" => Word::Dimension("search"),
        "page" | "pages" | "pagination" | "size" | "length" | "bytes" | "upload" | "age" | "memory" | "cache"
        | "items" | "results" | "records" => Word::Other,
        other => match span(other) {
            Some(length) => Word::Span(other, length, false),
            None => Word::Unknown(other),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_up(name: &str) -> Vec<&str> {
        parts(name).unwrap().iter().map(|part| &name[part.start..part.end]).collect()
    }

    #[test]
    fn glued_names_are_cut() {
        assert_eq!(cut_up("x-ratelimit-userlimit"), ["x", "ratelimit", "user", "limit"]);
        assert_eq!(cut_up("x-readratelimit-usage"), ["x", "read", "ratelimit", "usage"]);
        assert_eq!(cut_up("x-appminlimit-remaining"), ["x", "appmin", "limit", "remaining"]);
        assert_eq!(cut_up("ratelimit-resettime"), ["ratelimit", "reset", "time"]);
        assert_eq!(cut_up("ratelimitbysize-reset"), ["ratelimit", "bysize", "reset"]);
    }

    #[test]
    fn names_of_other_things_stay_whole() {
        assert_eq!(cut_up("strict-transport-security"), ["strict", "transport", "security"]);
        assert_eq!(cut_up("x-request-id"), ["x", "request", "id"]);
    }

    #[test]
    fn a_name_of_too_many_words_is_not_ours() {
        assert!(parts("a-b-c-d-e-f-g-h-i-j-k-l-m").is_none());
    }
}
