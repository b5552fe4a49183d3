//! So many a window, where a window begins with its first request after the last one ended.
//!
//! The server's window is known only between two moments: it opened after its first request left, and before that was answered.

use std::time::Duration;

use super::{Opening, Ticket};
use crate::time::Instant;

#[derive(Clone, Debug)]
pub(crate) struct Fixed {
    amount: u64,
    period: Duration,
    /// Number of the window; only what left in it tells when it opened.
    number: u64,
    /// Spent in this window, with all that may have spilled over from older ones.
    used: u64,
    /// Spent by attempts that are not answered yet, whatever window they left in.
    pub(super) pending: u64,
    /// Spent by attempts that were answered so late that they may count in the next window.
    late: u64,
    /// The last answer to anything in `used`: whatever window it counts in has opened by then.
    answered: Instant,
    /// The earliest moment at which the server can have opened the window; `None` before its first request.
    opened_after: Option<Instant>,
    /// The latest one: the first answer to what left in it.
    opened_before: Option<Instant>,
}

impl Fixed {
    pub(crate) fn new(amount: u64, period: Duration) -> Self {
        Self {
            amount,
            period,
            number: 0,
            used: 0,
            pending: 0,
            late: 0,
            answered: Instant::ZERO,
            opened_after: None,
            opened_before: None,
        }
    }

    pub(super) fn amount(&self) -> u64 {
        self.amount
    }

    pub(super) fn write(&self, words: &mut Vec<u64>) {
        let moment = |at: Option<Instant>| at.unwrap_or(Instant::NEVER).as_nanos();
        words.extend([self.used, self.late, self.answered.as_nanos()]);
        words.extend([moment(self.opened_after), moment(self.opened_before)]);
    }

    pub(super) fn read(&mut self, words: &mut impl Iterator<Item = u64>) -> Option<()> {
        (self.used, self.late) = (words.next()?, words.next()?);
        self.used.checked_add(self.late)?.checked_add(self.amount)?;
        self.answered = Instant::from_nanos(words.next()?);
        let mut moment = || words.next().map(|at| Some(Instant::from_nanos(at)).filter(|at| *at < Instant::NEVER));
        (self.opened_after, self.opened_before) = (moment()?, moment()?);
        Some(())
    }

    pub(crate) fn opening(&self, cost: u64, now: Instant) -> Opening {
        if cost > self.amount {
            return Opening::Never;
        }
        if self.used + cost <= self.amount {
            return Opening::At(now);
        }
        match self.ends() {
            // What is not answered by then may count in the next window.
            Some(_) if self.pending + cost > self.amount => Opening::AfterAnswer,
            Some(ends) if self.pending + self.late + cost > self.amount => {
                Opening::At(ends.max(self.answered + self.period).max(now))
            }
            Some(ends) => Opening::At(ends.max(now)),
            None => Opening::AfterAnswer,
        }
    }

    /// The latest moment at which the server's window ends; `None` as long as it takes an answer to know.
    fn ends(&self) -> Option<Instant> {
        match self.opened_before {
            Some(opened) => Some(opened + self.period),
            None if self.pending == 0 && self.used > 0 => Some(self.answered + self.period),
            None => None,
        }
    }

    pub(crate) fn take(&mut self, cost: u64, now: Instant) -> Ticket {
        if self.ends().is_some_and(|ends| ends <= now) {
            self.roll(now);
        }
        self.opened_after.get_or_insert(now);
        self.used += cost;
        self.pending += cost;
        Ticket { number: self.number, ..Ticket::default() }
    }

    fn roll(&mut self, now: Instant) {
        let late = if self.answered + self.period <= now { 0 } else { self.late };
        self.used = self.pending + late;
        // What spilled over may have opened the new window at the earliest end of the old one.
        self.opened_after = self.opened_after.filter(|_| self.used > 0).map(|opened| opened + self.period);
        self.opened_before = None;
        self.late = 0;
        self.number += 1;
    }

    /// What is not answered is in `used` too, for it spills over into every window.
    pub(crate) fn refund(&mut self, cost: u64) {
        self.used -= cost;
        self.pending -= cost;
        if self.used == 0 {
            self.opened_after = None;
        }
    }

    pub(crate) fn correct(&mut self, estimate: u64, actual: u64) {
        self.used = (self.used + actual).saturating_sub(estimate).max(self.pending);
    }

    pub(crate) fn settle(&mut self, ticket: Ticket, cost: u64, answered: Instant) {
        self.pending -= cost;
        self.answered = self.answered.max(answered);
        if ticket.number == self.number {
            self.opened_before.get_or_insert(answered);
        }
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
    #[test]
    fn an_answer_that_takes_longer_than_the_window_delays_by_a_window_only() {
        let mut limit = Fixed::new(1, Duration::from_secs(1));
        let slow = limit.take(1, at(0));
        limit.settle(slow, 1, at(1_500));
        assert_eq!(limit.opening(1, at(1_500)), Opening::At(at(2_500)));
        limit.take(1, at(2_500));
        assert_eq!(limit.opening(1, at(2_500)), Opening::AfterAnswer);
    }

    #[test]
    fn a_refund_after_the_turn_leaves_nothing_that_only_an_answer_could_free() {
        let mut limit = Fixed::new(2, Duration::from_secs(1));
        let first = limit.take(1, at(0));
        limit.settle(first, 1, at(20));
        let spilled = limit.take(1, at(900));
        limit.take(1, at(1_020));
        limit.refund(1);
        limit.settle(spilled, 1, at(1_100));
        limit.take(1, at(1_100));
        limit.refund(1);
        assert_eq!(limit.opening(2, at(1_100)), Opening::At(at(2_100)));
    }
}
