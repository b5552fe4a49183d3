//! A simulated server as its operator would set it up: rules, what it says, how it works and how it fails.

use std::time::Duration;

use http::StatusCode;

use super::chance::{Span, millionths};
use super::rule::Rule;
use super::voice::Voice;
use crate::time::Offset;

/// A server with true limits. Built from its rules, then described:
///
/// ```
/// # use std::time::Duration;
/// # use abide_core::sim::{Fields, Rule, Server, Voice};
/// let server = Server::new(Rule::bucket(20, Duration::from_secs(1), 10))
///     .and(Rule::clock(1_000, Duration::from_secs(86_400)))
///     .says(Voice::of(Fields::Draft8))
///     .works(Duration::from_millis(30), Duration::from_millis(10))
///     .fails(0.10);
/// ```
#[derive(Clone, Debug)]
pub struct Server {
    pub(super) rules: Vec<Rule>,
    pub(super) voice: Voice,
    pub(super) refusal: StatusCode,
    pub(super) work: Span,
    pub(super) varies: f64,
    pub(super) faults: Faults,
    pub(super) outages: Vec<Outage>,
    pub(super) changes: Vec<Change>,
    pub(super) ban: Option<Ban>,
    pub(super) skew: Offset,
}

/// The shares of accepted requests, in millionths, that go wrong behind the limits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) failed: u64,
    pub(super) reset: u64,
    pub(super) stalled: u64,
    pub(super) stall: Duration,
}

/// A time, counted from the start of the run, in which nothing is served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) from: Duration,
    pub(super) until: Duration,
}

/// The moment, counted from the start of the run, from which the first rule is another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) at: Duration,
    pub(super) rule: Rule,
}

/// After so many refusals within the same time, nobody is let in for a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ban {
    pub(super) refusals: u32,
    pub(super) length: Duration,
}

impl Server {
    /// A silent server that answers at once and holds this rule.
    pub fn new(rule: Rule) -> Self {
        Self { rules: vec![rule], ..Self::unlimited() }
    }

    /// A silent server that answers at once and holds no rule.
    pub fn unlimited() -> Self {
        Self {
            rules: Vec::new(),
            voice: Voice::SILENT,
            refusal: StatusCode::TOO_MANY_REQUESTS,
            work: Span::default(),
            varies: 0.0,
            faults: Faults::default(),
            outages: Vec::new(),
            changes: Vec::new(),
            ban: None,
            skew: Offset::ZERO,
        }
    }

    /// Holds another rule as well. A request is within all of them or counted by none.
    #[must_use]
    pub fn and(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// What it says.
    #[must_use]
    pub fn says(mut self, voice: Voice) -> Self {
        self.voice = voice;
        self
    }

    /// The status of its refusals; 429 by default.
    #[must_use]
    pub fn refuses_with(mut self, status: StatusCode) -> Self {
        self.refusal = status;
        self
    }

    /// How long an accepted request takes: between `least` and `least + spread`. Refusals are answered at once.
    #[must_use]
    pub fn works(mut self, least: Duration, spread: Duration) -> Self {
        self.work = Span { least, spread };
        self
    }

    /// How unequal the times of [`Server::works`] are: each is multiplied by a factor drawn from the lognormal distribution with
    /// the median 1 and this sigma. At 1, one time in a hundred is more than ten times the median.
    #[must_use]
    pub fn varies(mut self, sigma: f64) -> Self {
        self.varies = sigma;
        self
    }

    /// The share of accepted requests that ends in a 503 without a word. The limits have counted them.
    #[must_use]
    pub fn fails(mut self, share: f64) -> Self {
        self.faults.failed = millionths(share);
        self
    }

    /// The share of accepted requests whose connection breaks before the answer. The limits have counted them.
    #[must_use]
    pub fn resets(mut self, share: f64) -> Self {
        self.faults.reset = millionths(share);
        self
    }

    /// The share of accepted requests that are answered well, but so much later.
    #[must_use]
    pub fn stalls(mut self, share: f64, stall: Duration) -> Self {
        self.faults.stalled = millionths(share);
        self.faults.stall = stall;
        self
    }

    /// Answers everything with a bare 503 from one moment of the run to another, and counts nothing of it.
    #[must_use]
    pub fn is_down(mut self, from: Duration, until: Duration) -> Self {
        self.outages.push(Outage { from, until });
        self.outages.sort_by_key(|outage| outage.from);
        self
    }

    /// From this moment of the run on, `rule` holds in place of the first rule. What was counted stays if both count alike.
    #[must_use]
    pub fn changes(mut self, at: Duration, rule: Rule) -> Self {
        self.changes.push(Change { at, rule });
        self.changes.sort_by_key(|change| change.at);
        self
    }

    /// After so many refusals, each within `length` of the one before, refuses everybody for `length`.
    #[must_use]
    pub fn bans(mut self, refusals: u32, length: Duration) -> Self {
        self.ban = Some(Ban { refusals, length });
        self
    }

    /// How far its wall clock is ahead of the true one.
    #[must_use]
    pub fn clock_ahead(mut self, skew: Offset) -> Self {
        self.skew = skew;
        self
    }

    /// The rules that hold at the start.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}
