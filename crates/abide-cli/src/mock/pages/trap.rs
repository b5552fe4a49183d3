//! What servers do that pagers trip over, and to which ways of paging each can happen.

use super::style::{At, Style};

/// A trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trap {
    /// Every second page holds nothing.
    Empty,
    /// Pages hold fewer records than they may.
    Short,
    /// From the second page on the server gives half of what it gave.
    Lower,
    /// Numbers of records and pages are text.
    Text,
    /// The next page drops what else the query said.
    Drop,
    /// The third page names one that was there, or holds what it held.
    Repeat,
    /// The last page names one more, which holds the same again.
    Forever,
    /// Half way what the next page is asked for with is no longer accepted: 410.
    Gone,
    /// The same, with a 400.
    Invalid,
    /// The third page is said to be at another origin.
    Origin,
}

/// All of them, with their names and a line for the help.
pub(super) const TRAPS: [(Trap, &str, &str); 10] = [
    (Trap::Empty, "empty", "every second page is empty"),
    (Trap::Short, "short", "pages hold fewer records than they may"),
    (Trap::Lower, "lower", "the second page is half as large, and all after it"),
    (Trap::Text, "text", "totals are text"),
    (Trap::Drop, "drop", "next drops the rest of the query"),
    (Trap::Repeat, "repeat", "the third page leads back"),
    (Trap::Forever, "forever", "the last page names one more, for ever"),
    (Trap::Gone, "gone", "half way a token has expired: 410"),
    (Trap::Invalid, "invalid", "half way a token has expired: 400"),
    (Trap::Origin, "origin", "the third page is at another origin"),
];

impl Trap {
    pub(super) fn named(name: &str) -> Option<Self> {
        TRAPS.into_iter().find(|(_, known, _)| *known == name).map(|(trap, ..)| trap)
    }

    pub(super) fn name(self) -> &'static str {
        TRAPS.into_iter().find(|(trap, ..)| *trap == self).map_or("", |(_, name, _)| name)
    }

    /// Whether it can happen to servers that page like this.
    pub(super) fn fits(self, style: &Style) -> bool {
        let by_token = matches!(style.at, At::Token(_) | At::BodyToken(_));
        match self {
            Self::Empty | Self::Gone | Self::Invalid => by_token,
            Self::Short | Self::Repeat => true,
            // A number stands for a place that depends on the size of all pages before it.
            Self::Lower => !matches!(style.at, At::Number(..)),
            Self::Drop => style.url.is_some() && !matches!(style.at, At::Number(..)),
            Self::Text => style.counts(),
            Self::Origin => style.url.is_some(),
            Self::Forever => style.names_next(),
        }
    }
}
