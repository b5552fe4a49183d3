//! Bodies of answers: what is sent again, what goes on where it broke off, and how long a place is held.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use abide::Client;
use abide::testing::{Mock, Reply};
use futures_core::Stream;

fn client(mock: &Mock) -> Client {
    Client::builder("https://api.test").mock(mock).max_wait(Duration::from_secs(5)).concurrency(1).build().unwrap()
}

#[tokio::test]
async fn a_place_is_held_until_the_body_ends_or_is_dropped() {
    let mock = Mock::serve(|_| Reply::text("body").after(Duration::from_secs(1)));
    let client = client(&mock);
    let mut first = client.get("/1").send().await.unwrap();
    let second = tokio::spawn(client.get("/2").send());
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(mock.requests().len(), 1);
    assert_eq!(first.chunk().await.unwrap().unwrap(), "body");
    assert_eq!(first.chunk().await.unwrap(), None);
    assert_eq!(first.chunk().await.unwrap(), None, "and no more");
    let second = second.await.unwrap().unwrap();
    drop(second);
    assert_eq!(client.get("/3").send().await.unwrap().status().as_u16(), 200);
    assert_eq!(client.stats().ok, 3);
}

#[tokio::test]
async fn a_stream_of_a_body_is_never_fetched_again() {
    let mock = Mock::script([Reply::text("half ").body("of it").breaks_off()]);
    let mut stream = client(&mock).get("/").send().await.unwrap().bytes_stream();
    let mut next = async || poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await;
    assert_eq!(next().await.unwrap().unwrap(), "half ");
    assert_eq!(next().await.unwrap().unwrap(), "of it");
    assert!(next().await.unwrap().unwrap_err().is_body());
    assert!(next().await.is_none());
}

const WHOLE: &str = "0123456789";

/// A file of ten bytes that breaks off after each three.
fn file(request: &abide::testing::Received, heeds_ranges: bool) -> Reply {
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    let from =
        request.header("range").map_or(0, |range| range["bytes=".len()..].trim_end_matches('-').parse().unwrap());
    assert_eq!(request.header("if-range").is_some(), from > 0);
    let (reply, start) = match from {
        1.. if heeds_ranges => (Reply::status(206).header("content-range", format!("bytes {from}-9/10")), from),
        _ => (Reply::status(200), 0),
    };
    let reply = reply.header("etag", "\"v1\"");
    let end = (from + 3).min(10);
    let reply = reply.body(&WHOLE[start..end]);
    if end < 10 { reply.breaks_off() } else { reply }
}

async fn read(mock: &Mock) -> abide::Result<(String, u64)> {
    let mut download = client(mock).get("/file").download().await?;
    let mut text = String::new();
    while let Some(part) = download.chunk().await? {
        text.push_str(std::str::from_utf8(&part).unwrap());
    }
    Ok((text, download.received()))
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off() {
    for heeds_ranges in [true, false] {
        let mock = Mock::serve(move |request| file(request, heeds_ranges));
        assert_eq!(read(&mock).await.unwrap(), (WHOLE.to_owned(), 10), "{heeds_ranges}");
        assert_eq!(mock.requests().len(), 4);
    }
}

#[tokio::test]
async fn a_download_of_another_version_or_of_none_does_not_go_on() {
    let first = || Reply::status(200).header("etag", "\"v1\"").body("012").breaks_off();
    let mock = Mock::script([first(), Reply::status(200).header("etag", "\"v2\"").body("abcdef")]);
    let error = read(&mock).await.unwrap_err();
    assert!(error.to_string().contains("something else"), "{error}");
    for reply in [Reply::status(200), Reply::status(200).header("etag", "W/\"v1\"")] {
        let mock = Mock::script([reply.body("012").breaks_off()]);
        assert!(read(&mock).await.unwrap_err().is_body());
    }
}

#[tokio::test]
async fn tries_to_go_on_end() {
    let mock = Mock::serve(|request| file(request, true).after(Duration::ZERO));
    let client = Client::builder("https://api.test").mock(&mock).retries(2).build().unwrap();
    let mut download = client.get("/file").download().await.unwrap();
    let mut parts = 0;
    let error = loop {
        match download.chunk().await {
            Ok(Some(_)) => parts += 1,
            Ok(None) => panic!("it ended"),
            Err(error) => break error,
        }
    };
    assert_eq!((parts, error.attempts(), download.received()), (3, 3, 9));
    assert!(download.chunk().await.unwrap().is_none());
}
