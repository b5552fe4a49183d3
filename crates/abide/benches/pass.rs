//! Passes an open throttle, or a retry whose first attempt succeeds, so many times. `scripts/bench` counts what one costs.

use std::convert::Infallible;
use std::hint::black_box;

use abide::{Retry, Throttle};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // Cargo adds `--bench` when it runs this itself.
    let times: u64 = arguments.iter().filter_map(|arg| arg.parse().ok()).next().unwrap_or(1_000);
    let what = arguments.get(1).map_or("bucket", String::as_str);
    let throttle = |text: &str| Throttle::new(text.parse().expect("the limits below are well spelt"));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime without sockets");
    runtime.block_on(async {
        match what {
            "window" => acquire(&throttle("1000000000/s"), times).await,
            "three" => acquire(&throttle("1000000000/s burst 1000000 + 1000000000/min + concurrency 4"), times).await,
            "retry" => {
                let retry = Retry::new();
                for i in 0..times {
                    let _ = black_box(retry.run(async || Ok::<_, Infallible>(black_box(i))).await);
                }
            }
            _ => acquire(&throttle("1000000000/s burst 1000000"), times).await,
        }
    });
}

async fn acquire(throttle: &Throttle, times: u64) {
    for _ in 0..times {
        drop(black_box(throttle.acquire().await));
    }
}
