//! Remembers when the last attempt left, where attempts are to be spread evenly.

use crate::policy::Pace;
use crate::time::Instant;

/// The last attempt, if the next is to keep its distance from it.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    is_even: bool,
    last: Option<Last>,
}

/// When an attempt left, or was let through, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) at: Instant,
    pub(crate) cost: u32,
}

impl Spread {
    pub(super) fn new(pace: Pace) -> Self {
        Self { is_even: pace == Pace::Even, last: None }
    }

    pub(super) fn last(&self) -> Option<Last> {
        self.last
    }

    /// An attempt is let through, or leaves. Returns what was the last before it.
    pub(super) fn on_left(&mut self, at: Instant, cost: u32) -> Option<Last> {
        let before = self.last;
        if self.is_even && before.is_none_or(|before| before.at <= at) {
            self.last = Some(Last { at, cost });
        }
        before
    }

    /// The attempt that was let through at `at`, after `before`, never left. If it was the last, its turn is free.
    pub(super) fn undo(&mut self, at: Instant, before: Option<Last>) {
        if self.last.is_some_and(|last| last.at == at) {
            self.last = before;
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
    fn a_turn_that_was_not_taken_is_free_again() {
        let mut spread = Spread::new(Pace::Even);
        let before = spread.on_left(at(0), 1);
        assert_eq!(before, None);
        let first = spread.on_left(at(100), 2);
        spread.undo(at(100), first);
        assert_eq!(spread.last(), Some(Last { at: at(0), cost: 1 }));
        let second = spread.on_left(at(200), 1);
        spread.on_left(at(300), 1);
        spread.undo(at(200), second);
        assert_eq!(spread.last(), Some(Last { at: at(300), cost: 1 }), "a later one has left since");
    }

    #[test]
    fn an_eager_pace_keeps_no_distance() {
        let mut spread = Spread::new(Pace::Eager);
        spread.on_left(at(0), 1);
        assert_eq!(spread.last(), None);
    }
}
