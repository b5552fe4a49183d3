//! Files of endpoints: what they ask for, whom they show a credential, and how their endpoints share one run.

use crate::support::{Home, Mock, Server, json, names, reply};

/// Runs a file against a server, whose origin stands where the text says ORIGIN.
fn pull(home: &Home, origin: &str, text: &str, flags: &[&str]) -> crate::support::Run {
    home.write("x.toml", &text.replace("ORIGIN", origin));
    let mut command = home.command(&[&["pull", "x.toml"], flags].concat());
    command.env("T1", "one").env("T2", "two").env("ID", "me").env("SECRET", "s3cret");
    crate::support::Running::start(&mut command).wait()
}

#[test]
fn endpoints_run_side_by_side_each_into_its_own_file() {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "45"]));
    let text = "[api]\nbase = 'ORIGIN'\n[out]\nto = 'out/'\n[limits]\nconcurrency = 2\n\
                [[pull]]\npath = 'items'\n[[pull]]\nname = 'few'\npath = '/items/{0..4}'\n[[pull]]\nname = 'none'\npath = '/status/404'";
    let run = pull(&home, &mock.url(""), text, &["--summary-json", "s.json"]).expect(3);
    run.says(&["endpoint", "verdict", "complete", "failed", "none: nothing was fetched", "404"]);
    assert_eq!(home.read("out/items.ndjson").lines().count(), 45);
    assert_eq!(home.read("out/few.ndjson").lines().count(), 5);
    let summary: serde_json::Value = serde_json::from_str(&home.read("s.json")).unwrap();
    assert_eq!((&summary["records"], &summary["outcome"]), (&50.into(), &"partial".into()));
    assert_eq!(summary["endpoints"][0]["name"], "items");

    // What is complete is not asked for again.
    mock.forget();
    pull(&home, &mock.url(""), text, &["--only", "items"]).expect(0).says(&["is complete since"]);
    assert!(mock.log().is_empty());
    assert!(!names(&home.path("out")).iter().any(|name| name.starts_with("none")), "{:?}", names(&home.path("out")));
}

#[test]
fn credentials_go_to_the_base_alone() {
    let other = Server::start(|_| json("[{\"id\":2}]"));
    let server = Server::start(|_| json("[{\"id\":1}]"));
    let home = Home::new();
    let text = format!(
        "[api]\nbase = 'ORIGIN'\nauth = {{ bearer = 'env:T1' }}\nheaders = {{ X-Api-Key = 'env:T2', Accept = 'application/json' }}\n\
         [out]\nto = 'out/'\n[[pull]]\npath = 'a'\n[[pull]]\nurl = '{}'",
        other.url("/b")
    );
    pull(&home, &server.origin(), &text, &[]).expect(0);
    let head = server.heads().concat().to_ascii_lowercase();
    assert!(head.contains("authorization: bearer one") && head.contains("x-api-key: two"), "{head}");
    let head = other.heads().concat().to_ascii_lowercase();
    assert!(!head.contains("one") && !head.contains("two") && head.contains("accept: application/json"), "{head}");
}

#[test]
fn a_token_in_the_body_of_a_post_pages_on_and_resumes() {
    let answer = |asked: &crate::support::Asked| {
        assert_eq!((asked.method(), asked.target()), ("POST", "/search"));
        let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
        assert_eq!((&body["filter"]["status"], &body["page_size"]), (&"any".into(), &3.into()));
        let page = body["start_cursor"].as_str().map_or(0, |cursor| cursor[1..].parse::<u64>().unwrap());
        json(format!("{{\"results\":[{{\"id\":{page}}}],\"next_cursor\":\"c{}\",\"has_more\":{}}}", page + 1, page < 3))
    };
    let text = "[api]\nbase = 'ORIGIN'\n[out]\nto = 'x.ndjson'\n[[pull]]\npath = 'search'\nmethod = 'POST'\n\
                body = { filter = { status = 'any' }, page_size = 3 }\nrecords = 'body.results'\n\
                pages = { cursor = 'body.next_cursor', send = 'body.start_cursor', more = 'body.has_more' }";
    let server = Server::of_requests(answer);
    let home = Home::new();
    pull(&home, &server.origin(), text, &["--limit-pages", "2"]).expect(75).says(&["2 pages"]);
    pull(&home, &server.origin(), text, &[]).expect(0).says(&["going on with x.ndjson"]);
    assert_eq!(home.read("x.ndjson"), (0..4).map(|id| format!("{{\"id\":{id}}}\n")).collect::<String>());
    assert_eq!(server.heads().len(), 4, "no page was fetched twice");
}

#[test]
fn a_range_in_a_field_pages_on() {
    let server = Server::of_requests(|asked| {
        let from: u64 = asked.field("range").map_or(0, |range| range.rsplit(' ').next().unwrap().parse().unwrap());
        let next = if from < 2 { format!("Next-Range: id {}\r\n", from + 1) } else { String::new() };
        reply(
            "206 Partial Content",
            &format!("Content-Type: application/json\r\n{next}"),
            format!("[{{\"id\":{from}}}]"),
        )
    });
    let home = Home::new();
    let pages = "range=header.next-range send=header.range";
    home.run(&["pull", &server.url("/apps"), "-o", "x.ndjson", "--pages", pages]).expect(0);
    assert_eq!(home.read("x.ndjson"), "{\"id\":0}\n{\"id\":1}\n{\"id\":2}\n");
}

#[test]
fn a_spent_token_gives_way_to_another() {
    let server = Server::of_requests(|asked| {
        if asked.field("authorization") == Some("Bearer one") {
            return reply("429 Too Many Requests", "Retry-After: 3000\r\n", "");
        }
        let page: u64 = asked.target().rsplit('=').next().unwrap().parse().unwrap_or(1);
        let next = if page < 4 { format!("Link: </a?page={}>; rel=next\r\n", page + 1) } else { String::new() };
        reply("200 OK", &format!("Content-Type: application/json\r\n{next}"), format!("[{{\"id\":{page}}}]"))
    });
    let home = Home::new();
    let text = "[api]\nbase = 'ORIGIN'\nauth = { bearer = ['env:T1', 'env:T2'] }\n[out]\nto = 'x.ndjson'\n[[pull]]\npath = 'a?page=1'";
    pull(&home, &server.origin(), text, &[]).expect(0);
    assert_eq!(home.read("x.ndjson").lines().count(), 4);
    let ones = server.heads().iter().filter(|head| head.contains("Bearer one")).count();
    assert_eq!((ones, server.heads().len()), (1, 5));
}

#[test]
fn tokens_come_from_a_refresh_token_that_changes_each_time() {
    let server = Server::of_requests(|asked| {
        if asked.target() == "/token" {
            let fresh = match asked.body.as_str() {
                "grant_type=refresh_token&refresh_token=one&scope=read" => ("t1", "r2"),
                "grant_type=refresh_token&refresh_token=r2&scope=read" => ("t2", "r3"),
                other => panic!("{other}"),
            };
            return json(format!("{{\"access_token\":\"{}\",\"refresh_token\":\"{}\"}}", fresh.0, fresh.1));
        }
        match (asked.field("authorization"), asked.target()) {
            (Some("Bearer t1"), "/a") => {
                reply("200 OK", "Content-Type: application/json\r\nLink: </b>; rel=next\r\n", "[1]")
            }
            (Some("Bearer t2"), "/b") => json("[2]"),
            _ => reply("401 Unauthorized", "", ""),
        }
    });
    let home = Home::new();
    let text = "[api]\nbase = 'ORIGIN'\n[api.auth.oauth2]\ntoken_url = 'ORIGIN/token'\nid = 'env:ID'\nsecret = 'env:SECRET'\n\
                scope = 'read'\nrefresh_token = 'env:T1'\n[out]\nto = 'x.ndjson'\n[[pull]]\npath = 'a'";
    pull(&home, &server.origin(), text, &[]).expect(0);
    assert_eq!(home.read("x.ndjson"), "1\n2\n");
}

#[test]
fn user_and_password_come_from_a_netrc() {
    let server = Server::start(|_| json("[1]"));
    let home = Home::new();
    home.write("netrc", "machine 127.0.0.1 login ann password pw\n");
    let text = "[api]\nbase = 'ORIGIN'\nauth = { netrc = 'netrc' }\n[out]\nto = 'x.ndjson'\n[[pull]]\npath = 'a'";
    pull(&home, &server.origin(), text, &[]).expect(0);
    assert!(server.heads().concat().contains("Basic YW5uOnB3"), "{}", server.heads().concat());
    home.write("netrc", "machine other login ann password pw\n");
    pull(&home, &server.origin(), text, &["--fresh"])
        .expect(2)
        .says(&["no login and password for the machine 127.0.0.1"]);
}

#[test]
fn each_row_of_a_file_is_asked_for() {
    let server = Server::start(|target| json(format!("{{\"rows\":[{{\"at\":\"{target}\"}}]}}")));
    let home = Home::new();
    home.write("ids.csv", "id,name\n1,a\n2,\"b c\"\n");
    let text = "[out]\nto = 'x.ndjson'\n[[pull]]\nname = 'items'\nurls = { from = 'ids.csv', template = 'ORIGIN/{id}/{name}' }\n\
                records = 'body.rows[0]'";
    pull(&home, &server.origin(), text, &[]).expect(0);
    assert_eq!(home.read("x.ndjson"), "{\"at\":\"/1/a\"}\n{\"at\":\"/2/b%20c\"}\n");
}

#[test]
fn a_check_asks_once_and_writes_what_it_found() {
    let server = Server::start(|target| {
        let page: u64 = target.split_once("page=").map_or(0, |(_, page)| page.parse().unwrap());
        let items: Vec<String> =
            (page * 20..45.min(page * 20 + 20)).map(|id| format!("{{\"n\":{page},\"id\":{id}}}")).collect();
        let next = if page < 2 { format!("\"/items?page={}\"", page + 1) } else { "null".to_owned() };
        let limit =
            "RateLimit-Policy: \"a\";q=2;w=60\r\nRateLimit: \"a\";r=1;t=60\r\nContent-Type: application/json\r\n";
        let limit = if target.contains("mine") { limit } else { "" };
        reply("200 OK", limit, format!("{{\"total\":45,\"items\":[{}],\"next\":{next}}}", items.join(",")))
    });
    let home = Home::new();
    let run =
        home.run(&["pull", &server.url("/items?mine"), "-o", "x.ndjson", "--bearer", "env:HOME", "--check"]).expect(0);
    assert_eq!(server.heads().len(), 1);
    assert!(home.names().is_empty(), "nothing was pulled");
    let run = run.says(&["records  20 of 45 at body.items", "pages    body.next", "key      id"]);
    let run = run.says(&["limits   1 of 2 left", "all      3 requests: at least 1m00s"]);
    assert!(run.stdout.contains("bearer = \"env:HOME\"") && run.stdout.contains("key = \"id\""), "{}", run.stdout);
    home.write("x.toml", &run.stdout.replace("?mine", ""));
    home.run(&["pull", "x.toml"]).expect(0).says(&["complete: 45 records"]);
    // A file is completed, and what it states stays.
    let text = format!(
        "# mine\n[out]\nto = 'y.ndjson'\n\n[[pull]] # one\nurl = '{}' # here\nkey = 'name'\n",
        server.url("/items")
    );
    home.write("y.toml", &text);
    let run = home.run(&["pull", "y.toml", "--check"]).expect(0);
    assert!(
        run.stdout.starts_with("# mine\n") && run.stdout.contains("[[pull]] # one\nrecords = \"body.items\"\npages = ")
    );
    assert_eq!(run.stdout.matches("key = ").count(), 1, "{}", run.stdout);
}

#[test]
fn a_plan_asks_for_nothing() {
    let (home, server) = (Home::new(), Server::start(|_| json("[]")));
    let text = "[api]\nbase = 'ORIGIN'\n[limits]\nrate = '1/10s'\n[out]\nto = 'out/'\n[[pull]]\npath = 'a/{0..2}'\n\
                [[pull]]\nname = 'b'\nfor = 'a'\npath = 'b/{a.id}'";
    let run = pull(&home, &server.origin(), text, &["--plan"]).expect(0);
    for words in ["a: GET http", "/a/0 and 2 more", "at least 20s", "/b/{a.id} for each record of a", "out/b.ndjson"] {
        assert!(run.stdout.contains(words), "{words} is not in:\n{}", run.stdout);
    }
    assert!(server.heads().is_empty());
}
