//! What a response says about limits, as the rest of the core takes it.

use std::time::Duration;

/// What a response said about limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signal {
    /// Whether, and why, the server refused to act because of a limit.
    pub refusal: Option<Refusal>,
    /// How long to wait from `received` on, as the server told, where its status makes that an order.
    pub wait: Option<Wait>,
    /// Every quota that was named, in the order in which it was named.
    pub quotas: Vec<Quota>,
    /// What `Retry-After` or a relative said, with any status; zero for a moment that has passed.
    pub retry_after: Option<Duration>,
}

/// The kind of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Too fast: waiting helps (429, or another status that says so by its fields).
    Rate,
    /// A quota is used up until it resets.
    Quota,
    /// Too many requests in flight.
    Concurrency,
    /// The server is overloaded, and says when to come back (503 with a wait).
    Overload,
    /// A 503 without a wait or a field: a limit or a fault, to be shown by what follows.
    Unknown,
}

/// A wait that a server asked for. A wait of zero, in the past or malformed is no wait at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not before this long after the response arrived; above zero, at most [`Wait::LONGEST`].
    For(Duration),
    /// A wait above [`Wait::LONGEST`], which nobody means. It is reported and never cut.
    Absurd(Duration),
}

impl Wait {
    /// The longest wait that is believed: 400 days.
    pub const LONGEST: Duration = Duration::from_secs(400 * 86_400);
}

/// One quota as a server states it; what it did not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Name of the quota, policy or resource.
    pub name: Option<String>,
    /// How many are allowed a window.
    pub limit: Option<u64>,
    /// How many are left in this window, after this response.
    pub remaining: Option<u64>,
    /// When the window resets, counted from `received`: the latest moment that fits what was said. Zero for a moment
    /// that has passed, at most [`Wait::LONGEST`].
    pub reset: Option<Duration>,
    /// Length of the window.
    pub window: Option<Duration>,
}
