//! Notices when every place in flight is held by an answer that nobody reads to its end, so that calls wait for their own caller.

use std::time::Duration;

use super::{Engine, Phase};
use crate::call::CallId;
use crate::decision::{Decision, Reason, Why};
use crate::policy::LimitSpec;
use crate::time::{Instant, Now};

/// For how long it has to be so: most bodies are read much faster, and who reads for longer is told no untruth.
const UNREAD_FOR: Duration = Duration::from_secs(10);

/// What is known of unread answers at a gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unread {
    #[default]
    None,
    Since(Instant),
    /// It was told. Once is enough.
    Told,
}

impl Unread {
    /// When to look again.
    pub(super) fn tells_at(self) -> Option<Instant> {
        match self {
            Self::Since(since) => Some(since + UNREAD_FOR),
            Self::None | Self::Told => None,
        }
    }
}

impl Engine {
    /// Tells the call that is next of the answers that hold all places, once they have held them for long.
    pub(super) fn watch_unread(&mut self, index: usize, now: Now) {
        let gate = &mut self.gates[index];
        let is_place = |why: Why| {
            matches!(why.reason, Reason::Concurrency(_) | Reason::Limit(LimitSpec::Concurrency(_)))
                && why.until.is_none()
        };
        let is_held_up = gate.blocked.is_some_and(is_place) && gate.unanswered == 0;
        gate.unread = match gate.unread {
            Unread::Told => return,
            _ if !is_held_up => Unread::None,
            Unread::None => Unread::Since(now.mono),
            since => since,
        };
        if gate.unread.tells_at().is_none_or(|at| at > now.mono) {
            return;
        }
        let Some(id) = gate.queue.head() else { return };
        gate.unread = Unread::Told;
        let unread =
            self.calls.iter().filter(|(_, state)| state.gate == index && matches!(state.phase, Phase::Returned { .. }));
        let holders: Vec<CallId> = unread.map(|(id, _)| *id).collect();
        self.decisions.push_back(Decision::Unread { id, holders });
    }
}
