//! Who goes through a gate now, who is sent away, and when to look again.

use super::{CallState, Engine, Phase};
use crate::call::{CallId, Patience};
use crate::decision::{Decision, GiveUp, Reason, Why};
use crate::gate::{GRANT_LIFE, Gate};
use crate::headers::Wait;
use crate::time::{Instant, Now};

impl Engine {
    /// Puts a call into the queue of its gate, at its place.
    pub(super) fn make_ready(&mut self, id: CallId, now: Now) {
        let Some(state) = self.calls.get_mut(&id) else { return };
        let gate = &mut self.gates[state.gate];
        state.phase = Phase::Ready { since: gate.ledger.mark(now.mono) };
        gate.queue.push(id, state.call.priority);
        gate.expect_by(state.call.deadline.unwrap_or(Instant::NEVER));
        if let Patience::Within(patience) = state.call.max_wait.unwrap_or(self.policy.max_wait) {
            gate.tightest = gate.tightest.min(patience);
            gate.expect_by(gate.accepted_at.max(state.submitted) + patience);
        }
    }

    /// Takes a call out of the queue until its backoff ends.
    pub(super) fn set_aside(&mut self, id: CallId, until: Instant, reason: Reason, now: Now) {
        let Some(state) = self.calls.get_mut(&id) else { return };
        state.why = Why { reason, until: Some(until) };
        state.phase = Phase::Aside { since: now.mono, until };
        self.gates[state.gate].queue.push_aside(id, until);
    }

    /// Lets through whoever may go, and notes when to look again. To be called after anything that may have changed a gate.
    pub(super) fn advance(&mut self, index: usize, now: Now) {
        self.gates[index].quotas.turn(now.mono);
        self.end_backoffs(index, now);
        self.take_back_grants(index, now);
        if self.gates[index].check_at <= now.mono {
            self.check_patience(index, now);
        }
        let before = self.gates[index].blocked;
        let blocked = self.admit(index, before, now);
        let gate = &mut self.gates[index];
        gate.blocked = blocked;
        gate.ledger.switch(blocked.map(|why| why.reason), now.mono);
        if blocked != before
            && let Some(why) = blocked
            && let Some(id) = gate.queue.head()
            && self.calls.get(&id).is_some_and(|state| state.call.listens)
        {
            self.decisions.push_back(Decision::Wait { id, why });
        }
        self.schedule(index);
    }

    /// Grants in order of the queue until something stands in the way of its head, and returns that.
    fn admit(&mut self, index: usize, before: Option<Why>, now: Now) -> Option<Why> {
        loop {
            let gate = &self.gates[index];
            let id = gate.queue.head()?;
            let call = &self.calls.get(&id)?.call;
            match gate.blocker(call, now) {
                Err(spec) => self.give_up(id, GiveUp::TooExpensive(spec), now),
                Ok(None) => self.grant(id, before, now),
                Ok(Some(why)) => {
                    if !self.send_away(index, why, now) {
                        return Some(why);
                    }
                }
            }
        }
    }

    fn grant(&mut self, id: CallId, before: Option<Why>, now: Now) {
        let Some(state) = self.calls.get_mut(&id) else { return };
        let gate = &mut self.gates[state.gate];
        if let Phase::Ready { since } = &state.phase
            && gate.ledger.charge(&mut state.account, since, now.mono)
            && let Some(why) = before
        {
            state.why = why;
        }
        gate.queue.remove(id, state.call.priority);
        let permit = gate.take(state.call.cost, now);
        let round = gate.pause.on_sent(id, gate.trips.usual(), now.mono);
        let back_at = now.mono + GRANT_LIFE;
        gate.grants.insert((back_at, id));
        state.phase = Phase::Granted { permit, back_at, round };
        self.decisions.push_back(Decision::Send { id, attempt: state.account.attempts + 1, why: state.why });
    }

    /// Ends the calls for which a wait that was told or said is too long, before they have waited. The wait is the head's, and
    /// nobody behind it goes sooner. Returns whether the head was among them.
    fn send_away(&mut self, index: usize, why: Why, now: Now) -> bool {
        let gate = &self.gates[index];
        let Some(wait) = why.stated_wait(now.mono) else { return false };
        let deadlines = gate.check_at;
        if wait <= gate.tightest && why.until.is_none_or(|until| until <= deadlines) {
            return false;
        }
        let head = gate.queue.head();
        let mut tightest = Wait::LONGEST;
        let mut leaving = Vec::new();
        for id in gate.queue.ready() {
            let Some(state) = self.calls.get(&id) else { continue };
            let patience = self.patience(&state.call);
            if Gate::is_too_long(wait, patience) {
                leaving.push((id, GiveUp::Limited { why, wait: Some(wait) }));
            } else if state.call.deadline.is_some_and(|deadline| now.mono + wait > deadline) {
                leaving.push((id, GiveUp::Deadline { why: Some(why) }));
            } else if let Patience::Within(patience) = patience {
                tightest = tightest.min(patience);
            }
        }
        self.gates[index].tightest = tightest;
        let head_left = leaving.first().is_some_and(|(id, _)| Some(*id) == head);
        for (id, reason) in leaving {
            self.give_up(id, reason, now);
        }
        head_left
    }

    fn end_backoffs(&mut self, index: usize, now: Now) {
        while let Some(id) = self.gates[index].queue.pop_aside(now.mono) {
            if let Some(CallState { phase: Phase::Aside { since, .. }, account, why, .. }) = self.calls.get_mut(&id) {
                let waited = now.mono.since(*since);
                account.add(why.reason, waited);
                self.backoff += waited;
            }
            self.make_ready(id, now);
        }
    }

    fn take_back_grants(&mut self, index: usize, now: Now) {
        while let Some((_, id)) = self.gates[index].grants.first().copied().filter(|(at, _)| *at <= now.mono) {
            self.leave(id, now);
            self.gates[index].members.insert(id);
            self.make_ready(id, now);
        }
    }

    /// Ends the calls whose deadline has passed, or that wait at a key which accepted nothing for as long as they allow.
    fn check_patience(&mut self, index: usize, now: Now) {
        let gate = &self.gates[index];
        let mut next = Instant::NEVER;
        let mut leaving = Vec::new();
        for id in &gate.members {
            let Some(state) = self.calls.get(id) else { continue };
            let waits_for = match &state.phase {
                Phase::Ready { .. } => gate.blocked,
                Phase::Aside { .. } => Some(state.why),
                Phase::Granted { .. } | Phase::Flying { .. } | Phase::Returned { .. } => None,
            };
            let deadline = state.call.deadline.unwrap_or(Instant::NEVER);
            if deadline <= now.mono {
                leaving.push((*id, GiveUp::Deadline { why: waits_for }));
                continue;
            }
            next = next.min(deadline);
            let Phase::Ready { .. } = state.phase else { continue };
            let Patience::Within(patience) = self.patience(&state.call) else { continue };
            let ends = gate.accepted_at.max(state.submitted) + patience;
            match gate.blocked.filter(|why| !matches!(why.reason, Reason::Concurrency(_))) {
                Some(why) if ends <= now.mono => {
                    let wait = why.until.map(|until| until.since(now.mono));
                    leaving.push((*id, GiveUp::Limited { why, wait }));
                }
                // Its key only lacks a free place: look again after as long.
                None if ends <= now.mono => next = next.min(now.mono + patience),
                _ => next = next.min(ends),
            }
        }
        self.gates[index].check_at = next;
        for (id, reason) in leaving {
            self.give_up(id, reason, now);
        }
    }

    fn schedule(&mut self, index: usize) {
        let gate = &mut self.gates[index];
        let wake = [
            gate.blocked.and_then(|why| why.until),
            gate.queue.next_aside(),
            gate.grants.first().map(|(at, _)| *at),
            (!gate.members.is_empty() && gate.check_at < Instant::NEVER).then_some(gate.check_at),
        ]
        .into_iter()
        .flatten()
        .min();
        if gate.wake != wake {
            if let Some(old) = gate.wake {
                self.wakes.remove(&(old, index));
            }
            if let Some(new) = wake {
                self.wakes.insert((new, index));
            }
            gate.wake = wake;
        }
    }
}
