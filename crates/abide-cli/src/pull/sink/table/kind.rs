//! What a column holds: the kinds of value, and the kind that holds two of them.

use abide_core::json::{self, Value};
use serde::{Deserialize, Serialize};

/// Beyond this not every integer is a `double` too.
const EXACT: u64 = 1 << 53;

/// The kind of a value, and of a column that holds such values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Nothing but nulls so far.
    Null,
    Boolean,
    /// Up to 2^53, which can become a real number without loss.
    Integer,
    /// Up to 2^63.
    Long,
    /// A number with a fraction or an exponent, within a `double`.
    Real,
    /// Text, and whatever has no other kind of its own: numbers that are too large, values of different kinds.
    Text,
    /// A list or an object.
    Json,
}

impl Kind {
    pub(super) fn of(value: Value<'_>) -> Self {
        match value.kind() {
            json::Kind::Null => Self::Null,
            json::Kind::Bool => Self::Boolean,
            json::Kind::String => Self::Text,
            json::Kind::Array | json::Kind::Object => Self::Json,
            json::Kind::Number => Self::of_number(value.text()),
        }
    }

    fn of_number(text: &str) -> Self {
        if let Ok(integer) = text.parse::<i64>() {
            return if integer.unsigned_abs() <= EXACT { Self::Integer } else { Self::Long };
        }
        let is_whole = !text.contains(['.', 'e', 'E']);
        let is_zero =
            || text.split(['e', 'E']).next().is_some_and(|digits| !digits.contains(|c| matches!(c, '1'..='9')));
        match text.parse::<f64>() {
            // What is beyond a double would become infinite, or nothing.
            Ok(real) if !is_whole && real.is_finite() && (real != 0.0 || is_zero()) => Self::Real,
            _ => Self::Text,
        }
    }

    /// The kind of a column that holds both. Whatever comes first, the end is the same.
    pub(super) fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Null, kind) | (kind, Self::Null) => kind,
            (Self::Integer, Self::Long) | (Self::Long, Self::Integer) => Self::Long,
            (Self::Integer, Self::Real) | (Self::Real, Self::Integer) => Self::Real,
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use abide_core::json::Json;
    use proptest::prelude::*;

    use super::*;

    const ALL: [Kind; 7] = [Kind::Null, Kind::Boolean, Kind::Integer, Kind::Long, Kind::Real, Kind::Text, Kind::Json];

    fn of(text: &str) -> Kind {
        Kind::of(Json::parse(text.as_bytes()).unwrap().root())
    }

    #[test]
    fn a_number_has_a_kind_that_loses_nothing_of_it() {
        let kinds = [
            ("-7", Kind::Integer),
            ("9007199254740992", Kind::Integer),
            ("9007199254740993", Kind::Long),
            ("-9223372036854775808", Kind::Long),
            ("9223372036854775808", Kind::Text),
            ("1.50", Kind::Real),
            ("1e5", Kind::Real),
            ("0.0e-999", Kind::Real),
            ("1e999", Kind::Text),
            ("1e-999", Kind::Text),
        ];
        for (text, kind) in kinds {
            assert_eq!(of(text), kind, "{text}");
        }
        assert_eq!([of("null"), of("true"), of("\"\""), of("[]"), of("{}")].map(|kind| kind as u8), [0, 1, 5, 6, 6]);
    }

    proptest! {
        #[test]
        fn the_order_in_which_kinds_come_does_not_matter(
            kinds in prop::collection::vec(prop::sample::select(&ALL[..]), 0..6).prop_shuffle(),
        ) {
            let joined = |kinds: &[Kind]| kinds.iter().fold(Kind::Null, |all, kind| all.join(*kind));
            let mut other = kinds.clone();
            other.reverse();
            prop_assert_eq!(joined(&kinds), joined(&other));
            let (head, tail) = kinds.split_at(kinds.len() / 2);
            prop_assert_eq!(joined(head).join(joined(tail)), joined(&kinds));
        }
    }
}
