//! The kinds of limits: each a hypothesis with one shape, and an amount that evidence narrows until none is left.

mod bucket;
mod cap;
mod clock;
mod fixed;
mod sliding;
mod stated;

pub(super) use bucket::Bucket;
pub(super) use cap::Cap;
pub(super) use clock::Clock;
pub(super) use fixed::{Fixed, Window};
pub(super) use sliding::Sliding;

use std::time::Duration;

use super::Opening;
use super::amount::Amount;
use super::book::{Book, Evidence, Verdict};
use crate::time::{Instant, Now};

/// One kind of limit with its shape.
#[derive(Clone, Debug)]
pub(super) enum Family {
    Sliding(Sliding),
    Fixed(Fixed),
    Clock(Clock),
    Bucket(Bucket),
    Cap(Cap),
}

/// A limit that may be the one.
#[derive(Clone, Debug)]
pub(super) struct Hypothesis {
    pub(super) family: Family,
    /// It may explain what was seen, but nobody chooses such a shape, so it asks for no test.
    pub(super) silent: bool,
    /// It does not open when the server said that it would. It counts again when no other is left.
    pub(super) doubted: bool,
}

impl Hypothesis {
    pub(super) fn new(family: Family) -> Self {
        Self { family, silent: false, doubted: false }
    }

    pub(super) fn silent(family: Family) -> Self {
        Self { family, silent: true, doubted: false }
    }

    pub(super) fn learn(&mut self, evidence: &Evidence, book: &Book) {
        match evidence.verdict {
            Verdict::Accepted => match &mut self.family {
                Family::Sliding(family) => family.on_accepted(evidence, book),
                Family::Fixed(family) => family.on_accepted(evidence, book),
                Family::Clock(family) => family.on_accepted(evidence, book),
                Family::Bucket(family) => family.on_accepted(evidence),
                Family::Cap(family) => family.on_accepted(evidence, book),
            },
            Verdict::Refused(_) => match &mut self.family {
                Family::Sliding(family) => family.on_refused(evidence, book),
                Family::Fixed(family) => family.on_refused(evidence, book),
                Family::Clock(family) => family.on_refused(evidence, book),
                Family::Bucket(family) => family.on_refused(evidence, book),
                Family::Cap(family) => family.on_refused(evidence, book),
            },
            Verdict::Unknown => {
                if let Family::Bucket(family) = &mut self.family {
                    family.on_unknown(evidence);
                }
            }
        }
    }

    /// Whether some amount is left that explains all that was seen.
    pub(super) fn explains(&self) -> bool {
        match &self.family {
            Family::Sliding(family) => family.amount.is_possible(),
            Family::Fixed(family) => family.amount.is_possible(),
            Family::Clock(family) => family.amount.is_possible(),
            Family::Bucket(family) => family.is_possible(),
            Family::Cap(family) => family.amount.is_possible(),
        }
    }

    /// Whether it explains nearly anything, for what it tells apart is blurred by the way to the server.
    pub(super) fn is_vague(&self, book: &Book) -> bool {
        match &self.family {
            Family::Bucket(family) => family.is_vague(book.blur()),
            Family::Cap(_) => book.work() * 20 < book.refused_trip(),
            Family::Sliding(_) | Family::Fixed(_) | Family::Clock(_) => false,
        }
    }

    /// When it surely admits another attempt, with all in flight counted as used.
    pub(super) fn admits(&self, book: &Book, now: Now) -> Opening {
        self.opens(self.amount().lo, book, now)
    }

    fn opens(&self, amount: u64, book: &Book, now: Now) -> Opening {
        match &self.family {
            Family::Sliding(family) => family.opens(amount, book),
            Family::Fixed(family) => family.opens(amount, book, now.mono),
            Family::Clock(family) => family.opens(amount, book, now.mono),
            Family::Bucket(family) => family.admits(book, now.mono),
            Family::Cap(family) => family.admits(book, now.mono),
        }
    }

    /// When it begins to lose by waiting, if it is true and its amount as high as it may be. Before, a test costs a refusal and
    /// wins nothing. `None` if only an answer will tell.
    pub(super) fn presses(&self, book: &Book, now: Now) -> Option<Instant> {
        let Opening::At(opens) = self.opens(self.amount().most(), book, now) else { return None };
        Some(match &self.family {
            Family::Sliding(_) | Family::Fixed(_) | Family::Cap(_) => opens,
            Family::Clock(family) => family.presses(opens, book, now.mono),
            Family::Bucket(family) => family.presses(book, now.mono),
        })
    }

    /// How much later it opens for the latest refusals themselves. The server told of the first of them before the others came.
    pub(super) fn delay(&self, book: &Book) -> Duration {
        match &self.family {
            Family::Clock(family) => family.delay(book),
            _ => Duration::ZERO,
        }
    }

    pub(super) fn amount(&self) -> Amount {
        match &self.family {
            Family::Sliding(family) => family.amount,
            Family::Fixed(family) => family.amount,
            Family::Clock(family) => family.amount,
            Family::Bucket(family) => family.amount(),
            Family::Cap(family) => family.amount,
        }
    }
}
