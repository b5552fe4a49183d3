//! Checks a text against the grammar of JSON (RFC 8259) in one pass, and drops the white space between its tokens.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::string::plain_len;
use super::value::Value;

/// One JSON value, checked, without white space between its tokens.
///
/// The text is borrowed where there was nothing to drop. Nesting has no limit: it costs a byte a level, and no stack.
#[derive(Clone, Debug)]
pub struct Json<'a> {
    text: Cow<'a, str>,
    members: Vec<Member>,
}

/// Where a member of the outermost object stands in the compact text.
#[derive(Clone, Debug)]
struct Member {
    key: Range<usize>,
    value: Range<usize>,
}

impl<'a> Json<'a> {
    /// Reads a body that holds one JSON value in UTF-8. A byte order mark before it is dropped.
    ///
    /// # Errors
    ///
    /// If the body is empty, is not UTF-8, or is not one JSON value and nothing else.
    pub fn parse(body: &'a [u8]) -> Result<Self, JsonError> {
        let text = str::from_utf8(body).map_err(|e| JsonError::Utf8 { at: e.valid_up_to() })?;
        let start = body.len() - text.strip_prefix('\u{feff}').unwrap_or(text).trim_start_matches(SPACE).len();
        if start == body.len() {
            return Err(JsonError::Empty);
        }
        let mut scan = Scan::new(text, start);
        scan.value()?;
        let end = scan.at;
        let trailing = text[end..].trim_start_matches(SPACE);
        if !trailing.is_empty() {
            return Err(JsonError::Trailing { at: body.len() - trailing.len() });
        }
        let text = if scan.compact.is_empty() {
            Cow::Borrowed(&text[start..end])
        } else {
            scan.compact.push_str(&text[scan.kept..end]);
            Cow::Owned(scan.compact)
        };
        Ok(Self { text, members: scan.members })
    }

    /// The value.
    pub fn root(&self) -> Value<'_> {
        Value::checked(&self.text)
    }

    /// The members of the outermost object, key and value, in their order; nothing where it is no object.
    ///
    /// They were found while the text was checked, so their values are not walked through.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (Value<'_>, Value<'_>)> {
        self.members
            .iter()
            .map(|m| (Value::checked(&self.text[m.key.clone()]), Value::checked(&self.text[m.value.clone()])))
    }

    /// The member of the outermost object with this key; the last of them, where a key is repeated.
    pub fn member(&self, key: &str) -> Option<Value<'_>> {
        self.members().filter(|(k, _)| k.is_text(key)).last().map(|(_, value)| value)
    }
}

/// What stands in the way of reading a body as JSON. Offsets are bytes from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// Nothing, or nothing but white space.
    Empty,
    /// Bytes that are not UTF-8.
    Utf8 {
        /// The first of them.
        at: usize,
    },
    /// The text ends within the value.
    Cut {
        /// Where it ends.
        at: usize,
        /// What was still to come.
        expected: &'static str,
    },
    /// Something that the grammar does not allow there.
    Syntax {
        /// Where it stands.
        at: usize,
        /// What could have stood there.
        expected: &'static str,
    },
    /// The value is whole, and something follows it.
    Trailing {
        /// Where that begins.
        at: usize,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::Utf8 { at } => write!(f, "it is not UTF-8 at byte {at}"),
            Self::Cut { at, expected } => write!(f, "it ends after {at} bytes, where {expected} was expected"),
            Self::Syntax { at, expected } => write!(f, "{expected} was expected at byte {at}"),
            Self::Trailing { at } => write!(f, "a whole value is followed by something else at byte {at}"),
        }
    }
}

impl std::error::Error for JsonError {}

/// The white space of JSON, which is less than that of Unicode.
const SPACE: [char; 4] = [' ', '\n', '\r', '\t'];

struct Scan<'a> {
    text: &'a str,
    /// The next byte to look at.
    at: usize,
    /// From here on, what was read is not yet in `compact`.
    kept: usize,
    /// What was read, up to the last white space.
    compact: String,
    /// The closing brackets that are still to come, innermost last.
    open: Vec<u8>,
    members: Vec<Member>,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str, start: usize) -> Self {
        Self { text, at: start, kept: start, compact: String::new(), open: Vec::new(), members: Vec::new() }
    }

    /// Reads one value, however deeply it is nested.
    fn value(&mut self) -> Result<(), JsonError> {
        loop {
            match self.token() {
                Some(b'{') => {
                    self.at += 1;
                    if self.token() != Some(b'}') {
                        self.open.push(b'}');
                        self.key("a key in quotes or '}'")?;
                        continue;
                    }
                    self.at += 1;
                }
                Some(b'[') => {
                    self.at += 1;
                    if self.token() != Some(b']') {
                        self.open.push(b']');
                        continue;
                    }
                    self.at += 1;
                }
                Some(b'"') => self.string()?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.word("true")?,
                Some(b'f') => self.word("false")?,
                Some(b'n') => self.word("null")?,
                _ => return Err(self.expected("a value")),
            }
            if self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Reads what follows a value, up to where the next one begins; true if there is none.
    fn after_value(&mut self) -> Result<bool, JsonError> {
        loop {
            let Some(&close) = self.open.last() else { return Ok(true) };
            if self.open.len() == 1 {
                let end = self.written();
                if let Some(member) = self.members.last_mut() {
                    member.value.end = end;
                }
            }
            match self.token() {
                Some(b',') if close == b'}' => {
                    self.at += 1;
                    self.key("a key in quotes")?;
                    return Ok(false);
                }
                Some(b',') => {
                    self.at += 1;
                    return Ok(false);
                }
                Some(c) if c == close => {
                    self.at += 1;
                    self.open.pop();
                }
                _ => return Err(self.expected(if close == b'}' { "',' or '}'" } else { "',' or ']'" })),
            }
        }
    }

    fn key(&mut self, expected: &'static str) -> Result<(), JsonError> {
        if self.token() != Some(b'"') {
            return Err(self.expected(expected));
        }
        let start = self.written();
        self.string()?;
        let end = self.written();
        if self.token() != Some(b':') {
            return Err(self.expected("':'"));
        }
        self.at += 1;
        if self.open.len() == 1 {
            let value = self.written();
            self.members.push(Member { key: start..end, value: value..value });
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        loop {
            self.at += plain_len(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                _ => return Err(self.expected("the end of a string, without a bare control character before it,")),
            }
        }
    }

    #[cold]
    fn escape(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                return Ok(());
            }
            Some(b'u') => self.at += 1,
            _ => return Err(self.expected("one of \"\\/bfnrtu")),
        }
        for _ in 0..4 {
            if !self.peek().is_some_and(|c| c.is_ascii_hexdigit()) {
                return Err(self.expected("four hexadecimal digits"));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &'static str) -> Result<(), JsonError> {
        for &letter in word.as_bytes() {
            if self.peek() != Some(letter) {
                return Err(self.expected(word));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The byte at which the next token begins; the white space before it is dropped.
    #[inline]
    fn token(&mut self) -> Option<u8> {
        match self.peek() {
            Some(b' ' | b'\n' | b'\r' | b'\t') => self.after_space(),
            byte => byte,
        }
    }

    fn after_space(&mut self) -> Option<u8> {
        self.compact.push_str(&self.text[self.kept..self.at]);
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
        self.kept = self.at;
        self.peek()
    }

    /// How long the compact text is so far.
    fn written(&self) -> usize {
        self.compact.len() + self.at - self.kept
    }

    fn expected(&self, expected: &'static str) -> JsonError {
        let at = self.at;
        if at == self.text.len() { JsonError::Cut { at, expected } } else { JsonError::Syntax { at, expected } }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compact(body: &str) -> Result<String, JsonError> {
        Json::parse(body.as_bytes()).map(|json| json.root().text().to_owned())
    }

    #[test]
    fn only_white_space_between_tokens_is_dropped() {
        let body = "\u{feff} \r\n{ \"a b\" : [ 1.0e+2 ,\t-0 , \" x\\u0020\\\" \" ] ,\n\"a b\":{ } , \"c\" : [ ]}\n";
        assert_eq!(compact(body).as_deref(), Ok(r#"{"a b":[1.0e+2,-0," x\u0020\" "],"a b":{},"c":[]}"#));
        assert_eq!(compact(" 123456789012345678901234567890 ").as_deref(), Ok("123456789012345678901234567890"));
    }

    #[test]
    fn a_compact_body_is_not_copied() {
        let json = Json::parse(b"\n[1,2]\n").unwrap();
        assert!(matches!(json.text, Cow::Borrowed("[1,2]")));
    }

    #[test]
    fn each_fault_says_where_it_is_and_what_was_expected() {
        let fault = |body: &[u8]| Json::parse(body).unwrap_err();
        assert_eq!(fault(b""), JsonError::Empty);
        assert_eq!(fault("\u{feff} \n".as_bytes()), JsonError::Empty);
        assert_eq!(fault(b"\"caf\xe9\""), JsonError::Utf8 { at: 4 });
        assert_eq!(fault(b"<html>"), JsonError::Syntax { at: 0, expected: "a value" });
        assert_eq!(fault(b"[1,2"), JsonError::Cut { at: 4, expected: "',' or ']'" });
        assert_eq!(fault(b"{\"a\":1,}"), JsonError::Syntax { at: 7, expected: "a key in quotes" });
        assert_eq!(fault(b"{\"a\" 1}"), JsonError::Syntax { at: 5, expected: "':'" });
        assert_eq!(fault(b"{}\n{}"), JsonError::Trailing { at: 3 });
        assert_eq!(fault(b"01"), JsonError::Trailing { at: 1 });
        assert_eq!(fault(b"[1. ]"), JsonError::Syntax { at: 3, expected: "a digit" });
        // A no-break space is white space to Unicode and not to JSON.
        assert_eq!(fault("[\u{a0}1]".as_bytes()), JsonError::Syntax { at: 1, expected: "a value" });
    }

    #[test]
    fn nesting_has_no_limit() {
        let deep = 200_000;
        let body = "[".repeat(deep) + &"]".repeat(deep);
        let json = Json::parse(body.as_bytes()).unwrap();
        assert_eq!(json.root().elements().next().map(|inner| inner.text().len()), Some(2 * deep - 2));
        let objects = r#"{"a":"#.repeat(deep) + "1" + &"}".repeat(deep);
        let json = Json::parse(objects.as_bytes()).unwrap();
        assert_eq!(json.member("a").map(|inner| inner.text().len()), Some(objects.len() - 6));
    }

    #[test]
    fn the_last_of_repeated_keys_is_meant() {
        let json = Json::parse(br#"{"a": 1, "\u0061": [2, {"a": 3}], "b": 4}"#).unwrap();
        assert_eq!(json.members().len(), 3);
        assert_eq!(json.member("a").map(Value::text), Some(r#"[2,{"a":3}]"#));
        assert_eq!(json.member("b").map(Value::text), Some("4"));
        assert_eq!(json.member("c"), None);
    }

    /// Pieces from which texts that are nearly JSON are made.
    const PIECES: [&str; 30] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\u00e9\\n\"",
        "\"\\u12\"",
        "\"\\x\"",
        "\"",
        "\\",
        "0",
        "-",
        "12",
        ".5",
        "e+1",
        "E",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\n",
        "\t",
        "\u{1}",
        "é",
        "{\"k\":",
        "[1,",
        "\"b\":2",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn it_accepts_what_serde_json_accepts_and_means_the_same(
            pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..14),
        ) {
            let body: String = pieces.concat();
            // Half a surrogate pair is allowed by the grammar; serde_json agrees where it does not have to decode it.
            let peer = serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
            let ours = compact(&body);
            prop_assert_eq!(ours.is_ok(), peer, "{:?}", body);
            if let (Ok(text), Ok(value)) = (ours, serde_json::from_str::<serde_json::Value>(&body)) {
                prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
            }
        }

        #[test]
        fn any_spacing_leads_to_the_same_text(value in crate::json::tests::value(), spaces in proptest::collection::vec("[ \\n\\r\\t]{0,3}", 1..20)) {
            let text = value.to_string();
            let spaced = crate::json::tests::spread(&text, &spaces);
            prop_assert_eq!(compact(&spaced).unwrap(), text);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(body in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(json) = Json::parse(&body) {
                prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(json.root().text()).is_ok());
            }
        }
    }
}
