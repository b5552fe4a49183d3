//! The engine behind one lock, and what tells it the time: a task of the runtime, or the threads that wait.
//!
//! The lock is held for an input and the draining of its decisions, never across an await. One place watches the clock for all calls,
//! so no call that can be dropped owns another's progress.

mod memory;
mod numbers;
#[cfg(feature = "tokio")]
mod task;
#[cfg(feature = "blocking")]
pub(crate) mod threads;
mod ticket;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, SystemTime};

use abide_core::time::{Instant, Now};
use abide_core::{Call, CallId, Decision, Engine, Event, Policy, Stats};

use crate::clock::Clock;
use crate::memory::Link;
use memory::{LeaseAsk, Looks};
use numbers::ByCall;
pub(crate) use ticket::Ticket;

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
    keeper: Keeper,
    /// Wakes the task when its next moment has moved.
    #[cfg(feature = "tokio")]
    moved: Arc<tokio::sync::Notify>,
}

/// Who watches the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// A task of the runtime that calls are made in.
    #[cfg(feature = "tokio")]
    Task,
    /// The threads that wait.
    #[cfg(feature = "blocking")]
    Threads,
}

#[derive(Debug)]
struct State {
    engine: Engine,
    inboxes: ByCall<Inbox>,
    #[cfg(feature = "tokio")]
    driver: task::Driver,
    #[cfg(feature = "blocking")]
    threads: threads::Threads,
    /// What whoever watches the clock sleeps until.
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
    pub(crate) fn new(policy: Policy, seed: u64, memory: Option<Link>, keeper: Keeper) -> Self {
        Self::with(Shared::new(policy, seed, memory, keeper, Clock::System))
    }

    /// On a clock that a test moves, with every decision shown to a story.
    #[cfg(feature = "testing")]
    pub(crate) fn told(
        policy: Policy,
        seed: u64,
        memory: Option<Link>,
        keeper: Keeper,
        clock: crate::testing::VirtualClock,
        story: crate::testing::Story,
    ) -> Self {
        let mut shared = Shared::new(policy, seed, memory, keeper, Clock::Virtual(clock));
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

    /// Submits a call, whose first attempt begins with that if it may leave and its caller sends at once. Unless threads keep the
    /// time, it must be called within a Tokio runtime with time enabled.
    pub(crate) fn submit(&self, call: Call, sends_at_once: bool, url: impl FnOnce() -> String) -> Ticket {
        let url = if tracing::enabled!(tracing::Level::WARN) { url().into() } else { Arc::default() };
        self.shared.meet(&call.key);
        let mut state = self.shared.lock();
        self.drive(&mut state);
        let now = self.now();
        // What others did has to be read from its file before an attempt begins.
        let (id, begun) = if sends_at_once && self.shared.memory.is_none() {
            state.engine.depart(call, now)
        } else {
            (state.engine.submit(call, now), false)
        };
        state.inboxes.insert(id, Inbox { url, ..Inbox::default() });
        if let Some(key) = self.shared.remembered_key(&state, id) {
            state.note(&key, now.mono);
        }
        let next = self.shared.settle_for(Some(id), state, now);
        Ticket { handle: self.clone(), id, begun, next, returned: false, ended: None }
    }

    /// Sees to it that somebody watches the clock. Threads do so when they wait.
    fn drive(&self, state: &mut State) {
        match self.shared.keeper {
            #[cfg(feature = "tokio")]
            Keeper::Task => task::Driver::keep(state, &self.shared),
            #[cfg(feature = "blocking")]
            Keeper::Threads => {
                let _ = state;
            }
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

    /// Is ready after so much time.
    #[cfg(feature = "_bodies")]
    pub(crate) fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send + use<> {
        let clock = self.shared.clock.clone();
        async move {
            let at = clock.now().mono + time;
            while clock.now().mono < at {
                clock.sleep_until(at, std::future::pending()).await;
            }
        }
    }

    pub(crate) fn system_time(&self, at: Instant) -> SystemTime {
        self.shared.clock.system_time(at)
    }
}

impl Shared {
    fn new(policy: Policy, seed: u64, memory: Option<Link>, keeper: Keeper, clock: Clock) -> Self {
        let mut engine = Engine::new(policy, seed);
        if memory.is_some() {
            engine.publish();
            engine.share();
        }
        let state = State {
            engine,
            inboxes: ByCall::default(),
            #[cfg(feature = "tokio")]
            driver: task::Driver::default(),
            #[cfg(feature = "blocking")]
            threads: threads::Threads::default(),
            driver_at: None,
            looks: Looks::default(),
        };
        Self {
            clock,
            memory,
            #[cfg(feature = "testing")]
            story: None,
            state: Mutex::new(state),
            keeper,
            #[cfg(feature = "tokio")]
            moved: Arc::default(),
        }
    }

    /// A panic elsewhere leaves the engine in a state between two of its inputs at worst; going on is better than losing all.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the engine of a moment that has come; says whether one had.
    fn tick(&self) -> bool {
        let mut state = self.lock();
        let now = self.clock.now();
        let is_due = state.engine.poll_timeout().is_some_and(|at| at <= now.mono);
        if is_due {
            state.engine.handle(Event::Tick, now);
            self.settle(state, now);
        }
        is_due
    }

    /// Tells the engine of a moment that has come, or looks at what others did, and says that there may be more to do; else when the
    /// next such moment is, if there is one.
    fn catch_up(&self) -> Option<Option<Instant>> {
        if self.tick() {
            return None;
        }
        let mut state = self.lock();
        let now = self.clock.now();
        if let Some(key) = state.looks.due(now.mono) {
            drop(state);
            self.look(&key);
            return None;
        }
        state.driver_at = state.next();
        Some(state.driver_at)
    }

    /// Does what was decided after an input, and what is decided on that.
    fn settle(&self, state: MutexGuard<'_, State>, now: Now) {
        self.settle_for(None, state, now);
    }

    /// The same after an input of a call that is at hand: what is next for that call is returned and not put into its inbox.
    fn settle_for(&self, own: Option<CallId>, state: MutexGuard<'_, State>, now: Now) -> Option<Decision> {
        let (next, mut asks) = self.hand_out(own, state, now);
        while let Some(ask) = asks.pop() {
            asks.extend(self.ask(&ask));
        }
        next
    }

    /// Hands the decisions after an input to their calls, and moves the driver. Wakes after the lock is given back. What is left is
    /// the first of a call's own, and what is for budgets that others share.
    fn hand_out(
        &self,
        own: Option<CallId>,
        mut state: MutexGuard<'_, State>,
        now: Now,
    ) -> (Option<Decision>, Vec<LeaseAsk>) {
        let mut next = None;
        let mut first: Option<Waker> = None;
        let mut more: Vec<Waker> = Vec::new();
        let mut unread: Option<Vec<Arc<str>>> = None;
        let mut asks = Vec::new();
        while let Some(decision) = state.engine.poll_decision() {
            self.tell(&decision, now);
            if let Decision::Unread { holders, .. } = &decision {
                let urls = holders.iter().filter_map(|id| state.inboxes.get(id)).map(|inbox| Arc::clone(&inbox.url));
                unread = Some(urls.collect());
                continue;
            }
            if let Decision::Lease { key, limits, ask } = decision {
                asks.push(LeaseAsk { key, limits, ask });
                continue;
            }
            let id = decision.id();
            let Some(inbox) = id.and_then(|id| state.inboxes.get_mut(&id)) else { continue };
            if id == own && next.is_none() && inbox.decisions.is_empty() {
                next = Some(decision);
                continue;
            }
            inbox.decisions.push_back(decision);
            match inbox.waker.take() {
                Some(waker) if first.is_none() => first = Some(waker),
                Some(waker) => more.push(waker),
                None => {}
            }
        }
        let wake = state.next();
        let moved = wake.is_some_and(|next| state.driver_at.is_none_or(|at| next < at));
        #[cfg(feature = "blocking")]
        let watcher = if moved { state.threads.watcher() } else { None };
        drop(state);
        #[cfg(feature = "blocking")]
        if let Some(watcher) = watcher {
            watcher.rouse();
        }
        #[cfg(feature = "tokio")]
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
        (next, asks)
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
        #[cfg(feature = "tokio")]
        self.moved.notify_one();
    }
}
