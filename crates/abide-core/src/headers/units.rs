//! Reads the numbers and durations of limit fields, and decides from evidence in which unit a number stands.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::date;
use super::{Amount, Wait};
use crate::time::Wall;

const NANOS_PER_SEC: i128 = 1_000_000_000;
/// Above any number that a server can mean, and far below where arithmetic on `i128` ends.
const MOST: i128 = 10_i128.pow(30);

/// A moment or a distance in time, as a server states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// This long after the server wrote it.
    After(Duration),
    /// When the server's wall clock shows this.
    At(Wall),
}

impl Told {
    /// The distance from `now` on the server's clock; zero for a moment that has passed.
    pub fn from(self, now: Wall) -> Duration {
        match self {
            Self::After(distance) => distance,
            Self::At(moment) => moment.since(now),
        }
    }
}

/// What the name of a field says about the unit of its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hint {
    /// The scale that the name states.
    pub(super) scale: Option<Scale>,
    /// Whether the name speaks of a distance (`-after`, `-in`) rather than of a moment.
    pub(super) relative: bool,
    /// Whether the numbers are known to be moments, whatever their size.
    pub(super) absolute: bool,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Billionths of a second.
    Nanos,
    /// Millionths of a second.
    Micros,
    /// Thousandths of a second.
    Millis,
    /// Seconds.
    Seconds,
    /// 60 seconds.
    Minutes,
    /// 3,600 seconds.
    Hours,
    /// 86,400 seconds.
    Days,
}

/// The names that people may write: `ns us ms s min h day`.
impl FromStr for Scale {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        match text {
            "ns" => Ok(Self::Nanos),
            "us" => Ok(Self::Micros),
            "ms" => Ok(Self::Millis),
            "s" => Ok(Self::Seconds),
            "min" => Ok(Self::Minutes),
            "h" => Ok(Self::Hours),
            "day" => Ok(Self::Days),
            _ => Err(UnitError(text.to_owned())),
        }
    }
}

/// A unit of time that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError(String);

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a unit of time; write ns, us, ms, s, min, h or day", self.0)
    }
}

impl std::error::Error for UnitError {}

impl Scale {
    /// The name of the unit, for people.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Nanos => "nanoseconds",
            Self::Micros => "microseconds",
            Self::Millis => "milliseconds",
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
        }
    }

    /// The unit that is as long as `length`.
    pub(super) fn of_length(length: Duration) -> Option<Self> {
        match length.as_secs() {
            1 => Some(Self::Seconds),
            60 => Some(Self::Minutes),
            3_600 => Some(Self::Hours),
            86_400 => Some(Self::Days),
            _ => None,
        }
    }

    const fn nanos(self) -> i128 {
        match self {
            Self::Nanos => 1,
            Self::Micros => 1_000,
            Self::Millis => 1_000_000,
            Self::Seconds => NANOS_PER_SEC,
            Self::Minutes => 60 * NANOS_PER_SEC,
            Self::Hours => 3_600 * NANOS_PER_SEC,
            Self::Days => 86_400 * NANOS_PER_SEC,
        }
    }
}

/// A decimal number in billionths, exact as far as it is written to nine digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decimal(i128);

impl Decimal {
    /// Reads `60`, `60.0`, `-3` or `1e+06`, and nothing else. A number that is too large counts as the largest.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Nearly all numbers are whole and short, and need no wide arithmetic.
        if (1..=18).contains(&text.len()) && all_digits(text) {
            return Some(Self::from(text.bytes().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))));
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i8>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let mut value = 0_i128;
        for digit in whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(9)) {
            value = (value * 10 + i128::from(digit - b'0')).min(MOST);
        }
        for _ in 0..exponent.unsigned_abs() {
            value = if exponent < 0 { value / 10 } else { (value * 10).min(MOST) };
        }
        Some(Self(if negative { -value } else { value }))
    }

    /// The number as a count: rounded down, and zero if it is negative.
    pub(super) fn count(self) -> u64 {
        u64::try_from((self.0 / NANOS_PER_SEC).max(0)).unwrap_or(u64::MAX)
    }

    /// This many units of `scale`; zero if it is negative.
    pub(super) fn of(self, scale: Scale) -> Duration {
        duration(self.nanos_of(scale))
    }

    /// Whether it is below zero.
    pub(super) const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether it is above zero and below one.
    pub(super) const fn is_fraction(self) -> bool {
        0 < self.0 && self.0 < NANOS_PER_SEC
    }

    /// By how much `other` is smaller; none if it is not.
    pub(super) fn minus(self, other: Self) -> Option<Self> {
        (other < self).then(|| Self(self.0 - other.0))
    }

    /// One unit of `scale` divided by this number, which is above zero.
    pub(super) fn inverse_of(self, scale: Scale) -> Duration {
        duration(scale.nanos() * NANOS_PER_SEC / self.0.max(1))
    }

    /// The number as an amount; zero if it is negative.
    pub(super) fn amount(self) -> Amount {
        Amount { millionths: self.0.max(0).unsigned_abs() / 1_000 }
    }

    /// The moment this many units of `scale` after the epoch.
    fn epoch(self, scale: Scale) -> Wall {
        let nanos = self.nanos_of(scale).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Wall::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    fn nanos_of(self, scale: Scale) -> i128 {
        match scale.nanos() {
            unit if unit >= NANOS_PER_SEC => self.0.min(MOST).saturating_mul(unit / NANOS_PER_SEC),
            unit => self.0 / (NANOS_PER_SEC / unit),
        }
    }

    const fn is_at_least(self, whole: i128) -> bool {
        self.0 >= whole * NANOS_PER_SEC
    }
}

impl From<u64> for Decimal {
    fn from(number: u64) -> Self {
        Self((i128::from(number) * NANOS_PER_SEC).min(MOST))
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn duration(nanos: i128) -> Duration {
    let nanos = nanos.max(0);
    Duration::new(
        u64::try_from(nanos / NANOS_PER_SEC).unwrap_or(u64::MAX),
        // The remainder is below a billion.
        u32::try_from(nanos % NANOS_PER_SEC).unwrap_or(0),
    )
}

/// Reads a moment or a distance in whichever form it stands. `now` is the server's clock.
pub(super) fn told(text: &str, hint: Hint, now: Wall) -> Option<Told> {
    let text = text.trim();
    match Decimal::parse(text) {
        Some(number) => Some(told_number(number, hint, now)),
        None => span(text).map(Told::After).or_else(|| date::parse(text).map(Told::At)),
    }
}

/// Decides what a bare number means: an epoch has a size that no wait has, and a wait above 400 days is not meant.
fn told_number(number: Decimal, hint: Hint, now: Wall) -> Told {
    if hint.absolute {
        return Told::At(number.epoch(hint.scale.unwrap_or(Scale::Seconds)));
    }
    if !hint.relative || number.is_at_least(1_000_000_000) {
        let epoch = match () {
            () if number.is_at_least(100_000_000_000_000_000) => Some(Scale::Nanos),
            () if number.is_at_least(100_000_000_000_000) => Some(Scale::Micros),
            () if number.is_at_least(100_000_000_000) => Some(Scale::Millis),
            () if number.is_at_least(1_000_000_000) && hint.scale != Some(Scale::Millis) => Some(Scale::Seconds),
            () => None,
        };
        let moment = epoch.map(|scale| number.epoch(scale));
        if let Some(moment) = moment.filter(|moment| !hint.relative || is_near(*moment, now)) {
            return Told::At(moment);
        }
    }
    match hint.scale {
        Some(scale) => Told::After(number.of(scale)),
        None => {
            let (seconds, millis) = (number.of(Scale::Seconds), number.of(Scale::Millis));
            let far = seconds > Wait::LONGEST && millis <= Wait::LONGEST && !hint.relative;
            Told::After(if far { millis } else { seconds })
        }
    }
}

/// Whether a moment lies within 400 days of now, as a moment that a server means does.
pub(super) fn is_near(moment: Wall, now: Wall) -> bool {
    moment.since(now) <= Wait::LONGEST && now.since(moment) <= Wait::LONGEST
}

/// Reads a duration with its unit: as Go prints it, in words (`minute`, `60 seconds`), or by ISO 8601 (`PT1M`).
pub(super) fn span(text: &str) -> Option<Duration> {
    go_duration(text).or_else(|| in_words(text)).or_else(|| iso_duration(text))
}

/// Reads a duration as Go prints it: `1h12m3.5s`, `120ms`, also with `d` for days.
pub(super) fn go_duration(text: &str) -> Option<Duration> {
    units_in(text, |unit| match unit {
        "ns" => Some(Scale::Nanos),
        "us" | "µs" => Some(Scale::Micros),
        "ms" => Some(Scale::Millis),
        "s" => Some(Scale::Seconds),
        "m" => Some(Scale::Minutes),
        "h" => Some(Scale::Hours),
        "d" => Some(Scale::Days),
        _ => None,
    })
}

/// Reads `PT1M30S` and `P1D`; months and years have no length.
fn iso_duration(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('P')?;
    let (days, time) = text.split_once('T').unwrap_or((text, ""));
    let part = |text: &str, unit: fn(&str) -> Option<Scale>| {
        if text.is_empty() { Some(Duration::ZERO) } else { units_in(text, unit) }
    };
    let days = part(days, |unit| (unit == "D").then_some(Scale::Days))?;
    let time = part(time, |unit| match unit {
        "H" => Some(Scale::Hours),
        "M" => Some(Scale::Minutes),
        "S" => Some(Scale::Seconds),
        _ => None,
    })?;
    (text.len() > 1).then(|| days.saturating_add(time))
}

/// Reads `minute`, `60 seconds`, `1 MINUTE`.
fn in_words(text: &str) -> Option<Duration> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = (text[..at].trim_end(), &text[at..]);
    let number = if number.is_empty() { Decimal::from(1) } else { Decimal::parse(number)? };
    let is = |words: &[&str]| words.iter().any(|word| unit.eq_ignore_ascii_case(word));
    let scale = match () {
        () if is(&["millisecond", "milliseconds"]) => Scale::Millis,
        () if is(&["sec", "secs", "second", "seconds"]) => Scale::Seconds,
        () if is(&["min", "mins", "minute", "minutes"]) => Scale::Minutes,
        () if is(&["hr", "hrs", "hour", "hours"]) => Scale::Hours,
        () if is(&["day", "days"]) => Scale::Days,
        () => return None,
    };
    Some(number.of(scale))
}

fn units_in(text: &str, scale: impl Fn(&str) -> Option<Scale>) -> Option<Duration> {
    let mut rest = text;
    let mut total = 0_i128;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number = Decimal::parse(&rest[..unit_at])?;
        rest = &rest[unit_at..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total = total.saturating_add(number.nanos_of(scale(&rest[..unit_end])?));
        rest = &rest[unit_end..];
    }
    (!text.is_empty()).then(|| duration(total))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Wall = Wall::from_secs(1_767_225_600);

    fn read(text: &str) -> Option<Told> {
        told(text, Hint::default(), NOW)
    }

    fn after(millis: u64) -> Option<Told> {
        Some(Told::After(Duration::from_millis(millis)))
    }

    #[test]
    fn numbers_are_read_exactly() {
        assert_eq!(Decimal::parse("60.0").unwrap().count(), 60);
        assert_eq!(Decimal::parse("1e+06").unwrap().count(), 1_000_000);
        assert_eq!(Decimal::parse("-534").unwrap().count(), 0);
        assert_eq!(Decimal::parse("0.934").unwrap().of(Scale::Seconds), Duration::from_millis(934));
        assert_eq!(Decimal::parse("99999999999999999999999999999999999999").unwrap().count(), u64::MAX);
        for bad in ["", ".", "-", "abc", "1 2", "0x10", "+5", "1_000", "nan", "inf", "--1", "1e", "٥"] {
            assert_eq!(Decimal::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_epoch_is_known_by_its_size() {
        assert_eq!(read("1767225642"), Some(Told::At(Wall::from_secs(1_767_225_642))));
        assert_eq!(read("1767225642.123"), Some(Told::At(Wall::from_millis(1_767_225_642_123))));
        assert_eq!(read("1767225642123"), Some(Told::At(Wall::from_millis(1_767_225_642_123))));
        assert_eq!(read("1767225642123000"), Some(Told::At(Wall::from_millis(1_767_225_642_123))));
        assert_eq!(read("42"), after(42_000));
        assert_eq!(read("0.5"), after(500));
        assert_eq!(read("-3"), after(0));
    }

    #[test]
    fn seconds_that_nobody_means_are_milliseconds() {
        assert_eq!(read("2678400"), after(2_678_400_000), "31 days");
        assert_eq!(read("86400000"), after(86_400_000), "1000 days, or one day");
    }

    #[test]
    fn a_name_that_states_the_unit_is_obeyed() {
        let hint = Hint { scale: Some(Scale::Millis), ..Hint::default() };
        assert_eq!(told("9800", hint, NOW), after(9_800));
        assert_eq!(told("1767225642123", hint, NOW), Some(Told::At(Wall::from_millis(1_767_225_642_123))));
    }

    #[test]
    fn durations_with_units_are_read() {
        assert_eq!(read("1h16m0.667s"), after(4_560_667));
        assert_eq!(read("120ms"), after(120));
        assert_eq!(read("PT1M30S"), after(90_000));
        assert_eq!(read("P1DT1H"), after(90_000_000));
        assert_eq!(read("2 minutes"), after(120_000));
        assert_eq!(span("minute"), Some(Duration::from_secs(60)));
        for bad in ["P", "PT", "P1M", "5 apples", "a"] {
            assert_eq!(span(bad), None, "{bad}");
        }
        for bad in ["invalid", "s", "-1s", "1 s", "1s2", ""] {
            assert_eq!(go_duration(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,40}", number in "-?[0-9]{1,45}(\\.[0-9]{0,12})?(e[+-]?[0-9]{1,3})?", wall: i64) {
            let now = Wall::from_nanos(wall);
            for text in [text, number.clone() + "h1m", number] {
                if let Some(told) = told(&text, Hint::default(), now) {
                    let _ = told.from(now);
                }
            }
        }
    }
}
