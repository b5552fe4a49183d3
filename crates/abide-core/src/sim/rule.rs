//! The true limits that a simulated server can hold, as its operator would state them.

use std::time::Duration;

use crate::policy::{LimitSpec, Unit, WindowKind};

/// One limit of a simulated server.
///
/// | made by | the server |
/// | --- | --- |
/// | [`Rule::fixed`] | counts in windows that begin with the first request after the last window ended |
/// | [`Rule::clock`] | counts in windows that begin at whole multiples of the period since the epoch |
/// | [`Rule::sliding`] | keeps a log: so many in any period |
/// | [`Rule::counter`] | adds the last window's count, weighted by its share of the last period, to this window's |
/// | [`Rule::bucket`] | drains a level at a rate, as nginx's `limit_req … burst=B nodelay`, on a clock of whole milliseconds |
/// | [`Rule::meter`] | the same on an exact clock (GCRA) |
/// | [`Rule::queue`] | as the meter, but holds what is over the rate back and answers it late (nginx without `nodelay`) |
/// | [`Rule::concurrency`] | works on so many at a time |
///
/// [`Rule::by_cost`] counts what each request costs in place of requests, and [`Rule::counting_refused`] counts refused
/// requests too. A [`LimitSpec`] converts into the rule that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(super) shape: Shape,
    pub(super) amount: u64,
    /// Zero where there is none.
    pub(super) period: Duration,
    pub(super) unit: Unit,
    pub(super) counts_refused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Fixed,
    Clock { offset: Duration },
    Sliding,
    Counter,
    Bucket { burst: u64, tick: Duration, delays: bool },
    Concurrency,
}

/// The clock of nginx.
const MILLI: Duration = Duration::from_millis(1);
const NANO: Duration = Duration::from_nanos(1);

impl Rule {
    const fn new(shape: Shape, amount: u64, period: Duration) -> Self {
        Self { shape, amount, period, unit: Unit::Requests, counts_refused: false }
    }

    /// `amount` a window of `period`; a window begins with the first request after the last one ended.
    pub const fn fixed(amount: u64, period: Duration) -> Self {
        Self::new(Shape::Fixed, amount, period)
    }

    /// `amount` a window of `period`; windows begin at whole multiples of the period on the server's clock.
    pub const fn clock(amount: u64, period: Duration) -> Self {
        Self::new(Shape::Clock { offset: Duration::ZERO }, amount, period)
    }

    /// `amount` in any `period`.
    pub const fn sliding(amount: u64, period: Duration) -> Self {
        Self::new(Shape::Sliding, amount, period)
    }

    /// `amount` a `period`, estimated from this window on the clock and the weighted one before it.
    pub const fn counter(amount: u64, period: Duration) -> Self {
        Self::new(Shape::Counter, amount, period)
    }

    /// `amount` a `period` in the long run, and `burst` more than that at once; in whole milliseconds.
    pub const fn bucket(amount: u64, period: Duration, burst: u64) -> Self {
        Self::new(Shape::Bucket { burst, tick: MILLI, delays: false }, amount, period)
    }

    /// [`Rule::bucket`] in nanoseconds.
    pub const fn meter(amount: u64, period: Duration, burst: u64) -> Self {
        Self::new(Shape::Bucket { burst, tick: NANO, delays: false }, amount, period)
    }

    /// [`Rule::meter`], but what is over the rate, up to `burst`, waits in the server until its turn.
    pub const fn queue(amount: u64, period: Duration, burst: u64) -> Self {
        Self::new(Shape::Bucket { burst, tick: NANO, delays: true }, amount, period)
    }

    /// At most `amount` requests at work at a time.
    pub const fn concurrency(amount: u64) -> Self {
        Self::new(Shape::Concurrency, amount, Duration::ZERO)
    }

    /// Counts what each request costs in place of requests. Of no effect on [`Rule::concurrency`].
    #[must_use]
    pub const fn by_cost(self) -> Self {
        Self { unit: Unit::Cost, ..self }
    }

    /// Counts refused requests too. Of no effect on [`Rule::concurrency`].
    #[must_use]
    pub const fn counting_refused(self) -> Self {
        Self { counts_refused: true, ..self }
    }

    /// What an engine is told of this rule. A queue is told as the bucket that admits the same requests.
    pub const fn spec(&self) -> LimitSpec {
        let Self { amount, period, unit, .. } = *self;
        let kind = match self.shape {
            Shape::Bucket { burst, .. } => return LimitSpec::Bucket { amount, period, burst, unit },
            // No server works on four thousand million requests at once.
            Shape::Concurrency => return LimitSpec::Concurrency(amount as u32),
            Shape::Fixed => WindowKind::Fixed,
            Shape::Clock { offset } => WindowKind::Clock { offset },
            Shape::Sliding if self.counts_refused => WindowKind::Hits,
            Shape::Sliding => WindowKind::Sliding,
            Shape::Counter => WindowKind::Counter,
        };
        LimitSpec::Window { amount, period, kind, unit }
    }

    /// What a request of this cost counts.
    pub(super) const fn weight(&self, cost: u64) -> u64 {
        match self.unit {
            Unit::Requests => 1,
            Unit::Cost => cost,
        }
    }
}

impl From<LimitSpec> for Rule {
    fn from(spec: LimitSpec) -> Self {
        match spec {
            LimitSpec::Concurrency(n) => Self::concurrency(n.into()),
            LimitSpec::Bucket { amount, period, burst, unit } => Self { unit, ..Self::bucket(amount, period, burst) },
            LimitSpec::Window { amount, period, kind, unit } => {
                let rule = match kind {
                    WindowKind::Sliding => Self::sliding(amount, period),
                    WindowKind::Hits => Self::sliding(amount, period).counting_refused(),
                    WindowKind::Fixed => Self::fixed(amount, period),
                    WindowKind::Clock { offset } => Self::new(Shape::Clock { offset }, amount, period),
                    WindowKind::Counter => Self::counter(amount, period),
                };
                Self { unit, ..rule }
            }
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.spec().fmt(f)?;
        match self.shape {
            Shape::Bucket { delays: true, .. } => f.write_str(", queued")?,
            Shape::Bucket { tick: NANO, .. } => f.write_str(", exact")?,
            _ => {}
        }
        let is_in_the_spelling = matches!(self.shape, Shape::Sliding);
        if self.counts_refused && !is_in_the_spelling {
            f.write_str(", counts refused")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelled_limit_and_its_rule_say_the_same() {
        for text in [
            "50/5s fixed",
            "50/5s fixed-clock",
            "50/5s",
            "50/5s counter",
            "50/5s hits",
            "concurrency 4",
            "20/s burst 10",
        ] {
            let spec: LimitSpec = text.parse().unwrap();
            assert_eq!(Rule::from(spec).spec(), spec, "{text}");
        }
    }

    #[test]
    fn a_rule_prints_what_its_spelling_leaves_out() {
        assert_eq!(Rule::queue(20, Duration::from_secs(1), 10).to_string(), "20/s burst 10, queued");
        assert_eq!(
            Rule::counter(50, Duration::from_secs(5)).counting_refused().to_string(),
            "50/5s counter, counts refused"
        );
        assert_eq!(Rule::sliding(50, Duration::from_secs(5)).counting_refused().to_string(), "50/5s hits");
    }
}
