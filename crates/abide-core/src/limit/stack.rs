//! Several limits that hold together: taken all or not at all, with each attempt's cost in each.

use std::time::Duration;

use super::quota::Claim;
use super::{Limit, Opening, Ticket, Trip, cost_in};
use crate::policy::{LimitSpec, Share};
use crate::time::{Instant, Now};

#[derive(Clone, Debug, Default)]
pub(crate) struct Stack {
    /// As they were told, with the books of the share that is used.
    limits: Vec<(LimitSpec, Limit)>,
    share: Share,
}

/// What an attempt took of every limit of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Permit {
    cost: u32,
    tickets: Vec<Ticket>,
    /// What it may have spent of the server's quotas.
    pub(crate) claim: Claim,
}

impl Stack {
    /// These limits, each used to this share.
    pub(crate) fn new(specs: impl Iterator<Item = LimitSpec>, share: Share) -> Self {
        let limits = specs.filter_map(|spec| Limit::new(share.of_limit(spec)).map(|limit| (spec, limit)));
        Self { limits: limits.collect(), share }
    }

    /// These limits by their own names, each with the books of what `held` makes of it.
    pub(crate) fn held(specs: impl Iterator<Item = LimitSpec>, held: impl Fn(LimitSpec) -> LimitSpec) -> Self {
        let limits = specs.filter_map(|spec| Limit::new(held(spec)).map(|limit| (spec, limit)));
        Self { limits: limits.collect(), share: Share::ALL }
    }

    /// The limit with the longest time from one attempt of this cost to the next, where all are spread evenly, and that time.
    pub(crate) fn interval(&self, cost: u32) -> Option<(LimitSpec, Duration)> {
        let intervals =
            self.limits.iter().filter_map(|(spec, _)| Some((*spec, self.share.of_limit(*spec).interval(cost)?)));
        intervals.max_by_key(|(_, interval)| *interval)
    }

    /// For what is counted here and not by a server far away.
    pub(crate) fn exact(specs: impl Iterator<Item = LimitSpec>) -> Self {
        let Self { limits, share } = Self::new(specs, Share::ALL);
        Self { limits: limits.into_iter().map(|(spec, limit)| (spec, limit.exact())).collect(), share }
    }

    /// The limit that opens last for an attempt of this cost, if there is one that matters, and when it opens. Spends nothing.
    pub(crate) fn opening(&self, cost: u32, now: Now) -> Option<(LimitSpec, Opening)> {
        self.limits
            .iter()
            .map(|(spec, limit)| (*spec, limit.opening(cost_in(*spec, cost), now)))
            .filter(|(_, opening)| !matches!(opening, Opening::At(at) if *at <= now.mono))
            // A moment says more than that an answer will tell: it may be too far away for the call.
            .max_by_key(|(_, opening)| match opening {
                Opening::AfterAnswer => (0, now.mono),
                Opening::At(at) => (1, *at),
                Opening::Never => (2, now.mono),
            })
    }

    /// When an attempt of this cost is within all that was told; `None` if nothing was, or only an answer will tell.
    pub(crate) fn opens_at(&self, cost: u32, now: Now) -> Option<Instant> {
        let mut last = None;
        for (spec, limit) in &self.limits {
            match limit.opening(cost_in(*spec, cost), now) {
                Opening::At(at) => last = last.max(Some(at)),
                Opening::AfterAnswer | Opening::Never => return None,
            }
        }
        last
    }

    /// Spends from every limit. To be called only when [`Stack::opening`] named none.
    pub(crate) fn take(&mut self, cost: u32, now: Now) -> Permit {
        let tickets = self.limits.iter_mut().map(|(spec, limit)| limit.take(cost_in(*spec, cost), now)).collect();
        Permit { cost, tickets, claim: Claim::default() }
    }

    /// Spends at this moment, for what has no answer. As [`Stack::take`], only where there is room.
    pub(crate) fn spend(&mut self, cost: u32, now: Now) {
        for (spec, limit) in &mut self.limits {
            limit.spend(cost_in(*spec, cost), now);
        }
    }

    /// Spends all that there is at this moment.
    pub(crate) fn exhaust(&mut self, now: Now) {
        self.limits.iter_mut().for_each(|(_, limit)| limit.exhaust(now));
    }

    /// What was spent from `from` on, and counted then, was not used after all.
    pub(crate) fn unspend(&mut self, cost: u32, from: Now, counted: Instant) {
        for (spec, limit) in &mut self.limits {
            limit.unspend(cost_in(*spec, cost), from, counted);
        }
    }

    /// Adds the books to these words. Nothing may wait for an answer.
    pub(crate) fn write(&self, words: &mut Vec<u64>) {
        self.limits.iter().for_each(|(_, limit)| limit.write(words));
    }

    /// Takes the books from these words, as [`Stack::write`] wrote them for the same limits. `None` if they say something else.
    pub(crate) fn read(&mut self, words: &mut impl Iterator<Item = u64>) -> Option<()> {
        self.limits.iter_mut().try_for_each(|(_, limit)| limit.read(words))
    }

    /// The attempt leaves.
    pub(crate) fn leave(&mut self, permit: &mut Permit, now: Now) {
        for ((spec, limit), ticket) in self.limits.iter_mut().zip(&mut permit.tickets) {
            limit.leave(ticket, cost_in(*spec, permit.cost), now);
        }
    }

    /// Undoes a take whose attempt never left.
    pub(crate) fn refund(&mut self, permit: &Permit) {
        for ((spec, limit), ticket) in self.limits.iter_mut().zip(&permit.tickets) {
            limit.refund(*ticket, cost_in(*spec, permit.cost));
        }
    }

    /// Whether no limit waits for the answer to an attempt.
    #[cfg(debug_assertions)]
    pub(crate) fn is_settled(&self) -> bool {
        self.limits.iter().all(|(_, limit)| limit.pending() == 0)
    }

    /// The attempt was answered or lost. What it turned out to cost, if that was said, takes the place of the estimate.
    pub(crate) fn settle(&mut self, permit: &Permit, actual: Option<u32>, trip: &Trip) {
        for ((spec, limit), ticket) in self.limits.iter_mut().zip(&permit.tickets) {
            let estimate = cost_in(*spec, permit.cost);
            limit.settle(*ticket, estimate, trip);
            let actual = cost_in(*spec, actual.unwrap_or(permit.cost));
            if actual != estimate {
                limit.correct(estimate, actual);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::LimitSpecs;
    use crate::time::Wall;

    fn at(millis: u64) -> Now {
        Now { mono: Instant::from_nanos(millis * 1_000_000), wall: Wall::from_millis(millis.cast_signed()) }
    }

    fn stack(text: &str) -> Stack {
        Stack::new(text.parse::<LimitSpecs>().unwrap().0.into_iter(), Share::ALL)
    }

    #[test]
    fn the_limit_that_opens_last_is_named_and_nothing_is_spent() {
        let mut stack = stack("1/s + 2/min");
        for millis in [0, 1_000] {
            assert_eq!(stack.opening(1, at(millis)), None);
            let permit = stack.take(1, at(millis));
            stack.settle(&permit, None, &Trip::answered(at(millis), Duration::ZERO));
        }
        let named = stack.opening(1, at(1_500)).map(|(spec, opening)| (spec.to_string(), opening));
        assert_eq!(named, Some(("2/min".to_owned(), Opening::At(at(60_000).mono))));
    }

    #[test]
    fn what_a_call_turned_out_to_cost_takes_the_place_of_the_estimate() {
        for text in ["10/s by cost", "10/s fixed by cost", "10/s fixed-clock by cost", "10/s burst 9 by cost"] {
            for (actual, room) in [(8, 2), (1, 9)] {
                let mut stack = stack(text);
                let mut permit = stack.take(5, at(10_100));
                stack.leave(&mut permit, at(10_100));
                stack.settle(&permit, Some(actual), &Trip::answered(at(10_100), Duration::ZERO));
                assert_eq!(stack.opening(room, at(10_101)), None, "{text} after {actual}");
                assert!(stack.opening(room + 1, at(10_101)).is_some(), "{text} after {actual}");
            }
        }
    }

    #[test]
    fn cost_counts_only_where_cost_is_counted() {
        let mut stack = stack("10/min by cost + 3/min");
        let permit = stack.take(9, at(0));
        stack.settle(&permit, None, &Trip::answered(at(0), Duration::ZERO));
        assert_eq!(stack.opening(1, at(0)), None);
        assert!(stack.opening(2, at(0)).is_some());
        assert_eq!(stack.opening(11, at(0)).map(|(_, opening)| opening), Some(Opening::Never));
    }
}
