//! The least possible time for so many requests under one rule, derived from the rule.
//!
//! A client that may not be refused, for whom nothing else is in the way, sends each request at the first moment at which the
//! rule admits it. Nothing is gained by waiting: for every rule here, moving an accepted request to an earlier moment at which
//! it is also accepted never makes the next one later. So the moments below are those of a client that never waits, and a
//! property test lets others try to beat them.

use std::time::Duration;

use super::rule::{Rule, Shape};
use crate::time::{Wall, nanos};

impl Rule {
    /// The earliest moments, counted from `start` on the server's clock, at which `n` requests of cost 1 can arrive with none
    /// refused, if nothing was counted before. `work` is how long the server takes for each.
    ///
    /// With an amount L, a period W, and requests counted from 0:
    ///
    /// - fixed and sliding windows: request i at ⌊i/L⌋ · W, for the first L fill a window, and the same places are free one
    ///   period later;
    /// - windows on the clock: the first L at once, then L at each turn of the window;
    /// - counter: the first L at once. In a window whose predecessor counted p, request j (from 1) fits as soon as
    ///   p · (rest of the window / W) + j ≤ L, which is W · (p + j - L) / p after the turn, and no later than the next turn;
    /// - bucket: the first burst + 1 at once. Then request i at the first tick by which (i - burst) · W / L have passed, as long
    ///   as the bucket is never empty in between; where it is, what it could have drained in the rest of that tick is lost;
    /// - requests at work: request i at ⌊i/L⌋ · `work`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use abide_core::{sim::Rule, time::Wall};
    /// let second = Duration::from_secs(1);
    /// let schedule = Rule::fixed(2, 5 * second).schedule(5, Wall::default(), Duration::ZERO);
    /// assert_eq!(schedule, [0, 0, 5, 5, 10].map(|n| n * second));
    /// ```
    pub fn schedule(&self, n: u64, start: Wall, work: Duration) -> Vec<Duration> {
        let (amount, period) = (self.amount, nanos(self.period));
        let until_turn = |offset: Duration| {
            let phase = (i128::from(start.as_nanos()) - offset.as_nanos().cast_signed()).rem_euclid(period.into());
            // At most one period, which fits.
            period - phase as u64
        };
        let moments: Vec<u64> = match self.shape {
            Shape::Fixed | Shape::Sliding => (0..n).map(|i| i / amount * period).collect(),
            Shape::Clock { offset } => {
                let turn = until_turn(offset);
                (0..n).map(|i| (i / amount).checked_sub(1).map_or(0, |later| turn + later * period)).collect()
            }
            Shape::Counter => counter(n, amount, period, until_turn(Duration::ZERO)),
            Shape::Bucket { burst, tick, .. } => {
                let tick = nanos(tick);
                let into_tick = start.as_nanos().rem_euclid(tick.cast_signed()).unsigned_abs();
                let ticks = bucket(n, u128::from(amount), u128::from(period / tick), u128::from(burst));
                ticks.into_iter().map(|after| (after * tick).saturating_sub(into_tick)).collect()
            }
            Shape::Concurrency => (0..n).map(|i| i / amount * nanos(work)).collect(),
        };
        moments.into_iter().map(Duration::from_nanos).collect()
    }

    /// The least time from the arrival of the first of `n` requests of cost 1 to the moment at which the answer to the last
    /// leaves, if nothing was counted before. `work` is how long the server takes for each.
    ///
    /// It is the last moment of [`Rule::schedule`] and the work; in a queue request i is let through i · W / L after the first.
    pub fn least(&self, n: u64, start: Wall, work: Duration) -> Duration {
        let last = match self.shape {
            Shape::Bucket { delays: true, .. } => {
                let periods = u128::from(n.saturating_sub(1)) * self.period.as_nanos();
                Duration::from_nanos(periods.div_ceil(self.amount.into()) as u64)
            }
            _ => self.schedule(n, start, work).last().copied().unwrap_or_default(),
        };
        if n == 0 { Duration::ZERO } else { last + work }
    }
}

/// The ticks of a bucket that holds `burst` + 1 requests of so many parts, and drains `amount` parts a tick.
fn bucket(n: u64, amount: u128, parts: u128, burst: u128) -> Vec<u64> {
    let (mut level, mut tick) = (0_u128, 0);
    let next = |_| {
        let ticks = level.saturating_sub(burst * parts).div_ceil(amount);
        level = level.saturating_sub(ticks * amount) + parts;
        tick += ticks as u64;
        tick
    };
    (0..n).map(next).collect()
}

fn counter(n: u64, amount: u64, period: u64, until_turn: u64) -> Vec<u64> {
    let mut moments = Vec::new();
    // The first window, of which only the end is seen, has no predecessor.
    let (mut turn, mut previous, mut counted) = (until_turn, 0, 0);
    while (moments.len() as u64) < n {
        let opens_after = match previous {
            0 => Some(0).filter(|_| counted < amount),
            _ => {
                let over = u128::from((previous + counted + 1).saturating_sub(amount));
                Some((over * u128::from(period)).div_ceil(previous.into()) as u64).filter(|after| *after < period)
            }
        };
        match opens_after {
            // In the first window everything is at once.
            Some(after) => moments.push(if turn == until_turn { 0 } else { turn - period + after }),
            None => {
                (turn, previous, counted) = (turn + period, counted, 0);
                continue;
            }
        }
        counted += 1;
    }
    moments
}
