//! A simulated server for a shell's tests: asked one request at a time, it says what comes back and when.

use std::borrow::Cow;

use http::{HeaderMap, StatusCode};

use super::server::Server;
use super::site::Site;
use crate::time::{Instant, Now};

/// A running [`Server`].
///
/// ```
/// # use std::time::Duration;
/// # use abide_core::sim::{Live, Rule, Server};
/// # use abide_core::time::Now;
/// let start = Now::default();
/// let mut live = Live::new(Server::new(Rule::fixed(1, Duration::from_secs(5))), start, 1);
/// assert_eq!(live.ask(1, start.mono).status.unwrap(), 200);
/// assert_eq!(live.ask(1, start.mono).status.unwrap(), 429);
/// assert_eq!(live.ask(1, start.mono + Duration::from_secs(5)).status.unwrap(), 200);
/// ```
#[derive(Clone, Debug)]
pub struct Live(Site<'static>);

/// What comes back from a [`Live`] server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Heard {
    /// When it leaves the server.
    pub at: Instant,
    /// The status; `None` if the connection breaks instead.
    pub status: Option<StatusCode>,
    /// What it says of its limits.
    pub headers: HeaderMap,
}

impl Live {
    /// A server that starts now. The same seed and the same requests give the same answers.
    pub fn new(server: Server, start: Now, seed: u64) -> Self {
        Self(Site::new(Cow::Owned(server), start, seed))
    }

    /// A request of this cost arrives. Moments must not go back.
    pub fn ask(&mut self, cost: u64, now: Instant) -> Heard {
        let reply = self.0.arrive(cost, now);
        let mut headers = HeaderMap::new();
        self.0.speak(reply, now, &mut headers);
        Heard { at: reply.at, status: reply.kind.status(self.0.refusal()), headers }
    }
}
