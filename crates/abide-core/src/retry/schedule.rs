//! The verdict on a failed attempt at any operation: again at this moment, or no more, and by which bound.

use std::fmt;
use std::time::Duration;

use super::{Backoff, Bound, Stop, attempts};
use crate::call::Patience;
use crate::rng::Rng;
use crate::time::{Human, Instant};

/// Waits and bounds for the attempts at one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The wait after a failure that does not say how long to wait.
    pub backoff: Backoff,
    /// When to try no more; after 6 attempts by default, as a client makes 5 retries.
    pub stop: Stop,
    /// The longest wait that the other side may ask for; a longer one ends the tries at once. 60 s by default.
    pub max_wait: Patience,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { backoff: Backoff::default(), stop: attempts(6), max_wait: Patience::Within(Duration::from_secs(60)) }
    }
}

/// The attempts at one operation, while they go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tries {
    begun: Instant,
    failed: u32,
    previous: Duration,
    waited: Duration,
}

/// What is to be done after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again.
    Again {
        /// The moment of the next attempt.
        at: Instant,
        /// How long it is until then.
        wait: Duration,
    },
    /// Try no more.
    End(Ending),
}

/// Why there is no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The outcome is not one that is tried again.
    Final,
    /// A bound was reached.
    Bound(Bound),
    /// The other side asked for a longer wait than is allowed.
    TooLong {
        /// The full wait.
        wait: Duration,
        /// The longest that is allowed.
        most: Duration,
    },
    /// The user gave the signal to stop.
    Stopped,
}

impl Tries {
    /// The first attempt begins now.
    pub fn new(now: Instant) -> Self {
        Self { begun: now, failed: 0, previous: Duration::ZERO, waited: Duration::ZERO }
    }

    /// An attempt failed, and is of the kind that is tried again. `told` is how long the other side asked to wait: it is taken as
    /// it is, neither cut nor shortened by jitter, or it ends the tries at once if a bound does not allow it.
    pub fn on_failure(&mut self, schedule: &Schedule, told: Option<Duration>, seed: u64, now: Instant) -> Next {
        self.failed = self.failed.saturating_add(1);
        let elapsed = self.elapsed(now);
        let (wait, reached) = match told {
            Some(wait) => {
                if let Some(most) = schedule.max_wait.longest().filter(|most| wait > *most) {
                    return Next::End(Ending::TooLong { wait, most });
                }
                // No bound lets a told wait lead past it: the time would be lost, and nothing won.
                (wait, schedule.stop.reached(self.failed, elapsed.saturating_add(wait), Duration::ZERO))
            }
            None => {
                let wait = schedule.backoff.draw(self.failed, self.previous, &mut Rng::new(seed));
                (wait, schedule.stop.reached(self.failed, elapsed, wait))
            }
        };
        if let Some(bound) = reached {
            return Next::End(Ending::Bound(bound));
        }
        self.previous = wait;
        self.waited = self.waited.saturating_add(wait);
        Next::Again { at: now + wait, wait }
    }

    /// The number of the attempt that is under way, from 1.
    pub fn attempt(&self) -> u32 {
        self.failed.saturating_add(1)
    }

    /// All waits between attempts so far.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// The time since the first attempt began.
    pub fn elapsed(&self, now: Instant) -> Duration {
        now.since(self.begun)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Final => f.write_str("it would not go better another time"),
            Self::Bound(bound) => bound.fmt(f),
            Self::TooLong { wait, most } => {
                write!(f, "a wait of {} is asked for, and {} is the longest allowed", Human(*wait), Human(*most))
            }
            Self::Stopped => f.write_str("it was told to stop"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{after, before, exponential, fixed};
    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    /// Runs an operation in virtual time that takes 100 ms and always fails, as `told` says; the moments of its attempts in ms.
    fn run(schedule: &Schedule, told: impl Fn(u32) -> Option<Duration>) -> (Vec<u64>, Ending) {
        let mut now = at(5_000);
        let mut tries = Tries::new(now);
        let mut begun = Vec::new();
        loop {
            begun.push((now.as_nanos() - at(5_000).as_nanos()) / 1_000_000);
            now = now + Duration::from_millis(100);
            match tries.on_failure(schedule, told(tries.attempt()), 1, now) {
                Next::Again { at, wait } => {
                    assert_eq!(at, now + wait);
                    now = at;
                }
                Next::End(ending) => return (begun, ending),
            }
        }
    }

    #[test]
    fn attempts_follow_the_backoff_until_the_bound() {
        let schedule = Schedule { backoff: exponential(secs(1)), stop: attempts(4), ..Schedule::default() };
        assert_eq!(run(&schedule, |_| None), (vec![0, 1_100, 3_200, 7_300], Ending::Bound(Bound::Attempts(4))));
    }

    #[test]
    fn only_after_lets_the_last_wait_lead_past_the_bound() {
        let stop_at = |stop| Schedule { backoff: fixed(secs(1)), stop, ..Schedule::default() };
        assert_eq!(
            run(&stop_at(after(secs(3))), |_| None),
            (vec![0, 1_100, 2_200, 3_300], Ending::Bound(Bound::After(secs(3))))
        );
        assert_eq!(
            run(&stop_at(before(secs(3))), |_| None),
            (vec![0, 1_100, 2_200], Ending::Bound(Bound::Before(secs(3))))
        );
    }

    #[test]
    fn a_told_wait_takes_the_place_of_the_backoff_and_is_not_cut() {
        let schedule = Schedule { backoff: fixed(secs(1)).max(secs(1)), stop: attempts(3), ..Schedule::default() };
        let told = |attempt| (attempt == 1).then_some(secs(60));
        assert_eq!(run(&schedule, told).0, [0, 60_100, 61_200]);
    }

    #[test]
    fn a_told_wait_that_no_bound_allows_ends_the_tries_at_once() {
        let schedule = Schedule { stop: attempts(9), ..Schedule::default() };
        let too_long = Ending::TooLong { wait: secs(61), most: secs(60) };
        assert_eq!(run(&schedule, |_| Some(secs(61))), (vec![0], too_long));
        for stop in [after(secs(30)), before(secs(30))] {
            let schedule = Schedule { stop, ..Schedule::default() };
            let (begun, ending) = run(&schedule, |_| Some(secs(30)));
            assert_eq!(begun, [0]);
            assert!(matches!(ending, Ending::Bound(_)));
        }
        let endless = Schedule { stop: attempts(2), max_wait: Patience::Endless, ..Schedule::default() };
        assert_eq!(run(&endless, |_| Some(secs(86_400))).0, [0, 86_400_100]);
    }

    #[test]
    fn the_waits_are_added_up() {
        let schedule = Schedule { backoff: exponential(secs(1)), stop: attempts(9), ..Schedule::default() };
        let mut tries = Tries::new(at(0));
        assert_eq!(tries.attempt(), 1);
        tries.on_failure(&schedule, None, 0, at(10));
        tries.on_failure(&schedule, Some(secs(5)), 0, at(2_000));
        assert_eq!((tries.attempt(), tries.waited(), tries.elapsed(at(7_000))), (3, secs(6), secs(7)));
    }
}
