//! A request that stalls, and the one that is sent beside it.

use std::time::Duration;

use abide::testing::{Mock, Reply};
use abide::{Client, ClientBuilder};
use http::Method;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Twenty quick answers, so that it is known what is usual, and then these.
fn api(then: impl IntoIterator<Item = Reply>) -> Mock {
    let usual = (0..20).map(|_| Reply::from(200).after(millis(10)));
    Mock::script(usual.chain(then))
}

async fn used_to(api: &Mock, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    let client = change(Client::builder("https://api.test").mock(api)).build().unwrap();
    for _ in 0..20 {
        client.get("/").send().await.unwrap();
    }
    client
}

/// What was decided after the usual answers.
fn told(api: &Mock) -> String {
    let story = api.story().to_string();
    story.lines().filter(|line| line.contains("call 21 ")).map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn the_second_attempt_answers_where_the_first_stalls() {
    let api = api([Reply::silence(), Reply::text("second").after(millis(10))]);
    let client = used_to(&api, |builder| builder.hedge(true)).await;
    let response = client.get("/late").send().await.unwrap();
    assert_eq!(response.attempts(), 2);
    assert_eq!(response.text().await.unwrap(), "second");
    let stats = client.stats();
    assert_eq!((stats.requests, stats.hedges, stats.retries, stats.ok), (22, 1, 0, 21));
    assert_eq!(
        told(&api),
        "0.200s call 21 sends\n\
         0.700s call 21 sends attempt 2 beside attempt 1, which has stalled\n\
         0.710s call 21 drops attempt 1\n\
         0.710s call 21 returns (Final)\n"
    );
}

#[tokio::test]
async fn the_first_answer_counts_and_a_failure_leaves_the_call_to_the_other() {
    for second in [Reply::from(500), Reply::reset(), Reply::from(429), Reply::silence()] {
        let api = api([Reply::text("first").after(millis(900)), second]);
        let client = used_to(&api, |builder| builder.hedge(true)).await;
        let response = client.get("/late").send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "first", "{}", told(&api));
        assert_eq!(api.requests().len(), 22);
        assert_eq!(api.clock().elapsed(), millis(1_100));
    }
}

#[tokio::test]
async fn what_is_not_safe_or_not_asked_for_is_sent_once() {
    let late = || Reply::from(200).after(millis(2_000));
    let cases = [(Method::PUT, true), (Method::DELETE, true), (Method::POST, true), (Method::GET, false)];
    for (method, hedge) in cases {
        let api = api([late()]);
        let client = used_to(&api, |builder| builder.hedge(hedge)).await;
        client.request(method, "/late").send().await.unwrap();
        assert_eq!(api.requests().len(), 21);
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_drops_both_attempts() {
    let api = api([Reply::silence(), Reply::silence(), Reply::from(200)]);
    let client = used_to(&api, |builder| builder.hedge(true).concurrency(2)).await;
    {
        let mut late = Box::pin(client.get("/late").send());
        while api.requests().len() < 22 {
            tokio::select! {
                biased;
                _ = &mut late => unreachable!("both are silent"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    assert_eq!(client.get("/").send().await.unwrap().status().as_u16(), 200, "both places are free again");
}
