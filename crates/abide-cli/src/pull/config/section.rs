//! A table of the file with its place in it: takes typed values out, and refuses what it does not know with the line and a guess.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{FILE, Key, Shape};
use crate::exit::{Failure, Result};

/// The file as text, to find lines in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

/// A table of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'a> {
    source: Source<'a>,
    /// As it is spoken of.
    name: &'a str,
    keys: &'static [Key],
    table: &'a DeTable<'a>,
}

impl<'a> Source<'a> {
    /// An error at a place of the file. What stands there is not repeated: it may be a secret.
    pub(super) fn error(self, at: usize, why: impl Display) -> Failure {
        let line = self.text[..at.min(self.text.len())].matches('\n').count() + 1;
        Failure::usage(format!("{}, line {line}: {why}", self.name))
    }
}

impl<'a> Section<'a> {
    /// A table that holds nothing but these keys.
    pub(super) fn new(source: Source<'a>, name: &'a str, keys: &'static [Key], table: &'a DeTable<'a>) -> Result<Self> {
        for key in table.keys() {
            let text = key.get_ref();
            if !keys.iter().any(|known| known.name == text) {
                return Err(source.error(key.span().start, unknown(name, keys, text)));
            }
        }
        Ok(Self { source, name, keys, table })
    }

    fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        debug_assert!(self.keys.iter().any(|known| known.name == key), "{key} is not in the table of keys");
        self.table.get(key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// An error about the value of a key.
    pub(super) fn error(&self, key: &str, why: impl Display) -> Failure {
        let at = self.value(key).map_or(0, |value| value.span().start);
        self.source.error(at, format!("{key}: {why}"))
    }

    /// An error about the table as a whole.
    pub(super) fn fault(&self, why: impl Display) -> Failure {
        let at = self.table.keys().map(|key| key.span().start).min().unwrap_or_default();
        self.source.error(at, format!("{}: {why}", self.name))
    }

    fn wrong(&self, key: &str, wanted: &str) -> Failure {
        let found = self.value(key).map_or("nothing", |value| value.get_ref().type_str());
        self.error(key, format!("{wanted} was expected, and there is a value of type {found}"))
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        value.get_ref().as_str().map(Some).ok_or_else(|| self.wrong(key, "a text"))
    }

    /// A text, read as what it means.
    pub(super) fn read<T: FromStr<Err: Display>>(&self, key: &str) -> Result<Option<T>> {
        self.text(key)?.map(|text| text.parse().map_err(|e| self.error(key, e))).transpose()
    }

    /// One text or several, each read as what it means.
    pub(super) fn read_all<T: FromStr<Err: Display>>(&self, key: &str) -> Result<Vec<T>> {
        let read = |value: &'a Spanned<DeValue<'a>>| {
            let text = value.get_ref().as_str().ok_or_else(|| self.wrong(key, "a text, or a list of texts,"))?;
            text.parse().map_err(|e: T::Err| self.source.error(value.span().start, format!("{key}: {e}")))
        };
        match self.value(key) {
            None => Ok(Vec::new()),
            Some(value) => match value.get_ref().as_array() {
                Some(values) => values.iter().map(read).collect(),
                None => Ok(vec![read(value)?]),
            },
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        value.get_ref().as_bool().map(Some).ok_or_else(|| self.wrong(key, "true or false"))
    }

    /// A whole number within the range of its type, or several.
    pub(super) fn wholes<T: TryFrom<u64>>(&self, key: &str) -> Result<Vec<T>> {
        let read = |value: &'a Spanned<DeValue<'a>>| {
            let number = value.get_ref().as_integer();
            let number = number.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
            number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| self.wrong(key, "a whole number"))
        };
        match self.value(key) {
            None => Ok(Vec::new()),
            Some(value) => match value.get_ref().as_array() {
                Some(values) => values.iter().map(read).collect(),
                None => Ok(vec![read(value)?]),
            },
        }
    }

    pub(super) fn whole<T: TryFrom<u64>>(&self, key: &str) -> Result<Option<T>> {
        Ok(self.wholes(key)?.into_iter().next())
    }

    /// Any value, as JSON.
    pub(super) fn json(&self, key: &str) -> Result<Option<Json>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        json(value.get_ref()).map(Some).ok_or_else(|| self.wrong(key, "a value that JSON has"))
    }

    /// A table whose keys are the user's own, with its values as text.
    pub(super) fn map(&self, key: &str) -> Result<Vec<(&'a str, String)>> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let table = value.get_ref().as_table().ok_or_else(|| self.wrong(key, "a table"))?;
        let pair = |(name, value): (&'a Spanned<std::borrow::Cow<'a, str>>, &'a Spanned<DeValue<'a>>)| {
            let text = scalar(value.get_ref()).ok_or_else(|| {
                self.source
                    .error(value.span().start, format!("{key}.{}: a text or a number was expected", name.get_ref()))
            })?;
            Ok((name.get_ref().as_ref(), text))
        };
        table.iter().map(pair).collect()
    }

    /// A table within this one.
    pub(super) fn section(&self, key: &'a str) -> Result<Option<Self>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let table = value.get_ref().as_table().ok_or_else(|| self.wrong(key, "a table"))?;
        Self::new(self.source, key, self.keys_of(key), table).map(Some)
    }

    /// The same, unless something else stands there.
    pub(super) fn section_if_table(&self, key: &'a str) -> Result<Option<Self>> {
        if self.value(key).is_some_and(|value| value.get_ref().is_table()) { self.section(key) } else { Ok(None) }
    }

    /// A list of tables within this one.
    pub(super) fn sections(&self, key: &'a str) -> Result<Vec<Self>> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let wanted = "a list of tables";
        let list = value.get_ref().as_array().ok_or_else(|| self.wrong(key, wanted))?;
        let section = |value: &'a Spanned<DeValue<'a>>| {
            let table = value.get_ref().as_table().ok_or_else(|| self.wrong(key, wanted))?;
            Self::new(self.source, key, self.keys_of(key), table)
        };
        list.iter().map(section).collect()
    }

    fn keys_of(&self, key: &str) -> &'static [Key] {
        match self.keys.iter().find(|known| known.name == key).map(|known| known.shape) {
            Some(Shape::Table(keys) | Shape::TextOr(keys) | Shape::List(keys)) => keys,
            _ => &[],
        }
    }
}

/// A single value as it stands in a query.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match json(value)? {
        Json::String(text) => Some(text),
        value @ (Json::Bool(_) | Json::Number(_)) => Some(value.to_string()),
        _ => None,
    }
}

fn json(value: &DeValue<'_>) -> Option<Json> {
    Some(match value {
        DeValue::String(text) => Json::from(text.as_ref()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok()?.into(),
        DeValue::Float(number) => serde_json::Number::from_f64(number.as_str().parse().ok()?)?.into(),
        DeValue::Boolean(flag) => Json::from(*flag),
        DeValue::Datetime(at) => Json::from(at.to_string()),
        DeValue::Array(values) => values.iter().map(|value| json(value.get_ref())).collect::<Option<_>>()?,
        DeValue::Table(table) => {
            let member = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
                Some((key.get_ref().to_string(), json(value.get_ref())?))
            };
            Json::Object(table.iter().map(member).collect::<Option<_>>()?)
        }
    })
}

/// What to say of a key that is not known here.
fn unknown(name: &str, keys: &[Key], key: &str) -> String {
    let elsewhere = || {
        let tables = FILE.iter().filter_map(|table| match table.shape {
            Shape::Table(keys) => Some((format!("[{}]", table.name), keys)),
            Shape::List(keys) => Some((format!("[[{}]]", table.name), keys)),
            _ => None,
        });
        tables.into_iter().find(|(_, keys)| keys.iter().any(|known| known.name == key)).map(|(table, _)| table)
    };
    let nearest = keys.iter().map(|known| (distance(key, known.name), known.name)).min();
    let near = |most: usize| nearest.filter(|(far, _)| *far <= most.min(key.chars().count() / 2));
    let advice = match (near(1), elsewhere(), near(2)) {
        (None, Some(table), _) => format!("it belongs into {table}"),
        (Some((_, known)), ..) | (_, _, Some((_, known))) => format!("did you mean '{known}'?"),
        _ => format!("known: {}", keys.iter().map(|known| known.name).collect::<Vec<_>>().join(", ")),
    };
    format!("{name} has no key '{}': {advice}", key.escape_debug())
}

/// How many letters have to be put in, taken out, changed or swapped with their neighbour to make one word the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_near() {
        for (a, b, far) in [("paht", "path", 1), ("max_error", "max_errors", 1), ("", "ab", 2), ("rate", "base", 2)] {
            assert_eq!(distance(a, b), far, "{a} {b}");
        }
    }

    #[test]
    fn an_unknown_key_is_met_with_a_guess() {
        let keys = super::super::keys::PULL;
        assert!(unknown("pull", keys, "paht").ends_with("did you mean 'path'?"));
        assert!(unknown("pull", keys, "concurrency").ends_with("it belongs into [limits]"));
        assert!(unknown("pull", keys, "zzzzzz").contains("known: name, path"));
    }
}
