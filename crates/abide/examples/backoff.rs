//! Backoff over any operation: exponential with jitter, the server's `Retry-After` first, and no second try where it can't help.
//!
//! `cargo run --example backoff`

#[path = "support/api.rs"]
mod api;

use std::time::Duration;

use abide::Retry;
use abide::retry::exponential;
use api::{Api, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let retry = Retry::new()
        .attempts(6)
        .backoff(exponential(Duration::from_millis(10)).max(Duration::from_secs(30)).full_jitter())
        .when(Error::is_transient)
        .wait_from(Error::retry_after)
        .on_wait(|wait| println!("{wait}"));

    // Everything that may go better another time, and then it does.
    let busy = Error::Status { status: 429, retry_after: Some(Duration::from_millis(50)) };
    let api =
        Api::script([Err(busy), Err(Error::status(503)), Err(Error::Timeout), Err(Error::Connect), Ok("two items")]);
    println!("{}", retry.run(|| api.get("/items")).await?);

    // 404 would come again: one attempt.
    let api = Api::script([Err(Error::status(404))]);
    if let Err(error) = retry.run(|| api.get("/nothing")).await {
        println!("{} attempt: {error}", error.attempts());
    }

    // An hour is more than the minute that one waits by default: it ends at once, and says when to come back.
    let api = Api::script([Err(Error::Status { status: 429, retry_after: Some(Duration::from_secs(3_600)) })]);
    if let Err(error) = retry.run(|| api.get("/quota")).await {
        println!("{error}; come back in {:?}", error.retry_after());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
