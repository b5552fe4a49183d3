//! What becomes of an attempt that did not go well: what kind of failure it was, whether it may be sent again, and when.

pub(crate) mod budget;
pub(crate) mod classify;
pub(crate) mod suspicion;

pub(crate) use budget::Budget;
pub(crate) use classify::{Outcome, classify, may_repeat};
pub(crate) use suspicion::Suspicion;
