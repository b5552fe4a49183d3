//! What an answer said about limits, for programs to look at.

use std::fmt;
use std::time::{Duration, SystemTime};

use abide_core::Said;
use abide_core::headers::Quota;
use abide_core::time::Human;

use crate::clock::Clock;

/// What an answer said about limits. All of it is known to the client already, which slows down before they are reached.
///
/// ```no_run
/// # async fn example(client: abide::Client) -> abide::Result<()> {
/// let response = client.get("/items").send().await?;
/// if let Some(limit) = &response.limits().tightest {
///     println!("{limit}"); // 41 of 50 left (daily), resets in 1m00s
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The one that matters most: of those used up the one that resets last, else the one with the smallest share left.
    pub tightest: Option<Limit>,
    /// Every limit that was named, in the order in which it was named.
    pub all: Vec<Limit>,
    /// How long `Retry-After` or a relative says to wait, with any status.
    pub retry_after: Option<Duration>,
}

/// A limit as the server states it; what it did not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// The name of the quota, policy or resource.
    pub name: Option<String>,
    /// How many are allowed a window.
    pub limit: Option<u64>,
    /// How many are left in this window.
    pub remaining: Option<u64>,
    /// How long it was until the window resets, when the answer came.
    pub resets_in: Option<Duration>,
    /// The same as a moment of this machine's clock, whatever the server's shows.
    pub resets_at: Option<SystemTime>,
    /// The length of the window.
    pub window: Option<Duration>,
}

impl Limits {
    pub(crate) fn of(said: &Said, clock: &Clock) -> Self {
        let limit = |quota: &Quota| Limit {
            name: quota.name.clone(),
            limit: quota.limit,
            remaining: quota.remaining,
            resets_in: quota.reset,
            resets_at: quota.reset.map(|reset| clock.system_time(said.received.mono + reset)),
            window: quota.window,
        };
        Self {
            tightest: said.signal.top(said.received.wall).map(limit),
            all: said.signal.quotas.iter().map(limit).collect(),
            retry_after: said.signal.retry_after.map(|told| told.from(said.received.wall)),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.remaining, self.limit) {
            (Some(remaining), Some(limit)) => write!(f, "{remaining} of {limit} left")?,
            (Some(remaining), None) => write!(f, "{remaining} left")?,
            (None, Some(limit)) => write!(f, "{limit} allowed")?,
            (None, None) => f.write_str("a limit")?,
        }
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        match self.resets_in {
            Some(reset) => write!(f, ", resets in {}", Human(reset)),
            None => Ok(()),
        }
    }
}
