//! Decides what becomes of each request: the script first, then the limits, then the faults.

use abide_core::policy::LimitSpec;
use abide_core::time::Wall;
use fastrand::Rng;
use http::{HeaderMap, StatusCode};

use super::config::{HeaderStyle, MockConfig, RetryAfter};
use super::faults::{Fault, Faults};
use super::fields;
use super::judge::{Judge, Verdict};

/// What the mock has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// All requests that arrived: the sum of the others.
    pub(crate) requests: u64,
    /// Within the limits, and answered as asked; 404 and the like included.
    pub(crate) accepted: u64,
    /// Over a limit, or scripted to be.
    pub(crate) refused: u64,
    /// Within the limits, and then answered 503, reset or left without an answer.
    pub(crate) failed: u64,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is answered as asked.
    Serve,
    /// It gets this status in place of an answer.
    Status(StatusCode),
    /// It goes wrong on the wire.
    Cut(Fault),
}

/// A request's fate, and what goes with it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) fate: Fate,
    /// Fields that the limits add to the response.
    pub(super) fields: HeaderMap,
    /// Whether it is in flight until [`Gate::leave`].
    pub(super) in_flight: bool,
}

/// The gate that every request passes, in the order of arrival.
#[derive(Debug)]
pub(super) struct Gate {
    script: std::vec::IntoIter<StatusCode>,
    judge: Judge,
    faults: Faults,
    rng: Rng,
    headers: HeaderStyle,
    retry_after: RetryAfter,
    refusal: StatusCode,
    counters: Counters,
}

impl Gate {
    /// The gate of this mock, or a limit that it has no rule for.
    pub(super) fn new(config: &MockConfig) -> Result<Self, LimitSpec> {
        Ok(Self {
            script: config.script.clone().into_iter(),
            judge: Judge::new(&config.limits, config.count_refused)?,
            faults: config.faults,
            rng: Rng::with_seed(config.seed),
            headers: config.headers,
            retry_after: config.retry_after.clone(),
            refusal: config.status,
            counters: Counters::default(),
        })
    }

    /// Decides on a request of this cost that arrives now.
    pub(super) fn enter(&mut self, cost: u64, now: Wall) -> Entry {
        self.counters.requests += 1;
        if let Some(status) = self.script.next() {
            return self.play(status, now);
        }
        let verdict = self.judge.arrive(cost, now);
        let mut fields = self.limit_fields(now);
        let fate = match verdict {
            Verdict::Refused { opens_in } => {
                fields::write_retry_after(&self.retry_after, opens_in, now, &mut fields);
                self.counters.refused += 1;
                Fate::Status(self.refusal)
            }
            Verdict::Accepted => match self.faults.draw(&mut self.rng) {
                None => {
                    self.counters.accepted += 1;
                    Fate::Serve
                }
                Some(fault) => {
                    self.counters.failed += 1;
                    match fault {
                        Fault::Fail => Fate::Status(StatusCode::SERVICE_UNAVAILABLE),
                        Fault::Reset | Fault::Stall => Fate::Cut(fault),
                    }
                }
            },
        };
        Entry { fate, fields, in_flight: verdict == Verdict::Accepted }
    }

    /// A scripted answer spends nothing: it stands where the limits would be asked.
    fn play(&mut self, status: StatusCode, now: Wall) -> Entry {
        let mut fields = self.limit_fields(now);
        if status == self.refusal || status == StatusCode::TOO_MANY_REQUESTS {
            fields::write_retry_after(&self.retry_after, Some(std::time::Duration::ZERO), now, &mut fields);
            self.counters.refused += 1;
        } else if status.is_server_error() {
            self.counters.failed += 1;
        } else {
            self.counters.accepted += 1;
        }
        let fate = if status == StatusCode::OK { Fate::Serve } else { Fate::Status(status) };
        Entry { fate, fields, in_flight: false }
    }

    fn limit_fields(&mut self, now: Wall) -> HeaderMap {
        let mut fields = HeaderMap::new();
        fields::write(self.headers, self.judge.quotas(now), now, &mut fields);
        fields
    }

    /// A request that was in flight is so no more.
    pub(super) fn leave(&mut self) {
        self.judge.leave();
    }

    /// What was done so far.
    pub(super) fn counters(&self) -> Counters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::policy::{LimitSpecs, WindowKind};
    use http::header::RETRY_AFTER;

    fn config(limits: &str) -> MockConfig {
        MockConfig { limits: LimitSpecs::parse_with(limits, WindowKind::Fixed).unwrap().0, ..MockConfig::default() }
    }

    fn fates(gate: &mut Gate, n: usize) -> Vec<Fate> {
        (0..n).map(|_| gate.enter(1, Wall::from_secs(1_000)).fate).collect()
    }

    #[test]
    fn a_script_is_played_before_the_limits_and_spends_nothing() {
        let script = [429, 500, 200].map(|code| StatusCode::from_u16(code).unwrap()).to_vec();
        let mut gate = Gate::new(&MockConfig { script, ..config("1/5s") }).unwrap();
        assert_eq!(
            fates(&mut gate, 5),
            [
                Fate::Status(StatusCode::TOO_MANY_REQUESTS),
                Fate::Status(StatusCode::INTERNAL_SERVER_ERROR),
                Fate::Serve,
                Fate::Serve,
                Fate::Status(StatusCode::TOO_MANY_REQUESTS),
            ]
        );
        assert_eq!(gate.counters(), Counters { requests: 5, accepted: 2, refused: 2, failed: 1 });
    }

    #[test]
    fn a_refusal_has_its_status_and_its_wait() {
        let mut gate = Gate::new(&MockConfig {
            status: StatusCode::FORBIDDEN,
            retry_after: RetryAfter::Seconds,
            headers: HeaderStyle::LegacyDelta,
            ..config("1/5s")
        })
        .unwrap();
        let first = gate.enter(1, Wall::from_millis(1_000));
        assert!(first.in_flight && !first.fields.contains_key(RETRY_AFTER));
        assert_eq!(first.fields["x-ratelimit-remaining"], "0");
        let second = gate.enter(1, Wall::from_millis(1_500));
        assert_eq!(second.fate, Fate::Status(StatusCode::FORBIDDEN));
        assert!(!second.in_flight);
        assert_eq!(second.fields[RETRY_AFTER], "5");
        assert_eq!(second.fields["x-ratelimit-reset"], "5");
    }

    #[test]
    fn what_fails_has_been_counted_by_the_limits() {
        let all = "100%".parse().unwrap();
        let faults = Faults::new(all, Default::default(), Default::default()).unwrap();
        let mut gate = Gate::new(&MockConfig { faults, ..config("2/5s") }).unwrap();
        let unavailable = Fate::Status(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(fates(&mut gate, 3), [unavailable, unavailable, Fate::Status(StatusCode::TOO_MANY_REQUESTS)]);
        assert_eq!(gate.counters(), Counters { requests: 3, accepted: 0, refused: 1, failed: 2 });
    }
}
