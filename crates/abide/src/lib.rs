//! Call rate-limited HTTP APIs as fast as the API allows, and lose nothing.
//!
//! ```no_run
//! # async fn example(token: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let github = abide::Client::builder("https://api.github.com").limit("5000/h".parse()?).bearer(token).build()?;
//! let issues: Vec<serde_json::Value> = github.get("/repos/rust-lang/rust/issues").send().await?.json().await?;
//! println!("{}", github.stats());
//! # Ok(())
//! # }
//! ```
//!
//! Every attempt, first or repeated, passes one gate a key (an origin and a credential). The gate knows the limits that you told,
//! what the server said, and what went wrong, and it decides when the attempt may leave. [`abide_core`] holds these decisions;
//! this crate holds the clocks and sockets.

mod client;
mod clock;
mod error;
mod handle;
mod limits;
pub mod retry;
mod stopwatch;
mod target;
#[cfg(feature = "testing")]
pub mod testing;
pub mod throttle;

pub use abide_core;
pub use abide_core::Stats;
pub use abide_core::call::Account;
pub use abide_core::policy::{LimitSpec, LimitSpecs};
pub use client::{Client, ClientBuilder, Request, Response, Whole, get};
pub use error::{Error, Result};
pub use handle::Waiting;
pub use limits::{Limit, Limits};
pub use retry::{Retry, RetryError};
pub use target::redacted;
pub use throttle::Throttle;

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
