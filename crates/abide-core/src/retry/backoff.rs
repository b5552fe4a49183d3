//! How long to wait before the next attempt: curves, jitter and bounds, put together into one value and drawn from a seed.

use std::ops::Add;
use std::time::Duration;

use crate::rng::Rng;
use crate::time::nanos;

/// A wait for every failed attempt, as a value: a curve, a floor and a ceiling, and a jitter that stays between them.
///
/// The order in which the settings are made does not matter. Several are put one after another by [`chain`], and summed
/// by `+`. Times are integer nanoseconds inside and saturate at about 584 years, so no attempt number overflows.
///
/// ```
/// use std::time::Duration;
/// use abide_core::retry::{chain, exponential, fixed, random};
///
/// let secs = Duration::from_secs;
/// // Up to 1, 2, 4, ... 30 s, drawn from the whole range.
/// let usual = exponential(secs(1)).max(secs(30)).full_jitter();
/// assert!(usual.wait(3, Duration::ZERO, 42) <= secs(4));
/// // At once, then after 1 s and a bit, then after 5 s for ever.
/// let steps = chain([fixed(secs(0)), fixed(secs(1)) + random(secs(0), secs(1)), fixed(secs(5))]);
/// assert_eq!(steps.wait(9, Duration::ZERO, 42), secs(5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Backoff {
    curve: Curve,
    jitter: Jitter,
    min: Duration,
    max: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Curve {
    Fixed(Duration),
    Random { from: Duration, to: Duration },
    Linear { first: Duration, step: Duration },
    Exponential { first: Duration, factor: Factor },
    Sum(Vec<Backoff>),
    Chain(Vec<Backoff>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Jitter {
    None,
    Full,
    Equal,
    Decorrelated,
}

/// The same wait every time.
pub fn fixed(wait: Duration) -> Backoff {
    Backoff::of(Curve::Fixed(wait))
}

/// A wait drawn anew every time, evenly between the two.
pub fn random(from: Duration, to: Duration) -> Backoff {
    Backoff::of(Curve::Random { from, to })
}

/// `first`, then `step` more every time.
pub fn linear(first: Duration, step: Duration) -> Backoff {
    Backoff::of(Curve::Linear { first, step })
}

/// `first`, then twice as long every time; [`Backoff::factor`] sets another base, [`Backoff::max`] a ceiling, without which it
/// has none.
pub fn exponential(first: Duration) -> Backoff {
    Backoff::of(Curve::Exponential { first, factor: Factor::TWO })
}

/// One after another: the n-th of them after the n-th failed attempt, and the last of them from then on.
///
/// Each is asked for the number of the attempt, so that an exponential one in third place begins with four times its first
/// wait. An empty chain does not wait.
pub fn chain(steps: impl IntoIterator<Item = Backoff>) -> Backoff {
    Backoff::of(Curve::Chain(steps.into_iter().collect()))
}

impl Default for Backoff {
    /// Exponential from 0.5 s to 30 s with full jitter.
    fn default() -> Self {
        exponential(Duration::from_millis(500)).max(Duration::from_secs(30)).full_jitter()
    }
}

impl Backoff {
    fn of(curve: Curve) -> Self {
        Self { curve, jitter: Jitter::None, min: Duration::ZERO, max: Duration::MAX }
    }

    /// What an exponential curve is multiplied by each time; 2 by default, and at least 1. Other curves have none.
    pub fn factor(mut self, by: f64) -> Self {
        if let Curve::Exponential { factor, .. } = &mut self.curve {
            *factor = Factor::new(by);
        }
        self
    }

    /// No wait is shorter than this, jitter included; none by default. It wins over a smaller [`max`](Backoff::max).
    pub fn min(self, min: Duration) -> Self {
        Self { min, ..self }
    }

    /// No wait is longer than this, jitter included; none by default. A wait that a server asked for is not a backoff, and is
    /// not cut.
    pub fn max(self, max: Duration) -> Self {
        Self { max, ..self }
    }

    /// Draws the wait evenly from the floor to the curve's value: the best spread of many callers that failed together.
    pub fn full_jitter(self) -> Self {
        Self { jitter: Jitter::Full, ..self }
    }

    /// Draws the wait evenly from half of the curve's value to the whole of it.
    pub fn equal_jitter(self) -> Self {
        Self { jitter: Jitter::Equal, ..self }
    }

    /// Draws the wait evenly from the curve's first value to three times the wait before; the curve's further values do not
    /// matter. The first draw counts the first value as the wait before.
    pub fn decorrelated_jitter(self) -> Self {
        Self { jitter: Jitter::Decorrelated, ..self }
    }

    /// The wait after failed attempt number `attempt` (from 1), where `previous` is the wait before that attempt (zero if it was
    /// the first). The same seed draws the same wait.
    pub fn wait(&self, attempt: u32, previous: Duration, seed: u64) -> Duration {
        self.draw(attempt, previous, &mut Rng::new(seed))
    }

    pub(crate) fn draw(&self, attempt: u32, previous: Duration, rng: &mut Rng) -> Duration {
        match self.jitter {
            Jitter::None => self.held(self.curve.value(attempt, previous, rng)),
            Jitter::Full => between(self.min, self.held(self.curve.value(attempt, previous, rng)), rng),
            Jitter::Equal => {
                let most = self.held(self.curve.value(attempt, previous, rng));
                between(self.min.max(most / 2), most, rng)
            }
            Jitter::Decorrelated => {
                let first = self.curve.value(1, previous, rng);
                self.held(between(first, previous.max(first).saturating_mul(3), rng))
            }
        }
    }

    fn held(&self, wait: Duration) -> Duration {
        wait.min(self.max).max(self.min)
    }
}

/// Both, one after the other; floors, ceilings and jitter of each hold for its own part.
impl Add for Backoff {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self::of(Curve::Sum(vec![self, more]))
    }
}

impl Curve {
    fn value(&self, attempt: u32, previous: Duration, rng: &mut Rng) -> Duration {
        let before = attempt.saturating_sub(1);
        match self {
            Self::Fixed(wait) => *wait,
            Self::Random { from, to } => between(*from, *to, rng),
            Self::Linear { first, step } => first.saturating_add(step.saturating_mul(before)),
            Self::Exponential { first, factor } => factor.times(*first, before),
            Self::Sum(parts) => parts
                .iter()
                .map(|part| part.draw(attempt, previous, rng))
                .fold(Duration::ZERO, |sum, part| sum.saturating_add(part)),
            Self::Chain(steps) => {
                let place = usize::try_from(before).unwrap_or(usize::MAX).min(steps.len().saturating_sub(1));
                steps.get(place).map_or(Duration::ZERO, |step| step.draw(attempt, previous, rng))
            }
        }
    }
}

/// A moment drawn evenly between the two, ends included.
fn between(from: Duration, to: Duration, rng: &mut Rng) -> Duration {
    let span = nanos(to).saturating_sub(nanos(from));
    from.saturating_add(Duration::from_nanos(rng.below(span.saturating_add(1))))
}

/// What a curve is multiplied by: a number from 1 on, in 2^-32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Factor(u128);

impl Factor {
    const BITS: u32 = 32;
    const ONE: Self = Self(1 << Self::BITS);
    const TWO: Self = Self(2 << Self::BITS);

    /// Anything below 1, or not a number, is 1.
    fn new(by: f64) -> Self {
        let scaled = by * Self::ONE.0 as f64;
        // `as` saturates, and turns what is not a number into zero.
        Self((scaled as u128).max(Self::ONE.0))
    }

    fn times(self, first: Duration, power: u32) -> Duration {
        let grown = (u128::from(nanos(first)).saturating_mul(self.pow(power).0)) >> Self::BITS;
        Duration::from_nanos(u64::try_from(grown).unwrap_or(u64::MAX))
    }

    /// By squaring. A product that does not fit stays at 2^64, which takes a single nanosecond to the longest wait there is.
    fn pow(self, mut power: u32) -> Self {
        let times = |a: Self, b: Self| Self(a.0.saturating_mul(b.0) >> Self::BITS);
        let (mut grown, mut square) = (Self::ONE, self);
        while power > 0 {
            if power & 1 == 1 {
                grown = times(grown, square);
            }
            square = times(square, square);
            power >>= 1;
        }
        grown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// The waits after the first attempts, where each is the one before the next.
    fn waits(backoff: &Backoff, attempts: u32) -> Vec<Duration> {
        let mut rng = Rng::new(7);
        let mut previous = Duration::ZERO;
        (1..=attempts)
            .map(|attempt| {
                previous = backoff.draw(attempt, previous, &mut rng);
                previous
            })
            .collect()
    }

    #[test]
    fn curves_go_by_the_number_of_the_attempt() {
        assert_eq!(waits(&fixed(SECOND), 3), [secs(1); 3]);
        assert_eq!(waits(&linear(secs(5), secs(2)), 3), [secs(5), secs(7), secs(9)]);
        assert_eq!(waits(&exponential(SECOND), 4), [secs(1), secs(2), secs(4), secs(8)]);
        assert_eq!(waits(&exponential(secs(4)).factor(1.5), 3), [secs(4), secs(6), secs(9)]);
        assert_eq!(waits(&exponential(SECOND).factor(f64::NAN), 2), [secs(1); 2]);
        assert_eq!(waits(&exponential(SECOND).factor(-3.0), 2), [secs(1); 2]);
    }

    #[test]
    fn bounds_hold_whatever_the_order_they_were_given_in() {
        let curve = exponential(SECOND);
        assert_eq!(waits(&curve.clone().min(secs(3)).max(secs(10)), 5), [3, 3, 4, 8, 10].map(secs));
        assert_eq!(curve.clone().full_jitter().max(secs(10)), curve.max(secs(10)).full_jitter());
    }

    #[test]
    fn no_attempt_number_overflows() {
        for factor in [1.000_000_1, 1.5, 2.0, 10.0, 1e9, f64::INFINITY] {
            let backoff = exponential(Duration::from_nanos(1)).factor(factor);
            assert!(backoff.wait(u32::MAX, Duration::ZERO, 0) >= Duration::from_nanos(1));
            assert_eq!(exponential(Duration::ZERO).factor(factor).wait(u32::MAX, Duration::ZERO, 0), Duration::ZERO);
            assert_eq!(exponential(Duration::MAX).factor(factor).max(SECOND).wait(u32::MAX, SECOND, 0), SECOND);
        }
        assert_eq!(exponential(Duration::from_nanos(1)).wait(64, Duration::ZERO, 0), Duration::from_nanos(1 << 63));
        assert_eq!(exponential(Duration::from_nanos(1)).wait(65, Duration::ZERO, 0), Duration::from_nanos(u64::MAX));
        assert_eq!(linear(SECOND, Duration::MAX).wait(9, Duration::ZERO, 0), Duration::MAX);
    }

    #[test]
    fn a_chain_ends_with_its_last_step_and_a_sum_adds() {
        assert_eq!(waits(&chain([1, 2, 3].map(|n| fixed(secs(n)))), 5), [1, 2, 3, 3, 3].map(secs));
        assert_eq!(waits(&chain([fixed(secs(0)), exponential(SECOND)]), 3), [0, 2, 4].map(secs));
        assert_eq!(waits(&chain([]), 2), [Duration::ZERO; 2]);
        assert_eq!(waits(&(exponential(SECOND) + fixed(secs(10))).max(secs(12)), 3), [11, 12, 12].map(secs));
    }

    #[test]
    fn decorrelated_jitter_grows_from_the_wait_before() {
        let backoff = exponential(SECOND).max(secs(60)).decorrelated_jitter();
        for seed in 0..1_000 {
            let wait = backoff.wait(1, Duration::ZERO, seed);
            assert!((secs(1)..=secs(3)).contains(&wait));
            assert!((secs(1)..=secs(15)).contains(&backoff.wait(9, secs(5), seed)));
            assert!(backoff.wait(9, secs(50), seed) <= secs(60));
        }
        let far = (0..1_000).filter(|seed| backoff.wait(9, secs(5), *seed) > secs(8)).count();
        assert!((400..600).contains(&far), "{far}");
    }

    proptest! {
        /// Jitter only spreads: it neither leaves the bounds nor passes the curve.
        #[test]
        fn a_wait_stays_between_its_bounds(
            first in 0_u64..100_000, floor in 0_u64..50_000, room in 0_u64..100_000, attempt in 0_u32..80, seed: u64,
        ) {
            let millis = Duration::from_millis;
            let plain = exponential(millis(first)).min(millis(floor)).max(millis(floor + room));
            let value = plain.wait(attempt, SECOND, seed);
            prop_assert!((millis(floor)..=millis(floor + room)).contains(&value));
            let full = plain.clone().full_jitter().wait(attempt, SECOND, seed);
            prop_assert!((millis(floor)..=value).contains(&full));
            let equal = plain.clone().equal_jitter().wait(attempt, SECOND, seed);
            prop_assert!((millis(floor).max(value / 2)..=value).contains(&equal));
            let decorrelated = plain.decorrelated_jitter().wait(attempt, SECOND, seed);
            prop_assert!((millis(floor)..=millis(floor + room)).contains(&decorrelated));
        }

        #[test]
        fn the_same_seed_draws_the_same_wait(attempt: u32, seed: u64) {
            let backoff = random(SECOND, secs(9)) + exponential(SECOND).max(secs(60)).full_jitter();
            prop_assert_eq!(backoff.wait(attempt, SECOND, seed), backoff.wait(attempt, SECOND, seed));
        }

        #[test]
        fn a_whole_factor_multiplies_exactly(first in 1_u64..1_000_000, factor in 1_u32..20, power in 0_u32..40) {
            let exact = u128::from(first).saturating_mul(u128::from(factor).saturating_pow(power));
            let wait = exponential(Duration::from_nanos(first)).factor(factor.into()).wait(power + 1, Duration::ZERO, 0);
            prop_assert_eq!(wait, Duration::from_nanos(u64::try_from(exact).unwrap_or(u64::MAX)));
        }
    }
}
