//! Addresses that lead nowhere and answers that are of no use: what happened, why, and what to do next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Home, Mock, Server, json, reply};

/// Runs `get` and `pull` with this URL; both fail with 1 and say this, and nothing is left behind.
#[track_caller]
fn both_fail(url: &str, words: &[&str]) {
    let home = Home::new();
    let quick = ["--retries", "1", "--backoff", "1ms..2ms"];
    let run = home.run(&[&["get", url], &quick[..]].concat()).expect(1).says(words);
    assert_eq!(run.stdout, "");
    home.run(&[&["pull", url, "-o", "x.ndjson"], &quick[..]].concat())
        .expect(1)
        .says(words)
        .says(&["nothing was fetched"]);
    home.run(&[&["pull", url, "-o", "x/"], &quick[..]].concat()).expect(1).says(words);
    assert_eq!(home.names(), Vec::<String>::new());
}

#[test]
fn an_unknown_host_is_named() {
    both_fail(
        "http://no-such-host.invalid/x",
        &["http://no-such-host.invalid/x", "could not be resolved", "check the address"],
    );
}

#[test]
fn a_refused_connection_is_named() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    both_fail(
        &format!("http://127.0.0.1:{port}/x"),
        &["the connection failed", "Connection refused", "2 attempts", "whether the server runs"],
    );
}

#[test]
fn tls_with_a_server_that_speaks_none_is_named_and_not_tried_again() {
    let mock = Mock::start(&[]);
    let url = mock.url("/items").replace("http:", "https:");
    both_fail(&url, &["the secure connection was not accepted", "(1 attempt)", "https", "--cacert"]);
}

#[test]
fn a_status_that_is_no_success_is_named() {
    let mock = Mock::start(&[]);
    both_fail(&mock.url("/items/300"), &["404 Not Found", "check the address"]);
    both_fail(&mock.url("/status/401"), &["401 Unauthorized", "check the credential", "--bearer"]);
}

#[test]
fn a_circle_of_redirects_ends() {
    let server = Server::start(|_| reply("302 Found", "Location: /\r\n", ""));
    both_fail(&server.url("/"), &["more than 10 redirects", "circle"]);
}

#[test]
fn get_puts_the_body_of_a_failure_on_stderr_and_of_a_success_on_stdout() {
    let (home, mock) = (Home::new(), Mock::start(&[]));
    let urls = [mock.url("/items/1"), mock.url("/items/999"), mock.url("/items/2")];
    let run = home.run(&["get", &urls[0], &urls[1], &urls[2]]).expect(3);
    assert_eq!(run.stdout.matches("\"id\":").count(), 2);
    run.says(&["there is no item '999'", "404 Not Found", "its body is above", "1 of 3 URLs are missing"]);
    home.run(&["get", &urls[1], &urls[1]]).expect(1).says(&["none of the URLs was fetched"]);
}

#[test]
fn one_record_that_is_missing_is_listed_and_comes_in_its_place_later() {
    let there = Arc::new(AtomicBool::new(false));
    let is_there = Arc::clone(&there);
    let server = Server::start(move |target| match target.rsplit('/').next() {
        Some("5") if !is_there.load(Ordering::SeqCst) => reply("404 Not Found", "", ""),
        id => json(format!("{{ \"id\": {} }}", id.unwrap())),
    });
    let (home, url) = (Home::new(), server.url("/items/{0..11}"));
    let lines = |ids: &mut dyn Iterator<Item = u32>| ids.map(|id| format!("{{\"id\":{id}}}\n")).collect::<String>();
    let pull = ["pull", &url, "-o", "x.ndjson"];

    home.run(&pull).expect(3).says(&[
        "1 of 12 URLs missing:",
        &server.url("/items/5: the server answered 404 Not Found"),
        "x.ndjson is partial; run the same command again",
    ]);
    assert_eq!(home.read("x.ndjson"), lines(&mut (0..12).filter(|id| *id != 5)));
    assert_eq!(server.heads().len(), 12);

    home.run(&pull).expect(3);
    assert_eq!(server.targets()[12..], ["/items/5"]);

    there.store(true, Ordering::SeqCst);
    home.run(&pull).expect(0).says(&["1 that failed are tried again", "complete: 12 records"]);
    assert_eq!(home.read("x.ndjson"), lines(&mut (0..12)));
    assert_eq!(server.targets()[13..], ["/items/5"]);
}

#[test]
fn a_list_of_what_is_missing_is_no_progress_and_stays_under_quiet() {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "2"]));
    let run = home.run(&["pull", &mock.url("/items/{1,2}"), "-o", "x.ndjson", "-q"]).expect(3);
    run.says(&["1 of 2 URLs missing:", "/items/2: the server answered 404"]);
}

#[test]
fn a_body_that_is_not_json_is_shown() {
    let server = Server::start(|_| reply("200 OK", "Content-Type: text/html\r\n", "<html><p>Sorry</p></html>"));
    let home = Home::new();
    home.run(&["pull", &server.url("/"), "-o", "x.ndjson"]).expect(1).says(&[
        "the body is not JSON",
        "text/html",
        "<html><p>Sorry",
        "abide get URL",
        "-o NAME/",
    ]);
    assert!(home.names().is_empty(), "{:?}", home.names());
    // Where no records are wanted, any body will do.
    home.run(&["pull", &server.url("/page.html"), "-o", "x/"]).expect(0);
    assert_eq!(home.read("x/page.html"), "<html><p>Sorry</p></html>");
}

#[test]
fn an_empty_body_is_not_json_and_204_has_no_records() {
    let (home, mock) = (Home::new(), Mock::start(&[]));
    home.run(&["pull", &mock.url("/status/200"), "-o", "x.ndjson"]).expect(1).says(&["not JSON", "empty"]);
    home.run(&["pull", &mock.url("/status/204"), "-o", "x.ndjson"]).expect(0);
    assert_eq!(home.read("x.ndjson"), "");
}

#[test]
fn bytes_that_are_not_utf_8_are_an_error_of_their_page() {
    let server = Server::start(|target| match target {
        "/1" => json(b"[\"caf\xe9\"]"),
        _ => json("[0]"),
    });
    let home = Home::new();
    home.run(&["pull", &server.url("/{0,1}"), "-o", "x.ndjson"]).expect(3).says(&["/1: the body is not JSON", "UTF-8"]);
    assert_eq!(home.read("x.ndjson"), "0\n");
}

#[test]
fn records_that_are_not_where_they_were_said_to_be_are_told() {
    let (home, mock) = (Home::new(), Mock::start(&[]));
    home.run(&["pull", &mock.url("/items"), "--records", "data.items", "-o", "x.ndjson"]).expect(1).says(&[
        "there is nothing at 'body.data.items'",
        "\"items\", \"next\"",
        "--records",
    ]);
}

#[test]
fn pages_that_lead_in_a_circle_stall_and_keep_every_record() {
    let server = Server::start(|target| match target {
        "/?page=2" => json(r#"{"items":[3],"next":"/"}"#),
        _ => json(r#"{"items":[1,2],"next":"/?page=2"}"#),
    });
    let home = Home::new();
    let pull = ["pull", &server.url("/"), "-o", "x.ndjson"];
    for _ in 0..2 {
        home.run(&pull).expect(4).says(&["which was fetched already", "circle", "--pages", "kept in x.ndjson.part"]);
        assert_eq!(home.read("x.ndjson.part"), "1\n2\n3\n");
        assert_eq!(server.targets(), ["/", "/?page=2"]);
    }
}

#[test]
fn a_next_page_that_is_no_url_stalls() {
    let server = Server::start(|_| json(r#"{"items":[1],"next":"abc"}"#));
    let home = Home::new();
    let run = home.run(&["pull", &server.url("/"), "-o", "x.ndjson"]).expect(4);
    run.says(&["body.next", "not a URL", "--pages none"]);
    assert!(home.names().is_empty());
    home.run(&["pull", &server.url("/"), "-o", "x.ndjson", "--pages", "none"]).expect(0);
    assert_eq!(home.read("x.ndjson"), "1\n");
}
