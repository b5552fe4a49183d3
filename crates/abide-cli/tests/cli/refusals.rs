//! Odd and endless refusals: no hot loop, no silent year, and the time to come back.

use crate::support::{Home, Mock, Run};

/// Pulls ten records from a server that takes one request a day and sends this with every refusal.
fn refuse(retry_after: &str, max_wait: &str) -> (Run, Mock) {
    let (home, mock) = (Home::new(), Mock::start(&["--limit", "1/day", "--retry-after", retry_after]));
    let run = home.run(&["pull", &mock.url("/items/{0..9}"), "-o", "x.ndjson", "--max-wait", max_wait]).expect(75);
    // Which of those in flight together the server takes is up to the network; one that is not the first waits in the journal.
    let written = home.read("x.ndjson.part").lines().count();
    assert!(written <= 1 && home.path("x.ndjson.abide").exists(), "{written} lines");
    (run, mock)
}

/// A refusal that says nothing of use is answered with pauses that double, for as long as may be waited.
#[test]
fn odd_waits_are_no_hot_loops_and_are_given_up_in_time() {
    let odd = ["none", "text:0", "text:-5", "text:abc", "text:Wed, 21 Oct 2015 07:28:00 GMT"];
    let refusals = odd.map(|retry_after| std::thread::spawn(move || (retry_after, refuse(retry_after, "2s"))));
    for refusal in refusals {
        let (retry_after, (run, mock)) = refusal.join().unwrap();
        run.says(&["paused:", "--max-wait", "what was fetched is kept", "run the same command again"]);
        // Those that were in flight together, and then one probe after each pause: of 0.5, 1 and 2 s, or a little less.
        assert!((7..=14).contains(&mock.refused()), "{retry_after}: {} refused", mock.refused());
    }
}

// The bound on every run is far below these waits: had it slept first, the test would fail.

#[test]
fn a_wait_that_is_too_long_ends_at_once_and_says_when_to_come_back() {
    let (run, mock) = refuse("text:3600", "30min");
    run.says(&["it would have to wait", "the pause that call", "come back at", "UTC", "--max-wait"]);
    assert!(mock.refused() <= 8, "{} refused", mock.refused());
}

#[test]
fn a_wait_of_centuries_is_told_and_not_slept() {
    let (run, mock) = refuse("text:9999999999", "1000000h");
    run.says(&["come back at 23"]);
    assert!(mock.refused() <= 8, "{} refused", mock.refused());
}

#[test]
fn a_told_wait_that_is_too_long_is_known_without_asking() {
    let (home, mock) = (Home::new(), Mock::start(&[]));
    let flags = ["--limit", "3/day", "--max-wait", "1h", "-o", "x.ndjson"];
    home.run(&[&["pull", &mock.url("/items/{0..9}")], &flags[..]].concat()).expect(75).says(&[
        "the limit 3/day that was told",
        "come back at",
        "--max-wait",
    ]);
    assert_eq!((mock.log().len(), home.read("x.ndjson.part").lines().count()), (3, 3));
}

#[test]
fn a_share_of_a_limit_and_an_even_pace_are_kept_to() {
    let (home, mock) = (Home::new(), Mock::start(&[]));
    let pull = |flags: &[&str]| {
        let url = mock.url("/items/{0..9}");
        // What one run spent, the next would heed.
        home.run(&[&["pull", &url, "--limit", "10/day", "--max-wait", "1s", "--no-memory"], flags].concat()).expect(75)
    };
    assert_eq!(pull(&["--share-of", "40%"]).stdout.lines().count(), 4);
    assert_eq!(pull(&["--pace", "even"]).stdout.lines().count(), 1, "the next is due after 2.4 h");
    home.run(&["get", &mock.url("/items/1"), "--share-of", "0.8"]).expect(2).says(&["'0.8' is not a share", "80%"]);
}

#[test]
fn get_ends_with_75_as_well() {
    let (home, mock) = (Home::new(), Mock::start(&["--script", "429", "--retry-after", "text:3600"]));
    let run = home.run(&["get", &mock.url("/items/1")]).expect(75).says(&["come back at", "--max-wait"]);
    assert_eq!((run.stdout.as_str(), mock.log().len()), ("", 1));
}

#[test]
fn get_waits_out_what_it_may() {
    let (home, mock) = (Home::new(), Mock::start(&["--script", "429,429,200", "--retry-after", "text:1"]));
    let run = home.run(&["get", &mock.url("/items/1")]).expect(0);
    assert!(run.stdout.starts_with("{\"id\":1,") && run.stdout.ends_with('}'), "{}", run.stdout);
    assert_eq!(mock.log().iter().map(|(status, _)| *status).collect::<Vec<_>>(), [429, 429, 200]);
}

#[test]
fn a_deadline_that_passes_during_a_wait_is_told_at_once() {
    let (home, mock) = (Home::new(), Mock::start(&[]));
    let flags = ["--limit", "3/day", "--max-wait", "100h", "--deadline", "1h", "-o", "x.ndjson"];
    home.run(&[&["pull", &mock.url("/items/{0..9}")], &flags[..]].concat()).expect(75).says(&[
        "its deadline passes while it waits",
        "come back at",
        "--deadline",
        "run the same command again",
    ]);
    assert_eq!(mock.log().len(), 3);
}

#[test]
fn a_deadline_that_passes_under_way_keeps_what_was_fetched() {
    let (home, mock) = (Home::new(), Mock::start(&["--latency", "50ms", "--records", "100000"]));
    let run = home.run(&["pull", &mock.url("/items"), "-o", "x.ndjson", "--deadline", "1s"]).expect(75);
    run.says(&["the deadline passed", "--deadline", "run the same command again"]);
    assert!(home.read("x.ndjson.part").lines().count() >= 20);
}
