//! What a response says about limits, as the rest of the core takes it.

use std::time::Duration;

use super::units::Told;

/// What a response said about limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signal {
    /// Whether, and why, the server refused to act because of a limit.
    pub refusal: Option<Refusal>,
    /// How long to wait from `received` on, as the server told, where a refusal or a redirect makes that an order. Where a
    /// refusal tells nothing, it is the wait that the vendor's documentation asks for, if it does.
    pub wait: Option<Wait>,
    /// The wait that was told, with any status: an order where the user says that the status is a refusal.
    pub told_wait: Option<Wait>,
    /// Every quota that was named, in the order in which it was named.
    pub quotas: Vec<Quota>,
    /// What `Retry-After` or a relative said, with any status and as it stands there.
    pub retry_after: Option<Told>,
    /// What the body said about waiting.
    pub retry_after_body: Option<Told>,
    /// Name of the limit, bucket, policy or reason, where the server gives one.
    pub policy: Option<String>,
    /// For whom the limit is, in the server's words (`user`, `global`, `shared`).
    pub scope: Option<String>,
    /// What the request cost.
    pub cost: Option<Amount>,
    /// Whether the server itself says that trying again helps. A quota that must be paid for says no.
    pub should_retry: Option<bool>,
}

/// A number as a server states it, exact to a millionth: a cost of 2.83, a limit of 0.0167 a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount {
    /// Millionths of the server's unit.
    pub millionths: u128,
}

impl Amount {
    /// The whole number that this is, if it is one.
    pub fn whole(self) -> Option<u64> {
        u64::try_from(self.millionths / 1_000_000).ok().filter(|_| self.millionths.is_multiple_of(1_000_000))
    }

    /// The next whole number that is not below it; the largest there is for one beyond that.
    pub fn ceil(self) -> u64 {
        u64::try_from(self.millionths.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// The number, as near as a float comes to it.
    pub fn as_f64(self) -> f64 {
        self.millionths as f64 / 1e6
    }
}

impl From<u64> for Amount {
    fn from(whole: u64) -> Self {
        Self { millionths: u128::from(whole) * 1_000_000 }
    }
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
    /// The server is overloaded, and says so: by when to come back (503 with a wait), or in as many words.
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
    /// Name of the quota, policy or resource; it is the same in all responses.
    pub name: Option<String>,
    /// Whether the server gives the name itself. Else it is made of the words in the names of the fields.
    pub named: bool,
    /// How many are allowed a window.
    pub limit: Option<u64>,
    /// The limit as the server states it, where that is no whole number. A fraction of one is a pace a second, and is one
    /// in `limit` with the `window` that it takes.
    pub exact_limit: Option<Amount>,
    /// How many are left in this window, after this response.
    pub remaining: Option<u64>,
    /// How many of this window are used.
    pub used: Option<u64>,
    /// When the window resets, counted from `received`: the latest moment that fits what was said. Zero for a moment
    /// that has passed, at most [`Wait::LONGEST`].
    pub reset: Option<Duration>,
    /// The same as the server states it.
    pub told_reset: Option<Told>,
    /// The reset keeps its distance from one response to the next: the window rolls, and places come back one by one.
    pub rolling: bool,
    /// Length of the window.
    pub window: Option<Duration>,
    /// No value says so: the window comes from a word in a name (`daily`, `1m`).
    pub implied: bool,
}
