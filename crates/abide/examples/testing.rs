//! Tests without a network: a script in place of the API, virtual time, and assertions on what was decided and why.
//!
//! `cargo run --example testing --features testing`

use std::time::Duration;

use abide::Client;
use abide::testing::{Mock, Reply};

/// What is to be tested: adds up the numbers of an API.
async fn total(client: &Client) -> abide::Result<u32> {
    let numbers: Vec<u32> = client.get("/numbers").send().await?.json().await?;
    Ok(numbers.iter().sum())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = Mock::script([
        Reply::from(429).retry_after(2),
        Reply::from(500),
        Reply::json(&[1, 2]).breaks_off(),
        Reply::json(&[1, 2, 39]),
    ]);
    let client = Client::builder("https://api.example.com").mock(&api).build()?;

    assert_eq!(total(&client).await?, 42);

    api.assert_waited(Duration::from_secs(2), "server_wait");
    assert_eq!(api.requests().len(), 4);
    assert!(api.clock().elapsed() >= Duration::from_secs(2), "on the virtual clock; nobody slept");
    print!("{}", api.story());

    // An hour is too long: the error says so at once.
    let api = Mock::script([Reply::from(429).retry_after(3_600)]);
    let client = Client::builder("https://api.example.com").mock(&api).build()?;
    let error = total(&client).await.expect_err("nobody waits an hour");
    println!("{error}");
    assert!(error.is_limited() && api.clock().elapsed() == Duration::ZERO);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
