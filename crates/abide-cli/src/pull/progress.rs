//! The live line of a pull: how much is there, what is waited for, how fast it goes, and how long it will at least take.

use std::time::Duration;

use abide::LimitSpec;

use super::endpoint::Pull;
use super::run::Run;
use super::sink::Totals;
use crate::screen::{self, count, short};

/// A pace is spoken of from this many requests on.
const PACE: u64 = 10;

/// Draws how things stand. What matters most comes first, for a narrow terminal cuts the line.
pub(super) fn draw(run: &mut Run) {
    let totals = run.pulls.iter().fold(Totals::default(), |sum, pull| {
        let totals = pull.sink.totals();
        Totals {
            records: sum.records + totals.records,
            pages: sum.pages + totals.pages,
            failed: sum.failed + totals.failed,
            ..sum
        }
    });
    let stats = run.client.stats();
    let elapsed = run.started.elapsed();
    let waiting = screen::waiting(&run.client);
    let left = time_left(run, stats.requests, elapsed);
    let endpoints = endpoints(run);
    run.screen.status(|| {
        let amount = if totals.records > 0 || totals.pages == 0 {
            count(totals.records, "record")
        } else {
            count(totals.pages, "file")
        };
        let mut parts = vec![amount];
        parts.extend(waiting);
        parts.extend(left);
        let rate = stats.requests as f64 / elapsed.as_secs_f64().max(0.001);
        parts.push(format!("{rate:.1} requests/s"));
        if stats.rate_limited > 0 {
            parts.push(format!("{} refused", stats.rate_limited));
        }
        if totals.failed > 0 {
            parts.push(format!("{} failed", totals.failed));
        }
        parts.extend(endpoints);
        parts
    });
}

/// Each endpoint with what it has so far, where there are several.
fn endpoints(run: &Run) -> Vec<String> {
    let named = run.pulls.iter().filter(|_| run.pulls.len() + run.complete.len() > 1);
    named.map(|pull| format!("{} {}", pull.plan.name(), pull.sink.totals().records)).collect()
}

/// How long what is left takes at the pace so far, but never less than the told limits allow.
fn time_left(run: &Run, requests: u64, elapsed: Duration) -> Option<String> {
    let left: u64 = run.pulls.iter().map(Pull::jobs_to_send).sum();
    if left == 0 {
        return None;
    }
    let least =
        run.pulls.iter().flat_map(|pull| pull.plan.bounds.iter().map(|limit| least(limit, pull.jobs_to_send())));
    let least = least.max().unwrap_or_default();
    // With one URL nobody knows how many pages are to come.
    let is_known = run.pulls.iter().all(|pull| pull.plan.input.len() > 1);
    let usual = (requests >= PACE && is_known).then(|| elapsed.mul_f64(left as f64 / requests as f64));
    let usual = usual.map(|usual| usual.max(screen::wait(&run.client)));
    match usual {
        Some(usual) if usual > least => Some(format!("about {} to go", short(usual))),
        _ if least >= Duration::from_secs(1) => Some(format!("at least {} to go", short(least))),
        _ => None,
    }
}

/// The least time in which this many requests can leave, if the limit has all of its room now.
pub(super) fn least(limit: &LimitSpec, requests: u64) -> Duration {
    let (periods, period) = match *limit {
        LimitSpec::Window { amount, period, .. } => (requests.div_ceil(amount).saturating_sub(1) as f64, period),
        LimitSpec::Bucket { amount, period, burst, .. } => {
            (requests.saturating_sub(burst.saturating_add(1)) as f64 / amount as f64, period)
        }
        // How long a place is taken is not known.
        _ => return Duration::ZERO,
    };
    Duration::try_from_secs_f64(period.as_secs_f64() * periods).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_at_least_what_the_limit_says() {
        let least = |limit: &str, requests| least(&limit.parse().unwrap(), requests).as_millis();
        assert_eq!(least("80/min", 1_050), 13 * 60_000);
        assert_eq!(least("80/min", 80), 0);
        assert_eq!(least("80/min", 81), 60_000);
        assert_eq!(least("20/s burst 10", 11), 0);
        assert_eq!(least("20/s burst 10", 31), 1_000);
        assert_eq!(least("even 20/s", 2), 50);
        assert_eq!(least("concurrency 4", 1_000), 0);
        assert_eq!(least("1/day", 0), 0);
    }
}
