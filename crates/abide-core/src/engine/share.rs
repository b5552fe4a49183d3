//! What an engine shares with other runs: what it knows, and what it does.

use super::flight::Beside;
use super::{Engine, Phase};
use crate::adapt::Knowledge;
use crate::budget::Answer;
use crate::call::CallId;
use crate::decision::Decision;
use crate::deed::Deed;
use crate::key::Key;
use crate::time::{Instant, Now};

impl Engine {
    /// What a later run has to know of this key's server; `None` if nothing was seen of it.
    pub fn knowledge(&self, key: &Key, now: Now) -> Option<Knowledge> {
        self.gates[*self.index.get(key)?].knowledge(now)
    }

    /// Goes on from what an earlier run knew of this key's server, in place of what is known here. To be told before the key's
    /// first call. Knowledge that says nothing, for a clock was wrong, changes nothing.
    pub fn recall(&mut self, key: &Key, knowledge: &Knowledge, now: Now) {
        let index = self.gate(key);
        self.gates[index].recall(knowledge, now);
        self.advance(index, now);
    }

    /// From now on what is done is kept until [`Engine::take_deeds`] is called, so that other processes can be told.
    pub fn publish(&mut self) {
        self.publishes = true;
        self.gates.iter_mut().for_each(|gate| gate.publishes = true);
    }

    /// What was done at a key since the last time, in order.
    pub fn take_deeds(&mut self, key: &Key) -> Vec<Deed> {
        match self.index.get(key) {
            Some(index) => std::mem::take(&mut self.gates[*index].deeds),
            None => Vec::new(),
        }
    }

    /// Whether something was done at a key that [`Engine::take_deeds`] has not given yet.
    pub fn has_deeds(&self, key: &Key) -> bool {
        self.index.get(key).is_some_and(|index| !self.gates[*index].deeds.is_empty())
    }

    /// Whether calls wait at a key while attempts of other processes are under way, whose ends may let them go.
    pub fn awaits_others(&self, key: &Key) -> bool {
        self.index.get(key).is_some_and(|index| {
            let gate = &self.gates[*index];
            // Where the budget is shared, it is a lease that is waited for.
            gate.leases.is_none() && gate.others.in_flight() > 0 && gate.queue.len() > 0
        })
    }

    /// From now on the limits that were told are kept to together with other workers: before an attempt leaves,
    /// [`Decision::Lease`](crate::Decision::Lease) asks the budget that they share. To be told before the first call.
    pub fn share(&mut self) {
        self.leases = true;
    }

    /// Whether an attempt that may leave was counted by the shared budget.
    pub fn is_leased(&self, id: CallId) -> bool {
        let pass = self.calls.get(&id).and_then(|state| match &state.phase {
            Phase::Granted(grant) => Some(&grant.pass),
            Phase::Flying { beside: Beside::Granted(grant), .. } => Some(&grant.pass),
            _ => None,
        });
        pass.is_some_and(|pass| pass.lease != 0)
    }

    /// Asks the shared budget for what the head of a gate's queue lacks.
    pub(super) fn ask_lease(&mut self, index: usize) {
        let gate = &mut self.gates[index];
        let (count, delay) = (gate.queue.len(), gate.delay());
        if let Some(leases) = &mut gate.leases
            && let Some(ask) = leases.take_ask(count, delay)
        {
            self.decisions.push_back(Decision::Lease { key: gate.key.clone(), limits: leases.limits(), ask });
        }
    }

    /// The shared budget answered.
    pub(super) fn on_leased(&mut self, key: &Key, answer: Answer, now: Now) {
        let index = self.gate(key);
        if let Some(leases) = &mut self.gates[index].leases {
            leases.on_answer(answer);
        }
        self.advance(index, now);
    }

    /// The shared budget can't be asked.
    pub(super) fn on_store_down(&mut self, key: &Key, until: Instant, workers: u32, now: Now) {
        let index = self.gate(key);
        if let Some(leases) = &mut self.gates[index].leases {
            leases.on_down(until, workers);
        }
        self.advance(index, now);
    }

    /// The key that a call goes to now; another one after a redirect to elsewhere.
    pub fn key(&self, id: CallId) -> Option<&Key> {
        Some(&self.gates[self.calls.get(&id)?.gate].key)
    }

    /// Other processes did something at a key.
    pub(super) fn on_others(&mut self, key: &Key, deeds: &[(u64, Deed)], now: Now) {
        let index = self.gate(key);
        let gate = &mut self.gates[index];
        // All before anything is decided: an attempt whose end comes next is not one that nobody answers.
        for (who, deed) in deeds {
            // What was granted is looked at again when it begins.
            gate.overtaken |= gate.on_other(*who, *deed, now);
        }
        self.advance(index, now);
    }
}

#[cfg(test)]
mod tests;
