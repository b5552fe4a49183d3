//! How a call goes away from its gate: what it holds is given back, and what it spent is remembered.

use super::{CallState, Engine, Phase};
use crate::call::CallId;
use crate::decision::{Decision, GiveUp};
use crate::time::Now;

impl Engine {
    /// Sees to it that the call's gate knows of its deadline.
    pub(super) fn expect_deadline(&mut self, id: CallId) {
        if let Some(state) = self.calls.get(&id)
            && let Some(deadline) = state.seat.deadline
        {
            self.gates[state.gate].deadlines.insert((deadline, id));
        }
    }

    pub(super) fn forget_deadline(&mut self, id: CallId) {
        if let Some(state) = self.calls.get(&id)
            && let Some(deadline) = state.seat.deadline
        {
            self.gates[state.gate].deadlines.remove(&(deadline, id));
        }
    }

    /// Gives back what a call holds at its gate, whatever it is doing.
    pub(super) fn release(&mut self, id: CallId, now: Now) {
        let Some(state) = self.calls.get_mut(&id) else { return };
        let gate = &mut self.gates[state.gate];
        match &state.phase {
            Phase::Ready { since } => {
                gate.ledger.charge(&mut state.account, since, now.mono);
                gate.queue.remove(&state.seat);
            }
            Phase::Aside { since, until } => {
                state.account.add(state.why.reason, now.mono.since(*since));
                self.aside.add(state.why.reason, now.mono.since(*since));
                gate.queue.remove_aside(id, *until);
            }
            Phase::Granted(grant) => grant.give_back(gate, id, now),
            Phase::Lapsed | Phase::Renewing => {}
            Phase::Flying { flight, beside } => {
                gate.watched.remove(&(flight.alone, id));
                flight.abandon(gate, id, now);
                beside.give_back(gate, id, now);
            }
            Phase::Returned { .. } => gate.slots.used -= 1,
        }
    }

    /// Forgets a call that holds nothing any more.
    pub(super) fn end(&mut self, id: CallId, ok: bool) {
        self.forget_deadline(id);
        if let Some(CallState { paid: Some(paid), gate, phase, .. }) = self.calls.remove(&id).as_deref()
            && matches!(phase, Phase::Ready { .. } | Phase::Aside { .. } | Phase::Granted(_) | Phase::Lapsed)
        {
            // The retry that it paid for is not sent.
            self.gates[*gate].budget.give(*paid);
        }
        if ok {
            self.stats.ok += 1;
        } else {
            self.stats.failed += 1;
        }
    }

    /// The call ends without an answer.
    pub(super) fn give_up(&mut self, id: CallId, reason: GiveUp, now: Now) {
        self.release(id, now);
        if let Some(state) = self.calls.get(&id) {
            let account = state.account.clone();
            self.decisions.push_back(Decision::GiveUp { id, reason, account });
        }
        self.end(id, false);
    }
}
