//! What a user may state about an API and about patience, as checked types; the only place with defaults.

mod pace;
mod spec;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, StatusCode};

pub use pace::{Pace, Share, ShareError};
pub use spec::{LimitSpec, LimitSpecs, SpecError, Unit, WindowKind};

use crate::call::Patience;
use crate::headers::Scale;
use crate::key::Key;
use crate::retry::{Backoff, Tokens};

/// Every rule that the engine goes by.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Limits that were told.
    pub limits: Vec<LimitRule>,
    /// When attempts leave that every limit allows; [`Pace::Eager`] by default.
    pub pace: Pace,
    /// The rate to begin with at each key, doubled after every few accepted attempts, until a refusal or what is known from before
    /// shows more; none by default.
    pub start: Option<LimitSpec>,
    /// The share of every limit that is used, be it told, said or learned; all of it by default.
    pub share: Share,
    /// The most attempts in flight a key; 8 by default.
    pub concurrency: NonZeroU32,
    /// How often a call is tried again after a fault; 5 by default. Waiting for a limit is no try.
    pub retries: u32,
    /// The wait before a call is tried again after a fault; exponential from 0.5 s to 30 s with full jitter by default.
    pub backoff: Backoff,
    /// The budget of retries that all calls of a key share; that in a call's own rules is not looked at.
    pub tokens: Tokens,
    /// How long a call may wait for a limit; 60 s by default.
    pub max_wait: Patience,
    /// What may be sent again though it is not idempotent.
    pub repeat: Repeat,
    /// Whether a call that only reads gets a second attempt beside its first, when that is out for at least 500 ms and ten
    /// times what the slowest usual answers of its server take; off by default. It passes every limit and takes tokens of the
    /// retry budget; the first answer counts.
    pub hedge: bool,
    /// How many redirects a call follows; 10 by default.
    pub redirects: u32,
    /// Statuses that always mean "too fast", decided by hand.
    pub busy: Vec<StatusCode>,
    /// Statuses that always mean a fault, decided by hand.
    pub fault: Vec<StatusCode>,
    /// What holds for the keys that were put [into a bucket](Key::in_bucket) by hand: their limits, their places in flight and their
    /// header fields. A bucket that is not named here goes by this policy.
    pub buckets: BTreeMap<Arc<str>, Arc<Self>>,
    /// Header fields whose numbers count in a unit that was decided by hand, whatever the answers show.
    pub units: Vec<(HeaderName, Scale)>,
}

impl Default for Policy {
    fn default() -> Self {
        const EIGHT: NonZeroU32 = NonZeroU32::new(8).expect("eight is not zero");
        Self {
            limits: Vec::new(),
            pace: Pace::Eager,
            start: None,
            share: Share::ALL,
            concurrency: EIGHT,
            retries: 5,
            backoff: Backoff::default(),
            tokens: Tokens::default(),
            max_wait: Patience::Within(Duration::from_secs(60)),
            repeat: Repeat::default(),
            hedge: false,
            redirects: 10,
            busy: Vec::new(),
            fault: Vec::new(),
            buckets: BTreeMap::new(),
            units: Vec::new(),
        }
    }
}

impl Policy {
    /// The limits that hold for a key.
    pub(crate) fn limits_for(&self, key: &Key) -> impl Iterator<Item = LimitSpec> {
        self.limits
            .iter()
            .filter(|rule| rule.host.as_deref().is_none_or(|host| host == key.host()))
            .map(|rule| rule.spec)
    }
}

/// A limit and where it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRule {
    /// The host, in lower case and without a port; `None` holds for each origin by itself.
    pub host: Option<String>,
    /// The limit.
    pub spec: LimitSpec,
}

/// After what a request that is not idempotent may be sent again. All on by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// After a failure that is known to precede sending.
    pub unsent: bool,
    /// After a 429: the server said that it did not act.
    pub refused: bool,
    /// After a 503 that says when to come back.
    pub overloaded: bool,
}

impl Default for Repeat {
    fn default() -> Self {
        Self { unsent: true, refused: true, overloaded: true }
    }
}
