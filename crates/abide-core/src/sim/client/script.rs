//! Clients that decide nothing: one sends at moments that were written down for it, one at once.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Action, Answer, Client, Job, JobId};
use crate::time::{Instant, Now};

/// Sends its n-th job at the n-th moment, or when it is submitted if that is later, and never again: what is not accepted is
/// lost. With the moments of [`Rule::schedule`](crate::sim::Rule::schedule) it is the client that knows the rule.
#[derive(Clone, Debug)]
pub struct Script {
    moments: VecDeque<Instant>,
    jobs: VecDeque<JobId>,
    ended: VecDeque<Action>,
}

impl Script {
    /// Sends at these moments, counted from `start`, in order.
    pub fn new(start: Instant, moments: impl IntoIterator<Item = Duration>) -> Self {
        let moments = moments.into_iter().map(|after| start + after).collect();
        Self { moments, jobs: VecDeque::new(), ended: VecDeque::new() }
    }
}

impl Client for Script {
    fn submit(&mut self, job: Job, _now: Now) {
        self.jobs.push_back(job.id);
    }

    fn on_answer(&mut self, job: JobId, _attempt: u32, answer: Answer<'_>, _now: Now) {
        self.ended.push_back(if answer.is_success() { Action::Done(job) } else { Action::Lost(job) });
    }

    fn on_wake(&mut self, _now: Now) {}

    fn poll(&mut self, now: Now) -> Option<Action> {
        if let Some(action) = self.ended.pop_front() {
            return Some(action);
        }
        let due = self.moments.front().is_none_or(|at| *at <= now.mono);
        let job = if due { self.jobs.pop_front()? } else { return None };
        self.moments.pop_front();
        Some(Action::Send { job, attempt: 1 })
    }

    fn wake(&self) -> Option<Instant> {
        self.jobs.front().and(self.moments.front()).copied()
    }
}

/// Sends every job at once, and takes any answer for the end of it: somebody else on the same quota.
#[derive(Clone, Debug, Default)]
pub struct Heedless {
    actions: VecDeque<Action>,
}

impl Client for Heedless {
    fn submit(&mut self, job: Job, _now: Now) {
        self.actions.push_back(Action::Send { job: job.id, attempt: 1 });
    }

    fn on_answer(&mut self, job: JobId, _attempt: u32, answer: Answer<'_>, _now: Now) {
        self.actions.push_back(if answer.is_success() { Action::Done(job) } else { Action::Lost(job) });
    }

    fn on_wake(&mut self, _now: Now) {}

    fn poll(&mut self, _now: Now) -> Option<Action> {
        self.actions.pop_front()
    }

    fn wake(&self) -> Option<Instant> {
        None
    }
}
