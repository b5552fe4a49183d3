//! What a simulated server says of its limits, in real header fields, honest or not.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use http::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use super::book::Balance;
use crate::time::{Offset, Wall};

/// What a server says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// How every answer states the quotas.
    pub fields: Fields,
    /// How a refusal states the wait.
    pub retry_after: RetryAfter,
    /// Whether answers carry `Date`.
    pub date: bool,
    /// What of it is not true.
    pub lies: Lies,
}

impl Voice {
    /// Says nothing at all, as nginx and haproxy do about limits.
    pub const SILENT: Self = Self {
        fields: Fields::None,
        retry_after: RetryAfter::None,
        date: false,
        lies: Lies { remaining: 0, early: Duration::ZERO },
    };

    /// States quotas, the wait in whole seconds and the date.
    pub const fn of(fields: Fields) -> Self {
        Self { fields, retry_after: RetryAfter::Seconds, date: true, ..Self::SILENT }
    }
}

/// A dialect of quota fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fields {
    /// None.
    #[default]
    None,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` as an epoch in whole seconds, rounded up.
    Legacy,
    /// The same with the reset as seconds from now.
    LegacyDelta,
    /// `RateLimit-Limit`, `-Remaining`, `-Reset` and `RateLimit-Policy`, as draft 6 of the IETF's RateLimit fields has them.
    Draft6,
    /// `RateLimit: limit=…, remaining=…, reset=…`, as draft 7.
    Draft7,
    /// `RateLimit: "name";r=…;t=…` for every quota, as draft 8.
    Draft8,
}

/// How a refusal says when to come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// Not at all.
    #[default]
    None,
    /// In whole seconds, rounded up.
    Seconds,
    /// As a date, on the next whole second of the server's clock.
    Date,
}

/// How a server's words differ from the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lies {
    /// Says so many more are left than are.
    pub remaining: u64,
    /// Says that resets and waits end so much earlier than they do, but never before now.
    pub early: Duration,
}

const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

impl Voice {
    /// Writes the quotas. Draft 8 states all of them, the others the tightest.
    pub(super) fn state(&self, balances: impl Iterator<Item = Balance>, now: Wall, headers: &mut HeaderMap) {
        let mut balances = balances.map(|balance| self.bent(balance, now));
        if self.fields == Fields::Draft8 {
            return state_all(balances, now, headers);
        }
        let tightest = if self.fields == Fields::None { None } else { balances.next() };
        let Some(Balance { rule, remaining, reset }) = tightest.map(|first| balances.fold(first, tighter)) else {
            return;
        };
        let reset_in = whole_secs(reset.since(now));
        let (limit, window) = (rule.amount, whole_secs(rule.period));
        match self.fields {
            Fields::None | Fields::Draft8 => {}
            Fields::Legacy | Fields::LegacyDelta => {
                headers.insert(X_LIMIT, limit.into());
                headers.insert(X_REMAINING, remaining.into());
                let delta = self.fields == Fields::LegacyDelta;
                headers.insert(X_RESET, if delta { reset_in } else { next_epoch_sec(reset) }.into());
            }
            Fields::Draft6 => {
                headers.insert(LIMIT, limit.into());
                headers.insert(REMAINING, remaining.into());
                headers.insert(RESET, reset_in.into());
                headers.insert(POLICY, text(format!("{limit};w={window}")));
            }
            Fields::Draft7 => {
                headers.insert(RATELIMIT, text(format!("limit={limit}, remaining={remaining}, reset={reset_in}")));
                headers.insert(POLICY, text(format!("{limit};w={window}")));
            }
        }
    }

    /// Writes how long to wait after a refusal; nothing where no moment is known.
    pub(super) fn refuse(&self, opens: Option<Wall>, now: Wall, headers: &mut HeaderMap) {
        let Some(opens) = opens.map(|opens| self.early(opens, now)) else { return };
        let value = match self.retry_after {
            RetryAfter::None => return,
            RetryAfter::Seconds => whole_secs(opens.since(now)).max(1).into(),
            RetryAfter::Date => date(next_epoch_sec(opens)),
        };
        headers.insert(RETRY_AFTER, value);
    }

    /// Writes what every answer carries.
    pub(super) fn greet(&self, now: Wall, headers: &mut HeaderMap) {
        if self.date {
            headers.insert(DATE, date(u64::try_from(now.as_secs()).unwrap_or(0)));
        }
    }

    fn bent(&self, balance: Balance, now: Wall) -> Balance {
        let remaining = (balance.remaining + self.lies.remaining).min(balance.rule.amount);
        Balance { remaining, reset: self.early(balance.reset, now), ..balance }
    }

    fn early(&self, at: Wall, now: Wall) -> Wall {
        let early = i64::try_from(self.lies.early.as_nanos()).unwrap_or(i64::MAX);
        (at - Offset::from_nanos(early)).max(now)
    }
}

fn state_all(balances: impl Iterator<Item = Balance>, now: Wall, headers: &mut HeaderMap) {
    let (mut policies, mut states) = (String::new(), String::new());
    for Balance { rule, remaining, reset } in balances {
        let comma = if policies.is_empty() { "" } else { ", " };
        let (limit, window, reset_in) = (rule.amount, whole_secs(rule.period), whole_secs(reset.since(now)));
        // Writing to a String cannot fail.
        let _ = write!(policies, "{comma}\"{limit}-in-{window}s\";q={limit};w={window}");
        let _ = write!(states, "{comma}\"{limit}-in-{window}s\";r={remaining};t={reset_in}");
    }
    if !policies.is_empty() {
        headers.insert(POLICY, text(policies));
        headers.insert(RATELIMIT, text(states));
    }
}

/// Of two quotas the used-up one whose reset is farther, else the one with the smaller share left.
fn tighter(a: Balance, b: Balance) -> Balance {
    let left = |x: &Balance, y: &Balance| u128::from(x.remaining) * u128::from(y.rule.amount);
    let b_is_tighter = match (a.remaining, b.remaining) {
        (0, 0) => b.reset > a.reset,
        _ => left(&b, &a) < left(&a, &b),
    };
    if b_is_tighter { b } else { a }
}

fn whole_secs(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn next_epoch_sec(at: Wall) -> u64 {
    whole_secs(at.since(Wall::default()))
}

fn date(epoch_secs: u64) -> HeaderValue {
    text(httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(epoch_secs)))
}

fn text(written: String) -> HeaderValue {
    // Only printable ASCII is written in this file.
    HeaderValue::try_from(written).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::rule::Rule;
    use super::*;
    use crate::headers::{Reader, Response, Signal, Wait};
    use crate::time::{Instant, Now};

    const NOW: Wall = Wall::from_millis(1_764_000_000_250);

    fn balance(amount: u64, period: u64, remaining: u64, reset_millis: u64) -> Balance {
        let rule = Rule::fixed(amount, Duration::from_secs(period));
        Balance { rule, remaining, reset: NOW + Duration::from_millis(reset_millis) }
    }

    fn read(voice: Voice, balances: &[Balance], opens: Option<u64>) -> Signal {
        let mut headers = HeaderMap::new();
        voice.greet(NOW, &mut headers);
        voice.state(balances.iter().copied(), NOW, &mut headers);
        voice.refuse(opens.map(|millis| NOW + Duration::from_millis(millis)), NOW, &mut headers);
        let now = Now { mono: Instant::ZERO, wall: NOW };
        let status = StatusCode::TOO_MANY_REQUESTS;
        let response = Response { host: "sim", status, headers: &headers, body: None, sent: now, received: now };
        Reader::default().read(&response)
    }

    #[test]
    fn the_engine_reads_every_dialect_as_it_is_meant() {
        for fields in [Fields::Legacy, Fields::LegacyDelta, Fields::Draft6, Fields::Draft7, Fields::Draft8] {
            let signal = read(Voice::of(fields), &[balance(50, 5, 7, 3_200)], None);
            let quota = &signal.quotas[0];
            assert_eq!((quota.limit, quota.remaining), (Some(50), Some(7)), "{fields:?}");
            let reset = quota.reset.unwrap();
            assert!((3_200..=5_000).contains(&reset.as_millis()), "{fields:?}: {reset:?}");
        }
    }

    #[test]
    fn draft_8_states_every_quota_and_the_others_the_tightest() {
        let both = [balance(10, 1, 9, 900), balance(100, 60, 3, 30_000)];
        assert_eq!(read(Voice::of(Fields::Draft8), &both, None).quotas.len(), 2);
        for fields in [Fields::Legacy, Fields::Draft6, Fields::Draft7] {
            let limits: Vec<_> = read(Voice::of(fields), &both, None).quotas.iter().map(|q| q.limit).collect();
            assert_eq!(limits, [Some(100)], "{fields:?}");
        }
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_rounded_up() {
        let wait = |retry_after, opens| read(Voice { retry_after, ..Voice::SILENT }, &[], opens).wait;
        let secs = |secs| Some(Wait::For(Duration::from_secs(secs)));
        assert_eq!(wait(RetryAfter::Seconds, Some(2_001)), secs(3));
        assert_eq!(wait(RetryAfter::Seconds, Some(0)), secs(1));
        assert_eq!(wait(RetryAfter::Seconds, None), None);
        assert_eq!(wait(RetryAfter::None, Some(2_001)), None);
        let Some(Wait::For(until_date)) = wait(RetryAfter::Date, Some(2_001)) else { panic!("no wait") };
        assert!((2_001..=4_001).contains(&until_date.as_millis()), "{until_date:?}");
    }

    #[test]
    fn lies_are_told() {
        let lies = Lies { remaining: 20, early: Duration::from_secs(2) };
        let signal = read(Voice { lies, ..Voice::of(Fields::LegacyDelta) }, &[balance(50, 5, 7, 3_000)], Some(3_000));
        assert_eq!(signal.quotas[0].remaining, Some(27));
        assert_eq!(signal.quotas[0].reset, Some(Duration::from_secs(1)));
        assert_eq!(signal.wait, Some(Wait::For(Duration::from_secs(1))));
    }
}
