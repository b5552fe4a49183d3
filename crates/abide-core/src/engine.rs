//! The engine: takes events, moves calls through the gates of their keys, and says what to do next.

mod admit;
mod answer;
#[cfg(debug_assertions)]
mod audit;
mod calls;
mod depart;
mod flight;
mod leave;
mod share;
mod stall;
mod unread;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use answer::Head;
use calls::Calls;
use flight::{Beside, Flight, Grant};
pub(crate) use unread::Unread;

use crate::call::{Account, Call, CallId, Safety};
use crate::decision::{Decision, Why};
use crate::event::Event;
use crate::gate::Gate;
use crate::headers::Signal;
use crate::key::Key;
use crate::ledger::Mark;
use crate::policy::Policy;
use crate::queue::Seat;
use crate::retry::Suspicion;
use crate::rng::Rng;
use crate::stats::{Stats, Waited};
use crate::time::{Instant, Now};

/// Decides for every attempt when it may leave and what became of it. Plain data: it can be cloned, printed and replayed.
///
/// A shell drives it so:
///
/// ```text
/// submit(call) -> id
/// after every input, begin and cancel among them: drain poll_decision() until it is None,
///     then sleep until poll_timeout() or the next input
///     Send    call begin() when the attempt starts (false: the grant went back, wait for the next Send),
///             then tell Head or Failed; if it goes beside another attempt, both are under way
///     Drop    end that attempt, or drop its answer; the other goes on
///     Retry   drop the answer; a Send follows
///     Peek    read the beginning of the body, and tell Head again with it
///     Follow  go where the redirect leads; a Send follows
///     Renew   drop the answer and get another credential, then tell Renewed; a Send follows
///     Unread  tell the user whose answers hold all places
///     Lease   ask the shared budget, and tell Leased or StoreDown; only after share()
///     Return  hand the answer over; tell Done when its body ends, or Failed if it breaks off
///     GiveUp  the call has ended
/// when poll_timeout()'s moment comes: handle(Event::Tick)
/// ```
///
/// A caller that is ready to send at once comes with [`Engine::depart`] in place of submit and begin.
///
/// A call that its caller no longer wants is told with [`Engine::cancel`], at any time.
#[derive(Clone, Debug)]
pub struct Engine {
    policy: Arc<Policy>,
    gates: Vec<Gate>,
    index: BTreeMap<Key, usize>,
    calls: Calls,
    wakes: BTreeSet<(Instant, usize)>,
    decisions: VecDeque<Decision>,
    submitted: u64,
    rng: Rng,
    stats: Stats,
    /// Whether other processes are told what is done here.
    publishes: bool,
    /// Whether told limits are kept to together with other workers.
    leases: bool,
    /// What calls waited for that stood aside, which no gate's ledger knows.
    aside: Waited,
}

#[derive(Clone, Debug)]
struct CallState {
    call: Call,
    gate: usize,
    phase: Phase,
    seat: Seat,
    account: Account,
    /// Faults so far, and bare refusals.
    faults: u32,
    suspicion: Suspicion,
    /// The last backoff.
    backoff: Duration,
    redirects: u32,
    /// Whether its next attempt is one of the same request again.
    repeats: bool,
    /// What the attempt under way took of the budget, if it is a retry.
    paid: Option<u32>,
    /// The last thing that it waited for.
    why: Why,
    /// Grants in a row that its caller was too slow to begin.
    lapses: u32,
    /// What it was last told to wait for, if it listens.
    told: Option<Why>,
    /// Whether its credential was renewed.
    renewed: bool,
    /// What its last answer said about limits, if it said anything.
    said: Option<Box<Said>>,
}

/// What an answer said about limits, and when it came.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Said {
    /// What it said.
    pub signal: Signal,
    /// Both clocks when the head of the answer arrived.
    pub received: Now,
}

#[derive(Clone, Debug)]
enum Phase {
    Ready {
        since: Mark,
    },
    Aside {
        since: Instant,
        until: Instant,
    },
    Granted(Grant),
    /// Its grant went back before its caller began.
    Lapsed,
    /// Its caller gets another credential.
    Renewing,
    Flying {
        flight: Flight,
        beside: Beside,
    },
    Returned {
        attempt: u32,
        status: u16,
    },
}

impl Engine {
    /// An engine with a seed for its jitter. The same inputs and the same seed give the same decisions.
    pub fn new(policy: Policy, seed: u64) -> Self {
        Self {
            policy: Arc::new(policy),
            gates: Vec::new(),
            index: BTreeMap::new(),
            calls: Calls::default(),
            wakes: BTreeSet::new(),
            decisions: VecDeque::new(),
            submitted: 0,
            rng: Rng::new(seed),
            stats: Stats::default(),
            publishes: false,
            leases: false,
            aside: Waited::default(),
        }
    }

    /// A new call. Its first decision comes from [`Engine::poll_decision`], maybe at once.
    pub fn submit(&mut self, call: Call, now: Now) -> CallId {
        let gate = self.gate(&call.key);
        let id = self.enter(call, gate, now);
        self.make_ready(id, now);
        self.advance(gate, now);
        id
    }

    /// A call comes to a gate, and stands nowhere yet.
    fn enter(&mut self, call: Call, gate: usize, now: Now) -> CallId {
        self.submitted += 1;
        self.stats.calls += 1;
        let id = CallId(self.submitted);
        let seat = Seat {
            id,
            priority: call.priority,
            submitted: now.mono,
            patience: call.max_wait.unwrap_or(call.rules.as_ref().unwrap_or(&self.policy).max_wait).longest(),
            deadline: call.deadline,
            listens: call.listens,
        };
        let state = CallState {
            gate,
            phase: Phase::Lapsed,
            seat,
            account: Account::default(),
            faults: 0,
            suspicion: Suspicion::default(),
            backoff: Duration::ZERO,
            redirects: 0,
            repeats: false,
            paid: None,
            why: Why::FREE,
            lapses: 0,
            told: None,
            renewed: false,
            said: None,
            call,
        };
        self.calls.insert(id, state);
        self.expect_deadline(id);
        id
    }

    /// The caller no longer wants the call. What was not sent is given back whole; what was sent stays spent, for the server has
    /// counted it, and only its place in flight is free. No decision follows.
    pub fn cancel(&mut self, id: CallId, now: Now) {
        if let Some(state) = self.calls.get(&id) {
            let gate = state.gate;
            self.release(id, now);
            self.end(id, false);
            self.advance(gate, now);
        }
    }

    /// The attempt that was granted by [`Decision::Send`] starts now. `false` if the grant has gone back, for nobody began it
    /// within 50 ms or the server asked for a pause since, and something stands in the way by now: then the call is back in the
    /// queue, and another `Send` follows when its turn comes. A call whose caller does not come here keeps nobody waiting.
    ///
    /// `beside` is what the `Send` said. One that should go beside another is void, and this is `false`, once that other has ended.
    pub fn begin(&mut self, id: CallId, beside: Option<u32>, now: Now) -> bool {
        let Some(index) = self.calls.get(&id).map(|state| state.gate) else { return false };
        self.lapse_grants(index, now);
        if self.takes_up_again(id, beside, now) {
            self.advance(index, now);
            // Its caller is here and need not be called.
            self.decisions.retain(|decision| !matches!(decision, Decision::Send { id: granted, .. } if *granted == id));
        }
        let Some(state) = self.calls.get_mut(&id) else { return false };
        let gate = &mut self.gates[index];
        let attempt = state.account.attempts + 1;
        match (&mut state.phase, beside) {
            (Phase::Granted(grant), None) => {
                let flight = grant.begin(gate, id, attempt, now);
                state.phase = Phase::Flying { flight, beside: Beside::Nobody };
                self.stats.retries += u64::from(state.repeats);
                if stall::may_hedge(&self.policy, &state.call) {
                    gate.watched.insert((now.mono, id));
                }
            }
            (Phase::Flying { flight, beside }, Some(first)) if flight.attempt == first => {
                let Beside::Granted(grant) = beside else { return false };
                *beside = Beside::Flying(Box::new(grant.begin(gate, id, attempt, now)));
                self.stats.hedges += 1;
            }
            _ => return false,
        }
        state.account.attempts = attempt;
        state.lapses = 0;
        self.stats.requests += 1;
        // A limit that counts from when an attempt leaves knows more now.
        self.advance(index, now);
        true
    }

    /// Takes an event in.
    pub fn handle(&mut self, event: Event<'_>, now: Now) {
        match event {
            Event::Tick => {
                let due: Vec<usize> = self.wakes.range(..=(now.mono, usize::MAX)).map(|(_, gate)| *gate).collect();
                for gate in due {
                    self.advance(gate, now);
                }
            }
            Event::Head { id, attempt, status, headers, redirect, body } => {
                self.on_head(id, attempt, &Head { status, headers, body }, redirect, now);
            }
            Event::Failed { id, attempt, failure } => self.on_failed(id, attempt, failure, now),
            Event::Spent { id } => {
                if let Some(state) = self.calls.get_mut(&id) {
                    state.call.safety = Safety::Once;
                }
            }
            Event::Renewed { id } => {
                if let Some(CallState { gate, phase: Phase::Renewing, .. }) = self.calls.get(&id) {
                    let gate = *gate;
                    self.make_ready(id, now);
                    self.advance(gate, now);
                }
            }
            Event::Others { key, deeds } => self.on_others(key, deeds, now),
            Event::Leased { key, answer } => self.on_leased(key, answer, now),
            Event::StoreDown { key, until, workers } => self.on_store_down(key, until, workers, now),
            Event::Done { id } => {
                if let Some(CallState { gate, phase: Phase::Returned { status, .. }, .. }) = self.calls.get(&id) {
                    let (gate, ok) = (*gate, *status < 400);
                    self.release(id, now);
                    self.end(id, ok);
                    self.advance(gate, now);
                }
            }
        }
    }

    /// The next thing to do; `None` when there is nothing more until the next input.
    pub fn poll_decision(&mut self) -> Option<Decision> {
        self.decisions.pop_front()
    }

    /// When [`Event::Tick`] is due, if nothing else comes first.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// What a call spent and waited for so far; `None` once it has ended.
    pub fn account(&self, id: CallId) -> Option<&Account> {
        self.calls.get(&id).map(|state| &state.account)
    }

    /// What a call's last answer said about limits; `None` if it said nothing, or the call has ended.
    pub fn said(&self, id: CallId) -> Option<&Said> {
        self.calls.get(&id)?.said.as_deref()
    }

    /// What the next call of a key waits for, and how many wait.
    pub fn waiting(&self, key: &Key) -> Option<(Why, usize)> {
        let gate = &self.gates[*self.index.get(key)?];
        Some((self.next_waits_for(gate)?, gate.queue.len()))
    }

    /// What every key that has calls waiting waits for, and how many.
    pub fn waits(&self) -> impl Iterator<Item = (&Key, Why, usize)> {
        self.gates.iter().filter_map(|gate| Some((&gate.key, self.next_waits_for(gate)?, gate.queue.len())))
    }

    /// Where nobody stands in the queue, the end of the next backoff.
    fn next_waits_for(&self, gate: &Gate) -> Option<Why> {
        gate.blocked.or_else(|| Some(self.calls.get(&gate.queue.first_aside()?)?.why))
    }

    /// What every key's server said of its quotas so far: size and name, where it told them.
    pub fn quotas(&self) -> impl Iterator<Item = (&Key, u64, Option<&str>)> {
        self.gates.iter().flat_map(|gate| gate.quotas.sizes().map(|(limit, name)| (&gate.key, limit, name)))
    }

    /// Counters since the beginning.
    pub fn stats(&self, now: Now) -> Stats {
        let mut waited = self.aside;
        for gate in &self.gates {
            for (sum, time) in waited.0.iter_mut().zip(gate.ledger.totals(now.mono)) {
                *sum += time;
            }
        }
        Stats { waited, ..self.stats.clone() }
    }

    /// Attempts that the server refused because of a limit, without the rest of [`Engine::stats`].
    pub fn refused(&self) -> u64 {
        self.stats.rate_limited
    }

    /// The rules that a call goes by.
    fn rules(&self, id: CallId) -> Arc<Policy> {
        let own = self.calls.get(&id).and_then(|state| state.call.rules.as_ref());
        Arc::clone(own.unwrap_or(&self.policy))
    }

    fn gate(&mut self, key: &Key) -> usize {
        if let Some(gate) = self.index.get(key) {
            return *gate;
        }
        let seed = self.rng.below(u64::MAX);
        let policy = key.bucket().and_then(|bucket| self.policy.buckets.get(bucket)).unwrap_or(&self.policy);
        let mut gate = Gate::new(key.clone(), policy, seed);
        gate.publishes = self.publishes;
        if self.leases {
            gate.share(policy);
        }
        self.gates.push(gate);
        self.index.insert(key.clone(), self.gates.len() - 1);
        self.gates.len() - 1
    }
}

#[cfg(test)]
mod tests;
