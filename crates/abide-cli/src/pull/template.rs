//! Expands a URL template such as `https://api.example/items/{0..299}`, one URL at a time.

use std::fmt;
use std::str::FromStr;

use url::Url;

use super::urls::{self, UrlError};

/// A URL with groups that each stand for several texts. Without a group it is one URL.
///
/// | group | texts |
/// | --- | --- |
/// | `{0..299}` | the whole numbers from 0 to 299; downwards, if the second is smaller |
/// | `{001..100}` | the same with zeros before them, all of one width |
/// | `{0..100..10}` | every tenth: 0, 10, … 100 |
/// | `{a..e}` | letters |
/// | `{red,green,}` | each of the list, an empty text included; `\,` for a comma |
///
/// Of several groups the rightmost changes fastest. `\{`, `\}` and `\\` mean the character itself, and `%7B` always works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
    len: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    List(Vec<String>),
    Range(Range),
}

/// Numbers or letters at equal distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u64,
    step: u64,
    down: bool,
    /// The index of the last one: how many there are, less one.
    last: u64,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A number, with zeros before it up to this width.
    Number { width: usize },
    /// A letter, by its code.
    Letter,
}

impl Template {
    /// The most URLs that one template may stand for.
    const MOST: u64 = 100_000_000;

    /// How many URLs it stands for; at least 1.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The URL with this index, counted from 0; nothing from `len` on.
    pub(crate) fn url(&self, index: u64) -> Option<Result<Url, UrlError>> {
        (index < self.len).then(|| self.nth(index))
    }

    /// The URLs in their order.
    #[cfg(test)]
    pub(crate) fn urls(&self) -> impl Iterator<Item = Result<Url, UrlError>> + Clone {
        (0..self.len).map(|index| self.nth(index))
    }

    fn nth(&self, index: u64) -> Result<Url, UrlError> {
        let mut choices = vec![0; self.parts.len()];
        let mut rest = index;
        for (choice, part) in choices.iter_mut().zip(&self.parts).rev() {
            *choice = rest % part.len();
            rest /= part.len();
        }
        self.choose(&choices)
    }

    fn choose(&self, choices: &[u64]) -> Result<Url, UrlError> {
        let mut text = String::new();
        for (&choice, part) in choices.iter().zip(&self.parts) {
            part.write(choice, &mut text);
        }
        urls::parse(&text)
    }

    /// Reads each text of each list, and both ends of each range, with the first of all others.
    fn check(&self) -> Result<(), UrlError> {
        let mut choices = vec![0; self.parts.len()];
        self.choose(&choices)?;
        for (i, part) in self.parts.iter().enumerate() {
            let step = if let Part::Range(range) = part { range.last.max(1) } else { 1 };
            let mut choice = step;
            while choice < part.len() {
                choices[i] = choice;
                self.choose(&choices)?;
                choice += step;
            }
            choices[i] = 0;
        }
        Ok(())
    }
}

impl Part {
    /// How many texts it stands for; at least 1.
    fn len(&self) -> u64 {
        match self {
            Self::Text(_) => 1,
            Self::List(items) => items.len() as u64,
            Self::Range(range) => range.last.saturating_add(1),
        }
    }

    /// Writes the text with this index.
    fn write(&self, index: u64, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(text),
            // An index is below `len`, which is below the most that memory holds.
            Self::List(items) => out.push_str(&items[index as usize]),
            Self::Range(Range { first, step, down, form, .. }) => {
                let value = if *down { first - index * step } else { first + index * step };
                match form {
                    Form::Number { width } => out.push_str(&format!("{value:0width$}")),
                    Form::Letter => out.extend(u8::try_from(value).map(char::from)),
                }
            }
        }
    }
}

/// Why a template could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TemplateError {
    /// What stands between two braces is neither a range nor a list.
    Group(String),
    /// A brace without its counterpart.
    Brace(char),
    /// It stands for more URLs than one pull takes.
    TooMany,
    /// What it stands for is not a URL.
    Url(UrlError),
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) => write!(
                f,
                "'{{{group}}}' is neither a range ('{{0..299}}', '{{001..100}}', '{{0..100..10}}', '{{a..e}}') nor a list \
                 ('{{red,green}}'); for braces that belong to the URL write '\\{{' and '\\}}', or %7B and %7D"
            ),
            Self::Brace(brace) => {
                write!(f, "a '{brace}' has no counterpart; for a brace that belongs to the URL write '\\{brace}'")
            }
            Self::TooMany => write!(f, "this stands for more than {} URLs; pull it in parts", Template::MOST),
            Self::Url(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for TemplateError {}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '{' => {
                    let (group, after) = group(rest)?;
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                    parts.push(group);
                    rest = after;
                }
                '}' => return Err(TemplateError::Brace('}')),
                c => rest = push_char(c, rest, &mut literal),
            }
        }
        parts.push(Part::Text(literal));
        parts.retain(|part| *part != Part::Text(String::new()));
        let len = parts.iter().try_fold(1_u64, |len, part| len.checked_mul(part.len()));
        let len = len.filter(|&len| len <= Self::MOST).ok_or(TemplateError::TooMany)?;
        let template = Self { parts, len };
        template.check().map_err(TemplateError::Url)?;
        Ok(template)
    }
}

/// Adds a character, or the one that a backslash escapes, and returns what is left.
fn push_char<'a>(c: char, rest: &'a str, out: &mut String) -> &'a str {
    match rest.chars().next() {
        Some(escaped @ ('{' | '}' | '\\' | ',')) if c == '\\' => {
            out.push(escaped);
            &rest[1..]
        }
        _ => {
            out.push(c);
            rest
        }
    }
}

/// Reads a group behind its opening brace, and returns what is left behind the closing one.
fn group(text: &str) -> Result<(Part, &str), TemplateError> {
    let mut items = Vec::new();
    let mut item = String::new();
    let mut odd = false;
    let mut rest = text;
    loop {
        let c = rest.chars().next().ok_or(TemplateError::Brace('{'))?;
        rest = &rest[c.len_utf8()..];
        match c {
            '}' => break,
            ',' => items.push(std::mem::take(&mut item)),
            c => {
                // Groups do not nest, and `{"a":1,"b":2}` is a filter in JSON.
                odd |= matches!(c, '{' | '"');
                rest = push_char(c, rest, &mut item);
            }
        }
    }
    let inner = &text[..text.len() - rest.len() - 1];
    let wrong = || TemplateError::Group(inner.to_owned());
    if items.is_empty() {
        return Ok((Part::Range(range(inner).ok_or_else(wrong)?), rest));
    }
    items.push(item);
    // `{1..3,7}` may mean four texts or two.
    if odd || items.iter().any(|item| range(item).is_some()) { Err(wrong()) } else { Ok((Part::List(items), rest)) }
}

fn range(text: &str) -> Option<Range> {
    let mut ends = text.splitn(3, "..");
    let (first, last) = (ends.next()?, ends.next()?);
    let step = ends.next().map_or(Some(1), number).filter(|&step| step > 0)?;
    let (from, to, form) = match (first.as_bytes(), last.as_bytes()) {
        (&[a], &[b])
            if a.is_ascii_lowercase() && b.is_ascii_lowercase() || a.is_ascii_uppercase() && b.is_ascii_uppercase() =>
        {
            (a.into(), b.into(), Form::Letter)
        }
        (a, b) => {
            let padded = [a, b].iter().any(|end| end.len() > 1 && end.starts_with(b"0"));
            let width = if padded { a.len().max(b.len()) } else { 0 };
            (number(first)?, number(last)?, Form::Number { width })
        }
    };
    Some(Range { first: from, step, down: to < from, last: from.abs_diff(to) / step, form })
}

fn number(text: &str) -> Option<u64> {
    // `parse` would take a sign.
    text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Template, String> {
        text.parse::<Template>().map_err(|e| e.to_string())
    }

    /// What comes behind `http://h/`.
    fn expand(text: &str) -> Vec<String> {
        let template = read(&format!("http://h/{text}")).unwrap();
        let urls: Vec<String> =
            template.urls().map(|url| url.unwrap().as_str()["http://h/".len()..].to_owned()).collect();
        assert_eq!(urls.len() as u64, template.len());
        urls
    }

    #[test]
    fn ranges_count_up_and_down_with_zeros_and_steps() {
        assert_eq!(expand("i/{0..3}.json"), ["i/0.json", "i/1.json", "i/2.json", "i/3.json"]);
        assert_eq!(expand("{3..1}"), ["3", "2", "1"]);
        assert_eq!(expand("{08..11}"), ["08", "09", "10", "11"]);
        assert_eq!(expand("{1..010..9}"), ["001", "010"]);
        assert_eq!(expand("{0..100..40}"), ["0", "40", "80"]);
        assert_eq!(expand("{10..0..4}"), ["10", "6", "2"]);
        assert_eq!(expand("{5..5}"), ["5"]);
        assert_eq!(expand("{a..e..2}{Y..Z}"), ["aY", "aZ", "cY", "cZ", "eY", "eZ"]);
        assert_eq!(expand("{18446744073709551614..18446744073709551615}").last().unwrap(), "18446744073709551615");
    }

    #[test]
    fn lists_hold_any_text() {
        assert_eq!(expand("{red,green,}/x"), ["red/x", "green/x", "/x"]);
        assert_eq!(expand("?q={a\\,b,c\\}}"), ["?q=a,b", "?q=c}"]);
        assert_eq!(expand("{a b,}".replace(' ', "%20").as_str()), ["a%20b", ""]);
    }

    #[test]
    fn the_rightmost_group_changes_fastest() {
        assert_eq!(
            expand("{a,b}/{1..2}/{x,y}"),
            ["a/1/x", "a/1/y", "a/2/x", "a/2/y", "b/1/x", "b/1/y", "b/2/x", "b/2/y"]
        );
    }

    #[test]
    fn what_is_no_group_stays_as_it_is() {
        assert_eq!(expand("a%20b/100%25?x=[1]"), ["a%20b/100%25?x=[1]"]);
        assert_eq!(expand("\\{0..3\\}"), ["%7B0..3%7D"]);
        assert_eq!(expand("?filter=\\{%22a%22:1,%22b%22:2\\}"), ["?filter={%22a%22:1,%22b%22:2}"]);
        assert_eq!(expand("%7B0..3%7D"), ["%7B0..3%7D"]);
        let ipv6 = read("http://[::1]:80{80..81}/{1..2}").unwrap();
        assert_eq!(ipv6.url(3).unwrap().unwrap().as_str(), "http://[::1]:8081/2");
        assert_eq!(ipv6.url(4), None);
    }

    #[test]
    fn braces_that_mean_nothing_are_refused() {
        for group in [
            "",
            "id",
            "1..",
            "..2",
            "1...3",
            "-1..3",
            "+1..3",
            "a..3",
            "a..Z",
            "ab..cd",
            "1..3..0",
            "1..9..1..1",
            "1..3,7",
        ] {
            let message = read(&format!("http://h/{{{group}}}")).unwrap_err();
            assert!(message.starts_with(&format!("'{{{group}}}' is neither a range ('{{0..299}}', ")), "{message}");
        }
        assert!(read("http://h/{18446744073709551616..18446744073709551617}").unwrap_err().contains("neither"));
        assert!(read("http://h/?q={\"a\":1,\"b\":2}").unwrap_err().ends_with("write '\\{' and '\\}', or %7B and %7D"));
        assert!(read("http://h/{a,{1..2}}").unwrap_err().contains("'{a,{1..2}' is neither"));
        assert!(read("http://h/{1..2").unwrap_err().starts_with("a '{' has no counterpart"));
        assert!(read("http://h/1}").unwrap_err().starts_with("a '}' has no counterpart"));
    }

    #[test]
    fn more_than_a_pull_can_take_is_refused_and_costs_nothing() {
        for text in
            ["{0..100000000}", "{1..10000}{1..10001}", "{0..18446744073709551615}", "{0..9999999999}{0..9999999999}"]
        {
            let message = read(&format!("http://h/{text}")).unwrap_err();
            assert_eq!(message, "this stands for more than 100000000 URLs; pull it in parts");
        }
        assert_eq!(read("http://h/{1..100000000}").unwrap().len(), 100_000_000);
    }

    #[test]
    fn every_choice_must_be_a_url() {
        assert!(read("h/{1..3}").unwrap_err().contains("does not begin with https://"));
        assert!(read("http://h:{1..70000}/").unwrap_err().contains("invalid port"));
        assert!(read("{https,http,ftp}://h/").unwrap_err().contains("only http and https"));
        assert!(read("http://h/{a, b}").unwrap_err().contains("white space"));
    }

    proptest! {
        #[test]
        fn any_index_is_what_iteration_gives(a in 0..300_u64, b in 0..300_u64, step in 1..40_u64, list in proptest::collection::vec("[a-z]{0,3}", 2..5)) {
            let template = read(&format!("http://h/{{{a}..{b}..{step}}}/{{{}}}?{{x,y}}", list.join(","))).unwrap();
            let numbers: Vec<u64> = if a <= b { (a..=b).step_by(step as usize).collect() } else { (b..=a).rev().step_by(step as usize).collect() };
            let mut expected = numbers.iter().flat_map(|n| list.iter().flat_map(move |item| ["x", "y"].map(|end| format!("http://h/{n}/{item}?{end}"))));
            for (index, url) in template.urls().enumerate() {
                let url = url.unwrap();
                prop_assert_eq!(Some(url.as_str().to_owned()), expected.next());
                prop_assert_eq!(template.url(index as u64), Some(Ok(url)));
            }
            prop_assert_eq!(expected.next(), None);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "http://h/[a-c0-9{}.,\\\\é]{0,14}") {
            if let Ok(template) = text.parse::<Template>() {
                prop_assert!(template.len() >= 1);
                prop_assert!(template.url(template.len() - 1).is_some());
            }
        }
    }
}
