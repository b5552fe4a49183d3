//! The client over mocks, in virtual time.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

mod limits;
mod mock;
mod runtimes;
mod stalls;
mod uploads;
