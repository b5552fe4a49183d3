//! So many a window, where a window begins with its first request after the last one ended.

use std::time::Duration;

use super::{Opening, Ticket};
use crate::time::Instant;

#[derive(Clone, Debug)]
pub(crate) struct Fixed {
    amount: u64,
    period: Duration,
    /// Number of the window; tickets of older windows no longer count here.
    number: u64,
    /// Spent in this window, including what may have spilled over from the last one.
    used: u64,
    /// Spent by attempts of this window that are not answered yet.
    pending: u64,
    /// Spent by attempts that were answered so late that they may count in the next window.
    late: u64,
    /// The earliest moment at which the server can have opened the window; `None` before its first request.
    opened_after: Option<Instant>,
    /// The latest one: the first answer.
    opened_before: Option<Instant>,
}

impl Fixed {
    pub(crate) fn new(amount: u64, period: Duration) -> Self {
        Self { amount, period, number: 0, used: 0, pending: 0, late: 0, opened_after: None, opened_before: None }
    }

    pub(crate) fn opening(&self, cost: u64, now: Instant) -> Opening {
        if cost > self.amount {
            return Opening::Never;
        }
        let ends = self.opened_before.map(|opened| opened + self.period);
        if self.used + cost <= self.amount {
            return Opening::At(now);
        }
        match ends {
            // What is not answered by then, or came late, may count in the next window.
            Some(ends) if self.pending + self.late + cost <= self.amount => Opening::At(ends.max(now)),
            _ => Opening::AfterAnswer,
        }
    }

    pub(crate) fn take(&mut self, cost: u64, now: Instant) -> Ticket {
        if self.opened_before.is_some_and(|opened| opened + self.period <= now) {
            self.roll();
        }
        self.opened_after.get_or_insert(now);
        self.used += cost;
        self.pending += cost;
        Ticket(self.number)
    }

    fn roll(&mut self) {
        let spilled = self.pending + self.late;
        // If something spilled over it may have opened the new window at the earliest end of the old one.
        self.opened_after = if spilled > 0 { self.opened_after.map(|opened| opened + self.period) } else { None };
        self.opened_before = None;
        self.used = spilled;
        self.pending = 0;
        self.late = 0;
        self.number += 1;
    }

    pub(crate) fn refund(&mut self, ticket: Ticket, cost: u64) {
        self.used = self.used.saturating_sub(cost);
        if ticket.0 == self.number {
            self.pending -= cost;
        }
    }

    pub(crate) fn settle(&mut self, ticket: Ticket, cost: u64, answered: Instant) {
        if ticket.0 != self.number {
            return;
        }
        self.pending -= cost;
        self.opened_before.get_or_insert(answered);
        if self.opened_after.is_some_and(|opened| opened + self.period < answered) {
            self.late += cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn the_whole_amount_is_free_a_period_after_the_first_answer() {
        let mut limit = Fixed::new(3, Duration::from_secs(1));
        let first = limit.take(1, at(0));
        limit.settle(first, 1, at(20));
        for millis in [500, 900] {
            let ticket = limit.take(1, at(millis));
            limit.settle(ticket, 1, at(millis + 20));
        }
        assert_eq!(limit.opening(1, at(920)), Opening::At(at(1_020)));
        limit.take(1, at(1_020));
        assert_eq!(limit.opening(2, at(1_020)), Opening::At(at(1_020)));
    }

    #[test]
    fn what_may_have_arrived_after_the_turn_counts_in_both_windows() {
        let mut limit = Fixed::new(2, Duration::from_secs(1));
        let first = limit.take(1, at(0));
        limit.settle(first, 1, at(20));
        limit.take(1, at(990));
        assert_eq!(limit.opening(1, at(1_010)), Opening::At(at(1_020)));
        limit.take(1, at(1_020));
        assert_eq!(limit.opening(1, at(1_020)), Opening::AfterAnswer);
    }
}
