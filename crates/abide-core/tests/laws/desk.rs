//! An engine driven by hand, a line at a time, for the stories that need an exact moment.

use abide_core::call::{Account, Safety};
use abide_core::decision::{GiveUp, Why};
use abide_core::event::{Failure, Redirect};
use abide_core::time::{Instant, Now, Wall};
use abide_core::{Call, CallId, Decision, Engine, Event, Policy, Route};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::rules::MS;
use crate::stage::key;

pub(crate) struct Desk {
    pub(crate) engine: Engine,
    now: u64,
    said: Vec<Decision>,
}

impl Desk {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { engine: Engine::new(policy, 7), now: 0, said: Vec::new() }
    }

    /// With limits that are told.
    pub(crate) fn told(limits: &str) -> Self {
        let mut policy = Policy::default();
        crate::scene::tell(&mut policy, limits);
        Self::new(policy)
    }

    pub(crate) fn clock(&self) -> Now {
        Now {
            mono: Instant::from_nanos(self.now),
            wall: Wall::from_nanos(1_700_000_000_000_000_000 + self.now.cast_signed()),
        }
    }

    /// Goes to a moment, with every tick that is due on the way.
    pub(crate) fn at(&mut self, millis: u64) -> &mut Self {
        while let Some(due) = self.engine.poll_timeout().map(Instant::as_nanos).filter(|due| *due <= millis * MS) {
            self.now = due;
            self.engine.handle(Event::Tick, self.clock());
            self.drain();
        }
        assert!(self.now <= millis * MS, "the story goes back");
        self.now = millis * MS;
        self
    }

    pub(crate) fn submit(&mut self, call: Call) -> CallId {
        let id = self.engine.submit(call, self.clock());
        self.drain();
        id
    }

    pub(crate) fn call(&mut self) -> CallId {
        self.submit(get())
    }

    pub(crate) fn begin(&mut self, id: CallId) -> bool {
        self.begin_beside(id, None)
    }

    pub(crate) fn begin_beside(&mut self, id: CallId, beside: Option<u32>) -> bool {
        let begun = self.engine.begin(id, beside, self.clock());
        self.drain();
        begun
    }

    /// Submits a call that may leave at once, and sends it.
    pub(crate) fn send(&mut self, call: Call) -> CallId {
        let id = self.submit(call);
        assert!(self.begin(id), "{id} may not leave: {:?}", self.engine.waits().next());
        id
    }

    pub(crate) fn cancel(&mut self, id: CallId) {
        self.engine.cancel(id, self.clock());
        self.drain();
    }

    /// An answer to this attempt, which may not be the call's only one.
    pub(crate) fn answer_to(&mut self, id: CallId, attempt: u32, status: u16) {
        let (status, headers) = (StatusCode::from_u16(status).unwrap(), HeaderMap::new());
        let head = Event::Head { id, attempt, status, headers: &headers, redirect: None, body: Some(b"") };
        self.engine.handle(head, self.clock());
        self.drain();
    }

    pub(crate) fn fail_at(&mut self, id: CallId, attempt: u32, failure: Failure) {
        self.engine.handle(Event::Failed { id, attempt, failure }, self.clock());
        self.drain();
    }

    fn last_attempt(&self, id: CallId) -> u32 {
        self.engine.account(id).map_or(0, |account| account.attempts)
    }

    pub(crate) fn answer(&mut self, id: CallId, status: u16, fields: &[(&'static str, &'static str)]) {
        self.head(id, status, fields, None);
    }

    pub(crate) fn redirect(&mut self, id: CallId, fields: &[(&'static str, &'static str)], to: usize, safety: Safety) {
        self.head(id, 307, fields, Some(Redirect { key: key(to), route: Route::default(), safety }));
    }

    fn head(&mut self, id: CallId, status: u16, fields: &[(&'static str, &'static str)], redirect: Option<Redirect>) {
        let headers: HeaderMap = fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let status = StatusCode::from_u16(status).unwrap();
        let attempt = self.last_attempt(id);
        let head = Event::Head { id, attempt, status, headers: &headers, redirect, body: Some(b"") };
        self.engine.handle(head, self.clock());
        self.drain();
    }

    pub(crate) fn fail(&mut self, id: CallId, failure: Failure) {
        self.fail_at(id, self.last_attempt(id), failure);
    }

    pub(crate) fn done(&mut self, id: CallId) {
        self.engine.handle(Event::Done { id }, self.clock());
        self.drain();
    }

    /// An accepted answer, read to its end.
    pub(crate) fn accept(&mut self, id: CallId) {
        self.answer(id, 200, &[]);
        self.done(id);
    }

    fn drain(&mut self) {
        while let Some(decision) = self.engine.poll_decision() {
            self.said.push(decision);
        }
        #[cfg(debug_assertions)]
        if let Err(wrong) = self.engine.audit() {
            panic!("{wrong}");
        }
    }

    /// What the engine said since the last look.
    pub(crate) fn said(&mut self) -> Vec<Decision> {
        std::mem::take(&mut self.said)
    }

    /// The calls that were let through since the last look.
    pub(crate) fn let_through(&mut self) -> Vec<CallId> {
        self.said().iter().filter(|said| matches!(said, Decision::Send { .. })).filter_map(Decision::id).collect()
    }

    /// The calls that ended without an answer since the last look.
    pub(crate) fn given_up(&mut self) -> Vec<(CallId, GiveUp, Account)> {
        let given_up = |said| match said {
            Decision::GiveUp { id, reason, account } => Some((id, reason, account)),
            _ => None,
        };
        self.said().into_iter().filter_map(given_up).collect()
    }

    /// What was said to those who listen since the last look.
    pub(crate) fn waits(&mut self) -> Vec<(CallId, Why)> {
        let wait = |said| match said {
            Decision::Wait { id, why } => Some((id, why)),
            _ => None,
        };
        self.said().into_iter().filter_map(wait).collect()
    }

    pub(crate) fn next_wake(&self) -> Option<u64> {
        self.engine.poll_timeout().map(|at| at.as_nanos() / MS)
    }
}

pub(crate) fn get() -> Call {
    Call::new(key(0), Safety::Idempotent)
}
