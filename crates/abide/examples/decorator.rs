//! A retry as an attribute, on an async function, a function and a method.
//!
//! `cargo run --example decorator`

#[path = "support/api.rs"]
mod api;

use std::time::Duration;

use abide::retry::Wait;
use api::{Api, Error};

fn note(wait: &Wait<'_>) {
    println!("{wait}");
}

#[abide::retry(
    attempts = 5,
    elapsed = "45s",
    backoff = "exponential 5ms max 30s full jitter",
    when = Error::is_transient,
    wait_from = Error::retry_after,
    on_wait = note
)]
async fn fetch_posts(api: &Api, path: &str) -> Result<String, Error> {
    let body = api.get(path).await?;
    Ok(body.to_uppercase())
}

/// Not async: it blocks the thread while it waits.
#[abide::retry(attempts = 3, backoff = "fixed 1ms", on_wait = note)]
fn read_number(text: String, tries: &std::cell::Cell<u32>) -> Result<u32, std::num::ParseIntError> {
    tries.set(tries.get() + 1);
    text.parse()
}

struct Blog {
    api: Api,
    fetched: u32,
}

impl Blog {
    #[abide::retry(attempts = 3, backoff = "linear 1ms step 1ms", on_wait = note)]
    async fn fetch(&mut self, name: String) -> Result<String, Error> {
        self.fetched += 1;
        self.api.get(&name).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let busy = Error::Status { status: 429, retry_after: Some(Duration::from_millis(20)) };
    let api = Api::script([Err(busy), Err(Error::status(502)), Ok("hello")]);
    println!("{}", fetch_posts(&api, "/posts").await?);

    let tries = std::cell::Cell::new(0);
    let number = read_number("seven".to_owned(), &tries);
    println!("{number:?} after {} attempts", tries.get());

    let mut blog = Blog { api: Api::script([Err(Error::Connect), Err(Error::Timeout), Ok("first post")]), fetched: 0 };
    println!("{} after {} attempts", blog.fetch("/first".to_owned()).await?, blog.fetched);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
