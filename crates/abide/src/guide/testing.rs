//! Testing: without a network, and without waiting (feature `testing`).
//!
//! ```toml
//! [dev-dependencies]
//! abide = { version = "0.1", features = ["testing"] }
//! ```
//!
//! A [`Mock`](crate::testing::Mock) stands in for the network below a client, and brings a clock that jumps over waits:
//!
//! ```
//! # #[cfg(feature = "testing")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> abide::Result<()> {
//! use std::time::Duration;
//! use abide::Client;
//! use abide::testing::{Mock, Reply};
//!
//! let api = Mock::script([Reply::from(429).retry_after(30), Reply::from(503), Reply::json(&["tea"])]);
//! let client = Client::builder("https://api.example.com").mock(&api).build()?;
//!
//! let orders: Vec<String> = client.get("/orders").send().await?.json().await?;
//!
//! assert_eq!(orders, ["tea"]);
//! api.assert_waited(Duration::from_secs(30), "server_wait");
//! assert_eq!(api.requests().len(), 3);
//! println!("{}", api.story()); // every decision, with its moment and its reason
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "testing"))]
//! # fn main() {}
//! ```
//!
//! | to test | use |
//! | --- | --- |
//! | that a story ends well | [`Mock::script`](crate::testing::Mock::script), with faults as [`Reply::reset`](crate::testing::Reply::reset) |
//! | against an API of your own | [`Mock::serve`](crate::testing::Mock::serve), a closure |
//! | that a real limit is kept | `Mock::simulate` (feature `sim`), a server with true limits |
//! | against what the API really said | [`ClientBuilder::record`](crate::ClientBuilder::record) once, then [`Mock::replay`](crate::testing::Mock::replay) |
//! | code with a [`Retry`](crate::Retry) or a [`Throttle`](crate::Throttle) | [`Retry::on_clock`](crate::Retry::on_clock), [`Throttle::on_clock`](crate::Throttle::on_clock), or Tokio's paused clock |
//! | code that retries deep inside | [`set_testing`](crate::retry::set_testing): no waits anywhere |
//!
//! ```
//! # #[cfg(feature = "testing")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use abide::Throttle;
//! use abide::testing::VirtualClock;
//!
//! let clock = VirtualClock::new();
//! let throttle = Throttle::on_clock("10/min".parse()?, &clock);
//! for _ in 0..60 {
//!     let _permit = throttle.acquire().await;
//! }
//! assert_eq!(clock.elapsed().as_secs(), 5 * 60); // and it took no time at all
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "testing"))]
//! # fn main() {}
//! ```
