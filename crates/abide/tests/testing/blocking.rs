//! The client for threads: the same rules, on the clock of a mock that jumps when all threads sleep.

use std::io::Read;
use std::thread;
use std::time::Duration;

use abide::Pages;
use abide::blocking::Client;
use abide::testing::{Mock, Reply};

#[test]
fn a_thread_waits_out_refusals_and_faults_and_no_time_passes() {
    let api = Mock::script([
        Reply::from(429).retry_after(3600),
        Reply::from(500),
        Reply::reset(),
        Reply::text("half").breaks_off(),
        Reply::json(&["tea"]),
    ]);
    let client = Client::builder("https://api.test").mock(&api).max_wait(Duration::from_secs(7200)).build().unwrap();
    let items: Vec<String> = client.get("/").send().unwrap().json().unwrap();
    assert_eq!(items, ["tea"]);
    api.assert_waited(Duration::from_secs(3600), "server_wait");
    let stats = client.stats();
    assert_eq!((stats.requests, stats.ok, stats.rate_limited), (5, 1, 1));
}

#[test]
fn threads_share_a_limit_and_a_pause() {
    let api = Mock::serve(|request| match request.number {
        13 => Reply::from(429).retry_after(10),
        _ => Reply::from(200).after(Duration::from_millis(10)),
    });
    let client = Client::builder("https://api.test").mock(&api).limit("10/s".parse().unwrap()).build().unwrap();
    let hold = api.clock().hold();
    let threads: Vec<_> = (0..8)
        .map(|i| {
            let client = client.clone();
            thread::spawn(move || {
                for j in 0..10 {
                    assert_eq!(client.get(format!("/{i}/{j}")).send().unwrap().status(), 200);
                }
            })
        })
        .collect();
    drop(hold);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let requests = api.requests();
    assert_eq!(requests.len(), 81);
    for eleven in requests.windows(11) {
        assert!(eleven[10].at - eleven[0].at >= Duration::from_secs(1), "{:?} and {:?}", eleven[0].at, eleven[10].at);
    }
    let paused = requests.windows(2).any(|two| two[1].at - two[0].at >= Duration::from_secs(9));
    assert!(paused && api.clock().elapsed() < Duration::from_secs(60), "{:?}", api.clock().elapsed());
}

#[test]
fn a_deadline_ends_a_call_of_a_thread() {
    let api = Mock::serve(|_| Reply::silence());
    let client = Client::builder("https://api.test").mock(&api).deadline(Duration::from_secs(7)).build().unwrap();
    let error = client.get("/").send().unwrap_err();
    assert!(error.is_deadline(), "{error}");
    assert_eq!(api.clock().elapsed(), Duration::from_secs(7));
}

#[test]
fn pages_and_their_items_are_iterators() {
    let page = |request: &abide::testing::Received| match request.path() {
        "/items" => Reply::json(&serde_json::json!({"items": [1, 2], "next": "/items?page=2"})),
        "/items?page=2" => Reply::json(&serde_json::json!({"items": [3]})),
        _ => Reply::from(404),
    };
    let client = Client::builder("https://api.test").mock(&Mock::serve(page)).build().unwrap();
    let items: Vec<u32> = client.get("/items").pages(Pages::Auto).items().collect::<Result<_, _>>().unwrap();
    assert_eq!(items, [1, 2, 3]);
    let pages: Vec<_> = client.get("/items").pages(Pages::Auto).collect();
    assert_eq!(pages.len(), 2);
    let mut lost = client.get("/lost").pages(Pages::Auto);
    assert_eq!(lost.next().unwrap().unwrap_err().status().unwrap(), 404);
    assert!(lost.next().is_none());
}

#[test]
fn a_body_is_sent_again_from_what_is_kept_and_a_download_goes_on() {
    let api = Mock::serve(|request| match (request.number, request.header("range")) {
        (1, _) => Reply::from(503).retry_after(1),
        (2, _) => Reply::text(String::from_utf8(request.body.to_vec()).unwrap()),
        (3, None) => Reply::text("abc").header("etag", "\"1\"").header("content-length", "6").breaks_off(),
        (4, Some("bytes=3-")) => {
            Reply::status(206).header("etag", "\"1\"").header("content-range", "bytes 3-5/6").body("def")
        }
        _ => Reply::from(404),
    });
    let client = Client::builder("https://api.test").mock(&api).build().unwrap();
    let answer = client.post("/").body_reader(&b"what is sent"[..]).send().unwrap();
    assert_eq!(answer.text().unwrap(), "what is sent");
    let mut text = String::new();
    client.get("/file").download().unwrap().into_reader().read_to_string(&mut text).unwrap();
    assert_eq!(text, "abcdef");
}
