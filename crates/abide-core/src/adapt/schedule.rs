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

/// The most that chance adds to the first of these distances, in thousandths: those who were refused together come back apart.
/// Later pilots go when a hypothesis asks for them, and chance would only miss that moment.
const STRETCH: u64 = 80;

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

    pub(super) fn has_told(&self) -> bool {
        self.told.is_some()
    }

    pub(super) fn opening(
        &self,
        hypotheses: &[Hypothesis],
        under: &[Hypothesis],
        book: &Book,
        left: u64,
        now: Now,
    ) -> Opening {
        let mut opening = self.opening_of(hypotheses, book, left, now);
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

    fn opening_of(&self, hypotheses: &[Hypothesis], book: &Book, left: u64, now: Now) -> Opening {
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
        let mut all = Opening::At(if probing { self.not_before().max(now.mono) } else { now.mono });
        // Windows on the clock turn before those of the same length that a request begins, so what tests these tests them, too.
        let (mut presses, mut buckets, mut late) = (Vec::new(), Vec::new(), Vec::new());
        let is_tested = |period: Duration| {
            hypotheses.iter().any(|other| match &other.family {
                Family::Sliding(other) => other.period == period,
                Family::Fixed(other) => other.period == period,
                _ => false,
            })
        };
        let mut cap = false;
        // When the odd ones that ask for no test would open, at the latest of them.
        let mut odd = None;
        for hypothesis in hypotheses.iter().filter(|hypothesis| !hypothesis.doubted) {
            match hypothesis.admits(book, now) {
                Opening::At(at) => {
                    if let Opening::At(known) = all {
                        all = Opening::At(known.max(at));
                    }
                    if hypothesis.silent {
                        odd = odd.max(Some(at));
                    } else {
                        cap |= book.is_slow() && matches!(hypothesis.family, Family::Cap(_)) && at <= now.mono;
                        let press = hypothesis.presses(at, left, book, now);
                        match hypothesis.family {
                            Family::Bucket(_) => buckets.push(press),
                            Family::Clock(Clock { period, .. }) if probing && is_tested(period) => late.push(press),
                            _ => presses.push(press),
                        }
                    }
                }
                Opening::AfterAnswer => all = Opening::AfterAnswer,
            }
        }
        if matches!(all, Opening::At(at) if at <= now.mono) {
            return all;
        }
        // One refusal tells the faster half of the rates from the slower.
        buckets.sort_unstable();
        presses.extend(buckets.len().checked_sub(1).map(|last| buckets[last / 2]));
        if let Some(odd) = odd
            && !probing
            && Self::is_worth_a_refusal(hypotheses)
        {
            presses.push(odd);
        }
        if presses.is_empty() {
            presses = late;
        }
        let contested = book.unlearned().filter(|flight| flight.contested && !flight.is_answered()).count();
        let pilot = if contested as u32 >= self.allowance(book) {
            None
        } else {
            Some(if cap { now.mono } else { self.pilot(&mut presses) })
        };
        // All agree, but on less than may be had: ask for one more.
        let stretch = contested == 0 && hypotheses.iter().all(|hypothesis| hypothesis.has_room());
        if stretch && self.event.is_none() {
            return Opening::At(now.mono);
        }
        let opening = match (all, pilot) {
            (Opening::At(all), Some(pilot)) => Opening::At(all.min(pilot)),
            (Opening::AfterAnswer, Some(pilot)) if pilot < Instant::NEVER => Opening::At(pilot),
            (all, _) => all,
        };
        let opening = match opening {
            Opening::At(at) => Opening::At(at.min(self.longest_doubt().max(now.mono))),
            Opening::AfterAnswer => opening,
        };
        match (opening, book.silence_ends()) {
            (Opening::AfterAnswer, Some(at)) if at > now.mono => Opening::At(at),

            (Opening::At(then), Some(at)) if at > now.mono => Opening::At(then.min(at)),
            _ => opening,
        }
    }

    /// Whether an odd window that explains all is much shorter than every usual one.
    fn is_worth_a_refusal(hypotheses: &[Hypothesis]) -> bool {
        let shortest = |silent| {
            let windows = hypotheses.iter().filter(|other| other.silent == silent && !other.doubted);
            windows.filter_map(Hypothesis::period).min()
        };
        matches!((shortest(true), shortest(false)), (Some(odd), Some(usual)) if odd + odd * 3 / 10 < usual)
    }

    fn allowance(&self, book: &Book) -> u32 {
        if book.trip() > LONG_TRIP { 1 + self.proven / 2 } else { 1 }
    }

    /// The first press, or the last of those that come so soon after it that one pilot tests them all.
    fn pilot(&self, presses: &mut [Instant]) -> Instant {
        presses.sort_unstable();
        let Some(mut pilot) = presses.first().map(|first| self.not_before().max(*first)) else { return Instant::NEVER };
        if let Some(event) = self.event {
            for press in presses.iter() {
                if *press <= pilot + pilot.since(event.since) * MERGED / 100 {
                    pilot = pilot.max(*press);
                }
            }
        }
        pilot
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
            Some(event) => {
                let gone = event.tried.since(event.since);
                event.since + gone + gone * 35 / 100
            }
        }
    }
}

fn stretched(least: Duration, thousandths: u32) -> Duration {
    least + least * thousandths / 1_000
}
