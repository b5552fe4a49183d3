//! From a learner to knowledge and back: moments change their clock, and old attempts are merged.

use std::time::Duration;

use super::{Belief, Drought, Fate, Knowledge, Opened, Proof, Shape, Spent, Trust};
use crate::adapt::Learner;
use crate::adapt::amount::Amount;
use crate::adapt::book::{Evidence, Shortest, Tally, Verdict};
use crate::adapt::family::{Bucket, Cap, Clock, Family, Fixed, Hypothesis, Sliding, Window};
use crate::adapt::learner::inward;
use crate::adapt::schedule::{Event, State};
use crate::adapt::{belief, proof};
use crate::policy::LimitSpec;
use crate::time::{Instant, Now, Wall};

/// Attempts of one fate that are kept; above, the older half is merged, two into one.
const CAPACITY: usize = 512;
/// Where nothing says for how long an attempt counts.
const DAY: Duration = Duration::from_secs(86_400);

impl Learner {
    /// What this learner knows, for a later one; `None` if it has seen nothing.
    pub fn knowledge(&self, now: Now) -> Option<Knowledge> {
        let now = inward(now);
        let clocks = Clocks(now);
        let layers = [(&self.under, false), (&self.hypotheses, !self.under.is_empty())];
        let beliefs: Vec<Belief> = layers
            .into_iter()
            .flat_map(|(layer, second)| layer.iter().map(move |hypothesis| clocks.belief(hypothesis, second)))
            .collect();
        let since = now.mono - self.horizon();
        let all = self.book.history().into_iter().chain(self.book.ended());
        let spent = all.filter(|evidence| evidence.sent >= since).map(|evidence| clocks.spent(&evidence)).collect();
        let State { event, gate, longest_wait, last_refused, .. } = self.schedule.state();
        let shortest = self.book.shortest();
        let knowledge = Knowledge {
            written: now.wall,
            beliefs,
            spent: condensed(spent),
            pause: (gate > now.mono).then(|| clocks.wall(gate)),
            drought: event.map(|Event { since, tried, first, .. }| Drought {
                since: clocks.wall(since),
                tried: clocks.wall(tried),
                refused: clocks.wall(last_refused),
                is_first: first,
            }),
            longest_drought: longest_wait,
            is_refined: self.is_refined,
            shortest_accepted: shortest.accepted,
            shortest_refused: shortest.refused,
            proof: Proof {
                accepted: self.proof.accepted,
                refused: self.proof.refused,
                confirmed: self.proof.confirmed.map(|at| clocks.wall(at)),
                tested: self.proof.tested.map(|at| clocks.wall(at)),
            },
        };
        (!knowledge.is_empty()).then_some(knowledge)
    }

    /// Goes on from what an earlier learner knew, in place of all that this one knows but what is in flight. Knowledge that says
    /// nothing, for a clock was wrong, changes nothing.
    pub fn recall(&mut self, knowledge: &Knowledge, now: Now) {
        let now = inward(now);
        let trust = knowledge.trust(now.wall);
        if trust == Trust::Nonsense {
            return;
        }
        let clocks = Clocks(now);
        let layer = |second: bool| -> Vec<Hypothesis> {
            let beliefs = knowledge.beliefs.iter().filter(|belief| belief.is_second == second);
            let mut layer: Vec<Hypothesis> =
                beliefs.map(|belief| clocks.hypothesis(belief, trust)).filter(Hypothesis::explains).collect();
            if matches!(trust, Trust::Tested | Trust::Hint) {
                layer.extend(faster(&layer));
            }
            layer
        };
        let (first, second) = (layer(false), layer(true));
        (self.under, self.hypotheses) = if second.is_empty() { (second, first) } else { (first, second) };
        self.is_refined = knowledge.is_refined;
        let shortest = Shortest { accepted: knowledge.shortest_accepted, refused: knowledge.shortest_refused };
        let history = knowledge.spent.iter().map(|spent| clocks.evidence(spent));
        self.book.recall(history, shortest, now);
        let event = knowledge.drought.map(|drought| Event {
            since: clocks.mono(drought.since),
            tried: clocks.mono(drought.tried),
            stretch: 0,
            first: drought.is_first,
        });
        // Until an attempt is accepted the others wait for it.
        let doubt = Event { since: now.mono, tried: now.mono, stretch: 0, first: false };
        let event = event.or((trust == Trust::Hint && !self.hypotheses.is_empty()).then_some(doubt));
        let last = |moment: Option<Wall>| moment.map_or(Instant::ZERO, |at| clocks.mono(at));
        self.schedule.recall(State {
            event,
            gate: last(knowledge.pause),
            last_sent: last(knowledge.proof.confirmed.max(knowledge.proof.tested)),
            longest_wait: knowledge.longest_drought,
            last_refused: last(knowledge.drought.map(|drought| drought.refused)),
        });
        self.proof = proof::Proof {
            accepted: knowledge.proof.accepted,
            refused: knowledge.proof.refused,
            confirmed: knowledge.proof.confirmed.map(|at| clocks.mono(at)),
            tested: knowledge.proof.tested.map(|at| clocks.mono(at)),
        };
        self.proven = match trust {
            Trust::Hint => 0,
            _ => u32::try_from(knowledge.proof.accepted).unwrap_or(u32::MAX),
        };
    }

    /// For how long an attempt may count in what is believed.
    fn horizon(&self) -> Duration {
        let counts = |hypothesis: &Hypothesis| match &hypothesis.family {
            // A counter looks at the last window too.
            Family::Sliding(Sliding { period, .. })
            | Family::Fixed(Fixed { period, .. })
            | Family::Clock(Clock { period, .. }) => *period * 2,
            Family::Bucket(_) | Family::Cap(_) => Duration::ZERO,
        };
        let all = self.hypotheses.iter().chain(&self.under);
        // A refusal that nothing explains is explained anew by what came before it.
        all.map(counts).max().map_or(DAY, |longest| longest.clamp(Duration::from_secs(60), DAY * 2))
    }
}

impl Knowledge {
    /// The limits that what is believed comes to, each as a user could tell it; none while too much is possible.
    pub fn limits(&self) -> Vec<LimitSpec> {
        let clocks = Clocks(Now::default());
        let layer = |second: bool| -> Vec<Hypothesis> {
            let beliefs = self.beliefs.iter().filter(|belief| belief.is_second == second);
            beliefs.map(|belief| clocks.hypothesis(belief, Trust::Fresh)).collect()
        };
        [false, true].into_iter().filter_map(|second| belief::of(&layer(second))).collect()
    }
}

impl Belief {
    /// The limit as a user could tell it, by the least that surely fits; `None` for a cap that nothing was refused for.
    pub fn spec(&self) -> Option<LimitSpec> {
        let hypothesis = Clocks(Now::default()).hypothesis(self, Trust::Fresh);
        belief::of(&[Hypothesis { silent: false, doubted: false, ..hypothesis }])
    }
}

/// Both clocks at one moment, to tell what one shows when the other shows something.
#[derive(Clone, Copy)]
struct Clocks(Now);

impl Clocks {
    fn wall(self, at: Instant) -> Wall {
        self.0.wall_at(at)
    }

    fn mono(self, at: Wall) -> Instant {
        self.0.mono_at(at)
    }

    fn belief(self, hypothesis: &Hypothesis, is_second: bool) -> Belief {
        let amount = hypothesis.amount();
        let (mut least, mut most) = (amount.lo as f64, (amount.hi < u64::MAX).then_some(amount.hi as f64));
        let shape = match &hypothesis.family {
            Family::Sliding(family) => {
                Shape::Sliding { period: family.period, counts_refused: family.tally == Tally::All }
            }
            Family::Fixed(family) => {
                let window = family.window.map(|window| Opened {
                    earliest: self.wall(window.earliest),
                    latest: self.wall(window.latest),
                    used: window.used,
                });
                Shape::Fixed { period: family.period, window }
            }
            Family::Clock(family) if family.weighted => {
                Shape::Counter { period: family.period, counts_refused: family.tally == Tally::All }
            }
            Family::Clock(family) => Shape::Clock { period: family.period },
            Family::Bucket(family) => {
                let (at_least, below, early, late) = family.state();
                least = (at_least * MICRO).floor() / MICRO;
                most = below.is_finite().then(|| (below * MICRO).ceil() / MICRO);
                let interval = Duration::from_secs_f64(1.0 / family.rate);
                Shape::Bucket { interval, full_early: self.wall(early), full_late: self.wall(late) }
            }
            Family::Cap(_) => Shape::Cap,
        };
        Belief { shape, least, most, is_second, is_odd: hypothesis.silent, is_doubted: hypothesis.doubted }
    }

    fn hypothesis(self, belief: &Belief, trust: Trust) -> Hypothesis {
        let mut amount = Amount { lo: belief.least as u64, hi: belief.most.map_or(u64::MAX, |most| most as u64) };
        if matches!(trust, Trust::Tested | Trust::Hint) && amount.hi < u64::MAX && amount.is_possible() {
            // Room that asks for a test.
            amount.hi = amount.hi.max(amount.lo.saturating_mul(2));
        }
        let family = match belief.shape {
            Shape::Sliding { period, counts_refused } => {
                Family::Sliding(Sliding { amount, ..Sliding::new(period, tally(counts_refused)) })
            }
            Shape::Fixed { period, window } => {
                let window = window.map(|window| Window {
                    earliest: self.mono(window.earliest),
                    latest: self.mono(window.latest),
                    used: window.used,
                });
                Family::Fixed(Fixed { amount, window, ..Fixed::new(period) })
            }
            Shape::Clock { period } => Family::Clock(Clock { amount, ..Clock::fixed(period) }),
            Shape::Counter { period, counts_refused } => {
                Family::Clock(Clock { amount, ..Clock::counter(period, tally(counts_refused)) })
            }
            Shape::Bucket { interval, full_early, full_late } => {
                let below = belief.most.unwrap_or(f64::INFINITY);
                let state = (belief.least, below, self.mono(full_early), self.mono(full_late));
                Family::Bucket(Bucket::recall(1.0 / interval.as_secs_f64(), state))
            }
            Shape::Cap => Family::Cap(Cap { amount, ..Cap::new() }),
        };
        Hypothesis { family, silent: belief.is_odd, doubted: belief.is_doubted }
    }

    fn spent(self, evidence: &Evidence) -> Spent {
        let Evidence { sent, answered, count, verdict, .. } = *evidence;
        let trip = (answered < Instant::NEVER).then(|| answered.since(sent));
        let fate = match verdict {
            Verdict::Accepted => Fate::Accepted,
            Verdict::Refused(_) => Fate::Refused,
            Verdict::Unknown => Fate::Unknown,
        };
        Spent { sent: self.wall(sent), trip, count, fate }
    }

    fn evidence(self, spent: &Spent) -> Evidence {
        let sent = self.mono(spent.sent);
        let answered = spent.trip.map_or(Instant::NEVER, |trip| sent + trip);
        let verdict = match spent.fate {
            Fate::Accepted => Verdict::Accepted,
            Fate::Refused => Verdict::Refused(None),
            Fate::Unknown => Verdict::Unknown,
        };
        let (latest, latest_really) = (answered, answered);
        let (contested, is_bare) = (false, false);
        Evidence { sent, answered, latest, latest_really, count: spent.count, verdict, contested, is_bare }
    }
}

/// These buckets at twice their rates: to tell them from the others asks for one test. Each has its double, for a test is meant
/// to halve what is left.
fn faster(layer: &[Hypothesis]) -> Vec<Hypothesis> {
    let doubled = |hypothesis: &Hypothesis| {
        let Family::Bucket(bucket) = &hypothesis.family else { return None };
        let (least, _, early, late) = bucket.state();
        let bucket = Bucket::recall(bucket.rate * 2.0, (least, f64::INFINITY, early, late));
        Some(Hypothesis::new(Family::Bucket(bucket)))
    };
    layer.iter().filter(|hypothesis| !hypothesis.doubted).filter_map(doubled).collect()
}

/// Millionths of a token are more than enough.
const MICRO: f64 = 1e6;

fn tally(counts_refused: bool) -> Tally {
    if counts_refused { Tally::All } else { Tally::Accepted }
}

/// In order of sending, few enough of each fate. What was merged may have arrived at any moment of both.
fn condensed(spent: Vec<Spent>) -> Vec<Spent> {
    let mut fates = [Fate::Accepted, Fate::Refused, Fate::Unknown].map(|fate| {
        let mut all: Vec<Spent> = spent.iter().filter(|spent| spent.fate == fate).copied().collect();
        all.sort_by_key(|spent| spent.sent);
        while all.len() > CAPACITY {
            let rest = all.split_off(all.len() / 2);
            all = all.chunks(2).map(merged).chain(rest).collect();
        }
        all
    });
    let mut all: Vec<Spent> = fates.iter_mut().flat_map(std::mem::take).collect();
    all.sort_by_key(|spent| (spent.sent, spent.fate));
    all
}

fn merged(few: &[Spent]) -> Spent {
    let first = few[0];
    let ends = |spent: &Spent| spent.trip.map(|trip| spent.sent.offset_from(first.sent).forward() + trip);
    Spent {
        // One that was never answered has no end.
        trip: few.iter().map(ends).collect::<Option<Vec<_>>>().and_then(|ends| ends.into_iter().max()),
        count: few.iter().map(|spent| spent.count).sum(),
        ..first
    }
}
