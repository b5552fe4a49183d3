//! Says what is believed as a limit that a user could have told, where all that is left to believe comes to one.

use std::time::Duration;

use super::book::Tally;
use super::family::{Clock, Family, Hypothesis};
use crate::policy::{LimitSpec, Unit, WindowKind};

/// Rates that differ by no more than this, as a ratio, are one.
const ALIKE: f64 = 1.05;
/// Periods in which people state rates.
const PERIODS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(60), Duration::from_secs(3_600)];

/// The limit that these come to; `None` while they differ by more than in how a window moves.
pub(super) fn of(hypotheses: &[Hypothesis]) -> Option<LimitSpec> {
    let mut usual = hypotheses.iter().filter(|hypothesis| !hypothesis.silent && !hypothesis.doubted);
    let mut rate = Spread::default();
    let first = usual.next()?;
    let mut one = spec(first, &mut rate)?;
    for hypothesis in usual {
        match (&mut one, spec(hypothesis, &mut rate)?) {
            (
                LimitSpec::Window { amount, period, kind, .. },
                LimitSpec::Window { amount: other_amount, period: other_period, kind: other_kind, .. },
            ) if (*amount, *period) == (other_amount, other_period) => {
                if *kind != other_kind {
                    // Held like this, it is accepted by every window.
                    *kind = WindowKind::Sliding;
                }
            }
            (LimitSpec::Bucket { burst, .. }, LimitSpec::Bucket { burst: other, .. })
                if *burst == other && rate.is_narrow() => {}
            _ => return None,
        }
    }
    if let LimitSpec::Bucket { amount, period, .. } = &mut one {
        (*amount, *period) = ratio(rate.middle());
    }
    Some(one)
}

/// All rates of a few buckets.
#[derive(Default)]
struct Spread {
    least: f64,
    most: f64,
}

impl Spread {
    fn add(&mut self, rate: f64) {
        self.least = if self.most > 0.0 { self.least.min(rate) } else { rate };
        self.most = self.most.max(rate);
    }

    fn is_narrow(&self) -> bool {
        self.most <= self.least * ALIKE
    }

    fn middle(&self) -> f64 {
        self.least.midpoint(self.most)
    }
}

/// The least that a hypothesis allows. A bucket's rate goes to `rates`.
fn spec(hypothesis: &Hypothesis, rates: &mut Spread) -> Option<LimitSpec> {
    let amount = hypothesis.amount();
    let unit = Unit::Requests;
    let window = |period, kind| LimitSpec::Window { amount: amount.lo, period, kind, unit };
    Some(match &hypothesis.family {
        Family::Sliding(family) => {
            window(family.period, if family.tally == Tally::All { WindowKind::Hits } else { WindowKind::Sliding })
        }
        Family::Fixed(family) => window(family.period, WindowKind::Fixed),
        Family::Clock(Clock { period, weighted: true, .. }) => window(*period, WindowKind::Counter),
        Family::Clock(Clock { period, .. }) => window(*period, WindowKind::Clock { offset: Duration::ZERO }),
        Family::Bucket(bucket) => {
            rates.add(bucket.rate);
            let (amount_a_period, period) = ratio(bucket.rate);
            // What a bucket holds in all is one and its burst.
            LimitSpec::Bucket { amount: amount_a_period, period, burst: amount.lo.saturating_sub(1), unit }
        }
        Family::Cap(_) => LimitSpec::Concurrency(u32::try_from(amount.hi).ok()?),
    })
}

/// So many a period, in the shortest period in which that is a whole number, or nearly.
fn ratio(per_second: f64) -> (u64, Duration) {
    let in_period = |period: Duration| per_second * period.as_secs_f64();
    let is_whole = |amount: f64| amount >= 1.0 && (amount - amount.round()).abs() <= amount * 1e-6;
    let period = PERIODS.into_iter().find(|period| is_whole(in_period(*period)));
    let near = || PERIODS.into_iter().find(|period| in_period(*period) >= 10.0);
    let period = period.or_else(near).unwrap_or(PERIODS[2]);
    (in_period(period).round().max(1.0) as u64, period)
}

#[cfg(test)]
mod tests {
    use super::super::family::{Bucket, Fixed, Sliding};
    use super::*;

    const FIVE: Duration = Duration::from_secs(5);

    fn window(family: Family) -> Hypothesis {
        Hypothesis::new(family)
    }

    fn sliding(amount: u64) -> Hypothesis {
        let mut family = Sliding::new(FIVE, Tally::Accepted);
        family.amount.raise(amount);
        window(Family::Sliding(family))
    }

    fn fixed(amount: u64) -> Hypothesis {
        let mut family = Fixed::new(FIVE);
        family.amount.raise(amount);
        window(Family::Fixed(family))
    }

    fn words(hypotheses: &[Hypothesis]) -> Option<String> {
        of(hypotheses).map(|spec| spec.to_string())
    }

    #[test]
    fn windows_that_move_in_different_ways_come_to_the_strictest() {
        assert_eq!(words(&[fixed(50)]).as_deref(), Some("50/5s fixed"));
        assert_eq!(words(&[fixed(50), sliding(50)]).as_deref(), Some("50/5s"));
        assert_eq!(words(&[fixed(50), sliding(49)]), None);
        assert_eq!(words(&[]), None);
    }

    #[test]
    fn an_odd_window_that_asks_for_no_test_says_nothing() {
        let odd = Hypothesis::silent(Family::Fixed(Fixed::new(Duration::from_secs(7))));
        assert_eq!(words(&[fixed(50), odd]).as_deref(), Some("50/5s fixed"));
    }

    #[test]
    fn rates_that_are_all_but_one_come_to_that() {
        let bucket = |rate| Hypothesis::new(Family::Bucket(Bucket::new(rate)));
        assert_eq!(words(&[bucket(20.0)]).as_deref(), Some("even 20/s"));
        assert_eq!(words(&[bucket(19.7), bucket(20.3)]).as_deref(), Some("even 20/s"));
        assert_eq!(words(&[bucket(20.0), bucket(30.0)]), None);
        assert_eq!(words(&[bucket(0.5)]).as_deref(), Some("even 30/min"));
        assert_eq!(words(&[bucket(0.013)]).as_deref(), Some("even 47/h"));
    }
}
