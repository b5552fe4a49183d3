//! A call: one thing that a user wants done, which may take several attempts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::decision::Reason;
use crate::key::Key;
use crate::policy::Policy;
use crate::retry::{Meaning, Sign};
use crate::route::Route;
use crate::time::Instant;

/// Names a call for as long as it is known to the engine; never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(crate) u64);

impl CallId {
    /// A call of another process, or an earlier run. Calls are counted from 1.
    pub(crate) const OTHER: Self = Self(0);

    /// The number of the call, counted from 1 in order of submission.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OTHER => f.write_str("another run"),
            Self(number) => write!(f, "call {number}"),
        }
    }
}

/// What the engine has to know about a call before it can decide.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whose budget it spends.
    pub key: Key,
    /// Which part of the API it goes to; quotas that the API has for other parts do not hold it back.
    pub route: Route,
    /// Which failures it may be repeated after.
    pub safety: Safety,
    /// Whether it only reads (a safe method, RFC 9110 section 9.2.1), so that two attempts at once do no harm; not by default.
    pub reads: bool,
    /// What it spends of limits that count cost; 1 by default.
    pub cost: u32,
    /// Higher goes first; among equals the one submitted first. 0 by default.
    pub priority: i8,
    /// The moment after which the answer is of no use; none by default.
    pub deadline: Option<Instant>,
    /// The longest wait for a limit; `None` takes the policy's.
    pub max_wait: Option<Patience>,
    /// The rules that it goes by in place of the engine's. Its gate has those of its key, so the limits in these are not looked at.
    pub rules: Option<Arc<Policy>>,
    /// What answers to it mean, where the user knows that better than their status says: the first sign that fits counts. None by
    /// default.
    pub signs: Option<Arc<[(Sign, Meaning)]>>,
    /// Whether it has a credential that can be renewed, so that a 401 asks for that, once.
    pub renews: bool,
    /// Whether [`Decision::Wait`](crate::decision::Decision::Wait) is wanted for it.
    pub listens: bool,
}

impl Call {
    /// A call without a deadline, of cost 1 and priority 0.
    pub fn new(key: Key, safety: Safety) -> Self {
        Self {
            key,
            route: Route::default(),
            safety,
            reads: false,
            cost: 1,
            priority: 0,
            deadline: None,
            max_wait: None,
            rules: None,
            signs: None,
            renews: false,
            listens: false,
        }
    }
}

/// How long a call may wait for a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// At most this long.
    Within(Duration),
    /// For ever; has to be asked for.
    Endless,
}

impl Patience {
    /// The longest wait; `None` if there is none.
    pub(crate) fn longest(self) -> Option<Duration> {
        match self {
            Self::Within(most) => Some(most),
            Self::Endless => None,
        }
    }
}

/// What is known about sending a request more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// Sending it twice does what sending it once does (RFC 9110 section 9.2.2), or the server was given a stable
    /// `Idempotency-Key`.
    Idempotent,
    /// Sending it twice may do something twice.
    Unsafe,
    /// It can't be sent twice at all, for its body is gone after the first time.
    Once,
}

impl Safety {
    /// What a method promises by itself.
    pub fn of(method: &Method) -> Self {
        if method.is_idempotent() { Self::Idempotent } else { Self::Unsafe }
    }
}

/// What became of a call's time and attempts so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Attempts that were sent, redirects included.
    pub attempts: u32,
    /// Those of them that the server refused because of a limit.
    pub refused: u32,
    /// What was waited for, longest first.
    pub waited: Vec<(Reason, Duration)>,
}

impl Account {
    /// All waiting together.
    pub fn total_wait(&self) -> Duration {
        self.waited.iter().map(|(_, wait)| *wait).sum()
    }

    pub(crate) fn add(&mut self, reason: Reason, wait: Duration) {
        if wait.is_zero() {
            return;
        }
        match self.waited.iter_mut().find(|(known, _)| known.book() == reason.book()) {
            Some(entry) => entry.1 += wait,
            None => self.waited.push((reason, wait)),
        }
        self.waited.sort_by_key(|(_, wait)| std::cmp::Reverse(*wait));
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::time::Human;
        match self.waited.as_slice() {
            [] => {}
            [(reason, wait)] => write!(f, "waited {} for {reason}; ", Human(*wait))?,
            several => {
                write!(f, "waited {}: ", Human(self.total_wait()))?;
                for (i, (reason, wait)) in several.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{} for {reason}", Human(*wait))?;
                }
                f.write_str("; ")?;
            }
        }
        write!(f, "{} attempt{}", self.attempts, if self.attempts == 1 { "" } else { "s" })
    }
}
