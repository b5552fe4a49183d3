//! Reads JSON as the server's own text: checked, freed of the white space between tokens, and never taken apart into numbers
//! and maps, so that big integers, decimals, key order, escapes and repeated keys stay as they were sent.
//!
//! ```
//! use abide_core::json::Json;
//!
//! let body = Json::parse(br#"{ "items": [ {"id": 12345678901234567890, "price": 1.50} ] }"#)?;
//! let first = body.member("items").and_then(|items| items.elements().next());
//! assert_eq!(first.map(|item| item.text()), Some(r#"{"id":12345678901234567890,"price":1.50}"#));
//! # Ok::<(), abide_core::json::JsonError>(())
//! ```

mod scan;
mod string;
mod value;

pub use scan::{Json, JsonError};
pub use value::{Elements, Kind, Members, Value};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    /// Any JSON value, nested a few levels.
    pub(super) fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u16>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
            "([a-z\"\\\\ ,:{}\\[\\]\\n]|\\PC){0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("[a-c\" ]{0,3}", inner, 0..5)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    /// Puts white space around each token of a compact text.
    pub(super) fn spread(text: &str, spaces: &[String]) -> String {
        let mut spaces = spaces.iter().cycle();
        let mut space = || spaces.next().map_or("", String::as_str);
        let (mut out, mut quoted, mut escaped) = (space().to_owned(), false, false);
        for c in text.chars() {
            let between = !quoted && "{}[],:\"".contains(c);
            if between {
                out.push_str(space());
            }
            out.push(c);
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = quoted,
                '"' => quoted = !quoted,
                _ => {}
            }
            if between && !quoted {
                out.push_str(space());
            }
        }
        out + space()
    }
}
