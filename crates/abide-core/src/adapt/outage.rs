//! Tells a server that was down from a limit: what was believed before is believed again when the server is back.
//!
//! Where a server names its limit when it refuses, a refusal that says nothing is something else: the server is down, or a limit
//! that somebody else holds stands before it. Both are followed while they last, since pilots have to go either way. When pilots
//! were refused in a row and then one is accepted, it is taken for the former. Who takes an outage for a limit is slow for long; who
//! takes a limit for an outage is refused once more, and then what was seen counts.

use super::book::Evidence;
use super::family::Hypothesis;
use crate::time::Instant;

/// Accepted attempts after the first outage before there can be another; after each further one twice as many.
const CALM: u32 = 40;
const MOST_CALM: u32 = 10_000;

/// What was believed, before it learned from the refusals.
#[derive(Clone, Debug)]
pub(super) struct Believed {
    pub(super) hypotheses: Vec<Hypothesis>,
    pub(super) under: Vec<Hypothesis>,
    pub(super) is_refined: bool,
    pub(super) proven: u32,
    /// What it rests on, which what explains the refusals may forget.
    pub(super) history: Vec<Evidence>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Outage {
    going_on: Option<Box<GoingOn>>,
    /// Whether the server was ever heard to name its limit.
    is_named: bool,
    /// Accepted attempts that have to come before the next one, and so many the next time.
    wary: u32,
    calm: u32,
}

#[derive(Clone, Debug)]
struct GoingOn {
    before: Believed,
    /// When the first left that was refused.
    since: Instant,
    /// When the last refusal came. What left later is a pilot.
    until: Instant,
}

impl Outage {
    pub(super) fn is_going_on(&self) -> bool {
        self.going_on.is_some()
    }

    /// Whether a refusal without a word may begin one.
    pub(super) fn may_begin(&self) -> bool {
        self.is_named && self.going_on.is_none() && self.wary == 0
    }

    pub(super) fn begin(&mut self, before: Believed, since: Instant) {
        self.going_on = Some(Box::new(GoingOn { before, since, until: since }));
    }

    /// A refusal that says nothing.
    pub(super) fn on_refused(&mut self, now: Instant) {
        if let Some(outage) = &mut self.going_on {
            outage.until = now;
        }
    }

    /// The server has said that it is a limit.
    pub(super) fn on_told(&mut self) {
        self.going_on = None;
        self.is_named = true;
    }

    /// Returns what was believed before, and since when nothing was refused for a limit, if the server is back.
    pub(super) fn on_accepted(&mut self, evidence: &Evidence) -> Option<(Believed, Instant)> {
        self.wary = self.wary.saturating_sub(1);
        let outage = self.going_on.take_if(|outage| evidence.sent > outage.until)?;
        self.calm = (self.calm * 2).clamp(CALM, MOST_CALM);
        self.wary = self.calm;
        Some((outage.before, outage.since))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::book::Verdict;
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn accepted(sent: u64) -> Evidence {
        let (sent, answered) = (at(sent), at(sent + 1));
        let (latest, latest_really) = (answered, answered);
        let verdict = Verdict::Accepted;
        Evidence { sent, answered, latest, latest_really, count: 1, verdict, contested: false, is_bare: false }
    }

    fn believed() -> Believed {
        Believed { hypotheses: Vec::new(), under: Vec::new(), is_refined: true, proven: 7, history: Vec::new() }
    }

    /// One that has begun with a refusal at 10 ms, and another at 20 ms.
    fn begun() -> Outage {
        let mut outage = Outage::default();
        outage.on_told();
        outage.begin(believed(), at(10));
        outage.on_refused(at(20));
        outage
    }

    #[test]
    fn where_no_limit_was_ever_named_a_refusal_without_a_word_may_be_one() {
        let mut outage = Outage::default();
        assert!(!outage.may_begin());
        outage.on_told();
        assert!(outage.may_begin());
    }

    #[test]
    fn it_is_over_when_a_pilot_is_accepted_and_not_what_was_in_flight() {
        let mut outage = begun();
        assert!(outage.on_accepted(&accepted(15)).is_none());
        let (before, since) = outage.on_accepted(&accepted(21)).unwrap();
        assert_eq!((before.proven, since), (7, at(10)));
        assert!(!outage.is_going_on());
    }

    #[test]
    fn a_limit_that_is_named_while_it_lasts_ends_it() {
        let mut outage = begun();
        outage.on_told();
        assert!(outage.on_accepted(&accepted(21)).is_none());
    }

    #[test]
    fn what_seems_to_be_down_ever_again_is_a_limit() {
        let mut outage = begun();
        let mut calm = 0;
        for _ in 0..3 {
            assert!(outage.on_accepted(&accepted(100)).is_some());
            let mut next = 0;
            while !outage.may_begin() {
                outage.on_accepted(&accepted(200));
                next += 1;
            }
            assert!(next > calm, "{next} after {calm}");
            calm = next;
            outage.begin(believed(), at(10));
            outage.on_refused(at(20));
        }
    }
}
