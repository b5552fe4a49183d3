//! A reqwest client with a chain of middlewares, one of which keeps to the limits of the APIs.
//!
//! `cargo run --example reqwest_middleware --features reqwest-middleware`

#[path = "support/mock.rs"]
mod mock;

use abide::Account;
use abide::middleware::{Middleware, Witness};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = mock::serve(|number, path, _| match number {
        1 => (429, vec![("retry-after-ms", "50".to_owned())], String::new()),
        _ => (200, vec![], format!("this is {path}")),
    })
    .await?;

    let limits = Middleware::anywhere().limit("3/100ms".parse()?).build()?;
    // What TLS needs stands in the features of your reqwest; without, this is it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One layer decides: reqwest repeats nothing by itself.
    let http = reqwest::Client::builder().retry(reqwest::retry::never()).build()?;
    let client = reqwest_middleware::ClientBuilder::new(http).with(limits.clone()).with(Witness).build();
    for number in 1..=5 {
        let response = client.get(format!("{api}/items/{number}")).send().await?;
        let account = response.extensions().get::<Account>().cloned().unwrap_or_default();
        println!("{}, after {account}", response.text().await?);
    }
    println!("{:#}", limits.stats());
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
