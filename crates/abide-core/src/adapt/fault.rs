//! Whether refusals that say nothing (a bare 503) come from a limit or from a fault, found out by halving the pace.
//!
//! Between two refusals a limit hands out what it refills. At half of what was accepted it refuses nothing more, or, where that
//! was measured in a burst, all; a fault goes on with its share, here and there. So a trial sends at half of what was accepted
//! and looks for refusals that come one by one. One trial can be wrong, as the first pace may be that of a burst; a second one, at
//! half of what the first accepted, cannot. No pause comes first, so a trial takes as long as a few dozen requests.

use std::time::Duration;

use super::book::{Evidence, Verdict};
use crate::time::{Instant, nanos};

/// Answers in a trial, at least.
const ANSWERS: u32 = 20;
/// Refused ones of them that make it a fault.
const REFUSED: u32 = 2;
/// Refusals in a row are a limit's if a fault has them once in e^`ROW`, which is 1,800, answers.
const ROW: f64 = 7.5;
/// Answers with which a second trial begins and that it does not judge: a log still holds what was accepted faster.
const SETTLING: u32 = 10;
/// A trial in which so many times as many refusals were due ends as a limit.
const FEWER: f64 = 3.0;
/// Shares below this are not looked for: it would take too long.
const LEAST_SHARE: f64 = 0.02;
/// Above this it is no share but an outage.
const MOST_SHARE: f64 = 0.5;
/// Attempts no farther apart than this in a first trial: a program that asks once a minute is not held up.
const SLOWEST: Duration = Duration::from_secs(1);
/// Events in a row with one refusal each that make a suspicion, where nothing else is in flight to tell more.
const SINGLES: u32 = 4;
/// Events that are let pass after the first trial that found a limit; after each further one twice as many.
const WARY: u32 = 4;
/// Answers by which a fault's share is watched.
const WATCHED: u32 = 64;

#[derive(Clone, Debug, Default)]
pub(super) struct Suspicion {
    state: State,
    /// Since nothing is known, or since the last verdict.
    accepted: u32,
    refused: u32,
    /// The event that goes on: when its first refused attempt left and was answered, and what became of those that left
    /// after it and before its answer.
    event: Option<Event>,
    /// Accepted ones before the event that goes on.
    accepted_before: u32,
    /// Events in a row in which one attempt alone was refused.
    singles: u32,
    /// What the distance of attempts was taken for before the last trial that found a limit.
    before: Option<Duration>,
    /// Events still to let pass, and how many the next time.
    pass: u32,
    wary: u32,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    until: Instant,
    accepted: u32,
    refused: u32,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Calm,
    Trial(Trial),
    Fault(Watch),
}

/// A stretch at half of the pace before it.
#[derive(Clone, Copy, Debug)]
struct Trial {
    second: bool,
    share: f64,
    since: Instant,
    distance: Duration,
    next: Instant,
    accepted: u32,
    refused: u32,
    row: u32,
    /// Answers still to let pass.
    settling: u32,
}

/// A fault's share, and the latest answers: a bit each, set where it was refused.
#[derive(Clone, Copy, Debug)]
struct Watch {
    share: f64,
    latest: u64,
    seen: u32,
}

/// What a trial found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Limit,
    Fault,
}

impl Suspicion {
    pub(super) fn is_fault(&self) -> bool {
        matches!(self.state, State::Fault(_))
    }

    pub(super) fn is_trial(&self) -> bool {
        matches!(self.state, State::Trial(_))
    }

    /// When the next attempt of a trial may leave.
    pub(super) fn opens(&self) -> Option<Instant> {
        match self.state {
            State::Trial(trial) => Some(trial.next),
            State::Calm | State::Fault(_) => None,
        }
    }

    pub(super) fn on_sent(&mut self, now: Instant) {
        if let State::Trial(trial) = &mut self.state {
            trial.next = now + trial.distance;
        }
    }

    /// The next attempt in order of sending.
    pub(super) fn on_evidence(&mut self, evidence: &Evidence, now: Instant) -> Option<Finding> {
        let is_refused = match evidence.verdict {
            Verdict::Accepted => false,
            Verdict::Refused(_) if evidence.is_bare => true,
            Verdict::Refused(_) | Verdict::Unknown => return None,
        };
        self.count(evidence, is_refused);
        let State::Trial(trial) = &mut self.state else { return None };
        if evidence.sent < trial.since {
            return None;
        }
        if trial.settling > 0 {
            trial.settling -= 1;
            return None;
        }
        trial.count(is_refused);
        let found = trial.verdict()?;
        match found {
            Finding::Fault if !trial.second => {
                let distance = now.since(trial.since) / trial.accepted.max(1) * 2;
                *trial = Trial::new(true, trial.share, distance, now);
                return None;
            }
            Finding::Fault => {
                let share = f64::from(trial.refused) / f64::from(trial.accepted + trial.refused);
                self.before = None;
                self.state = State::Fault(Watch { share: share.max(trial.share).min(MOST_SHARE), latest: 0, seen: 0 });
            }
            Finding::Limit => {
                self.state = State::Calm;
                self.wary = (self.wary * 2).max(WARY);
                self.pass = self.wary;
            }
        }
        (self.accepted, self.refused, self.accepted_before, self.singles, self.event) = (0, 0, 0, 0, None);
        Some(found)
    }

    fn count(&mut self, evidence: &Evidence, is_refused: bool) {
        *(if is_refused { &mut self.refused } else { &mut self.accepted }) += 1;
        match &mut self.event {
            Some(event) if evidence.sent < event.until => {
                *(if is_refused { &mut event.refused } else { &mut event.accepted }) += 1;
            }
            _ if is_refused => {
                let before = self.event.replace(Event { until: evidence.answered, accepted: 0, refused: 1 });
                let is_single = before.is_none_or(|event| event.refused == 1) && self.accepted > self.accepted_before;
                self.singles = if is_single { self.singles + 1 } else { 0 };
                self.accepted_before = self.accepted;
                self.pass = self.pass.saturating_sub(1);
            }
            _ => {}
        }
    }

    /// Whether what left after a refused attempt, and could not know, was mostly accepted: few limits do that. `oldest` is when
    /// the first attempt left that is not answered.
    pub(super) fn is_odd(&mut self, oldest: Option<Instant>) -> bool {
        let is_over = |event: Event| oldest.is_none_or(|oldest| oldest >= event.until);
        if !matches!(self.state, State::Calm) || !self.event.is_some_and(is_over) {
            return false;
        }
        let odd = self.event.take_if(|event| event.accepted >= 2 * event.refused).is_some();
        (odd || self.singles >= SINGLES) && self.may_try()
    }

    /// Whether a suspicion may be looked into now.
    pub(super) fn may_try(&self) -> bool {
        matches!(self.state, State::Calm) && self.refused > 0 && self.accepted > 0 && self.pass == 0
    }

    /// Begins a trial, where so many attempts were accepted in this time.
    pub(super) fn begin(&mut self, accepted: u64, elapsed: Duration, now: Instant) {
        let share = f64::from(self.refused) / f64::from((self.accepted + self.refused).max(1));
        // What was believed since then may have slowed everything down. That is no reason to halve it once more.
        let distance = Duration::from_nanos(nanos(elapsed) / accepted.max(1));
        let distance = self.before.map_or(distance, |before| distance.min(before * 2)).min(SLOWEST / 2);
        self.before = Some(distance);
        self.state = State::Trial(Trial::new(false, share.max(LEAST_SHARE), distance * 2, now));
    }

    /// An attempt ended while refusals are taken for a fault. `true` if there are so many that they are not that fault alone.
    pub(super) fn overturns(&mut self, is_refused: bool) -> bool {
        let State::Fault(watch) = &mut self.state else { return false };
        watch.count(is_refused);
        let overturned = watch.is_overturned();
        if overturned {
            *self = Self { wary: self.wary, ..Self::default() };
        }
        overturned
    }
}

impl Trial {
    fn new(second: bool, share: f64, distance: Duration, now: Instant) -> Self {
        let settling = if second { SETTLING } else { 0 };
        Self { second, share, since: now, distance, next: now + distance, accepted: 0, refused: 0, row: 0, settling }
    }

    fn count(&mut self, is_refused: bool) {
        if is_refused {
            self.refused += 1;
            self.row += 1;
        } else {
            self.accepted += 1;
            self.row = 0;
        }
    }

    fn verdict(&self) -> Option<Finding> {
        let answers = self.accepted + self.refused;
        let expected = f64::from(answers) * self.share;
        if f64::from(self.row) * -self.share.min(MOST_SHARE).ln() >= ROW {
            Some(Finding::Limit)
        } else if answers < ANSWERS {
            None
        } else if self.refused >= REFUSED && f64::from(self.refused) * FEWER >= expected {
            Some(Finding::Fault)
        } else {
            (expected >= FEWER * f64::from(self.refused + 1)).then_some(Finding::Limit)
        }
    }
}

impl Watch {
    fn count(&mut self, is_refused: bool) {
        self.latest = self.latest << 1 | u64::from(is_refused);
        self.seen = (self.seen + 1).min(WATCHED);
    }

    /// Far more than chance makes of the share: a row that comes once in 100,000 times, or five standard deviations.
    fn is_overturned(&self) -> bool {
        let row = f64::from(self.latest.trailing_ones());
        let seen = f64::from(self.seen);
        let most = seen * self.share + 5.0 * (seen * self.share * (1.0 - self.share)).sqrt();
        row * -self.share.ln() > 11.5 || f64::from(self.latest.count_ones()) > most.max(4.0)
    }
}

#[cfg(test)]
mod tests;
