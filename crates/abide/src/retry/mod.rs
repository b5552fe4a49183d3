//! Tries any operation again, sync or async, by rules that are values.
//!
//! [`Retry`] is the whole of it. Its parts: a [`Backoff`] says how long to wait ([`fixed`], [`random`], [`linear`],
//! [`exponential`], [`chain`], `+`), a [`Stop`] when to give up ([`attempts`], [`after`], [`before`], `|`, `&`), a [`When`] what is
//! tried again ([`error`], [`error_is`], [`value`], `|`, `&`, `!`).
//!
//! For HTTP the [`Client`](crate::Client) is the better tool: it knows which requests may be repeated, and it does not let one call
//! retry while the others go on.

mod course;
mod error;
mod hooks;
mod run;
mod settings;
mod signal;
mod testing;
mod when;

pub use abide_core::retry::{
    Backoff, Bound, Ending, Stop, after, attempts, before, chain, exponential, fixed, linear, never, random,
};
pub use course::Course;
pub use error::RetryError;
pub use hooks::{Attempt, GivenUp, Tried, Wait};
pub use settings::{Retry, Told, Untold};
pub use signal::StopSignal;
pub use testing::set_testing;
pub use when::{AnyError, Both, Condition, Either, OfType, OnValue, Opposite, When, any_error, error, error_is, value};
