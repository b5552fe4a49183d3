//! Keeps until when each request is at work.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Rule;
use crate::time::Wall;

#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    releases: BinaryHeap<Reverse<Wall>>,
}

impl Slots {
    pub(super) fn advance(&mut self, now: Wall) {
        while self.releases.peek().is_some_and(|Reverse(at)| *at <= now) {
            self.releases.pop();
        }
    }

    pub(super) fn opens_at(&self, rule: &Rule, now: Wall) -> Option<Wall> {
        if (self.releases.len() as u64) < rule.amount {
            return Some(now);
        }
        // After the cap was lowered more than one has to leave first.
        let over = self.releases.len() - usize::try_from(rule.amount).ok()?;
        let mut releases: Vec<_> = self.releases.iter().map(|Reverse(at)| *at).collect();
        (rule.amount > 0).then(|| *releases.select_nth_unstable(over).1)
    }

    pub(super) fn work_until(&mut self, release: Wall) {
        self.releases.push(Reverse(release));
    }
}
