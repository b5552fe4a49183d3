//! What a mock answers, and how its clock goes.

use std::time::Duration;

use abide::Client;
use abide::testing::{Mock, Reply};

#[tokio::test]
async fn refusals_are_waited_out_and_seen() {
    let api = Mock::script([Reply::from(429).retry_after(2), Reply::from(429).retry_after(3600), Reply::from(200)]);
    let client = Client::builder("https://api.test").mock(&api).max_wait(Duration::from_secs(7200)).build().unwrap();
    let response = client.get("/x").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.attempts()), (200, 3));
    assert_eq!(api.clock().elapsed(), Duration::from_secs(3602));
    api.assert_waited(Duration::from_secs(2), "server_wait");
    let at: Vec<u64> = api.requests().iter().map(|request| request.at.as_secs()).collect();
    assert_eq!(at, [0, 2, 3602]);
    drop(response);
    assert_eq!(
        api.story().to_string(),
        "0.000s call 1 sends\n\
         0.000s call 1 looks at up to 16384 bytes of the body\n\
         0.000s call 1 tries again\n\
         0.000s call 1 waits 2.0s for the pause that call 1 was told\n\
         2.000s call 1 sends attempt 2 after the pause that call 1 was told\n\
         2.000s call 1 looks at up to 16384 bytes of the body\n\
         2.000s call 1 tries again\n\
         2.000s call 1 waits 1h00m for the pause that call 1 was told\n\
         3602.000s call 1 sends attempt 3 after the pause that call 1 was told\n\
         3602.000s call 1 returns (Final)\n"
    );
}

#[tokio::test]
async fn a_told_limit_is_kept_in_virtual_time() {
    let api = Mock::serve(|_| Reply::from(200).after(Duration::from_millis(10)));
    let client = Client::builder("https://api.test").mock(&api).limit("10/s".parse().unwrap()).build().unwrap();
    let tasks: Vec<_> = (0..100)
        .map(|i| {
            let request = client.get(format!("/{i}"));
            tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
    let requests = api.requests();
    for ten in requests.windows(11) {
        assert!(ten[10].at - ten[0].at >= Duration::from_secs(1), "{:?} and {:?}", ten[0].at, ten[10].at);
    }
    let last = requests.last().unwrap().at;
    assert!(last < Duration::from_millis(9_500), "{last:?}");
}

#[tokio::test]
async fn faults_of_every_kind_are_told_apart() {
    let replies = [Reply::refused_connection(), Reply::reset(), Reply::text("half").breaks_off(), Reply::text("whole")];
    let api = Mock::script(replies);
    let client = Client::builder("https://api.test").mock(&api).build().unwrap();
    assert_eq!(client.get("/").send().await.unwrap().text().await.unwrap(), "whole");
    assert_eq!(api.requests().len(), 4);
}

#[tokio::test]
async fn silence_ends_by_the_timeout() {
    let api = Mock::script([Reply::silence(), Reply::from(200).after(Duration::from_secs(9)), Reply::from(200)]);
    let client = Client::builder("https://api.test").mock(&api).timeout(Duration::from_secs(9)).build().unwrap();
    let response = client.get("/").send().await.unwrap();
    assert_eq!(response.attempts(), 3);
    assert!(api.clock().elapsed() >= Duration::from_secs(18));
}

#[tokio::test]
#[should_panic(expected = "the script has no reply left for request 2: GET https://api.test/")]
async fn a_request_beyond_the_script_is_named() {
    let api = Mock::script([500]);
    let client = Client::builder("https://api.test").mock(&api).build().unwrap();
    let _ = client.get("/").send().await;
}
