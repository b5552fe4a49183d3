//! A world to try a policy in: who calls whom over which network, from which seed.

use std::borrow::Cow;
use std::time::Duration;

use super::caller::Caller;
use super::chance::stream;
use super::chance::upto;
use super::client::{Client, Heedless};
use super::driver::Driver;
use super::least;
use super::network::Network;
use super::report::Report;
use super::server::Server;
use super::site::Site;
use crate::time::{Instant, Now, Wall};

/// A server, a network and a seed. The same world and the same client give the same [`Report`].
#[derive(Clone, Debug)]
pub struct World {
    pub(super) server: Server,
    pub(super) network: Network,
    pub(super) seed: u64,
    pub(super) others: Vec<Caller>,
    pub(super) start: Instant,
    pub(super) horizon: Duration,
    pub(super) traced: bool,
}

/// A client and the callers that go through it.
pub struct Party<'a> {
    pub(super) client: Box<dyn Client + 'a>,
    pub(super) callers: Vec<Caller>,
}

impl<'a> Party<'a> {
    /// A client with its callers.
    pub fn new(client: impl Client + 'a, callers: impl Into<Vec<Caller>>) -> Self {
        Self { client: Box::new(client), callers: callers.into() }
    }
}

/// The numbers of the seed's streams.
pub(super) const NETWORK: u64 = 3;
const EPOCH: u64 = 4;
pub(super) const CALLERS: u64 = 5;
/// The background's callers have the numbers from here on.
pub(super) const OTHERS: u64 = 1 << 32;

impl World {
    /// A world with this server, a network that takes no time, and the seed 0.
    pub fn new(server: Server) -> Self {
        Self {
            server,
            network: Network::default(),
            seed: 0,
            others: Vec::new(),
            start: Instant::ZERO,
            horizon: Duration::from_secs(400 * 86_400),
            traced: false,
        }
    }

    /// Another network.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Another seed. It also sets the wall clock, so that windows on the clock begin anywhere.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Somebody else sends on the same quota at random, one request a `period` in the mean, and never again what was refused. The
    /// report counts that apart, as the last of its parties.
    #[must_use]
    pub fn shared_with(mut self, period: Duration) -> Self {
        self.others.push(Caller::background(period));
        self
    }

    /// Begins at this moment of the monotonic clock, so that a client can go from one run into the next.
    #[must_use]
    pub fn begins_at(mut self, start: Instant) -> Self {
        self.start = start;
        self
    }

    /// Ends the run after this long, whatever is undone; 400 days by default.
    #[must_use]
    pub fn horizon(mut self, horizon: Duration) -> Self {
        self.horizon = horizon;
        self
    }

    /// Whether the report has a trace of all that happened; off by default.
    #[must_use]
    pub fn traced(mut self, traced: bool) -> Self {
        self.traced = traced;
        self
    }

    /// Both clocks at the start.
    pub fn start(&self) -> Now {
        // Within the year 2026.
        let wall =
            Wall::from_secs(1_767_225_600) + upto(&mut stream(self.seed, EPOCH), Duration::from_secs(365 * 86_400));
        Now { mono: self.start, wall }
    }

    /// Runs one client with one caller.
    pub fn run<'a>(&'a self, client: impl Client + 'a, caller: Caller) -> Report {
        self.run_all(vec![Party::new(client, [caller])])
    }

    /// Runs any number of clients, each with its callers, until all that is wanted has ended.
    pub fn run_all(&self, mut parties: Vec<Party<'_>>) -> Report {
        let least = least::time(self, parties.iter().flat_map(|party| &party.callers));
        if !self.others.is_empty() {
            parties.push(Party::new(Heedless::default(), self.others.clone()));
        }
        let site = Site::new(Cow::Borrowed(&self.server), self.start(), self.seed);
        Driver::new(self, site, parties).run(least)
    }
}
