//! The gate of one key: everything that stands between its calls and the network, and who goes through next.

mod kept;
mod leases;
mod others;
mod pass;
mod slots;
mod spread;
mod trips;
mod warmup;

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Duration;

pub(crate) use others::Others;
pub(crate) use pass::{Flown, Pass};
pub(crate) use slots::Slots;
pub(crate) use trips::Trips;

use kept::Kept;
use leases::Leases;
use spread::Spread;

use self::warmup::Warmup;
use crate::adapt::{self, Controller, Learner};
use crate::call::{Call, CallId};
use crate::decision::{Reason, Why};
use crate::deed::Deed;
use crate::engine::Unread;
use crate::headers::Reader;
use crate::key::Key;
use crate::ledger::Ledger;
use crate::limit::pause::{Pause, Round};
use crate::limit::quota::Quotas;
use crate::limit::{Opening, Stack};
use crate::policy::{LimitSpec, Policy};
use crate::queue::Queue;
use crate::retry::Budget;
use crate::tail::Tail;
use crate::time::{Instant, Now};

/// How long a grant stays good that its caller does not begin.
pub(crate) const GRANT_LIFE: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) key: Key,
    /// The key's host.
    pub(crate) host: Box<str>,
    pub(crate) limits: Stack,
    pub(crate) quotas: Quotas,
    pub(crate) pause: Pause,
    pub(crate) slots: Slots,
    pub(crate) queue: Queue,
    pub(crate) budget: Budget,
    pub(crate) learner: Learner,
    kept: Kept,
    spread: Spread,
    warmup: Option<Warmup>,
    pub(crate) others: Others,
    /// Whether what is done here is kept for other processes, and what that was since they were told.
    pub(crate) publishes: bool,
    pub(crate) deeds: Vec<Deed>,
    /// What is leased of a budget that other workers share, if there is one.
    pub(crate) leases: Option<Box<Leases>>,
    pub(crate) reader: Reader,
    pub(crate) ledger: Ledger,
    pub(crate) trips: Trips,
    pub(crate) tail: Tail,
    /// Attempts that left and are not answered.
    pub(crate) unanswered: u64,
    /// What the server said that the last call cost; 1 before it said anything.
    pub(crate) usual_cost: u64,
    /// Since when the server takes nothing: the first refusal, or the first wait for what was learned with nothing under way,
    /// since it last took a request.
    pub(crate) drought: Option<Instant>,
    /// When it last took one.
    pub(crate) accepted: Option<Instant>,
    /// The calls here that have a deadline, whatever they are doing.
    pub(crate) deadlines: BTreeSet<(Instant, CallId)>,
    /// Grants that were not begun, with the moment at which they go back.
    pub(crate) grants: BTreeSet<(Instant, CallId)>,
    /// Attempts that may get another beside them, with the moment since which they are alone.
    pub(crate) watched: BTreeSet<(Instant, CallId)>,
    /// Whether a refusal without a word came in since they were looked at.
    pub(crate) overtaken: bool,
    /// Whether retries are held back, for the budget was empty and nothing was accepted since.
    pub(crate) held: bool,
    /// When an attempt will have stalled next, or one that has may get another beside it.
    pub(crate) stalls_at: Option<Instant>,
    /// Answers that hold all places in flight, as nobody reads them to their end.
    pub(crate) unread: Unread,
    /// What the head of the queue waits for.
    pub(crate) blocked: Option<Why>,
    /// Whether a call has come to the queue that was not told yet what is waited for.
    pub(crate) untold: bool,
    /// When the engine has to look here again.
    pub(crate) wake: Option<Instant>,
}

impl Gate {
    pub(crate) fn new(key: Key, policy: &Policy, seed: u64) -> Self {
        let mut reader = Reader::default();
        policy.units.iter().for_each(|(field, scale)| reader.set_unit(field, *scale));
        Self {
            limits: Stack::new(policy.limits_for(&key), policy.share),
            slots: Slots::new(policy.concurrency.get(), policy.limits_for(&key), policy.share),
            host: key.host().into(),
            key,
            quotas: Quotas::new(policy.share),
            pause: Pause::default(),
            queue: Queue::default(),
            budget: Budget::new(policy.tokens),
            learner: Learner::new(seed),
            kept: Kept::new(policy.share),
            spread: Spread::new(policy.pace),
            warmup: policy.start.and_then(Warmup::new),
            others: Others::default(),
            publishes: false,
            deeds: Vec::new(),
            leases: None,
            reader,
            ledger: Ledger::default(),
            trips: Trips::default(),
            tail: Tail::default(),
            unanswered: 0,
            usual_cost: 1,
            drought: None,
            accepted: None,
            deadlines: BTreeSet::new(),
            grants: BTreeSet::new(),
            watched: BTreeSet::new(),
            stalls_at: None,
            overtaken: false,
            held: false,
            unread: Unread::default(),
            blocked: None,
            untold: false,
            wake: None,
        }
    }

    /// What stands in the way of a call: of everything that does, what ends last. Where only an answer can tell, `until` is
    /// `None`. `Err` names a limit that the call can never pass.
    pub(crate) fn blocker(&mut self, call: &Call, now: Now) -> Result<Option<Why>, LimitSpec> {
        let mut last: Option<Why> = self.pause.blocker(now.mono);
        let mut weigh = |reason: Reason, opening: Opening| {
            let until = match opening {
                Opening::At(at) if at <= now.mono => return,
                Opening::At(at) => Some(at),
                Opening::AfterAnswer | Opening::Never => None,
            };
            if last.is_none_or(|known| known.until < until) {
                last = Some(Why { reason, until });
            }
        };
        match self.limits.opening(call.cost, now) {
            Some((spec, Opening::Never)) => return Err(spec),
            Some((spec, opening)) => weigh(Reason::Limit(spec), opening),
            None => {}
        }
        if let Some((reason, opening)) = self.quotas.opening(&call.route, self.quota_cost(call), now) {
            weigh(reason, opening);
        }
        match self.learner.opening(now) {
            adapt::Opening::At(at) if at <= now.mono => {}
            opening => {
                let opening = match opening {
                    adapt::Opening::At(at) => Opening::At(at),
                    adapt::Opening::AfterAnswer => Opening::AfterAnswer,
                };
                let reason = if self.learner.awaits_pilot() {
                    Reason::Probe
                } else {
                    Reason::Learned { limit: self.learner.believed() }
                };
                weigh(reason, opening);
            }
        }
        if self.kept.is_partial() {
            self.kept.follow(self.learner.believed(), self.learner.blames_limit());
            if let Some((spec, opening)) = self.kept.opening(self.unanswered, now) {
                weigh(Reason::Learned { limit: Some(spec) }, opening);
            }
        }
        if self.learner.believed().is_some() {
            self.warmup = None;
        }
        if let Some(warmup) = &self.warmup
            && let Some(at) = warmup.opening()
        {
            weigh(Reason::Limit(warmup.rate), Opening::At(at));
        }
        if let Some(last) = self.spread.last() {
            if let Some((spec, interval)) = self.limits.interval(last.cost) {
                weigh(Reason::Limit(spec), Opening::At(last.at + interval));
            }
            if let Some((limit, interval)) = self.quotas.interval(&call.route, u64::from(last.cost), last.at, now.mono)
            {
                weigh(Reason::Quota { limit }, Opening::At(last.at + interval));
            }
            if let Some(spec) = self.learner.believed()
                && let Some(interval) = self.kept.share().of_limit(spec).interval(last.cost)
            {
                weigh(Reason::Learned { limit: Some(spec) }, Opening::At(last.at + interval));
            }
        }
        if let Some(reason) = self.slots.full() {
            weigh(reason, Opening::AfterAnswer);
        }
        // Last of all, so that nothing is asked for that could not be used.
        match &mut self.leases {
            Some(leases) if last.is_none() => Ok(leases.blocker(call.cost, &self.limits, now.mono)),
            _ => Ok(last),
        }
    }

    /// From now on the limits that were told are kept to together with other workers.
    pub(crate) fn share(&mut self, policy: &Policy) {
        self.leases = Leases::new(policy.limits_for(&self.key).map(|spec| policy.share.of_limit(spec)));
    }

    /// Whether this is the answer of a shared budget that has yet to come, of which nobody knows whether it makes anybody wait.
    pub(crate) fn asks_budget(&self, why: &Why) -> bool {
        let is_shared = matches!(why, Why { reason: Reason::Limit(spec), until: None } if !matches!(spec, LimitSpec::Concurrency(_)));
        is_shared && self.leases.as_ref().is_some_and(|leases| leases.is_asking())
    }

    /// When a grant goes back that is good until then: a lease may end sooner.
    pub(crate) fn lapses_at(&self, back_at: Instant) -> Instant {
        self.leases.as_ref().and_then(|leases| leases.ends()).map_or(back_at, |ends| back_at.min(ends))
    }

    /// How much later than others an attempt may arrive at the server, where that is not constant.
    pub(crate) fn delay(&self) -> Duration {
        self.trips.longest().saturating_sub(self.trips.shortest())
    }

    /// What a call spends of the server's quotas: what it says itself, or else what the last call turned out to cost.
    fn quota_cost(&self, call: &Call) -> u64 {
        u64::from(call.cost).max(self.usual_cost)
    }

    /// Whether not even what was granted before may leave: the server has spoken since.
    pub(crate) fn has_overtaken(&mut self, now: Now) -> bool {
        let overtaken = std::mem::take(&mut self.overtaken);
        overtaken || self.pause.is_on(now.mono) || self.quotas.is_shut(now)
    }

    /// The watched attempt that left next after this one; the first of all if there is none.
    pub(crate) fn watched_after(&self, after: Option<(Instant, CallId)>) -> Option<(Instant, CallId)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.watched.range((from, Bound::Unbounded)).next().copied()
    }

    /// A refusal came that says nothing of how long to wait. It is the learner's to say when the next attempt may leave, and
    /// none that was granted before knew of this.
    pub(crate) fn on_silent(&mut self, id: CallId, round: Option<Round>, now: Instant) {
        self.drought.get_or_insert(now);
        self.overtaken = true;
        self.pause.on_lost(id, round, now);
    }

    /// Calls wait for this. What was learned may be wrong, so patience with it counts as after a refusal, except while an answer
    /// may still come that shows that the server takes requests.
    pub(crate) fn on_blocked(&mut self, why: Why, now: Instant) {
        if matches!(why, Why { reason: Reason::Learned { .. }, until: Some(_) }) && self.unanswered == 0 {
            self.drought.get_or_insert(now);
        }
    }

    /// Since when and by when patience has to have ended for a call to be sent away from this wait. A told wait that was not
    /// too long by itself is waited out; one that is told after patience has ended is not begun.
    pub(crate) fn patience_span(&self, reason: Reason, now: Instant) -> Option<(Instant, Instant)> {
        let by = match reason {
            Reason::ServerWait { .. } => self.pause.told_at(),
            Reason::Learned { .. } | Reason::Hold { .. } => now,
            _ => return None,
        };
        Some((self.drought?, by))
    }

    /// When somebody's patience with this wait ends, where that may come before the wait does.
    pub(crate) fn patience_ends(&self, reason: Reason) -> Option<Instant> {
        match reason {
            Reason::Learned { .. } | Reason::Hold { .. } => self.queue.bounds().next_worn_out(self.drought?),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
