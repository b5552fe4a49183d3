//! The client's side of a simulated world: what decides when requests leave, be it the engine or a policy to compare it with.

mod adaptive;
mod aimd;
mod controlled;
mod engine;
mod per_request;
mod script;

use http::{HeaderMap, StatusCode};

pub use self::adaptive::Adaptive;
pub use self::aimd::Aimd;
pub use self::controlled::Controlled;
pub use self::engine::EngineClient;
pub use self::per_request::PerRequest;
pub use self::script::{Heedless, Script};
use crate::event::Failure;
use crate::time::{Instant, Now};

/// One of a client's requests, named by its number in order of submission, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// Something that a caller wants done. It takes as many attempts as the client makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// What it spends of limits that count cost.
    pub cost: u32,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// The head of an answer arrived.
    Head {
        /// The status.
        status: StatusCode,
        /// The header fields.
        headers: &'a HeaderMap,
    },
    /// No answer came.
    Failed(Failure),
}

impl Answer<'_> {
    /// Whether it is what the caller wanted.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Head { status, .. } if status.is_success())
    }
}

/// What a client wants to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send an attempt of a job now. More than one may be under way; `attempt` tells them apart. Nothing is sent for a job that
    /// is unknown or has ended.
    Send {
        /// The job.
        job: JobId,
        /// A number that names the attempt among the job's.
        attempt: u32,
    },
    /// Forget an attempt that is under way: its answer is not told. The server does not notice.
    Drop {
        /// The job.
        job: JobId,
        /// The attempt.
        attempt: u32,
    },
    /// The job is done: its answer was a success.
    Done(JobId),
    /// The job is given up.
    Lost(JobId),
}

/// Decides when requests leave. The world tells it what happens, drains [`Client::poll`] after each input, and comes back at
/// [`Client::wake`]'s moment.
pub trait Client {
    /// A caller wants a job done.
    fn submit(&mut self, job: Job, now: Now);

    /// An attempt was answered, or failed.
    fn on_answer(&mut self, job: JobId, attempt: u32, answer: Answer<'_>, now: Now);

    /// The moment that [`Client::wake`] named has come.
    fn on_wake(&mut self, now: Now);

    /// The next thing to do now; `None` when there is nothing more until the next input.
    fn poll(&mut self, now: Now) -> Option<Action>;

    /// When it wants to be asked again if nothing else comes first.
    fn wake(&self) -> Option<Instant>;
}

impl<C: Client + ?Sized> Client for &mut C {
    fn submit(&mut self, job: Job, now: Now) {
        (**self).submit(job, now);
    }

    fn on_answer(&mut self, job: JobId, attempt: u32, answer: Answer<'_>, now: Now) {
        (**self).on_answer(job, attempt, answer, now);
    }

    fn on_wake(&mut self, now: Now) {
        (**self).on_wake(now);
    }

    fn poll(&mut self, now: Now) -> Option<Action> {
        (**self).poll(now)
    }

    fn wake(&self) -> Option<Instant> {
        (**self).wake()
    }
}
