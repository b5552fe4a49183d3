//! Reads dates: the three forms of HTTP, the slips that servers make in them, ISO 8601, and what JavaScript prints.

use std::time::UNIX_EPOCH;

use jiff::civil;

use crate::time::Wall;

/// A date as HTTP allows it (RFC 9110 section 5.6.7), and as servers get it slightly wrong: a day of the week that does
/// not fit, one digit for the day, `UTC` or a numeric zone for `GMT`, a leap second.
pub(super) fn http_date(text: &str) -> Option<Wall> {
    let text = text.trim();
    strict(text).or_else(|| lenient(text))
}

/// A date in any form that is known here.
pub(super) fn parse(text: &str) -> Option<Wall> {
    http_date(text).or_else(|| iso8601(text)).or_else(|| javascript(text))
}

fn strict(text: &str) -> Option<Wall> {
    let date = httpdate::parse_http_date(text).ok()?;
    let nanos = match date.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    };
    Some(Wall::from_nanos(nanos))
}

/// `[Sun, ]6 Nov 1994 08:49:37 GMT`, the day of the week unread.
fn lenient(text: &str) -> Option<Wall> {
    let text = text.split_once(", ").map_or(text, |(_, date)| date);
    let mut words = text.split(' ');
    let day = words.next()?.parse().ok()?;
    let month = month(words.next()?)?;
    let year = year(words.next()?)?;
    let clock = words.next()?;
    let zone = zone(words.next()?)?;
    match words.next() {
        None => Some(moment(year, month, day, time(clock)?, zone)),
        Some(_) => None,
    }?
}

/// `Tue Feb 16 2021 09:02:42 GMT+0100 (Central European Standard Time)`, as JavaScript's `Date` prints itself.
fn javascript(text: &str) -> Option<Wall> {
    let mut words = text.splitn(7, ' ').skip(1);
    let month = month(words.next()?)?;
    let day = words.next()?.parse().ok()?;
    let year = year(words.next()?)?;
    let clock = time(words.next()?)?;
    let zone = zone(words.next()?.strip_prefix("GMT")?)?;
    match words.next() {
        Some(name) if !name.starts_with('(') => None,
        _ => moment(year, month, day, clock, zone),
    }
}

/// ISO 8601 and its relatives: the seconds can be missing, a space can stand for the `T`, no zone is UTC.
fn iso8601(text: &str) -> Option<Wall> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let nanos = match text.parse::<jiff::Timestamp>() {
        Ok(moment) => moment.as_nanosecond(),
        Err(_) => {
            let civil = text.trim_end_matches(" UTC").trim_end_matches(" +0000").trim_end_matches('Z');
            let date = civil.parse::<civil::DateTime>().ok().filter(|_| civil.len() > "2026-01-01".len())?;
            jiff::tz::Offset::UTC.to_timestamp(date).ok()?.as_nanosecond()
        }
    };
    Some(Wall::from_nanos(i64::try_from(nanos).ok()?))
}

fn moment(year: i16, month: i8, day: i8, clock: (i8, i8, i8), zone: i64) -> Option<Wall> {
    let (hour, minute, second) = clock;
    // A leap second is the second after the one before it; the calendar here has no such moment.
    let leap = i64::from(second == 60);
    let date = civil::DateTime::new(year, month, day, hour, minute, second.min(59), 0).ok()?;
    let moment = jiff::tz::Offset::UTC.to_timestamp(date).ok()?;
    Some(Wall::from_secs(moment.as_second() + leap - zone))
}

fn month(text: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    (1..).zip(MONTHS).find(|(_, name)| *name == text).map(|(number, _)| number)
}

fn year(text: &str) -> Option<i16> {
    text.parse().ok().filter(|_| text.len() == 4)
}

fn time(text: &str) -> Option<(i8, i8, i8)> {
    let mut parts = text.split(':').map(|part| part.parse::<i8>().ok().filter(|_| part.len() == 2));
    let clock = (parts.next()??, parts.next()??, parts.next()??);
    (parts.next().is_none() && clock.2 <= 60).then_some(clock)
}

/// Seconds east of Greenwich.
fn zone(text: &str) -> Option<i64> {
    if matches!(text, "GMT" | "UTC" | "UT" | "Z") {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let number = digits.parse::<i64>().ok().filter(|_| digits.len() == 4 && !digits.starts_with(['+', '-']))?;
    Some(sign * (number / 100 * 3_600 + number % 100 * 60))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secs(text: &str) -> Option<i64> {
        parse(text).map(Wall::as_secs)
    }

    #[test]
    fn the_three_forms_of_http_are_read() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(http_date(text), Some(Wall::from_secs(784_111_777)), "{text}");
        }
    }

    #[test]
    fn common_slips_are_read_all_the_same() {
        for text in [
            "Tue, 06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 UTC",
            "06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 09:49:37 +0100",
        ] {
            assert_eq!(http_date(text), Some(Wall::from_secs(784_111_777)), "{text}");
        }
        assert_eq!(secs("Wed, 31 Dec 2008 23:59:60 GMT"), secs("Thu, 01 Jan 2009 00:00:00 GMT"));
    }

    #[test]
    fn iso_and_javascript_dates_are_read() {
        assert_eq!(secs("2025-10-08T15:00:00Z"), Some(1_759_935_600));
        assert_eq!(secs("2025-10-08T15:00:00"), Some(1_759_935_600));
        assert_eq!(secs("2025-10-08 15:00:00 UTC"), Some(1_759_935_600));
        assert_eq!(secs("2025-10-08T15:00Z"), Some(1_759_935_600));
        assert_eq!(secs("2025-10-08T16:00:00+01:00"), Some(1_759_935_600));
        assert_eq!(secs("Tue Feb 16 2021 09:02:42 GMT+0100 (Central European Standard Time)"), Some(1_613_462_562));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in
            ["", "abc", "2026", "20110623", "31 Apr 2024 12:00:00 GMT", "Sun, 06 Nov 1994 25:00:00 GMT", "2026-01-01"]
        {
            assert_eq!(secs(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,40}", date in "[A-Z][a-z]{2},? [0-9]{1,2} [A-Z][a-z]{2} [0-9]{2,5} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT)?[-+0-9A-Z]{0,6}") {
            let _ = parse(&text);
            let _ = parse(&date);
        }
    }
}
