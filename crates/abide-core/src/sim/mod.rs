//! Simulates servers with true limits in virtual time, to try a policy against them.
//!
//! A [`World`] has a [`Server`] with its [`Rule`]s, a [`Network`] and a seed. A [`Client`] decides when requests leave: the engine
//! ([`EngineClient`]), one of the policies that others use ([`PerRequest`], [`Adaptive`], [`Aimd`]), or one of your own. A
//! [`Caller`] wants requests done. Time jumps from one event to the next, so that hours pass in milliseconds, and the [`Report`]
//! tells how near the client came to the least possible time.
//!
//! ```
//! use std::time::Duration;
//! use abide_core::Policy;
//! use abide_core::policy::LimitRule;
//! use abide_core::sim::{Caller, EngineClient, Network, Rule, Server, World};
//!
//! // The server allows 50 in 5 s and says nothing about it.
//! let server = Server::new(Rule::fixed(50, Duration::from_secs(5)));
//! let world = World::new(server).network(Network::round_trip(Duration::from_millis(20)));
//!
//! // The client was told.
//! let mut policy = Policy::default();
//! policy.limits.push(LimitRule { host: None, spec: "50/5s fixed".parse()? });
//!
//! let report = world.seed(1).run(EngineClient::new(policy, 1), Caller::new(300));
//! assert_eq!((report.total.done, report.total.lost, report.total.refused), (300, 0, 0));
//! assert!(report.ratio() < 1.02, "{report}");
//! # Ok::<(), abide_core::policy::SpecError>(())
//! ```

mod book;
mod caller;
mod chance;
mod client;
mod driver;
mod least;
mod live;
mod network;
mod report;
mod rule;
mod schedule;
mod server;
mod site;
mod trace;
mod voice;
mod world;

pub use caller::{Arrivals, Caller};
pub use client::{
    Action, Adaptive, Aimd, Answer, Client, Controlled, EngineClient, Heedless, Job, JobId, PerRequest, Script,
};
pub use live::{Heard, Live};
pub use network::Network;
pub use report::{Ending, Report, Second, Tally};
pub use rule::Rule;
pub use server::Server;
pub use trace::{Entry, Outcome, Step};
pub use voice::{Fields, Lies, RetryAfter, Voice};
pub use world::{Party, World};

#[cfg(test)]
mod fleet;
#[cfg(test)]
mod stalls;
#[cfg(test)]
mod tests;
