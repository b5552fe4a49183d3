//! Rules that are set once: for all requests of a client, and for those under a prefix.

use std::time::Duration;

use abide::Client;
use abide::testing::{Mock, Reply};
use http::{Method, StatusCode};

#[tokio::test]
async fn the_longest_prefix_says_what_holds() {
    let api = Mock::serve(|request| Reply::from(if request.path().starts_with("/v1/search") { 409 } else { 500 }));
    let client = Client::builder("https://api.test/v1")
        .mock(&api)
        .retries(2)
        .header("accept", "text/plain")
        .mount("/search", |rules| rules.busy([StatusCode::CONFLICT]).max_wait(Duration::from_secs(30)))
        .mount("/search/exact", |rules| rules.retries(0).header("accept", "application/json"))
        .build()
        .unwrap();
    assert_eq!(client.get("/items").send().await.unwrap().attempts(), 3);
    let error = client.get("/search?q=1").send().await.unwrap_err();
    assert!(error.is_limited() && error.attempts() > 3, "{error}");
    let response = client.get("/search/exact").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.attempts()), (409, 1), "there it is no refusal");
    assert_eq!(api.requests().last().unwrap().header("accept"), Some("application/json"));
}

#[tokio::test]
async fn a_mount_with_limits_of_its_own_has_its_own_budget_and_others_share() {
    let api = Mock::serve(|_| Reply::from(200));
    let client = Client::builder("https://api.test")
        .mock(&api)
        .limit("2/h".parse().unwrap())
        .max_wait(Duration::ZERO)
        .mount("/search", |rules| rules.limit("1/h".parse().unwrap()))
        .mount("/other", |rules| rules.retries(1))
        .build()
        .unwrap();
    let ok = async |path: &str| client.get(path).send().await.is_ok();
    assert!(ok("/search").await && !ok("/search").await);
    assert!(ok("/items").await && ok("/other").await && !ok("/other").await && !ok("/items").await);
}

#[tokio::test]
async fn requests_share_a_bucket_by_its_name() {
    let api = Mock::serve(|_| Reply::from(200));
    let client = Client::anywhere()
        .mock(&api)
        .limit("1/h".parse().unwrap())
        .bucket("search", "2/h".parse().unwrap())
        .max_wait(Duration::ZERO)
        .build()
        .unwrap();
    let ok = async |path: &str, bucket: Option<&str>| {
        let request = client.get(format!("https://api.test{path}"));
        match bucket {
            Some(name) => request.bucket(name).send().await.is_ok(),
            None => request.send().await.is_ok(),
        }
    };
    assert!(ok("/code", Some("search")).await && ok("/users", Some("search")).await);
    assert!(!ok("/issues", Some("search")).await);
    assert!(ok("/items", None).await && !ok("/items", None).await);
}

#[tokio::test]
async fn credentials_of_the_base_do_not_go_to_what_is_mounted_elsewhere() {
    let api = Mock::serve(|_| Reply::from(200));
    let client = Client::builder("https://api.test")
        .mock(&api)
        .bearer("t0ken")
        .mount("https://other.test", |rules| rules.header("x-api-key", "own"))
        .mount("https://", |rules| rules.retries(1))
        .build()
        .unwrap();
    for url in ["https://api.test/", "https://other.test/", "https://third.test/"] {
        client.get(url).send().await.unwrap();
    }
    let sent = api.requests();
    let shown = |i: usize| (sent[i].header("authorization"), sent[i].header("x-api-key"));
    assert_eq!(shown(0), (Some("Bearer t0ken"), None));
    assert_eq!(shown(1), (None, Some("own")));
    assert_eq!(shown(2), (None, None));
}

#[tokio::test]
async fn an_answer_is_an_error_where_that_is_the_rule() {
    let api = Mock::serve(|_| Reply::from(404));
    let client = Client::builder("https://api.test").mock(&api).error_for_status(true).build().unwrap();
    let error = client.get("/").send().await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
    let client = Client::builder("https://api.test").mock(&api).build().unwrap();
    assert_eq!(client.get("/").send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_post_is_repeated_by_a_key_or_by_the_users_word() {
    for (builder, keys) in [
        (Client::builder("https://api.test").idempotency_keys(), true),
        (Client::builder("https://api.test").idempotent([Method::POST]), false),
    ] {
        let api = Mock::script([Reply::reset(), Reply::from(200), Reply::from(200)]);
        let client = builder.mock(&api).build().unwrap();
        client.post("/orders").json(&1).send().await.unwrap();
        client.post("/orders").json(&1).send().await.unwrap();
        let sent = api.requests();
        let key = |i: usize| sent[i].header("idempotency-key");
        assert_eq!((key(0), key(0).is_some()), (key(1), keys), "the same for all attempts");
        assert_eq!(key(0) != key(2), keys, "and another for another call");
        assert_eq!(client.stats().retries, 1);
    }
}

#[tokio::test]
async fn calls_with_keys_of_their_own_share_one_budget() {
    let api = Mock::serve(|_| Reply::from(200));
    let client = Client::builder("https://api.test").mock(&api).limit("2/h".parse().unwrap());
    let client = client.max_wait(Duration::ZERO).build().unwrap();
    for (i, fits) in [true, true, false].into_iter().enumerate() {
        let sent = client.post("/").idempotency_key(i.to_string()).send().await;
        assert_eq!(sent.is_ok(), fits);
    }
}

#[tokio::test]
async fn the_clients_query_fills_in_what_a_target_lacks() {
    let api = Mock::serve(|_| Reply::from(200));
    let client = Client::builder("https://api.test").mock(&api).query(&[("per_page", "100"), ("lang", "de")]);
    let client = client.build().unwrap();
    client.get("/items?per_page=5").send().await.unwrap();
    client.get("https://other.test/items").send().await.unwrap();
    let sent = api.requests();
    assert_eq!((sent[0].path(), sent[1].path()), ("/items?per_page=5&lang=de", "/items"));
}

#[test]
fn a_mount_that_can_not_be_is_named_when_the_client_is_built() {
    let build = |prefix: &str| Client::anywhere().mount(prefix, |rules| rules.retries(1)).build().unwrap_err();
    assert!(build("/search").is_setting() && build("/search").to_string().contains("'/search'"));
    let inner = Client::anywhere().mount("https://api.test", |rules| rules.concurrency(0)).build().unwrap_err();
    assert!(inner.to_string().contains("concurrency of 0"), "{inner}");
}
