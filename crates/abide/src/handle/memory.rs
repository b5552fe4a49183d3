//! The handle's side of the memory: what is kept is told to the engine before its first call, what others do before each attempt,
//! and what the engine does is written down.
//!
//! No file is touched under the engine's lock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use abide_core::budget::Ask;
use abide_core::deed::Deed;
use abide_core::policy::LimitSpec;
use abide_core::time::{Instant, Now};
use abide_core::{CallId, Engine, Event, Key};

use super::{Shared, State};
use crate::memory::{Down, FRESH, KeyFile, Link, News, words};

/// A question to a budget that other processes share.
#[derive(Debug)]
pub(super) struct LeaseAsk {
    pub(super) key: Key,
    pub(super) limits: Arc<[LimitSpec]>,
    pub(super) ask: Ask,
}

/// How often a file is looked at while calls wait for the answers to attempts of others.
const WAITING: Duration = Duration::from_millis(10);

/// When the files of keys have to be looked at, though nothing leaves.
#[derive(Debug, Default)]
pub(super) struct Looks {
    due: BTreeMap<Key, Instant>,
    order: BTreeSet<(Instant, Key)>,
}

impl Looks {
    fn set(&mut self, key: &Key, due: Option<Instant>) {
        if self.due.get(key).copied() == due {
            return;
        }
        if let Some(old) = self.due.remove(key) {
            self.order.remove(&(old, key.clone()));
        }
        if let Some(due) = due {
            self.due.insert(key.clone(), due);
            self.order.insert((due, key.clone()));
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    pub(super) fn due(&self, now: Instant) -> Option<Key> {
        self.order.first().filter(|(at, _)| *at <= now).map(|(_, key)| key.clone())
    }
}

impl State {
    /// An input to a key may have made it worth a look at its file.
    pub(super) fn note(&mut self, key: &Key, now: Instant) {
        let known = self.looks.due.get(key).copied();
        let due = if self.engine.awaits_others(key) {
            Some(known.unwrap_or(now + WAITING).min(now + WAITING))
        } else if self.engine.has_deeds(key) {
            Some(known.unwrap_or(now + FRESH))
        } else {
            None
        };
        self.looks.set(key, due);
    }
}

impl Shared {
    /// Tells the engine what is kept of a key, before it decides on the first call to it.
    pub(super) fn meet(&self, key: &Key) {
        if let Some(link) = &self.memory {
            self.file(link, key);
        }
    }

    /// The file of a key, of which the engine knows what was kept.
    fn file(&self, link: &Link, key: &Key) -> Arc<Mutex<KeyFile>> {
        let now = self.clock.now();
        let (file, news) = link.file(key, now);
        if let Some(news) = news {
            let mut state = self.lock();
            tell(&mut state.engine, link, key, &news, now);
            self.settle(state, now);
        }
        file
    }

    /// The key of a call, if anything is kept of keys.
    pub(super) fn remembered_key(&self, state: &MutexGuard<'_, State>, id: CallId) -> Option<Key> {
        self.memory.as_ref()?;
        state.engine.key(id).cloned()
    }

    /// Asks a budget, and tells the engine what it answers. Returns what is to be asked then.
    pub(super) fn ask(&self, ask: &LeaseAsk) -> Vec<LeaseAsk> {
        let Some(link) = &self.memory else { return Vec::new() };
        let LeaseAsk { key, limits, ask } = ask;
        let budget = link.budget(key, limits);
        let answer = lock(&budget).lease(*ask, self.clock.now());
        let mut state = self.lock();
        let now = self.clock.now();
        let event = match answer {
            Ok(answer) => Event::Leased { key, answer },
            Err(Down { until, workers }) => Event::StoreDown { key, until, workers },
        };
        state.engine.handle(event, now);
        self.hand_out(None, state, now).1
    }

    /// Begins an attempt: what others spent is known before, and what it spends is written before it leaves.
    pub(super) fn begin(&self, id: CallId, beside: Option<u32>) -> bool {
        let Some(link) = &self.memory else { return self.begin_alone(id, beside, None) };
        let (key, is_leased) = {
            let state = self.lock();
            (self.remembered_key(&state, id), state.engine.is_leased(id))
        };
        let Some(key) = key else { return self.begin_alone(id, beside, None) };
        if is_leased {
            // It is counted already; what else it tells the others can wait.
            return self.begin_alone(id, beside, Some(&key));
        }
        let file = self.file(link, &key);
        let mut file = lock(&file);
        let now = self.clock.now().mono;
        if file.is_fresh(now) || !file.lock(now) {
            return self.begin_alone(id, beside, Some(&key));
        }
        self.exchange(link, &key, &mut file, |engine, now| engine.begin(id, beside, now))
    }

    fn begin_alone(&self, id: CallId, beside: Option<u32>, key: Option<&Key>) -> bool {
        let mut state = self.lock();
        let now = self.clock.now();
        let begun = state.engine.begin(id, beside, now);
        if let Some(key) = key {
            state.note(key, now.mono);
        }
        self.settle(state, now);
        begun
    }

    /// Looks at the file of a key, and writes what was done since the last time.
    pub(super) fn look(&self, key: &Key) {
        let Some(link) = &self.memory else { return };
        let (file, _) = link.file(key, self.clock.now());
        let mut file = lock(&file);
        let now = self.clock.now().mono;
        if file.lock(now) {
            self.exchange(link, key, &mut file, |_, _| ());
        } else {
            // Later, then.
            let mut state = self.lock();
            state.looks.set(key, Some(now + FRESH));
        }
    }

    /// Reads a locked file, lets the engine act, and writes what it did.
    fn exchange<T>(&self, link: &Link, key: &Key, file: &mut KeyFile, act: impl FnOnce(&mut Engine, Now) -> T) -> T {
        let news = file.read(self.clock.now());
        let mut state = self.lock();
        let now = self.clock.now();
        tell(&mut state.engine, link, key, &news, now);
        let output = act(&mut state.engine, now);
        let deeds = state.engine.take_deeds(key);
        let knowledge = if file.is_long() { state.engine.knowledge(key, now) } else { None };
        state.looks.set(key, None);
        state.note(key, now.mono);
        self.settle(state, now);
        file.write(&deeds, knowledge, now);
        output
    }

    /// Writes down what was not written yet.
    pub(super) fn flush(&self) {
        let Some(link) = &self.memory else { return };
        for key in link.keys() {
            if self.lock().engine.has_deeds(&key) {
                self.look(&key);
            }
        }
    }
}

fn lock<T>(file: &Mutex<T>) -> MutexGuard<'_, T> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tell(engine: &mut Engine, link: &Link, key: &Key, news: &News, now: Now) {
    if let Some(knowledge) = &news.knowledge {
        tracing::debug!("remembered: {}: {}", key.origin(), words(knowledge, news.now));
        engine.recall(key, knowledge, news.now);
    }
    let others: Vec<(u64, Deed)> = news.deeds.iter().filter(|(who, _)| *who != link.who()).copied().collect();
    if !others.is_empty() {
        engine.handle(Event::Others { key, deeds: &others }, now);
    }
}
