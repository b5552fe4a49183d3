//! The pace while nothing explains what the server does: a little faster with each accepted attempt, much slower with each
//! congestion event, at distances that chance spreads.
//!
//! It counts in attempts and not in seconds, so it does the same at one request an hour and at a thousand a second. A step of
//! [`UP`] for an attempt and of [`DOWN`] for an event balance where a share of ln `UP` / (ln `UP` - ln `DOWN`) is refused: one
//! in thirty. CUBIC grows with the time since the last event, whatever the rate: slow clients are much too bold then, and a
//! thousand of them on one limit have half of their requests refused.

use std::time::Duration;

use crate::rng::Rng;
use crate::time::{Instant, nanos};

/// What an accepted attempt makes of the rate.
const UP: f64 = 1.0075;
/// What a congestion event leaves of it.
const DOWN: f64 = 0.8;
/// Events without an accepted attempt between them cut so often at most: an outage is no limit.
const MOST_CUTS: u32 = 3;
/// Accepted attempts since the last event after which the steps grow: half as many again as are usual between two.
const CALM: u32 = 50;
/// As many more double a step.
const DOUBLING: u32 = 20;
/// The largest step.
const MOST_UP: f64 = 1.1;
/// While nothing is accepted, each distance is so many times the last.
const APART: f64 = 1.5;
/// The most of these steps, which is a factor of about 300,000.
const MOST_APART: u32 = 32;
/// Nobody paces attempts that are closer together.
const CLOSEST: f64 = 1e-6;
/// An attempt a day is slow enough.
const FARTHEST: f64 = 86_400.0;

#[derive(Clone, Debug)]
pub(super) struct Pace {
    rng: Rng,
    /// The mean distance of attempts in seconds.
    distance: f64,
    /// When the next attempt may leave.
    next: Instant,
    /// What left by then and is refused belongs to an event that counted already.
    counted: Instant,
    /// Accepted attempts since the last event.
    calm: u32,
    /// Events since the last accepted attempt.
    dry: u32,
}

impl Pace {
    /// Begins at this mean distance.
    pub(super) fn new(distance: Duration, seed: u64, now: Instant) -> Self {
        let distance = distance.as_secs_f64().clamp(CLOSEST, FARTHEST);
        let mut pace = Self { rng: Rng::new(seed), distance, next: now, counted: now, calm: 0, dry: 0 };
        pace.next = now + pace.draw();
        pace
    }

    /// It is known to be too slow: begins with the largest steps.
    pub(super) fn hurry(&mut self) {
        self.calm = CALM + 8 * DOUBLING;
    }

    pub(super) fn opens(&self) -> Instant {
        self.next
    }

    pub(super) fn on_sent(&mut self, now: Instant) {
        self.next = now.max(self.next) + self.draw();
    }

    pub(super) fn on_accepted(&mut self) {
        self.dry = 0;
        self.calm = self.calm.saturating_add(1);
        let doubled = self.calm.saturating_sub(CALM) / DOUBLING;
        let step = ((UP - 1.0) * 2_f64.powi(doubled.min(8).cast_signed())).min(MOST_UP - 1.0);
        self.distance = (self.distance / (1.0 + step)).max(CLOSEST);
    }

    /// An attempt that left at `sent` was refused. Those in flight together are one event, and events with nothing accepted in
    /// between are one cut; they only bring attempts further apart until one is accepted again.
    /// Returns whether an event begins.
    pub(super) fn on_refused(&mut self, sent: Instant, now: Instant) -> bool {
        if sent <= self.counted {
            return false;
        }
        self.counted = now;
        self.calm = 0;
        if self.dry < MOST_CUTS {
            self.distance = (self.distance / DOWN).min(FARTHEST);
        }
        self.dry = (self.dry + 1).min(MOST_APART);
        self.next = self.next.max(now + self.draw());
        true
    }

    /// Half to one and a half times the mean, so that those who began together drift apart.
    fn draw(&mut self) -> Duration {
        let mean = self.distance * APART.powi(self.dry.saturating_sub(1).cast_signed());
        let mean = Duration::from_secs_f64(mean.min(FARTHEST));
        mean / 2 + Duration::from_nanos(self.rng.below(nanos(mean).saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Sends `n` attempts at a bucket of one a `tick`, and returns when the last left and how many were refused.
    fn drive(pace: &mut Pace, tick: Duration, n: u32) -> (Instant, u32) {
        let (mut level, mut last, mut refused) = (0.0_f64, Instant::ZERO, 0);
        for _ in 0..n {
            let now = pace.opens();
            level = (level - now.since(last).as_secs_f64() / tick.as_secs_f64()).max(0.0);
            last = now;
            pace.on_sent(now);
            if level + 1.0 <= 4.0 {
                level += 1.0;
                pace.on_accepted();
            } else {
                refused += 1;
                pace.on_refused(now, now + Duration::from_nanos(1));
            }
        }
        (last, refused)
    }

    proptest! {
        /// At whatever rate a limit is and the pace begins, most of it is used and few attempts are refused.
        #[test]
        fn any_limit_is_used_and_hardly_hit(tick in 1_000..10_000_000_000_u64, factor in 1..20_u32, seed in any::<u64>()) {
            let tick = Duration::from_nanos(tick);
            let mut pace = Pace::new(tick * factor / 4, seed, Instant::ZERO);
            let (begin, _) = drive(&mut pace, tick, 1_000);
            let (end, refused) = drive(&mut pace, tick, 2_000);
            let used = f64::from(2_000 - refused) * tick.as_secs_f64() / end.since(begin).as_secs_f64();
            prop_assert!(used > 0.85, "{used}");
            prop_assert!(refused < 100, "{refused}");
        }
    }

    #[test]
    fn refusals_of_attempts_in_flight_together_count_once() {
        let mut pace = Pace::new(SECOND, 1, Instant::ZERO);
        let before = pace.distance;
        let sent = Instant::ZERO + SECOND;
        for _ in 0..5 {
            pace.on_refused(sent, sent + SECOND);
        }
        assert!((pace.distance - before / DOWN).abs() < 1e-9, "{}", pace.distance);
    }

    #[test]
    fn what_was_refused_for_long_is_taken_up_where_it_stood() {
        let mut pace = Pace::new(SECOND, 1, Instant::ZERO);
        for _ in 0..30 {
            let now = pace.opens();
            pace.on_sent(now);
            pace.on_refused(now, now + Duration::from_millis(1));
        }
        assert!(pace.opens().since(Instant::ZERO) > SECOND * 1_000);
        pace.on_accepted();
        let now = pace.opens();
        pace.on_sent(now);
        assert!(pace.opens().since(now) < SECOND * 3);
    }
}
