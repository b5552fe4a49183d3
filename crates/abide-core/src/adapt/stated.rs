//! Which limits explain all that a server said of one quota, and when the next attempt fits into it by every one of them.
//!
//! An answer that says how many are left tells what else only refusals would: so many more would have been accepted at that
//! moment, and not one beyond. So hypotheses are narrowed from both sides by every answer, and nothing is refused for it. A
//! reset that is said in whole seconds leaves a second open. What is left to believe closes it.

use std::collections::VecDeque;
use std::time::Duration;

use super::book::{Book, Evidence, Verdict};
use super::family::Hypothesis;
use super::{End, Opening, Ticket, grid};
use crate::time::{Instant, Now};

/// How far a reset may seem to be off.
const SLACK: Duration = Duration::from_millis(50);
/// One answer alone is explained by too much: what is gone may have been spent by somebody else.
const ENOUGH: u32 = 2;
/// A server that refused so often what all that it had said allowed is taken by its word alone.
const STRIKES: u32 = 3;

/// What an answer said of a quota.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) limit: Option<u64>,
    pub(crate) window: Option<Duration>,
    pub(crate) remaining: u64,
    /// Between which moments it resets.
    pub(crate) reset: Option<(Instant, Instant)>,
}

/// The limits that one quota may be.
#[derive(Clone, Debug)]
pub(crate) struct Stated {
    book: Book,
    /// What was said with each attempt that the hypotheses have not seen yet, in order of sending.
    words: VecDeque<Word>,
    /// How many they have seen.
    seen: u64,
    /// The number of the first attempt that the book knows.
    base: u64,
    hypotheses: Vec<Hypothesis>,
    /// The least that was said to be left since nothing was in flight.
    least: Option<Said>,
    /// How many answers they have explained.
    explained: u32,
    /// Whether none of them opens when the server says that it does.
    at_odds: bool,
    /// The most that was ever there at once.
    most: u64,
    strikes: u32,
}

#[derive(Clone, Copy, Debug)]
enum Word {
    /// Nothing of this quota, or nothing yet.
    Silent,
    /// The attempt is none of this quota's business.
    Unsent,
    Said(Said),
}

impl Stated {
    /// Attempts from the one of this number on are told of in the order in which they leave.
    pub(crate) fn new(number: u64) -> Self {
        Self {
            book: Book::default(),
            words: VecDeque::new(),
            seen: 0,
            base: number,
            hypotheses: Vec::new(),
            least: None,
            explained: 0,
            at_odds: false,
            most: 0,
            strikes: 0,
        }
    }

    /// The attempt with the next number leaves.
    pub(crate) fn on_sent(&mut self, now: Now) {
        self.book.on_sent(false, now);
        self.words.push_back(Word::Silent);
    }

    /// What became of an attempt; [`End::Unsent`] if it does not draw on the quota.
    pub(crate) fn on_end(&mut self, number: u64, end: End, said: Option<Said>, now: Now) {
        let Some(nth) = number.checked_sub(self.base) else { return };
        let index = nth.checked_sub(self.seen).and_then(|index| usize::try_from(index).ok());
        if let Some(word) = index.and_then(|index| self.words.get_mut(index)) {
            *word = match (end, said) {
                (End::Unsent, _) => Word::Unsent,
                (_, Some(said)) => Word::Said(said),
                (_, None) => Word::Silent,
            };
        }
        self.book.on_end(Ticket(nth), end, now);
        self.learn(now);
    }

    /// Something was counted that the book does not know.
    pub(crate) fn on_stranger(&mut self) {
        self.hypotheses.clear();
    }

    /// Whether the server has refused too often what all that it had said allowed.
    pub(crate) fn is_worn_out(&self) -> bool {
        self.strikes >= STRIKES
    }

    /// When the next attempt fits by all that there is to believe, in flight ones counted; `None` if there is nothing.
    pub(crate) fn opening(&self, now: Now) -> Option<Opening> {
        if self.at_odds || self.explained < ENOUGH {
            return None;
        }
        let believed = self.hypotheses.iter().filter(|hypothesis| !hypothesis.doubted);
        let mut openings: Vec<Opening> = believed.map(|hypothesis| hypothesis.admits(&self.book, now)).collect();
        openings.sort_unstable_by_key(|opening| match opening {
            Opening::At(at) => *at,
            Opening::AfterAnswer => Instant::NEVER,
        });
        // Buckets of one are never seen to hold more, whatever their rate. A test tells the faster half from the slower.
        if self.most == 1 {
            return openings.get(openings.len() / 2).copied();
        }
        openings.last().copied()
    }

    fn learn(&mut self, now: Now) {
        while let Some(evidence) = self.book.next(now.mono) {
            let said = loop {
                self.seen += 1;
                match self.words.pop_front() {
                    Some(Word::Unsent) => {}
                    Some(Word::Said(said)) => break Some(said),
                    Some(Word::Silent) | None => break None,
                }
            };
            self.take(&evidence, said, now);
        }
    }

    fn take(&mut self, evidence: &Evidence, said: Option<Said>, now: Now) {
        let is_refused = matches!(evidence.verdict, Verdict::Refused(_));
        if let (false, Some(said)) = (is_refused, said) {
            self.most = self.most.max(said.remaining + 1);
            if self.hypotheses.is_empty() && said.remaining + 1 == self.most {
                // Nothing of what was used before counts any more.
                self.book.clear();
                self.explained = 0;
                self.hypotheses = grid::stated(said.limit, said.window, distance(&said, evidence));
            }
        }
        let had_belief = !self.hypotheses.is_empty();
        for hypothesis in &mut self.hypotheses {
            match said {
                Some(said) if !is_refused => hypothesis.on_stated(said.remaining, evidence, &self.book),
                _ => hypothesis.learn(evidence, &self.book),
            }
        }
        self.hypotheses.retain(Hypothesis::explains);
        self.explained += u32::from(said.is_some());
        if is_refused && had_belief && self.hypotheses.is_empty() {
            self.strikes += 1;
        }
        self.book.note(evidence);
        if let Some(said) = said
            && self.least.is_none_or(|least| said.remaining <= least.remaining)
        {
            self.least = Some(said);
        }
        if self.book.unlearned().next().is_none()
            && let Some(least) = self.least.take()
            && let Some((earliest, latest)) = least.reset
        {
            self.compare(earliest - SLACK, latest + SLACK, least.remaining == 0, evidence, now);
        }
    }

    /// Keeps the hypotheses that open when the server said that it does, if there are any.
    fn compare(&mut self, earliest: Instant, latest: Instant, is_empty: bool, evidence: &Evidence, now: Now) {
        let fits = |hypothesis: &Hypothesis| {
            let resets = match hypothesis.admits(&self.book, now) {
                Opening::At(at) if is_empty => Some((at, at)),
                _ => hypothesis.resets(evidence, &self.book),
            };
            resets.is_none_or(|(from, until)| from <= latest && earliest <= until)
        };
        let fit: Vec<bool> = self.hypotheses.iter().map(|hypothesis| !hypothesis.doubted && fits(hypothesis)).collect();
        self.at_odds = !fit.contains(&true);
        if self.at_odds {
            return;
        }
        let mut usual = self.hypotheses.iter().zip(&fit).filter(|(hypothesis, fits)| **fits && !hypothesis.silent);
        let is_usual = usual.next().is_some();
        for (hypothesis, fits) in self.hypotheses.iter_mut().zip(fit) {
            hypothesis.doubted = !fits || is_usual && hypothesis.silent;
        }
    }
}

/// How long after the attempt the quota resets, at the least.
fn distance(said: &Said, evidence: &Evidence) -> Duration {
    said.reset.map_or(Duration::ZERO, |(earliest, _)| earliest.since(evidence.sent))
}

#[cfg(test)]
mod tests;
