//! A client with one pace for all requests, raised step by step and halved at a refusal.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::chance::secs;
use super::{Action, Answer, Client, Job, JobId};
use crate::time::{Instant, Now};

/// Additive increase, multiplicative decrease: sends freely until the first refusal, then at half the pace that it had, one
/// request a second more each second, and half as much at each refusal. Refusals of what was under way together count once.
#[derive(Clone, Debug)]
pub struct Aimd {
    /// Requests a second that are added each second.
    increase: f64,
    /// What a refusal leaves of the pace.
    decrease: f64,
    /// Requests a second; `None` before the first refusal.
    pace: Option<f64>,
    began: Option<Instant>,
    accepted: u64,
    next_at: Instant,
    slowed_at: Instant,
    /// Jobs with the number of their next attempt.
    queue: VecDeque<(JobId, u32)>,
    /// When each attempt left.
    sent: Vec<(JobId, Instant)>,
    actions: VecDeque<Action>,
}

impl Aimd {
    /// With one request a second more each second, and half as many at a refusal.
    pub fn new() -> Self {
        Self {
            increase: 1.0,
            decrease: 0.5,
            pace: None,
            began: None,
            accepted: 0,
            next_at: Instant::ZERO,
            slowed_at: Instant::ZERO,
            queue: VecDeque::new(),
            sent: Vec::new(),
            actions: VecDeque::new(),
        }
    }

    /// With another increase, in requests a second each second, and another share that a refusal leaves.
    #[must_use]
    pub fn with(self, increase: f64, decrease: f64) -> Self {
        Self { increase, decrease, ..self }
    }

    fn on_refused(&mut self, sent: Instant, now: Instant) {
        let pace = match self.pace {
            Some(_) if sent < self.slowed_at => return,
            Some(pace) => pace,
            None => {
                let passed = now.since(self.began.unwrap_or(now)).as_secs_f64();
                self.accepted.max(1) as f64 / passed.max(1.0)
            }
        };
        self.pace = Some((pace * self.decrease).max(0.1));
        self.slowed_at = now;
        self.next_at = now + self.gap();
    }

    fn gap(&self) -> Duration {
        self.pace.map_or(Duration::ZERO, |pace| secs(1.0 / pace))
    }
}

impl Default for Aimd {
    fn default() -> Self {
        Self::new()
    }
}

impl Client for Aimd {
    fn submit(&mut self, job: Job, _now: Now) {
        self.queue.push_back((job.id, 1));
    }

    fn on_answer(&mut self, job: JobId, attempt: u32, answer: Answer<'_>, now: Now) {
        let Some(place) = self.sent.iter().position(|(sent, _)| *sent == job) else { return };
        let (_, sent) = self.sent.swap_remove(place);
        if answer.is_success() {
            self.accepted += 1;
            if let Some(pace) = &mut self.pace {
                // At full pace as many answers as the pace come in a second.
                *pace += self.increase / *pace;
            }
            self.actions.push_back(Action::Done(job));
            return;
        }
        if let Answer::Head { .. } = answer {
            self.on_refused(sent, now.mono);
        }
        self.queue.push_front((job, attempt + 1));
    }

    fn on_wake(&mut self, _now: Now) {}

    fn poll(&mut self, now: Now) -> Option<Action> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        if self.next_at > now.mono {
            return None;
        }
        let (job, attempt) = self.queue.pop_front()?;
        self.began.get_or_insert(now.mono);
        self.next_at = now.mono + self.gap();
        self.sent.push((job, now.mono));
        Some(Action::Send { job, attempt })
    }

    fn wake(&self) -> Option<Instant> {
        (!self.queue.is_empty()).then_some(self.next_at)
    }
}
