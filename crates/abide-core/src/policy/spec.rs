//! The spelling of a limit that a user states, such as `50/5s`, `20/s burst 10` or `concurrency 4`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One limit, as a user states it. Several of them hold at once; see [`LimitSpecs`].
///
/// | spelling | meaning |
/// | --- | --- |
/// | `50/5s` | at most 50 in any 5 seconds ([`WindowKind::Sliding`]) |
/// | `50/5s fixed` | 50 a window; a window begins with its first request |
/// | `50/5s fixed-clock` | 50 a window; windows begin at whole multiples of the period since the epoch |
/// | `1000/day at 00:00 UTC` | the same with windows that begin at that time of day |
/// | `50/5s counter` | the previous window's count, weighted by its share of the last 5 s, is added |
/// | `50/5s hits` | as sliding, but refused requests count too |
/// | `20/s burst 10` | a bucket: 20 a second, and 10 more than that at once |
/// | `even 20/s` | a bucket without burst: one each 50 ms |
/// | `concurrency 4` | at most 4 in flight |
/// | `90000/min by cost` | counts each call's cost in place of calls |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitSpec {
    /// An amount a window of time.
    Window {
        /// How many are allowed; at least 1.
        amount: u64,
        /// Length of the window; at least one millisecond.
        period: Duration,
        /// How the window moves.
        kind: WindowKind,
        /// What is counted.
        unit: Unit,
    },
    /// A steady rate with a burst on top of it, as nginx's `limit_req … burst=B nodelay` counts it.
    Bucket {
        /// How many are allowed a period, in the long run; at least 1.
        amount: u64,
        /// The period; at least one millisecond.
        period: Duration,
        /// How many more than the rate may leave at once.
        burst: u64,
        /// What is counted.
        unit: Unit,
    },
    /// A cap on requests in flight; at least 1.
    Concurrency(u32),
}

/// How a window of time moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WindowKind {
    /// The last `period` before each request. What is told without a kind is held like this, for every window accepts it.
    Sliding,
    /// Begins with the first request after the last window ended.
    Fixed,
    /// Begins at whole multiples of the period since the epoch, plus an offset.
    Clock {
        /// Shift of the windows; shorter than the period.
        offset: Duration,
    },
    /// On the clock, with the previous window's count weighted by how much of it lies within the last `period`.
    Counter,
    /// As [`WindowKind::Sliding`], and refused requests count as well.
    Hits,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Each attempt counts one.
    #[default]
    Requests,
    /// Each attempt counts its call's cost.
    Cost,
}

/// Why a limit could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecError {
    /// Nothing was written.
    Empty,
    /// No `/` between an amount and a period, and no other form that is known.
    Form(String),
    /// The amount is not a whole number above zero.
    Amount(String),
    /// The period is not one of `ms s min h day`, or a number of them above zero.
    Period(String),
    /// `m` alone may mean minute or month.
    AmbiguousMinute,
    /// A word that does not belong there.
    Word(String),
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the limit is empty")?,
            Self::Form(text) => write!(f, "'{text}' is not a limit")?,
            Self::Amount(text) => write!(f, "'{text}' is not a whole number above zero")?,
            Self::Period(text) => write!(f, "'{text}' is not a period")?,
            Self::AmbiguousMinute => f.write_str("'m' may mean minute or month: write 'min'")?,
            Self::Word(text) => write!(f, "'{text}' is not understood here")?,
        }
        f.write_str(
            "; accepted: '50/5s', '50/5s fixed|fixed-clock|sliding|counter|hits', '20/s burst 10', 'even 20/s', \
             'concurrency 4', '1000/day at 00:00 UTC', each with 'by cost', several joined by ' + '; \
             a period is ms, s, min, h, day or a number of them",
        )
    }
}

impl std::error::Error for SpecError {}

const DAY: Duration = Duration::from_secs(86_400);

impl LimitSpec {
    /// Reads a limit whose window, where none is named, moves like `plain`.
    ///
    /// [`FromStr`] takes [`WindowKind::Sliding`], for that is how a client holds a limit it knows little of. One who
    /// states the rule of a server may mean another window by the same words.
    pub fn parse_with(text: &str, plain: WindowKind) -> Result<Self, SpecError> {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let unit = match words.as_slice() {
            [.., "by", "cost"] => {
                words.truncate(words.len() - 2);
                Unit::Cost
            }
            _ => Unit::Requests,
        };
        match words.as_slice() {
            [] => Err(SpecError::Empty),
            ["concurrency", n] if unit == Unit::Requests => {
                let n = u32::try_from(amount(n)?).map_err(|_| SpecError::Amount((*n).to_owned()))?;
                Ok(Self::Concurrency(n))
            }
            ["even", rate] => {
                let (amount, period) = ratio(rate)?;
                Ok(Self::Bucket { amount, period, burst: 0, unit })
            }
            [rate, "burst", burst] => {
                let (amount, period) = ratio(rate)?;
                let burst = burst.parse().map_err(|_| SpecError::Amount((*burst).to_owned()))?;
                Ok(Self::Bucket { amount, period, burst, unit })
            }
            [rate, rest @ ..] => {
                let (amount, period) = ratio(rate)?;
                Ok(Self::Window { amount, period, kind: window_kind(rest, period, plain)?, unit })
            }
        }
    }
}

impl FromStr for LimitSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        Self::parse_with(text, WindowKind::Sliding)
    }
}

fn window_kind(words: &[&str], period: Duration, plain: WindowKind) -> Result<WindowKind, SpecError> {
    match words {
        [] => Ok(plain),
        ["sliding"] => Ok(WindowKind::Sliding),
        ["fixed"] => Ok(WindowKind::Fixed),
        ["fixed-clock"] => Ok(WindowKind::Clock { offset: Duration::ZERO }),
        ["counter"] => Ok(WindowKind::Counter),
        ["hits"] => Ok(WindowKind::Hits),
        ["at", time, "UTC" | "utc"] if period == DAY => Ok(WindowKind::Clock { offset: time_of_day(time)? }),
        [word, ..] => Err(SpecError::Word((*word).to_owned())),
    }
}

fn time_of_day(text: &str) -> Result<Duration, SpecError> {
    let parsed = text.split_once(':').and_then(|(h, m)| Some((h.parse::<u64>().ok()?, m.parse::<u64>().ok()?)));
    match parsed {
        Some((h @ 0..=23, m @ 0..=59)) => Ok(Duration::from_secs(h * 3_600 + m * 60)),
        _ => Err(SpecError::Word(text.to_owned())),
    }
}

fn ratio(text: &str) -> Result<(u64, Duration), SpecError> {
    let (count, time) = text.split_once('/').ok_or_else(|| SpecError::Form(text.to_owned()))?;
    Ok((amount(count)?, period(time)?))
}

fn amount(text: &str) -> Result<u64, SpecError> {
    match text.replace('_', "").parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(SpecError::Amount(text.to_owned())),
    }
}

fn period(text: &str) -> Result<Duration, SpecError> {
    let wrong = || SpecError::Period(text.to_owned());
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = if number.is_empty() { 1 } else { number.parse().map_err(|_| wrong())? };
    let millis = match unit {
        "ms" => 1,
        "s" | "sec" | "second" => 1_000,
        "min" | "minute" => 60_000,
        "h" | "hour" => 3_600_000,
        "d" | "day" => 86_400_000,
        "m" => return Err(SpecError::AmbiguousMinute),
        _ => return Err(wrong()),
    };
    match number.checked_mul(millis) {
        // A year and a day is longer than any quota seen, and keeps all later arithmetic far from its ends.
        Some(millis @ 1..=31_708_800_000) => Ok(Duration::from_millis(millis)),
        _ => Err(wrong()),
    }
}

impl fmt::Display for LimitSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match *self {
            Self::Concurrency(n) => return write!(f, "concurrency {n}"),
            Self::Bucket { amount, period, burst: 0, unit } => {
                write!(f, "even {amount}/{}", Period(period))?;
                unit
            }
            Self::Bucket { amount, period, burst, unit } => {
                write!(f, "{amount}/{} burst {burst}", Period(period))?;
                unit
            }
            Self::Window { amount, period, kind, unit } => {
                write!(f, "{amount}/{}", Period(period))?;
                match kind {
                    WindowKind::Sliding => {}
                    WindowKind::Fixed => f.write_str(" fixed")?,
                    WindowKind::Clock { offset } if period == DAY => {
                        let minutes = offset.as_secs() / 60;
                        write!(f, " at {:02}:{:02} UTC", minutes / 60, minutes % 60)?;
                    }
                    WindowKind::Clock { .. } => f.write_str(" fixed-clock")?,
                    WindowKind::Counter => f.write_str(" counter")?,
                    WindowKind::Hits => f.write_str(" hits")?,
                }
                unit
            }
        };
        if unit == Unit::Cost { f.write_str(" by cost") } else { Ok(()) }
    }
}

/// Writes a period in the largest unit that divides it.
struct Period(Duration);

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let (unit, name) = [(86_400_000, "day"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")]
            .into_iter()
            .find(|(unit, _)| millis.is_multiple_of(*unit))
            .unwrap_or((1, "ms"));
        match millis / unit {
            1 => f.write_str(name),
            n => write!(f, "{n}{name}"),
        }
    }
}

/// Limits that hold together, written with ` + ` between them: `5000/h + 10/s`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitSpecs(
    /// Each of them holds.
    pub Vec<LimitSpec>,
);

impl LimitSpecs {
    /// Reads limits joined by `+`, each as [`LimitSpec::parse_with`] does.
    pub fn parse_with(text: &str, plain: WindowKind) -> Result<Self, SpecError> {
        text.split('+').map(|limit| LimitSpec::parse_with(limit, plain)).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for LimitSpecs {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        Self::parse_with(text, WindowKind::Sliding)
    }
}

impl fmt::Display for LimitSpecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, spec) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" + ")?;
            }
            write!(f, "{spec}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_back_as_itself() {
        for text in [
            "50/5s",
            "50/5s fixed",
            "50/5s fixed-clock",
            "50/5s counter",
            "50/5s hits",
            "1000/day at 07:30 UTC",
            "20/s burst 10",
            "even 20/s",
            "concurrency 4",
            "90000/min by cost",
            "100/15min",
            "3/250ms",
        ] {
            assert_eq!(text.parse::<LimitSpec>().map(|spec| spec.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("5000/h + 10/s".parse::<LimitSpecs>().map(|s| s.to_string()), Ok("5000/h + 10/s".to_owned()));
        assert_eq!("50/5s sliding".parse::<LimitSpec>(), "50/5s".parse());
    }

    #[test]
    fn a_window_without_a_kind_is_what_the_reader_means_by_it() {
        let kinds = |text: &str| {
            LimitSpecs::parse_with(text, WindowKind::Fixed).map(|specs| {
                specs
                    .0
                    .iter()
                    .map(|s| matches!(s, LimitSpec::Window { kind: WindowKind::Fixed, .. }))
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(kinds("50/5s + 50/5s sliding + 9/s by cost"), Ok(vec![true, false, true]));
    }

    #[test]
    fn nonsense_is_named() {
        let read =
            |text: &str| text.parse::<LimitSpec>().map_err(|e| e.to_string().split(';').next().map(str::to_owned));
        let wrong = |text: &str| Err(Some(text.to_owned()));
        assert_eq!(read(""), wrong("the limit is empty"));
        assert_eq!(read("50"), wrong("'50' is not a limit"));
        assert_eq!(read("0/s"), wrong("'0' is not a whole number above zero"));
        assert_eq!(read("50/m"), wrong("'m' may mean minute or month: write 'min'"));
        assert_eq!(read("50/0s"), wrong("'0s' is not a period"));
        assert_eq!(read("50/fortnight"), wrong("'fortnight' is not a period"));
        assert_eq!(read("50/5s slidng"), wrong("'slidng' is not understood here"));
        assert_eq!(read("50/h at 00:00 UTC"), wrong("'at' is not understood here"));
        assert_eq!(read("99999999999999999999/s"), wrong("'99999999999999999999' is not a whole number above zero"));
    }
}
