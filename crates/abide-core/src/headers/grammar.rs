//! Finds the role of a field (limit, remaining, used, reset …) and the bucket it belongs to from its name alone, so that
//! a vendor whom nobody listed is read right.

use std::ops::Range;
use std::time::Duration;

use super::few::Few;
use super::units::{Hint, Scale};
use super::words::{Part, Word, parts};

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
    name.as_bytes().windows(4).any(|part| {
        matches!(
            part,
            b"limi" | b"quot" | b"rema" | b"rese" | b"retr" | b"thro" | b"usag" | b"used" | b"left" | b"coun" | b"char"
        )
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
            Word::Unknown(_) | Word::Scale(..) | Word::Info if before => key.vendor = &name[part.start..part.end],
            Word::Unknown(dimension) | Word::Dimension(dimension) => key.count(dimension),
            Word::Span(dimension, length, stated) => {
                seen.span = Some((dimension, Span { length, stated: stated && !before }));
            }
            word => seen.note(word),
        }
    }
    // `x-daylimit-remaining` speaks of a limit and of what is left of it: that is as good as the family's word.
    let weak = family.is_none() && !(seen.limit && (seen.remaining || seen.reset || seen.used));
    let bare = !weak && seen.is_empty();
    let plain = key.dimensions.is_empty() && seen.span.is_none();
    let role = match seen.role(weak, plain)? {
        // `remaining-seconds` is how long the window remains.
        Role::Remaining if plain && seen.scale.is_some() && !seen.limit => {
            seen.after = true;
            Role::Reset
        }
        role => role,
    };
    let mut hint = Hint { relative: seen.after || role == Role::RetryAfter, ..Hint::default() };
    if let Some((scale, dimension)) = seen.scale {
        match role {
            Role::Reset | Role::Window | Role::RetryAfter => hint.scale = Some(scale),
            _ => key.count(dimension),
        }
    }
    if let Some((dimension, span)) = seen.span {
        match (role, Scale::of_length(span.length)) {
            // `period-in-sec`, but `reset-minute` is the reset of the quota of a minute.
            (Role::Window | Role::RetryAfter, Some(scale)) => hint.scale = Some(scale),
            (Role::Reset, Some(scale)) if seen.after => hint.scale = Some(scale),
            _ => {
                key.count(dimension);
                key.span = Some(span);
            }
        }
    }
    if seen.window && role != Role::Window {
        key.count("interval");
    }
    Some(Name { role, key, hint, weak, bare })
}

const fn has_role(word: Word<'_>) -> bool {
    matches!(
        word,
        Word::Limit | Word::Most | Word::Remaining | Word::Used | Word::Count | Word::Reset | Word::Retry | Word::Cost
    )
}

/// Where the words stand that mark a name as one about limits.
fn family(parts: &[Part<'_>]) -> Option<Range<usize>> {
    let pair = parts.windows(2).position(|pair| pair[0].word == Word::Rate && pair[1].word == Word::Limit);
    let one = || parts.iter().position(|part| matches!(part.word, Word::Family | Word::Quota));
    pair.map(|at| at..at + 2).or_else(|| one().map(|at| at..at + 1))
}

/// The words of a name that are neither its family, nor its vendor, nor a dimension.
#[derive(Debug, Default)]
struct Seen<'a> {
    limit: bool,
    remaining: bool,
    used: bool,
    count: bool,
    reset: bool,
    retry: bool,
    after: bool,
    window: bool,
    cost: bool,
    policy: bool,
    scope: bool,
    info: bool,
    name: Option<u8>,
    scale: Option<(Scale, &'static str)>,
    span: Option<(&'a str, Span)>,
}

impl<'a> Seen<'a> {
    fn note(&mut self, word: Word<'a>) {
        match word {
            Word::Limit | Word::Most | Word::Quota => self.limit = true,
            Word::Remaining => self.remaining = true,
            Word::Used => self.used = true,
            Word::Count => self.count = true,
            Word::Reset => self.reset = true,
            Word::Retry => self.retry = true,
            Word::After => self.after = true,
            Word::Window => self.window = true,
            Word::Cost => self.cost = true,
            Word::Policy => self.policy = true,
            Word::Scope => self.scope = true,
            Word::Info => self.info = true,
            Word::Name(rank) => self.name = Some(rank),
            Word::Scale(scale, dimension) => self.scale = Some((scale, dimension)),
            Word::Rate
            | Word::Family
            | Word::Filler
            | Word::Dimension(_)
            | Word::Span(..)
            | Word::Other
            | Word::Unknown(_) => {}
        }
    }

    const fn is_empty(&self) -> bool {
        !(self.limit
            || self.remaining
            || self.used
            || self.count
            || self.reset
            || self.retry
            || self.after
            || self.window
            || self.cost
            || self.policy
            || self.scope
            || self.info)
            && self.name.is_none()
            && self.scale.is_none()
    }

    /// The strongest claim wins: a name with `remaining` and `limit` in it is about what remains of the limit.
    const fn role(&self, weak: bool, plain: bool) -> Option<Role> {
        let role = match self {
            Self { info: true, .. } => return None,
            Self { retry: true, after, scale, .. } if !weak || *after || scale.is_some() => Role::RetryAfter,
            Self { reset: true, .. } => Role::Reset,
            Self { remaining: true, .. } => Role::Remaining,
            Self { cost: true, .. } => Role::Cost,
            Self { used: true, .. } => Role::Used,
            Self { count: true, .. } if weak && plain => return None,
            Self { count: true, .. } => Role::Used,
            Self { limit: true, .. } => Role::Limit,
            _ if weak => return None,
            Self { scope: true, .. } => Role::Scope,
            Self { policy: true, .. } => Role::Policy,
            Self { name: Some(rank), .. } => Role::Name(*rank),
            Self { window: true, .. } => Role::Window,
            Self { after: true, .. } => Role::RetryAfter,
            _ => Role::Limit,
        };
        Some(role)
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
