//! Finds the role of a field (limit, remaining, used, reset …) and the bucket it belongs to from its name alone, so that
//! a vendor whom nobody listed is read right.

use std::ops::Range;
use std::time::Duration;

use super::few::Few;
use super::units::{Hint, Scale};
use super::words::{Claim, Part, Word, parts};

/// What the value of a field is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    #[default]
    Limit,
    Remaining,
    Used,
    Reset,
    Window,
    RetryAfter,
    Policy,
    Cost,
    Scope,
    /// A name of the limit; a larger number is a vaguer name.
    Name(u8),
}

/// Tells the buckets of one response apart: `requests` from `tokens`, `day` from `minute`, one vendor from another.
#[derive(Clone, Debug, Default)]
pub(super) struct Key<'a> {
    /// The words before the family that are not known: whose field it is.
    pub(super) vendor: &'a str,
    /// How the family is spelled. A server that sends `X-RateLimit-Limit` and `RateLimit-Limit` may mean two things.
    pub(super) spelling: &'a str,
    /// What is counted, for whom, and over which time, in the order of the name.
    pub(super) dimensions: Few<&'a str, 4>,
    /// The window that a dimension states or suggests.
    pub(super) span: Option<Span>,
}

/// A window that stands in a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) length: Duration,
    /// Whether the word is the unit itself (`minute`) and not one derived from it (`daily`, `1m`).
    pub(super) stated: bool,
}

impl<'a> Key<'a> {
    /// Adds a dimension. What a name says beyond four is left out.
    pub(super) fn count(&mut self, dimension: &'a str) {
        self.dimensions.push(dimension);
    }

    /// Adds a dimension that is known of a vendor: a window of `length`.
    pub(super) fn suggest(&mut self, dimension: &'a str, length: Duration) {
        self.count(dimension);
        self.span = Some(Span { length, stated: false });
    }

    /// A name for the bucket: the vendor, the dimensions, and its place in a list. It is the same in all responses.
    pub(super) fn name(&self, slot: u8) -> Option<String> {
        let mut name = self.vendor.to_owned();
        for dimension in self.dimensions.iter() {
            if !name.is_empty() {
                name.push('-');
            }
            name.push_str(dimension);
        }
        if slot > 0 && self.span.is_none() {
            name.push('#');
            name.push_str(&(slot + 1).to_string());
        }
        (!name.is_empty()).then_some(name)
    }

    /// Whether it names neither a vendor nor a dimension.
    pub(super) fn is_plain(&self) -> bool {
        self.vendor.is_empty() && self.dimensions.is_empty()
    }

    /// Whether both could be the same bucket, spelled differently.
    pub(super) fn is_akin(&self, other: &Self) -> bool {
        self.vendor == other.vendor && *self.dimensions == *other.dimensions
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.is_akin(other) && self.spelling == other.spelling
    }
}

/// A name that is about limits, understood.
#[derive(Clone, Debug, Default)]
pub(super) struct Name<'a> {
    pub(super) role: Role,
    pub(super) key: Key<'a>,
    pub(super) hint: Hint,
    /// The name carries no word like `ratelimit`, so it counts only in the company of others (`x-remaining-today`).
    pub(super) weak: bool,
    /// The name is the family's and nothing else (`x-rate-limit`, `ratelimit`): its value may have any shape.
    pub(super) bare: bool,
}

impl Name<'_> {
    /// The name of a field that says how long to wait.
    pub(super) fn wait() -> Self {
        Self { role: Role::RetryAfter, hint: Hint { relative: true, ..Hint::default() }, ..Self::default() }
    }
}

/// Whether a name is worth a closer look; nearly all are not.
pub(super) fn may_matter(name: &str) -> bool {
    name.as_bytes().windows(4).any(|part| match part[0] {
        b'c' => matches!(part, b"coun" | b"char" | b"conc"),
        b'l' => matches!(part, b"limi" | b"left"),
        b'q' => part == b"quot",
        b'r' => matches!(part, b"rema" | b"rese" | b"retr"),
        b't' => part == b"thro",
        b'u' => matches!(part, b"usag" | b"used"),
        _ => false,
    })
}

/// Spells a key of JSON like the name of a field: `retryAfterMs` becomes `retry-after-ms`.
pub(super) fn kebab(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 4);
    let mut previous = '-';
    for c in key.chars() {
        if c.is_ascii_uppercase() && (previous.is_ascii_lowercase() || previous.is_ascii_digit()) {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
        previous = c;
    }
    name
}

/// Understands a name in lower case; `None` if it is about something else.
pub(super) fn understand(name: &str) -> Option<Name<'_>> {
    let parts = parts(name)?;
    let family = family(&parts);
    // Without the family's word, the first word with a role stands in its place.
    let core = match &family {
        Some(core) => core.clone(),
        None => parts.iter().position(|part| has_role(part.word)).map(|first| first..first)?,
    };
    let mut seen = Seen::default();
    let mut key = Key::default();
    if let (Some(first), Some(last)) = (parts.first(), parts[..core.end].last()) {
        key.spelling = &name[first.start..last.end];
    }
    for (index, part) in parts.iter().enumerate() {
        let before = index < core.start;
        match part.word {
            _ if core.contains(&index) => {}
            Word::Other => return None,
            Word::Unknown(_) | Word::Scale(..) | Word::Claim(Claim::Info) if before => {
                key.vendor = &name[part.start..part.end];
            }
            Word::Unknown(dimension) | Word::Dimension(dimension) => key.count(dimension),
            Word::Claim(claim) => seen.claims.add(claim),
            Word::Quota => seen.claims.add(Claim::Limit),
            Word::Name(vagueness) => seen.name = Some(vagueness),
            Word::Scale(scale, dimension) => seen.scale = Some((scale, dimension)),
            Word::Span(dimension, length, stated) => {
                seen.span = Some((dimension, Span { length, stated: stated && !before }));
            }
            Word::Rate | Word::Family | Word::Filler => {}
        }
    }
    // `x-daylimit-remaining` speaks of a limit and of what is left of it: that is as good as the family's word.
    let balance = seen.claims.has_any(&[Claim::Remaining, Claim::Reset, Claim::Used]);
    let weak = family.is_none() && !(seen.claims.has(Claim::Limit) && balance);
    let bare = !weak && seen.claims.is_empty() && seen.name.is_none() && seen.scale.is_none();
    let role = seen.role(weak, key.dimensions.is_empty() && seen.span.is_none())?;
    let hint = seen.place_times(role, &mut key);
    if seen.claims.has(Claim::Window) && role != Role::Window {
        key.count("interval");
    }
    Some(Name { role, key, hint, weak, bare })
}

const fn has_role(word: Word<'_>) -> bool {
    use Claim::{Cost, Count, Limit, Remaining, Reset, Retry, Used};
    matches!(word, Word::Claim(Limit | Remaining | Used | Count | Reset | Retry | Cost))
}

/// Where the words stand that mark a name as one about limits.
fn family(parts: &[Part<'_>]) -> Option<Range<usize>> {
    let is_pair = |pair: &[Part<'_>]| pair[0].word == Word::Rate && pair[1].word == Word::Claim(Claim::Limit);
    let one = || parts.iter().position(|part| matches!(part.word, Word::Family | Word::Quota));
    parts.windows(2).position(is_pair).map(|at| at..at + 2).or_else(|| one().map(|at| at..at + 1))
}

/// The words of a name that are neither its family, nor its vendor, nor a plain dimension.
#[derive(Debug, Default)]
struct Seen<'a> {
    claims: Claims,
    name: Option<u8>,
    scale: Option<(Scale, &'static str)>,
    span: Option<(&'a str, Span)>,
}

/// A set of claims.
#[derive(Clone, Copy, Debug, Default)]
struct Claims(u16);

impl Claims {
    const fn add(&mut self, claim: Claim) {
        self.0 |= 1 << claim as u16;
    }

    const fn has(self, claim: Claim) -> bool {
        self.0 & 1 << claim as u16 != 0
    }

    fn has_any(self, claims: &[Claim]) -> bool {
        claims.iter().any(|claim| self.has(*claim))
    }

    const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl<'a> Seen<'a> {
    /// The strongest claim wins: a name with `remaining` and `limit` in it is about what remains of the limit. A weak
    /// name has no word of the family, a plain one no dimension.
    fn role(&self, weak: bool, plain: bool) -> Option<Role> {
        let has = |claim| self.claims.has(claim);
        let role = match () {
            () if has(Claim::Info) => return None,
            () if has(Claim::Retry) && (!weak || has(Claim::After) || self.scale.is_some()) => Role::RetryAfter,
            () if has(Claim::Reset) => Role::Reset,
            // `remaining-seconds` is how long the window remains.
            () if has(Claim::Remaining) && plain && self.scale.is_some() && !has(Claim::Limit) => Role::Reset,
            () if has(Claim::Remaining) => Role::Remaining,
            () if has(Claim::Cost) => Role::Cost,
            () if has(Claim::Used) => Role::Used,
            () if has(Claim::Count) && weak && plain => return None,
            () if has(Claim::Count) => Role::Used,
            () if has(Claim::Limit) => Role::Limit,
            () if weak => return None,
            () if has(Claim::Scope) => Role::Scope,
            () if has(Claim::Policy) => Role::Policy,
            () if let Some(vagueness) = self.name => Role::Name(vagueness),
            () if has(Claim::Window) => Role::Window,
            () if has(Claim::After) => Role::RetryAfter,
            () => Role::Limit,
        };
        Some(role)
    }

    /// Words about time are the unit of a value that is a time, and a dimension of one that is a count.
    fn place_times(&self, role: Role, key: &mut Key<'a>) -> Hint {
        let remains = role == Role::Reset && self.claims.has(Claim::Remaining);
        let relative = self.claims.has(Claim::After) || role == Role::RetryAfter || remains;
        let mut hint = Hint { relative, ..Hint::default() };
        if let Some((scale, dimension)) = self.scale {
            match role {
                Role::Reset | Role::Window | Role::RetryAfter => hint.scale = Some(scale),
                _ => key.count(dimension),
            }
        }
        if let Some((dimension, span)) = self.span {
            match (role, Scale::of_length(span.length)) {
                // `period-in-sec`, but `reset-minute` is the reset of the quota of a minute.
                (Role::Window | Role::RetryAfter, Some(scale)) => hint.scale = Some(scale),
                (Role::Reset, Some(scale)) if self.claims.has(Claim::After) => hint.scale = Some(scale),
                _ => {
                    key.count(dimension);
                    key.span = Some(span);
                }
            }
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(name: &str) -> Option<(Role, String)> {
        if !may_matter(name) {
            return None;
        }
        understand(name).map(|name| (name.role, name.key.dimensions.join("-")))
    }

    #[test]
    fn the_trio_is_known_in_any_spelling() {
        for prefix in
            ["x-ratelimit", "x-rate-limit", "ratelimit", "x-vendor-ratelimit", "vendor_rate_limit", "x-vendor-quota"]
        {
            for (suffix, role) in
                [("limit", Role::Limit), ("remaining", Role::Remaining), ("used", Role::Used), ("reset", Role::Reset)]
            {
                assert_eq!(read(&format!("{prefix}-{suffix}")), Some((role, String::new())), "{prefix}-{suffix}");
            }
        }
    }

    #[test]
    fn the_dimension_is_found_wherever_it_stands() {
        for name in ["x-ratelimit-remaining-requests", "x-ratelimit-requests-remaining", "x-requests-remaining"] {
            assert_eq!(read(name), Some((Role::Remaining, "requests".to_owned())), "{name}");
        }
        assert_eq!(read("x-limit-per-day"), Some((Role::Limit, "day".to_owned())));
        assert_eq!(read("x-remaining-today"), Some((Role::Remaining, "day".to_owned())));
        assert_eq!(read("x-ratelimit-userlimit"), Some((Role::Limit, "user".to_owned())));
    }

    #[test]
    fn a_bare_family_is_a_limit() {
        assert_eq!(read("x-rate-limit"), Some((Role::Limit, String::new())));
        assert_eq!(read("x-vendor-ratelimit-daily"), Some((Role::Limit, "day".to_owned())));
    }

    #[test]
    fn units_in_a_name_belong_to_times_and_are_dimensions_of_counts() {
        assert_eq!(understand("x-rate-limit-time-reset-ms").unwrap().hint.scale, Some(Scale::Millis));
        assert_eq!(understand("x-ms-retry-after-ms").unwrap().hint.scale, Some(Scale::Millis));
        assert_eq!(understand("x-ms-retry-after").unwrap().hint.scale, None, "a vendor called ms");
        assert_eq!(read("x-ratelimit-limit-seconds"), Some((Role::Limit, "second".to_owned())));
    }

    #[test]
    fn other_fields_are_not_about_limits() {
        for name in
            ["content-length", "date", "x-request-id", "x-page-limit", "x-ratelimit-nearlimit", "x-should-retry"]
        {
            assert_eq!(read(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_read_without_panic(name in "[a-z0-9_.-]{0,60}", words in "(x-)?(ratelimit|limit|remaining|reset|used|time|left|-|ms)*") {
            let _ = understand(&name);
            let _ = understand(&words);
        }
    }
}
