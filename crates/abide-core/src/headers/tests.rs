//! Whole responses, read as the engine reads them.

use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::time::{Instant, Wall};

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn read_at(reader: &mut Reader, now: Now, status: u16, fields: &[(&str, &str)]) -> Signal {
    let status = StatusCode::from_u16(status).unwrap();
    let headers = headers(fields);
    reader.read(&Response { host: "api.example", status, headers: &headers, body: None, sent: now, received: now })
}

fn read(status: u16, fields: &[(&str, &str)]) -> Signal {
    let now = Now { mono: Instant::ZERO, wall: Wall::from_secs(NOW) };
    read_at(&mut Reader::default(), now, status, fields)
}

/// A moment some seconds after the one at which responses are read here.
pub(super) fn wall(secs: i64) -> Wall {
    Wall::from_secs(NOW + secs)
}

/// Reads the first response of a host.
pub(super) fn read_from(host: &str, status: u16, fields: &[(&str, &str)], body: Option<&str>) -> Signal {
    let now = Now { mono: Instant::ZERO, wall: wall(0) };
    let status = StatusCode::from_u16(status).unwrap();
    let headers = headers(fields);
    let body = body.map(str::as_bytes);
    Reader::default().read(&Response { host, status, headers: &headers, body, sent: now, received: now })
}

fn secs(secs: u64) -> Option<Duration> {
    Some(Duration::from_secs(secs))
}

fn quota(limit: u64, remaining: u64, reset: u64) -> Quota {
    Quota { limit: Some(limit), remaining: Some(remaining), reset: secs(reset), ..Quota::default() }
}

/// The quotas, without how they were told.
fn quotas(signal: &Signal) -> Vec<Quota> {
    let plain = |quota: &Quota| Quota { named: false, implied: false, used: None, told_reset: None, ..quota.clone() };
    signal.quotas.iter().map(plain).collect()
}

#[test]
fn a_wait_is_obeyed_only_where_the_status_makes_it_one() {
    for (status, obeyed) in [
        (429, true),
        (503, true),
        (301, true),
        (403, true),
        (413, true),
        (200, false),
        (202, false),
        (404, false),
        (500, false),
    ] {
        let signal = read(status, &[("Retry-After", "5")]);
        assert_eq!(signal.wait, obeyed.then_some(Wait::For(Duration::from_secs(5))), "{status}");
        assert_eq!(signal.retry_after, secs(5).map(Told::After), "{status}");
    }
}

#[test]
fn the_legacy_trio_is_read_in_each_unit() {
    for reset in ["42", "1767225642", "1767225642000", "2026-01-01T00:00:42Z", "42s", "Thu, 01 Jan 2026 00:00:42 GMT"] {
        let signal =
            read(200, &[("X-RateLimit-Limit", "60"), ("X-RateLimit-Remaining", "7"), ("X-RateLimit-Reset", reset)]);
        assert_eq!(quotas(&signal), [quota(60, 7, 42)], "{reset}");
    }
}

#[test]
fn each_generation_of_the_draft_is_read() {
    let window = Quota { window: secs(60), ..quota(100, 50, 30) };
    let drafts: [&[(&str, &str)]; 4] = [
        &[("RateLimit-Limit", "100, 100;w=60"), ("RateLimit-Remaining", "50"), ("RateLimit-Reset", "30")],
        &[
            ("RateLimit-Limit", "100"),
            ("RateLimit-Policy", "100;w=60"),
            ("RateLimit-Remaining", "50"),
            ("RateLimit-Reset", "30"),
        ],
        &[("RateLimit", "limit=100, remaining=50, reset=30"), ("RateLimit-Policy", "100;w=60")],
        &[("RateLimit-Policy", "\"a\";q=100;w=60"), ("RateLimit", "\"a\";r=50;t=30")],
    ];
    for (index, fields) in drafts.iter().enumerate() {
        let name = (index == 3).then(|| "a".to_owned());
        assert_eq!(quotas(&read(200, fields)), [Quota { name, ..window.clone() }], "{fields:?}");
    }
}

#[test]
fn a_policy_without_a_balance_is_a_quota_of_its_own() {
    let signal = read(
        200,
        &[("RateLimit-Limit", "10, 10;w=1, 1000;w=3600"), ("RateLimit-Remaining", "9"), ("RateLimit-Reset", "1")],
    );
    let name = Some("3600s~1".to_owned());
    let hourly = Quota { name, limit: Some(1000), window: secs(3600), ..Quota::default() };
    assert_eq!(quotas(&signal), [Quota { window: secs(1), ..quota(10, 9, 1) }, hourly]);
}

#[test]
fn a_malformed_field_is_as_good_as_absent() {
    let signal = read(
        429,
        &[
            ("RateLimit", "\"a\";r=0;t=3O"),
            ("X-RateLimit-Reset", "soon"),
            ("X-RateLimit-Remaining", "?"),
            ("Retry-After", "?"),
        ],
    );
    assert_eq!(signal, Signal { refusal: Some(Refusal::Rate), ..Signal::default() });
}

#[test]
fn dimensions_in_names_make_buckets() {
    let signal = read(
        200,
        &[
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ],
    );
    let named = |name: &str, quota| Quota { name: Some(name.to_owned()), ..quota };
    assert_eq!(quotas(&signal), [named("requests", quota(60, 59, 1)), named("tokens", quota(150_000, 149_984, 360))]);
}

#[test]
fn two_spellings_of_one_quota_are_one_quota() {
    let signal = read(
        200,
        &[
            ("X-RateLimit-Limit", "60"),
            ("X-RateLimit-Remaining", "7"),
            ("RateLimit-Limit", "60"),
            ("RateLimit-Remaining", "7"),
            ("RateLimit-Reset", "42"),
        ],
    );
    assert_eq!(quotas(&signal), [quota(60, 7, 42)]);
}

#[test]
fn old_and_new_fields_of_one_quota_are_one_quota() {
    let signal = read(
        200,
        &[
            ("X-RateLimit-Limit", "60"),
            ("X-RateLimit-Remaining", "7"),
            ("X-RateLimit-Reset", "1767225642"),
            ("RateLimit-Policy", "\"60-in-1min\"; q=60; w=60; pk=:YWJj:"),
            ("RateLimit", "\"60-in-1min\"; r=7; t=43"),
        ],
    );
    assert_eq!(quotas(&signal), [Quota { name: Some("60-in-1min".to_owned()), window: secs(60), ..quota(60, 7, 43) }]);
}

#[test]
fn a_dialect_reads_fields_whose_names_say_nothing() {
    let fields = [("X-Current-Token-Count", "3"), ("X-Next-Replenishment-Time", "1767225642000")];
    let walmart = read_from("marketplace.walmartapis.com", 200, &fields, None);
    assert_eq!((walmart.quotas[0].remaining, walmart.quotas[0].reset), (Some(3), secs(42)));
    let ip_api = read_from("ip-api.com", 200, &[("X-Rl", "44"), ("X-Ttl", "59")], None);
    assert_eq!((ip_api.quotas[0].remaining, ip_api.quotas[0].reset), (Some(44), secs(59)));
    assert_eq!(read(200, &[("X-Rl", "44"), ("X-Ttl", "59")]).quotas, []);
}

#[test]
fn what_was_used_tells_what_is_left() {
    let signal = read(200, &[("X-Vendor-RateLimit", "60"), ("X-Vendor-RateLimit-Used", "12")]);
    assert_eq!(quotas(&signal), [Quota { name: Some("vendor".to_owned()), reset: None, ..quota(60, 48, 0) }]);
}

#[test]
fn names_without_the_family_need_company() {
    assert_eq!(read(200, &[("X-Limit", "20"), ("X-Total-Count", "300")]).quotas, []);
    let vendor = read(200, &[("X-Vendor-Limit", "20"), ("X-Vendor-Remaining", "3"), ("X-Vendor-Reset", "9")]);
    assert_eq!(quotas(&vendor), [Quota { name: Some("vendor".to_owned()), ..quota(20, 3, 9) }]);
}

#[test]
fn moments_are_counted_on_the_servers_clock() {
    let mut reader = Reader::default();
    let now = Now { mono: Instant::ZERO, wall: Wall::from_secs(NOW) };
    let fields = [
        ("Date", "Thu, 01 Jan 2026 01:00:00 GMT"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", "1767229230"),
    ];
    assert_eq!(read_at(&mut reader, now, 429, &fields).quotas[0].reset, secs(30));
    let retry = [("Date", "Thu, 01 Jan 2026 01:00:00 GMT"), ("Retry-After", "Thu, 01 Jan 2026 01:00:07 GMT")];
    assert_eq!(read_at(&mut reader, now, 503, &retry).wait, Some(Wait::For(Duration::from_secs(7))));
}

/// Reads resets that come so many milliseconds after the first.
fn resets(reader: &mut Reader, answers: &[(u64, &str)]) -> Vec<Option<Duration>> {
    let mut read = |(millis, reset): &(u64, &str)| {
        let later = Duration::from_millis(*millis);
        let now = Now { mono: Instant::ZERO + later, wall: wall(0) + later };
        read_at(reader, now, 200, &[("X-RateLimit-Remaining", "5"), ("X-RateLimit-Reset", reset)]).quotas[0].reset
    };
    answers.iter().map(&mut read).collect()
}

#[test]
fn what_earlier_answers_showed_decides_the_unit() {
    let millis = |millis| Some(Duration::from_millis(millis));
    let told = resets(&mut Reader::default(), &[(0, "29984"), (2_500, "27480"), (3_000, "26980")]);
    assert_eq!(told, [secs(29_984), millis(27_480), millis(26_980)]);
}

#[test]
fn a_unit_that_was_set_by_hand_holds_from_the_first_answer_on() {
    let mut reader = Reader::default();
    reader.set_unit(&HeaderName::from_static("x-ratelimit-reset"), Scale::Minutes);
    assert_eq!(resets(&mut reader, &[(0, "30"), (2_500, "29")]), [secs(1_800), secs(1_740)]);
}

#[test]
fn a_window_that_keeps_its_distance_is_marked_as_rolling() {
    let mut reader = Reader::default();
    let mut rolls = |millis: u64, reset: &str| {
        let later = Duration::from_millis(millis);
        let now = Now { mono: Instant::ZERO + later, wall: wall(0) + later };
        read_at(&mut reader, now, 200, &[("X-RateLimit-Remaining", "5"), ("X-RateLimit-Reset", reset)]).quotas[0]
            .rolling
    };
    let all: Vec<_> = (0..5).map(|turn| rolls(turn * 5_000, "58")).collect();
    assert_eq!(all, [false, false, false, true, true]);
}

#[test]
fn a_reset_beyond_belief_is_not_reported() {
    let signal = read(429, &[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "4102444800")]);
    assert_eq!(quotas(&signal), [Quota { remaining: Some(0), ..Quota::default() }]);
}

#[test]
fn a_balance_out_of_a_cache_is_not_the_balance_of_today() {
    let signal = read(200, &[("Age", "600"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "30")]);
    assert_eq!(signal, Signal::default());
}

#[test]
fn no_two_quotas_of_a_response_share_a_name() {
    let signal = read(
        200,
        &[
            ("X-RateLimit-Limit", "60"),
            ("X-RateLimit-Remaining", "7"),
            ("RateLimit-Limit", "10, 10;w=1, 50;w=60, 1000;w=3600"),
            ("RateLimit-Remaining", "9"),
        ],
    );
    let names: std::collections::BTreeSet<_> = signal.quotas.iter().map(|quota| quota.name.clone()).collect();
    assert_eq!((names.len(), signal.quotas.len()), (4, 4), "{names:?}");
}

fn any_field() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        Just("retry-after".to_owned()),
        Just("ratelimit".to_owned()),
        Just("ratelimit-policy".to_owned()),
        Just("date".to_owned()),
        "(x-)?(vendor-)?(ratelimit|rate-limit|quota)?(-(limit|remaining|used|reset|after|ms|retry|day|tokens|window)){0,4}"
            .prop_filter("a name", |name| HeaderName::from_bytes(name.as_bytes()).is_ok()),
    ];
    let value = prop_oneof![
        "-?[0-9]{0,30}(\\.[0-9]{1,3})?",
        "[0-9]{9,14}",
        "[ -~]{0,40}",
        "(\"?[a-z]{1,3}\"?(;(q|w|r|t)=[0-9]{1,9}){0,4},? ?){1,3}",
        "[A-Z][a-z]{2}, [0-9]{2} (Jan|Feb|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
    ];
    (name, value)
}

proptest! {
    #[test]
    fn no_response_panics_or_asks_for_more_than_400_days(
        answers in proptest::collection::vec((100u16..600, proptest::collection::vec(any_field(), 0..12), any::<(u64, i64)>()), 1..4),
    ) {
        let mut reader = Reader::default();
        for (status, fields, (mono, wall)) in answers {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let now = Now { mono: Instant::from_nanos(mono), wall: Wall::from_nanos(wall) };
            let signal = read_at(&mut reader, now, status, &fields);
            if let Some(Wait::For(wait)) = signal.wait {
                prop_assert!(wait > Duration::ZERO && wait <= Wait::LONGEST);
            }
            let names: std::collections::BTreeSet<_> = signal.quotas.iter().map(|quota| &quota.name).collect();
            prop_assert_eq!(names.len(), signal.quotas.len());
            for quota in &signal.quotas {
                prop_assert!(quota.reset.is_none_or(|reset| reset <= Wait::LONGEST));
                prop_assert!(quota.window.is_none_or(|window| window <= Wait::LONGEST));
            }
            prop_assert!(signal.wait.is_none() || signal.refusal.is_some() || matches!(status, 300..=399));
        }
    }

    #[test]
    fn a_skewed_clock_never_makes_a_wait_early(skew in -90_000i64..90_000, wait in 1i64..5_000, answers in 1usize..6, flight in 0i64..900) {
        let server = |millis: i64| NOW * 1000 + skew + millis;
        let http = |millis: i64| httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs()));
        let mut reader = Reader::default();
        for answer in 0..answers {
            let sent = 1_700 * i64::try_from(answer).unwrap();
            let at = |millis: i64| Now {
                mono: Instant::ZERO + Duration::from_millis(millis.unsigned_abs()),
                wall: Wall::from_millis(NOW * 1000 + millis),
            };
            let written = sent + flight / 2;
            let until = server(written) / 1000 + wait;
            let fields = headers(&[("Date", &http(server(written))), ("Retry-After", &http(until * 1000))]);
            let (sent, received) = (at(sent), at(sent + flight));
            let response = Response { host: "api.example", status: StatusCode::TOO_MANY_REQUESTS, headers: &fields, body: None, sent, received };
            let told = match reader.read(&response).wait {
                Some(Wait::For(told) | Wait::Absurd(told)) => told,
                None => Duration::ZERO,
            };
            let opens = i128::from(until * 1000 - skew);
            let leaves = i128::from(received.wall.as_nanos() / 1_000_000) + i128::try_from(told.as_millis()).unwrap();
            let slack = if skew.abs() < 1_000 + flight { skew.abs() + 1 } else { 1 };
            prop_assert!(leaves + i128::from(slack) >= opens, "{leaves} < {opens}");
        }
    }
}
