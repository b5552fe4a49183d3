//! What a file holds: CSV, packed files and keys, through kills like all else.

use std::fs;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Home, Mock, Server, json, wait_until};

/// Kills the pull with SIGKILL each time the mock was asked this often, lets it end, and returns its home.
fn kill_at(flags: &[&str], points: &[usize]) -> Home {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "2000", "--latency", "3ms"]));
    let url = mock.url("/items");
    let pull = [&["pull", &url], flags].concat();
    for point in points {
        let mut running = home.start(&pull);
        wait_until("it was asked that often", || mock.log().len() >= *point);
        running.child.kill().unwrap();
        assert_eq!(running.wait().code, -1);
    }
    home.run(&pull).expect(0).says(&["complete: 2000 records"]);
    assert!(mock.log().len() <= 100 + points.len(), "{} requests for 100 pages", mock.log().len());
    home
}

fn unpack(home: &Home, name: &str) -> String {
    let bytes = fs::read(home.path(name)).unwrap();
    let mut text = String::new();
    match name.rsplit_once('.').unwrap().1 {
        "gz" => _ = flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap(),
        "zst" => _ = zstd::Decoder::new(&bytes[..]).unwrap().read_to_string(&mut text).unwrap(),
        _ => text = String::from_utf8(bytes).unwrap(),
    }
    text
}

#[test]
fn a_killed_pull_ends_with_the_bytes_of_an_uninterrupted_one_in_every_format() {
    let plain = kill_at(&["-o", "x.csv"], &[]).read("x.csv");
    for name in ["x.csv", "x.csv.zst", "x.ndjson.gz", "x.ndjson.zst"] {
        let (home, whole) = (kill_at(&["-o", name], &[2, 30, 31, 77, 99]), kill_at(&["-o", name], &[]));
        assert!(fs::read(home.path(name)).unwrap() == fs::read(whole.path(name)).unwrap(), "{name}");
        assert_eq!(home.names(), [name.to_owned(), format!("{name}.abide")]);
        let text = unpack(&home, name);
        assert_eq!(text.lines().count(), 2_000 + usize::from(name.contains("csv")), "{name}");
        assert!(!name.contains("csv") || text == plain);
    }
}

#[test]
fn packed_files_are_what_other_programs_read() {
    let server = Server::start(|_| json(r#"[{"id":1,"t":"a,b"},{"id":2,"t":null}]"#));
    let home = Home::new();
    for name in ["x.csv.gz", "x.ndjson.gz"] {
        home.run(&["pull", &server.url("/"), "-o", name]).expect(0);
        let read = std::process::Command::new("gzip").args(["-dc"]).arg(home.path(name)).output().unwrap();
        assert_eq!(String::from_utf8(read.stdout).unwrap(), unpack(&home, name));
    }
    assert_eq!(unpack(&home, "x.csv.gz"), "id,t\n1,\"a,b\"\n2,\n");
    // Not even a file without records is broken to them.
    let none = Server::start(|_| json("[]"));
    home.run(&["pull", &none.url("/"), "-o", "none.csv.gz"]).expect(0);
    assert!(std::process::Command::new("gzip").args(["-t"]).arg(home.path("none.csv.gz")).status().unwrap().success());
}

#[test]
fn a_field_that_comes_later_stops_a_csv_file_and_says_what_to_do() {
    let server = Server::start(|target| match target {
        "/" => json(r#"{"items":[{"id":1}],"next":"/2"}"#),
        _ => json(r#"{"items":[{"id":2,"more":true}],"next":null}"#),
    });
    let home = Home::new();
    let url = server.url("/");
    let pull = ["pull", &url, "-o", "x.csv"];
    home.run(&pull).expect(2).says(&["\"more\"", "no column", "--columns id,more", "NAME.ndjson"]);
    assert_eq!(home.read("x.csv.part"), "id\n1\n");
    home.run(&[&pull[..], &["--columns", "id,more"]].concat()).expect(2).says(&["columns was none, now id,more"]);
    home.run(&[&pull[..], &["--columns", "more,id", "--fresh"]].concat()).expect(0);
    assert_eq!(home.read("x.csv"), "more,id\n,1\ntrue,2\n");
    home.run(&[&pull[..], &["--columns", "id", "--fresh"]].concat()).expect(0);
    assert_eq!(home.read("x.csv"), "id\n1\n2\n");
}

#[test]
fn a_record_that_comes_twice_is_written_once() {
    // A record moves down a page while pages are fetched, which makes it the first of the next page too.
    let server = Server::start(|target| match target.rsplit_once('=').map_or(0, |(_, n)| n.parse::<u64>().unwrap()) {
        9 => json(r#"{"items":[{"id":17},{"x":1},{"id":null}],"next":null}"#),
        n => json(format!(r#"{{"items":[{{"id":{}}},{{"id":{}}}],"next":"/?n={}"}}"#, 2 * n, 2 * n + 2, n + 1)),
    });
    let whole: String = (0..10).map(|n| format!("{{\"id\":{}}}\n", 2 * n)).collect();
    let whole = whole + "{\"id\":17}\n{\"x\":1}\n{\"id\":null}\n";
    let home = Home::new();
    let url = server.url("/?n=0");
    assert_eq!(home.run(&["pull", &url, "--key", "id"]).expect(0).stdout, whole);
    for name in ["x.ndjson", "x.ndjson.gz"] {
        home.run(&["pull", &url, "--key", "id", "-o", name]).expect(0).says(&["complete: 13 records"]);
        assert_eq!(unpack(&home, name), whole);
    }
    home.run(&["pull", &url, "-o", "x.ndjson"]).expect(2).says(&["key was id, now none"]);
    home.run(&["pull", &url, "--key", "id,,"]).expect(2).says(&["tenant,id"]);
}

#[test]
fn a_killed_pull_still_knows_the_keys() {
    let plain = kill_at(&["-o", "x.csv"], &[]).read("x.csv");
    for name in ["x.csv", "x.csv.gz"] {
        let home = kill_at(&["-o", name, "--key", "id"], &[2, 30, 77]);
        assert!(unpack(&home, name) == plain, "{name}");
    }
}

#[test]
fn what_was_missing_in_a_packed_file_is_put_in_its_place() {
    let there = std::sync::Arc::new(AtomicBool::new(false));
    let is_there = std::sync::Arc::clone(&there);
    let server = Server::start(move |target| {
        let id: u32 = target[1..].parse().unwrap();
        match id.is_multiple_of(3) && !is_there.load(Ordering::SeqCst) {
            true => crate::support::reply("404 Not Found", "", ""),
            false => json(format!("[{{\"id\":{id}}}]")),
        }
    });
    let home = Home::new();
    let names = ["x.csv", "x.csv.zst", "x.ndjson.gz"];
    let url = server.url("/{0..19}");
    names.iter().for_each(|name| _ = home.run(&["pull", &url, "-o", name]).expect(3));
    there.store(true, Ordering::SeqCst);
    names.iter().for_each(|name| _ = home.run(&["pull", &url, "-o", name]).expect(0));
    let csv: String = (0..20).map(|id| format!("{id}\n")).collect();
    assert_eq!(home.read("x.csv"), format!("id\n{csv}"));
    assert_eq!(unpack(&home, "x.csv.zst"), format!("id\n{csv}"));
    let rows: String = (0..20).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    assert_eq!(unpack(&home, "x.ndjson.gz"), rows);
}
