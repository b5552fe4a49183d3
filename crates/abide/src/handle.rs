//! The engine behind one lock, a task that tells it the time, and tickets through which calls hear its decisions.
//!
//! The lock is held for an input and the draining of its decisions, never across an await. The driver task alone watches the
//! clock, so no call owns another's progress.

mod memory;

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
use crate::limits::Limits;
use crate::memory::Link;
use memory::Looks;

/// One engine, shared by all clones.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    /// Who is shown every decision.
    #[cfg(feature = "testing")]
    story: Option<crate::testing::Story>,
    /// What is kept for other runs, and told to those that run now.
    memory: Option<Link>,
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
    looks: Looks,
}

impl State {
    /// When there is something to do though nothing comes in.
    fn next(&self) -> Option<Instant> {
        self.engine.poll_timeout().into_iter().chain(self.looks.next()).min()
    }
}

#[derive(Debug, Default)]
struct Inbox {
    /// What is asked for, as it may be shown; empty where no warning would be heard.
    url: Arc<str>,
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
    pub(crate) fn new(policy: Policy, seed: u64, memory: Option<Link>) -> Self {
        Self::with(Shared::new(policy, seed, memory, Clock::System))
    }

    /// On a clock that a test moves, with every decision shown to a story.
    #[cfg(feature = "testing")]
    pub(crate) fn told(
        policy: Policy,
        seed: u64,
        memory: Option<Link>,
        clock: crate::testing::VirtualClock,
        story: crate::testing::Story,
    ) -> Self {
        let mut shared = Shared::new(policy, seed, memory, Clock::Virtual(clock));
        shared.story = Some(story);
        Self::with(shared)
    }

    fn with(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// Whether somebody wants to hear of every wait.
    pub(crate) fn is_told(&self) -> bool {
        #[cfg(feature = "testing")]
        if self.shared.story.is_some() {
            return true;
        }
        tracing::enabled!(tracing::Level::DEBUG)
    }

    pub(crate) fn now(&self) -> Now {
        self.shared.clock.now()
    }

    /// Submits a call. Must be called within a Tokio runtime with time enabled.
    pub(crate) fn submit(&self, call: Call, url: impl FnOnce() -> String) -> Ticket {
        let url = if tracing::enabled!(tracing::Level::WARN) { url().into() } else { Arc::default() };
        self.shared.meet(&call.key);
        let mut state = self.shared.lock();
        self.drive(&mut state);
        let now = self.now();
        let id = state.engine.submit(call, now);
        state.inboxes.insert(id, Inbox { url, ..Inbox::default() });
        if let Some(key) = self.shared.remembered_key(&state, id) {
            state.note(&key, now.mono);
        }
        self.shared.settle(state, now);
        Ticket { handle: self.clone(), id, returned: false, ended: None }
    }

    /// Sees to it that somebody watches the clock: at the first call, and when the runtime that did it is gone.
    fn drive(&self, state: &mut State) {
        if state.driver.as_ref().is_none_or(JoinHandle::is_finished) {
            state.driver =
                Some(tokio::spawn(drive(Watch(Arc::downgrade(&self.shared)), Arc::clone(&self.shared.moved))));
            state.driver_at = None;
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.shared.lock().engine.stats(self.now())
    }

    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let clock = &self.shared.clock;
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
    fn new(policy: Policy, seed: u64, memory: Option<Link>, clock: Clock) -> Self {
        let mut engine = Engine::new(policy, seed);
        if memory.is_some() {
            engine.publish();
        }
        let (inboxes, looks) = (HashMap::new(), Looks::default());
        let state = State { engine, inboxes, driver: None, driver_at: None, looks };
        Self {
            clock,
            memory,
            #[cfg(feature = "testing")]
            story: None,
            state: Mutex::new(state),
            moved: Arc::new(Notify::new()),
        }
    }

    /// A panic elsewhere leaves the engine in a state between two of its inputs at worst; going on is better than losing all.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands the decisions after an input to their calls, and moves the driver. Wakes after the lock is given back.
    fn settle(&self, mut state: MutexGuard<'_, State>, now: Now) {
        let mut first: Option<Waker> = None;
        let mut more: Vec<Waker> = Vec::new();
        let mut unread: Option<Vec<Arc<str>>> = None;
        while let Some(decision) = state.engine.poll_decision() {
            self.tell(&decision, now);
            if let Decision::Unread { holders, .. } = &decision {
                let urls = holders.iter().filter_map(|id| state.inboxes.get(id)).map(|inbox| Arc::clone(&inbox.url));
                unread = Some(urls.collect());
                continue;
            }
            let Some(inbox) = state.inboxes.get_mut(&decision.id()) else { continue };
            inbox.decisions.push_back(decision);
            match inbox.waker.take() {
                Some(waker) if first.is_none() => first = Some(waker),
                Some(waker) => more.push(waker),
                None => {}
            }
        }
        let next = state.next();
        let moved = next.is_some_and(|next| state.driver_at.is_none_or(|at| next < at));
        drop(state);
        if moved {
            self.moved.notify_one();
        }
        first.into_iter().chain(more).for_each(Waker::wake);
        if let Some(urls) = unread {
            tracing::warn!(
                answers = ?urls,
                "every place in flight is held by an answer whose body has not been read to its end for 10 s, and calls wait for \
                 that: read these bodies or drop the responses"
            );
        }
    }
}

#[cfg(feature = "testing")]
impl Shared {
    fn tell(&self, decision: &Decision, now: Now) {
        if let Some(story) = &self.story {
            story.push(now.mono, decision.clone());
        }
    }
}

#[cfg(not(feature = "testing"))]
impl Shared {
    #[expect(clippy::unused_self, reason = "only tests listen")]
    fn tell(&self, _: &Decision, _: Now) {}
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.flush();
        self.moved.notify_one();
    }
}

/// Wakes all that wait when the driver ends before its engine: the first of them starts another, on its own runtime.
struct Watch(Weak<Shared>);

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(shared) = self.0.upgrade() else { return };
        let mut state = shared.lock();
        state.driver = None;
        let wakers: Vec<Waker> = state.inboxes.values_mut().filter_map(|inbox| inbox.waker.take()).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Tells the engine when a moment that it named has come, for as long as anybody holds it.
async fn drive(watch: Watch, moved: Arc<Notify>) {
    loop {
        let (clock, sleep) = {
            let Some(shared) = watch.0.upgrade() else { return };
            let mut state = shared.lock();
            let now = shared.clock.now();
            if state.engine.poll_timeout().is_some_and(|at| at <= now.mono) {
                state.engine.handle(Event::Tick, now);
                shared.settle(state, now);
                continue;
            }
            if let Some(key) = state.looks.due(now.mono) {
                drop(state);
                shared.look(&key);
                continue;
            }
            state.driver_at = state.next();
            (shared.clock.clone(), state.driver_at)
        };
        match sleep {
            Some(at) => clock.sleep_until(at, moved.notified()).await,
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
    /// What is to be known of the call, once the engine has forgotten it.
    ended: Option<(Account, Limits)>,
}

impl Ticket {
    pub(crate) fn id(&self) -> CallId {
        self.id
    }

    /// The next decision on this call.
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
                self.handle.drive(&mut state);
                Poll::Pending
            }
        }
    }

    /// The granted attempt starts now. `false` if the grant has gone back: another `Send` follows.
    pub(crate) fn begin(&self, beside: Option<u32>) -> bool {
        self.handle.shared.begin(self.id, beside)
    }

    pub(crate) fn tell(&self, event: Event<'_>) {
        let shared = &self.handle.shared;
        // What was refused is of use to others at once.
        let is_urgent = matches!(event, Event::Head { status, .. } if !status.is_success());
        let mut state = shared.lock();
        // Read under the lock: the engine must see time in the order of its inputs.
        let now = self.handle.now();
        let key = shared.remembered_key(&state, self.id);
        state.engine.handle(event, now);
        if let Some(key) = &key {
            state.note(key, now.mono);
        }
        shared.settle(state, now);
        if let Some(key) = key.filter(|_| is_urgent) {
            shared.look(&key);
        }
    }

    /// The body of the answer that was handed over has ended: its place in flight is free.
    pub(crate) fn finish(&mut self) {
        if self.ended.is_none() {
            self.ended = Some((self.account(), self.limits()));
            self.tell(Event::Done { id: self.id });
        }
    }

    /// What the call spent and waited for.
    pub(crate) fn account(&self) -> Account {
        match &self.ended {
            Some((account, _)) => account.clone(),
            None => self.handle.shared.lock().engine.account(self.id).cloned().unwrap_or_default(),
        }
    }

    /// What the last answer said about limits.
    pub(crate) fn limits(&self) -> Limits {
        match &self.ended {
            Some((_, limits)) => limits.clone(),
            None => {
                let state = self.handle.shared.lock();
                state
                    .engine
                    .said(self.id)
                    .map_or_else(Limits::default, |said| Limits::of(said, &self.handle.shared.clock))
            }
        }
    }

    pub(crate) fn until(&self, why: Why) -> Option<SystemTime> {
        why.until.map(|at| self.handle.system_time(at))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.handle.shared.lock();
        let now = self.handle.now();
        let key = self.handle.shared.remembered_key(&state, self.id);
        state.inboxes.remove(&self.id);
        if self.returned {
            state.engine.handle(Event::Done { id: self.id }, now);
        } else {
            state.engine.cancel(self.id, now);
        }
        if let Some(key) = key {
            state.note(&key, now.mono);
        }
        self.handle.shared.settle(state, now);
    }
}
