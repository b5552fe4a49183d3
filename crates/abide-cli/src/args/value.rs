//! Values of flags: durations, sizes, ranges, limits and header lines, with errors that say what is accepted.

use std::str::FromStr;
use std::time::Duration;

use abide::{LimitSpec, LimitSpecs};
use abide_core::headers::{Scale, UnitError};

/// A duration such as `20s`, `500ms`, `5min`, `1h 30min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("'{text}' is not a duration; write 500ms, 20s, 5min, 1h or 1h 30min");
        let span: jiff::SignedDuration = text.parse().map_err(|_| expected())?;
        Duration::try_from(span).ok().filter(|span| !span.is_zero()).map(Self).ok_or_else(expected)
    }
}

/// The first and the longest wait of a backoff, `1s..60s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BackoffRange {
    pub(crate) base: Duration,
    pub(crate) cap: Duration,
}

impl FromStr for BackoffRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("'{text}' is not a range of waits; write the first and the longest, as 1s..60s");
        let (base, cap) = text.split_once("..").ok_or_else(expected)?;
        let (base, cap) = (base.parse::<Span>()?.0, cap.parse::<Span>()?.0);
        if base > cap { Err(expected()) } else { Ok(Self { base, cap }) }
    }
}

/// A number of bytes such as `256MiB`, `10MB`, `65536`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("'{text}' is not a size; write bytes, or 64KiB, 10MB, 256MiB, 1GiB");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "kib" | "k" => 1 << 10,
            "mib" | "m" => 1 << 20,
            "gib" | "g" => 1 << 30,
            _ => return Err(expected()),
        };
        let number: u64 = number.parse().map_err(|_| expected())?;
        number.checked_mul(factor).filter(|size| *size > 0).map(Self).ok_or_else(expected)
    }
}

/// `FIELD=UNIT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderUnit {
    pub(crate) field: String,
    pub(crate) unit: Scale,
}

impl FromStr for HeaderUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, unit) = text.split_once('=').ok_or("expected FIELD=UNIT, as x-ratelimit-reset=ms")?;
        Ok(Self { field: field.trim().to_owned(), unit: unit.trim().parse().map_err(|e: UnitError| e.to_string())? })
    }
}

/// `SPEC` for each origin, or `HOST=SPEC` for one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostLimit {
    pub(crate) host: Option<String>,
    pub(crate) limits: LimitSpecs,
}

impl FromStr for HostLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, spec) = match text.split_once('=') {
            Some((host, spec)) => (Some(host.trim().to_ascii_lowercase()), spec),
            None => (None, text),
        };
        Ok(Self { host, limits: spec.parse().map_err(|e: abide::abide_core::policy::SpecError| e.to_string())? })
    }
}

impl std::fmt::Display for HostLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}=")?;
        }
        let specs: Vec<String> = self.limits.0.iter().map(ToString::to_string).collect();
        f.write_str(&specs.join(" + "))
    }
}

/// A limit that is a rate, `2/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(pub(crate) LimitSpec);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let limits: LimitSpecs = text.parse().map_err(|e: abide::abide_core::policy::SpecError| e.to_string())?;
        match limits.0.as_slice() {
            [rate @ (LimitSpec::Window { .. } | LimitSpec::Bucket { .. })] => Ok(Self(*rate)),
            _ => Err(format!("'{text}' is not one rate; write it as 2/s")),
        }
    }
}

/// `Name: value`. What was typed is not repeated in errors: it may be a credential.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct HeaderLine {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl std::fmt::Debug for HeaderLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: …", self.name)
    }
}

impl FromStr for HeaderLine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) =
            text.split_once(':').ok_or("a header line is 'Name: value', with a colon between the two")?;
        Ok(Self { name: name.trim().to_owned(), value: value.trim().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_with_their_units() {
        assert_eq!("1h 30min".parse(), Ok(Span(Duration::from_secs(5_400))));
        assert_eq!("250ms".parse(), Ok(Span(Duration::from_millis(250))));
        for wrong in ["", "20", "-3s", "0s", "soon"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
        assert_eq!("1s..60s".parse::<BackoffRange>().map(|b| b.cap), Ok(Duration::from_secs(60)));
        assert!("60s..1s".parse::<BackoffRange>().is_err());
        assert_eq!("256MiB".parse(), Ok(Size(256 << 20)));
        assert!("0".parse::<Size>().is_err() && "10XB".parse::<Size>().is_err());
    }

    #[test]
    fn a_limit_may_name_its_host() {
        let limit = "API.example.com=50/5s + 10/s".parse::<HostLimit>().unwrap();
        assert_eq!(limit.host.as_deref(), Some("api.example.com"));
        assert_eq!(limit.limits.0.len(), 2);
        assert!("2/s".parse::<Rate>().is_ok() && "2/s + 9/min".parse::<Rate>().is_err());
        assert!("concurrency 2".parse::<Rate>().unwrap_err().contains("2/s"));
        assert!("50/5".parse::<HostLimit>().unwrap_err().contains("accepted:"));
    }
}
