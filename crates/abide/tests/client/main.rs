//! The async client against servers that answer byte for byte what a test wants.

#![allow(clippy::unwrap_used)]

mod bodies;
mod credentials;
#[cfg(feature = "testing")]
mod recording;
mod repeats;
mod server;
#[cfg(feature = "blocking")]
mod threads;

use std::time::Duration;

use abide::ClientBuilder;
use abide::retry::fixed;

/// Settings that make every backoff a millisecond at most.
fn quick(builder: ClientBuilder) -> ClientBuilder {
    builder.backoff(fixed(Duration::from_millis(1))).seed(1)
}
