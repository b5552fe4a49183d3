//! Pages that are asked for by a token, a record, a number or an offset.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Home, Server, json, reply};

/// The value of a key in the query of a request.
fn value<'t>(target: &'t str, key: &str) -> Option<&'t str> {
    let query = target.split_once('?')?.1;
    query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

/// Records `from..to`, as the members of a list.
fn records(from: u64, to: u64) -> String {
    (from..to).map(|id| format!(r#"{{"id":{id}}}"#)).collect::<Vec<_>>().join(",")
}

/// The lines of all seven records.
fn all() -> String {
    (0..7).map(|id| format!("{{\"id\":{id}}}\n")).collect()
}

fn number(target: &str, key: &str) -> Option<u64> {
    value(target, key)?.parse().ok()
}

#[test]
fn a_token_in_the_body_is_sent_back() {
    // Pages may be short, or empty, as long as there is a token.
    let server = Server::start(|target| {
        json(match value(target, "cursor") {
            None => format!(r#"{{"items":[{}],"next_cursor":"a/b"}}"#, records(0, 3)),
            Some("a%2Fb") => r#"{"items":[],"next_cursor":"c"}"#.to_owned(),
            Some("c") => format!(r#"{{"items":[{}],"next_cursor":""}}"#, records(3, 7)),
            other => format!(r#"{{"error":"no such cursor: {other:?}"}}"#),
        })
    });
    let home = Home::new();
    let run = home.run(&["pull", &server.url("/things?kind=x"), "-o", "x.ndjson"]).expect(0);
    run.says(&["pages go on by cursor=body.next_cursor send=query.cursor"]);
    assert_eq!(home.read("x.ndjson"), all());
    assert!(server.targets().iter().all(|target| value(target, "kind") == Some("x")));
}

#[test]
fn the_last_record_names_where_to_go_on() {
    let server = Server::start(|target| {
        let from = number(target, "starting_after").map_or(0, |last| last + 1);
        let to = (from + 3).min(7);
        json(format!(r#"{{"object":"list","data":[{}],"has_more":{}}}"#, records(from, to), to < 7))
    });
    let home = Home::new();
    home.run(&["pull", &server.url("/v1/charges"), "-o", "x.ndjson", "--pages", "stripe"]).expect(0);
    assert_eq!(home.read("x.ndjson"), all());
}

#[test]
fn numbered_pages_end_with_the_last_one() {
    let server = Server::start(|target| {
        let page = number(target, "page").unwrap_or(1);
        let from = (page - 1) * 3;
        json(format!(r#"{{"page":{page},"total_pages":3,"items":[{}]}}"#, records(from.min(7), (from + 3).min(7))))
    });
    let home = Home::new();
    home.run(&["pull", &server.url("/a"), "-o", "x.ndjson"]).expect(0);
    assert_eq!((home.read("x.ndjson"), server.targets().len()), (all(), 3));
}

#[test]
fn an_offset_goes_on_behind_what_came_however_little_that_is() {
    let server = Server::start(|target| {
        let from = number(target, "skip").unwrap_or(0);
        assert_eq!(number(target, "limit"), Some(50));
        json(format!("[{}]", records(from.min(7), (from + 2).min(7))))
    });
    let home = Home::new();
    let pages = "offset=query.skip size=query.limit:50";
    home.run(&["pull", &server.url("/a"), "-o", "x.ndjson", "--pages", pages]).expect(0);
    // The empty page is the end. Another one may have been asked for ahead of its turn.
    assert_eq!(home.read("x.ndjson"), all());
    assert!((5..=6).contains(&server.targets().len()), "{:?}", server.targets());
}

#[test]
fn a_server_that_does_not_heed_the_token_is_told_apart_from_one_that_goes_on() {
    let server = Server::start(|_| json(r#"{"items":[{"id":1}],"next_page_token":"abc"}"#));
    let home = Home::new();
    let run = home.run(&["pull", &server.url("/"), "-o", "x.ndjson"]).expect(4);
    run.says(&["page 2: it holds the very records of page 1", "--pages"]);
    assert_eq!(server.targets().len(), 2);
}

/// A page of 100 in 20 numbered ones, which takes a while; how many were asked for at once is kept.
fn slow_page(target: &str, total: &str, at_once: &Flying) -> Vec<u8> {
    let _flight = at_once.begin();
    let page = number(target, "page").unwrap_or(1);
    let next = if page < 20 { format!(r#""/a?page={}""#, page + 1) } else { "null".to_owned() };
    std::thread::sleep(Duration::from_millis(10));
    json(format!(r#"{{"items":[{}],"next":{next}{total}}}"#, records(page * 5 - 5, page * 5)))
}

/// How many requests are answered at the same time, and the most that ever were.
#[derive(Default)]
struct Flying(Mutex<(usize, usize)>);

struct Flight<'a>(&'a Flying);

impl Flying {
    fn begin(&self) -> Flight<'_> {
        let mut now = self.0.lock().unwrap();
        now.0 += 1;
        now.1 = now.1.max(now.0);
        Flight(self)
    }

    fn most(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().0 -= 1;
    }
}

#[test]
fn pages_whose_last_is_known_are_fetched_side_by_side_and_written_in_order() {
    for (total, most) in [(r#","count":100"#, 4), (r#","total_pages":20"#, 4), ("", 1)] {
        let flying = Arc::new(Flying::default());
        let seen = Arc::clone(&flying);
        let server = Server::start(move |target| slow_page(target, total, &seen));
        let home = Home::new();
        home.run(&["pull", &server.url("/a"), "-o", "x.ndjson", "--concurrency", "4"]).expect(0);
        let all: String = (0..100).map(|id| format!("{{\"id\":{id}}}\n")).collect();
        assert_eq!((home.read("x.ndjson"), server.targets().len()), (all, 20));
        assert_eq!(flying.most(), most, "{total}");
    }
}

#[test]
fn what_was_asked_for_ahead_in_vain_is_dropped() {
    // Page 3 is short, so that later offsets are others than the first pages let expect.
    let server = Server::start(|target| {
        let from = number(target, "offset").unwrap_or(0);
        let to = (from + if from == 10 { 3 } else { 5 }).min(60);
        json(format!(r#"{{"offset":{from},"limit":5,"total":60,"items":[{}]}}"#, records(from.min(60), to)))
    });
    let home = Home::new();
    home.run(&["pull", &server.url("/a"), "-o", "x.ndjson", "--concurrency", "4"]).expect(0);
    let all: String = (0..60).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    assert_eq!(home.read("x.ndjson"), all);
    assert!(server.targets().len() <= 13 + 3, "{:?}", server.targets());
}

#[test]
fn a_page_behind_the_last_counted_one_may_be_refused() {
    let server = Server::start(|target| {
        let page = number(target, "page").unwrap_or(1);
        match page {
            1..=9 => json(format!("[{}]", records(page, page + 1))),
            _ => reply("404 Not Found", "", "{}"),
        }
    });
    let home = Home::new();
    let run = home.run(&["pull", &server.url("/a"), "-o", "x.ndjson", "--pages", "page=query.page"]).expect(0);
    run.says(&["page 10 was answered with 404, which is taken for the end of the pages"]);
    assert_eq!(home.read("x.ndjson").lines().count(), 9);
}

#[test]
fn more_pages_than_may_be_are_never_left_out_quietly() {
    let server = Server::start(|target| {
        let page = number(target, "page").unwrap_or(1);
        json(format!(r#"{{"items":[{}],"next":"/a?page={}"}}"#, records(page, page + 1), page + 1))
    });
    let home = Home::new();
    let pull = ["pull", &server.url("/a"), "-o", "x.ndjson", "--max-pages"];
    home.run(&[&pull[..], &["3"]].concat()).expect(4).says(&["page 4 would be", "--max-pages"]);
    assert_eq!(server.targets().len(), 3);
    home.run(&[&pull[..], &["5"]].concat()).expect(4);
    assert_eq!((server.targets().len(), home.read("x.ndjson.part").lines().count()), (5, 5));
}

/// Ten records in pages of three. Tokens that were given before the first refusal are void after it; from then on the first page
/// holds only so many records.
fn expiring(first: u64) -> Server {
    let refused = AtomicBool::new(false);
    Server::start(move |target| {
        let token = value(target, "cursor").and_then(|token| token.split_once('-'));
        let from = token.map_or(0, |(_, from)| from.parse().unwrap());
        let is_new = refused.load(Ordering::SeqCst);
        if token.is_some_and(|(generation, _)| generation == "old") && (from == 6 || is_new) {
            refused.store(true, Ordering::SeqCst);
            return reply("410 Gone", "", "{}");
        }
        let to = if is_new && from == 0 { first } else { (from + 3).min(10) };
        let generation = if is_new { "new" } else { "old" };
        let next = if to < 10 { format!(r#""{generation}-{to}""#) } else { "null".to_owned() };
        json(format!(r#"{{"items":[{}],"next_cursor":{next}}}"#, records(from, to)))
    })
}

fn ten() -> String {
    (0..10).map(|id| format!("{{\"id\":{id}}}\n")).collect()
}

#[test]
fn a_cursor_that_has_expired_since_the_last_run_is_got_anew() {
    let server = expiring(3);
    let home = Home::new();
    let pull = ["pull", &server.url("/a"), "-o", "x.ndjson"];
    home.run(&[&pull[..], &["--max-pages", "2"]].concat()).expect(4);
    let run = home.run(&pull).expect(0);
    run.says(&["page 3 was answered with 410", "from the first again"]);
    // Two pages, the refusal, these two again, and the last two.
    assert_eq!((home.read("x.ndjson"), server.targets().len()), (ten(), 7));
}

#[test]
fn pages_that_are_others_when_gone_through_again_need_a_key() {
    let server = expiring(2);
    let home = Home::new();
    let run = home.run(&["pull", &server.url("/a"), "-o", "x.ndjson"]).expect(4);
    run.says(&["page 1 is not what it was", "--key"]);
    assert_eq!(home.read("x.ndjson.part").lines().count(), 6);

    let server = expiring(2);
    home.run(&["pull", &server.url("/a"), "-o", "y.ndjson", "--key", "id"]).expect(0);
    assert_eq!(home.read("y.ndjson"), ten());
}
