//! A hyper client under the limits of an API: the layer waits for them and sends again what may go better.
//!
//! `cargo run --example tower_hyper --features tower`

#[path = "support/mock.rs"]
mod mock;

use abide::Account;
use abide::tower::Layer;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::ServiceExt;
use tower_layer::Layer as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = mock::serve(|number, path, _| match number {
        1 => (429, vec![("retry-after-ms", "50".to_owned())], String::new()),
        _ => (200, vec![], format!("this is {path}")),
    })
    .await?;

    let layer = Layer::builder(&api).limit("3/100ms".parse()?).build()?;
    let client = layer.layer(Client::builder(TokioExecutor::new()).build_http());
    for number in 1..=5 {
        let request = Request::get(format!("{api}/items/{number}")).body(Empty::<Bytes>::new())?;
        let response = client.clone().oneshot(request).await?;
        let account = response.extensions().get::<Account>().cloned().unwrap_or_default();
        let body = response.into_body().collect().await?.to_bytes();
        println!("{}, after {account}", String::from_utf8_lossy(&body));
    }
    println!("{:#}", layer.stats());
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
