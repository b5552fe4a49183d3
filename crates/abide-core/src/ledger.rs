//! The book of what a key waited for: one running total a kind of reason, so that any number of waiting calls costs nothing.
//!
//! A call that starts to wait notes the totals and takes the difference when it leaves.

use std::time::Duration;

use crate::call::Account;
use crate::decision::{Book, Reason};
use crate::time::Instant;

#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    totals: [Duration; Book::COUNT],
    /// The last reason of each kind, for its words.
    last: [Option<Reason>; Book::COUNT],
    current: Option<(Reason, Instant)>,
}

/// The totals at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark([Duration; Book::COUNT]);

impl Ledger {
    /// From now on the key waits for this, or for nothing.
    pub(crate) fn switch(&mut self, reason: Option<Reason>, now: Instant) {
        self.close(now);
        self.current = reason.map(|reason| {
            self.last[reason.book() as usize] = Some(reason);
            (reason, now)
        });
    }

    fn close(&mut self, now: Instant) {
        if let Some((reason, since)) = &mut self.current {
            self.totals[reason.book() as usize] += now.since(*since);
            *since = now;
        }
    }

    pub(crate) fn mark(&mut self, now: Instant) -> Mark {
        self.close(now);
        Mark(self.totals)
    }

    /// Adds to a call's account what the key waited for since the mark, and returns whether it waited at all.
    pub(crate) fn charge(&mut self, account: &mut Account, since: &Mark, now: Instant) -> bool {
        self.close(now);
        let mut waited = false;
        for (book, reason) in self.last.iter().enumerate() {
            if let Some(reason) = reason {
                let time = self.totals[book].saturating_sub(since.0[book]);
                waited |= !time.is_zero();
                account.add(*reason, time);
            }
        }
        waited
    }

    pub(crate) fn totals(&self, now: Instant) -> [Duration; Book::COUNT] {
        let mut ledger = self.clone();
        ledger.close(now);
        ledger.totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_charged_for_the_time_it_waited() {
        let at = |secs: u64| Instant::from_nanos(secs * 1_000_000_000);
        let mut ledger = Ledger::default();
        ledger.switch(Some(Reason::Probe), at(0));
        let mark = ledger.mark(at(1));
        ledger.switch(Some(Reason::Learned { limit: None }), at(3));
        ledger.switch(None, at(4));
        let mut account = Account::default();
        ledger.charge(&mut account, &mark, at(9));
        assert_eq!(
            account.waited,
            [(Reason::Probe, Duration::from_secs(2)), (Reason::Learned { limit: None }, Duration::from_secs(1))]
        );
    }
}
