//! The shapes that people give to limits.

use std::time::Duration;

use super::book::Tally;
use super::family::{Bucket, Cap, Clock, Family, Fixed, Hypothesis, Sliding};

/// Windows, in milliseconds.
const WINDOWS: [u64; 14] = [
    1_000, 2_000, 3_000, 5_000, 10_000, 15_000, 20_000, 30_000, 60_000, 300_000, 900_000, 1_800_000, 3_600_000,
    86_400_000,
];
/// Windows that are seldom chosen: they are tested when all others agree.
const ODD_WINDOWS: [u64; 10] = [500, 4_000, 6_000, 7_000, 8_000, 12_000, 25_000, 45_000, 120_000, 600_000];

/// How much longer than its window the way to the end of one may seem.
const STATED_SLACK: Duration = Duration::from_millis(100);

/// Rates: these times powers of ten, a second, a minute and an hour.
const RATES: [f64; 12] = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];

/// Every hypothesis that anybody starts with.
pub(super) fn hypotheses() -> Vec<Hypothesis> {
    let usual = WINDOWS.into_iter().flat_map(|millis| windows(Duration::from_millis(millis)).map(Hypothesis::new));
    let odd = ODD_WINDOWS.into_iter().flat_map(|millis| windows(Duration::from_millis(millis)).map(Hypothesis::silent));
    let buckets = rates().map(|rate| Hypothesis::new(Family::Bucket(Bucket::new(rate))));
    let cap = Hypothesis::new(Family::Cap(Cap::new()));
    usual.chain(odd).chain(buckets).chain([cap]).collect()
}

/// The longest window for which the rounding of a reset to a second matters.
pub(super) const LONGEST_STATED: Duration = Duration::from_secs(120);

/// What a quota may be of which a server says the size, the window, or how far away its end is at least.
pub(super) fn stated(limit: Option<u64>, window: Option<Duration>, least: Duration) -> Vec<Hypothesis> {
    let usual = WINDOWS.map(|millis| (millis, false)).into_iter().chain(ODD_WINDOWS.map(|millis| (millis, true)));
    let usual = usual.map(|(millis, is_odd)| (Duration::from_millis(millis), is_odd));
    let usual = usual.filter(|(period, _)| *period + STATED_SLACK >= least && *period <= LONGEST_STATED);
    let periods: Vec<(Duration, bool)> = window.map_or_else(|| usual.collect(), |window| vec![(window, false)]);
    let mut hypotheses = Vec::new();
    for (period, is_odd) in periods {
        let bucket = limit.map(|limit| Family::Bucket(Bucket::new(limit as f64 / period.as_secs_f64())));
        let hypothesis = if is_odd { Hypothesis::silent } else { Hypothesis::new };
        hypotheses.extend(windows(period).chain(bucket).map(hypothesis));
    }
    if let Some(limit) = limit {
        hypotheses.iter_mut().for_each(|hypothesis| hypothesis.pin(limit));
    }
    hypotheses
}

fn windows(period: Duration) -> impl Iterator<Item = Family> {
    [
        Family::Sliding(Sliding::new(period, Tally::Accepted)),
        Family::Sliding(Sliding::new(period, Tally::All)),
        Family::Fixed(Fixed::new(period)),
        Family::Clock(Clock::fixed(period)),
        Family::Clock(Clock::counter(period, Tally::Accepted)),
        Family::Clock(Clock::counter(period, Tally::All)),
    ]
    .into_iter()
}

/// From one in a hundred seconds to a thousand a second.
fn rates() -> impl Iterator<Item = f64> {
    (-2..3).flat_map(|power| RATES.map(|rate| rate * 10_f64.powi(power)))
}

/// Rates this close together tell any rate well enough.
const FINE: f64 = 1.015;

/// What to try when nothing on the grid explains what was seen: any rate at all.
pub(super) fn fine() -> Vec<Hypothesis> {
    let rates = std::iter::successors(Some(0.05), |rate| Some(rate * FINE)).take_while(|rate| *rate < 1_000.0);
    rates.map(|rate| Hypothesis::new(Family::Bucket(Bucket::new(rate)))).collect()
}
