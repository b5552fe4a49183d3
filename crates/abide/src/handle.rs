//! The engine behind one lock, a task that tells it the time, and tickets through which calls hear its decisions.
//!
//! The lock is held for an input and the draining of its decisions, never across an await. The driver task alone watches the
//! clock, so no call owns another's progress.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime};

use abide_core::call::Account;
use abide_core::decision::Why;
use abide_core::time::{Instant, Now};
use abide_core::{Call, CallId, Decision, Engine, Event, Policy, Stats};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::clock::Clock;

/// Timers of the runtime stand still while the machine is suspended; looking at the clock this often bounds what that costs.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// One engine, shared by all clones.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    state: Mutex<State>,
    /// Wakes the driver when its next moment has moved.
    moved: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    engine: Engine,
    inboxes: HashMap<CallId, Inbox>,
    driver: Option<JoinHandle<()>>,
    /// What the driver sleeps until.
    driver_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct Inbox {
    decisions: VecDeque<Decision>,
    waker: Option<Waker>,
}

/// What the calls of one origin wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// Scheme, host and port.
    pub origin: String,
    /// What for; reads as a sentence part ("the limit 50/5s that was told").
    pub reason: abide_core::decision::Reason,
    /// Until when, where it is known.
    pub until: Option<SystemTime>,
    /// How many calls wait.
    pub calls: usize,
}

impl Handle {
    pub(crate) fn new(policy: Policy, seed: u64) -> Self {
        let state = State { engine: Engine::new(policy, seed), inboxes: HashMap::new(), driver: None, driver_at: None };
        Self {
            shared: Arc::new(Shared {
                clock: Clock::start(),
                state: Mutex::new(state),
                moved: Arc::new(Notify::new()),
            }),
        }
    }

    pub(crate) fn now(&self) -> Now {
        self.shared.clock.now()
    }

    /// Submits a call. Must be called within a Tokio runtime with time enabled.
    pub(crate) fn submit(&self, call: Call) -> Ticket {
        let mut state = self.shared.lock();
        if state.driver.as_ref().is_none_or(JoinHandle::is_finished) {
            // The first call, or the runtime that ran the driver is gone.
            state.driver = Some(tokio::spawn(drive(Arc::downgrade(&self.shared), Arc::clone(&self.shared.moved))));
            state.driver_at = None;
        }
        let id = state.engine.submit(call, self.shared.clock.now());
        state.inboxes.insert(id, Inbox::default());
        self.shared.settle(state);
        Ticket { handle: self.clone(), id, returned: false }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.shared.lock().engine.stats(self.now())
    }

    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let clock = self.shared.clock;
        self.shared
            .lock()
            .engine
            .waits()
            .map(|(key, why, calls)| Waiting {
                origin: key.origin().to_owned(),
                reason: why.reason,
                until: why.until.map(|at| clock.system_time(at)),
                calls,
            })
            .collect()
    }

    pub(crate) fn quotas(&self) -> Vec<String> {
        let name = |(_, limit, name): (&abide_core::Key, u64, Option<&str>)| match name {
            Some(name) => format!("{limit} ({name})"),
            None => limit.to_string(),
        };
        self.shared.lock().engine.quotas().map(name).collect()
    }

    /// How long it is until then.
    pub(crate) fn until(&self, at: Instant) -> Duration {
        at.since(self.now().mono)
    }

    pub(crate) fn system_time(&self, at: Instant) -> SystemTime {
        self.shared.clock.system_time(at)
    }
}

impl Shared {
    /// A panic elsewhere leaves the engine in a state between two of its inputs at worst; going on is better than losing all.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands the decisions after an input to their calls, and moves the driver. Wakes after the lock is given back.
    fn settle(&self, mut state: MutexGuard<'_, State>) {
        let mut first: Option<Waker> = None;
        let mut more: Vec<Waker> = Vec::new();
        while let Some(decision) = state.engine.poll_decision() {
            let Some(inbox) = state.inboxes.get_mut(&decision.id()) else { continue };
            inbox.decisions.push_back(decision);
            match inbox.waker.take() {
                Some(waker) if first.is_none() => first = Some(waker),
                Some(waker) => more.push(waker),
                None => {}
            }
        }
        let next = state.engine.poll_timeout();
        let moved = next.is_some_and(|next| state.driver_at.is_none_or(|at| next < at));
        drop(state);
        if moved {
            self.moved.notify_one();
        }
        first.into_iter().chain(more).for_each(Waker::wake);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.moved.notify_one();
    }
}

/// Tells the engine when a moment that it named has come, for as long as anybody holds it.
async fn drive(shared: Weak<Shared>, moved: Arc<Notify>) {
    loop {
        let sleep = {
            let Some(shared) = shared.upgrade() else { return };
            let mut state = shared.lock();
            let now = shared.clock.now();
            if state.engine.poll_timeout().is_some_and(|at| at <= now.mono) {
                state.engine.handle(Event::Tick, now);
                shared.settle(state);
                continue;
            }
            state.driver_at = state.engine.poll_timeout();
            state.driver_at.map(|at| at.since(now.mono).min(LONGEST_SLEEP))
        };
        match sleep {
            Some(sleep) => drop(tokio::time::timeout(sleep, moved.notified()).await),
            None => moved.notified().await,
        }
    }
}

/// One call's side of the engine. Dropping it ends the call: what was not sent is given back.
#[derive(Debug)]
pub(crate) struct Ticket {
    handle: Handle,
    id: CallId,
    /// Whether the call's answer was handed over, so that dropping means that its body was let go.
    returned: bool,
}

impl Ticket {
    pub(crate) fn id(&self) -> CallId {
        self.id
    }

    /// The next decision on this call.
    pub(crate) async fn decision(&mut self) -> Decision {
        std::future::poll_fn(|cx| self.poll_decision(cx)).await
    }

    pub(crate) fn poll_decision(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Decision> {
        let mut state = self.handle.shared.lock();
        let inbox = state.inboxes.entry(self.id).or_default();
        match inbox.decisions.pop_front() {
            Some(decision) => {
                drop(state);
                self.returned = matches!(decision, Decision::Return { .. });
                Poll::Ready(decision)
            }
            None => {
                match &mut inbox.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
        }
    }

    /// The granted attempt starts now. `false` if the grant has gone back: another `Send` follows.
    pub(crate) fn begin(&self, beside: Option<u32>) -> bool {
        let mut state = self.handle.shared.lock();
        let now = self.handle.now();
        let begun = state.engine.begin(self.id, beside, now);
        self.handle.shared.settle(state);
        begun
    }

    pub(crate) fn tell(&self, event: Event<'_>) {
        let mut state = self.handle.shared.lock();
        // Read under the lock: the engine must see time in the order of its inputs.
        let now = self.handle.now();
        state.engine.handle(event, now);
        self.handle.shared.settle(state);
    }

    /// What the call spent and waited for; empty once it has ended.
    pub(crate) fn account(&self) -> Account {
        self.handle.shared.lock().engine.account(self.id).cloned().unwrap_or_default()
    }

    pub(crate) fn until(&self, why: Why) -> Option<SystemTime> {
        why.until.map(|at| self.handle.system_time(at))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.handle.shared.lock();
        let now = self.handle.now();
        state.inboxes.remove(&self.id);
        if self.returned {
            state.engine.handle(Event::Done { id: self.id }, now);
        } else {
            state.engine.cancel(self.id, now);
        }
        self.handle.shared.settle(state);
    }
}
