//! A URL with placeholders for the values of a row: `https://x.test/issues/{number}/comments`.

use std::fmt;

use abide_core::json::{Kind, Value};
use abide_core::place::Path;
use url::Url;

use super::urls;

/// A text with places for values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Path),
}

impl Pattern {
    /// Reads a pattern. Where the values are those of a named row, each placeholder begins with its name.
    ///
    /// # Errors
    ///
    /// A sentence part, if a placeholder is misspelt, or there is none.
    pub(crate) fn read(text: &str, row: Option<&str>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, inner)) = rest.split_once('{') {
            let (name, after) = inner.split_once('}').ok_or_else(|| format!("'{{{inner}' lacks its closing brace"))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Value(of_row(name, row)?));
            rest = after;
        }
        if parts.is_empty() {
            let example = row.map_or("{id}".to_owned(), |row| format!("{{{row}.id}}"));
            return Err(format!("it has no placeholder such as {example}, so all requests would be the same"));
        }
        parts.push(Part::Text(rest.to_owned()));
        let pattern = Self { text: text.to_owned(), parts };
        // Whatever stands in a path's segment makes a URL as good as any other.
        pattern.fill(|_| Some("1".to_owned())).map_err(|e| e.to_string())?;
        Ok(pattern)
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The places of a row that it needs.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(path) => Some(path),
            Part::Text(_) => None,
        })
    }

    /// The URL for a row whose values `value` gives as text.
    ///
    /// # Errors
    ///
    /// If a value is missing, or what comes out is no URL.
    pub(crate) fn fill(&self, value: impl Fn(&Path) -> Option<String>) -> Result<Url, Unfilled> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text += literal,
                Part::Value(path) => {
                    let value = value(path).filter(|value| !value.is_empty());
                    let value = value.ok_or_else(|| Unfilled::Missing(path.clone()))?;
                    for byte in value.bytes() {
                        match byte {
                            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                                text.push(byte.into());
                            }
                            other => text += &format!("%{other:02X}"),
                        }
                    }
                }
            }
        }
        urls::parse(&text).map_err(Unfilled::Url)
    }
}

/// The place that a text names in a row, which may have a name of its own before it.
pub(crate) fn of_row(text: &str, row: Option<&str>) -> Result<Path, String> {
    let inner = match row {
        None => Some(text),
        Some(row) => text.strip_prefix(row).and_then(|rest| rest.strip_prefix('.')),
    };
    let inner = inner.ok_or_else(|| format!("'{text}' does not begin with '{}.'", row.unwrap_or_default()))?;
    inner.parse().map_err(|_| format!("'{text}' is not a place in a row"))
}

/// A value as it stands in a URL; nothing where there is none.
pub(crate) fn text_of(value: Value<'_>) -> Option<String> {
    match value.kind() {
        Kind::String => value.as_str().map(std::borrow::Cow::into_owned),
        Kind::Number | Kind::Bool => Some(value.text().to_owned()),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}

/// Why a pattern does not become a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfilled {
    Missing(Path),
    Url(urls::UrlError),
}

impl fmt::Display for Unfilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "it has no text and no number in '{path}'"),
            Self::Url(error) => write!(f, "{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_where_their_placeholders_stand() {
        let pattern = Pattern::read("https://x.test/a/{p.n}/b?q={p.a.b}", Some("p")).unwrap();
        let fill = |path: &Path| Some(format!("{path}/é"));
        assert_eq!(pattern.fill(fill).unwrap().as_str(), "https://x.test/a/n%2F%C3%A9/b?q=a.b%2F%C3%A9");
        assert_eq!(pattern.places().map(Path::to_string).collect::<Vec<_>>(), ["n", "a.b"]);
        assert!(matches!(pattern.fill(|_| None), Err(Unfilled::Missing(_))));
    }

    #[test]
    fn a_misspelt_placeholder_is_told() {
        for (text, why) in [
            ("https://x.test/", "no placeholder such as {p.id}"),
            ("https://x.test/{p.id", "closing brace"),
            ("https://x.test/{q.id}", "does not begin with 'p.'"),
            ("https://x.test/{p.}", "not a place in a row"),
            ("x/{p.id}", "does not begin with https"),
        ] {
            let error = Pattern::read(text, Some("p")).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
