//! The pause on a key that a server asked for, or that holds retries back: nothing leaves until it ends, then one probe, then a ramp.

use std::time::Duration;

use crate::call::CallId;
use crate::decision::{Reason, Why};
use crate::event::Failure;
use crate::time::Instant;

/// How long retries are held back at first; it doubles with each event after which nothing was accepted.
const FIRST_HOLD: Duration = Duration::from_millis(500);
/// The longest that they are.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// Told waits in a row, with nothing accepted, that are believed however short they are.
const BELIEVED: u32 = 2;
/// The longest that a told wait is stretched to after that.
const LONGEST_FLOOR: Duration = Duration::from_secs(1);

/// A probe without an answer hands its turn on after four usual round trips, within these bounds.
const PROBE_PATIENCE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

#[derive(Clone, Debug, Default)]
pub(crate) struct Pause {
    phase: Phase,
    /// When the last congestion event began. Refusals of what left before it belong to it.
    event: Option<Instant>,
    /// Events in a row after which nothing was accepted.
    streak: u32,
    /// Number of the pause. Answers to what left in an older one move nothing.
    round: u32,
    /// When a refusal last moved the end of the pause.
    told_at: Instant,
}

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    #[default]
    Open,
    Paused {
        until: Instant,
        reason: Reason,
    },
    /// One attempt is out; until `hands_on` nobody else goes.
    Probing {
        probe: CallId,
        hands_on: Instant,
    },
    /// As many as `width` may be out.
    Ramp {
        width: u32,
        out: u32,
    },
}

/// Which pause an attempt left after, if that pause was not over yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Round(u32);

impl Pause {
    /// What stands in the way of the next attempt.
    pub(crate) fn blocker(&self, now: Instant) -> Option<Why> {
        match self.phase {
            Phase::Paused { until, reason } if now < until => Some(Why { reason, until: Some(until) }),
            Phase::Probing { hands_on, .. } if now < hands_on => {
                Some(Why { reason: Reason::Probe, until: Some(hands_on) })
            }
            Phase::Ramp { width, out } if out >= width => Some(Why { reason: Reason::Probe, until: None }),
            _ => None,
        }
    }

    /// An attempt may leave, which [`Pause::blocker`] allowed; a probe that has not left by `back_at` hands its turn on.
    pub(crate) fn on_granted(&mut self, id: CallId, back_at: Instant) -> Option<Round> {
        match &mut self.phase {
            Phase::Open => return None,
            Phase::Paused { .. } | Phase::Probing { .. } => {
                self.phase = Phase::Probing { probe: id, hands_on: back_at };
            }
            Phase::Ramp { out, .. } => *out += 1,
        }
        Some(Round(self.round))
    }

    /// An attempt leaves that was granted before.
    pub(crate) fn on_begun(&mut self, id: CallId, usual_trip: Duration, now: Instant) {
        if let Phase::Probing { probe, hands_on } = &mut self.phase
            && *probe == id
        {
            *hands_on = now + (usual_trip * 4).clamp(PROBE_PATIENCE.0, PROBE_PATIENCE.1);
        }
    }

    /// The server accepted an attempt.
    pub(crate) fn on_accepted(&mut self, round: Option<Round>, full_width: u32) {
        if round != Some(Round(self.round)) {
            return;
        }
        self.streak = 0;
        self.phase = match self.phase {
            Phase::Probing { .. } => {
                // Probes that were silent for too long are not of the ramp.
                self.round = self.round.wrapping_add(1);
                Phase::Ramp { width: 2, out: 0 }
            }
            Phase::Ramp { width, out } if width * 2 < full_width => {
                Phase::Ramp { width: width * 2, out: out.saturating_sub(1) }
            }
            Phase::Ramp { .. } => Phase::Open,
            unchanged => unchanged,
        };
    }

    /// An attempt ended in a way that says nothing about the limit: a fault, a cancel. A probe hands its turn on.
    pub(crate) fn on_lost(&mut self, id: CallId, round: Option<Round>, now: Instant) {
        if round != Some(Round(self.round)) {
            return;
        }
        match &mut self.phase {
            Phase::Probing { probe, hands_on } if *probe == id => *hands_on = now,
            Phase::Ramp { out, .. } => *out = out.saturating_sub(1),
            _ => {}
        }
    }

    /// The server refused an attempt that left at `sent`, and asked not to be asked again before `until`.
    pub(crate) fn on_told(&mut self, id: CallId, sent: Instant, until: Instant, now: Instant) {
        let until = until.max(now + self.floor());
        self.begin_event(sent, now);
        self.extend(until, Reason::ServerWait { told: id }, now);
    }

    /// Holds back retries, after the failure of an attempt that left at `sent`. The wait is stretched by up to a quarter, in 1/256
    /// of that, so that many clients do not come back together.
    pub(crate) fn hold(&mut self, sent: Instant, last: Option<Failure>, stretch: u8, now: Instant) {
        let wait = doubled(self.streak).min(LONGEST_HOLD);
        if self.begin_event(sent, now) {
            self.extend(now + wait + wait * u32::from(stretch) / 1_024, Reason::Hold { last }, now);
        }
    }

    /// Begins an event if what became of an attempt that left at `sent` is not one more sign of the last.
    fn begin_event(&mut self, sent: Instant, now: Instant) -> bool {
        let fresh = self.event.is_none_or(|event| sent > event);
        if fresh {
            self.event = Some(now);
            self.streak = self.streak.saturating_add(1);
        }
        fresh
    }

    fn extend(&mut self, until: Instant, reason: Reason, now: Instant) {
        match self.phase {
            // It only moves later.
            Phase::Paused { until: known, .. } if known >= until => {}
            Phase::Paused { .. } => self.pause(until, reason, now),
            // Whatever is out left before this pause, and says nothing about its end.
            Phase::Open | Phase::Probing { .. } | Phase::Ramp { .. } => {
                self.round = self.round.wrapping_add(1);
                self.pause(until, reason, now);
            }
        }
    }

    /// Whether what was told last has not proved too short again and again.
    pub(crate) fn is_believed(&self) -> bool {
        self.streak <= BELIEVED
    }

    /// The least that a told wait is held for. One that proved too short twice, with nothing accepted, is not believed a third
    /// time, or a server that always says "in a millisecond" would be asked a thousand times a second.
    fn floor(&self) -> Duration {
        match self.streak.checked_sub(BELIEVED) {
            Some(beyond) => doubled(beyond).min(LONGEST_FLOOR),
            None => Duration::ZERO,
        }
    }

    fn pause(&mut self, until: Instant, reason: Reason, now: Instant) {
        self.phase = Phase::Paused { until, reason };
        self.told_at = now;
    }

    /// Whether there is no pause, and none is being come back from.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Whether nothing may leave, not even what was granted before.
    pub(crate) fn is_on(&self, now: Instant) -> bool {
        matches!(self.phase, Phase::Paused { until, .. } if now < until)
    }

    /// How many attempts of a ramp are out.
    #[cfg(debug_assertions)]
    pub(crate) fn out(&self) -> u32 {
        match self.phase {
            Phase::Ramp { out, .. } => out,
            _ => 0,
        }
    }

    /// When the end of the pause was last moved.
    pub(crate) fn told_at(&self) -> Instant {
        self.told_at
    }

    /// When the pause ends that the server asked for; `None` outside of one.
    pub(crate) fn told_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Paused { until, reason: Reason::ServerWait { .. } } => Some(until),
            _ => None,
        }
    }

    /// When the current pause ends; `None` outside of one.
    pub(crate) fn until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Paused { until, .. } => Some(until),
            _ => None,
        }
    }
}

fn doubled(times: u32) -> Duration {
    FIRST_HOLD.saturating_mul(1 << times.min(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIP: Duration = Duration::from_millis(10);

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn send(pause: &mut Pause, id: CallId, now: Instant) -> Option<Round> {
        let round = pause.on_granted(id, now);
        pause.on_begun(id, TRIP, now);
        round
    }

    fn until(pause: &Pause, now: u64) -> Option<Instant> {
        pause.blocker(at(now)).and_then(|why| why.until)
    }

    #[test]
    fn failures_of_what_was_in_flight_together_are_one_event() {
        let mut pause = Pause::default();
        for later in 0..8 {
            pause.hold(at(0), None, 0, at(10 + later));
        }
        assert_eq!(until(&pause, 20), Some(at(510)));
    }

    #[test]
    fn a_told_pause_only_moves_later() {
        let mut pause = Pause::default();
        pause.on_told(CallId(1), at(0), at(5_000), at(10));
        pause.on_told(CallId(2), at(0), at(3_000), at(11));
        assert_eq!(until(&pause, 20), Some(at(5_000)));
        pause.on_told(CallId(3), at(0), at(7_000), at(12));
        pause.on_accepted(None, 8);
        assert_eq!(until(&pause, 20), Some(at(7_000)));
    }

    #[test]
    fn one_probe_goes_first_then_a_ramp() {
        let mut pause = Pause::default();
        pause.on_told(CallId(1), at(0), at(1_000), at(10));
        assert_eq!(pause.blocker(at(1_000)), None);
        let probe = send(&mut pause, CallId(2), at(1_000));
        assert!(pause.blocker(at(1_001)).is_some());
        pause.on_accepted(probe, 8);
        let second = send(&mut pause, CallId(3), at(1_010));
        let third = send(&mut pause, CallId(4), at(1_010));
        assert!(pause.blocker(at(1_010)).is_some());
        pause.on_accepted(second, 8);
        pause.on_accepted(third, 8);
        for call in 5..50 {
            assert_eq!(pause.blocker(at(1_020)), None);
            send(&mut pause, CallId(call), at(1_020));
        }
    }

    #[test]
    fn a_probe_that_is_lost_or_late_hands_its_turn_on() {
        let mut pause = Pause::default();
        pause.hold(at(0), None, 0, at(0));
        let probe = send(&mut pause, CallId(2), at(500));
        assert_eq!(until(&pause, 500), Some(at(1_500)));
        pause.on_lost(CallId(2), probe, at(600));
        assert_eq!(pause.blocker(at(600)), None);
        send(&mut pause, CallId(3), at(600));
        assert_eq!(until(&pause, 1_000), Some(at(1_600)));
        assert_eq!(until(&pause, 1_600), None);
    }

    #[test]
    fn holds_double_until_something_is_accepted() {
        let mut pause = Pause::default();
        let mut now = 0;
        for length in [500, 1_000, 2_000, 4_000] {
            pause.hold(at(now), None, 0, at(now + 1));
            assert_eq!(pause.until(), Some(at(now + 1 + length)));
            now += 1 + length;
        }
        let probe = send(&mut pause, CallId(1), at(now));
        pause.on_accepted(probe, 8);
        pause.hold(at(now + 5), None, 0, at(now + 6));
        assert_eq!(pause.until(), Some(at(now + 6 + 500)));
    }
    #[test]
    fn what_left_before_a_pause_does_not_end_its_ramp() {
        let mut pause = Pause::default();
        pause.on_told(CallId(1), at(0), at(1_000), at(10));
        let probe = send(&mut pause, CallId(2), at(1_000));
        // A refusal of the same event comes late, and says more.
        pause.on_told(CallId(3), at(5), at(3_000), at(1_005));
        assert!(pause.is_on(at(2_999)));
        let second = send(&mut pause, CallId(4), at(3_000));
        pause.on_accepted(probe, 8);
        assert!(pause.blocker(at(3_001)).is_some());
        pause.on_accepted(second, 8);
        assert!(pause.blocker(at(3_001)).is_none());
    }
    #[test]
    fn a_told_wait_that_proves_too_short_again_and_again_is_held_for_longer() {
        let mut pause = Pause::default();
        let mut now = 0;
        for length in [1, 1, 500, 1_000, 1_000] {
            pause.on_told(CallId(1), at(now), at(now + 11), at(now + 10));
            assert_eq!(pause.until(), Some(at(now + 10 + length)));
            now += 10 + length;
        }
    }
    #[test]
    fn a_silent_probe_makes_no_room_in_the_ramp_when_it_is_lost() {
        let mut pause = Pause::default();
        pause.hold(at(0), None, 0, at(0));
        let silent = send(&mut pause, CallId(2), at(500));
        let second = send(&mut pause, CallId(3), at(1_500));
        pause.on_accepted(second, 8);
        send(&mut pause, CallId(4), at(1_600));
        send(&mut pause, CallId(5), at(1_600));
        pause.on_lost(CallId(2), silent, at(1_700));
        assert!(pause.blocker(at(1_700)).is_some());
    }
}
