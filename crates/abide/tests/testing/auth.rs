//! Access tokens: fetched once for all, renewed in time and on 401, and sent to nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use abide::testing::{Mock, Received, Reply};
use abide::{Client, ClientBuilder, OAuth2};

const TOKEN_URL: &str = "https://auth.test/token";

/// An API that takes the latest token alone, and an endpoint whose tokens live so long.
fn api(life: u64, counted: &Arc<AtomicUsize>) -> Mock {
    let counted = Arc::clone(counted);
    Mock::serve(move |request| {
        if request.url == TOKEN_URL {
            let number = counted.fetch_add(1, Ordering::Relaxed) + 1;
            let answer = serde_json::json!({"access_token": format!("t0ken-{number}"), "expires_in": life});
            return Reply::json(&answer).after(Duration::from_millis(100));
        }
        let latest = format!("Bearer t0ken-{}", counted.load(Ordering::Relaxed));
        Reply::from(if request.header("authorization") == Some(&latest) { 200 } else { 401 })
    })
}

fn client(mock: &Mock) -> ClientBuilder {
    let settings = OAuth2::client_credentials(TOKEN_URL, "my id", "s3cret/+").scope("read write");
    Client::builder("https://api.test").mock(mock).query(&[("per_page", "100")]).oauth2(settings)
}

async fn status(client: &Client, path: &str) -> u16 {
    client.get(path).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn one_token_is_fetched_for_all_that_wait() {
    let fetched = Arc::default();
    let mock = api(3600, &fetched);
    let client = client(&mock).concurrency(50).build().unwrap();
    let calls: Vec<_> = (0..50)
        .map(|i| {
            let client = client.clone();
            tokio::spawn(async move { status(&client, &format!("/{i}")).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(fetched.load(Ordering::Relaxed), 1);
    let first: &Received = &mock.requests()[0];
    assert_eq!(first.url, TOKEN_URL, "what the client puts into queries is not for the endpoint");
    assert_eq!(first.header("authorization"), Some("Basic bXkraWQ6czNjcmV0JTJGJTJC"), "both are form-encoded first");
    assert_eq!(first.body, "grant_type=client_credentials&scope=read+write");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let fetched = Arc::default();
    let mock = api(3600, &fetched);
    let client = client(&mock).build().unwrap();
    assert_eq!(status(&client, "/1").await, 200);
    mock.clock().advance(Duration::from_secs(3_530));
    assert_eq!(status(&client, "/2").await, 200);
    assert_eq!(fetched.load(Ordering::Relaxed), 1);
    mock.clock().advance(Duration::from_secs(15));
    assert_eq!(status(&client, "/3").await, 200);
    assert_eq!(fetched.load(Ordering::Relaxed), 2);
    assert_eq!(client.stats().retries, 0);
}

#[tokio::test]
async fn a_token_that_is_no_longer_taken_is_renewed_once_for_all_and_also_for_a_post() {
    let fetched: Arc<AtomicUsize> = Arc::default();
    let mock = api(3600, &fetched);
    let client = client(&mock).build().unwrap();
    assert_eq!(status(&client, "/").await, 200);
    // The server forgets it.
    fetched.store(10, Ordering::Relaxed);
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let request = client.post("/orders").json(&["tea"]);
            tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(fetched.load(Ordering::Relaxed), 11);
}

#[tokio::test]
async fn a_token_that_is_never_taken_ends_with_the_401() {
    let mock = Mock::serve(|request| match request.url.as_str() {
        TOKEN_URL => Reply::json(&serde_json::json!({"access_token": "t0ken", "expires_in": "60"})),
        _ => Reply::from(401),
    });
    let client = client(&mock).build().unwrap();
    assert_eq!(status(&client, "/").await, 401);
    assert_eq!(mock.requests().len(), 4);
}

#[tokio::test]
async fn a_refusal_of_the_endpoint_is_told_without_the_secret_and_once_for_all() {
    let answer = r#"{"error": "invalid_client", "error_description": "s3cret/+ is wrong"}"#;
    let mock = Mock::serve(move |_| Reply::status(401).body(answer).after(Duration::from_millis(5)));
    let client = client(&mock).build().unwrap();
    let calls: Vec<_> = (0..8).map(|_| tokio::spawn(client.get("/").send())).collect();
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        let shown = format!("{error} {error:?} {client:?}");
        assert!(error.is_token() && shown.contains("401 Unauthorized (invalid_client)"), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    assert_eq!(mock.requests().len(), 1);
}

#[tokio::test]
async fn a_token_goes_to_no_other_origin() {
    let mock = Mock::serve(|request| match request.url.as_str() {
        TOKEN_URL => Reply::json(&serde_json::json!({"access_token": "t0ken"})),
        "https://api.test/?per_page=100" => Reply::redirect("https://other.test/"),
        _ => Reply::from(401),
    });
    let client = client(&mock).build().unwrap();
    assert_eq!(status(&client, "/").await, 401);
    let requests = mock.requests();
    assert_eq!(requests.len(), 3, "nothing is renewed for somebody else");
    assert_eq!(requests[1].header("authorization"), Some("Bearer t0ken"));
    assert_eq!(requests[2].header("authorization"), None);
}

#[tokio::test]
async fn a_credential_of_the_request_goes_before_the_token() {
    let mock = Mock::script([200]);
    let client = client(&mock).build().unwrap();
    client.get("/").bearer("own").send().await.unwrap();
    assert_eq!(mock.requests()[0].header("authorization"), Some("Bearer own"));
}
