//! Which attempts have stalled, and when another goes beside one: the first answer of the two is the call's.

use super::flight::{Beside, Grant};
use super::{CallState, Engine, Phase};
use crate::call::{Call, CallId, Safety};
use crate::decision::{Decision, Why};
use crate::gate::{GRANT_LIFE, Gate};
use crate::policy::Policy;
use crate::time::{Instant, Now};

/// Whether two attempts of a call may be out at once: it has to be one that only reads.
pub(super) fn may_hedge(policy: &Policy, call: &Call) -> bool {
    policy.hedge && call.reads && call.safety == Safety::Idempotent
}

/// What keeps a second attempt from leaving.
enum Obstacle {
    /// Something that ends then.
    Until(Instant),
    /// Something that only an answer can change.
    Answer,
}

impl Engine {
    /// Sends another beside every attempt that has stalled, where the gate lets it through. It has the place in the queue that
    /// its call had: who comes before that goes first.
    pub(super) fn hedge(&mut self, index: usize, now: Now) {
        let first = self.gates[index].queue.head().and_then(|id| Some(self.calls.get(&id)?.seat.rank()));
        let mut after = None;
        while let Some((sent, id)) = next_stalled(&self.gates[index], after, now) {
            after = Some((sent, id));
            let Some(state) = self.calls.get_mut(&id) else { continue };
            let gate = &mut self.gates[index];
            if first.is_some_and(|first| first < state.seat.rank()) || obstacle(gate, &state.call, now).is_some() {
                continue;
            }
            let Phase::Flying { flight, beside } = &mut state.phase else { continue };
            gate.watched.remove(&(sent, id));
            gate.budget.take_spare();
            let permit = gate.take(&state.call, now);
            let back_at = now.mono + GRANT_LIFE;
            let round = gate.pause.on_granted(id, back_at);
            gate.grants.insert((back_at, id));
            *beside = Beside::Granted(Grant { permit, back_at, round });
            let (attempt, beside) = (state.account.attempts + 1, Some(flight.attempt));
            self.decisions.push_back(Decision::Send { id, attempt, beside, why: Why::FREE });
        }
    }

    /// When an attempt will have stalled next, or when one that has may get another beside it.
    pub(super) fn next_stall(&self, index: usize, now: Now) -> Option<Instant> {
        let gate = &self.gates[index];
        let mut after = None;
        let mut next: Option<Instant> = None;
        while let Some((sent, id)) = next_stalled(gate, after, now) {
            after = Some((sent, id));
            if let Some(CallState { call, .. }) = self.calls.get(&id)
                && let Some(Obstacle::Until(until)) = obstacle(gate, call, now)
            {
                next = Some(next.map_or(until, |next| next.min(until)));
            }
        }
        let coming = gate.watched_after(after).map(|(sent, _)| sent + gate.tail.late_after());
        next.into_iter().chain(coming).min()
    }
}

/// The next after this one, in the order in which they left, that is out for longer than is usual.
fn next_stalled(gate: &Gate, after: Option<(Instant, CallId)>, now: Now) -> Option<(Instant, CallId)> {
    gate.watched_after(after).filter(|(sent, _)| *sent + gate.tail.late_after() <= now.mono)
}

/// A second attempt passes all that a first one does. Besides, it goes only where all is well otherwise and retries have tokens
/// to spare.
fn obstacle(gate: &Gate, call: &Call, now: Now) -> Option<Obstacle> {
    if gate.held || !gate.pause.is_open() || !gate.budget.has_spare() {
        return Some(Obstacle::Answer);
    }
    match gate.blocker(call, now) {
        Ok(None) => None,
        Ok(Some(Why { until: Some(until), .. })) => Some(Obstacle::Until(until)),
        Ok(Some(Why { until: None, .. })) | Err(_) => Some(Obstacle::Answer),
    }
}
