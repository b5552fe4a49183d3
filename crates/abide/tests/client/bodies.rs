//! Bodies that break off, are too large, or are not what was asked for.

use abide::Client;

use crate::quick;
use crate::server::{Answer, Server, ok};

fn broken() -> Answer {
    Answer::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf of it".to_owned())
}

#[tokio::test]
async fn a_body_that_breaks_off_is_fetched_again() {
    let server = Server::start(|n, _| if n < 2 { broken() } else { ok("[1, 2]") }).await;
    let client = quick(Client::builder(&server.url)).build().unwrap();
    let numbers: Vec<u32> = client.get("/").send().await.unwrap().json().await.unwrap();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_body_that_was_handed_over_in_part_is_not() {
    let server = Server::start(|_, _| broken()).await;
    let client = quick(Client::builder(&server.url)).build().unwrap();
    let mut response = client.get("/").send().await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "half of it");
    let error = response.chunk().await.unwrap_err();
    assert!(error.is_body(), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn tries_for_broken_bodies_end_too() {
    let server = Server::start(|_, _| broken()).await;
    let client = quick(Client::builder(&server.url)).retries(2).build().unwrap();
    let error = client.get("/").send().await.unwrap().bytes().await.unwrap_err();
    assert!(error.is_body() && error.attempts() == 3, "{error:?}");
}

#[tokio::test]
async fn a_body_above_the_cap_is_refused_whether_announced_or_not() {
    let server = Server::start(|n, _| match n {
        0 => ok("0123456789"),
        _ => Answer::Bytes("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n0123456789".to_owned()),
    })
    .await;
    let client = quick(Client::builder(&server.url)).max_body(9).build().unwrap();
    for _ in 0..2 {
        let error = client.get("/").send().await.unwrap().bytes().await.unwrap_err();
        assert!(error.is_body() && error.to_string().contains("larger than 9 bytes"), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_json_is_an_error_that_names_the_place() {
    let server = Server::start(|_, _| ok("<html>")).await;
    let client = quick(Client::builder(&server.url)).build().unwrap();
    let error = client.get("/x").send().await.unwrap().json::<u32>().await.unwrap_err();
    assert!(error.is_body() && error.url() == Some(&format!("{}/x", server.url)), "{error:?}");
}
