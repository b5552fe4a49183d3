//! Reads a duration as people write it: `500ms`, `1.5s`, `2min`, `1h`.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;

pub(crate) const FORM: &str = "a duration is a number with a unit: 500ms, 1.5s, 2min, 1h, 1day";

pub(crate) fn parse(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit);
    let nanos: u128 = match unit {
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "day" => 86_400_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts = whole.parse::<u128>().ok()?.checked_mul(scale)?.checked_add(fraction.parse().ok()?)?;
    u64::try_from(parts.checked_mul(nanos)? / scale).ok().map(Duration::from_nanos)
}

/// The duration as code.
pub(crate) fn code(duration: Duration) -> TokenStream {
    let (secs, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#secs, #nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_written() {
        for (text, millis) in [
            ("500ms", 500),
            ("1s", 1_000),
            ("1.5s", 1_500),
            ("2min", 120_000),
            ("0.25h", 900_000),
            ("1day", 86_400_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("0.0000000001s"), Some(Duration::ZERO));
        for text in [
            "",
            "s",
            "5",
            "5m",
            "5 s",
            "-5s",
            "1.s",
            ".5s",
            "1.2.3s",
            "5sec",
            "99999999999999999999999999999999999999999s",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
