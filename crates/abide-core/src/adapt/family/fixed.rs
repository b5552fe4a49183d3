//! So many a window, where a window begins with the first request after the last one ended.

use std::time::Duration;

use crate::adapt::Opening;
use crate::adapt::amount::Amount;
use crate::adapt::book::{Book, Evidence, Tally};
use crate::time::Instant;

#[derive(Clone, Debug)]
pub(in crate::adapt) struct Fixed {
    pub(in crate::adapt) period: Duration,
    pub(in crate::adapt) amount: Amount,
    pub(in crate::adapt) window: Option<Window>,
}

/// The window that was opened last.
#[derive(Clone, Copy, Debug)]
pub(in crate::adapt) struct Window {
    /// When it began, at the earliest and at the latest.
    pub(in crate::adapt) earliest: Instant,
    pub(in crate::adapt) latest: Instant,
    /// Accepted in it, for sure.
    pub(in crate::adapt) used: u64,
}

impl Fixed {
    pub(in crate::adapt) fn new(period: Duration) -> Self {
        Self { period, amount: Amount::default(), window: None }
    }

    pub(super) fn on_accepted(&mut self, evidence: &Evidence, _book: &Book) {
        let Evidence { sent, latest, count, .. } = *evidence;
        self.window = Some(match self.window {
            Some(window) if latest < window.earliest + self.period => {
                Window { latest: window.latest.min(latest), used: window.used + count, ..window }
            }
            Some(window) if sent < window.latest + self.period => {
                let earliest = sent.max(window.earliest + self.period);
                if window.used >= self.amount.hi {
                    // It would not have been accepted in the old one.
                    Window { earliest, latest, used: count }
                } else {
                    // Either this one opened the new window or the next one does.
                    Window { earliest, latest: latest.max(window.latest + self.period), used: 0 }
                }
            }
            _ => Window { earliest: sent, latest, used: count },
        });
        self.amount.raise(self.window.map_or(0, |window| window.used));
    }

    pub(super) fn on_refused(&mut self, evidence: &Evidence, book: &Book) {
        let Evidence { sent, latest, .. } = *evidence;
        let Some(window) = &mut self.window else { return self.amount.lower(book.pending(Tally::Accepted)) };
        let before = Duration::from_nanos(1);
        let in_new = book.possible(Tally::Accepted, window.earliest + self.period - before, latest);
        if sent >= window.latest + self.period {
            return self.amount.lower(in_new);
        }
        let in_old = book.possible(Tally::Accepted, window.earliest - before, latest);
        self.amount.lower(in_old.max(in_new));
        if in_new == 0 {
            window.earliest = window.earliest.max(sent - self.period).min(window.latest);
        }
    }

    /// When one more is within this amount.
    pub(super) fn opens(&self, amount: u64, book: &Book, now: Instant) -> Opening {
        let Some(window) = self.window else {
            return if book.pending(Tally::Accepted) < amount { Opening::At(now) } else { Opening::AfterAnswer };
        };
        let before = Duration::from_nanos(1);
        let ends = window.latest + self.period;
        let carried = book.possible(Tally::Accepted, window.earliest + self.period - before, Instant::NEVER);
        if now < ends && book.possible(Tally::Accepted, window.earliest - before, Instant::NEVER) < amount {
            Opening::At(now)
        } else if carried < amount {
            Opening::At(ends)
        } else if book.pending(Tally::Accepted) < amount {
            Opening::At(ends + self.period)
        } else {
            Opening::AfterAnswer
        }
    }
}
