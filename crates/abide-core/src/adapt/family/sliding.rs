//! So many in every interval of one length; refused attempts may count too, as haproxy counts them.

use std::time::Duration;

use crate::adapt::Opening;
use crate::adapt::amount::Amount;
use crate::adapt::book::{Book, Evidence, Tally};

#[derive(Clone, Debug)]
pub(in crate::adapt) struct Sliding {
    pub(in crate::adapt) period: Duration,
    pub(in crate::adapt) tally: Tally,
    pub(in crate::adapt) amount: Amount,
}

impl Sliding {
    pub(in crate::adapt) fn new(period: Duration, tally: Tally) -> Self {
        Self { period, tally, amount: Amount::default() }
    }

    pub(super) fn on_accepted(&mut self, evidence: &Evidence, book: &Book) {
        // Accepted attempts that surely lie within one period were allowed together: the last of them saw the others.
        let newest = book.newest(Tally::Accepted, evidence.latest - self.period).max(evidence.latest);
        let after = Duration::from_nanos(1);
        self.amount.raise(book.certain(Tally::Accepted, newest - self.period, newest + after) + evidence.count);
        if self.tally == Tally::All {
            self.amount.raise(book.certain(Tally::All, evidence.latest - self.period, evidence.sent) + evidence.count);
        }
    }

    pub(super) fn on_refused(&mut self, evidence: &Evidence, book: &Book) {
        let used = book.possible(self.tally, evidence.sent - self.period, evidence.latest);
        self.amount.lower(used);
        if self.tally == Tally::All
            && let Some((first, last)) = book.settled_refusals()
        {
            // The first of the refusals to arrive found none of the others.
            let accepted = book.possible(Tally::Accepted, first - self.period, last);
            self.amount.lower(accepted + book.possible_refused(first - self.period, first));
        }
    }

    /// When one more is within this amount.
    pub(super) fn opens(&self, amount: u64, book: &Book) -> Opening {
        book.nth_last(self.tally, amount).map_or(Opening::AfterAnswer, |last| Opening::At(last + self.period))
    }
}
