//! Parents and children, and what answers mean by rule.

use crate::support::{Asked, Home, Run, Running, Server, json, reply};

fn pull(home: &Home, origin: &str, text: &str, flags: &[&str]) -> Run {
    home.write("x.toml", &text.replace("ORIGIN", origin));
    Running::start(&mut home.command(&[&["pull", "x.toml"], flags].concat())).wait()
}

const FAMILY: &str = "[api]\nbase = 'ORIGIN'\n[out]\nto = 'out/'\n[[pull]]\nname = 'comments'\nfor = 'issues'\n\
                      path = '/issues/{issues.number}/comments'\nkeep = { issue = 'issues.number' }\n\
                      on = [{ status = [404, 410], do = 'skip' }]\n[[pull]]\npath = 'issues'\npages = 'link'";

/// Issues 1 to 5, two a page; each has as many comments as its number, in pages of two. The third is gone.
fn tracker(asked: &Asked) -> Vec<u8> {
    let (path, page) = match asked.target().split_once("?page=") {
        Some((path, page)) => (path, page.parse::<u64>().unwrap()),
        None => (asked.target(), 1),
    };
    let list = |count: u64, field: &str| {
        let of = ((page - 1) * 2 + 1..=count.min(page * 2)).map(|n| format!("{{\"{field}\":{n}}}")).collect::<Vec<_>>();
        let next = if page * 2 < count {
            format!("Link: <{path}?page={}>; rel=\"next\"\r\n", page + 1)
        } else {
            String::new()
        };
        reply("200 OK", &format!("Content-Type: application/json\r\n{next}"), format!("[{}]", of.join(",")))
    };
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["", "issues"] => list(5, "number"),
        ["", "issues", "3", "comments"] => reply("410 Gone", "", "gone"),
        ["", "issues", number, "comments"] => list(number.parse().unwrap(), "id"),
        other => panic!("{other:?}"),
    }
}

fn comments() -> String {
    let of = |issue: u64| (1..=issue).map(move |id| format!("{{\"id\":{id},\"issue\":{issue}}}\n"));
    [1, 2, 4, 5].into_iter().flat_map(of).collect()
}

#[test]
fn a_child_is_asked_for_each_record_of_its_parent() {
    let (home, server) = (Home::new(), Server::of_requests(tracker));
    let run = pull(&home, &server.origin(), FAMILY, &[]).expect(0);
    run.says(&["comments: 1 request skipped", "/issues/3/comments: 410 Gone", "complete"]);
    assert_eq!(home.read("out/comments.ndjson"), comments());
    assert_eq!(home.read("out/issues.ndjson").lines().count(), 5);
    let asked = server.targets().len();
    pull(&home, &server.origin(), FAMILY, &["--only", "comments"]).expect(0);
    assert_eq!(server.targets().len(), asked, "all of it is there");
}

#[test]
fn children_go_on_where_they_were_and_wait_for_their_parent() {
    let (home, server) = (Home::new(), Server::of_requests(tracker));
    let paused =
        |pages: &str| pull(&home, &server.origin(), FAMILY, &["--limit-pages", pages, "--concurrency", "1"]).expect(75);
    // Three pages of issues are there after two runs, and no comment before that.
    paused("2").says(&["waiting", "paused"]);
    paused("2");
    for _ in 0..2 {
        paused("2");
    }
    let run = pull(&home, &server.origin(), FAMILY, &[]).expect(0);
    run.says(&["going on with out/comments.ndjson"]);
    assert_eq!(home.read("out/comments.ndjson"), comments());
    let mut targets = server.targets();
    let asked = targets.len();
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), asked, "no page was fetched twice");
}

#[test]
fn a_limit_that_is_dressed_as_a_success_is_waited_out() {
    let refusals = std::sync::atomic::AtomicU32::new(0);
    let server = Server::of_requests(move |_| match refusals.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 | 1 => json(r#"{"failure":{"what":"patience","page":[]}}"#),
        _ => json(r#"{"items":[{"id":1}]}"#),
    });
    let home = Home::new();
    let rule = "body.failure.what=patience do=limited";
    home.run(&["pull", &server.url("/a"), "-o", "x.ndjson", "--on", rule]).expect(0).says(&["2 refused"]);
    assert_eq!((home.read("x.ndjson").as_str(), server.heads().len()), ("{\"id\":1}\n", 3));
}

#[test]
fn what_is_skipped_or_failed_by_rule_is_not_tried_again() {
    let server = Server::start(|target| match target {
        "/1" => reply("500 Internal Server Error", "", "no such thing"),
        "/2" => reply("500 Internal Server Error", "X-Kind: broken\r\n", ""),
        _ => json("{\"id\":0}"),
    });
    let home = Home::new();
    let rules = ["--on", "status=500 header.x-kind=broken do=fail", "--on", "status=500 do=skip"];
    let run = home.run(&[&["pull", &server.url("/{0..2}"), "-o", "x.ndjson"], &rules[..]].concat()).expect(3);
    run.says(&["1 request skipped: ", "/1: 500", "1 of 3 URLs missing", "takes that for a failure"]);
    assert_eq!((home.read("x.ndjson").as_str(), server.heads().len()), ("{\"id\":0}\n", 3));
}

#[test]
fn fewer_records_than_the_server_counts_are_not_called_complete() {
    let server = Server::start(|target| match target {
        "/some" => json(r#"{"total":"3","items":[{"id":1},{"id":2}]}"#),
        "/all" => json(r#"{"total":2,"items":[{"id":1},{"id":2}]}"#),
        _ => json(r#"{"items":[{"id":1},{"id":2}]}"#),
    });
    let home = Home::new();
    let run =
        |path: &str| home.run(&["pull", &server.url(path), "-o", "x.ndjson", "--fresh", "--expect", "body.total"]);
    run("/some")
        .expect(3)
        .says(&["short: 2 records", "2 records came, and the server says in body.total that there are 3"]);
    run("/none").expect(3).says(&["not known: not every answer had a number in body.total"]);
    run("/all").expect(0).says(&["complete: 2 records"]);
}

#[test]
fn too_many_errors_end_a_pull() {
    let server = Server::start(|target| if target == "/0" { json("1") } else { reply("404 Not Found", "", "") });
    let home = Home::new();
    let flags = ["-o", "x.ndjson", "--max-errors", "4", "--concurrency", "1"];
    let run = home.run(&[&["pull", &server.url("/{0..99}")], &flags[..]].concat()).expect(3);
    run.says(&["5 of 6 requests failed, and more than 4 are too many", "run the same command again"]);
    assert_eq!(server.heads().len(), 6);
}

/// Example 3 of the plan, with what the server says nothing of.
#[test]
fn a_list_of_urls_from_an_api_that_states_no_limit() {
    let mock = crate::support::Mock::start(&["--records", "60", "--limit", "20/2s", "--status", "503"]);
    let home = Home::new();
    let urls: Vec<String> = (0..60).map(|id| mock.url(&format!("/items/{id}"))).collect();
    home.write("urls.txt", &urls.join("\n"));
    let text = "[out]\nto = 'items.ndjson.zst'\nraw = 'raw/'\n[limits]\nlearn = true\nstart = '2/s'\nbusy = [429, 503]\n\
                [[pull]]\nname = 'items'\nurls = 'urls.txt'\nkey = 'id'\nmax_errors = '1%'";
    pull(&home, "", text, &["--concurrency", "4"]).expect(0).says(&["complete: 60 records"]);
    assert_eq!(crate::support::names(&home.path("raw/items")).len(), 60);
    let refused = mock.log().iter().filter(|(status, _)| *status == 503).count();
    assert!(refused <= 12, "{refused} were refused");
    let body = std::fs::read(home.path("raw/items/000060-000001")).unwrap();
    assert!(body.starts_with(b"{\"id\":59"), "{}", String::from_utf8_lossy(&body));
}
