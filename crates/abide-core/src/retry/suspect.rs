//! Finds out whether refusals that say nothing (a bare 503) come from load or from a fault.
//!
//! Between two congestion events a limit hands out what it refills, so what was accepted in that time is about the limit's rate.
//! At half of that rate a limit refuses nothing more, while a fault goes on with its share. One trial can be wrong (the first
//! events may straddle a window), so a fault is believed after two, each at half of what the one before accepted.

use std::time::Duration;

use crate::time::{Instant, nanos};

/// Answers in a trial.
const TRIAL: u32 = 20;
/// Answers for which a verdict holds.
const VERDICT: u32 = 500;
/// Answers after which a single event is forgotten.
const FORGET: u32 = 200;
/// The slowest pace of a trial.
const SLOWEST: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default)]
pub(crate) struct Suspect {
    state: State,
    /// When the next attempt of a trial may leave.
    next: Instant,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Calm,
    /// One event was seen; what is accepted until the next one tells the rate.
    Counting {
        since: Instant,
        accepted: u32,
    },
    Trial {
        second: bool,
        since: Instant,
        interval: Duration,
        accepted: u32,
        refused: u32,
    },
    /// Refusals stopped at half the pace.
    Load {
        left: u32,
    },
    /// They did not. `recent` has a bit an answer, set where it was refused.
    Fault {
        left: u32,
        recent: u32,
    },
}

impl Suspect {
    /// Whether a bare refusal is known to be a fault.
    pub(crate) fn is_fault(&self) -> bool {
        matches!(self.state, State::Fault { .. })
    }

    /// When the next attempt may leave, during a trial.
    pub(crate) fn not_before(&self) -> Option<Instant> {
        matches!(self.state, State::Trial { .. }).then_some(self.next)
    }

    pub(crate) fn on_sent(&mut self, now: Instant) {
        if let State::Trial { interval, .. } = self.state {
            self.next = now + interval;
        }
    }

    /// The server accepted an attempt that left at `sent`.
    pub(crate) fn on_accepted(&mut self, sent: Instant, now: Instant) {
        match &mut self.state {
            State::Calm => {}
            State::Counting { accepted, .. } => {
                *accepted += 1;
                if *accepted > FORGET {
                    self.state = State::Calm;
                }
            }
            State::Trial { since, accepted, .. } => {
                if sent >= *since {
                    *accepted += 1;
                    self.judge(now);
                }
            }
            State::Load { .. } => self.count_down(),
            State::Fault { recent, .. } => {
                *recent <<= 1;
                self.count_down();
            }
        }
    }

    /// The server refused an attempt that left at `sent`; `event` says whether that began a new congestion event.
    pub(crate) fn on_refused(&mut self, sent: Instant, event: bool, now: Instant) {
        match &mut self.state {
            State::Calm => self.state = State::Counting { since: now, accepted: 0 },
            State::Counting { since, accepted } => {
                if event && *accepted > 0 {
                    let (elapsed, accepted) = (now.since(*since), *accepted);
                    self.start(false, elapsed, accepted, now);
                }
            }
            State::Trial { since, refused, .. } => {
                if sent >= *since {
                    *refused += 1;
                    self.judge(now);
                }
            }
            State::Load { .. } => self.count_down(),
            State::Fault { recent, .. } => {
                *recent = *recent << 1 | 1;
                // Hardly anything gets through any more: that is not the share that was judged.
                if recent.count_ones() > u32::BITS / 2 {
                    self.state = State::Calm;
                } else {
                    self.count_down();
                }
            }
        }
    }

    fn judge(&mut self, now: Instant) {
        let State::Trial { second, since, accepted, refused, .. } = self.state else { return };
        match (accepted + refused, refused) {
            (..TRIAL, _) => {}
            (_, _) if accepted == 0 => self.state = State::Counting { since: now, accepted: 0 },
            (_, 0) => self.state = State::Load { left: VERDICT },
            // One in twenty may be chance: look at twenty more.
            (answers, 1) if answers < 2 * TRIAL => {}
            (_, 1) => self.state = State::Load { left: VERDICT },
            (_, _) if second => self.state = State::Fault { left: VERDICT, recent: 0 },
            (_, _) => self.start(true, now.since(since), accepted, now),
        }
    }

    fn start(&mut self, second: bool, elapsed: Duration, accepted: u32, now: Instant) {
        let interval = Duration::from_nanos(nanos(elapsed) / u64::from(accepted.max(1)) * 2).min(SLOWEST);
        self.state = State::Trial { second, since: now, interval, accepted: 0, refused: 0 };
        self.next = now;
    }

    fn count_down(&mut self) {
        if let State::Load { left } | State::Fault { left, .. } = &mut self.state {
            *left -= 1;
            if *left == 0 {
                self.state = State::Calm;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drives one caller against a server: each attempt takes 5 ms, a refusal pauses for half a second.
    fn drive(answers: u32, mut accepts: impl FnMut(u64) -> bool) -> (Suspect, u64) {
        let (mut suspect, mut now) = (Suspect::default(), 0);
        let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
        for _ in 0..answers {
            if suspect.is_fault() {
                break;
            }
            if let Some(next) = suspect.not_before() {
                now = now.max(next.as_nanos() / 1_000_000 + 1);
            }
            suspect.on_sent(at(now));
            let (sent, ok) = (now, accepts(now));
            now += 5;
            if ok {
                suspect.on_accepted(at(sent), at(now));
            } else {
                suspect.on_refused(at(sent), true, at(now));
                now += 500;
            }
        }
        (suspect, now)
    }

    #[test]
    fn a_bucket_is_load() {
        let (mut level, mut last) = (0.0_f64, 0);
        let (suspect, _) = drive(2_000, |now| {
            level = (level - (now - last) as f64 * 0.02).max(0.0);
            last = now;
            let ok = level + 1.0 <= 11.0;
            level += if ok { 1.0 } else { 0.0 };
            ok
        });
        assert!(!suspect.is_fault(), "{suspect:?}");
    }

    #[test]
    fn a_window_is_load() {
        let (mut opened, mut used) = (0, 0);
        let (suspect, _) = drive(2_000, |now| {
            if now >= opened + 5_000 {
                (opened, used) = (now, 0);
            }
            used += 1;
            used <= 50
        });
        assert!(!suspect.is_fault(), "{suspect:?}");
    }

    #[test]
    fn a_steady_share_is_a_fault() {
        for seed in 0..50_u64 {
            let mut rng = crate::rng::Rng::new(seed);
            let (suspect, _) = drive(3_000, |_| rng.below(10) != 0);
            assert!(suspect.is_fault(), "seed {seed}: {suspect:?}");
        }
    }

    #[test]
    fn an_outage_is_not_judged_by_its_share() {
        let (suspect, _) = drive(500, |_| false);
        assert!(!suspect.is_fault(), "{suspect:?}");
    }
}
