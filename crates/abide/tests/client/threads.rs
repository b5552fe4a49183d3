//! The client for threads over real sockets.

use std::time::Duration;

use abide::blocking::Client;
use abide::retry::fixed;

use crate::server::{Answer, Server, ok, status};

/// Makes blocking calls while the server runs in this runtime.
async fn on_thread<T: Send + 'static>(url: String, calls: impl FnOnce(String) -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(move || calls(url)).await.unwrap()
}

fn quick(url: &str) -> abide::blocking::ClientBuilder {
    Client::builder(url).backoff(fixed(Duration::from_millis(1))).seed(1)
}

#[tokio::test]
async fn faults_are_sent_again_with_their_body_and_the_answer_counts_them() {
    let server = Server::start(|n, _| match n {
        0 => status("500 Internal Server Error"),
        1 => Answer::Close,
        _ => ok("done"),
    })
    .await;
    let (attempts, text) = on_thread(server.url.clone(), |url| {
        let client = quick(&url).bearer("t0ken").build().unwrap();
        let response = client.put("/x").json(&["tea"]).send().unwrap();
        (response.attempts(), response.text().unwrap())
    })
    .await;
    assert_eq!((attempts, text.as_str()), (3, "done"));
    for request in server.requests() {
        assert!(request.contains("authorization: Bearer t0ken") && request.ends_with("[\"tea\"]"), "{request}");
    }
}

#[tokio::test]
async fn what_broke_is_told_apart() {
    let silent = Server::start(|_, _| Answer::Silence).await;
    let closing = Server::start(|_, _| Answer::Close).await;
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nhalf";
    let breaking = Server::start(move |_, _| Answer::Bytes(short.to_owned())).await;
    on_thread(silent.url.clone(), |url| {
        let idle = Duration::from_millis(30);
        let error = quick(&url).idle_timeout(idle).retries(0).build().unwrap().get("/").send().unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        let error = quick(&url).deadline(idle).build().unwrap().get("/").send().unwrap_err();
        assert!(error.is_deadline() && !error.is_limited(), "{error:?}");
    })
    .await;
    on_thread(closing.url.clone(), |url| {
        let error = quick(&url).build().unwrap().post("/").body("x").send().unwrap_err();
        assert!(error.is_unrepeatable(), "{error:?}");
    })
    .await;
    on_thread(breaking.url.clone(), |url| {
        let error = quick(&url).retries(1).build().unwrap().get("/").send().unwrap().bytes().unwrap_err();
        assert!(error.is_body() && error.attempts() == 2, "{error:?}");
    })
    .await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    on_thread(url, |url| {
        let error = quick(&url).retries(1).build().unwrap().post("/").send().unwrap_err();
        assert!(error.is_connect() && error.attempts() == 2, "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn a_redirect_passes_the_gate_and_leaves_the_credential_behind() {
    let there = Server::start(|_, _| ok("there")).await;
    let to = there.url.clone();
    let here = Server::start(move |_, _| {
        Answer::Bytes(format!(
            "HTTP/1.1 302 Found\r\nlocation: {to}/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ))
    })
    .await;
    let text = on_thread(here.url.clone(), |url| {
        quick(&url).bearer("t0ken").build().unwrap().get("/").send().unwrap().text().unwrap()
    })
    .await;
    assert_eq!(text, "there");
    assert!(here.requests()[0].contains("t0ken") && !there.requests()[0].contains("t0ken"));
}

#[tokio::test]
async fn a_second_attempt_goes_beside_one_that_stalls() {
    let server = Server::start(|n, _| if n == 20 { Answer::Silence } else { ok("done") }).await;
    let hedges = on_thread(server.url.clone(), |url| {
        let client = quick(&url).hedge(true).build().unwrap();
        for _ in 0..21 {
            assert_eq!(client.get("/").send().unwrap().text().unwrap(), "done");
        }
        client.stats().hedges
    })
    .await;
    assert_eq!(hedges, 1);
}

#[tokio::test]
async fn threads_wait_for_their_places_and_hand_the_watch_on() {
    let server = Server::start(|_, _| ok("done")).await;
    let ok = on_thread(server.url.clone(), |url| {
        let client = quick(&url).limit("even 1000/s".parse().unwrap()).concurrency(2).build().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        assert_eq!(client.get("/").send().unwrap().text().unwrap(), "done");
                    }
                });
            }
        });
        client.stats().ok
    })
    .await;
    assert_eq!(ok, 80);
}
