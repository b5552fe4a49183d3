//! Decides, for every attempt at a rate-limited HTTP API, when it may leave and what became of it.
//!
//! The core knows no clock, no socket and no randomness: the caller brings [`time::Now`] and a seed, tells what happened with
//! [`Engine::handle`], and does what [`Engine::poll_decision`] says. [`Engine`] has the loop that a shell runs.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod adapt;
mod bounds;
pub mod budget;
pub mod call;
pub mod decision;
pub mod deed;
mod engine;
pub mod event;
mod gate;
pub mod headers;
pub mod json;
pub mod key;
mod ledger;
mod limit;
pub mod page;
pub mod place;
pub mod policy;
mod queue;
pub mod rest;
pub mod retry;
mod rng;
mod route;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod stats;
mod tail;
pub mod time;
pub mod turnstile;

pub use call::{Call, CallId};
pub use decision::Decision;
pub use engine::{Engine, Said};
pub use event::Event;
pub use key::Key;
pub use policy::Policy;
pub use route::Route;
pub use stats::{Stats, Waited};
