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

/// The share of a counter's amount, in hundredths, that has to be free before waiting longer may lose some.
const ENOUGH: u64 = 15;
const NANO: Duration = Duration::from_nanos(1);

impl Clock {
    pub(in crate::adapt) fn fixed(period: Duration) -> Self {
        Self { period, tally: Tally::Accepted, weighted: false, amount: Amount::default() }
    }

    pub(in crate::adapt) fn counter(period: Duration, tally: Tally) -> Self {
        Self { period, tally, weighted: true, amount: Amount::default() }
    }

    pub(super) fn on_accepted(&mut self, evidence: &Evidence, book: &Book) {
        let (at, end) = (evidence.sent, evidence.latest_really);
        let into = book.since_turn(at, self.period);
        if end.since(at) >= self.period.saturating_sub(into) {
            return;
        }
        let turn = at - into;
        // What has surely arrived in the same window was allowed together, in whatever order.
        let newest = book.newest_really(Tally::Accepted, turn - NANO).max(end).min(turn + self.period - NANO);
        let together = book.certain_really(Tally::Accepted, turn - NANO, newest + NANO);
        let before = book.certain_really(self.tally, turn - NANO, at);
        let current = together.max(before) + evidence.count;
        // The last moment of the arrival is when the last window weighs least.
        let share = nanos(self.period.saturating_sub(newest.since(turn)));
        let last = if self.weighted && turn > Instant::ZERO + NANO {
            book.certain_really(self.tally, turn - self.period - NANO, turn)
        } else {
            0
        };
        self.amount.raise(current + weigh(last, share, self.period, false));
    }

    pub(super) fn on_refused(&mut self, evidence: &Evidence, book: &Book) {
        let Evidence { sent, latest_really: answered, .. } = *evidence;
        self.amount.lower(self.most_used(sent, answered, None, book));
        if self.tally == Tally::All
            && let Some((first, last)) = book.settled_refusals()
        {
            // The first of the refusals to arrive found none of the others.
            self.amount.lower(self.most_used(first, last.max(answered), Some(first), book));
        }
    }

    /// The most that can have counted at some moment between these, where no refusal that left at `but` or later had.
    pub(super) fn most_used(&self, from: Instant, until: Instant, but: Option<Instant>, book: &Book) -> u64 {
        self.used_at(from, until, but, book).max(self.used_at(until, until, but, book))
    }

    fn used_at(&self, moment: Instant, until: Instant, but: Option<Instant>, book: &Book) -> u64 {
        let into = book.since_turn(moment, self.period);
        let turn = moment - into;
        let end = (moment + (self.period - into)).min(until);
        let last = if self.weighted { self.possible(turn - self.period - NANO, turn, but, book) } else { 0 };
        let current = self.possible(turn - NANO, end, but, book) + book.pending_within(self.tally, end);
        current + weigh(last, nanos(self.period - into), self.period, true)
    }

    fn possible(&self, from: Instant, to: Instant, but: Option<Instant>, book: &Book) -> u64 {
        match but {
            None => book.possible_logged(self.tally, from, to),
            Some(but) => {
                book.possible_logged(Tally::Accepted, from, to) + book.possible_refused_really(from, to.min(but))
            }
        }
    }

    /// How much later it opens for the refusals of the latest event.
    pub(super) fn delay(&self, book: &Book) -> Duration {
        let Some((first, last)) = book.settled_refusals().filter(|_| self.weighted && self.tally == Tally::All) else {
            return Duration::ZERO;
        };
        let refused = u32::try_from(book.possible_refused_really(first - NANO, last + NANO)).unwrap_or(u32::MAX);
        let amount = u32::try_from(self.amount.lo).unwrap_or(u32::MAX).max(1);
        self.period.min(self.period * refused.min(amount) / amount)
    }

    fn last(&self, turn: Instant, book: &Book) -> u64 {
        if !self.weighted || turn == Instant::ZERO {
            return 0;
        }
        book.possible_logged(self.tally, turn - self.period - NANO, turn)
    }

    /// When one more is within this amount.
    pub(super) fn opens(&self, amount: u64, book: &Book, now: Instant) -> Opening {
        let into = book.since_turn(now, self.period);
        let turn = now - into;
        let current = book.possible_really(self.tally, turn - NANO, Instant::NEVER);
        if let Some(wait) = self.fits_after(amount, current + 1, self.last(turn, book)) {
            return Opening::At(turn_plus(now, into, wait));
        }
        // In the next window only what is not answered yet is surely carried over.
        let carried = book.pending(self.tally);
        match self.fits_after(amount, carried + 1, if self.weighted { current } else { 0 }) {
            Some(wait) => Opening::At(now + (self.period - into) + wait),
            None if self.weighted && carried < amount => Opening::At(now + (self.period - into) + self.period),
            None => Opening::AfterAnswer,
        }
    }

    /// How far into the window so many fit into the amount; `None` if not in this window.
    fn fits_after(&self, amount: u64, current: u64, last: u64) -> Option<Duration> {
        let room = amount.checked_sub(current)?;
        if last <= room {
            return Some(Duration::ZERO);
        }
        let period = u128::from(nanos(self.period));
        let wait = (u128::from(last - room) * period).div_ceil(u128::from(last));
        Some(Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX)))
    }

    /// What a counter frees comes little by little, and is lost only when much is free.
    pub(super) fn presses(&self, opens: Instant, book: &Book, now: Instant) -> Instant {
        let amount = self.amount.most();
        if !self.weighted {
            return opens;
        }
        let wanted = (amount * ENOUGH).div_ceil(100).max(1);
        let into = book.since_turn(now, self.period);
        let turn = now - into;
        let current = book.possible_really(self.tally, turn - NANO, Instant::NEVER);
        let last = self.last(turn, book);
        let free_at = |current: u64, last: u64| self.fits_after(amount, current + wanted, last);
        let soonest = match free_at(current, last) {
            Some(wait) => turn_plus(now, into, wait),
            None => match free_at(book.pending(self.tally), current) {
                Some(wait) => now + (self.period - into) + wait,
                None => opens,
            },
        };
        soonest.max(opens)
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
