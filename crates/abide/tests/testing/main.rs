//! The client over mocks, in virtual time.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

mod auth;
mod bodies;
mod drops;
mod limits;
mod mock;
mod pages;
mod posts;
mod rules;
mod runtimes;
mod stalls;
mod uploads;
