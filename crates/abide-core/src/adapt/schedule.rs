//! When the next attempt leaves: at once where every hypothesis admits it, else one pilot at the moment at which the first of
//! them begins to lose by waiting.

use std::time::Duration;

use super::Opening;
use super::book::{Book, Evidence};
use super::family::{Clock, Family, Hypothesis};
use crate::rng::Rng;
use crate::time::{Instant, Now};

/// No pilot sooner than this after the first refusal.
const FIRST_PILOT: Duration = Duration::from_millis(240);
/// The least time after which what is believed is doubted.
const FIRST_DOUBT: Duration = Duration::from_secs(1);
/// Round trips above this are worth more than one pilot at once.
const LONG_TRIP: Duration = Duration::from_millis(10);

/// If a hypothesis waits for an answer and nothing is in flight, the next attempt goes so long after the last refusal.
const LAST_RESORT: Duration = Duration::from_secs(1);
/// Presses are tested by one pilot if they come within so many hundredths of the time since the refusals began.
const MERGED: u32 = 3;
/// The turn of such a window on the clock is worth a test of its own.
const LONG: Duration = Duration::from_mins(15);
/// The longest step from one pilot to the next, in hundredths of the time since the refusals began, if some odd shape would open.
const STEP: u32 = 170;
/// An odd shape is tested if the usual ones take so much longer, in hundredths of its time.
const ODD: u32 = 115;
/// And with it those that open no later than after so many hundredths of its time.
const REACH: u32 = 135;

/// The most that chance adds to the first of these distances, in thousandths: those who were refused together come back apart.
/// Later pilots go when a hypothesis asks for them, and chance would only miss that moment.
const STRETCH: u64 = 80;
/// So many times as much while nothing was ever accepted.
const UNKNOWN_STRETCH: u32 = 25;

#[derive(Clone, Debug)]
pub(super) struct Schedule {
    rng: Rng,
    /// The refusals that nothing was accepted since.
    event: Option<Event>,
    /// A told wait ends.
    gate: Instant,
    /// Between which moments the server opens again, by the waits that it told for one event: the latest and the earliest.
    told: Option<(Instant, Instant)>,
    /// Accepted pilots since the last refusal.
    proven: u32,
    last_sent: Instant,
    /// The longest time after which the server still refused.
    longest_wait: Duration,
    last_refused: Instant,
    /// Whether anything was ever accepted.
    is_known: bool,
    /// Whether the last pilot ended without an answer, so that another may go in its place.
    handed_on: bool,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) event: Option<Event>,
    pub(super) gate: Instant,
    pub(super) last_sent: Instant,
    pub(super) longest_wait: Duration,
    pub(super) last_refused: Instant,
}

/// Refusals that nothing was accepted since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// When the first that was refused had left.
    pub(super) since: Instant,
    /// The latest departure of what was refused.
    pub(super) tried: Instant,
    /// How much later than it could the first pilot goes, in thousandths of the least distance.
    pub(super) stretch: u32,
    /// Whether no pilot went yet.
    pub(super) first: bool,
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            event: None,
            gate: Instant::ZERO,
            told: None,
            proven: 0,
            last_sent: Instant::ZERO,
            is_known: false,
            longest_wait: Duration::ZERO,
            last_refused: Instant::ZERO,
            handed_on: false,
        }
    }

    pub(super) fn on_sent(&mut self, now: Instant) {
        self.last_sent = now;
        self.handed_on = false;
    }

    /// Whether refusals came of which nothing was accepted since.
    pub(super) fn is_probing(&self) -> bool {
        self.event.is_some()
    }

    /// Nobody will know what became of an attempt. A pilot hands its turn on.
    pub(super) fn on_lost(&mut self, evidence: &Evidence) {
        self.handed_on |= self.event.is_some() && evidence.sent >= self.last_sent;
    }

    pub(super) fn on_accepted(&mut self, evidence: &Evidence) {
        self.is_known = true;
        if let Some(event) = self.event
            && evidence.sent > event.tried
        {
            // An accepted pilot says that it need not be longer, not that it had to be so long.
            self.longest_wait = self.longest_wait.max(event.tried.since(event.since));
            self.event = None;
            self.handed_on = false;
        }
        if evidence.contested {
            self.proven += 1;
        }
    }

    pub(super) fn on_refused(&mut self, sent: Instant, wait: Option<Duration>, now: Instant) {
        if let Some(wait) = wait {
            self.gate = self.gate.max(now + wait);
            self.tell(sent, wait, now);
        }
        self.proven = 0;
        self.handed_on = false;
        let stretch = self.rng.below(STRETCH) as u32;
        match &mut self.event {
            Some(event) => {
                if sent > self.last_refused {
                    event.first = false;
                    event.stretch = stretch;
                }
                event.tried = event.tried.max(self.last_sent);
            }
            None => self.event = Some(Event { since: sent, tried: self.last_sent, stretch, first: true }),
        }
        self.last_refused = now;
    }

    /// A wait in whole seconds ends within the last of them. It was counted between sending and answer.
    fn tell(&mut self, sent: Instant, wait: Duration, now: Instant) {
        let grain = if wait.subsec_nanos() == 0 { Duration::from_secs(1) } else { Duration::from_millis(1) };
        let (from, until) = (sent + wait.saturating_sub(grain), now + wait);
        self.told = Some(match self.told {
            Some((earliest, latest)) if from <= latest && earliest <= until => (earliest.max(from), latest.min(until)),
            _ => (from, until),
        });
    }

    /// What a later run has to know to go on.
    pub(super) fn state(&self) -> State {
        let Self { event, gate, last_sent, longest_wait, last_refused, .. } = *self;
        State { event, gate, last_sent, longest_wait, last_refused }
    }

    /// Goes on from where an earlier run was.
    pub(super) fn recall(&mut self, state: State) {
        let State { event, gate, last_sent, longest_wait, last_refused } = state;
        let rng = self.rng.clone();
        *self = Self { event, gate, last_sent, longest_wait, last_refused, rng, ..Self::new(0) };
    }

    /// When the server said that it opens again, once all that it said of one event is in.
    pub(super) fn take_told(&mut self) -> Option<(Instant, Instant)> {
        self.told.take()
    }

    /// When the wait ends that the server told.
    pub(super) fn gate(&self) -> Instant {
        self.gate
    }

    /// What was refused lately was no limit's doing.
    pub(super) fn forgive(&mut self) {
        self.event = None;
    }

    /// Whether nothing was ever accepted, though a pilot asked.
    pub(super) fn is_shut_out(&self) -> bool {
        !self.is_known && self.event.is_some_and(|event| !event.first)
    }

    pub(super) fn has_told(&self) -> bool {
        self.told.is_some()
    }

    pub(super) fn opening(&self, hypotheses: &[Hypothesis], under: &[Hypothesis], book: &Book, now: Now) -> Opening {
        let mut opening = self.opening_of(hypotheses, book, now);
        for hypothesis in under.iter().filter(|hypothesis| !hypothesis.doubted) {
            opening = match (opening, hypothesis.admits(book, now)) {
                (Opening::At(one), Opening::At(other)) => Opening::At(one.max(other)),
                (Opening::AfterAnswer, _) | (_, Opening::AfterAnswer) => Opening::AfterAnswer,
            };
        }
        match opening {
            Opening::AfterAnswer if book.in_flight() == 0 => Opening::At(self.last_refused + LAST_RESORT),
            opening => opening,
        }
    }

    fn opening_of(&self, hypotheses: &[Hypothesis], book: &Book, now: Now) -> Opening {
        if now.mono < self.gate {
            return Opening::At(self.gate);
        }
        if self.event.is_some() && book.unlearned().any(|flight| flight.left() <= self.last_refused) {
            // What was in flight together with a refusal will tell more.
            return match book.silence_ends() {
                Some(at) if at > now.mono => Opening::At(at),
                _ => Opening::AfterAnswer,
            };
        }
        let probing = self.event.is_some();
        if probing && book.unlearned().any(|flight| !flight.is_answered()) {
            return book.silence_ends().filter(|at| *at > now.mono).map_or(Opening::AfterAnswer, Opening::At);
        }
        if self.handed_on {
            return Opening::At(self.not_before().max(now.mono));
        }
        let believed = || hypotheses.iter().filter(|hypothesis| !hypothesis.doubted);
        let soonest = if probing { self.not_before().max(now.mono) } else { now.mono };
        // Where one test was refused, what is left is believed at once. Where it was not enough, pilots take over.
        let is_clear = self.event.is_none_or(|event| event.first) && !hypotheses.is_empty();
        let all = if is_clear { now.mono } else { soonest };
        let all = believed().fold(Opening::At(all), |all, other| all.and(other.admits(book, now)));
        if matches!(all, Opening::At(at) if at <= now.mono) {
            return all;
        }
        let contested = book.unlearned().filter(|flight| flight.contested && !flight.is_answered()).count();
        let pilot = if contested as u32 >= self.allowance(book) {
            None
        } else {
            self.pilot(hypotheses, book, now).map(|at| at.min(self.longest_doubt()).max(soonest))
        };
        let opening = match (all, pilot) {
            (Opening::At(all), Some(pilot)) => Opening::At(all.min(pilot)),
            (Opening::AfterAnswer, Some(pilot)) => Opening::At(pilot),
            (all, None) => all,
        };
        match (opening, book.silence_ends().filter(|at| *at > now.mono)) {
            (Opening::AfterAnswer, Some(at)) => Opening::At(at),
            (Opening::At(then), Some(at)) => Opening::At(then.min(at)),
            (opening, None) => opening,
        }
    }

    /// When the next test is worth a refusal: at the first press, or the last of those that come so soon after it that one pilot
    /// tests them all.
    fn pilot(&self, hypotheses: &[Hypothesis], book: &Book, now: Now) -> Option<Instant> {
        let (mut presses, mut buckets, mut late, mut odd) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        // Windows on the clock turn before those of the same length that a request begins, so what tests these tests them, too.
        let is_tested = |period: Duration| {
            hypotheses.iter().any(|other| match &other.family {
                Family::Sliding(other) => other.period == period,
                Family::Fixed(other) => other.period == period,
                _ => false,
            })
        };
        for hypothesis in hypotheses.iter().filter(|hypothesis| !hypothesis.doubted) {
            let Some(press) = hypothesis.presses(book, now) else { continue };
            match hypothesis.family {
                _ if hypothesis.silent => odd.push(press),
                Family::Cap(_) if book.is_slow() && press <= now.mono => return Some(press),
                Family::Bucket(_) => buckets.push(press),
                Family::Clock(Clock { period, .. }) if self.event.is_some() && period < LONG && is_tested(period) => {
                    late.push(press);
                }
                _ => presses.push(press),
            }
        }
        // One refusal tells the faster half of the rates from the slower.
        buckets.sort_unstable();
        presses.extend(buckets.len().checked_sub(1).map(|last| buckets[last / 2]));
        if presses.is_empty() {
            presses = late;
        }
        presses.sort_unstable();
        let first = presses.first().copied();
        let odd = self.odd(&odd, first);
        let mut pilot = self.not_before().max(odd.or(first)?);
        if let Some(event) = self.event {
            for press in presses {
                if press <= pilot + pilot.since(event.since) * MERGED / 100 {
                    pilot = pilot.max(press);
                }
            }
        }
        Some(pilot)
    }

    /// When to test shapes that nobody chooses, if waiting for a usual one may lose too much: late enough for one refusal to tell
    /// against several.
    fn odd(&self, odd: &[Instant], usual: Option<Instant>) -> Option<Instant> {
        let usual = usual.unwrap_or(Instant::NEVER);
        let first = *odd.iter().min()?;
        let (since, least, most) = match self.event {
            Some(event) => {
                let gone = event.tried.since(event.since);
                if usual.since(event.since) <= gone * STEP / 100 {
                    return None;
                }
                (event.since, gone * ODD / 100, gone * STEP / 100)
            }
            None => (self.last_sent, Duration::ZERO, first.since(self.last_sent) * REACH / 100),
        };
        let is_worth = |press: &Instant| {
            let after = press.since(since);
            (least..=most).contains(&after) && after * ODD / 100 <= usual.since(since)
        };
        odd.iter().copied().filter(is_worth).max()
    }

    fn allowance(&self, book: &Book) -> u32 {
        if book.trip() > LONG_TRIP { 1 + self.proven / 2 } else { 1 }
    }

    /// What is left may be wrong, however well it explains the past: while nothing is accepted, a pilot goes at the latest when
    /// five times as long has passed as at the last one.
    fn longest_doubt(&self) -> Instant {
        let (since, gone) = match self.event {
            Some(event) => (event.since, event.tried.since(event.since)),
            None => (self.last_sent, self.longest_wait),
        };
        self.not_before().max(since + gone.max(FIRST_DOUBT) * 5)
    }

    /// Pilots go at growing distances.
    fn not_before(&self) -> Instant {
        match self.event {
            None => Instant::ZERO,
            Some(event) if event.first => self.last_refused + stretched(FIRST_PILOT, event.stretch),
            Some(event) if !self.is_known => {
                // Others spend the limit, and whoever began with us was refused with us.
                let gone = event.tried.since(event.since);
                event.tried + stretched(gone / 4, event.stretch * UNKNOWN_STRETCH)
            }
            Some(event) => {
                let gone = event.tried.since(event.since);
                event.since + gone + gone * 20 / 100
            }
        }
    }
}

fn stretched(least: Duration, thousandths: u32) -> Duration {
    least + least * thousandths / 1_000
}
