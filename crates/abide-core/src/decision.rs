//! What the engine tells a shell, and why.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::budget::Ask;
use crate::call::{Account, CallId};
use crate::event::Failure;
use crate::headers::Wait;
use crate::key::Key;
use crate::policy::LimitSpec;
use crate::time::{Human, Instant};

/// What a shell has to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Send the call's next attempt: call [`Engine::begin`](crate::Engine::begin) at the moment it starts.
    Send {
        /// The call.
        id: CallId,
        /// The number of the attempt, from 1.
        attempt: u32,
        /// The attempt beside which it goes, for that one has stalled: it goes on too, and the first answer counts.
        beside: Option<u32>,
        /// The last thing that stood in its way.
        why: Why,
    },
    /// The call waits; told only to calls that listen, when the reason or the moment changed.
    Wait {
        /// The call.
        id: CallId,
        /// What for, and until when.
        why: Why,
    },
    /// The body may say something about the limit: read up to so many bytes of it, decoded, and tell the head again with them.
    Peek {
        /// The call.
        id: CallId,
        /// The attempt whose answer it is.
        attempt: u32,
        /// How many bytes are of use; fewer if the body ends before.
        bytes: usize,
    },
    /// End this attempt, or drop what came of it; the call goes on with its other one.
    Drop {
        /// The call.
        id: CallId,
        /// The attempt.
        attempt: u32,
    },
    /// The answer is not the last word: drop it. A [`Decision::Send`] follows when it is due.
    Retry {
        /// The call.
        id: CallId,
    },
    /// Go to the target that came with the [`Redirect`](crate::event::Redirect). A [`Decision::Send`] follows when it is due.
    Follow {
        /// The call.
        id: CallId,
    },
    /// The credential was not accepted, and the call has another way to one: drop the answer, get it, and tell
    /// [`Event::Renewed`](crate::event::Event::Renewed). A [`Decision::Send`] follows when it is due.
    Renew {
        /// The call.
        id: CallId,
    },
    /// The answer is the call's result: hand it over, then tell [`Event::Done`](crate::event::Event::Done).
    Return {
        /// The call.
        id: CallId,
        /// Why it is not tried again.
        verdict: Verdict,
    },
    /// Every place in flight has for long been held by an answer whose body was neither read to its end nor dropped: this call and
    /// those behind it wait for their own caller. Told once a key.
    Unread {
        /// The call that is next.
        id: CallId,
        /// The calls whose answers hold the places.
        holders: Vec<CallId>,
    },
    /// Every limit that is kept here would let the call go, and the budget that other workers share has to be asked: tell
    /// [`Event::Leased`](crate::event::Event::Leased) or [`Event::StoreDown`](crate::event::Event::StoreDown). Not about one call: whoever
    /// comes first when the answer comes uses it.
    Lease {
        /// Whose budget.
        key: Key,
        /// The limits that it holds.
        limits: Arc<[LimitSpec]>,
        /// What is asked for.
        ask: Ask,
    },
    /// The call ends without an answer. Drop whatever of it is under way.
    GiveUp {
        /// The call.
        id: CallId,
        /// Why.
        reason: GiveUp,
        /// What it spent and waited for.
        account: Account,
    },
}

impl Decision {
    /// The call that it is about, if it is about one.
    pub fn id(&self) -> Option<CallId> {
        Some(match *self {
            Self::Lease { .. } => return None,
            Self::Send { id, .. }
            | Self::Wait { id, .. }
            | Self::Peek { id, .. }
            | Self::Drop { id, .. }
            | Self::Retry { id }
            | Self::Follow { id }
            | Self::Renew { id }
            | Self::Unread { id, .. }
            | Self::Return { id, .. }
            | Self::GiveUp { id, .. } => id,
        })
    }
}

/// Why an answer is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The server acted, or trying again would not change its mind.
    Final,
    /// A fault, and all tries are used up.
    Exhausted,
    /// A fault or a refusal that could be tried again, were it safe to send the request twice.
    Unrepeatable,
}

/// Why a call ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GiveUp {
    /// A wait for a limit is longer than the call allows.
    Limited {
        /// What it would have to wait for, and until when.
        why: Why,
        /// The full wait from now on, never cut; `None` if nobody said.
        wait: Option<Duration>,
    },
    /// The call's deadline passed, or would pass while it waits for `why`.
    Deadline {
        /// What it was waiting for; `None` if it was under way.
        why: Option<Why>,
    },
    /// The attempt failed, and all tries are used up, or another try would not help.
    Failed(Failure),
    /// The attempt failed after the server may have seen it, and it is not safe to send it twice.
    Unrepeatable(Failure),
    /// More redirects than allowed.
    Redirects(u32),
    /// It costs more than this limit ever allows.
    TooExpensive(LimitSpec),
}

/// What an attempt waits or waited for, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why {
    /// What for.
    pub reason: Reason,
    /// Until when, as far as it is known: it may take an answer to know.
    pub until: Option<Instant>,
}

impl Why {
    /// Nothing stands in the way.
    pub(crate) const FREE: Self = Self { reason: Reason::Free, until: None };

    /// How long it is until the moment that was told or said; `None` for a guess of ours, which may be wrong.
    pub(crate) fn stated_wait(&self, now: Instant) -> Option<Duration> {
        match self.reason {
            Reason::Limit(_) | Reason::Quota { .. } | Reason::ServerWait { .. } => Some(self.until?.since(now)),
            _ => None,
        }
    }

    /// Whether it says the same to somebody who listens. Moments that are read from a wall clock tremble with it.
    pub(crate) fn is_about(&self, other: &Self) -> bool {
        let close = |a: Instant, b: Instant| a.since(b).max(b.since(a)) < Duration::from_millis(1);
        self.reason == other.reason
            && match (self.until, other.until) {
                (Some(a), Some(b)) => close(a, b),
                (a, b) => a == b,
            }
    }
}

/// Something that an attempt can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing.
    Free,
    /// A limit that the user told.
    Limit(LimitSpec),
    /// A quota that the server named.
    Quota {
        /// Its size, if it was said.
        limit: Option<u64>,
    },
    /// A wait that the server asked for.
    ServerWait {
        /// The call that was told.
        told: CallId,
    },
    /// A limit that nobody stated: what the server accepts and refuses shows it.
    Learned {
        /// The limit that is believed; `None` while several explain what was seen.
        limit: Option<LimitSpec>,
    },
    /// One attempt goes first after a pause, then a few.
    Probe,
    /// The cap on attempts in flight.
    Concurrency(u32),
    /// The server fails so often that retries are held back.
    Hold {
        /// How the last attempt failed; `None` if it was answered with a fault.
        last: Option<Failure>,
    },
    /// The call's own backoff after a fault.
    Backoff {
        /// The number of the fault, from 1.
        fault: u32,
    },
}

impl Reason {
    /// The name of the reason in metrics and summaries.
    pub const fn label(&self) -> &'static str {
        self.book().label()
    }

    pub(crate) const fn book(&self) -> Book {
        match self {
            Self::Free => Book::Free,
            Self::Limit(_) => Book::Limit,
            Self::Quota { .. } => Book::Quota,
            Self::ServerWait { .. } => Book::ServerWait,
            Self::Learned { .. } => Book::Learned,
            Self::Probe => Book::Probe,
            Self::Concurrency(_) => Book::Concurrency,
            Self::Hold { .. } => Book::Hold,
            Self::Backoff { .. } => Book::Backoff,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Free => f.write_str("nothing"),
            Self::Limit(spec) => write!(f, "the limit {spec} that was told"),
            Self::Quota { limit: Some(limit) } => write!(f, "the server's quota of {limit}"),
            Self::Quota { limit: None } => f.write_str("the server's quota"),
            Self::ServerWait { told } => write!(f, "the pause that {told} was told"),
            Self::Learned { limit: Some(limit) } => write!(f, "the limit {limit} that was learned"),
            Self::Learned { limit: None } => f.write_str("a limit that is being learned"),
            Self::Probe => f.write_str("the first attempts after a pause"),
            Self::Concurrency(n) => write!(f, "one of {n} places in flight"),
            Self::Hold { last: Some(failure) } => write!(f, "a server that fails too often ({failure})"),
            Self::Hold { last: None } => f.write_str("a server that fails too often"),
            Self::Backoff { .. } => f.write_str("the backoff after a fault"),
        }
    }
}

/// The books that waiting time is kept in, one a kind of reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Book {
    Free,
    Limit,
    Quota,
    ServerWait,
    Learned,
    Probe,
    Concurrency,
    Hold,
    Backoff,
}

impl Book {
    pub(crate) const COUNT: usize = Self::Backoff as usize + 1;

    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::Free,
        Self::Limit,
        Self::Quota,
        Self::ServerWait,
        Self::Learned,
        Self::Probe,
        Self::Concurrency,
        Self::Hold,
        Self::Backoff,
    ];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Limit => "limit",
            Self::Quota => "quota",
            Self::ServerWait => "server_wait",
            Self::Learned => "learned",
            Self::Probe => "probe",
            Self::Concurrency => "concurrency",
            Self::Hold => "hold",
            Self::Backoff => "backoff",
        }
    }
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limited { why, wait: Some(wait) } if *wait > Wait::LONGEST => {
                write!(f, "it would have to wait {} for {}, a wait that nobody means", Human(*wait), why.reason)
            }
            Self::Limited { why, wait: Some(wait) } => {
                write!(f, "it would have to wait {} for {}", Human(*wait), why.reason)
            }
            Self::Limited { why, wait: None } => {
                write!(f, "nothing was accepted for too long; it waits for {}", why.reason)
            }
            Self::Deadline { why: Some(why) } => write!(f, "its deadline passes while it waits for {}", why.reason),
            Self::Deadline { why: None } => f.write_str("its deadline passed while it was under way"),
            Self::Failed(failure) => write!(f, "{failure}"),
            Self::Unrepeatable(failure) => write!(f, "{failure}; this request must not be sent twice"),
            Self::Redirects(most) => write!(f, "more than {most} redirects"),
            Self::TooExpensive(spec) => write!(f, "it costs more than the limit {spec} ever allows"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "the host's name could not be resolved",
            Self::Connect => "the connection failed",
            Self::Tls => "the secure connection was not accepted",
            Self::ConnectTimeout => "the connection took too long",
            Self::Timeout => "the answer took too long",
            Self::Reset => "the connection broke before an answer came",
            Self::Body => "the answer broke off",
            Self::Request => "the request can't be sent",
        })
    }
}
