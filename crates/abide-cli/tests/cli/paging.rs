//! Pages that are asked for by a token, a record, a number or an offset.

use crate::support::{Home, Server, json};

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
    // The empty page is the end.
    assert_eq!((home.read("x.ndjson"), server.targets().len()), (all(), 5));
}

#[test]
fn a_server_that_does_not_heed_the_token_is_told_apart_from_one_that_goes_on() {
    let server = Server::start(|_| json(r#"{"items":[{"id":1}],"next_page_token":"abc"}"#));
    let home = Home::new();
    let run = home.run(&["pull", &server.url("/"), "-o", "x.ndjson"]).expect(4);
    run.says(&["page 2 holds the very records of the one before it", "--pages"]);
    assert_eq!(server.targets().len(), 2);
}
