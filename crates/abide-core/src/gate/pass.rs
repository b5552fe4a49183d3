//! What an attempt takes of a gate when it is let through, and how that is given back.

use super::Gate;
use super::kept::Part;
use super::leases::Number;
use super::spread::Last;
use super::warmup::Warmup;
use crate::adapt::{Controller, End, Ticket};
use crate::call::{Call, CallId};
use crate::deed::{Act, Deed};
use crate::headers::Signal;
use crate::limit::pause::Round;
use crate::limit::quota::Answer;
use crate::limit::{Permit, Trip};
use crate::time::{Instant, Now};

/// What an attempt holds from its grant to its answer, a place in flight aside, which it holds for longer.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    permit: Permit,
    /// What it takes of the share of a limit that was learned.
    part: Option<Box<Part>>,
    /// The lease from a shared budget that it uses, or 0.
    pub(crate) lease: Number,
    /// When it was let through, and the last one before it, where attempts are spread.
    since: Instant,
    before: Option<Last>,
    ticket: Ticket,
    /// What it spends of limits that count cost.
    cost: u32,
    has_left: bool,
    /// The pause that it left after, if that was not over yet.
    pub(crate) round: Option<Round>,
}

/// An attempt's way there and back: when it left, when the head of its answer came, and when that was understood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flown {
    pub(crate) sent: Now,
    pub(crate) received: Now,
    pub(crate) now: Now,
}

impl Gate {
    /// Takes everything that an attempt needs. If it has not begun by `back_at`, that is to be given back.
    pub(crate) fn take(&mut self, id: CallId, call: &Call, back_at: Instant, now: Now) -> Pass {
        self.slots.used += 1;
        self.unanswered += 1;
        self.others.on_counted(now.mono);
        let mut permit = self.limits.take(call.cost, now);
        permit.claim = self.quotas.take(&call.route, self.quota_cost(call), now);
        let (ticket, round) = (self.learner.on_sent(now), self.pause.on_granted(id, back_at));
        let (part, before) = (self.kept.take(now), self.spread.on_left(now.mono, call.cost));
        if let Some(warmup) = &mut self.warmup {
            warmup.on_left(now.mono);
        }
        let lease = self.leases.as_mut().map_or(0, |leases| leases.take(now.mono));
        Pass { permit, part, lease, since: now.mono, before, ticket, cost: call.cost, has_left: false, round }
    }

    /// The attempt leaves.
    pub(crate) fn begin(&mut self, id: CallId, pass: &mut Pass, now: Now) {
        self.limits.leave(&mut pass.permit, now);
        self.quotas.leave(&mut pass.permit.claim, now);
        self.kept.leave(pass.part.as_deref_mut(), now);
        self.spread.on_left(now.mono, pass.cost);
        self.pause.on_begun(id, self.trips.usual(), now.mono);
        pass.ticket = self.learner.on_left(pass.ticket, now);
        pass.has_left = true;
        self.others.on_left(now.mono);
        if self.publishes {
            let budget = self.leases.as_ref().filter(|_| pass.lease != 0).map_or(0, |leases| leases.id());
            self.publish(pass.ticket, now, Act::Left { cost: pass.cost, budget });
        }
    }

    /// The learner hears how an attempt ended, and so do other processes, with the pause that they have to keep.
    pub(crate) fn end(&mut self, ticket: Ticket, end: End, pause: Option<Instant>, now: Now) {
        let has_begun = match end {
            End::Accepted => self.warmup.as_mut().is_some_and(Warmup::on_accepted),
            End::Refused(_) | End::Suspected => true,
            End::Unsent | End::Unknown => false,
        };
        if has_begun {
            self.warmup = None;
        }
        self.learner.on_end(ticket, end, now);
        self.publish(ticket, now, Act::Ended { end, pause });
    }

    fn publish(&mut self, ticket: Ticket, now: Now, act: Act) {
        if self.publishes {
            self.deeds.push(Deed { attempt: ticket.as_u64(), at: now.mono, act });
        }
    }

    /// The attempt never reached the server: nothing of it was counted there.
    pub(crate) fn undo(&mut self, id: CallId, pass: &Pass, now: Now) {
        self.unanswered -= 1;
        self.limits.refund(&pass.permit);
        self.kept.refund(pass.part.as_deref());
        self.spread.undo(pass.since, pass.before);
        if let Some(leases) = &mut self.leases {
            leases.give_back(pass.lease, now.mono);
        }
        self.quotas.release(pass.permit.claim, End::Unsent, now);
        if pass.has_left {
            self.end(pass.ticket, End::Unsent, None, now);
        } else {
            self.learner.on_end(pass.ticket, End::Unsent, now);
        }
        self.pause.on_lost(id, pass.round, now.mono);
    }

    /// Nobody waits for the answer any more, while the attempt may still be on its way there.
    pub(crate) fn abandon(&mut self, id: CallId, pass: &Pass, sent: Now, now: Now) {
        let arrived = now.mono.max(sent.mono + self.trips.longest());
        self.unanswered -= 1;
        let trip = Trip { ended: now, arrived, shortest: self.trips.shortest() };
        self.limits.settle(&pass.permit, None, &trip);
        self.kept.settle(pass.part.as_deref(), &trip);
        self.quotas.release(pass.permit.claim, End::Unknown, now);
        self.end(pass.ticket, End::Unknown, None, now);
        self.pause.on_lost(id, pass.round, now.mono);
    }

    /// The attempt was answered. The learner is to be told under the ticket what that means.
    pub(crate) fn settle(&mut self, call: &Call, pass: &Pass, flown: Flown, signal: &Signal) -> Ticket {
        let Flown { sent, received, now } = flown;
        let cost = signal.cost.map(|cost| u32::try_from(cost.ceil()).unwrap_or(u32::MAX));
        self.unanswered -= 1;
        self.trips.on_answer(received.mono.since(sent.mono));
        let trip = Trip::answered(now, self.trips.shortest());
        self.limits.settle(&pass.permit, cost, &trip);
        self.kept.settle(pass.part.as_deref(), &trip);
        let (quotas, is_refused, doubt) = (&signal.quotas[..], signal.refusal.is_some(), self.reader.clock_doubt());
        let told = self.limits.opens_at(call.cost, now);
        let answer = Answer { quotas, is_refused, doubt, told, sent, now: received };
        self.quotas.on_answer(&call.route, pass.permit.claim, &answer);
        self.usual_cost = cost.map_or(self.usual_cost, |cost| u64::from(cost).max(1));
        pass.ticket
    }
}
