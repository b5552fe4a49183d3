//! What anybody who watches a server knows of its refusals that say nothing: who may leave while nothing was accepted since.

use std::collections::{BTreeMap, BTreeSet};

use abide_core::CallId;

use crate::rules::{MS, SEC};
use crate::world::Server;

/// After the first refusal nothing leaves for so long, if nothing was ever accepted.
const LEAST_PAUSE: u64 = 240 * MS;
/// The soonest that a silent pilot hands its turn on.
const HANDS_ON: u64 = SEC;
/// Where accepted requests take longer than that, one that is silent for so many times as long as a refusal takes has been accepted.
const SILENCE: u64 = 4;

#[derive(Clone, Debug, Default)]
pub(crate) struct Silence {
    sure: Sure,
    event: Option<Event>,
    last_begun: u64,
    /// Attempts that are not answered, with the moment at which they left.
    out: BTreeMap<CallId, u64>,
    /// Those of them that have been silent for so long that the server must have taken them.
    heard: BTreeSet<CallId>,
    /// Since when nothing is under way, or was before what is, while nothing was accepted.
    pub(crate) idle: Option<u64>,
    shortest_accepted: Option<u64>,
    shortest_refused: Option<u64>,
}

/// For how long it is sure that a client pauses after a refusal. Where chance refuses and no limit, nothing explains what is
/// seen, and a client may go by a pace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sure {
    Always,
    /// Until something is accepted after the first refusals, or refused with a 503, which may be a fault.
    Once,
    #[default]
    Never,
}

/// Refusals after which nothing was accepted that left later.
#[derive(Clone, Debug)]
struct Event {
    /// What left by then had not heard of it.
    tried: u64,
    last_refused: u64,
    /// Whether all of what was refused was in flight together.
    first: bool,
}

impl Silence {
    pub(crate) fn of(server: &Server) -> Self {
        let sure = match server.trouble.refuse + server.trouble.bare_503 {
            // It says more than the judge reads.
            _ if server.quotas => Sure::Never,
            0 => Sure::Always,
            _ => Sure::Once,
        };
        Self { sure, ..Self::default() }
    }

    /// An attempt leaves: law 3, nothing while the refusals of one event come in, and law 5, one pilot at a time after it.
    pub(crate) fn on_begun(&mut self, id: CallId, now: u64) {
        self.hear_silence(now);
        if let Some(event) = self.event.as_ref().filter(|_| self.sure != Sure::Never) {
            // Where something was accepted before, what is left to believe may open at any moment.
            let is_blank = event.first && self.shortest_accepted.is_none();
            let quiet_until = event.last_refused + if is_blank { LEAST_PAUSE } else { 0 };
            assert!(now >= quiet_until, "{id} leaves at {now} after refusals, quiet until {quiet_until}: {self:?}");
            let patience = self.patience();
            let beside = self.out.iter().find(|(id, sent)| now < **sent + patience && !self.heard.contains(id));
            assert!(beside.is_none(), "{id} leaves at {now} beside the pilot {beside:?}");
        }
        self.last_begun = now;
        self.out.insert(id, now);
    }

    pub(crate) fn on_refused(&mut self, id: CallId, sent: u64, now: u64) {
        self.on_lost(id, now);
        let trip = (now - sent).max(MS);
        self.shortest_refused = Some(self.shortest_refused.map_or(trip, |known| known.min(trip)));
        match &mut self.event {
            None => self.event = Some(Event { tried: self.last_begun, last_refused: now, first: true }),
            Some(event) => {
                event.first &= sent <= event.last_refused;
                event.tried = self.last_begun;
                event.last_refused = now;
            }
        }
    }

    pub(crate) fn on_accepted(&mut self, id: CallId, sent: u64, now: u64) {
        self.idle = None;
        self.on_lost(id, now);
        let trip = now - sent;
        self.shortest_accepted = Some(self.shortest_accepted.map_or(trip, |known| known.min(trip)));
        if self.event.as_ref().is_some_and(|event| sent > event.tried) {
            self.end_event();
        }
    }

    /// A refusal that may be a fault.
    pub(crate) fn on_suspected(&mut self, id: CallId, now: u64) {
        self.on_lost(id, now);
        self.sure = Sure::Never;
    }

    fn end_event(&mut self) {
        self.event = None;
        if self.sure == Sure::Once {
            self.sure = Sure::Never;
        }
    }

    /// An attempt ended in a way that says nothing.
    pub(crate) fn on_lost(&mut self, id: CallId, now: u64) {
        self.hear_silence(now);
        self.out.remove(&id);
        self.heard.remove(&id);
        if self.out.is_empty() {
            self.idle.get_or_insert(now);
        }
    }

    /// What has been silent for longer than a refusal would take was accepted.
    fn hear_silence(&mut self, now: u64) {
        if !self.is_slow() {
            return;
        }
        let patience = self.patience();
        let silent = self.out.iter().filter(|(_, sent)| **sent + patience <= now);
        self.heard.extend(silent.clone().map(|(id, _)| *id));
        let latest = silent.map(|(_, sent)| *sent).max();
        if self.event.as_ref().is_some_and(|event| latest > Some(event.tried)) {
            self.end_event();
        }
    }

    /// Whether accepted requests take much longer than refused ones.
    fn is_slow(&self) -> bool {
        matches!((self.shortest_accepted, self.shortest_refused), (Some(accepted), Some(refused)) if accepted > refused * SILENCE)
    }

    fn patience(&self) -> u64 {
        self.shortest_refused.filter(|_| self.is_slow()).map_or(HANDS_ON, |refused| refused * SILENCE)
    }
}
