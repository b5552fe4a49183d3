//! Bytes that must be right: records, their order, lists of URLs, and the summary.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use crate::support::{Home, Mock, Server, json, reply};

#[test]
fn a_record_is_the_servers_own_text() {
    let body = "\u{feff}[ {\"big\": 123456789012345678901234567890, \"price\" : 1.00,\n\t\"e\": 1E5, \"b\": 1, \"a\": \
                \"\\u00e9 \\/ \\ud83d\\ude80 é  x\", \"a\": [ ] } ,\r\n{} ]";
    let server = Server::start(move |_| json(body));
    let home = Home::new();
    let lines = "{\"big\":123456789012345678901234567890,\"price\":1.00,\"e\":1E5,\"b\":1,\"a\":\
                 \"\\u00e9 \\/ \\ud83d\\ude80 é  x\",\"a\":[]}\n{}\n";
    home.run(&["pull", &server.url("/"), "-o", "x.ndjson"]).expect(0);
    assert_eq!(home.read("x.ndjson"), lines);
    let run = home.run(&["pull", &server.url("/")]).expect(0);
    assert_eq!(run.stdout, lines);
    // Kept as it came where each URL has its own file.
    home.run(&["pull", &server.url("/raw"), "-o", "x/"]).expect(0);
    assert_eq!(home.read("x/raw"), body);
    assert_eq!(home.run(&["get", &server.url("/")]).expect(0).stdout, body);
}

#[test]
fn records_leave_in_the_order_of_the_input_whatever_comes_first() {
    // Of eight in flight the last is answered first.
    let server = Server::start(|target| {
        let id: u64 = target.rsplit('/').next().unwrap().parse().unwrap();
        thread::sleep(Duration::from_millis(5 * (7 - id % 8)));
        json(format!("[{id}]"))
    });
    let (home, url) = (Home::new(), server.url("/{0..63}"));
    let lines: String = (0..64).map(|id| format!("{id}\n")).collect();
    assert_eq!(home.run(&["pull", &url]).expect(0).stdout, lines);
    home.run(&["pull", &url, "-o", "x.ndjson"]).expect(0);
    assert_eq!(home.read("x.ndjson"), lines);
}

#[test]
fn urls_come_from_a_file_or_from_standard_input() {
    let (home, mock) = (Home::new(), Mock::start(&[]));
    let urls = format!(
        "\u{feff}# three of them\r\n{}\r\n\n  {}\n{}",
        mock.url("/items/2"),
        mock.url("/items/0"),
        mock.url("/items/1")
    );
    home.write("urls.txt", &urls);
    let from_file = home.run(&["pull", "--urls", "urls.txt"]).expect(0);
    let ids: Vec<&str> = from_file.stdout.lines().map(|line| &line[..7]).collect();
    assert_eq!(ids, ["{\"id\":2", "{\"id\":0", "{\"id\":1"]);
    assert_eq!(home.run_with_input(&["pull", "--urls", "-"], &urls).expect(0).stdout, from_file.stdout);
    home.run_with_input(&["pull", "--urls", "-", "-o", "x/"], &urls).expect(0);
    assert_eq!(crate::support::names(&home.path("x")), [".abide", "0", "1", "2"]);

    home.run_with_input(&["pull", "--urls", "-"], "http://h/1\nh/2\n")
        .expect(2)
        .says(&["line 2", "'h/2' is not a URL"]);
    home.run_with_input(&["pull", "--urls", "-"], "# none\n").expect(2).says(&["there is no URL in"]);
}

#[test]
fn the_next_page_is_found_in_a_field_and_in_the_body() {
    let server = Server::start(|target| match target {
        "/a/b" => reply("200 OK", "Link: <?page=2>; rel=\"next\", </>; rel=first\r\n", "[1]"),
        "/a/b?page=2" => reply("200 OK", "Link: </c>; rel=next\r\n", "[2]"),
        "/d" => json(r#"{"data":[4],"paging":{"after":"/e"}}"#),
        "/e" => json(r#"{"data":[5],"paging":{}}"#),
        _ => json("[3]"),
    });
    let home = Home::new();
    assert_eq!(home.run(&["pull", &server.url("/a/b")]).expect(0).stdout, "1\n2\n3\n");
    assert_eq!(home.run(&["pull", &server.url("/d"), "--pages", "body.paging.after"]).expect(0).stdout, "4\n5\n");
    let none = home.run(&["pull", &server.url("/a/b"), "--pages", "none"]).expect(0);
    assert_eq!(none.stdout, "1\n");
    let several = home.run(&["pull", &server.url("/a/{b,c}")]).expect(0).says(&["--pages auto follows them"]);
    assert_eq!(several.stdout, "1\n3\n");
    let all = home.run(&["pull", &server.url("/a/{b,c}"), "--pages", "auto"]).expect(0);
    assert_eq!(all.stdout, "1\n2\n3\n3\n");
}

#[test]
fn a_later_page_without_records_has_none() {
    let server = Server::start(|target| match target {
        "/" => json(r#"{"animals":[{"id":1}],"next":"/2"}"#),
        _ => json(r#"{"animals":[],"next":null}"#),
    });
    assert_eq!(Home::new().run(&["pull", &server.url("/")]).expect(0).stdout, "{\"id\":1}\n");
}

#[test]
fn a_run_that_goes_on_knows_where_the_records_stand() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let other = Server::start(|_| json(r#"{"animals":[],"next":null}"#));
    let (next, missing) = (other.url("/3"), AtomicBool::new(true));
    let server = Server::start(move |target| match target {
        "/" => json(r#"{"animals":[{"id":1}],"next":"/2"}"#),
        "/2" if missing.swap(false, Ordering::SeqCst) => reply("404 Not Found", "", ""),
        _ => json(format!(r#"{{"animals":[],"next":"{next}"}}"#)),
    });
    let home = Home::new();
    let pull = ["pull", &server.url("/"), "-o", "x.ndjson"];
    home.run(&pull).expect(3);
    home.run(&pull).expect(4);
    home.run(&[&pull[..], &["--allow-origin", &other.origin()]].concat()).expect(0);
    assert_eq!(home.read("x.ndjson"), "{\"id\":1}\n");
    assert_eq!(
        (server.targets(), other.targets()),
        (vec!["/".into(), "/2".into(), "/2".into()], vec!["/3".to_owned()])
    );
}

#[test]
fn the_summary_has_its_keys() {
    let (home, mock) = (Home::new(), Mock::start(&["--limit", "20/1s", "--headers", "draft-8", "--records", "30"]));
    let url = mock.url("/items/{0..30}");
    let flags = ["--summary-json", "s.json", "--limit", "100/s", "--limit", "concurrency 4"];
    home.run(&[&["pull", &url, "-o", "x.ndjson"], &flags[..]].concat()).expect(3);
    let summary: serde_json::Value = serde_json::from_str(&home.read("s.json")).unwrap();
    let keys: BTreeSet<&str> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    let all = "records requests ok rate_limited retries hedges failed elapsed_s waited_s limits outcome";
    assert_eq!(keys, all.split(' ').collect());
    let refused = mock.refused();
    assert_eq!((&summary["records"], &summary["ok"], &summary["failed"]), (&30.into(), &30.into(), &1.into()));
    assert_eq!((&summary["requests"], &summary["rate_limited"]), (&(31 + refused).into(), &refused.into()));
    assert_eq!((&summary["retries"], &summary["outcome"]), (&refused.into(), &"partial".into()));
    assert!(summary["elapsed_s"].as_f64().unwrap() > 0.0 && summary["waited_s"]["quota"].as_f64().unwrap() > 0.0);
    let limits = summary["limits"].as_array().unwrap();
    let told = |limit: &str| serde_json::json!({"limit": limit, "source": "told", "confidence": 1.0});
    assert_eq!(limits[..2], [told("100/s"), told("concurrency 4")]);
    assert_eq!((limits.len(), &limits[2]["source"]), (3, &"said".into()));
}

#[test]
fn a_summary_that_can_not_be_written_is_told() {
    let (home, mock) = (Home::new(), Mock::start(&[]));
    let url = mock.url("/items/1");
    home.run(&["pull", &url, "-o", "x.ndjson", "--summary-json", "none/s.json"]).expect(1).says(&[
        "complete: 1 record",
        "the summary can't be written to none/s.json",
        "--summary-json",
    ]);
    assert_eq!(home.read("x.ndjson").lines().count(), 1);
}
