//! A client with the adaptive retry mode of the AWS SDKs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use super::super::chance::{secs, upto};
use super::{Action, Answer, Client, Job, JobId};
use crate::adapt::cubic::RateLimiter;
use crate::rng::Rng;
use crate::time::{Instant, Now};

/// The most that the first wait of a request can be.
const BASE: Duration = Duration::from_secs(1);
/// The most that any wait can be.
const CAP: Duration = Duration::from_secs(20);

/// One bucket for all requests, filled at a rate that CUBIC finds once something was throttled, and backoff with full jitter
/// for each. Where the SDKs give a request up after three attempts, this one goes on, so that its time can be compared.
#[derive(Clone, Debug)]
pub struct Adaptive {
    limiter: Option<RateLimiter>,
    rng: Rng,
    tries: BTreeMap<JobId, u32>,
    ready: VecDeque<JobId>,
    waiting: BinaryHeap<Reverse<(Instant, JobId)>>,
    /// When the bucket has enough again.
    refilled_at: Instant,
    ended: VecDeque<Action>,
}

impl Adaptive {
    /// A client with a seed for its jitter.
    pub fn new(seed: u64) -> Self {
        Self {
            limiter: None,
            rng: Rng::new(seed),
            tries: BTreeMap::new(),
            ready: VecDeque::new(),
            waiting: BinaryHeap::new(),
            refilled_at: Instant::ZERO,
            ended: VecDeque::new(),
        }
    }

    fn limiter(&mut self, now: f64) -> &mut RateLimiter {
        self.limiter.get_or_insert_with(|| RateLimiter::new(now))
    }
}

fn seconds(now: Now) -> f64 {
    now.mono.as_nanos() as f64 / 1e9
}

impl Client for Adaptive {
    fn submit(&mut self, job: Job, _now: Now) {
        self.ready.push_back(job.id);
    }

    fn on_answer(&mut self, job: JobId, _attempt: u32, answer: Answer<'_>, now: Now) {
        let throttled = matches!(answer, Answer::Head { status, .. } if matches!(status.as_u16(), 429 | 503));
        self.limiter(seconds(now)).on_answer(throttled, seconds(now));
        if answer.is_success() {
            self.tries.remove(&job);
            self.ended.push_back(Action::Done(job));
            return;
        }
        let failed = self.tries.entry(job).or_default();
        *failed += 1;
        let most = BASE.saturating_mul(1 << (*failed - 1).min(30)).min(CAP);
        self.waiting.push(Reverse((now.mono + upto(&mut self.rng, most), job)));
    }

    fn on_wake(&mut self, now: Now) {
        while let Some(Reverse((at, job))) = self.waiting.peek().copied()
            && at <= now.mono
        {
            self.waiting.pop();
            self.ready.push_back(job);
        }
    }

    fn poll(&mut self, now: Now) -> Option<Action> {
        if let Some(action) = self.ended.pop_front() {
            return Some(action);
        }
        let job = *self.ready.front()?;
        if let Err(wait) = self.limiter(seconds(now)).acquire(seconds(now)) {
            // A nanosecond on top, for rounding must not wake it before its token is there.
            self.refilled_at = now.mono + secs(wait) + Duration::from_nanos(1);
            return None;
        }
        self.ready.pop_front();
        let attempt = self.tries.get(&job).map_or(1, |failed| failed + 1);
        Some(Action::Send { job, attempt })
    }

    fn wake(&self) -> Option<Instant> {
        let refilled = (!self.ready.is_empty()).then_some(self.refilled_at);
        let backed_off = self.waiting.peek().map(|Reverse((at, _))| *at);
        [refilled, backed_off].into_iter().flatten().min()
    }
}
