//! Lets the engine be the client.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Action, Answer, Client, Job, JobId};
use crate::budget::Book;
use crate::call::{Call, CallId, Safety};
use crate::decision::Decision;
use crate::engine::Engine;
use crate::event::Event;
use crate::key::Key;
use crate::policy::Policy;
use crate::time::{Instant, Now};

/// An [`Engine`] and one key. Lent to one run after the other, it goes on with what it knows.
#[derive(Clone, Debug)]
pub struct EngineClient {
    engine: Engine,
    key: Key,
    safety: Safety,
    calls: BTreeMap<CallId, JobId>,
    jobs: BTreeMap<JobId, CallId>,
    /// Whether the answer that the engine is deciding on is a success.
    is_success: bool,
    /// The budget that it shares with other clients, and how often it was asked.
    book: Option<Rc<RefCell<Book>>>,
    asked: u64,
}

impl EngineClient {
    /// An engine with this policy and seed, for jobs that only read.
    pub fn new(policy: Policy, seed: u64) -> Self {
        Self {
            engine: Engine::new(policy, seed),
            key: Key::new("https://api.sim", 0),
            safety: Safety::Idempotent,
            calls: BTreeMap::new(),
            jobs: BTreeMap::new(),
            is_success: false,
            book: None,
            asked: 0,
        }
    }

    /// Keeps to the limits that it was told together with all that share this book of them.
    #[must_use]
    pub fn sharing(mut self, book: &Rc<RefCell<Book>>) -> Self {
        self.engine.share();
        self.book = Some(Rc::clone(book));
        self
    }

    /// How often the shared budget was asked.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// What is known about sending its jobs more than once; [`Safety::Idempotent`] by default, and then they only read.
    #[must_use]
    pub fn safety(self, safety: Safety) -> Self {
        Self { safety, ..self }
    }

    /// The engine, to look at.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    fn end(&mut self, id: CallId) -> Option<JobId> {
        let job = self.calls.remove(&id)?;
        self.jobs.remove(&job);
        Some(job)
    }
}

impl Client for EngineClient {
    fn submit(&mut self, job: Job, now: Now) {
        let reads = self.safety == Safety::Idempotent;
        let call = Call { cost: job.cost, reads, ..Call::new(self.key.clone(), self.safety) };
        let id = self.engine.submit(call, now);
        self.calls.insert(id, job.id);
        self.jobs.insert(job.id, id);
    }

    fn on_answer(&mut self, job: JobId, attempt: u32, answer: Answer<'_>, now: Now) {
        let Some(&id) = self.jobs.get(&job) else { return };
        self.is_success = answer.is_success();
        let event = match answer {
            // Bodies are empty here, so there is nothing that the engine would have to peek at.
            Answer::Head { status, headers } => {
                Event::Head { id, attempt, status, headers, redirect: None, body: Some(&[]) }
            }
            Answer::Failed(failure) => Event::Failed { id, attempt, failure },
        };
        self.engine.handle(event, now);
    }

    fn on_wake(&mut self, now: Now) {
        self.engine.handle(Event::Tick, now);
    }

    fn poll(&mut self, now: Now) -> Option<Action> {
        loop {
            match self.engine.poll_decision()? {
                Decision::Send { id, attempt, beside, .. } => {
                    if let Some(&job) = self.calls.get(&id)
                        && self.engine.begin(id, beside, now)
                    {
                        return Some(Action::Send { job, attempt });
                    }
                }
                Decision::Drop { id, attempt } => {
                    if let Some(&job) = self.calls.get(&id) {
                        return Some(Action::Drop { job, attempt });
                    }
                }
                Decision::Return { id, .. } => {
                    // All decisions are taken before the next answer comes in, so this is the answer that it was made on.
                    self.engine.handle(Event::Done { id }, now);
                    let is_success = self.is_success;
                    if let Some(job) = self.end(id) {
                        return Some(if is_success { Action::Done(job) } else { Action::Lost(job) });
                    }
                }
                Decision::GiveUp { id, .. } => {
                    if let Some(job) = self.end(id) {
                        return Some(Action::Lost(job));
                    }
                }
                Decision::Wait { .. }
                | Decision::Peek { .. }
                | Decision::Retry { .. }
                | Decision::Follow { .. }
                | Decision::Renew { .. }
                | Decision::Unread { .. } => {}
                Decision::Lease { key, ask, .. } => {
                    if let Some(book) = &self.book {
                        self.asked += 1;
                        let answer = book.borrow_mut().lease(ask, now);
                        self.engine.handle(Event::Leased { key: &key, answer }, now);
                    }
                }
            }
        }
    }

    fn wake(&self) -> Option<Instant> {
        self.engine.poll_timeout()
    }
}
