//! What is sent again, how often, and what the answer or the error says of it.

use std::time::Duration;

use abide::Client;

use crate::quick;
use crate::server::{Answer, Server, ok, status};

#[tokio::test]
async fn faults_are_sent_again_and_the_answer_counts_them() {
    let server = Server::start(|n, _| match n {
        0 => status("500 Internal Server Error"),
        1 => Answer::Close,
        _ => ok("done"),
    })
    .await;
    let client = quick(Client::builder(&server.url)).build().unwrap();
    let response = client.get("/x").send().await.unwrap();
    assert_eq!(response.attempts(), 3);
    assert_eq!(response.text().await.unwrap(), "done");
    let stats = client.stats();
    assert_eq!((stats.calls, stats.requests, stats.ok, stats.retries), (1, 3, 1, 2));
}

#[tokio::test]
async fn tries_end_with_the_last_answer() {
    let server = Server::start(|_, _| status("500 Internal Server Error")).await;
    let client = quick(Client::builder(&server.url)).retries(2).build().unwrap();
    let response = client.get("/").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.attempts()), (500, 3));
    let error = response.error_for_status().unwrap_err();
    assert_eq!((error.status().map(|status| status.as_u16()), error.attempts()), (Some(500), 3));
}

#[tokio::test]
async fn a_post_that_may_have_arrived_is_sent_once() {
    let server = Server::start(|_, _| Answer::Close).await;
    let client = quick(Client::builder(&server.url)).build().unwrap();
    let error = client.post("/orders").json(&["tea"]).send().await.unwrap_err();
    assert!(error.is_unrepeatable(), "{error}");
    assert!(error.to_string().contains("must not be sent twice"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_post_with_an_idempotency_key_is_sent_again_with_the_same_key_and_body() {
    let server = Server::start(|n, _| if n == 0 { Answer::Close } else { ok("") }).await;
    let client = quick(Client::builder(&server.url)).build().unwrap();
    client.post("/orders").json(&["tea"]).idempotency_key("k-1").send().await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert!(request.contains("idempotency-key: k-1\r\n") && request.ends_with("[\"tea\"]"), "{request}");
    }
}

#[tokio::test]
async fn a_body_that_is_gone_is_not_sent_again() {
    let server = Server::start(|_, _| Answer::Close).await;
    let client = quick(Client::builder(&server.url)).build().unwrap();
    let error = client.put("/file").body_stream(Once(Some("bytes"))).replay_up_to(4).send().await.unwrap_err();
    assert!(error.is_unrepeatable(), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_wait_that_is_too_long_ends_the_call_at_once_with_the_full_wait() {
    let server = Server::start(|_, _| {
        Answer::Bytes(
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: 3600\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                .to_owned(),
        )
    })
    .await;
    let client = quick(Client::builder(&server.url)).build().unwrap();
    let error = client.get("/").send().await.unwrap_err();
    assert!(error.is_limited() && error.retry_at().is_some(), "{error:?}");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(429));
    assert!(error.wait().unwrap() > Duration::from_secs(3_590), "{error:?}");
    let error = client.get("/another").send().await.unwrap_err();
    assert!(error.is_limited() && error.attempts() == 0, "{error:?}");
    assert_eq!(server.requests().len(), 1, "the pause holds for every call of the key");
}

#[tokio::test]
async fn a_deadline_ends_an_attempt_that_is_under_way() {
    let server = Server::start(|_, _| Answer::Silence).await;
    let client = Client::builder(&server.url).deadline(Duration::from_millis(30)).build().unwrap();
    let error = client.get("/").send().await.unwrap_err();
    assert!(error.is_deadline() && !error.is_limited(), "{error:?}");
}

#[tokio::test]
async fn a_call_that_is_dropped_gives_its_place_back() {
    let server = Server::start(|n, _| if n == 0 { Answer::Silence } else { ok("") }).await;
    let client = Client::builder(&server.url).concurrency(1).build().unwrap();
    let mut first = Box::pin(client.get("/").send());
    // Until the server has it.
    while server.requests().is_empty() {
        tokio::select! {
            biased;
            _ = &mut first => unreachable!("the server says nothing"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(first);
    assert_eq!(client.get("/").send().await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = quick(Client::builder(url)).retries(1).build().unwrap();
    let error = client.post("/").send().await.unwrap_err();
    assert!(error.is_connect() && error.attempts() == 2, "nothing was sent, so even a POST is tried again: {error:?}");
}

/// A stream of one part.
struct Once(Option<&'static str>);

impl futures_core::Stream for Once {
    type Item = std::io::Result<bytes::Bytes>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.take().map(|part| Ok(bytes::Bytes::from_static(part.as_bytes()))))
    }
}
