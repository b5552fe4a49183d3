//! Checks the engine's books against each other, for tests: what is counted in two places must agree.

use super::flight::Beside;
use super::{Engine, Phase};
use crate::decision::Reason;
use crate::gate::Gate;
use crate::policy::LimitSpec;
use crate::time::Instant;

/// What the calls of one gate hold, counted call by call.
#[derive(Default)]
struct Held {
    places: u32,
    unanswered: u64,
    ready: usize,
    aside: usize,
    granted: usize,
    watched: usize,
    deadlines: usize,
}

impl Engine {
    /// Whether the books agree, and if not, which do not. Costs a look at every call.
    #[doc(hidden)]
    pub fn audit(&self) -> Result<(), String> {
        for (index, gate) in self.gates.iter().enumerate() {
            let held = self.held_at(index);
            let books = [
                ("places in flight", u64::from(gate.slots.used) == u64::from(held.places)),
                ("attempts without an answer", gate.unanswered == held.unanswered),
                ("the queue", gate.queue.agrees(held.ready, held.aside)),
                ("grants", gate.grants.len() == held.granted),
                ("attempts that are watched", gate.watched.len() == held.watched),
                ("deadlines", gate.deadlines.len() == held.deadlines),
                ("the learner", gate.learner.in_flight() == held.unanswered + gate.others.in_flight() as u64),
                ("limits", held.unanswered > 0 || gate.others.in_flight() > 0 || gate.limits.is_settled()),
                ("the ramp", u64::from(gate.pause.out()) <= held.unanswered),
                ("the wake-up", gate.wake.is_none_or(|at| self.wakes.contains(&(at, index)))),
            ];
            if let Some((book, _)) = books.iter().find(|(_, agrees)| !agrees) {
                return Err(format!("{book} of {:?} do not agree: {gate:#?}", gate.key));
            }
            if let Some(stuck) = stuck(gate, &held) {
                return Err(format!("{stuck} at {:?}: {gate:#?}", gate.key));
            }
        }
        if self.wakes.len() == self.gates.iter().filter(|gate| gate.wake.is_some()).count() {
            Ok(())
        } else {
            Err(format!("wake-ups that no gate knows: {:?}", self.wakes))
        }
    }

    fn held_at(&self, index: usize) -> Held {
        let mut held = Held::default();
        for state in self.calls.values().filter(|state| state.gate == index) {
            held.deadlines += usize::from(state.seat.deadline.is_some());
            match &state.phase {
                Phase::Ready { .. } => held.ready += 1,
                Phase::Aside { .. } => held.aside += 1,
                Phase::Lapsed | Phase::Renewing => {}
                Phase::Granted(_) => {
                    held.granted += 1;
                    held.places += 1;
                    held.unanswered += 1;
                }
                Phase::Flying { flight, beside } => {
                    let out = 1 + u32::from(matches!(beside, Beside::Granted(_) | Beside::Flying(_)));
                    held.places += out;
                    held.unanswered += u64::from(out);
                    held.granted += usize::from(matches!(beside, Beside::Granted(_)));
                    let is_watched = self.gates[index].watched.contains(&(flight.alone, state.seat.id));
                    held.watched += usize::from(is_watched && matches!(beside, Beside::Nobody));
                }
                Phase::Returned { .. } => held.places += 1,
            }
        }
        held
    }
}

/// Why calls wait here that nothing will wake.
fn stuck(gate: &Gate, held: &Held) -> Option<&'static str> {
    let wakes_by = |at: Instant| gate.wake.is_some_and(|wake| wake <= at);
    match gate.blocked {
        None if held.ready > 0 => Some("calls wait for nothing"),
        Some(_) if held.ready == 0 => Some("nobody waits for something"),
        Some(why) => match why.until {
            Some(until) if until < Instant::NEVER && !wakes_by(until) => Some("no wake-up at the end of a wait"),
            None if gate.leases.as_ref().is_some_and(|leases| leases.is_asked()) => None,
            None if held.places == 0 => Some("an answer is waited for, and none is to come"),
            // The cap alone counts what was answered and is still being read.
            None if !matches!(why.reason, Reason::Concurrency(_) | Reason::Limit(LimitSpec::Concurrency(_)))
                && held.unanswered == 0 =>
            {
                Some("a limit waits for an answer, and none is to come")
            }
            _ => None,
        },
        None => gate.queue.next_aside().filter(|at| !wakes_by(*at)).map(|_| "no wake-up at the end of a backoff"),
    }
}
