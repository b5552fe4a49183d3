//! So many a window of the wall clock; the last window may count by the share of it that still lies within the period.

use std::time::Duration;

use crate::adapt::Opening;
use crate::adapt::amount::Amount;
use crate::adapt::book::{Book, Evidence, Tally};
use crate::time::{Instant, nanos};

#[derive(Clone, Debug)]
pub(in crate::adapt) struct Clock {
    pub(in crate::adapt) period: Duration,
    pub(in crate::adapt) tally: Tally,
    /// Whether the last window counts by its share.
    pub(in crate::adapt) weighted: bool,
    pub(in crate::adapt) amount: Amount,
}

const NANO: Duration = Duration::from_nanos(1);

impl Clock {
    pub(in crate::adapt) fn fixed(period: Duration) -> Self {
        Self { period, tally: Tally::Accepted, weighted: false, amount: Amount::default() }
    }

    pub(in crate::adapt) fn counter(period: Duration, tally: Tally) -> Self {
        Self { period, tally, weighted: true, amount: Amount::default() }
    }

    pub(super) fn on_accepted(&mut self, evidence: &Evidence, book: &Book) {
        if evidence.answered == Instant::NEVER {
            return;
        }
        let (at, end) = (evidence.sent, evidence.answered);
        let into = book.since_turn(at, self.period);
        if end.since(at) >= self.period.saturating_sub(into) {
            return;
        }
        // The last moment of the arrival is when the last window weighs least.
        let turn = at - into;
        let together = book.certain_really(Tally::Accepted, turn - NANO, end + NANO);
        let before = book.certain_really(self.tally, turn - NANO, at);
        let current = together.max(before) + evidence.count;
        let share = nanos(self.period.saturating_sub(end.since(turn)));
        let last = if self.weighted && turn > Instant::ZERO + NANO {
            book.certain_really(self.tally, turn - self.period - NANO, turn)
        } else {
            0
        };
        self.amount.raise(current + weigh(last, share, self.period, false));
    }

    pub(super) fn on_refused(&mut self, evidence: &Evidence, book: &Book) {
        let used = self.most_used(evidence.sent, evidence.answered, book).max(self.most_used(
            evidence.answered,
            evidence.answered,
            book,
        ));
        self.amount.lower(used);
    }

    /// The most that can have counted at `moment` of what left before `until`.
    pub(super) fn most_used(&self, moment: Instant, until: Instant, book: &Book) -> u64 {
        let into = book.since_turn(moment, self.period);
        let turn = moment - into;
        let end = (moment + (self.period - into)).min(until);
        let current = book.possible_really(self.tally, turn - NANO, end);
        current + weigh(self.last(turn, book), nanos(self.period - into), self.period, true)
    }

    fn last(&self, turn: Instant, book: &Book) -> u64 {
        if !self.weighted || turn == Instant::ZERO {
            return 0;
        }
        book.possible_logged(self.tally, turn - self.period - NANO, turn)
    }

    pub(super) fn admits(&self, book: &Book, now: Instant) -> Opening {
        let into = book.since_turn(now, self.period);
        let turn = now - into;
        let current = book.possible_really(self.tally, turn - NANO, Instant::NEVER);
        if let Some(wait) = self.share_wait(current, self.last(turn, book)) {
            return Opening::At(turn_plus(now, into, wait));
        }
        // In the next window only what is not answered yet is surely carried over.
        let carried = book.pending(self.tally);
        match self.share_wait(carried, if self.weighted { current } else { 0 }) {
            Some(wait) => Opening::At(now + (self.period - into) + wait),
            None if self.weighted && carried < self.amount.lo => Opening::At(now + (self.period - into) + self.period),
            None => Opening::AfterAnswer,
        }
    }

    /// How far into the window one more fits; `None` if not in this window.
    fn share_wait(&self, current: u64, last: u64) -> Option<Duration> {
        let room = self.amount.lo.checked_sub(current + 1)?;
        if last <= room {
            return Some(Duration::ZERO);
        }
        let period = u128::from(nanos(self.period));
        let wait = (u128::from(last - room) * period).div_ceil(u128::from(last));
        Some(Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX)))
    }

    /// A window's amount is lost only when the window ends; a counter's when what is free is not used as it comes. What is left
    /// for the last window is late at once.
    pub(super) fn presses(&self, admits: Instant, left: u64, book: &Book, now: Instant) -> Instant {
        if !self.weighted {
            if left <= self.amount.lo * 2 {
                return admits;
            }
            let start = admits.max(now);
            return start + (self.period * 4 / 5).saturating_sub(book.since_turn(start, self.period));
        }
        let amount = self.amount.lo.min(left);
        let wanted = (amount * 4).div_ceil(5).max(1);
        let into = book.since_turn(now, self.period);
        let turn = now - into;
        let current = book.possible_really(self.tally, turn - NANO, Instant::NEVER);
        let last = self.last(turn, book);
        let free_at = |current: u64, last: u64| self.share_wait(current + wanted - 1, last);
        let soonest = match free_at(current, last) {
            Some(wait) => turn_plus(now, into, wait),
            None => match free_at(book.pending(self.tally), current) {
                Some(wait) => now + (self.period - into) + wait,
                None => admits,
            },
        };
        soonest.max(admits)
    }
}

/// The moment so far into the window that `now` lies in.
fn turn_plus(now: Instant, into: Duration, wait: Duration) -> Instant {
    if wait >= into { now + (wait - into) } else { now }
}

/// How much of the last window counts when so much of it still lies within the period. Servers differ in rounding it.
pub(super) fn weigh(last: u64, share: u64, period: Duration, up: bool) -> u64 {
    let product = u128::from(last) * u128::from(share);
    let period = u128::from(nanos(period)).max(1);
    let weighed = if up { product.div_ceil(period) } else { product / period };
    u64::try_from(weighed).unwrap_or(u64::MAX)
}
