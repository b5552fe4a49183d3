//! The resilient client: base URL, rate, retries, an access token that is renewed, pages, a POST with a key, and statistics.
//!
//! `cargo run --example resilient_client`

#[path = "support/mock.rs"]
mod mock;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use abide::retry::exponential;
use abide::{Client, OAuth2, Pages};
use http::HeaderMap;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Item {
    id: u32,
}

/// Pages of two items, and orders that are made once a key; an access token is good for what comes before request 6.
fn answer(number: usize, path: &str, headers: &HeaderMap, orders: &Mutex<HashSet<String>>) -> mock::Answer {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let json = |body: serde_json::Value| (200, vec![("content-type", "application/json".to_owned())], body.to_string());
    if path == "/token" {
        let name = if number < 6 { "first" } else { "second" };
        return json(serde_json::json!({"access_token": name, "token_type": "bearer", "expires_in": 3600}));
    }
    let token = header("authorization");
    if token != "Bearer second" && (number >= 6 || token != "Bearer first") {
        return (401, vec![], String::new());
    }
    match path.split('?').next() {
        Some("/v1/orders") => {
            let is_new =
                orders.lock().unwrap_or_else(PoisonError::into_inner).insert(header("idempotency-key").to_owned());
            // The order is made, and then something breaks.
            if is_new { (502, vec![], String::new()) } else { (201, vec![], "one order".to_owned()) }
        }
        _ => {
            let page = path.split("&page=").nth(1).and_then(|page| page.parse().ok()).unwrap_or(1);
            let next = (page < 4).then(|| format!("/v1/items?per_page=2&page={}", page + 1));
            json(serde_json::json!({"items": [{"id": page * 2 - 1}, {"id": page * 2}], "next": next}))
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orders = Mutex::new(HashSet::new());
    let api = mock::serve(move |number, path, headers| answer(number, path, headers, &orders)).await?;

    let client = Client::builder(format!("{api}/v1"))
        .limit("50/s".parse()?)
        .concurrency(4)
        .retries(3)
        .backoff(exponential(Duration::from_millis(10)))
        .query(&[("per_page", "2")])
        .oauth2(OAuth2::client_credentials(format!("{api}/token"), "my-id", "my-secret"))
        .idempotency_keys()
        .error_for_status(true)
        .build()?;

    let mut items = client.get("/items").pages(Pages::Auto).items::<Item>();
    let mut sum = 0;
    while let Some(item) = items.next().await {
        sum += item?.id;
    }
    println!("the ids of all pages add up to {sum}");
    assert_eq!(sum, 36);

    let order = client.post("/orders").json(&["tea"]).send().await?;
    println!("{} after {} attempts: {}", order.status(), order.attempts(), order.text().await?);
    assert_eq!(client.stats().retries, 2, "one for the token that was refused, one for the order");

    println!("{:#}", client.stats());
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
