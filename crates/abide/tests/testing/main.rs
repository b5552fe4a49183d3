//! The client over mocks, in virtual time.

#![cfg(all(feature = "client", feature = "testing"))]
#![allow(clippy::unwrap_used)]

mod auth;
#[cfg(feature = "blocking")]
mod blocking;
mod bodies;
mod clock;
#[cfg(feature = "metrics")]
mod counted;
mod drops;
#[cfg(all(feature = "tower", feature = "reqwest-middleware"))]
mod layers;
mod limits;
mod mock;
mod pages;
mod posts;
mod rules;
mod runtimes;
#[cfg(all(feature = "blocking", feature = "tower", feature = "reqwest-middleware", feature = "macros"))]
mod shapes;
mod spans;
mod stalls;
mod uploads;
