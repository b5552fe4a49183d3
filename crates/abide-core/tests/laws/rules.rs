//! True limits as servers keep them, written apart from the engine's: they judge a request at the moment when it arrives.

use std::collections::VecDeque;

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SEC: u64 = 1_000 * MS;

/// One server-side limit. Moments are nanoseconds: `at` on a clock that never goes back, `wall` since the epoch.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    /// A window begins with the first request after the last one ended.
    Fixed { amount: u64, period: u64, opened: Option<u64>, used: u64 },
    /// Windows begin at multiples of the period since the epoch.
    Clock { amount: u64, period: u64, window: u64, used: u64 },
    /// Every accepted request is remembered for one period.
    Sliding { amount: u64, period: u64, log: VecDeque<(u64, u64)> },
    /// nginx's `limit_req … burst=B nodelay`: the excess in thousandths, time in whole milliseconds.
    Bucket { per_sec: u64, burst: u64, excess: u64, last: Option<u64> },
    /// So many at once.
    InFlight { cap: u64, used: u64 },
}

/// A rule, and whether it counts what a request costs or just that it came.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub(crate) rule: Rule,
    by_cost: bool,
}

impl From<Rule> for Limit {
    fn from(rule: Rule) -> Self {
        Self { rule, by_cost: false }
    }
}

impl Limit {
    pub(crate) fn by_cost(rule: Rule) -> Self {
        Self { rule, by_cost: true }
    }

    pub(crate) fn weight(&self, cost: u64) -> u64 {
        if self.by_cost { cost } else { 1 }
    }
}

impl Rule {
    pub(crate) fn fixed(amount: u64, period: u64) -> Self {
        Self::Fixed { amount, period, opened: None, used: 0 }
    }

    pub(crate) fn clock(amount: u64, period: u64) -> Self {
        Self::Clock { amount, period, window: 0, used: 0 }
    }

    pub(crate) fn sliding(amount: u64, period: u64) -> Self {
        Self::Sliding { amount, period, log: VecDeque::new() }
    }

    pub(crate) fn bucket(per_sec: u64, burst: u64) -> Self {
        Self::Bucket { per_sec, burst, excess: 0, last: None }
    }

    pub(crate) fn in_flight(cap: u64) -> Self {
        Self::InFlight { cap, used: 0 }
    }

    pub(crate) fn admits(&mut self, cost: u64, at: u64, wall: u64) -> bool {
        match self {
            Self::Fixed { amount, period, opened, used } => {
                if opened.is_none_or(|opened| at >= opened + *period) {
                    (*opened, *used) = (None, 0);
                }
                *used + cost <= *amount
            }
            Self::Clock { amount, period, window, used } => {
                if wall / *period != *window {
                    (*window, *used) = (wall / *period, 0);
                }
                *used + cost <= *amount
            }
            Self::Sliding { amount, period, log } => {
                while log.front().is_some_and(|(then, _)| then + *period <= at) {
                    log.pop_front();
                }
                log.iter().map(|(_, cost)| cost).sum::<u64>() + cost <= *amount
            }
            Self::Bucket { per_sec, burst, excess, last } => match last {
                None => true,
                Some(last) => raised(*excess, cost, *per_sec, at / MS - *last) <= 1_000 * *burst,
            },
            Self::InFlight { cap, used } => *used < *cap,
        }
    }

    pub(crate) fn count(&mut self, cost: u64, at: u64) {
        match self {
            Self::Fixed { opened, used, .. } => {
                opened.get_or_insert(at);
                *used += cost;
            }
            Self::Clock { used, .. } => *used += cost,
            Self::Sliding { log, .. } => log.push_back((at, cost)),
            Self::Bucket { per_sec, excess, last, .. } => {
                *excess = match *last {
                    None => 0,
                    Some(last) => raised(*excess, cost, *per_sec, at / MS - last),
                };
                *last = Some(at / MS);
            }
            Self::InFlight { used, .. } => *used += 1,
        }
    }

    /// A request that was counted is done with.
    pub(crate) fn leave(&mut self) {
        if let Self::InFlight { used, .. } = self {
            *used -= 1;
        }
    }

    /// When there is room again, as far as a server of this kind says it.
    pub(crate) fn opens(&self, at: u64, wall: u64) -> u64 {
        match self {
            Self::Fixed { period, opened, .. } => opened.map_or(at, |opened| opened + period),
            Self::Clock { period, .. } => at + period - wall % period,
            Self::Sliding { period, log, .. } => log.front().map_or(at, |(then, _)| then + period),
            Self::Bucket { .. } | Self::InFlight { .. } => at,
        }
    }
}

fn raised(excess: u64, cost: u64, per_sec: u64, millis: u64) -> u64 {
    (excess + 1_000 * cost).saturating_sub(per_sec * 1_000 * millis / 1_000)
}
