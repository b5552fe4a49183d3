//! When to try no more: bounds on attempts and on time, put together into one value.

use std::fmt;
use std::ops::{BitAnd, BitOr};
use std::time::Duration;

use crate::time::Human;

/// When to try no more, as a value; several are put together by `|` (whichever comes first) and `&` (only when all have come).
///
/// ```
/// use std::time::Duration;
/// use abide_core::retry::{after, attempts, before};
///
/// let secs = Duration::from_secs;
/// let stop = attempts(5) | before(secs(45));
/// assert!(stop.reached(2, secs(30), secs(10)).is_none());
/// assert!(stop.reached(2, secs(40), secs(10)).is_some());
/// // At least three attempts, however long they take.
/// let patient = attempts(3) & after(secs(45));
/// assert!(patient.reached(1, secs(3_600), secs(0)).is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Stop(Rule);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Never,
    At(Bound),
    Any(Vec<Self>),
    All(Vec<Self>),
}

/// A single bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// So many attempts were made.
    Attempts(u32),
    /// So much time has passed when an attempt fails; the last wait may lead past it.
    After(Duration),
    /// The next attempt would begin after so much time.
    Before(Duration),
}

/// After so many attempts, the first included; 0 is 1, since one was made before anything is asked.
pub fn attempts(most: u32) -> Stop {
    Stop(Rule::At(Bound::Attempts(most)))
}

/// When an attempt fails after so much time. The last wait may lead past it, by as much as it lasts.
pub fn after(elapsed: Duration) -> Stop {
    Stop(Rule::At(Bound::After(elapsed)))
}

/// As soon as the next attempt would begin after so much time: it does not wait in vain.
pub fn before(elapsed: Duration) -> Stop {
    Stop(Rule::At(Bound::Before(elapsed)))
}

/// Never by itself.
pub fn never() -> Stop {
    Stop(Rule::Never)
}

impl Stop {
    /// The bound that ends the tries after this many attempts, `elapsed` after the beginning of the first, where the next would
    /// begin after `wait`.
    pub fn reached(&self, attempts: u32, elapsed: Duration, wait: Duration) -> Option<Bound> {
        self.0.reached(attempts, elapsed, wait)
    }

    /// Whether attempt number `attempt` is the last one, whatever comes of it.
    pub fn is_last(&self, attempt: u32) -> bool {
        self.0.reached(attempt, Duration::ZERO, Duration::ZERO).is_some()
    }
}

impl BitOr for Stop {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(Rule::Any(vec![self.0, other.0]))
    }
}

impl BitAnd for Stop {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(Rule::All(vec![self.0, other.0]))
    }
}

impl Rule {
    fn reached(&self, attempts: u32, elapsed: Duration, wait: Duration) -> Option<Bound> {
        match self {
            Self::Never => None,
            Self::At(bound) => bound.reached(attempts, elapsed, wait).then_some(*bound),
            Self::Any(rules) => rules.iter().find_map(|rule| rule.reached(attempts, elapsed, wait)),
            Self::All(rules) => {
                let mut last = None;
                for rule in rules {
                    last = Some(rule.reached(attempts, elapsed, wait)?);
                }
                last
            }
        }
    }
}

impl Bound {
    fn reached(self, attempts: u32, elapsed: Duration, wait: Duration) -> bool {
        match self {
            Self::Attempts(most) => attempts >= most,
            Self::After(most) => elapsed >= most,
            Self::Before(most) => elapsed.saturating_add(wait) >= most,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempts(1) => f.write_str("one attempt is allowed"),
            Self::Attempts(most) => write!(f, "{most} attempts are allowed"),
            Self::After(most) | Self::Before(most) => write!(f, "{} are allowed", Human(*most)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn after_lets_the_last_wait_lead_past_and_before_does_not() {
        assert_eq!(after(secs(10)).reached(1, secs(9), secs(100)), None);
        assert_eq!(after(secs(10)).reached(1, secs(10), secs(0)), Some(Bound::After(secs(10))));
        assert_eq!(before(secs(10)).reached(1, secs(8), secs(1)), None);
        assert_eq!(before(secs(10)).reached(1, secs(8), secs(2)), Some(Bound::Before(secs(10))));
        assert_eq!(before(secs(10)).reached(1, secs(1), Duration::MAX), Some(Bound::Before(secs(10))));
    }

    #[test]
    fn any_takes_the_first_and_all_waits_for_the_last() {
        let any = attempts(3) | after(secs(10)) | before(secs(60));
        assert_eq!(any.reached(3, secs(0), secs(0)), Some(Bound::Attempts(3)));
        assert_eq!(any.reached(2, secs(10), secs(0)), Some(Bound::After(secs(10))));
        assert_eq!(any.reached(2, secs(9), secs(51)), Some(Bound::Before(secs(60))));
        assert_eq!(any.reached(2, secs(9), secs(50)), None);
        let all = attempts(3) & after(secs(10));
        assert_eq!(all.reached(9, secs(9), secs(0)), None);
        assert_eq!(all.reached(2, secs(99), secs(0)), None);
        assert_eq!(all.reached(3, secs(10), secs(0)), Some(Bound::After(secs(10))));
        assert_eq!((never() & attempts(1)).reached(9, secs(9), secs(9)), None);
    }

    #[test]
    fn the_last_attempt_is_known_where_only_attempts_are_counted() {
        assert!(!attempts(3).is_last(2));
        assert!((attempts(3) | after(secs(1))).is_last(3));
        assert!(!(attempts(3) & after(secs(1))).is_last(3));
        assert!(!never().is_last(u32::MAX));
        assert!(attempts(0).is_last(1));
    }
}
