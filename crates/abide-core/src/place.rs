//! Says where in a response a value stands, as a user writes it: `body.paging.next`, `header.next-page`, `link.next`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use http::HeaderName;

use crate::json::{Json, Kind, Value};

/// A place in a response.
///
/// | spelling | what stands there |
/// | --- | --- |
/// | `body` | the whole body |
/// | `body.data.items` | a value in the JSON body; the [`Path`] is what follows the first dot |
/// | `header.next-page` | a header field |
/// | `link.next` | the target of the link with this relation in the `Link` field (RFC 8288) |
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// A value in the body.
    Body(Path),
    /// A header field.
    Header(HeaderName),
    /// The target of a link, named by its relation, which is in lower case.
    Link(String),
}

/// The way from a JSON value to one within it: keys and choices from lists.
///
/// | spelling | the step |
/// | --- | --- |
/// | `a.b` | to the member `a` of an object, then to its member `b` |
/// | `["odd.key"]` | to a member whose key holds a dot, a bracket, a quote or white space |
/// | `[0]` | to an element of a list, counted from 0 |
/// | `[rel=next]` | to the first object in a list whose member `rel` is `next`, or is a list that holds it |
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    Key(String),
    Index(usize),
    Where { key: String, is: String },
}

impl Path {
    /// The path that leads nowhere else.
    pub const ROOT: Self = Self(Vec::new());

    /// The value at the end of this path; nothing if the path does not lead through.
    ///
    /// Takes time in proportion to the text that is passed on the way.
    pub fn find<'a>(&self, json: &'a Json<'_>) -> Option<Value<'a>> {
        let (first, rest) = match self.0.as_slice() {
            [Step::Key(key), rest @ ..] => (json.member(key)?, rest),
            steps => (json.root(), steps),
        };
        rest.iter().try_fold(first, |value, step| step.take(value))
    }

    /// The path to what holds the value, and the value's key there; nothing if the last step does not go by a key.
    pub fn split_key(&self) -> Option<(Self, &str)> {
        match self.0.split_last() {
            Some((Step::Key(key), steps)) => Some((Self(steps.to_vec()), key)),
            _ => None,
        }
    }

    /// The keys on the way, if it goes by keys alone and leads somewhere.
    pub fn keys(&self) -> Option<Vec<&str>> {
        let keys = self.0.iter().map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None });
        keys.collect::<Option<Vec<_>>>().filter(|keys| !keys.is_empty())
    }

    /// The value at the end of this path from a value that is within a body.
    pub fn find_in<'a>(&self, value: Value<'a>) -> Option<Value<'a>> {
        self.0.iter().try_fold(value, |value, step| step.take(value))
    }

    /// This path and one step more, to a member.
    #[must_use]
    pub fn join(mut self, key: impl Into<String>) -> Self {
        self.0.push(Step::Key(key.into()));
        self
    }
}

impl Step {
    fn take<'a>(&self, value: Value<'a>) -> Option<Value<'a>> {
        match self {
            Self::Key(key) => value.member(key),
            Self::Index(index) => value.elements().nth(*index),
            Self::Where { key, is } => value.elements().find(|e| e.member(key).is_some_and(|member| means(member, is))),
        }
    }
}

/// Whether a value is what a user writes as `text`, or a list that holds it.
fn means(value: Value<'_>, text: &str) -> bool {
    match value.kind() {
        Kind::String => value.is_text(text),
        Kind::Array => value.elements().any(|e| e.kind() != Kind::Array && means(e, text)),
        Kind::Null | Kind::Bool | Kind::Number => value.text() == text,
        Kind::Object => false,
    }
}

/// Why a place could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlaceError {
    /// It begins with none of the words that are known.
    Source(String),
    /// The path is wrong; the text is what could not be read.
    Path(String),
    /// This cannot be the name of a header field.
    Header(String),
    /// No relation was written.
    Link,
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(text) => write!(f, "'{text}' is not a place in a response")?,
            Self::Path(text) => write!(f, "'{text}' is not a path into a body")?,
            Self::Header(text) => write!(f, "'{text}' is not the name of a header field")?,
            Self::Link => f.write_str("'link.' lacks a relation")?,
        }
        f.write_str(
            "; accepted: 'body.PATH' as in 'body.data.items', 'header.NAME', 'link.REL'; \
             in a path, '[\"odd.key\"]', '[0]' and '[rel=next]' are steps as well",
        )
    }
}

impl std::error::Error for PlaceError {}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let name_len = text.find(['.', '[']).unwrap_or(text.len());
        let (source, rest) = text.split_at(name_len);
        match (source, rest.strip_prefix('.')) {
            ("body", _) if rest.is_empty() => Ok(Self::Body(Path::ROOT)),
            ("body", path) => path.unwrap_or(rest).parse().map(Self::Body),
            ("header", Some(name)) => name.parse().map(Self::Header).map_err(|_| PlaceError::Header(name.to_owned())),
            ("link", Some("")) => Err(PlaceError::Link),
            ("link", Some(rel)) => Ok(Self::Link(rel.to_ascii_lowercase())),
            _ => Err(PlaceError::Source(text.to_owned())),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(path) => match path.0.first() {
                Some(Step::Key(key)) if is_bare(key) => write!(f, "body.{path}"),
                _ => write!(f, "body{path}"),
            },
            Self::Header(name) => write!(f, "header.{name}"),
            Self::Link(rel) => write!(f, "link.{rel}"),
        }
    }
}

impl FromStr for Path {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let wrong = || PlaceError::Path(text.to_owned());
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            let (step, after) = match rest.strip_prefix('[') {
                Some(inner) => bracket(inner).ok_or_else(wrong)?,
                None => {
                    let (key, after) = rest.split_at(rest.find(ODD).unwrap_or(rest.len()));
                    (Step::Key(key.to_owned()), after)
                }
            };
            if step == Step::Key(String::new()) && !rest.starts_with('[') {
                return Err(wrong());
            }
            steps.push(step);
            rest = match after.strip_prefix('.') {
                Some(more) => more,
                None if after.is_empty() => return Ok(Self(steps)),
                None if after.starts_with('[') => after,
                None => return Err(wrong()),
            };
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if is_bare(key) => write!(f, "{}{key}", if i == 0 { "" } else { "." })?,
                Step::Key(key) => write!(f, "[{}]", quoted(key))?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Where { key, is } => {
                    let word = |text| if is_bare(text) { Cow::Borrowed(text) } else { Cow::Owned(quoted(text)) };
                    write!(f, "[{}={}]", word(key), word(is))?;
                }
            }
        }
        Ok(())
    }
}

/// The characters that a bare word does not hold.
const ODD: [char; 10] = ['.', '[', ']', '"', '=', '\\', ' ', '\t', '\n', '\r'];

fn is_bare(word: &str) -> bool {
    !word.is_empty() && !word.contains(ODD)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Reads what follows a `[`, up to and with the `]`.
fn bracket(inner: &str) -> Option<(Step, &str)> {
    let digits = inner.find(|c: char| !c.is_ascii_digit())?;
    if digits > 0
        && let Some(after) = inner[digits..].strip_prefix(']')
    {
        return Some((Step::Index(inner[..digits].parse().ok()?), after));
    }
    let (key, after) = word(inner)?;
    if let Some(after) = after.strip_prefix(']') {
        // A bare word would read as a key to some and as an index to others.
        return inner.starts_with('"').then_some((Step::Key(key), after));
    }
    let (is, after) = word(after.strip_prefix('=')?)?;
    Some((Step::Where { key, is }, after.strip_prefix(']')?))
}

/// Reads a bare or quoted word.
fn word(text: &str) -> Option<(String, &str)> {
    let Some(inner) = text.strip_prefix('"') else {
        let (word, after) = text.split_at(text.find(ODD)?);
        return (!word.is_empty()).then(|| (word.to_owned(), after));
    };
    let mut word = String::new();
    let mut chars = inner.chars();
    loop {
        match chars.next()? {
            '"' => return Some((word, chars.as_str())),
            '\\' => word.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> Path {
        text.parse().unwrap()
    }

    #[test]
    fn every_spelling_reads_back_as_itself() {
        for text in [
            "body",
            "body.next",
            "body.data.items",
            "body[\"@odata.nextLink\"]",
            "body.links[rel=next].href",
            "body[0].rows[12]",
            "body[\"a\\\"]\\\\\"].b",
            "body.hydra:view.hydra:next",
            "body.links[name=\"a ] b\"]",
            "body[\"\"]",
            "header.next-page",
            "link.next",
        ] {
            assert_eq!(text.parse::<Place>().map(|place| place.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("body.[\"a.b\"].[0]".parse::<Place>(), "body[\"a.b\"][0]".parse());
        assert_eq!("header.Next-Page".parse::<Place>(), "header.next-page".parse());
        assert_eq!("link.NEXT".parse::<Place>(), "link.next".parse());
    }

    #[test]
    fn nonsense_is_named() {
        let read = |text: &str| text.parse::<Place>().unwrap_err();
        for text in ["", "next", "Body.a", "bodyx", "header", "link", "header[0]", "query.page"] {
            assert_eq!(read(text), PlaceError::Source(text.to_owned()));
        }
        for path in
            ["a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a[0", "a[0]b", "a[\"b]", "a[b=]", "a[=b]", "a]b", "a b"]
        {
            assert_eq!(read(&format!("body.{path}")), PlaceError::Path(path.to_owned()));
        }
        assert_eq!(read("body."), PlaceError::Path(String::new()));
        assert_eq!(read("body[99999999999999999999]"), PlaceError::Path("[99999999999999999999]".to_owned()));
        assert_eq!(read("header.a b"), PlaceError::Header("a b".to_owned()));
        assert_eq!(read("link."), PlaceError::Link);
        assert!(read("next").to_string().contains("accepted: 'body.PATH'"));
    }

    #[test]
    fn a_path_leads_to_the_value() {
        let body = br#"{"a": {"b": [10, {"c": 20}]}, "@odata.nextLink": "n", "links": [
            {"rel": "self", "href": "s"}, {"rel": ["x", "next"], "href": "n2"}, {"rel": "next"}], "n": [{"id": 7, "v": 1}]}"#;
        let json = Json::parse(body).unwrap();
        let find = |text: &str| path(text).find(&json).map(Value::text);
        assert_eq!(find("a.b[0]"), Some("10"));
        assert_eq!(find("a.b[1].c"), Some("20"));
        assert_eq!(find("[\"@odata.nextLink\"]"), Some("\"n\""));
        assert_eq!(find("links[rel=next].href"), Some("\"n2\""));
        assert_eq!(find("n[id=7].v"), Some("1"));
        for nothing in ["a.b.c", "a.b[2]", "a[0]", "b", "links[rel=last]", "[0]", "links.rel"] {
            assert_eq!(find(nothing), None, "{nothing}");
        }
        assert_eq!(Path::ROOT.find(&json), Some(json.root()));
    }

    #[test]
    fn the_last_key_can_be_taken_off() {
        assert_eq!(path("a[0].rows").split_key(), Some((path("a[0]"), "rows")));
        assert_eq!(path("rows").split_key(), Some((Path::ROOT, "rows")));
        assert_eq!(path("rows[0]").split_key(), None);
        assert_eq!(Path::ROOT.split_key(), None);
        assert_eq!(path("a[0]").join("odd.key").to_string(), "a[0][\"odd.key\"]");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_same_place(steps in proptest::collection::vec(step(), 0..5)) {
            let place = Place::Body(Path(steps));
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "(body|header|link)?[.a\\[\\]\"=0\\\\é ]{0,12}") {
            if let Ok(place) = text.parse::<Place>() {
                prop_assert_eq!(place.to_string().parse(), Ok(place));
            }
        }
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            any::<String>().prop_map(Step::Key),
            any::<usize>().prop_map(Step::Index),
            ("[a-z.=\"\\\\\\]]{0,4}", any::<String>()).prop_map(|(key, is)| Step::Where { key, is }),
        ]
    }
}
