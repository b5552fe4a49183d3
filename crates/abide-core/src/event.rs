//! What a shell tells the engine.

use http::{HeaderMap, StatusCode};

use crate::budget::Answer;
use crate::call::{CallId, Safety};
use crate::deed::Deed;
use crate::key::Key;
use crate::route::Route;
use crate::time::Instant;

/// Something that happened to a call, or just the passing of time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The moment that [`Engine::poll_timeout`](crate::Engine::poll_timeout) named has come.
    Tick,
    /// The head of the answer to a call's attempt arrived.
    Head {
        /// The call.
        id: CallId,
        /// The attempt, as [`Decision::Send`](crate::decision::Decision::Send) numbered it.
        attempt: u32,
        /// The status.
        status: StatusCode,
        /// The header fields.
        headers: &'a HeaderMap,
        /// Where a redirect leads, if the shell can follow it.
        redirect: Option<Redirect>,
        /// The beginning of the decoded body, after [`Decision::Peek`](crate::decision::Decision::Peek) asked for it.
        body: Option<&'a [u8]>,
    },
    /// A call's attempt failed without a whole answer.
    Failed {
        /// The call.
        id: CallId,
        /// The attempt, as [`Decision::Send`](crate::decision::Decision::Send) numbered it.
        attempt: u32,
        /// How.
        failure: Failure,
    },
    /// The body of a call's request is gone, so that it can't be sent again whatever comes of the attempt under way.
    Spent {
        /// The call.
        id: CallId,
    },
    /// There is another credential, after [`Decision::Renew`](crate::decision::Decision::Renew) asked for one.
    Renewed {
        /// The call.
        id: CallId,
    },
    /// The body of a returned answer ended or was dropped.
    Done {
        /// The call.
        id: CallId,
    },
    /// Other processes, which share a key's budget, did something. To be told in the order in which it was done, and before the
    /// [`begin`](crate::Engine::begin) of an attempt that leaves after it.
    Others {
        /// The budget.
        key: &'a Key,
        /// Which process did what.
        deeds: &'a [(u64, Deed)],
    },
    /// The budget that workers share answered [`Decision::Lease`](crate::decision::Decision::Lease).
    Leased {
        /// The budget.
        key: &'a Key,
        /// What it answered, by the clock of the other inputs.
        answer: Answer,
    },
    /// The budget that workers share can't be asked.
    StoreDown {
        /// The budget.
        key: &'a Key,
        /// Not to be asked before.
        until: Instant,
        /// How many workers shared it when it was last seen.
        workers: u32,
    },
}

/// Where a 3xx leads, resolved by the shell.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// The budget that the next hop spends.
    pub key: Key,
    /// The part of the API that it goes to.
    pub route: Route,
    /// What is known about repeating the next hop. [`Safety::Once`] where it would need the body that is gone: such a redirect
    /// is not followed but returned.
    pub safety: Safety,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// The name could not be resolved; nothing was sent.
    Resolve,
    /// No connection came about; nothing was sent.
    Connect,
    /// The peer's certificate or protocol was not accepted; nothing was sent, and trying again would not help.
    Tls,
    /// No connection within its time limit; nothing was sent.
    ConnectTimeout,
    /// No answer, or no further byte of it, within its time limit.
    Timeout,
    /// The connection broke before the head of the answer.
    Reset,
    /// The answer broke off, or could not be decoded.
    Body,
    /// The request itself can't be sent; trying again would not help.
    Request,
}

impl Failure {
    /// Whether it is known that the server saw nothing of the request.
    pub const fn precedes_sending(self) -> bool {
        matches!(self, Self::Resolve | Self::Connect | Self::Tls | Self::ConnectTimeout | Self::Request)
    }

    /// Whether the same attempt later may go better.
    pub const fn is_transient(self) -> bool {
        !matches!(self, Self::Tls | Self::Request)
    }
}
