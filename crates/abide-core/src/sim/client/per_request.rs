//! A client in which each request minds itself: exponential backoff with full jitter, as retry libraries do it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use http::header::RETRY_AFTER;

use super::super::chance::upto;
use super::{Action, Answer, Client, Job, JobId};
use crate::rng::Rng;
use crate::time::{Instant, Now};

/// Sends every request at once, and again after a random wait of up to `base · 2^n`, at most `cap`, until it succeeds.
#[derive(Clone, Debug)]
pub struct PerRequest {
    base: Duration,
    cap: Duration,
    attempts: u32,
    obeys: bool,
    rng: Rng,
    tries: BTreeMap<JobId, u32>,
    waiting: BinaryHeap<Reverse<(Instant, JobId)>>,
    actions: VecDeque<Action>,
}

impl PerRequest {
    /// With a base of 0.5 s, a cap of 30 s, and no end to the attempts.
    pub fn new(seed: u64) -> Self {
        Self::with(Duration::from_millis(500), Duration::from_secs(30), seed)
    }

    /// With another base and cap.
    pub fn with(base: Duration, cap: Duration, seed: u64) -> Self {
        Self {
            base,
            cap,
            attempts: u32::MAX,
            obeys: false,
            rng: Rng::new(seed),
            tries: BTreeMap::new(),
            waiting: BinaryHeap::new(),
            actions: VecDeque::new(),
        }
    }

    /// Gives a request up after this many attempts.
    #[must_use]
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// Waits as long as a `Retry-After` in seconds says, in place of the backoff.
    #[must_use]
    pub fn obeying_retry_after(self) -> Self {
        Self { obeys: true, ..self }
    }

    /// The wait after the n-th failure, from 1.
    fn wait(&mut self, n: u32) -> Duration {
        let most = self.base.saturating_mul(1 << (n - 1).min(30)).min(self.cap);
        upto(&mut self.rng, most)
    }

    fn send(&mut self, job: JobId) {
        let attempt = self.tries.get(&job).map_or(1, |failed| failed + 1);
        self.actions.push_back(Action::Send { job, attempt });
    }
}

impl Client for PerRequest {
    fn submit(&mut self, job: Job, _now: Now) {
        self.send(job.id);
    }

    fn on_answer(&mut self, job: JobId, _attempt: u32, answer: Answer<'_>, now: Now) {
        if answer.is_success() {
            self.tries.remove(&job);
            self.actions.push_back(Action::Done(job));
            return;
        }
        let failed = self.tries.entry(job).or_default();
        *failed += 1;
        let failed = *failed;
        if failed >= self.attempts {
            self.tries.remove(&job);
            self.actions.push_back(Action::Lost(job));
            return;
        }
        let told = retry_after(answer).filter(|_| self.obeys);
        let wait = told.unwrap_or_else(|| self.wait(failed));
        self.waiting.push(Reverse((now.mono + wait, job)));
    }

    fn on_wake(&mut self, now: Now) {
        while let Some(Reverse((at, job))) = self.waiting.peek().copied()
            && at <= now.mono
        {
            self.waiting.pop();
            self.send(job);
        }
    }

    fn poll(&mut self, _now: Now) -> Option<Action> {
        self.actions.pop_front()
    }

    fn wake(&self) -> Option<Instant> {
        self.waiting.peek().map(|Reverse((at, _))| *at)
    }
}

/// The wait as most libraries read it.
fn retry_after(answer: Answer<'_>) -> Option<Duration> {
    let Answer::Head { headers, .. } = answer else { return None };
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
