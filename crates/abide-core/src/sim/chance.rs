//! Draws everything that looks random in a run from its seed.

use std::time::Duration;

use crate::rng::Rng;
use crate::time::nanos;

/// A time between `least` and `least + spread`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) least: Duration,
    pub(super) spread: Duration,
}

/// The n-th of a seed's independent streams.
pub(super) fn stream(seed: u64, n: u64) -> Rng {
    // Two rounds apart, so that neighbouring seeds share no stream.
    Rng::new(Rng::new(seed).next() ^ Rng::new(!n).next())
}

/// A time of a span.
pub(super) fn draw(rng: &mut Rng, span: Span) -> Duration {
    span.least + upto(rng, span.spread)
}

/// A factor with the median 1, whose logarithm is normally distributed.
pub(super) fn lognormal(rng: &mut Rng, sigma: f64) -> f64 {
    // Box and Muller 1958; 1 - unit is never zero.
    let (radius, angle) = ((-2.0 * (1.0 - unit(rng)).ln()).sqrt(), std::f64::consts::TAU * unit(rng));
    (sigma * radius * angle.cos()).exp()
}

/// A time from zero to `most`.
pub(super) fn upto(rng: &mut Rng, most: Duration) -> Duration {
    Duration::from_nanos(rng.below(nanos(most).saturating_add(1)))
}

/// A number from 0 up to, but without, 1.
pub(super) fn unit(rng: &mut Rng) -> f64 {
    (rng.next() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Whether something happens that happens in so many of a million cases.
pub(super) fn happens(rng: &mut Rng, millionths: u64) -> bool {
    rng.below(1_000_000) < millionths
}

/// A share from 0 to 1 in millionths.
pub(super) fn millionths(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * 1e6).round() as u64
}

/// Seconds as a duration; zero for what is none, and at most some hundred years.
pub(super) fn secs(secs: f64) -> Duration {
    Duration::try_from_secs_f64(secs.min(1e10)).unwrap_or_default()
}
