//! Runs that ask only for what is new: where they ask from, what a kill leaves, and whom it is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use crate::support::{Asked, Home, Run, Running, Server, json, reply, wait_until};

/// Example 1 of the plan, word for word but for where the API is.
const EXAMPLE: &str = r#"
[api]
base = "ORIGIN"
auth = { bearer = "env:GITHUB_TOKEN" }          # several: { bearer = ["env:T1", "env:T2"] }
headers = { Accept = "application/vnd.github+json" }
[out]
to = "rust.sqlite"                              # tables issues, comments, _abide_runs
[limits]                                        # all optional; headers can only tighten them
concurrency = 8
max_wait = "20m"                                # a longer wait: save, exit 75, print when to come back
[[pull]]
name = "issues"
path = "/repos/rust-lang/rust/issues"
query = { state = "all", per_page = 100, sort = "updated", direction = "asc" }
pages = "link"
key = "id"                                      # upsert; the same row twice is one row
since = { field = "updated_at", send = "query.since", start = "2026-01-01T00:00:00Z" }
[[pull]]
name = "comments"
for = "issues"                                  # one pull per parent row, resumable per parent
path = "/repos/rust-lang/rust/issues/{issues.number}/comments"
keep = { issue = "issues.number" }              # columns taken from the parent
key = "id"
on = [{ status = [404, 410], do = "skip" }]     # counted and listed, never silent
"#;

fn pull(home: &Home, origin: &str, text: &str, flags: &[&str]) -> Run {
    start(home, origin, text, flags).wait()
}

fn start(home: &Home, origin: &str, text: &str, flags: &[&str]) -> Running {
    home.write("x.toml", &text.replace("ORIGIN", origin));
    let mut command = home.command(&[&["pull", "x.toml"], flags].concat());
    Running::start(command.env("GITHUB_TOKEN", "s3cret"))
}

fn ask(home: &Home, sql: &str) -> String {
    let conn = Connection::open(home.path("rust.sqlite")).unwrap();
    conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap()
}

fn value(target: &str, key: &str) -> Option<String> {
    let url = url::Url::parse(&format!("http://x.test{target}")).unwrap();
    url.query_pairs().find(|(known, _)| known == key).map(|(_, value)| value.into_owned())
}

/// Where each list of issues was begun from.
fn bounds(server: &Server) -> Vec<String> {
    let targets = server.targets();
    let firsts = targets.iter().filter(|target| target.contains("/issues?") && value(target, "page").is_none());
    firsts.map(|target| value(target, "since").unwrap()).collect()
}

fn day(day: u64) -> String {
    format!("2026-02-{day:02}T12:00:00Z")
}

/// Issues of which each changed on the day of its number, two a page; in the second `edition` the fourth changed again, and there
/// is a sixth. Issue 2 has lost its comments. Each of the others has one, which says when the issue changed.
fn tracker(edition: &AtomicU64, asked: &Asked) -> Vec<u8> {
    assert_eq!(asked.field("authorization"), Some("Bearer s3cret"));
    assert_eq!(asked.field("accept"), Some("application/vnd.github+json"));
    let is_later = edition.load(Ordering::Relaxed) > 0;
    let changed = |number: u64| if is_later && number == 4 { day(20) } else { day(number) };
    let path = asked.target().split('?').next().unwrap();
    if let Some(number) = path.strip_prefix("/repos/rust-lang/rust/issues/") {
        // Long enough for a kill to come before the answer.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let number: u64 = number.strip_suffix("/comments").unwrap().parse().unwrap();
        return match number {
            2 => reply("410 Gone", "", "gone"),
            _ => json(format!("[{{\"id\":{},\"seen\":\"{}\"}}]", number * 100, changed(number))),
        };
    }
    let since = value(asked.target(), "since").unwrap();
    let mut issues: Vec<u64> = (1..=if is_later { 6 } else { 5 }).filter(|number| changed(*number) >= since).collect();
    issues.sort_by_key(|number| changed(*number));
    let page: usize = value(asked.target(), "page").map_or(1, |page| page.parse().unwrap());
    let issue =
        |number: &u64| format!("{{\"id\":{number},\"number\":{number},\"updated_at\":\"{}\"}}", changed(*number));
    let of: Vec<String> = issues.iter().skip((page - 1) * 2).take(2).map(issue).collect();
    let next = if page * 2 < issues.len() {
        format!("Link: <{path}?since={since}&page={}>; rel=\"next\"\r\n", page + 1)
    } else {
        String::new()
    };
    reply("200 OK", &format!("Content-Type: application/json\r\n{next}"), format!("[{}]", of.join(",")))
}

fn github() -> (Server, Arc<AtomicU64>) {
    let edition = Arc::new(AtomicU64::new(0));
    let kept = Arc::clone(&edition);
    (Server::of_requests(move |asked| tracker(&kept, asked)), edition)
}

const ISSUES: &str =
    "SELECT group_concat(id || ' ' || substr(updated_at, 9, 2), ', ') FROM (SELECT * FROM issues ORDER BY id)";
const COMMENTS: &str = "SELECT group_concat(id || ' ' || issue || ' ' || substr(seen, 9, 2), ', ')
                        FROM (SELECT * FROM comments ORDER BY id)";

#[test]
fn another_run_of_example_1_brings_only_what_changed() {
    let (home, (server, edition)) = (Home::new(), github());
    let run = |says: &[&str]| pull(&home, &server.origin(), EXAMPLE, &[]).expect(0).says(says);
    run(&["comments: 1 request skipped", "410 Gone"]);
    assert_eq!(ask(&home, ISSUES), "1 01, 2 02, 3 03, 4 04, 5 05");
    assert_eq!(ask(&home, COMMENTS), "100 1 01, 300 3 03, 400 4 04, 500 5 05");

    edition.store(1, Ordering::Relaxed);
    let asked = server.targets().len();
    run(&["issues: asking for what is new since \"2026-02-05T12:00:00Z\""]);
    assert_eq!(ask(&home, ISSUES), "1 01, 2 02, 3 03, 4 20, 5 05, 6 06");
    assert_eq!(ask(&home, COMMENTS), "100 1 01, 300 3 03, 400 4 20, 500 5 05, 600 6 06");
    let mut paths: Vec<String> =
        server.targets()[asked..].iter().map(|target| target.replace("/repos/rust-lang/rust/issues", "")).collect();
    paths.sort();
    assert_eq!(paths.len(), 5, "two pages of issues, and the comments of three: {paths:?}");

    // Nothing changed, and what lies on the bound comes again.
    run(&[]);
    assert_eq!(bounds(&server), ["2026-01-01T00:00:00Z", &day(5), &day(20)]);
    assert_eq!(ask(&home, ISSUES), "1 01, 2 02, 3 03, 4 20, 5 05, 6 06");
    assert_eq!(
        ask(
            &home,
            "SELECT group_concat(records, ' ') FROM (SELECT * FROM _abide_runs WHERE \"table\" = 'issues' ORDER BY began)"
        ),
        "5 3 1"
    );
}

#[test]
fn a_killed_run_goes_on_with_its_bound_and_the_next_has_all_that_is_new() {
    let (home, (server, edition)) = (Home::new(), github());
    let run = |flags: &[&str], code: i32| pull(&home, &server.origin(), EXAMPLE, flags).expect(code);
    run(&[], 0);
    edition.store(1, Ordering::Relaxed);
    // One page of the issues, the other, and then comments one by one.
    for pages in 1..=3 {
        run(&["--limit-pages", "1", "--concurrency", "1"], 75);
        assert_eq!(bounds(&server)[1..], [day(5)], "after {pages}");
    }
    let asked = server.targets().len();
    let mut killed = start(&home, &server.origin(), EXAMPLE, &["--concurrency", "1"]);
    wait_until("it asked for another", || server.targets().len() > asked);
    killed.child.kill().unwrap();
    assert_eq!(killed.wait().code, -1);
    run(&[], 0);
    assert_eq!(bounds(&server)[1..], [day(5)], "the comments of what was new come before what is newer");
    assert_eq!(ask(&home, ISSUES), "1 01, 2 02, 3 03, 4 20, 5 05, 6 06");
    assert_eq!(ask(&home, COMMENTS), "100 1 01, 300 3 03, 400 4 20, 500 5 05, 600 6 06");
    run(&[], 0);
    assert_eq!(bounds(&server)[1..], [day(5), day(20)]);
}

#[test]
fn kills_at_any_page_lose_nothing_and_double_nothing() {
    // Four hundred records, ten a page; those above the bound change while nobody looks.
    let server = Server::start(|target| {
        let (since, page) = (value(target, "since"), value(target, "page"));
        let since: u64 = since.map_or(0, |since| since.parse().unwrap());
        let page: u64 = page.map_or(0, |page| page.parse().unwrap());
        let all: Vec<u64> = (0..400).filter(|id| id * 10 >= since).collect();
        let of: Vec<String> = all
            .iter()
            .skip(usize::try_from(page * 10).unwrap())
            .take(10)
            .map(|id| format!("{{\"id\":{id},\"v\":{}}}", id * 10))
            .collect();
        let next = if page * 10 + 10 < all.len() as u64 {
            format!("\"/items?since={since}&page={}\"", page + 1)
        } else {
            "null".to_owned()
        };
        std::thread::sleep(std::time::Duration::from_millis(3));
        json(format!("{{\"items\":[{}],\"next\":{next}}}", of.join(",")))
    });
    let home = Home::new();
    let url = server.url("/items");
    let command = ["pull", &url, "-o", "rust.sqlite", "--key", "id", "--since", "field=v send=query.since start=2000"];
    for point in [1, 7, 13, 14, 22] {
        let mut running = home.start(&command);
        wait_until("it was asked that often", || server.targets().len() >= point);
        running.child.kill().unwrap();
        running.wait();
    }
    home.run(&command).expect(0);
    let all = "SELECT count(*) || ' ' || min(id) || ' ' || max(id) FROM items";
    assert_eq!(ask(&home, all), "200 200 399");
    let firsts = |server: &Server| {
        server.targets().iter().filter(|target| !target.contains("page")).cloned().collect::<Vec<_>>()
    };
    assert!(firsts(&server).iter().all(|target| target == "/items?since=2000"), "{:?}", firsts(&server));
    assert!(server.targets().len() <= 20 + 6, "{} requests for 20 pages", server.targets().len());
    home.run(&command).expect(0);
    assert_eq!(firsts(&server).last().unwrap(), "/items?since=3990");
    assert_eq!(ask(&home, all), "200 200 399");
    // Another bound is another pull.
    let other = [&command[..7], &["field=v send=query.since start=0"]].concat();
    home.run(&other).expect(2).says(&["since was field=v send=query.since start=2000, now"]);
    home.run(&[&other[..], &["--fresh"]].concat()).expect(0);
    assert_eq!(ask(&home, all), "400 0 399");
}

#[test]
fn what_could_not_be_put_to_what_is_there_is_refused() {
    let home = Home::new();
    let run = |text: &str, says: &str| {
        let text = format!("[api]\nbase = 'http://127.0.0.1:9'\n{text}");
        pull(&home, "", &text, &["--plan"]).expect(2).says(&[says]);
    };
    let since = "since = { field = 'at', send = 'query.since' }\n";
    let file = "[out]\nto = 'x.ndjson'\n";
    let table = "[out]\nto = 'x.sqlite'\n";
    run(
        &format!("{file}[[pull]]\npath = 'a'\nkey = 'id'\n{since}"),
        "in x.ndjson nothing can be replaced; write to NAME.sqlite",
    );
    run(&format!("{table}[[pull]]\npath = 'a'\n{since}"), "since needs a key");
    run(&format!("{table}[[pull]]\npath = 'a/{{0..3}}'\nkey = 'id'\n{since}"), "here are 4");
    let parent = format!(
        "{table}[[pull]]\npath = 'a'\nkey = 'id'\n{since}[[pull]]\nname = 'b'\nfor = 'a'\npath = 'a/{{a.id}}'\n"
    );
    run(&parent, "b is asked for again");
    run(&format!("{parent}key = 'id'\n{since}"), "not with for");
    let parent = format!("[api]\nbase = 'http://127.0.0.1:9'\n{parent}key = 'id'\n");
    pull(&home, "", &parent, &["--plan", "--only", "a"]).expect(2).says(&["--only b"]);
    pull(&home, "", &parent, &["--plan", "--only", "b"]).expect(0);
}

#[test]
fn the_most_pages_can_be_said_in_the_file() {
    let server = Server::start(|target| {
        let page: u64 = value(target, "page").map_or(1, |page| page.parse().unwrap());
        json(format!("{{\"items\":[{{\"id\":{page}}}],\"next\":\"/items?page={}\"}}", page + 1))
    });
    let text = "[api]\nbase = 'ORIGIN'\n[out]\nto = 'x.ndjson'\n[[pull]]\npath = 'items'\nmax_pages = 3";
    let home = Home::new();
    pull(&home, &server.origin(), text, &[]).expect(4).says(&["3 pages are the most", "--max-pages"]);
    assert_eq!(server.targets().len(), 3);
    pull(&home, &server.origin(), text, &["--max-pages", "5"]).expect(4).says(&["5 pages are the most"]);
    pull(&home, &server.origin(), &text.replace("= 3", "= 0"), &[])
        .expect(2)
        .says(&["line", "max_pages: there is always a first page"]);
}
