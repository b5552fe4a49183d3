//! Runs every example, in one binary; each within a second.

#![cfg(all(feature = "client", feature = "macros"))]
#![allow(clippy::unwrap_used)]
#![allow(clippy::duplicate_mod, reason = "each example brings what it needs")]

#[path = "../examples/backoff.rs"]
mod backoff;
#[path = "../examples/conditions.rs"]
mod conditions;
#[path = "../examples/decorator.rs"]
mod decorator;
#[path = "../examples/quick.rs"]
mod quick;
#[path = "../examples/quota_headers.rs"]
mod quota_headers;
#[cfg(feature = "reqwest-middleware")]
#[path = "../examples/reqwest_middleware.rs"]
mod reqwest_middleware_example;
#[path = "../examples/resilient_client.rs"]
mod resilient_client;
#[path = "../examples/session.rs"]
mod session;
#[cfg(feature = "testing")]
#[path = "../examples/testing.rs"]
mod testing;
#[cfg(feature = "blocking")]
#[path = "../examples/threads.rs"]
mod threads;
#[path = "../examples/throttle.rs"]
mod throttle;
#[cfg(feature = "tower")]
#[path = "../examples/tower_hyper.rs"]
mod tower_hyper;
#[cfg(feature = "tower")]
#[path = "../examples/tower_proxy.rs"]
mod tower_proxy;
