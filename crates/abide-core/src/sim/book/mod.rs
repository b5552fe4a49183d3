//! The server's own book of each rule, written from the rule's definition and apart from the engine's limiters: a mistake
//! that both sides shared would never show.

mod bucket;
mod counter;
mod log;
mod slots;
mod window;

use std::time::Duration;

use self::bucket::Bucket;
use self::counter::Counter;
use self::log::Log;
use self::slots::Slots;
use self::window::Window;
use super::rule::{Rule, Shape};
use crate::time::Wall;

/// One rule and what was counted under it. Moments are on the server's clock and must not go back.
#[derive(Clone, Debug)]
pub(super) struct Book {
    rule: Rule,
    page: Page,
}

#[derive(Clone, Debug)]
enum Page {
    Window(Window),
    Log(Log),
    Counter(Counter),
    Bucket(Bucket),
    Slots(Slots),
}

/// What a server can say of one of its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Balance {
    pub(super) rule: Rule,
    /// How many more of cost 1 would be accepted now.
    pub(super) remaining: u64,
    /// When more room comes; one period from now while nothing is counted.
    pub(super) reset: Wall,
}

impl Book {
    pub(super) fn new(rule: Rule) -> Self {
        let page = match rule.shape {
            Shape::Fixed | Shape::Clock { .. } => Page::Window(Window::default()),
            Shape::Sliding => Page::Log(Log::default()),
            Shape::Counter => Page::Counter(Counter::default()),
            Shape::Bucket { .. } => Page::Bucket(Bucket::default()),
            Shape::Concurrency => Page::Slots(Slots::default()),
        };
        Self { rule, page }
    }

    /// From now on another rule holds. What was counted stays where both count alike, and a fresh book begins where not.
    pub(super) fn turn_into(&mut self, rule: Rule, now: Wall) {
        self.advance(now);
        let alike = std::mem::discriminant(&self.rule.shape) == std::mem::discriminant(&rule.shape)
            && self.rule.period == rule.period
            && self.rule.unit == rule.unit
            && bucket::tick(&self.rule) == bucket::tick(&rule);
        if alike { self.rule = rule } else { *self = Self::new(rule) }
    }

    /// Forgets what no longer counts. Comes before every other question at the same moment.
    pub(super) fn advance(&mut self, now: Wall) {
        let rule = &self.rule;
        match &mut self.page {
            Page::Window(page) => page.advance(rule, now),
            Page::Log(page) => page.advance(rule, now),
            Page::Counter(page) => page.advance(rule, now),
            Page::Bucket(page) => page.advance(rule, now),
            Page::Slots(page) => page.advance(now),
        }
    }

    /// When a request of this cost is accepted if no other comes: `now` or later; `None` if never.
    pub(super) fn opens_at(&self, cost: u64, now: Wall) -> Option<Wall> {
        match self.rule.weight(cost) {
            // What costs nothing passes, even where refused requests have left a book more than full.
            0 => Some(now),
            weight => self.room_at(weight, now).map(|at| at.max(now)),
        }
    }

    /// Counts an accepted request, and says how long it is held back before it is worked on.
    pub(super) fn accept(&mut self, cost: u64, now: Wall) -> Duration {
        let held = match &self.page {
            Page::Bucket(page) => page.delay(&self.rule),
            _ => Duration::ZERO,
        };
        self.count(cost, now);
        held
    }

    /// Counts a refused request where the rule says so.
    pub(super) fn refuse(&mut self, cost: u64, now: Wall) {
        if self.rule.counts_refused {
            self.count(cost, now);
        }
    }

    /// An accepted request is at work until then.
    pub(super) fn work_until(&mut self, release: Wall) {
        if let Page::Slots(page) = &mut self.page {
            page.work_until(release);
        }
    }

    /// What can be said of it; a cap on requests at work has no window, so there is nothing to say.
    pub(super) fn balance(&self, now: Wall) -> Option<Balance> {
        let rule = &self.rule;
        let remaining = match &self.page {
            Page::Window(page) => page.remaining(rule),
            Page::Log(page) => page.remaining(rule),
            Page::Counter(page) => page.remaining(rule, now),
            Page::Bucket(page) => page.remaining(rule),
            Page::Slots(_) => return None,
        };
        let reset = match &self.page {
            Page::Window(page) => page.ends(rule, now),
            _ if remaining >= rule.amount => now + rule.period,
            _ => self.room_at(remaining + 1, now).unwrap_or(now + rule.period),
        };
        Some(Balance { rule: *rule, remaining, reset })
    }

    fn room_at(&self, weight: u64, now: Wall) -> Option<Wall> {
        let rule = &self.rule;
        match &self.page {
            Page::Window(page) => page.opens_at(rule, weight, now),
            Page::Log(page) => page.opens_at(rule, weight, now),
            Page::Counter(page) => page.opens_at(rule, weight, now),
            Page::Bucket(page) => page.opens_at(rule, weight, now),
            Page::Slots(page) => page.opens_at(rule, now),
        }
    }

    fn count(&mut self, cost: u64, now: Wall) {
        let rule = &self.rule;
        let weight = rule.weight(cost);
        match &mut self.page {
            Page::Window(page) => page.count(rule, weight, now),
            Page::Log(page) => page.count(rule, weight, now),
            Page::Counter(page) => page.count(weight),
            Page::Bucket(page) => page.count(rule, weight),
            Page::Slots(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
