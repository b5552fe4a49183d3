//! What is recorded from a real server is replayed without it.

use abide::Client;
use abide::testing::Mock;

use crate::server::{Server, ok, status};

#[tokio::test]
async fn a_recording_is_replayed_without_the_server_and_holds_no_secret() {
    let server = Server::start(|n, _| match n {
        0 => status("429 Too Many Requests"),
        _ => ok("[1]"),
    })
    .await;
    let path = std::env::temp_dir().join(format!("abide-recording-{}.json", std::process::id()));
    let build = |url: &str| Client::builder(url).bearer("t0ken").api_key_query("key", "qu3ry").seed(1);
    let client = build(&server.url).record(&path).build().unwrap();
    assert_eq!(client.get("/items?page=1").send().await.unwrap().text().await.unwrap(), "[1]");
    let url = server.url.clone();
    drop((client, server));

    let api = Mock::replay(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(!text.contains("t0ken") && !text.contains("qu3ry"), "{text}");
    let response = build(&url).mock(&api).build().unwrap().get("/items?page=1").send().await.unwrap();
    assert_eq!((response.attempts(), response.text().await.unwrap()), (2, "[1]".to_owned()));
}
