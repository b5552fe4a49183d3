//! Quota headers: what is left is seen on every answer, and the pace slows before the wall is hit.
//!
//! `cargo run --example quota_headers`

#[path = "support/mock.rs"]
mod mock;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use abide::Client;

/// Three requests a window of 150 ms, which is told in milliseconds.
const LIMIT: u64 = 3;
const WINDOW: Duration = Duration::from_millis(150);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let window = Mutex::new((Instant::now(), 0));
    let api = mock::serve(move |_, _, _| {
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.0.elapsed() >= WINDOW {
            *window = (Instant::now(), 0);
        }
        window.1 += 1;
        let left = WINDOW.saturating_sub(window.0.elapsed()).as_millis() + 1;
        let fields = vec![
            ("x-ratelimit-limit", LIMIT.to_string()),
            ("x-ratelimit-remaining", LIMIT.saturating_sub(window.1).to_string()),
            ("x-ratelimit-reset-ms", left.to_string()),
        ];
        (if window.1 > LIMIT { 429 } else { 200 }, fields, "item".to_owned())
    })
    .await?;

    let client = Client::builder(&api).build()?;
    for i in 0..7 {
        let response = client.get(format!("/items/{i}")).send().await?.error_for_status()?;
        let limits = response.limits();
        let limit = limits.tightest.as_ref().ok_or("every answer states the quota")?;
        println!("{i}: {limit}; {}", response.account());
    }
    let stats = client.stats();
    println!("{stats}");
    assert_eq!(stats.rate_limited, 0, "it was never refused");
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
