//! A bucket that fills at a steady rate up to a burst.

use std::time::Duration;

use crate::adapt::Opening;
use crate::adapt::amount::Amount;
use crate::adapt::book::{Book, Evidence, Tally};
use crate::time::Instant;

/// How far from a whole number a burst may seem to be, in tokens.
const ROUGH: f64 = 0.05;
/// What rounding may have added.
const TINY: f64 = 1e-6;
/// The share of the burst that has to be free before waiting longer may lose some.
const FULL_ENOUGH: f64 = 0.3;

#[derive(Clone, Debug)]
pub(in crate::adapt) struct Bucket {
    /// Tokens a second.
    pub(in crate::adapt) rate: f64,
    /// The burst is at least `least` and less than `below`.
    pub(super) least: f64,
    pub(super) below: f64,
    /// How much is taken out, as if every attempt had arrived as early, and as late, as it can.
    pub(super) early: Level,
    pub(super) late: Level,
}

/// What is taken out of the bucket and not filled up yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    taken: f64,
    at: Instant,
}

impl Level {
    /// What is taken out at `moment`; before the last change it was more.
    pub(super) fn at(self, moment: Instant, rate: f64) -> f64 {
        let filled =
            if moment >= self.at { moment.since(self.at).as_secs_f64() } else { -self.at.since(moment).as_secs_f64() };
        (self.taken - filled * rate).max(0.0)
    }

    fn full_at(self, rate: f64) -> Instant {
        self.at + Duration::from_secs_f64((self.taken / rate).min(1e9))
    }

    fn take(&mut self, count: u64, moment: Instant, rate: f64) {
        let at = self.at.max(moment);
        *self = Self { taken: self.at(at, rate) + count as f64, at };
    }
}

impl Bucket {
    pub(in crate::adapt) fn new(rate: f64) -> Self {
        Self { rate, least: 1.0, below: f64::INFINITY, early: Level::default(), late: Level::default() }
    }

    /// The bounds of the burst in tokens, and when the bucket is full again, at the earliest and at the latest.
    pub(in crate::adapt) fn state(&self) -> (f64, f64, Instant, Instant) {
        (self.least, self.below, self.early.full_at(self.rate), self.late.full_at(self.rate))
    }

    /// A bucket with this rate in such a state.
    pub(in crate::adapt) fn recall(rate: f64, (least, below, early, late): (f64, f64, Instant, Instant)) -> Self {
        let level = |at| Level { taken: 0.0, at };
        Self { rate, least, below, early: level(early), late: level(late) }
    }

    pub(super) fn on_accepted(&mut self, evidence: &Evidence) {
        self.early.take(evidence.count, evidence.sent, self.rate);
        self.late.take(evidence.count, evidence.latest, self.rate);
        self.least = self.least.max(self.early.at(evidence.latest, self.rate));
    }

    pub(super) fn on_unknown(&mut self, evidence: &Evidence) {
        self.late.take(evidence.count, evidence.latest, self.rate);
    }

    pub(super) fn on_refused(&mut self, evidence: &Evidence, book: &Book) {
        let pending = book.pending_within(Tally::Accepted, evidence.latest) as f64;
        self.below = self.below.min(self.late.at(evidence.sent, self.rate) + pending + 1.0);
    }

    /// The least whole burst that explains all.
    fn burst(&self) -> f64 {
        (self.least - ROUGH).ceil().max(1.0)
    }

    pub(super) fn is_possible(&self) -> bool {
        self.burst() < self.below - TINY
    }

    /// Whether it fills up from nothing before two arrivals are told apart.
    pub(super) fn is_vague(&self, blur: Duration) -> bool {
        self.rate * blur.as_secs_f64() >= self.burst()
    }

    pub(super) fn amount(&self) -> Amount {
        let whole = |tokens: f64| if tokens.is_finite() { tokens as u64 } else { u64::MAX };
        Amount { lo: whole(self.burst()), hi: whole(self.below) }
    }

    pub(super) fn admits(&self, book: &Book, now: Instant) -> Opening {
        let pending = book.pending(Tally::Accepted) as f64;
        if pending + 1.0 > self.burst() {
            return Opening::AfterAnswer;
        }
        Opening::At(self.free_at(pending + 1.0, now))
    }

    /// When so many are free.
    fn free_at(&self, wanted: f64, now: Instant) -> Instant {
        let excess = self.late.at(now, self.rate) + wanted - self.burst();
        if excess <= 0.0 { now } else { now + Duration::from_secs_f64((excess / self.rate).min(1e9)) }
    }

    /// Waiting inside a bucket costs nothing until it is full, and tells rates apart.
    pub(super) fn presses(&self, book: &Book, now: Instant) -> Instant {
        let pending = book.pending(Tally::Accepted) as f64;
        let enough = (self.burst() * FULL_ENOUGH).max(1.0);
        self.free_at(pending + enough, now)
    }
}
