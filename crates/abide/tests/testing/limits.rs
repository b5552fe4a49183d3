//! What an answer said about limits can be seen, and the pace slows before they are reached.

use std::time::Duration;

use abide::Client;
use abide::testing::{Mock, Reply};

fn with_quota(remaining: u32) -> Reply {
    Reply::text("body")
        .header("ratelimit-policy", r#""daily";q=50;w=86400"#)
        .header("ratelimit", format!(r#""daily";r={remaining};t=60"#))
}

#[tokio::test]
async fn what_is_left_is_seen_on_every_answer() {
    let api = Mock::script([with_quota(41), Reply::from(200)]);
    let client = Client::builder("https://api.test").mock(&api).build().unwrap();
    let mut response = client.get("/").send().await.unwrap();
    let limit = response.limits().tightest.unwrap();
    assert_eq!(limit.to_string(), "41 of 50 left (daily), resets in 1m00s");
    assert_eq!(limit.window, Some(Duration::from_secs(86_400)));
    while response.chunk().await.unwrap().is_some() {}
    assert_eq!(response.limits().all, [limit], "also when the body has ended");
    assert_eq!(response.attempts(), 1);
    assert_eq!(client.get("/").send().await.unwrap().limits(), abide::Limits::default());
}

#[tokio::test]
async fn the_pace_slows_before_the_wall() {
    let api = Mock::script([with_quota(1), with_quota(0), with_quota(49)]);
    let client = Client::builder("https://api.test").mock(&api).build().unwrap();
    for _ in 0..3 {
        client.get("/").send().await.unwrap();
    }
    assert_eq!(client.stats().rate_limited, 0);
    assert_eq!(api.clock().elapsed(), Duration::from_secs(60));
    api.assert_waited(Duration::from_secs(60), "quota");
}
