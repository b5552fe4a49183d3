//! The client over mocks, in virtual time.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

mod auth;
mod bodies;
mod limits;
mod mock;
mod pages;
mod rules;
mod runtimes;
mod stalls;
mod uploads;
