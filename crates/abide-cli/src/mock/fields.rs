//! Writes what the limits have to tell into header fields, shaped as express-rate-limit sends them.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use abide_core::time::Wall;
use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use super::config::{HeaderStyle, RetryAfter};
use super::judge::Quota;

const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The partition that draft 8 names: base64 of the first twelve hex digits of the SHA-256 of `127.0.0.1`. The mock has
/// one partition, for everybody who can reach it is on this machine.
const PARTITION: &str = "MTJjYTE3YjQ5YWYy";

/// Writes the fields of a style. Draft 8 tells every quota, the others the tightest.
pub(super) fn write(style: HeaderStyle, quotas: impl Iterator<Item = Quota>, now: Wall, fields: &mut HeaderMap) {
    match style {
        HeaderStyle::None => return,
        HeaderStyle::Draft8 => return write_list(quotas, fields),
        _ => {}
    }
    let Some(quota) = quotas.reduce(tighter) else { return };
    let Quota { amount, remaining, .. } = quota;
    let reset = whole_seconds(quota.reset);
    let policy = || text(format_args!("{amount};w={}", whole_seconds(quota.period)));
    match style {
        HeaderStyle::None | HeaderStyle::Draft8 => {}
        HeaderStyle::Legacy | HeaderStyle::LegacyDelta => {
            let reset = if style == HeaderStyle::Legacy { next_epoch_second(now + quota.reset) } else { reset };
            fields.insert(X_LIMIT, amount.into());
            fields.insert(X_REMAINING, remaining.into());
            fields.insert(X_RESET, reset.into());
        }
        HeaderStyle::Draft6 => {
            fields.insert(POLICY, policy());
            fields.insert(LIMIT, amount.into());
            fields.insert(REMAINING, remaining.into());
            fields.insert(RESET, reset.into());
        }
        HeaderStyle::Draft7 => {
            fields.insert(POLICY, policy());
            fields.insert(RATELIMIT, text(format_args!("limit={amount}, remaining={remaining}, reset={reset}")));
        }
    }
}

fn write_list(quotas: impl Iterator<Item = Quota>, fields: &mut HeaderMap) {
    let (mut policies, mut states) = (String::new(), String::new());
    for Quota { amount, period, remaining, reset } in quotas {
        let comma = if policies.is_empty() { "" } else { ", " };
        let name = Name { amount, period };
        let (window, reset) = (whole_seconds(period), whole_seconds(reset));
        // Writing to a String cannot fail.
        let _ = write!(policies, "{comma}\"{name}\"; q={amount}; w={window}; pk=:{PARTITION}:");
        let _ = write!(states, "{comma}\"{name}\"; r={remaining}; t={reset}");
    }
    if !policies.is_empty() {
        fields.insert(POLICY, text(format_args!("{policies}")));
        fields.insert(RATELIMIT, text(format_args!("{states}")));
    }
}

/// The name that express-rate-limit gives a quota.
struct Name {
    amount: u64,
    period: Duration,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = |n: f64| if n > 1.0 { "s" } else { "" };
        let secs = self.period.as_secs_f64();
        write!(f, "{}-in-", self.amount)?;
        match secs {
            ..60.0 => write!(f, "{secs}sec"),
            ..3_600.0 => write!(f, "{}min", secs / 60.0),
            ..86_400.0 => write!(f, "{}hr{}", secs / 3_600.0, plural(secs / 3_600.0)),
            _ => write!(f, "{}day{}", secs / 86_400.0, plural(secs / 86_400.0)),
        }
    }
}

/// Which of two quotas a client has to mind: the used-up one whose reset is farthest, else the one with the smaller
/// share left.
fn tighter(a: Quota, b: Quota) -> Quota {
    let b_is_tighter = match (a.remaining, b.remaining) {
        (0, 0) => b.reset > a.reset,
        (0, _) => false,
        (_, 0) => true,
        (left, right) => u128::from(right) * u128::from(a.amount) < u128::from(left) * u128::from(b.amount),
    };
    if b_is_tighter { b } else { a }
}

/// Writes how long to wait after a refusal, at least one second where a number is told.
pub(super) fn write_retry_after(how: &RetryAfter, opens_in: Option<Duration>, now: Wall, fields: &mut HeaderMap) {
    let wait = opens_in.map(|wait| wait.max(Duration::from_nanos(1)));
    let value = match (how, wait) {
        (RetryAfter::Text(text), _) => text.clone(),
        (RetryAfter::Seconds, Some(wait)) => whole_seconds(wait).into(),
        (RetryAfter::Date, Some(wait)) => {
            let date = UNIX_EPOCH + Duration::from_secs(next_epoch_second(now + wait));
            text(format_args!("{}", httpdate::HttpDate::from(date)))
        }
        (RetryAfter::None, _) | (RetryAfter::Seconds | RetryAfter::Date, None) => return,
    };
    fields.insert(RETRY_AFTER, value);
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn next_epoch_second(at: Wall) -> u64 {
    whole_seconds(at.since(Wall::default()))
}

fn text(written: std::fmt::Arguments<'_>) -> HeaderValue {
    // Only printable ASCII is written in this file.
    HeaderValue::try_from(written.to_string()).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Wall = Wall::from_millis(1_764_000_000_250);

    fn quota(amount: u64, period: u64, remaining: u64, reset_millis: u64) -> Quota {
        Quota { amount, period: Duration::from_secs(period), remaining, reset: Duration::from_millis(reset_millis) }
    }

    fn written(style: HeaderStyle, quotas: &[Quota]) -> Vec<String> {
        let mut fields = HeaderMap::new();
        write(style, quotas.iter().copied(), NOW, &mut fields);
        let mut lines: Vec<_> =
            fields.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort_unstable();
        lines
    }

    #[test]
    fn each_style_has_the_shape_of_the_wild_and_rounds_resets_up() {
        let quotas = [quota(50, 5, 49, 4_200)];
        assert!(written(HeaderStyle::None, &quotas).is_empty());
        assert_eq!(
            written(HeaderStyle::Legacy, &quotas),
            ["x-ratelimit-limit: 50", "x-ratelimit-remaining: 49", "x-ratelimit-reset: 1764000005"]
        );
        assert_eq!(
            written(HeaderStyle::LegacyDelta, &quotas),
            ["x-ratelimit-limit: 50", "x-ratelimit-remaining: 49", "x-ratelimit-reset: 5"]
        );
        assert_eq!(
            written(HeaderStyle::Draft6, &quotas),
            ["ratelimit-limit: 50", "ratelimit-policy: 50;w=5", "ratelimit-remaining: 49", "ratelimit-reset: 5"]
        );
        assert_eq!(
            written(HeaderStyle::Draft7, &quotas),
            ["ratelimit-policy: 50;w=5", "ratelimit: limit=50, remaining=49, reset=5"]
        );
        assert_eq!(
            written(HeaderStyle::Draft8, &quotas),
            [
                "ratelimit-policy: \"50-in-5sec\"; q=50; w=5; pk=:MTJjYTE3YjQ5YWYy:",
                "ratelimit: \"50-in-5sec\"; r=49; t=5"
            ]
        );
    }

    #[test]
    fn a_reset_on_the_second_is_not_rounded() {
        assert_eq!(written(HeaderStyle::Legacy, &[quota(50, 5, 49, 1_750)])[2], "x-ratelimit-reset: 1764000002");
        assert_eq!(written(HeaderStyle::LegacyDelta, &[quota(50, 5, 49, 3_000)])[2], "x-ratelimit-reset: 3");
    }

    #[test]
    fn draft_8_lists_every_quota() {
        let lines = written(HeaderStyle::Draft8, &[quota(10, 1, 9, 1_000), quota(1_000, 86_400, 0, 3_600_000)]);
        assert_eq!(lines[1], "ratelimit: \"10-in-1sec\"; r=9; t=1, \"1000-in-1day\"; r=0; t=3600");
    }

    #[test]
    fn the_others_speak_of_the_tightest() {
        let limit = |quotas: &[Quota]| written(HeaderStyle::LegacyDelta, quotas)[0].clone();
        let (wide, half, gone, long_gone) =
            (quota(10, 1, 9, 900), quota(100, 60, 50, 900), quota(20, 5, 0, 400), quota(30, 60, 0, 9_000));
        assert_eq!(limit(&[wide, half]), "x-ratelimit-limit: 100");
        assert_eq!(limit(&[half, gone, wide]), "x-ratelimit-limit: 20");
        assert_eq!(limit(&[gone, long_gone, half]), "x-ratelimit-limit: 30");
    }

    #[test]
    fn quotas_are_named_after_their_windows() {
        let name = |amount, period| Name { amount, period: Duration::from_millis(period) }.to_string();
        assert_eq!(name(3, 250), "3-in-0.25sec");
        assert_eq!(name(100, 900_000), "100-in-15min");
        assert_eq!(name(5_000, 3_600_000), "5000-in-1hr");
        assert_eq!(name(5_000, 7_200_000), "5000-in-2hrs");
        assert_eq!(name(9, 172_800_000), "9-in-2days");
    }

    #[test]
    fn retry_after_rounds_up_and_says_nothing_of_what_never_comes() {
        let told = |how: &RetryAfter, wait| {
            let mut fields = HeaderMap::new();
            write_retry_after(how, wait, NOW, &mut fields);
            fields.get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned())
        };
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(told(&RetryAfter::Seconds, millis(4_001)).as_deref(), Some("5"));
        assert_eq!(told(&RetryAfter::Seconds, millis(0)).as_deref(), Some("1"));
        assert_eq!(told(&RetryAfter::Seconds, None), None);
        // NOW is Mon, 24 Nov 2025 16:00:00.250 GMT.
        assert_eq!(told(&RetryAfter::Date, millis(4_000)).as_deref(), Some("Mon, 24 Nov 2025 16:00:05 GMT"));
        assert_eq!(told(&RetryAfter::Date, millis(4_750)).as_deref(), Some("Mon, 24 Nov 2025 16:00:05 GMT"));
        assert_eq!(told(&RetryAfter::Text(HeaderValue::from_static("abc")), None).as_deref(), Some("abc"));
        assert_eq!(told(&RetryAfter::None, millis(4_000)), None);
    }
}
