//! The short way for a call that nothing stands in the way of: from its submission to the beginning of its first attempt in one step.

use super::flight::{Beside, Flight};
use super::{CallState, Engine, Phase, stall};
use crate::call::{Call, CallId};
use crate::decision::{Decision, Why};
use crate::gate::GRANT_LIFE;
use crate::time::Now;

impl Engine {
    /// A new call whose caller sends at once if it may. `true` if its first attempt has begun with that: then its
    /// [`Decision::Send`] is the first to be polled of that call, and [`Engine::begin`] is not to be called for it. Else it is as if
    /// it had been [submitted](Engine::submit).
    pub fn depart(&mut self, call: Call, now: Now) -> (CallId, bool) {
        let index = self.gate(&call.key);
        self.catch_up(index, now);
        let is_overdue = call.deadline.is_some_and(|deadline| deadline <= now.mono);
        let id = self.enter(call, index, now);
        let has_left = !is_overdue && self.is_clear(index) && self.leave_at_once(id, now);
        if !has_left {
            self.make_ready(id, now);
        }
        self.advance(index, now);
        (id, has_left)
    }

    /// Whether nobody is there who would be overtaken, or has to be asked first.
    fn is_clear(&self, index: usize) -> bool {
        let gate = &self.gates[index];
        gate.queue.len() == 0 && gate.blocked.is_none() && gate.leases.is_none()
    }

    /// What a grant and its beginning are together, for a call at the gate.
    fn leave_at_once(&mut self, id: CallId, now: Now) -> bool {
        let Some(CallState { gate, call, phase, account, .. }) = self.calls.get_mut(&id) else { return false };
        let gate = &mut self.gates[*gate];
        if !matches!(gate.blocker(call, now), Ok(None)) {
            return false;
        }
        let mut pass = gate.take(id, call, now.mono + GRANT_LIFE, now);
        gate.begin(id, &mut pass, now);
        account.attempts = 1;
        let flight = Flight { attempt: 1, pass, sent: now, alone: now.mono, peeked: None };
        *phase = Phase::Flying { flight, beside: Beside::Nobody };
        if stall::may_hedge(&self.policy, call) {
            gate.watched.insert((now.mono, id));
        }
        self.stats.requests += 1;
        self.decisions.push_back(Decision::Send { id, attempt: 1, beside: None, why: Why::FREE });
        true
    }
}
