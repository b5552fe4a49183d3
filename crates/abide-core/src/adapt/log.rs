//! Attempts in order of sending with the interval in which each reached the server, in bounded memory.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Instant;

/// Above this many entries the older half is merged, two into one.
const CAPACITY: usize = 1_024;
/// Answers come in another order than their attempts left, but no further apart than this many.
const REACH: usize = 64;

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) sent: Instant,
    pub(super) answered: Instant,
    /// How many attempts there were up to and with this entry.
    upto: u64,
    /// How many of these surely counted.
    sure: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    entries: VecDeque<Entry>,
    total: u64,
    sure: u64,
}

impl Log {
    pub(super) fn push(&mut self, sent: Instant, answered: Instant, count: u64, is_sure: bool) {
        self.total += count;
        self.sure += if is_sure { count } else { 0 };
        if self.entries.len() == CAPACITY {
            self.merge();
        }
        // In order of sending whatever comes, for that is what is searched by.
        let sent = self.entries.back().map_or(sent, |last| sent.max(last.sent));
        self.entries.push_back(Entry { sent, answered: answered.max(sent), upto: self.total, sure: self.sure });
    }

    /// What was merged may have arrived at any moment of both: every bound stays true, only wider.
    fn merge(&mut self) {
        let rest = self.entries.split_off(CAPACITY / 2);
        let old = std::mem::take(&mut self.entries);
        let mut old = old.into_iter();
        while let Some(first) = old.next() {
            let last = old.next().unwrap_or(first);
            let answered = first.answered.max(last.answered);
            self.entries.push_back(Entry { sent: first.sent, answered, upto: last.upto, sure: last.sure });
        }
        self.entries.extend(rest);
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// When the `n`-th last attempt left, counted from 1; `None` if there were fewer.
    pub(super) fn left(&self, n: u64) -> Option<Instant> {
        let number = (self.total + 1).checked_sub(n).filter(|number| *number > 0)?;
        Some(self.entries.get(self.entries.partition_point(|entry| entry.upto < number))?.sent)
    }

    /// How many attempts left since a moment.
    pub(super) fn count_since(&self, moment: Instant) -> u64 {
        self.total - self.upto(self.entries.partition_point(|entry| entry.sent < moment))
    }

    /// Each entry with the number of attempts in it that surely counted, and of the rest.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Entry, u64, u64)> {
        (0..self.entries.len()).map(|i| {
            let sure = self.sure_weight(i);
            (self.entries[i], sure, self.weight(i) - sure)
        })
    }

    /// The answer to an entry that was put here before it came.
    pub(super) fn amend(&mut self, sent: Instant, answered: Instant) {
        let from = self.entries.partition_point(|entry| entry.sent < sent);
        let entry = self.entries.range_mut(from..).find(|entry| entry.sent == sent && entry.answered == Instant::NEVER);
        if let Some(entry) = entry {
            entry.answered = answered;
        }
    }

    fn upto(&self, index: usize) -> u64 {
        index.checked_sub(1).map_or(0, |last| self.entries[last].upto)
    }

    fn sure_upto(&self, index: usize) -> u64 {
        index.checked_sub(1).map_or(0, |last| self.entries[last].sure)
    }

    fn sure_weight(&self, index: usize) -> u64 {
        self.entries[index].sure - self.sure_upto(index)
    }

    fn weight(&self, index: usize) -> u64 {
        self.entries[index].upto - self.upto(index)
    }
}

/// The log as one family reads it: how much of a round trip tells nothing about when the attempt arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    log: &'a Log,
    shift: Duration,
    grain: Duration,
    /// All have arrived within this time, however long their answers take.
    within: Duration,
    /// What is not answered has arrived within this time.
    patience: Duration,
}

impl<'a> View<'a> {
    pub(super) fn new(log: &'a Log, shift: Duration, grain: Duration, within: Duration, patience: Duration) -> Self {
        Self { log, shift, grain, within, patience }
    }

    /// The same log by the whole of each round trip.
    pub(super) fn really(self) -> Self {
        Self { shift: Duration::ZERO, ..self }
    }

    /// The same log by when each attempt was under way, as we saw it.
    pub(super) fn exact(self) -> Self {
        Self { shift: Duration::ZERO, grain: Duration::ZERO, within: Duration::MAX, patience: Duration::MAX, ..self }
    }

    /// The latest moment at which an attempt can have arrived.
    pub(super) fn latest(&self, sent: Instant, answered: Instant) -> Instant {
        let answered = if answered == Instant::NEVER { sent + self.patience } else { answered - self.shift };
        answered.min(sent + self.within).max(sent) + self.grain
    }

    fn latest_of(&self, index: usize) -> Instant {
        let entry = &self.log.entries[index];
        self.latest(entry.sent, entry.answered)
    }

    /// The most attempts that can have arrived after `from` and before `to`.
    pub(super) fn possible(&self, from: Instant, to: Instant) -> u64 {
        let entries = &self.log.entries;
        let begin = entries.partition_point(|entry| entry.sent <= from);
        let end = entries.partition_point(|entry| entry.sent < to);
        let late = (begin.saturating_sub(REACH)..begin.min(end)).filter(|i| self.latest_of(*i) > from);
        let late: u64 = late.map(|i| self.log.weight(i)).sum();
        late + self.log.upto(end.max(begin)) - self.log.upto(begin)
    }

    /// How many left before `to` and had not arrived by `from`.
    pub(super) fn overlapping(&self, from: Instant, to: Instant) -> u64 {
        let end = self.log.entries.partition_point(|entry| entry.sent < to);
        let late = (end.saturating_sub(REACH)..end).filter(|i| self.latest_of(*i) > from);
        late.map(|i| self.log.weight(i)).sum()
    }

    /// The fewest attempts that have arrived after `from` and before `to`.
    pub(super) fn certain(&self, from: Instant, to: Instant) -> u64 {
        let entries = &self.log.entries;
        let begin = entries.partition_point(|entry| entry.sent <= from);
        let end = entries.partition_point(|entry| entry.sent < to).max(begin);
        let late = (end.saturating_sub(REACH).max(begin)..end).filter(|i| self.latest_of(*i) >= to);
        let late: u64 = late.map(|i| self.log.sure_weight(i)).sum();
        self.log.sure_upto(end) - self.log.sure_upto(begin) - late
    }

    /// The latest arrival of the last few attempts that left after `from`.
    pub(super) fn newest(&self, from: Instant) -> Instant {
        let entries = &self.log.entries;
        let begin = entries.len().saturating_sub(REACH).max(entries.partition_point(|entry| entry.sent <= from));
        (begin..entries.len()).map(|i| self.latest_of(i)).max().unwrap_or(from)
    }

    /// By when the `n`-th last attempt has arrived, counted from 1; `None` if there were fewer.
    pub(super) fn nth_last(&self, n: u64) -> Option<Instant> {
        let number = (self.log.total + 1).checked_sub(n).filter(|number| *number > 0)?;
        let index = self.log.entries.partition_point(|entry| entry.upto < number);
        (index.saturating_sub(REACH)..=index).map(|i| self.latest_of(i)).max()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn view(log: &Log) -> View<'_> {
        View::new(log, Duration::ZERO, Duration::ZERO, Duration::MAX, Duration::ZERO)
    }

    proptest! {
        /// Whenever each attempt arrived between its sending and its answer, the counts lie between the bounds, merged or not.
        #[test]
        fn what_arrived_lies_between_what_is_certain_and_what_is_possible(
            gaps in prop::collection::vec((0..20_u64, 0..50_u64, 0..51_u64), 1..2_500),
            from in 0..30_000_u64,
            length in 1..5_000_u64,
        ) {
            let (mut log, mut sent, mut arrived) = (Log::default(), 0, Vec::new());
            for (gap, trip, share) in gaps {
                sent += gap;
                log.push(at(sent), at(sent + trip), 1, true);
                arrived.push(sent + trip * share / 50);
            }
            prop_assert!(log.entries.len() <= CAPACITY);
            let within = arrived.iter().filter(|at| from < **at && **at < from + length).count() as u64;
            prop_assert!(view(&log).certain(at(from), at(from + length)) <= within);
            prop_assert!(view(&log).possible(at(from), at(from + length)) >= within);
        }

        /// By the moment that is named, the n-th last has arrived.
        #[test]
        fn the_nth_last_has_arrived_by_then(gaps in prop::collection::vec((0..20_u64, 0..50_u64), 1..1_500), n in 1..1_600_u64) {
            let (mut log, mut sent, mut answered) = (Log::default(), 0, Vec::new());
            for (gap, trip) in gaps {
                sent += gap;
                log.push(at(sent), at(sent + trip), 1, true);
                answered.push(sent + trip);
            }
            answered.sort_unstable();
            let truth = answered.len().checked_sub(n as usize).map(|index| answered[index]);
            match (view(&log).nth_last(n), truth) {
                (Some(bound), Some(truth)) => prop_assert!(bound >= at(truth)),
                (None, None) => {}
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn an_answer_that_comes_late_replaces_the_guess() {
        let mut log = Log::default();
        log.push(at(0), Instant::NEVER, 1, true);
        let silent = View::new(&log, Duration::ZERO, Duration::ZERO, Duration::MAX, Duration::from_millis(4));
        assert_eq!(silent.nth_last(1), Some(at(4)));
        log.amend(at(0), at(200));
        assert_eq!(view(&log).nth_last(1), Some(at(200)));
    }
}
