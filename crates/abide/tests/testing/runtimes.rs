//! A client outlives the runtime that watched its clock.

use abide::Client;
use abide::testing::{Mock, Reply};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

#[test]
fn a_wait_goes_on_when_the_runtime_that_watched_it_is_gone() {
    let api = Mock::script([Reply::from(200), Reply::from(429).retry_after(30), Reply::from(200)]);
    let client = Client::builder("https://api.test").mock(&api).build().unwrap();
    let first = runtime();
    first.block_on(async { client.get("/1").send().await.unwrap() });
    let waiting = runtime();
    let call = waiting.spawn({
        let request = client.get("/2");
        async move { request.send().await.unwrap().attempts() }
    });
    // Until it waits; the driver is on the first runtime, which nobody runs.
    waiting.block_on(async {
        while client.waiting().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    drop(first);
    assert_eq!(waiting.block_on(call).unwrap(), 2);
}
