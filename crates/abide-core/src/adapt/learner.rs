//! Keeps every hypothesis that still explains all that was seen.

use std::time::Duration;

use super::book::{Book, Evidence, Verdict};
use super::family::{Family, Hypothesis};
use super::fault::{Finding, Suspicion};
use super::lost::Lost;
use super::proof::Proof;
use super::raise::Raise;
use super::schedule::Schedule;
use super::trust::Trust;
use super::{Controller, End, Opening, Ticket, belief, grid, recover};
use crate::policy::LimitSpec;
use crate::rng::Rng;
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
    /// Whether the rates among the hypotheses have others beside them.
    pub(super) is_refined: bool,
    /// The pace while nothing explains what is seen.
    lost: Option<Lost>,
    /// Accepted attempts that being lost takes at least, the next time.
    patience: u32,
    suspicion: Suspicion,
    raise: Raise,
    trust: Trust,
    rng: Rng,
    /// Accepted attempts since the hypotheses were built.
    pub(super) proven: u32,
    /// Whether a pilot was refused before anything was accepted.
    came_late: bool,
    /// Refusals in a row that were put down to somebody else.
    phantoms: u32,
    /// When the last of them was.
    supposed: Instant,
    /// When the first of them left.
    series: Instant,
    /// Since when there was always something to send, and until when that is known.
    session: Instant,
    busy_until: Instant,
}

/// So few rates are worth a finer look.
const FEW: usize = 2;
/// Accepted attempts after which a hypothesis is not given up for one refusal.
const PROVEN: u32 = 40;
/// Refusals in a row after which it is.
const PHANTOMS: u32 = 3;
/// Accepted attempts that being lost takes at least; each time that nothing proves itself in between, twice as many.
const PATIENCE: u32 = 40;
const MOST_PATIENCE: u32 = 10_000;
/// What a pace begins with of the rate that was accepted, in parts.
const CAREFUL: u32 = 2;
/// Who came late and was refused again after fewer accepted attempts than this shares the limit with others.
const SHARED: u32 = 10;
/// So long without a wish there is a new session.
const IDLE: Duration = Duration::from_secs(1);

impl Controller for Learner {
    fn on_sent(&mut self, now: Now) -> Ticket {
        let now = inward(now);
        let contested = self.is_contested(now);
        if let Some(lost) = &mut self.lost {
            lost.pace.on_sent(now.mono);
        }
        self.suspicion.on_sent(now.mono);
        self.stay_busy(now.mono);
        self.schedule.on_sent(now.mono);
        self.book.on_sent(contested, now)
    }

    fn on_end(&mut self, ticket: Ticket, end: End, now: Now) {
        let now = inward(now);
        self.stay_busy(now.mono);
        let end = self.unless_fault(end);
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

    fn opening(&mut self, now: Now) -> Opening {
        let now = inward(now);
        self.stay_busy(now.mono);
        self.learn(now);
        let opening = match (self.suspicion.opens(), &self.lost) {
            (Some(at), _) => Opening::At(at.max(self.schedule.gate())),
            (None, Some(lost)) => self.schedule.paced(lost.pace.opens(), &self.book, now.mono),
            (None, None) => self.schedule.opening(&self.hypotheses, &self.under, &self.book, now),
        };
        let opening = if self.may_raise(opening, now.mono) { Opening::At(now.mono) } else { opening };
        if let Opening::At(at) = opening {
            self.busy_until = self.busy_until.max(at);
        }
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
            proof: Proof::default(),
            is_refined: false,
            lost: None,
            patience: PATIENCE,
            suspicion: Suspicion::default(),
            raise: Raise::default(),
            trust: Trust::default(),
            rng: Rng::new(!seed),
            proven: 0,
            came_late: false,
            phantoms: 0,
            supposed: Instant::ZERO,
            series: Instant::ZERO,
            session: Instant::ZERO,
            busy_until: Instant::ZERO,
        }
    }

    /// Whether refusals that say nothing are taken for a fault of the server and not for a limit.
    pub fn is_fault(&self) -> bool {
        self.suspicion.is_fault()
    }

    /// Whether it is time to send what is held back, one at a time.
    fn may_raise(&self, opening: Opening, now: Instant) -> bool {
        let is_held = matches!(opening, Opening::At(at) if at > now) && !self.hypotheses.is_empty();
        is_held
            && self.raise.is_due()
            && self.lost.is_none()
            && !self.suspicion.is_trial()
            && !self.schedule.is_probing()
            && self.schedule.gate() <= now
            && !self.book.unlearned().any(|flight| flight.contested)
    }

    /// More was accepted than any belief allows.
    fn outgrow(&mut self, now: Instant) {
        if self.proven < PROVEN {
            // It rested on little. Others may have been the reason for what was refused, so it goes on from where it is.
            let (accepted, elapsed) = self.book.pace(self.session, now);
            self.lose(accepted, elapsed, now);
            self.hurry();
        }
    }

    fn hurry(&mut self) {
        if let Some(lost) = &mut self.lost {
            lost.pace.hurry();
        }
    }

    /// Whether a limit explains all that was refused.
    pub(crate) fn blames_limit(&self) -> bool {
        !self.hypotheses.is_empty() && self.lost.is_none() && !self.suspicion.is_trial() && !self.is_fault()
    }

    /// A time in which nobody wanted anything says nothing of the pace.
    fn stay_busy(&mut self, now: Instant) {
        if self.busy_until + IDLE < now && self.book.in_flight() == 0 {
            self.session = now;
            self.raise.rest();
        }
        self.busy_until = self.busy_until.max(now);
    }

    /// A fault may have been counted by a limit, but is none.
    fn unless_fault(&mut self, end: End) -> End {
        if !self.is_fault() || !matches!(end, End::Accepted | End::Suspected) {
            return end;
        }
        match end {
            End::Suspected if !self.suspicion.overturns(true) => End::Unknown,
            End::Accepted => {
                self.suspicion.overturns(false);
                end
            }
            _ => end,
        }
    }

    /// The limit that is believed, if it is one and known.
    pub(crate) fn believed(&self) -> Option<LimitSpec> {
        belief::of(&self.hypotheses)
    }

    /// An attempt of which [`Controller::on_sent`] told leaves only now. Returns its new name.
    pub(crate) fn on_left(&mut self, ticket: Ticket, now: Now) -> Ticket {
        let now = inward(now);
        if self.book.sent(ticket) == Some(now.mono) {
            return ticket;
        }
        self.book.on_end(ticket, End::Unsent, now);
        self.schedule.on_sent(now.mono);
        let contested = self.is_contested(now);
        self.book.on_sent(contested, now)
    }

    /// An attempt of another process left. It ends as one of ours does.
    pub(crate) fn on_other_sent(&mut self, now: Now) -> Ticket {
        let ticket = self.on_sent(now);
        self.book.disown(ticket);
        ticket
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

    /// Whether something that is believed speaks against an attempt now.
    fn is_contested(&self, now: Now) -> bool {
        let open =
            |hypothesis: &Hypothesis| matches!(hypothesis.admits(&self.book, now), Opening::At(at) if at <= now.mono);
        let mut believed = self.hypotheses.iter().chain(&self.under).filter(|hypothesis| !hypothesis.doubted);
        !self.hypotheses.is_empty() && !believed.all(open)
    }

    fn learn(&mut self, now: Now) {
        while let Some(evidence) = self.book.next(now.mono) {
            self.take(&evidence, now.mono);
        }
        let is_lost = self.lost.is_some() && self.suspicion.may_try();
        if is_lost || self.suspicion.is_odd(self.book.oldest_unlearned()) {
            self.begin_trial(now.mono);
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
            Opening::At(at) => at + slack >= earliest && at <= latest + slack + hypothesis.delay(&self.book),
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
            Verdict::Refused(_) if self.suspicion.is_trial() => self.book.note(evidence),
            Verdict::Refused(_) => self.on_refused(evidence, now),
            Verdict::Accepted | Verdict::Unknown => {
                let believed = !self.hypotheses.is_empty();
                self.see(evidence);
                self.book.note(evidence);
                if believed && self.hypotheses.is_empty() && self.raise.is_due() {
                    self.outgrow(now);
                }
                self.refine();
            }
        }
        match evidence.verdict {
            Verdict::Accepted => {
                self.raise.on_accepted();
                self.trust.on_accepted();
                self.schedule.on_accepted(evidence);
                self.proven = self.proven.saturating_add(1);
                self.phantoms = 0;
            }
            Verdict::Unknown => self.schedule.on_lost(evidence),
            Verdict::Refused(_) => self.raise.on_refused(),
        }
        self.be_lost(evidence, now);
        match self.suspicion.on_evidence(evidence, now) {
            Some(Finding::Fault) => self.forgive(),
            Some(Finding::Limit) => self.rebuild(now),
            None => {}
        }
    }

    fn be_lost(&mut self, evidence: &Evidence, now: Instant) {
        let Some(lost) = &mut self.lost else { return };
        match evidence.verdict {
            Verdict::Accepted => lost.on_accepted(),
            Verdict::Refused(_) => lost.on_refused(evidence.sent, now),
            Verdict::Unknown => {}
        }
        if let Some(since) = lost.looks() {
            self.hypotheses = recover::explain_since(since, &mut self.book);
            if !self.hypotheses.is_empty() {
                self.lost = None;
                self.proven = 0;
            }
        }
    }

    fn begin_trial(&mut self, now: Instant) {
        let (accepted, elapsed) = self.book.pace(self.session, now);
        self.suspicion.begin(accepted, elapsed, now);
    }

    /// What was refused without a word was no limit's doing: forgets what it taught.
    fn forgive(&mut self) {
        self.book.forgive();
        self.schedule.forgive();
        self.hypotheses = Vec::new();
        self.under = Vec::new();
        self.lost = None;
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
        if self.lost.is_some() {
            return self.book.note(evidence);
        }
        if self.hypotheses.is_empty() {
            if self.proven == 0 {
                // Nothing was accepted yet, so whatever was spent was spent by somebody else, and tells nothing of the amount.
                self.came_late |= self.schedule.is_shut_out();
                return;
            }
            if self.came_late && self.proven < SHARED {
                // Whoever spent it spends it still.
                self.book.note(evidence);
                return self.lose(0, Duration::ZERO, now);
            }
            let history = self.book.rewind();
            self.hypotheses = recover::replay(grid::hypotheses(), &history, &mut self.book);
            self.raise.begin(self.proven);
            self.trust.begin(now);
            self.book.gather(evidence);
        } else if !evidence.contested {
            self.trust.on_broken(evidence.sent, now);
            if self.trust.is_lost() {
                self.book.note(evidence);
                return self.give_up(now);
            }
        }
        let before = self.hypotheses.clone();
        self.see(evidence);
        if self.hypotheses.iter().all(|hypothesis| hypothesis.is_vague(&self.book)) && self.phantoms == 0 {
            let finer = recover::refine(&self.book, Some(evidence));
            if self.hypotheses.is_empty() || !finer.is_empty() {
                self.hypotheses = finer;
            }
        }
        if !self.hypotheses.is_empty() {
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
        self.raise.begin(self.proven);
        if self.proven >= PROVEN {
            self.patience = PATIENCE;
        }
        self.proven = 0;
        self.phantoms = 0;
        self.is_refined = false;
        if self.hypotheses.is_empty() {
            self.give_up(now);
        }
    }

    /// Nothing is believed any more.
    fn give_up(&mut self, now: Instant) {
        let (accepted, elapsed) = self.book.pace(self.session, now);
        self.lose(accepted, elapsed * CAREFUL, now);
    }

    /// Keeps to a pace from here on, beginning with so many in this time.
    fn lose(&mut self, accepted: u64, elapsed: Duration, now: Instant) {
        self.hypotheses = Vec::new();
        self.under = Vec::new();
        self.phantoms = 0;
        self.lost = Some(Lost::new(accepted, elapsed, self.patience, self.rng.next(), now));
        self.patience = (self.patience * 2).min(MOST_PATIENCE);
    }
}

/// So long before the caller's first moment is the learner's, so that no window reaches back beyond the start of time.
const BEFORE: Duration = Duration::from_hours(24 * 1_000);

pub(super) fn inward(now: Now) -> Now {
    Now { mono: now.mono + BEFORE, ..now }
}

fn outward(opening: Opening) -> Opening {
    match opening {
        Opening::At(at) if at < Instant::NEVER => Opening::At(at - BEFORE),
        opening => opening,
    }
}
