//! Waits and bounds for repeated attempts, as values.

pub use abide_core::retry::{Backoff, Stop, after, attempts, before, chain, exponential, fixed, linear, never, random};
