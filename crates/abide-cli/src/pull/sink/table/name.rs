//! The name of a table: as the user gives it, or made from what is pulled.

use std::fmt;
use std::str::FromStr;

/// PostgreSQL cuts names off at 63 bytes, and a new table has a longer name until it is complete.
const LONGEST: usize = 50;

/// A name that a table of records may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableName(String);

impl TableName {
    /// The last part of a URL's path, or of a template's, that names something: `issues` for `…/repos/a/b/issues?page=1`,
    /// `items` for `…/items/{0..299}` and for `…/items/17.json`.
    pub(crate) fn of_url(url: &str) -> Self {
        let path = url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let clean = |part: &str| -> String {
            let word = part.split('.').next().unwrap_or_default();
            word.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
        };
        let names = |part: &&str| part.starts_with(char::is_alphabetic) && !part.contains(['{', '%']);
        let last = path.rsplit('/').find(names).map(clean);
        last.and_then(|name| name.parse().ok()).unwrap_or_else(|| Self("records".to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TableName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = !text.is_empty() && text.len() <= LONGEST && !text.contains(['/', '\\', '"', '\'']);
        let lower = text.to_ascii_lowercase();
        if is_plain
            && !text.contains(char::is_control)
            && !["_abide", "sqlite_"].iter().any(|prefix| lower.starts_with(prefix))
        {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "'{}' can't be the name of a table; take 1 to {LONGEST} letters, without quotes and slashes, that begin neither with \
             _abide nor with sqlite_",
            text.escape_debug()
        ))
    }
}

/// An identifier between quotes, as all SQL takes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_named_after_what_is_pulled() {
        let names = [
            ("https://api.github.com/repos/rust-lang/rust/issues?state=all", "issues"),
            ("http://x.test/items/{0..299}", "items"),
            ("http://x.test/d/line-items.json?_size=100", "line_items"),
            ("http://x.test/items/17.json", "items"),
            ("http://x.test", "records"),
            ("http://x.test/sqlite_schema", "records"),
        ];
        for (url, name) in names {
            assert_eq!(TableName::of_url(url).as_str(), name, "{url}");
        }
    }

    #[test]
    fn names_that_would_do_harm_are_refused() {
        for name in ["", "a/b", "a\"b", "_abide_runs", "SQLITE_x", "a\0", &"x".repeat(51)] {
            assert!(name.parse::<TableName>().is_err(), "{name}");
        }
        assert_eq!("Line items".parse::<TableName>().unwrap().as_str(), "Line items");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
