//! What becomes of an attempt that did not go well: what kind of failure it was, whether it may be made again, and when.

mod backoff;
mod budget;
pub(crate) mod classify;
mod schedule;
pub(crate) mod sign;
mod stop;
pub(crate) mod suspicion;

#[cfg(test)]
mod peers;

pub use backoff::{Backoff, chain, exponential, fixed, linear, random};
pub use budget::{Budget, Tokens};
pub use schedule::{Ending, Next, Schedule, Tries};
pub use sign::{Meaning, SIGN_PREFIX, Sign};
pub use stop::{Bound, Stop, after, attempts, before, never};

pub(crate) use classify::{Outcome, classify, may_repeat};
pub(crate) use suspicion::Suspicion;
