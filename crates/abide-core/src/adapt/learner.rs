//! Keeps every hypothesis that still explains all that was seen.

use std::time::Duration;

use super::book::{Book, Evidence, Verdict};
use super::cubic::RateLimiter;
use super::family::Hypothesis;
use super::schedule::Schedule;
use super::{Controller, End, Opening, Ticket, belief, grid, recover};
use crate::policy::LimitSpec;
use crate::time::{Instant, Now};

/// Learns a server's limit from what it accepts and refuses.
#[derive(Clone, Debug)]
pub struct Learner {
    pub(super) book: Book,
    /// Empty until something is refused.
    pub(super) hypotheses: Vec<Hypothesis>,
    /// A first limit that holds for certain, where `hypotheses` are of a second one.
    pub(super) under: Vec<Hypothesis>,
    pub(super) schedule: Schedule,
    pub(super) proof: Proof,
    /// The pace while nothing explains what is seen.
    lost: Option<RateLimiter>,
    /// Accepted attempts since the hypotheses were built.
    pub(super) proven: u32,
    /// Refusals in a row that were put down to somebody else.
    phantoms: u32,
    /// When the last of them was.
    supposed: Instant,
    /// When the first of them left.
    series: Instant,
}

/// How much was seen in all, and when last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Proof {
    pub(super) accepted: u64,
    pub(super) refused: u64,
    /// When what was accepted, and refused, last had left.
    pub(super) confirmed: Option<Instant>,
    pub(super) tested: Option<Instant>,
}

impl Proof {
    fn count(&mut self, evidence: &Evidence) {
        match evidence.verdict {
            Verdict::Accepted => {
                self.accepted += evidence.count;
                self.confirmed = Some(evidence.sent);
            }
            Verdict::Refused(_) => {
                self.refused += evidence.count;
                self.tested = Some(evidence.sent);
            }
            Verdict::Unknown => {}
        }
    }
}

/// Accepted attempts after which a hypothesis is not given up for one refusal.
const PROVEN: u32 = 40;
/// Refusals in a row after which it is.
const PHANTOMS: u32 = 3;

impl Controller for Learner {
    fn on_sent(&mut self, now: Now) -> Ticket {
        let contested = !self.hypotheses.is_empty() && !self.all_admit(now);
        if let Some(pace) = &mut self.lost {
            // It was asked before, and gives way to nothing.
            let _ = pace.acquire(seconds(now.mono));
        }
        self.schedule.on_sent(now.mono);
        self.book.on_sent(contested, now)
    }

    fn on_end(&mut self, ticket: Ticket, end: End, now: Now) {
        let wait = match end {
            End::Refused(wait) => Some(wait),
            End::Suspected => Some(None),
            End::Accepted | End::Unknown | End::Unsent => None,
        };
        if let Some(wait) = wait
            && let Some(sent) = self.book.sent(ticket)
        {
            self.schedule.on_refused(sent, wait, now.mono);
        }
        self.book.on_end(ticket, end, now);
        self.learn(now);
    }

    fn opening(&mut self, left: u64, now: Now) -> Opening {
        self.learn(now);
        let opening = self.schedule.opening(&self.hypotheses, &self.under, &self.book, left, now);
        match (self.lost, opening) {
            (Some(mut pace), Opening::At(at)) if at <= now.mono => match pace.acquire(seconds(now.mono)) {
                Ok(()) => opening,
                Err(wait) => Opening::At(now.mono + Duration::from_secs_f64(wait.clamp(0.001, 60.0))),
            },
            _ => opening,
        }
    }
}

impl Learner {
    /// One that knows nothing. Learners with other seeds test what they believe at other moments, so that those who start
    /// together do not go on together.
    pub fn new(seed: u64) -> Self {
        Self {
            book: Book::default(),
            hypotheses: Vec::new(),
            under: Vec::new(),
            schedule: Schedule::new(seed),
            proof: Proof::default(),
            lost: None,
            proven: 0,
            phantoms: 0,
            supposed: Instant::ZERO,
            series: Instant::ZERO,
        }
    }

    /// The limit that is believed, if it is one and known.
    pub(crate) fn believed(&self) -> Option<LimitSpec> {
        belief::of(&self.hypotheses)
    }

    /// An attempt of which [`Controller::on_sent`] told leaves only now. Returns its new name.
    pub(crate) fn on_left(&mut self, ticket: Ticket, now: Now) -> Ticket {
        if self.book.sent(ticket) == Some(now.mono) {
            return ticket;
        }
        self.book.on_end(ticket, End::Unsent, now);
        self.schedule.on_sent(now.mono);
        let contested = !self.hypotheses.is_empty() && !self.all_admit(now);
        self.book.on_sent(contested, now)
    }

    /// Whether the next attempt waits for the answer to one that tests whether the server takes requests again.
    pub(crate) fn awaits_pilot(&self) -> bool {
        self.schedule.is_probing() && self.book.unlearned().any(|flight| !flight.is_answered())
    }

    /// How many attempts it has been told of that have not ended.
    #[cfg(debug_assertions)]
    pub(crate) fn in_flight(&self) -> u64 {
        self.book.in_flight()
    }

    fn all_admit(&self, now: Now) -> bool {
        let open =
            |hypothesis: &Hypothesis| matches!(hypothesis.admits(&self.book, now), Opening::At(at) if at <= now.mono);
        self.hypotheses.iter().chain(&self.under).filter(|hypothesis| !hypothesis.doubted).all(open)
    }

    fn learn(&mut self, now: Now) {
        while let Some(evidence) = self.book.next(now.mono) {
            self.take(&evidence, now.mono);
        }
        if self.schedule.has_told() && self.book.unlearned().next().is_none() {
            self.believe(now);
        }
    }

    /// Keeps the hypotheses that open when the server said that it does, if there are any.
    fn believe(&mut self, now: Now) {
        let Some((earliest, latest)) = self.schedule.take_told() else { return };
        let slack = Duration::from_millis(100);
        let fits = |hypothesis: &Hypothesis| match hypothesis.admits(&self.book, now) {
            Opening::At(at) => at + slack >= earliest && at <= latest + slack,
            Opening::AfterAnswer => true,
        };
        let fit: Vec<bool> = self.hypotheses.iter().map(|hypothesis| !hypothesis.doubted && fits(hypothesis)).collect();
        if fit.contains(&true) {
            for (hypothesis, fits) in self.hypotheses.iter_mut().zip(fit) {
                hypothesis.doubted = !fits;
                hypothesis.silent &= !fits;
            }
        }
    }

    fn take(&mut self, evidence: &Evidence, now: Instant) {
        self.proof.count(evidence);
        match evidence.verdict {
            Verdict::Refused(_) => self.on_refused(evidence, now),
            Verdict::Accepted | Verdict::Unknown => {
                self.see(evidence);
                self.book.note(evidence);
            }
        }
        match evidence.verdict {
            Verdict::Accepted => {
                self.schedule.on_accepted(evidence);
                self.proven = self.proven.saturating_add(1);
                self.phantoms = 0;
            }
            Verdict::Unknown => self.schedule.on_lost(evidence),
            Verdict::Refused(_) => {}
        }
        if let Some(lost) = &mut self.lost {
            lost.on_answer(evidence.verdict != Verdict::Accepted, seconds(now));
        }
    }

    fn see(&mut self, evidence: &Evidence) {
        for hypothesis in self.under.iter_mut().filter(|_| !matches!(evidence.verdict, Verdict::Refused(_))) {
            hypothesis.learn(evidence, &self.book);
        }
        for hypothesis in &mut self.hypotheses {
            hypothesis.learn(evidence, &self.book);
        }
        self.hypotheses.retain(Hypothesis::explains);
        if self.hypotheses.iter().all(|hypothesis| hypothesis.doubted) {
            self.hypotheses.iter_mut().for_each(|hypothesis| hypothesis.doubted = false);
        }
    }

    fn on_refused(&mut self, evidence: &Evidence, now: Instant) {
        if self.hypotheses.is_empty() && self.lost.is_none() {
            if self.proven == 0 {
                // Nothing was accepted yet, so whatever was spent was spent by somebody else, and tells nothing of the amount.
                return;
            }
            let history = self.book.rewind();
            self.hypotheses = recover::replay(grid::hypotheses(), &history, &mut self.book);
        }
        let before = self.hypotheses.clone();
        self.see(evidence);
        if self.hypotheses.is_empty() && self.phantoms == 0 {
            self.hypotheses = recover::refine(&self.book, evidence);
        }
        if !self.hypotheses.is_empty() {
            self.lost = None;
            return self.book.note(evidence);
        }
        if before.is_empty() || self.proven < PROVEN {
            self.book.note(evidence);
            return self.rebuild(now);
        }
        if evidence.sent <= self.supposed {
            // It was in flight together with the one that was put down to somebody else.
            self.hypotheses = before;
            return self.book.note(evidence);
        }
        self.supposed = now;
        if self.phantoms < PHANTOMS {
            self.suppose(before, evidence);
        } else if self.under.is_empty() {
            self.add_layer(before, evidence);
        } else {
            self.book.note(evidence);
            self.rebuild(now);
        }
    }

    /// What explained everything for long is not given up for one refusal: somebody else may have been counted.
    fn suppose(&mut self, before: Vec<Hypothesis>, evidence: &Evidence) {
        if self.phantoms == 0 {
            self.series = evidence.sent;
        }
        self.hypotheses = before;
        let other = Evidence { verdict: Verdict::Unknown, count: 1 << self.phantoms, ..*evidence };
        self.phantoms += 1;
        for hypothesis in &mut self.hypotheses {
            hypothesis.learn(&other, &self.book);
        }
        self.book.note(&other);
    }

    /// What explained everything for long goes on to hold, and the refusals that it does not explain come from a second limit.
    fn add_layer(&mut self, before: Vec<Hypothesis>, evidence: &Evidence) {
        self.book.note(evidence);
        let series = self.series;
        let mut history = self.book.rewind();
        for evidence in &mut history {
            if evidence.sent >= series && evidence.verdict == Verdict::Unknown {
                evidence.verdict = Verdict::Refused(None);
                evidence.count = 1;
            }
        }
        self.hypotheses = recover::replay_since(series, grid::hypotheses(), &history, &mut self.book);
        self.under = if self.hypotheses.is_empty() { Vec::new() } else { before };
        self.phantoms = 0;
        self.proven = 0;
    }

    fn rebuild(&mut self, now: Instant) {
        self.under = Vec::new();
        self.hypotheses = recover::rebuild(&mut self.book);
        self.proven = 0;
        self.phantoms = 0;
        if self.hypotheses.is_empty() {
            self.lost.get_or_insert_with(|| RateLimiter::new(seconds(now)));
        } else {
            self.lost = None;
        }
    }
}

fn seconds(moment: Instant) -> f64 {
    moment.since(Instant::ZERO).as_secs_f64()
}
