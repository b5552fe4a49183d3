//! Servers that fail, reset and stall: no record is lost.

use crate::support::{Home, Mock, Server, json, reply};

#[test]
fn failures_lose_nothing() {
    // A few, for a 503 without a word is looked into slowly.
    let (home, mock) = (Home::new(), Mock::start(&["--fail", "12%", "--seed", "7"]));
    home.run(&["pull", &mock.url("/items/{0..24}"), "-o", "x.ndjson", "--backoff", "10ms..50ms"]).expect(0);
    assert_eq!(home.read("x.ndjson").lines().count(), 25);
    assert!(mock.log().iter().any(|(status, _)| *status == 503));
}

#[test]
fn resets_lose_nothing() {
    let (home, mock) = (Home::new(), Mock::start(&["--reset", "4%", "--seed", "7"]));
    home.run(&["pull", &mock.url("/items/{0..99}"), "-o", "x.ndjson", "--backoff", "10ms..50ms"]).expect(0);
    assert_eq!(home.read("x.ndjson").lines().count(), 100);
    assert!(mock.log().iter().any(|(status, _)| *status == 0));
}

#[test]
fn stalls_are_cut_short_by_the_timeout_and_lose_nothing() {
    // A higher share than in the wild, so that a hundred requests meet a few.
    let (home, mock) = (Home::new(), Mock::start(&["--stall", "4%", "--seed", "3"]));
    let url = mock.url("/items/{0..99}");
    let flags = ["--timeout", "300ms", "--backoff", "10ms..50ms"];
    home.run(&[&["pull", &url, "-o", "x.ndjson"], &flags[..]].concat()).expect(0);
    assert_eq!(home.read("x.ndjson").lines().count(), 100);
    assert!(mock.log().iter().any(|(status, _)| *status == 0));
}

#[test]
fn a_body_that_breaks_off_is_asked_for_again() {
    let cut = std::sync::atomic::AtomicBool::new(false);
    let server = Server::start(move |_| {
        let whole = json(r#"[{"id":1},{"id":2}]"#);
        match cut.swap(true, std::sync::atomic::Ordering::SeqCst) {
            false => whole[..whole.len() - 5].to_vec(),
            true => whole,
        }
    });
    let home = Home::new();
    home.run(&["pull", &server.url("/"), "-o", "x.ndjson", "--backoff", "1ms..2ms"]).expect(0);
    assert_eq!(home.read("x.ndjson"), "{\"id\":1}\n{\"id\":2}\n");
    assert_eq!(server.heads().len(), 2);
}

#[test]
fn tries_come_to_an_end_and_the_failure_is_told() {
    let server = Server::start(|_| reply("500 Internal Server Error", "", "broken"));
    let home = Home::new();
    let flags = ["--retries", "2", "--backoff", "1ms..2ms"];
    home.run(&[&["pull", &server.url("/"), "-o", "x.ndjson"], &flags[..]].concat()).expect(1).says(&[
        "nothing was fetched",
        "500 Internal Server Error",
        "3 attempts",
        "--retries",
    ]);
    assert_eq!(server.heads().len(), 3);
    home.run(&[&["get", &server.url("/")], &flags[..]].concat()).expect(1).says(&["broken", "its body is above"]);
}
