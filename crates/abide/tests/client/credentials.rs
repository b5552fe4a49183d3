//! Credentials go to the origin that the caller named and to no other, and are shown nowhere.

use abide::Client;

use crate::quick;
use crate::server::{Answer, Server, ok, status};

const SECRETS: [&str; 4] = ["t0ken", "h3ader", "qu3ry", "YW5uOnB3"];

fn leaks(text: &str) -> Option<&'static str> {
    SECRETS.into_iter().find(|secret| text.contains(secret))
}

fn redirect(to: &str) -> Answer {
    Answer::Bytes(format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_followed_without_credentials() {
    let other = Server::start(|_, _| ok("there")).await;
    let target = format!("{}/there?page=2", other.url);
    let server = Server::start(move |_, _| redirect(&target)).await;
    let client = quick(Client::builder(&server.url))
        .bearer("t0ken")
        .header("x-api-key", "h3ader")
        .header("accept", "text/plain")
        .api_key_query("key", "qu3ry")
        .build()
        .unwrap();
    let response = client.get("/here").send().await.unwrap();
    assert_eq!(response.url(), format!("{}/there?page=2", other.url));
    assert_eq!(response.text().await.unwrap(), "there");
    let (first, second) = (server.requests().remove(0), other.requests().remove(0));
    assert!(
        first.starts_with("GET /here?key=qu3ry ") && first.contains("t0ken") && first.contains("h3ader"),
        "{first}"
    );
    assert_eq!(leaks(&second), None, "{second}");
    assert!(second.contains("accept: text/plain\r\n"), "{second}");
}

#[tokio::test]
async fn a_redirect_within_the_origin_keeps_them() {
    let server = Server::start(|n, _| if n == 0 { redirect("/there") } else { ok("") }).await;
    let client = quick(Client::builder(&server.url)).bearer("t0ken").api_key_query("key", "qu3ry").build().unwrap();
    let response = client.get("/here").send().await.unwrap();
    assert_eq!(response.url(), format!("{}/there", server.url), "as it may be shown");
    let second = server.requests().remove(1);
    assert!(second.starts_with("GET /there?key=qu3ry ") && second.contains("t0ken"), "{second}");
}

#[tokio::test]
async fn a_redirected_post_becomes_a_get_without_its_body() {
    let server = Server::start(|n, _| if n == 0 { redirect("/done") } else { ok("") }).await;
    let client = quick(Client::builder(&server.url)).build().unwrap();
    client.post("/form").json(&1).send().await.unwrap();
    let second = server.requests().remove(1);
    assert!(
        second.starts_with("GET /done ") && !second.contains("content-type") && second.ends_with("\r\n\r\n"),
        "{second}"
    );
}

#[tokio::test]
async fn redirects_end() {
    let server = Server::start(|_, _| redirect("/again")).await;
    let client = quick(Client::builder(&server.url)).redirects(3).build().unwrap();
    let error = client.get("/").send().await.unwrap_err();
    assert!(error.to_string().contains("more than 3 redirects"), "{error}");
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn an_absolute_url_elsewhere_gets_none() {
    let other = Server::start(|_, _| ok("")).await;
    let client = quick(Client::builder("http://api.example.com")).bearer("t0ken").build().unwrap();
    client.get(format!("{}/x", other.url)).send().await.unwrap();
    assert_eq!(leaks(&other.requests()[0]), None);
}

#[tokio::test]
async fn user_and_password_of_a_url_are_sent_and_not_shown() {
    let server = Server::start(|_, _| status("404 Not Found")).await;
    let url = server.url.replace("http://", "http://ann:pw@");
    let client = quick(Client::builder(url)).api_key_query("key", "qu3ry").build().unwrap();
    let response = client.get("/x?key=other").send().await.unwrap();
    let error = response.error_for_status().unwrap_err();
    let shown = format!("{error}{error:?}{client:?}");
    assert_eq!(leaks(&shown), None, "{shown}");
    let request = server.requests().remove(0);
    assert!(
        request.starts_with("GET /x?key=qu3ry ") && request.contains("authorization: Basic YW5uOnB3\r\n"),
        "{request}"
    );
}
