//! When a belief is tested upwards: one that is merely slow is never contradicted by what it lets through.
//!
//! A test sends what the belief would hold back. If it is refused the belief stands, and the next test comes after many times as
//! many accepted attempts; if it is accepted, another follows at once, until the belief gives way or is confirmed. What rests
//! on few accepted attempts is tested soon.

/// Accepted attempts before the first test, for each that the belief rests on.
const TIMES: u32 = 6;
/// The first test comes no sooner and no later than after so many.
const SOONEST: u32 = 8;
const LATEST: u32 = 512;
/// A refused test makes the distance to the next one so many times as long: of a true limit one in some hundreds is refused.
const APART: u32 = 8;
const MOST_APART: u32 = 100_000;

#[derive(Clone, Debug, Default)]
pub(super) struct Raise {
    /// Accepted attempts after which a test is due; 0 while there is no belief.
    after: u32,
    /// Accepted attempts since the last refusal or rest.
    calm: u32,
}

impl Raise {
    /// A belief begins that rests on so many accepted attempts.
    pub(super) fn begin(&mut self, accepted: u32) {
        *self = Self { after: accepted.saturating_mul(TIMES).clamp(SOONEST, LATEST), calm: 0 };
    }

    /// Whether what the belief holds back is sent all the same.
    pub(super) fn is_due(&self) -> bool {
        self.after > 0 && self.calm >= self.after
    }

    /// Nothing was wanted for a while: what was not due by then has time.
    pub(super) fn rest(&mut self) {
        self.calm = 0;
    }

    pub(super) fn on_accepted(&mut self) {
        self.calm = self.calm.saturating_add(1);
    }

    pub(super) fn on_refused(&mut self) {
        if self.is_due() {
            self.after = (self.after.saturating_mul(APART)).min(MOST_APART);
        }
        self.calm = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many tests come due while so many attempts are accepted and every test is refused.
    fn tests_of(accepted: u32, attempts: u32) -> u32 {
        let (mut raise, mut tests) = (Raise::default(), 0);
        raise.begin(accepted);
        for _ in 0..attempts {
            raise.on_accepted();
            if raise.is_due() {
                tests += 1;
                raise.on_refused();
            }
        }
        tests
    }

    #[test]
    fn a_true_limit_is_hardly_ever_hit() {
        assert_eq!(tests_of(50, 200), 0);
        assert!(tests_of(2, 10_000) <= 4);
        assert!(tests_of(50, 1_000_000) <= 15);
    }

    #[test]
    fn what_rests_on_little_is_tested_soon() {
        assert_eq!(tests_of(1, 10), 1);
    }

    #[test]
    fn an_accepted_test_is_followed_by_another_at_once() {
        let mut raise = Raise::default();
        raise.begin(1);
        (0..20).for_each(|_| raise.on_accepted());
        assert!(raise.is_due());
        raise.on_accepted();
        assert!(raise.is_due());
    }
}
