//! Ended before the end: by a reader that went away, by a signal, by a kill. Nothing that was fetched is lost.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::support::{Home, Mock, names, wait_until};

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "100000"]));
    for args in [&["pull", &mock.url("/items")][..], &["pull", &mock.url("/items/{0..99999}")]] {
        let mut child = home.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        // Dropped after one line, as `head -1` does.
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("{\"id\":0,"), "{line}");
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
    }
}

#[test]
fn get_ends_quietly_too() {
    let (home, mock) = (Home::new(), Mock::start(&[]));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = home.command(&["get", &mock.url("/items"), &mock.url("/items/1")]);
    let output = command.stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
    assert_eq!(mock.log().len(), 1);
}

#[test]
fn a_signal_keeps_what_was_fetched_and_says_how_to_go_on() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (home, mock) = (Home::new(), Mock::start(&["--records", "1000", "--latency", "5ms"]));
        let pull = ["pull", &mock.url("/items"), "-o", "x.ndjson", "--summary-json", "s.json"];
        let running = home.start(&pull);
        wait_until("some pages have come", || mock.log().len() >= 5);
        running.signal(signal);
        running.wait().expect(code).says(&["stopped; what was fetched is kept", "run the same command again"]);
        assert!(home.read("x.ndjson.part").lines().count() >= 80);
        assert!(home.read("s.json").contains("\"outcome\":\"stopped\""));
        assert_eq!(names(&home.path(".")), ["s.json", "x.ndjson.abide", "x.ndjson.part"]);
        let asked = mock.log().len();
        home.run(&pull).expect(0).says(&["going on with x.ndjson", "complete: 1000 records"]);
        assert_eq!(home.read("x.ndjson").lines().count(), 1_000);
        // 50 pages, and the one that was under way.
        assert!(mock.log().len() <= 51, "{asked} and then {} pages", mock.log().len());
    }
}

#[test]
fn a_signal_before_anything_came_leaves_nothing_behind() {
    let (home, mock) = (Home::new(), Mock::start(&["--stall", "100%"]));
    for output in ["x.ndjson", "x/"] {
        mock.forget();
        let running = home.start(&["pull", &mock.url("/items/1"), "-o", output]);
        wait_until("the request has come", || !mock.log().is_empty());
        running.signal("INT");
        running.wait().expect(130).says(&["stopped; nothing was fetched yet"]);
        assert!(home.names().is_empty(), "{:?}", home.names());
    }
    mock.forget();
    let running = home.start(&["get", &mock.url("/items/1")]);
    wait_until("the request has come", || !mock.log().is_empty());
    running.signal("TERM");
    let run = running.wait().expect(143).says(&["stopped before the whole answer was there"]);
    assert_eq!(run.stdout, "");
}

/// Kills the pull with SIGKILL each time the mock was asked this often, lets it end, and returns the mock and the home.
fn kill_at(path: &str, output: &str, points: &[usize]) -> (Mock, Home) {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "2000", "--latency", "3ms"]));
    let pull = ["pull", &mock.url(path), "-o", output];
    for point in points {
        let mut running = home.start(&pull);
        wait_until("it was asked that often", || mock.log().len() >= *point);
        running.child.kill().unwrap();
        assert_eq!(running.wait().code, -1);
    }
    let run = home.run(&pull).expect(0);
    assert!(points.is_empty() || run.stderr.contains("going on with"), "{}", run.stderr);
    (mock, home)
}

#[test]
fn a_killed_pull_of_pages_ends_with_the_bytes_of_an_uninterrupted_one() {
    let points = [2, 30, 31, 77, 99];
    let (mock, home) = kill_at("/items", "x.ndjson", &points);
    let (_, whole) = kill_at("/items", "x.ndjson", &[]);
    assert!(home.read("x.ndjson") == whole.read("x.ndjson"));
    assert_eq!(home.read("x.ndjson").lines().count(), 2_000);
    let asked = mock.log().len();
    assert!(asked <= 100 + points.len(), "{asked} requests for 100 pages");
}

#[test]
fn a_kill_costs_no_more_where_pages_are_fetched_side_by_side() {
    for style in ["page", "offset", "next"] {
        let mock = Mock::start(&["--records", "1000", "--latency", "5ms", "--pages", style]);
        let home = Home::new();
        let pull = ["pull", &mock.url("/items"), "-o", "x.ndjson", "--concurrency", "4", "--no-memory"];
        for point in [3, 17, 31, 44] {
            let mut running = home.start(&pull);
            wait_until("enough was asked for", || mock.log().len() >= point);
            let _ = running.child.kill();
            running.wait();
        }
        home.run(&pull).expect(0);
        let whole = Home::new();
        let plain = Mock::start(&["--records", "1000"]);
        whole.run(&["pull", &plain.url("/items"), "-o", "x.ndjson"]).expect(0);
        assert!(
            home.read("x.ndjson") == whole.read("x.ndjson"),
            "{style}: other bytes than those of an uninterrupted pull"
        );
        // 50 pages, and with each kill one for each that was under way.
        let asked = mock.log().len();
        assert!(asked <= 50 + 4 * 4, "{style}: {asked} requests");
    }
}

#[test]
fn a_killed_pull_of_a_template_ends_with_the_bytes_of_an_uninterrupted_one() {
    let points = [9, 60, 150, 299];
    let (mock, home) = kill_at("/items/{0..299}", "x.ndjson", &points);
    let (_, whole) = kill_at("/items/{0..299}", "x.ndjson", &[]);
    assert!(home.read("x.ndjson") == whole.read("x.ndjson"));
    let asked = mock.log().len();
    assert!(asked <= 300 + 8 * points.len(), "{asked} requests for 300 records");
}

#[test]
fn a_killed_pull_to_a_folder_ends_with_the_files_of_an_uninterrupted_one() {
    let points = [9, 60, 150, 199];
    let (mock, home) = kill_at("/items/{0..199}", "x/", &points);
    let (_, whole) = kill_at("/items/{0..199}", "x/", &[]);
    assert_eq!(names(&home.path("x")), names(&whole.path("x")));
    for id in 0..200 {
        assert_eq!(home.read(&format!("x/{id}")), whole.read(&format!("x/{id}")));
    }
    let asked = mock.log().len();
    assert!(asked <= 200 + 8 * points.len(), "{asked} requests for 200 files");
}

#[test]
fn a_killed_run_that_fills_gaps_ends_with_every_record_in_its_place() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use crate::support::{Server, json, reply};

    let there = Arc::new(AtomicBool::new(false));
    let is_there = Arc::clone(&there);
    let server = Server::start(move |target| {
        let id: u32 = target[1..].parse().unwrap();
        match id.is_multiple_of(3) && !is_there.load(Ordering::SeqCst) {
            true => reply("404 Not Found", "", ""),
            false => json(format!("[{id}]")),
        }
    });
    let home = Home::new();
    let pull = ["pull", &server.url("/{0..99}"), "-o", "x.ndjson"];
    home.run(&pull).expect(3).says(&["34 of 100 URLs missing", "… and 14 more"]);
    there.store(true, Ordering::SeqCst);
    for point in [102, 115, 125] {
        let mut running = home.start(&pull);
        wait_until("it was asked that often", || server.heads().len() >= point);
        running.child.kill().unwrap();
        running.wait();
    }
    home.run(&pull).expect(0);
    assert_eq!(home.read("x.ndjson"), (0..100).map(|id| format!("{id}\n")).collect::<String>());
    assert!(server.heads().len() <= 134 + 3 * 8, "{} requests", server.heads().len());
}
