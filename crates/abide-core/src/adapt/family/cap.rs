//! So many in flight at once.

use crate::adapt::Opening;
use crate::adapt::amount::Amount;
use crate::adapt::book::{Book, Evidence};
use crate::time::Instant;

/// Accepted attempts that may leave when the cap seemed full, for an answer can be on its way.
const STRIKES: u32 = 3;

#[derive(Clone, Debug)]
pub(in crate::adapt) struct Cap {
    pub(in crate::adapt) amount: Amount,
    pub(in crate::adapt) strikes: u32,
}

impl Cap {
    pub(in crate::adapt) fn new() -> Self {
        Self { amount: Amount::default(), strikes: 0 }
    }

    pub(super) fn on_accepted(&mut self, evidence: &Evidence, book: &Book) {
        // An answer may have been on its way when this one left: such a place was free.
        let beside = book.overlapping(evidence.sent + book.refused_trip() * 2, evidence.sent);
        if beside >= self.amount.hi {
            self.strikes += 1;
            if self.strikes >= STRIKES {
                self.amount.lower(0);
            }
        }
    }

    pub(super) fn on_refused(&mut self, evidence: &Evidence, book: &Book) {
        let beside = book.overlapping(evidence.sent, evidence.answered);
        self.strikes = 0;
        self.amount.lower(beside);
    }

    pub(super) fn admits(&self, book: &Book, now: Instant) -> Opening {
        // Without a refusal there is no cap to keep to.
        if book.in_flight() < self.amount.hi { Opening::At(now) } else { Opening::AfterAnswer }
    }
}
