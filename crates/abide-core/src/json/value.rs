//! A piece of checked, compact JSON text, and the way into it.

use std::borrow::Cow;

use super::string::{plain_len, unescape};

/// A value within a [`Json`](super::Json): its text, which is compact and known to be valid.
///
/// To step into it is to walk over the text; nothing is kept. No step uses the stack, however deep the nesting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a>(&'a str);

/// The kinds of JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number of any size and precision.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl<'a> Value<'a> {
    /// The caller knows `text` to be one valid value without white space between its tokens.
    pub(super) fn checked(text: &'a str) -> Self {
        Self(text)
    }

    /// The text, as the server wrote it but for white space between tokens.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// What kind of value it is.
    pub fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// What a string means; nothing if it is no string.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        self.inner().map(unescape)
    }

    /// Whether it is a string that means `text`.
    pub fn is_text(self, text: &str) -> bool {
        self.inner().is_some_and(|inner| inner == text || inner.contains('\\') && unescape(inner) == text)
    }

    /// The elements of an array, in their order; nothing if it is no array.
    pub fn elements(self) -> Elements<'a> {
        Elements(Items::of(self, Kind::Array))
    }

    /// The members of an object, key and value, in their order; nothing if it is no object.
    pub fn members(self) -> Members<'a> {
        Members(Items::of(self, Kind::Object))
    }

    /// The member with this key; the last of them, where a key is repeated.
    pub fn member(self, key: &str) -> Option<Self> {
        self.members().filter(|(k, _)| k.is_text(key)).last().map(|(_, value)| value)
    }

    fn inner(self) -> Option<&'a str> {
        self.0.strip_prefix('"')?.strip_suffix('"')
    }
}

/// The elements of an array; see [`Value::elements`].
#[derive(Clone, Debug)]
pub struct Elements<'a>(Items<'a>);

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.0.take()
    }
}

/// The members of an object; see [`Value::members`].
#[derive(Clone, Debug)]
pub struct Members<'a>(Items<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Value<'a>, Value<'a>);

    fn next(&mut self) -> Option<(Value<'a>, Value<'a>)> {
        Some((self.0.take()?, self.0.take()?))
    }
}

/// What is left between two brackets: values, each followed by one byte (`,` or `:`) or by nothing.
#[derive(Clone, Debug)]
struct Items<'a>(&'a str);

impl<'a> Items<'a> {
    fn of(value: Value<'a>, kind: Kind) -> Self {
        let text = value.0;
        // A bracket stands at each end.
        Self(if value.kind() == kind { &text[1..text.len() - 1] } else { "" })
    }

    fn take(&mut self) -> Option<Value<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let (value, rest) = self.0.split_at(value_len(self.0.as_bytes()));
        self.0 = rest.get(1..).unwrap_or_default();
        Some(Value(value))
    }
}

/// How long the value at the beginning of `text` is, which is valid and compact.
fn value_len(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                at = string_end(text, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Where the string that begins at `at` ends.
fn string_end(text: &[u8], mut at: usize) -> usize {
    at += 1;
    loop {
        at += plain_len(&text[at..]);
        match text.get(at) {
            Some(b'\\') => at += 2,
            _ => return at + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rebuilds a value from nothing but the steps into it.
    fn rebuild(value: Value<'_>) -> serde_json::Value {
        match value.kind() {
            Kind::Array => value.elements().map(rebuild).collect(),
            Kind::Object => {
                value.members().map(|(key, value)| (key.as_str().unwrap().into_owned(), rebuild(value))).collect()
            }
            Kind::String => value.as_str().unwrap().into(),
            Kind::Null | Kind::Bool | Kind::Number => serde_json::from_str(value.text()).unwrap(),
        }
    }

    #[test]
    fn steps_lead_to_elements_and_members() {
        let value = Value::checked(r#"{"a":[1,"]}\"",{},[]],"b":{"c\"":null},"":true}"#);
        let text = |v: Value<'_>| v.text().to_owned();
        let a = value.member("a").unwrap();
        assert_eq!(a.elements().map(text).collect::<Vec<_>>(), ["1", r#""]}\"""#, "{}", "[]"]);
        assert_eq!(value.member("b").and_then(|b| b.member("c\"")).map(Value::kind), Some(Kind::Null));
        assert_eq!(value.member("").map(Value::kind), Some(Kind::Bool));
        assert_eq!(value.elements().next(), None);
        assert_eq!(a.members().next(), None);
        assert_eq!(a.as_str(), None);
    }

    proptest! {
        #[test]
        fn the_steps_reach_all_of_it(value in crate::json::tests::value()) {
            let text = value.to_string();
            prop_assert_eq!(rebuild(Value::checked(&text)), value);
        }
    }
}
