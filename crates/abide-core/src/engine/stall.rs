//! Which attempts have stalled, and when another goes beside one: the first answer of the two is the call's.

use super::flight::{Beside, Grant};
use super::{Engine, Phase};
use crate::call::{Call, Safety};
use crate::decision::{Decision, Why};
use crate::gate::{GRANT_LIFE, Gate};
use crate::policy::Policy;
use crate::time::{Instant, Now};

/// Whether two attempts of a call may be out at once: it has to be one that only reads.
pub(super) fn may_hedge(policy: &Policy, call: &Call) -> bool {
    call.rules.as_deref().unwrap_or(policy).hedge && call.reads && call.safety == Safety::Idempotent
}

/// What keeps a second attempt from leaving.
enum Obstacle {
    /// Something that ends then.
    Until(Instant),
    /// Something that only an answer can change.
    Answer,
}

impl Engine {
    /// Sends another beside every attempt that has stalled, where the gate lets it through, and notes when to look again. It has
    /// the place in the queue that its call had: who comes before that goes first.
    pub(super) fn hedge(&mut self, index: usize, now: Now) {
        if self.gates[index].watched.is_empty() {
            self.gates[index].stalls_at = None;
            return;
        }
        let first = self.gates[index].queue.head().and_then(|id| Some(self.calls.get(&id)?.seat.rank()));
        let late_after = self.gates[index].tail.late_after();
        let mut last = None;
        let mut again: Option<Instant> = None;
        while let Some((alone, id)) = self.gates[index].watched_after(last) {
            if alone + late_after > now.mono {
                again = Some(again.map_or(alone + late_after, |again| again.min(alone + late_after)));
                break;
            }
            last = Some((alone, id));
            let Some(state) = self.calls.get_mut(&id) else { continue };
            let gate = &mut self.gates[index];
            let Phase::Flying { flight, beside } = &mut state.phase else { continue };
            if first.is_some_and(|first| first < state.seat.rank()) {
                continue;
            }
            match obstacle(gate, &state.call, now) {
                Some(Obstacle::Until(until)) => again = Some(again.map_or(until, |again| again.min(until))),
                Some(Obstacle::Answer) => {}
                None => {
                    gate.watched.remove(&(alone, id));
                    gate.budget.take_spare();
                    let back_at = gate.lapses_at(now.mono + GRANT_LIFE);
                    let pass = gate.take(id, &state.call, back_at, now);
                    gate.grants.insert((back_at, id));
                    *beside = Beside::Granted(Box::new(Grant { pass, back_at }));
                    let (attempt, beside) = (state.account.attempts + 1, Some(flight.attempt));
                    self.decisions.push_back(Decision::Send { id, attempt, beside, why: Why::FREE });
                }
            }
        }
        self.gates[index].stalls_at = again;
    }
}

/// A second attempt passes all that a first one does. Besides, it goes only while the server takes what it is sent and retries
/// have tokens to spare.
fn obstacle(gate: &mut Gate, call: &Call, now: Now) -> Option<Obstacle> {
    // Its body may have been used up since it was sent.
    let is_repeatable = call.safety == Safety::Idempotent;
    if !is_repeatable || gate.held || gate.drought.is_some() || !gate.pause.is_open() || !gate.budget.has_spare() {
        return Some(Obstacle::Answer);
    }
    match gate.blocker(call, now) {
        Ok(None) => None,
        Ok(Some(Why { until: Some(until), .. })) => Some(Obstacle::Until(until)),
        Ok(Some(Why { until: None, .. })) | Err(_) => Some(Obstacle::Answer),
    }
}
