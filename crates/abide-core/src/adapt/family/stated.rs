//! What an answer shows that says how many are left: the amount is what was used by then, and this.

use std::time::Duration;

use super::clock::weigh;
use super::{Bucket, Clock, Family, Fixed, Hypothesis, Sliding};
use crate::adapt::book::{Book, Evidence, Tally};
use crate::time::{Instant, nanos};

const NANO: Duration = Duration::from_nanos(1);

impl Hypothesis {
    /// The amount is said, where the family has one that people state.
    pub(in crate::adapt) fn pin(&mut self, limit: u64) {
        let amount = match &mut self.family {
            Family::Sliding(family) => &mut family.amount,
            Family::Fixed(family) => &mut family.amount,
            Family::Clock(family) => &mut family.amount,
            Family::Bucket(_) | Family::Cap(_) => return,
        };
        amount.raise(limit);
        amount.lower(limit);
    }

    /// Learns from an accepted attempt after which so many more would have been accepted, and not one beyond.
    pub(in crate::adapt) fn on_stated(&mut self, left: u64, evidence: &Evidence, book: &Book) {
        if let Family::Bucket(family) = &mut self.family {
            family.before_stated(left, evidence, book);
        }
        self.learn(evidence, book);
        match &mut self.family {
            Family::Sliding(family) => family.on_stated(left, evidence, book),
            Family::Fixed(family) => family.on_stated(left, evidence, book),
            Family::Clock(family) => family.on_stated(left, evidence, book),
            Family::Bucket(family) => family.on_stated(left, evidence, book),
            Family::Cap(_) => {}
        }
    }

    /// Between which moments the window ends that this attempt fell into, where it is sure which it was.
    pub(in crate::adapt) fn resets(&self, evidence: &Evidence, book: &Book) -> Option<(Instant, Instant)> {
        match &self.family {
            Family::Fixed(family) => family.resets(),
            Family::Clock(family) => family.resets(evidence, book),
            Family::Sliding(_) | Family::Bucket(_) | Family::Cap(_) => None,
        }
    }
}

impl Sliding {
    fn on_stated(&mut self, left: u64, evidence: &Evidence, book: &Book) {
        let Evidence { sent, latest, count, .. } = *evidence;
        self.amount.raise(book.certain(self.tally, latest - self.period, sent) + count + left);
        self.amount.lower(book.possible(self.tally, sent - self.period, latest) + count + left);
    }
}

impl Fixed {
    fn on_stated(&mut self, left: u64, evidence: &Evidence, book: &Book) {
        // Where it is not sure which window it fell into, what was used of the other is not either.
        let Some(window) = self.window.filter(|window| window.used > 0) else { return };
        let begins = window.earliest - NANO;
        self.amount.raise(book.certain(Tally::Accepted, begins, evidence.sent) + evidence.count + left);
        self.amount.lower(book.possible(Tally::Accepted, begins, evidence.latest) + evidence.count + left);
    }

    fn resets(&self) -> Option<(Instant, Instant)> {
        let window = self.window.filter(|window| window.used > 0)?;
        Some((window.earliest + self.period, window.latest + self.period))
    }
}

impl Clock {
    fn on_stated(&mut self, left: u64, evidence: &Evidence, book: &Book) {
        let Evidence { sent, latest_really: answered, count, .. } = *evidence;
        let into = book.since_turn(sent, self.period);
        let (turn, ends) = (sent - into, sent + (self.period - into));
        if answered < ends {
            let last = if self.weighted { book.certain_really(self.tally, turn - self.period - NANO, turn) } else { 0 };
            let share = nanos(ends.since(answered));
            let used = book.certain_really(self.tally, turn - NANO, sent) + weigh(last, share, self.period, false);
            self.amount.raise(used + count + left);
        }
        self.amount.lower(self.most_used(sent, answered, None, book) + count + left);
    }

    fn resets(&self, evidence: &Evidence, book: &Book) -> Option<(Instant, Instant)> {
        let ends = evidence.sent + (self.period - book.since_turn(evidence.sent, self.period));
        (!self.weighted && evidence.latest_really < ends).then_some((ends, ends))
    }
}

impl Bucket {
    /// Those that left after it may have arrived before it.
    fn before_stated(&mut self, left: u64, evidence: &Evidence, book: &Book) {
        let taken = (book.pending_within(Tally::Accepted, evidence.latest) + evidence.count + left) as f64;
        self.below = self.below.min(self.late.at(evidence.sent, self.rate) + taken + 1.0);
    }

    /// Those that left before it may have arrived after it.
    fn on_stated(&mut self, left: u64, evidence: &Evidence, book: &Book) {
        let after = book.possible(Tally::Accepted, evidence.sent, evidence.latest) as f64;
        self.least = self.least.max(self.early.at(evidence.latest, self.rate) - after + left as f64);
    }
}
