//! Decides, for every attempt at a rate-limited HTTP API, when it may leave and what became of it.

pub mod headers;
pub mod json;
pub mod page;
pub mod place;
pub mod policy;
pub mod time;
