//! The budget that several workers share: who may leave when, in turn, whichever limits hold at once.
//!
//! A worker asks for a lease before it sends, and gets a span of time in which so many attempts may leave. Every limit counts
//! them at the latest moment of that span, so that nothing bunches that leaves late, and at once, so that a worker that dies
//! takes nothing with it but its lease. Whoever asks while the budget is used up gets the next moment that nobody has yet: so
//! workers take turns, and none has to be woken by another.
//!
//! The books are those of the engine's own limits, and nothing in them waits for an answer. All moments are whole microseconds.

mod words;

pub use words::BookError;

use std::time::Duration;

use crate::limit::{Opening, Stack, Trip};
use crate::policy::{LimitSpec, WindowKind};
use crate::time::{Instant, Now, nanos};

/// Nobody holds a place further ahead: a worker that dies while it waits would take it along.
const HORIZON: Duration = Duration::from_secs(10);
/// As long, with room for clocks that are not read at the same moment.
const AHEAD: Duration = Duration::from_secs(11);
/// The longest that attempts of a lease may take to leave, and the shortest that a scheduler can be asked for.
const LIFE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(25));
/// How late an attempt may arrive within a window, where the network asks for it: as late as a process that only just started makes
/// it, with a connection to be made.
const LATE: Duration = Duration::from_millis(25);
/// The share of a window that may be lost as its places are counted when a lease ends.
const WINDOW_SHARE: u32 = 200;
/// The share of the time from one unit of a bucket to the next that may be lost so.
const INTERVAL_SHARE: u32 = 64;
/// Limits that open one after the other are asked again so often at once.
const STEPS: u32 = 32;
const MICRO: u64 = 1_000;

/// What a worker asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// How many attempts, at least 1. Those after the first are leased only where that costs no wait.
    pub count: u32,
    /// What each spends of limits that count cost, at least 1.
    pub cost: u32,
    /// Attempts of an earlier lease that did not leave, so that others may.
    pub unused: Option<Lease>,
    /// How much later than usual an attempt may arrive at the server. Little is held free for it, be it ever so long.
    pub delay: Duration,
}

/// What a worker gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Attempts that may leave.
    Leased(Lease),
    /// The budget is used up for so long that nobody may hold a place yet.
    Later {
        /// When to ask again.
        again: Instant,
        /// When there is room, as it stands.
        opens: Instant,
        /// The limit that has to be waited for.
        limit: LimitSpec,
    },
}

/// So many attempts that may leave within a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// How many.
    pub count: u32,
    /// What each may cost.
    pub cost: u32,
    /// The first moment at which they may leave.
    pub from: Instant,
    /// The moment from which on they may not.
    pub until: Instant,
    /// When they are counted, at the latest.
    pub counted: Instant,
    /// What had to be waited for, if anything.
    pub limit: Option<LimitSpec>,
}

/// The books of all limits of one budget.
#[derive(Clone, Debug)]
pub struct Book {
    limits: Stack,
    life: Duration,
    /// What is held free for attempts that arrive late, at most.
    slack: Duration,
    /// Nobody leaves before who asks later.
    turn: Instant,
}

/// What tells budgets of one key apart: its limits, in whatever order they were told.
pub fn id(limits: &[LimitSpec]) -> u64 {
    let mut texts: Vec<String> = limits.iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    // FNV-1a.
    texts
        .join("+")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

impl Book {
    /// A budget of which nothing is spent.
    pub fn new(limits: &[LimitSpec]) -> Self {
        Self {
            life: limits.iter().filter_map(|spec| life(held_as(*spec))).min().unwrap_or(LIFE.1),
            slack: limits.iter().filter_map(|spec| slack(held_as(*spec))).min().unwrap_or(LIFE.1),
            limits: Stack::held(limits.iter().copied(), held_as),
            turn: Instant::ZERO,
        }
    }

    /// A budget of which nobody knows what was spent, so that it counts as spent just now.
    pub fn spent(limits: &[LimitSpec], now: Now) -> Self {
        let mut book = Self::new(limits);
        book.limits.exhaust(round_up(now));
        book
    }

    /// Leases what is asked for, at the first moment that nobody has yet.
    pub fn lease(&mut self, ask: Ask, now: Now) -> Answer {
        let now = round_up(now);
        if let Some(Lease { count, cost, from, counted, .. }) = ask.unused {
            (0..count).for_each(|_| self.limits.unspend(cost, now.at(from), counted));
        }
        let (mut from, mut limit) = (now.mono.max(self.turn), None);
        for _ in 0..STEPS {
            let Some((spec, opening)) = self.limits.opening(ask.cost, now.at(from)) else { break };
            limit = Some(spec);
            // Nothing here waits for an answer, and what never fits is not asked for.
            let Opening::At(at) = opening else { return later(now, Instant::NEVER, spec) };
            from = micros_up(at);
        }
        if let Some(spec) = limit
            && from > now.mono + HORIZON
        {
            return later(now, from, spec);
        }
        let until = from + self.life;
        let counted = micros_up(until + ask.delay.min(self.slack));
        let mut count = 0;
        while count < ask.count.max(1) && (count == 0 || self.limits.opening(ask.cost, now.at(from)).is_none()) {
            self.spend(ask.cost, now.at(from), counted);
            count += 1;
        }
        self.turn = from;
        Answer::Leased(Lease { count, cost: ask.cost, from, until, counted, limit })
    }

    fn spend(&mut self, cost: u32, from: Now, counted: Instant) {
        let mut permit = self.limits.take(cost, from);
        self.limits.leave(&mut permit, from);
        let trip = Trip { ended: from, arrived: counted, shortest: Duration::ZERO };
        self.limits.settle(&permit, None, &trip);
    }
}

fn later(now: Now, opens: Instant, limit: LimitSpec) -> Answer {
    Answer::Later { again: (opens - HORIZON / 2).max(now.mono + HORIZON / 4), opens, limit }
}

/// How long a lease lives, so that little is lost of a limit while it is not used.
fn life(spec: LimitSpec) -> Option<Duration> {
    let longest = match spec {
        LimitSpec::Window { period, .. } => period / WINDOW_SHARE,
        LimitSpec::Bucket { burst, .. } => {
            let interval = spec.interval(1)?;
            (interval * u32::try_from(burst).unwrap_or(u32::MAX) / 4).max(interval / INTERVAL_SHARE)
        }
        LimitSpec::Concurrency(_) => return None,
    };
    Some(Duration::from_nanos(nanos(longest) / MICRO * MICRO).clamp(LIFE.0, LIFE.1))
}

/// How much of a limit may be held free for a network that is slow at times: for a bucket no more than for workers that are.
fn slack(spec: LimitSpec) -> Option<Duration> {
    let life = life(spec)?;
    Some(if matches!(spec, LimitSpec::Window { .. }) { life.max(LATE) } else { life })
}

/// How a limit is held where attempts may leave or not.
fn held_as(spec: LimitSpec) -> LimitSpec {
    match spec {
        // Nobody knows which attempt opens the server's window.
        LimitSpec::Window { amount, period, kind: WindowKind::Fixed, unit } => {
            LimitSpec::Window { amount, period, kind: WindowKind::Sliding, unit }
        }
        // Units come back at whole microseconds.
        LimitSpec::Bucket { amount, period, burst, unit } => {
            let interval = nanos(period).div_ceil(amount).div_ceil(MICRO) * MICRO;
            LimitSpec::Bucket { amount: 1, period: Duration::from_nanos(interval), burst, unit }
        }
        other => other,
    }
}

fn micros_up(at: Instant) -> Instant {
    Instant::from_nanos(at.as_nanos().div_ceil(MICRO).saturating_mul(MICRO))
}

fn round_up(now: Now) -> Now {
    Now { mono: micros_up(now.mono), wall: crate::time::Wall::from_nanos(now.wall.as_nanos() / 1_000 * 1_000) }
}

#[cfg(test)]
mod tests;
