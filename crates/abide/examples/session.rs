//! A session: rules are set once, others are mounted at a prefix, and a bad status is an error where that is the rule.
//!
//! `cargo run --example session`

#[path = "support/mock.rs"]
mod mock;

use std::time::Duration;

use abide::Client;
use abide::retry::exponential;
use http::StatusCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = mock::serve(|number, path, _| match path {
        // This API says "too fast" with a 409.
        "/search?q=tea" if number == 1 => (409, vec![("retry-after-ms", "50".to_owned())], String::new()),
        "/search?q=tea" => (200, vec![], "green, black".to_owned()),
        "/flaky" if number < 5 => (502, vec![], String::new()),
        "/flaky" => (200, vec![], "at last".to_owned()),
        _ => (404, vec![], "no such thing".to_owned()),
    })
    .await?;

    let quick = exponential(Duration::from_millis(5)).max(Duration::from_millis(20));
    let session = Client::anywhere()
        .header("accept", "text/plain")
        .retries(5)
        .backoff(quick)
        .error_for_status(true)
        .mount(format!("{api}/search"), |rules| rules.busy([StatusCode::CONFLICT]).retries(0))
        .mount(format!("{api}/raw"), |rules| rules.error_for_status(false))
        .build()?;

    println!("{}", session.get(format!("{api}/search?q=tea")).send().await?.text().await?);
    println!("{}", session.get(format!("{api}/flaky")).send().await?.text().await?);

    let error = session.get(format!("{api}/nothing")).send().await.expect_err("a 404 is an error here");
    println!("{error}");
    let handed_over = session.get(format!("{api}/raw")).send().await?;
    println!("{}: {}", handed_over.status(), handed_over.text().await?);
    println!("{:#}", session.stats());
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
