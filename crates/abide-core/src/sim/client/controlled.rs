//! A client whose pace a [`Controller`] decides, and nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use http::StatusCode;
use http::header::RETRY_AFTER;

use super::{Action, Answer, Client, Job, JobId};
use crate::adapt::{Controller, End, Opening, Ticket};
use crate::time::{Instant, Now};

/// Sends when the controller says, and what failed or was refused again. It gives nothing up.
#[derive(Clone, Debug)]
pub struct Controlled<C> {
    controller: C,
    /// Jobs with the number of their next attempt.
    queue: VecDeque<(JobId, u32)>,
    flying: BTreeMap<JobId, (Ticket, u32)>,
    done: VecDeque<JobId>,
    opens: Option<Instant>,
}

impl<C: Controller> Controlled<C> {
    /// A client with this controller.
    pub fn new(controller: C) -> Self {
        let (queue, flying, done) = Default::default();
        Self { controller, queue, flying, done, opens: None }
    }

    /// Takes the controller back, with what it has learned.
    pub fn into_controller(self) -> C {
        self.controller
    }
}

impl<C: Controller> Client for Controlled<C> {
    fn submit(&mut self, job: Job, _now: Now) {
        self.queue.push_back((job.id, 1));
    }

    fn on_answer(&mut self, job: JobId, _attempt: u32, answer: Answer<'_>, now: Now) {
        let Some((ticket, attempt)) = self.flying.remove(&job) else { return };
        let end = match answer {
            Answer::Head { status, .. } if status.is_success() => End::Accepted,
            Answer::Head { status, headers } if status.is_client_error() => {
                let secs = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                End::Refused(secs.map(Duration::from_secs))
            }
            Answer::Head { status: StatusCode::SERVICE_UNAVAILABLE, .. } => End::Suspected,
            Answer::Head { .. } | Answer::Failed(_) => End::Unknown,
        };
        self.controller.on_end(ticket, end, now);
        if answer.is_success() {
            self.done.push_back(job);
        } else {
            self.queue.push_front((job, attempt + 1));
        }
    }

    fn on_wake(&mut self, _now: Now) {}

    fn poll(&mut self, now: Now) -> Option<Action> {
        if let Some(job) = self.done.pop_front() {
            return Some(Action::Done(job));
        }
        self.opens = None;
        let (job, attempt) = *self.queue.front()?;
        match self.controller.opening(now) {
            Opening::At(at) if at <= now.mono => {
                self.queue.pop_front();
                self.flying.insert(job, (self.controller.on_sent(now), attempt));
                Some(Action::Send { job, attempt })
            }
            Opening::At(at) => {
                self.opens = Some(at);
                None
            }
            Opening::AfterAnswer => None,
        }
    }

    fn wake(&self) -> Option<Instant> {
        self.opens
    }
}
