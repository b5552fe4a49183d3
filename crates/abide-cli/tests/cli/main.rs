//! The built `abide`, run as a user runs it, against `abide mock` and small servers that do what the mock can't.

#![allow(clippy::unwrap_used)]

mod support;

mod again;
mod config;
mod demo;
mod exact;
mod failures;
mod faults;
mod formats;
mod kin;
mod limits;
mod memory;
mod outputs;
mod paging;
#[cfg(all(unix, feature = "postgres"))]
mod postgres;
mod refusals;
mod screen;
mod secrets;
mod since;
#[cfg(unix)]
mod stops;
mod tables;
