//! At most so many in any period of time: a place is free again one period after its answer.

use std::collections::VecDeque;
use std::time::Duration;

use super::Opening;
use crate::time::Instant;

/// Answers closer together than this share of the period are kept as one, at the later moment, so that a window of thousands
/// stays small.
const MERGED_SHARE: u32 = 1_000;

#[derive(Clone, Debug)]
pub(crate) struct Sliding {
    amount: u64,
    period: Duration,
    /// Spent by attempts that are not answered yet.
    pub(super) pending: u64,
    /// Spent by answered attempts, oldest first.
    spent: VecDeque<Spent>,
    /// The sum over `spent`.
    used: u64,
}

#[derive(Clone, Copy, Debug)]
struct Spent {
    first: Instant,
    last: Instant,
    cost: u64,
}

impl Sliding {
    pub(crate) fn new(amount: u64, period: Duration) -> Self {
        Self { amount, period, pending: 0, spent: VecDeque::new(), used: 0 }
    }

    pub(super) fn amount(&self) -> u64 {
        self.amount
    }

    pub(super) fn unspend(&mut self, cost: u64, counted: Instant) {
        let holds = |spent: &&mut Spent| spent.first <= counted && counted <= spent.last && spent.cost >= cost;
        if let Some(spent) = self.spent.iter_mut().rev().find(holds) {
            spent.cost -= cost;
            self.used -= cost;
        }
    }

    pub(super) fn write(&self, words: &mut Vec<u64>) {
        words.push(self.spent.len() as u64);
        for spent in &self.spent {
            words.extend([spent.first.as_nanos(), spent.last.as_nanos(), spent.cost]);
        }
    }

    pub(super) fn read(&mut self, words: &mut impl Iterator<Item = u64>) -> Option<()> {
        let len = words.next()?;
        self.spent.clear();
        self.used = 0;
        for _ in 0..len {
            let (first, last) = (Instant::from_nanos(words.next()?), Instant::from_nanos(words.next()?));
            let cost = words.next()?;
            self.used = self.used.checked_add(cost)?;
            self.spent.push_back(Spent { first, last, cost });
        }
        Some(())
    }

    pub(crate) fn opening(&self, cost: u64, now: Instant) -> Opening {
        if cost > self.amount {
            return Opening::Never;
        }
        let mut used = self.used + self.pending;
        let mut at = now;
        for spent in &self.spent {
            if used + cost <= self.amount {
                break;
            }
            used -= spent.cost;
            at = at.max(spent.last + self.period);
        }
        if used + cost <= self.amount { Opening::At(at) } else { Opening::AfterAnswer }
    }

    pub(crate) fn take(&mut self, cost: u64, now: Instant) {
        while let Some(oldest) = self.spent.front()
            && oldest.last + self.period <= now
        {
            self.used -= oldest.cost;
            self.spent.pop_front();
        }
        self.pending += cost;
    }

    pub(crate) fn refund(&mut self, cost: u64) {
        self.pending -= cost;
    }

    pub(crate) fn settle(&mut self, cost: u64, answered: Instant) {
        self.pending -= cost;
        self.used += cost;
        match self.spent.back_mut() {
            Some(last) if answered.since(last.first) < self.period / MERGED_SHARE => {
                last.last = last.last.max(answered);
                last.cost += cost;
            }
            _ => self.spent.push_back(Spent { first: answered, last: answered, cost }),
        }
    }

    pub(crate) fn correct(&mut self, estimate: u64, actual: u64) {
        self.used = (self.used + actual).saturating_sub(estimate);
        if let Some(last) = self.spent.back_mut() {
            last.cost = (last.cost + actual).saturating_sub(estimate);
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
    fn a_place_is_free_a_period_after_its_answer() {
        let mut limit = Sliding::new(2, Duration::from_secs(1));
        limit.take(1, at(0));
        limit.take(1, at(0));
        assert_eq!(limit.opening(1, at(0)), Opening::AfterAnswer);
        limit.settle(1, at(100));
        limit.settle(1, at(300));
        assert_eq!(limit.opening(1, at(300)), Opening::At(at(1_100)));
        assert_eq!(limit.opening(2, at(300)), Opening::At(at(1_300)));
        assert_eq!(limit.opening(3, at(300)), Opening::Never);
        limit.take(1, at(1_100));
        assert_eq!(limit.opening(1, at(1_100)), Opening::At(at(1_300)));
    }

    #[test]
    fn what_never_left_is_not_counted() {
        let mut limit = Sliding::new(1, Duration::from_secs(1));
        limit.take(1, at(0));
        limit.refund(1);
        assert_eq!(limit.opening(1, at(0)), Opening::At(at(0)));
    }

    #[test]
    fn a_window_of_thousands_stays_small() {
        let mut limit = Sliding::new(1_000_000, Duration::from_secs(3_600));
        for i in 0..100_000 {
            limit.take(1, at(i));
            limit.settle(1, at(i));
        }
        assert!(limit.spent.len() <= 2 * MERGED_SHARE as usize);
    }
}
