//! What a call has under way: one attempt, and beside it maybe another that stands in for it if it has stalled.

use super::{CallState, Engine, Phase};
use crate::call::CallId;
use crate::decision::Decision;
use crate::gate::{Gate, Pass};
use crate::time::{Instant, Now};

/// An attempt that may leave.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) pass: Pass,
    pub(super) back_at: Instant,
}

/// An attempt that has left and is not answered.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) attempt: u32,
    pub(super) pass: Pass,
    pub(super) sent: Now,
    /// Since when nothing else is out for its call: since it left, or since another attempt failed that went beside it.
    pub(super) alone: Instant,
    /// When the head of its answer came, if its body is looked at.
    pub(super) peeked: Option<Now>,
}

/// What goes beside an attempt that has stalled. Few have anything there.
#[derive(Clone, Debug)]
pub(super) enum Beside {
    Nobody,
    Granted(Box<Grant>),
    /// Its grant went back before its caller began.
    Lapsed,
    Flying(Box<Flight>),
}

impl Grant {
    /// The attempt starts.
    pub(super) fn begin(&mut self, gate: &mut Gate, id: CallId, attempt: u32, now: Now) -> Flight {
        gate.grants.remove(&(self.back_at, id));
        gate.begin(id, &mut self.pass, now);
        Flight { attempt, pass: self.pass.clone(), sent: now, alone: now.mono, peeked: None }
    }

    /// It is not begun after all.
    pub(super) fn give_back(&self, gate: &mut Gate, id: CallId, now: Now) {
        gate.grants.remove(&(self.back_at, id));
        gate.slots.used -= 1;
        gate.undo(id, &self.pass, now);
    }
}

impl Flight {
    /// Nobody waits for its answer any more. What it spent stays spent, for the server may have counted it.
    pub(super) fn abandon(&self, gate: &mut Gate, id: CallId, now: Now) {
        gate.slots.used -= 1;
        gate.abandon(id, &self.pass, self.sent, now);
    }
}

impl Beside {
    /// It is not needed any more.
    pub(super) fn give_back(&self, gate: &mut Gate, id: CallId, now: Now) {
        match self {
            Self::Nobody | Self::Lapsed => {}
            Self::Granted(grant) => {
                grant.give_back(gate, id, now);
                gate.budget.give_spare();
            }
            Self::Flying(flight) => flight.abandon(gate, id, now),
        }
    }
}

impl Phase {
    /// The attempt of this number, if it is under way.
    pub(super) fn flight_mut(&mut self, attempt: u32) -> Option<&mut Flight> {
        let Self::Flying { flight, beside } = self else { return None };
        match beside {
            Beside::Flying(second) if second.attempt == attempt => Some(second),
            _ => Some(flight).filter(|flight| flight.attempt == attempt),
        }
    }
}

impl Engine {
    /// An attempt that was answered or failed is not under way any more. Returns whether the call's fate hangs on it: where
    /// another is out, only a result ends the call, and that other is dropped.
    pub(super) fn land(&mut self, id: CallId, attempt: u32, status: u16, is_result: bool, now: Now) -> bool {
        let Some(CallState { gate, phase, .. }) = self.calls.get_mut(&id) else { return false };
        let Phase::Flying { flight, beside } = std::mem::replace(phase, Phase::Returned { attempt, status }) else {
            return true;
        };
        let gate = &mut self.gates[*gate];
        gate.watched.remove(&(flight.alone, id));
        let mut other = match beside {
            Beside::Flying(second) if second.attempt == attempt => flight,
            Beside::Flying(second) => *second,
            beside => {
                beside.give_back(gate, id, now);
                return true;
            }
        };
        if is_result {
            gate.tail.on_unanswered(now.mono.since(other.sent.mono));
            other.abandon(gate, id, now);
            self.decisions.push_back(Decision::Drop { id, attempt: other.attempt });
        } else {
            // If it goes on being late, one more may be tried.
            other.alone = now.mono;
            gate.watched.insert((now.mono, id));
            *phase = Phase::Flying { flight: other, beside: Beside::Nobody };
            gate.slots.used -= 1;
            self.decisions.push_back(Decision::Drop { id, attempt });
        }
        is_result
    }
}
