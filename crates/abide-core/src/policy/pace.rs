//! How a user wants a limit to be used: as soon as it allows or evenly, and which share of it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{LimitSpec, Unit, WindowKind};

/// When attempts leave that a limit allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pace {
    /// As soon as every limit allows.
    #[default]
    Eager,
    /// Spread evenly over the window of the tightest limit that was told, said or learned: `50/5s` is one each 100 ms. What
    /// nothing is known of yet is not spread.
    Even,
}

/// The share of every limit that is used, above 0 and at most all of it: the rest is left to others on the same key.
///
/// Spelled as `80%`, or with up to four decimals. A window's amount is rounded down; less than one a window becomes one in a
/// longer window. A quota that the server names is used until only what is left to others remains. A call that costs more than
/// the share of a limit never goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Share(u32);

const MILLION: u32 = 1_000_000;

impl Share {
    /// All of it; the default.
    pub const ALL: Self = Self(MILLION);

    /// So much of an amount, rounded down.
    pub(crate) fn of(self, amount: u64) -> u64 {
        let share = u128::from(amount) * u128::from(self.0) / u128::from(MILLION);
        u64::try_from(share).unwrap_or(u64::MAX)
    }

    /// The same amount takes so much longer.
    fn stretch(self, period: Duration) -> Duration {
        let nanos = period.as_nanos() * u128::from(MILLION) / u128::from(self.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// This share of a limit, as a limit.
    pub(crate) fn of_limit(self, spec: LimitSpec) -> LimitSpec {
        match spec {
            spec if self == Self::ALL => spec,
            LimitSpec::Concurrency(n) => LimitSpec::Concurrency(u32::try_from(self.of(n.into())).unwrap_or(n).max(1)),
            LimitSpec::Bucket { amount, period, burst, unit } => {
                LimitSpec::Bucket { amount, period: self.stretch(period), burst: self.of(burst), unit }
            }
            LimitSpec::Window { amount, period, kind, unit } => match self.of(amount) {
                // Windows of the server's length do not hold less than one, so these are windows of our own.
                0 => {
                    let period = self.stretch(period) / u32::try_from(amount).unwrap_or(u32::MAX).max(1);
                    LimitSpec::Window { amount: 1, period, kind: WindowKind::Sliding, unit }
                }
                amount => LimitSpec::Window { amount, period, kind, unit },
            },
        }
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::ALL
    }
}

/// Why a share could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareError(String);

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a share of a limit; accepted: a percentage above 0 % and up to 100 %, as 80%", self.0)
    }
}

impl std::error::Error for ShareError {}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let wrong = || ShareError(text.to_owned());
        let number = text.strip_suffix('%').ok_or_else(wrong)?.trim_end();
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 4 {
            return Err(wrong());
        }
        let parsed = format!("{whole}{part:0<4}").parse().map_err(|_| wrong())?;
        if (1..=MILLION).contains(&parsed) { Ok(Self(parsed)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 10_000.0)
    }
}

impl LimitSpec {
    /// The time from one attempt of this cost to the next where a limit is used up and no burst made; `None` for what has no rate.
    pub(crate) fn interval(self, cost: u32) -> Option<Duration> {
        let (Self::Window { amount, period, unit, .. } | Self::Bucket { amount, period, unit, .. }) = self else {
            return None;
        };
        let weight = if unit == Unit::Cost { cost } else { 1 };
        let nanos = period.as_nanos() * u128::from(weight) / u128::from(amount.max(1));
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(share: &str, limit: &str) -> String {
        share.parse::<Share>().unwrap().of_limit(limit.parse().unwrap()).to_string()
    }

    #[test]
    fn a_share_reads_back_as_itself() {
        for text in ["80%", "100%", "12.5%", "0.0001%", "99.9999%"] {
            assert_eq!(text.parse::<Share>().map(|share| share.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("80 %".parse::<Share>(), "80.0%".parse());
        assert_eq!("100%".parse(), Ok(Share::ALL));
    }

    #[test]
    fn what_is_no_share_is_named() {
        for text in
            ["", "%", "80", "0.8", "0%", "100.0001%", "-5%", "+5%", ".5%", "5.%", "1e1%", "0.00001%", "99999999999%"]
        {
            let said = text.parse::<Share>().unwrap_err().to_string();
            assert!(said.starts_with(&format!("'{text}' is not a share of a limit; ")), "{said}");
        }
    }

    #[test]
    fn a_share_of_a_limit_is_a_limit() {
        assert_eq!(of("80%", "50/5s fixed"), "40/5s fixed");
        assert_eq!(of("50%", "3/s"), "1/s");
        assert_eq!(of("80%", "20/s burst 10"), "20/1250ms burst 8");
        assert_eq!(of("50%", "concurrency 4"), "concurrency 2");
        assert_eq!(of("10%", "concurrency 4"), "concurrency 1");
        assert_eq!(of("80%", "1/day at 00:00 UTC"), "1/30h");
        assert_eq!(of("10%", "4/s fixed"), "1/2500ms");
        assert_eq!(of("100%", "1/s fixed"), "1/s fixed");
    }

    #[test]
    fn an_interval_weighs_what_is_counted() {
        let interval = |limit: &str, cost| limit.parse::<LimitSpec>().unwrap().interval(cost);
        assert_eq!(interval("50/5s", 7), Some(Duration::from_millis(100)));
        assert_eq!(interval("20/s burst 10", 1), Some(Duration::from_millis(50)));
        assert_eq!(interval("1000/min by cost", 10), Some(Duration::from_millis(600)));
        assert_eq!(interval("concurrency 4", 1), None);
    }
}
