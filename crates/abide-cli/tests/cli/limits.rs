//! Limits that are told, or read from what the server says.

use crate::support::{Home, Mock};

const N: usize = 60;

/// Pulls 60 records, 8 at a time, and returns the mock that they came from.
fn pull(mock: &[&str], flags: &[&str]) -> Mock {
    let (home, mock) = (Home::new(), Mock::start(mock));
    let url = mock.url("/items/{0..59}");
    home.run(&[&["pull", &url, "-o", "x.ndjson"], flags].concat()).expect(0);
    let text = home.read("x.ndjson");
    assert_eq!(text.lines().count(), N);
    for (id, line) in text.lines().enumerate() {
        assert!(line.starts_with(&format!("{{\"id\":{id},")), "{line}");
    }
    mock
}

#[test]
fn a_told_fixed_window_is_never_overrun() {
    let mock = pull(&["--limit", "20/500ms fixed"], &["--limit", "20/500ms fixed"]);
    assert_eq!((mock.refused(), mock.log().len()), (0, N));
}

#[test]
fn a_told_sliding_window_is_never_overrun() {
    let mock = pull(&["--limit", "20/500ms sliding"], &["--limit", "20/500ms"]);
    assert_eq!((mock.refused(), mock.log().len()), (0, N));
}

#[test]
fn a_told_bucket_is_never_overrun() {
    // A steady pace has no slack: with a short interval a busy machine holds one up, and the next one comes too early.
    let mock = pull(&["--limit", "5/s burst 45"], &["--limit", "5/s burst 45"]);
    assert_eq!((mock.refused(), mock.log().len()), (0, N));
}

#[test]
fn a_told_concurrency_is_never_overrun() {
    let mock = pull(&["--limit", "concurrency 4", "--latency", "30ms"], &["--limit", "concurrency 4"]);
    assert_eq!((mock.refused(), mock.log().len()), (0, N));
}

#[test]
fn limits_that_are_told_hold_all_at_once() {
    let flags = ["--limit", "20/500ms fixed", "--limit", "concurrency 2"];
    let mock = pull(&[&flags[..], &["--latency", "10ms"]].concat(), &flags);
    assert_eq!((mock.refused(), mock.log().len()), (0, N));
}

#[test]
fn a_limit_for_another_host_does_not_hold() {
    let mock = pull(&[], &["--limit", "x.test=1/day"]);
    assert_eq!(mock.log().len(), N);
}

#[test]
fn the_fields_of_draft_8_are_enough() {
    let mock = pull(&["--limit", "20/1s", "--headers", "draft-8"], &[]);
    assert!(mock.refused() <= 2, "{} refused", mock.refused());
}

#[test]
fn the_legacy_fields_are_enough() {
    let mock = pull(&["--limit", "20/1s", "--headers", "legacy"], &[]);
    assert!(mock.refused() <= 2, "{} refused", mock.refused());
}

#[test]
fn a_refusal_with_a_wait_loses_nothing() {
    let mock = pull(&["--limit", "20/1s", "--retry-after", "seconds"], &[]);
    assert!(mock.refused() > 0);
}
