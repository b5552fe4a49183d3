//! What other processes of the same key do: they spend of the same budget, and what they are told holds for all.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Gate;
use crate::adapt::knowledge::{Knowledge, Trust};
use crate::adapt::{Controller, End, Ticket};
use crate::call::CallId;
use crate::deed::{Act, Deed};
use crate::limit::{Permit, Trip};
use crate::time::{Instant, Now};

/// An attempt whose end nobody told for so long was its process's last, or may as well have been.
const PATIENCE: Duration = Duration::from_secs(60);
/// Attempts that were merged are counted one by one up to this many, which no told limit has to be kept longer for.
const MOST: u64 = 10_000;

/// Attempts of other processes that have not ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Others {
    flying: BTreeMap<(u64, u64), Other>,
    /// Limits were last told of this moment, and none of them goes back in time.
    latest: Instant,
    /// When the last attempt left that is known, ours included.
    left: Instant,
}

#[derive(Clone, Debug)]
struct Other {
    sent: Instant,
    /// It was told of later than what left after it, so that it can't be learned from.
    is_late: bool,
    ticket: Ticket,
    /// What it took of the limits here; `None` if the shared budget has counted it.
    permit: Option<Permit>,
}

impl Others {
    /// How many attempts of theirs are under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// When the first of them is given up.
    pub(crate) fn expires(&self) -> Option<Instant> {
        self.flying.values().map(|other| other.sent + PATIENCE).min()
    }

    /// Limits are told of this moment.
    pub(crate) fn on_counted(&mut self, now: Instant) {
        self.latest = self.latest.max(now);
    }

    /// One of ours leaves.
    pub(crate) fn on_left(&mut self, now: Instant) {
        self.left = self.left.max(now);
    }
}

impl Gate {
    /// Another process did something. Returns whether it spent, so that what was granted here may not fit any more.
    pub(crate) fn on_other(&mut self, who: u64, deed: Deed, now: Now) -> bool {
        let at = now.at(deed.at.min(now.mono));
        let counted = now.at(at.mono.max(self.others.latest).min(now.mono));
        match deed.act {
            Act::Left { cost, budget } => {
                if self.others.flying.contains_key(&(who, deed.attempt)) {
                    return false;
                }
                self.others.on_counted(counted.mono);
                // What the shared budget counted is not to be counted twice.
                let is_counted = budget != 0 && self.leases.as_ref().is_some_and(|leases| leases.id() == budget);
                let permit = (!is_counted).then(|| {
                    let mut permit = self.limits.take(cost, counted);
                    self.limits.leave(&mut permit, counted);
                    permit
                });
                let is_late = at.mono < self.others.left;
                self.others.on_left(at.mono);
                self.spread.on_left(at.mono, cost);
                let ticket = self.learner.on_other_sent(at);
                let other = Other { sent: at.mono, is_late, ticket, permit };
                self.others.flying.insert((who, deed.attempt), other);
                !is_counted
            }
            Act::Ended { end, pause } => {
                if let Some(other) = self.others.flying.remove(&(who, deed.attempt)) {
                    self.end_other(&other, end, at, counted);
                    if let Some(until) = pause {
                        self.pause.on_told(CallId::OTHER, other.sent, until, now.mono);
                    }
                }
                false
            }
        }
    }

    fn end_other(&mut self, other: &Other, end: End, at: Now, counted: Now) {
        let shown = if other.is_late && end != End::Unsent { End::Unknown } else { end };
        self.learner.on_end(other.ticket, shown, at);
        self.others.on_counted(counted.mono);
        match (&other.permit, end) {
            (None, _) => {}
            (Some(permit), End::Unsent) => self.limits.refund(permit),
            (Some(permit), _) => {
                self.limits.settle(permit, None, &Trip::answered(counted, self.trips.shortest()));
            }
        }
        match end {
            End::Accepted => {
                self.drought = None;
                self.accepted = self.accepted.max(Some(at.mono));
            }
            End::Suspected if self.learner.is_fault() => {}
            // Others wait with whoever was refused.
            End::Refused(_) | End::Suspected => {
                self.drought.get_or_insert(at.mono);
                self.overtaken = true;
            }
            End::Unknown | End::Unsent => {}
        }
    }

    /// Waits no longer for what a process that died will never tell.
    pub(crate) fn expire_others(&mut self, now: Now) {
        if self.others.flying.is_empty() {
            return;
        }
        let (gone, flying) = std::mem::take(&mut self.others.flying)
            .into_iter()
            .partition(|(_, other)| other.sent + PATIENCE <= now.mono);
        self.others.flying = flying;
        let gone: BTreeMap<_, Other> = gone;
        for other in gone.values() {
            self.end_other(other, End::Unknown, now, now);
        }
    }

    /// Goes on from what an earlier run knew.
    pub(crate) fn recall(&mut self, knowledge: &Knowledge, now: Now) {
        if knowledge.trust(now.wall) == Trust::Nonsense {
            return;
        }
        self.learner.recall(knowledge, now);
        for spent in &knowledge.spent {
            let sent = now.at(now.mono_at(spent.sent).min(now.mono).max(self.others.latest));
            let ended = now.at((sent.mono + spent.trip.unwrap_or_default()).min(now.mono));
            self.others.on_counted(ended.mono);
            for _ in 0..spent.count.min(MOST) {
                let mut permit = self.limits.take(1, sent);
                self.limits.leave(&mut permit, sent);
                self.limits.settle(&permit, None, &Trip::answered(ended, Duration::ZERO));
            }
        }
        if let Some(until) = knowledge.pause.map(|pause| now.mono_at(pause)).filter(|until| *until > now.mono) {
            self.pause.on_told(CallId::OTHER, now.mono, until, now.mono);
        }
    }

    /// What a later run has to know.
    pub(crate) fn knowledge(&self, now: Now) -> Option<Knowledge> {
        let pause = self.pause.told_until().filter(|until| *until > now.mono).map(|until| now.wall_at(until));
        let mut knowledge = self.learner.knowledge(now)?;
        knowledge.pause = knowledge.pause.max(pause);
        Some(knowledge)
    }
}
