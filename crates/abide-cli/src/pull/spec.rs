//! An endpoint as a user describes it, by flags or in a file: whom to ask for what, and how its answers are read.

use std::path::PathBuf;
use std::str::FromStr;

use abide_core::page::Pages;
use abide_core::place::Place;
use url::{Origin, Url};

use super::answers::Rules;
use super::expect::MaxErrors;
use super::kin::{Parent, Requests};
use super::pattern::Pattern;
use super::records::RecordsAt;
use super::request::Form;
use super::since::Since;
use super::sink::key::Key;
use super::template::Template;
use crate::args::PullArgs;
use crate::exit::{Failure, Result};

/// An endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// What it is called where there may be several.
    pub(crate) name: Option<String>,
    pub(crate) target: Target,
    pub(crate) form: Form,
    pub(crate) records: RecordsAt,
    /// How pages are followed, if the user said it.
    pub(crate) pages: Option<Pages>,
    /// What names a record.
    pub(crate) key: Option<Key>,
    /// The columns of a CSV file, where the user chose them.
    pub(crate) columns: Option<Vec<String>>,
    /// Origins beside a job's own that its next links may lead to.
    pub(crate) allowed: Vec<Allowed>,
    /// What answers mean where their status does not say it.
    pub(crate) rules: Rules,
    /// Where the server says how many records there are.
    pub(crate) expect: Option<Place>,
    pub(crate) max_errors: Option<MaxErrors>,
    /// The most pages of one URL.
    pub(crate) max_pages: Option<u64>,
    /// Where its records say when they changed, if later runs are to ask for what is new.
    pub(crate) since: Option<Since>,
}

/// Which URLs are asked for.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A URL, or a template of some.
    Template { text: String, template: Template },
    /// A file of URLs; `-` is standard input.
    List(PathBuf),
    /// A URL for each row of a file.
    Rows { from: PathBuf, pattern: Pattern },
    /// A URL for each record of another endpoint.
    Children(Box<Parent>),
    /// These, with the members that the records of each get.
    Requests(Box<Requests>),
}

impl Target {
    pub(crate) fn template(text: &str) -> std::result::Result<Self, String> {
        let template: Template = text.parse().map_err(|e: super::template::TemplateError| e.to_string())?;
        Ok(Self::Template { text: text.to_owned(), template })
    }

    /// The last word of its path.
    pub(crate) fn name(&self) -> Option<String> {
        let text = match self {
            Self::Template { text, .. } => text.as_str(),
            Self::List(path) => path.file_stem()?.to_str()?,
            Self::Rows { from, .. } => from.file_stem()?.to_str()?,
            Self::Children(parent) => parent.pattern.text(),
            Self::Requests(_) => return None,
        };
        let path = text.split(['?', '#']).next()?;
        let path = path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        path.rsplit('/').find(|word| is_name(word)).map(str::to_owned)
    }
}

/// Whether a text can name a file and a table.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    !text.is_empty() && text.len() <= 100 && text.chars().all(plain) && !text.starts_with('-')
}

/// Whether a text says where a secret is.
pub(crate) fn names_a_source(text: &str) -> bool {
    ["env:", "file:", "cmd:"].iter().any(|kind| text.starts_with(kind))
}

/// A URL or a template with pairs added to its query. Placeholders in the pairs stay what they are where there are any.
pub(crate) fn with_query(address: &str, query: &[(String, String)], has_placeholders: bool) -> String {
    let mut text = address.to_owned();
    for (key, value) in query {
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        text.push(if text.contains('?') { '&' } else { '?' });
        text += &format!("{}=", encode(key));
        let mut rest = value.as_str();
        while let Some((before, (name, after))) = rest
            .split_once('{')
            .filter(|_| has_placeholders)
            .and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        {
            text += &format!("{}{{{name}}}", encode(before));
            rest = after;
        }
        text += &encode(rest);
    }
    text
}

/// An origin that next links may lead to.
#[derive(Clone, Debug)]
pub(crate) struct Allowed(pub(crate) Origin);

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match Url::parse(text) {
            Ok(url) if url.origin().is_tuple() => Ok(Self(url.origin())),
            _ => Err(format!("'{text}' is not an origin; write it as https://cdn.example.com")),
        }
    }
}

impl Endpoint {
    /// The endpoint for whose records it is asked.
    pub(crate) fn parent(&self) -> Option<&str> {
        match &self.target {
            Target::Children(parent) => Some(&parent.name),
            _ => None,
        }
    }

    /// The one that the flags describe.
    pub(crate) fn of_flags(args: &PullArgs) -> Result<Self> {
        let target = match (args.url.as_slice(), &args.urls) {
            ([text], _) => Target::template(&with_query(text, &args.query, false)).map_err(Failure::usage)?,
            ([], Some(path)) => Target::List(path.clone()),
            ([], None) => return Err(Failure::usage("say what to pull: a URL, a template, a .toml, or --urls FILE")),
            (several, _) => {
                return Err(Failure::usage(format!(
                    "there are {} URLs, and one can be pulled this way; put a template such as '…/items/{{0..299}}' in quotes, or \
                     list the URLs in a file and name it with --urls",
                    several.len()
                )));
            }
        };
        Ok(Self {
            name: None,
            target,
            form: Form::of_flags(args),
            records: args.records.clone().unwrap_or_default(),
            pages: args.pages.clone(),
            key: args.key.clone(),
            columns: (!args.columns.is_empty()).then(|| args.columns.clone()),
            allowed: args.allow_origin.clone(),
            rules: Rules(args.on.clone()),
            expect: args.expect.clone(),
            max_errors: args.max_errors,
            max_pages: args.max_pages,
            since: args.since.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_called_by_the_last_word_of_its_path() {
        let name = |text: &str| Target::template(text).unwrap().name();
        assert_eq!(name("https://x.test/v1/issues?page=1").as_deref(), Some("issues"));
        assert_eq!(name("https://x.test/v1/items/{0..9}").as_deref(), Some("items"));
        assert_eq!(name("https://x.test/"), None);
    }

    #[test]
    fn pairs_are_added_and_placeholders_stay() {
        let query = [("a b".to_owned(), "1&{x.id}é".to_owned()), ("c".to_owned(), "d".to_owned())];
        assert_eq!(with_query("https://x.test/?q=1", &query, true), "https://x.test/?q=1&a+b=1%26{x.id}%C3%A9&c=d");
        assert_eq!(with_query("https://x.test/", &query[..1], false), "https://x.test/?a+b=1%26%7Bx.id%7D%C3%A9");
    }
}
