//! Keeps every hypothesis that still explains all that was seen.

use std::time::Duration;

use super::book::{Book, Evidence, Verdict};
use super::cubic::RateLimiter;
use super::family::{Family, Hypothesis};
use super::schedule::Schedule;
use super::{Controller, End, Opening, Ticket, grid, recover};
use crate::time::{Instant, Now};

/// Learns a server's limit from what it accepts and refuses.
#[derive(Clone, Debug)]
pub struct Learner {
    book: Book,
    /// Empty until something is refused.
    hypotheses: Vec<Hypothesis>,
    /// A first limit that holds for certain, where `hypotheses` are of a second one.
    under: Vec<Hypothesis>,
    schedule: Schedule,
    /// Whether the rates among the hypotheses have others beside them.
    is_refined: bool,
    /// The pace while nothing explains what is seen.
    lost: Option<RateLimiter>,
    /// Accepted attempts since the hypotheses were built.
    proven: u32,
    /// Refusals in a row that were put down to somebody else.
    phantoms: u32,
    /// When the last of them was.
    supposed: Instant,
    /// When the first of them left.
    series: Instant,
}

/// So few rates are worth a finer look.
const FEW: usize = 2;
/// Accepted attempts after which a hypothesis is not given up for one refusal.
const PROVEN: u32 = 40;
/// Refusals in a row after which it is.
const PHANTOMS: u32 = 3;

impl Controller for Learner {
    fn on_sent(&mut self, now: Now) -> Ticket {
        let now = inward(now);
        let contested = !self.hypotheses.is_empty() && !self.all_admit(now);
        if let Some(pace) = &mut self.lost {
            // It was asked before, and gives way to nothing.
            let _ = pace.acquire(seconds(now.mono));
        }
        self.schedule.on_sent(now.mono);
        self.book.on_sent(contested, now)
    }

    fn on_end(&mut self, ticket: Ticket, end: End, now: Now) {
        let now = inward(now);
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

    fn opening(&mut self, _left: u64, now: Now) -> Opening {
        let now = inward(now);
        self.learn(now);
        let opening = self.schedule.opening(&self.hypotheses, &self.under, &self.book, now);
        let opening = match (self.lost, opening) {
            (Some(mut pace), Opening::At(at)) if at <= now.mono => match pace.acquire(seconds(now.mono)) {
                Ok(()) => opening,
                Err(wait) => Opening::At(now.mono + Duration::from_secs_f64(wait.clamp(0.001, 60.0))),
            },
            _ => opening,
        };
        outward(opening)
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
            is_refined: false,
            lost: None,
            proven: 0,
            phantoms: 0,
            supposed: Instant::ZERO,
            series: Instant::ZERO,
        }
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
        match evidence.verdict {
            Verdict::Refused(_) => self.on_refused(evidence, now),
            Verdict::Accepted | Verdict::Unknown => {
                self.see(evidence);
                self.book.note(evidence);
                self.refine();
            }
        }
        if evidence.verdict == Verdict::Accepted {
            self.schedule.on_accepted(evidence);
            self.proven = self.proven.saturating_add(1);
            self.phantoms = 0;
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
        if self.hypotheses.iter().all(|hypothesis| hypothesis.silent || hypothesis.doubted) {
            self.hypotheses.iter_mut().for_each(|hypothesis| hypothesis.silent = false);
        }
    }

    /// Where only rates are left that people choose, the true one may lie beside them.
    fn refine(&mut self) {
        let is_rate = |hypothesis: &Hypothesis| matches!(hypothesis.family, Family::Bucket(_));
        if self.is_refined || !(1..=FEW).contains(&self.hypotheses.len()) || !self.hypotheses.iter().all(is_rate) {
            return;
        }
        self.is_refined = true;
        let finer = recover::refine(&self.book, None);
        if !finer.is_empty() {
            self.hypotheses = finer;
        }
    }

    fn on_refused(&mut self, evidence: &Evidence, now: Instant) {
        if self.hypotheses.is_empty() && self.lost.is_none() {
            let history = self.book.rewind();
            self.hypotheses = recover::replay(grid::hypotheses(), &history, &mut self.book);
            self.book.gather(evidence);
        }
        let before = self.hypotheses.clone();
        self.see(evidence);
        if self.hypotheses.is_empty() && self.phantoms == 0 {
            self.hypotheses = recover::refine(&self.book, Some(evidence));
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
        self.is_refined = false;
        if self.hypotheses.is_empty() {
            self.lost.get_or_insert_with(|| RateLimiter::new(seconds(now)));
        } else {
            self.lost = None;
        }
    }
}

/// So long before the caller's first moment is the learner's, so that no window reaches back beyond the start of time.
const BEFORE: Duration = Duration::from_hours(24 * 1_000);

fn inward(now: Now) -> Now {
    Now { mono: now.mono + BEFORE, ..now }
}

fn outward(opening: Opening) -> Opening {
    match opening {
        Opening::At(at) if at < Instant::NEVER => Opening::At(at - BEFORE),
        opening => opening,
    }
}

fn seconds(moment: Instant) -> f64 {
    moment.since(Instant::ZERO).as_secs_f64()
}
