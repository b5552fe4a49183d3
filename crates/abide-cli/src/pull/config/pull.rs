//! `[[pull]]`: one endpoint, with the same rooms as the flags of a pull of one.

use abide_core::page::Pages;
use abide_core::place::{Path, Place};
use abide_core::retry::Sign;
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use super::api::is_secret;
use super::limits;
use super::section;
use super::section::Section;
use crate::exit::Result;
use crate::pull::answers::{Rule, Rules};
use crate::pull::expect::MaxErrors;
use crate::pull::kin::Parent;
use crate::pull::pattern::{self, Pattern};
use crate::pull::records::RecordsAt;
use crate::pull::request::Form;
use crate::pull::since::Since;
use crate::pull::sink::key::Key;
use crate::pull::spec::{self, Endpoint, Target};

pub(super) fn read(pull: &Section<'_>, base: Option<&Url>) -> Result<Endpoint> {
    let target = target(pull, base)?;
    let name = match pull.text("name")? {
        Some(name) => name.to_owned(),
        None => target.name().ok_or_else(|| pull.fault("it has no path to call it by; give it a name"))?,
    };
    if !spec::is_name(&name) {
        return Err(pull.error("name", "letters, digits, '_' and '-' are what names of files and tables are made of"));
    }
    let pages = match pull.section_if_table("pages")? {
        Some(table) => Some(pages(pull, &table)?),
        None => pull.read::<Pages>("pages")?,
    };
    Ok(Endpoint {
        name: Some(name),
        target,
        form: form(pull)?,
        records: pull.read::<RecordsAt>("records")?.unwrap_or_default(),
        pages,
        key: key(pull)?,
        columns: Some(pull.read_all::<String>("columns")?).filter(|columns| !columns.is_empty()),
        allowed: pull.read_all::<spec::Allowed>("allow_origin")?,
        rules: Rules(pull.sections("on")?.iter().map(rule).collect::<Result<_>>()?),
        expect: pull.read::<Place>("expect")?,
        max_errors: pull.read::<MaxErrors>("max_errors")?,
        max_pages: max_pages(pull)?,
        since: since(pull)?,
    })
}

fn target(pull: &Section<'_>, base: Option<&Url>) -> Result<Target> {
    let given: Vec<&str> = ["path", "url", "urls"].into_iter().filter(|key| pull.has(key)).collect();
    match given.as_slice() {
        [] => return Err(pull.fault("it says nothing of where to ask; give it a path, a url or urls")),
        [_] => {}
        [first, second, ..] => {
            return Err(pull.error(second, format!("it does not go with {first}; leave one of the two out")));
        }
    }
    let query: Vec<(String, String)> =
        pull.map("query")?.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    for (key, value) in &query {
        if spec::names_a_source(value) || is_secret(key, false) {
            return Err(pull.error(
                "query",
                format!("{key} is a secret, and a secret is told where it is: [api] auth = {{ api_key = {{ \"query.{key}\" = \"env:NAME\" }} }}"),
            ));
        }
    }
    let address = match (pull.text("path")?, pull.text("url")?) {
        (Some(path), _) => {
            let base = base.ok_or_else(|| pull.error("path", "it goes behind [api] base, and there is none"))?;
            Some(("path", format!("{}/{}", base.as_str().trim_end_matches('/'), path.trim_start_matches('/'))))
        }
        (None, url) => url.map(|url| ("url", url.to_owned())),
    };
    if let Some(parent) = pull.text("for")? {
        let Some((key, address)) = address else {
            return Err(pull.error("for", "a path or a url with the parent's values in it is needed"));
        };
        let text = spec::with_query(&address, &query, true);
        let pattern = Pattern::read(&text, Some(parent)).map_err(|e| pull.error(key, e))?;
        let keep = pull.map("keep")?.into_iter().map(|(name, place)| {
            let place = pattern::of_row(&place, Some(parent)).map_err(|e| pull.error("keep", e))?;
            Ok((name.to_owned(), place))
        });
        let keep = keep.collect::<Result<_>>()?;
        return Ok(Target::Children(Box::new(Parent { name: parent.to_owned(), pattern, keep })));
    }
    if pull.has("keep") {
        return Err(pull.error("keep", "it takes from the parent, and there is none; name it with for"));
    }
    if let Some((key, address)) = address {
        let text = spec::with_query(&address, &query, false);
        return Target::template(&text).map_err(|e| pull.error(key, e));
    }
    if !query.is_empty() {
        return Err(pull.error("query", "a list of URLs has its own queries"));
    }
    match pull.section_if_table("urls")? {
        Some(table) => {
            let (from, template) = (table.text("from")?, table.text("template")?);
            let (Some(from), Some(template)) = (from, template) else {
                return Err(pull.error("urls", "from and template are needed"));
            };
            let pattern = Pattern::read(template, None).map_err(|e| table.error("template", e))?;
            Ok(Target::Rows { from: from.into(), pattern })
        }
        None => Ok(Target::List(pull.text("urls")?.unwrap_or_default().into())),
    }
}

fn form(pull: &Section<'_>) -> Result<Form> {
    let body = pull.json("body")?;
    let method = match pull.text("method")? {
        Some(method) => Method::from_bytes(method.to_ascii_uppercase().as_bytes())
            .map_err(|_| pull.error("method", "this is no method"))?,
        None if body.is_some() => Method::POST,
        None => Method::GET,
    };
    let mut headers = Vec::new();
    for (name, value) in pull.map("headers")? {
        if spec::names_a_source(&value) || is_secret(name, true) {
            return Err(pull.error(
                "headers",
                format!(
                    "{name} is a secret; it belongs into the headers of [api], as env:NAME, file:PATH or cmd:COMMAND"
                ),
            ));
        }
        let name: HeaderName =
            name.parse().map_err(|_| pull.error("headers", format!("'{name}' is not the name of a field")))?;
        let value = HeaderValue::try_from(value)
            .map_err(|_| pull.error("headers", format!("{name} holds characters that a field can't")))?;
        headers.push((name, value));
    }
    Ok(Form { method, headers, body: body.map(|body| body.to_string()) })
}

fn key(pull: &Section<'_>) -> Result<Option<Key>> {
    let fields = pull.read_all::<String>("key")?;
    if fields.is_empty() {
        return Ok(None);
    }
    fields.join(",").parse().map(Some).map_err(|e| pull.error("key", e))
}

fn since(pull: &Section<'_>) -> Result<Option<Since>> {
    let Some(table) = pull.section("since")? else { return Ok(None) };
    if let Some(key) = ["for", "urls"].into_iter().find(|key| pull.has(key)) {
        return Err(pull.error("since", format!("it goes with one URL, and not with {key}")));
    }
    let (Some(field), Some(send)) = (table.text("field")?, table.text("send")?) else {
        return Err(
            pull.error("since", "field and send are needed, as in { field = \"updated_at\", send = \"query.since\" }")
        );
    };
    let start = table.json("start")?.map(|start| start.to_string());
    Since::new(field, send, start).map(Some).map_err(|e| pull.error("since", e))
}

fn max_pages(pull: &Section<'_>) -> Result<Option<u64>> {
    match pull.whole("max_pages")? {
        Some(0) => Err(pull.error("max_pages", "there is always a first page; 1 is the least")),
        most => Ok(most),
    }
}

fn rule(on: &Section<'_>) -> Result<Rule> {
    let reaction = on.read("do")?.ok_or_else(|| on.fault("do is needed: skip, limited, restart, refresh or fail"))?;
    let wanted = |section: &Section<'_>| -> Result<Option<String>> {
        Ok(section.json("is")?.map(|is| is.as_str().map_or_else(|| is.to_string(), str::to_owned)))
    };
    let header = match on.section("header")? {
        Some(section) => match section.read::<HeaderName>("path")? {
            Some(name) => Some((name, wanted(&section)?)),
            None => return Err(on.error("header", "path is needed: the name of the field")),
        },
        None => None,
    };
    let body = match on.section("body")? {
        Some(section) => match section.text("path")? {
            // What is looked at is the body, so the word may be left out.
            Some(path) => match path.strip_prefix("body.").unwrap_or(path).parse::<Path>() {
                Ok(path) => Some((path, wanted(&section)?)),
                Err(error) => return Err(section.error("path", error)),
            },
            None => return Err(on.error("body", "path is needed: the place in the body")),
        },
        None => None,
    };
    let sign = Sign { status: limits::statuses(on, "status")?, header, body };
    Rule::new(sign, reaction).map_err(|e| on.fault(e))
}

/// A way to page that is written as a table.
fn pages(pull: &Section<'_>, table: &section::Section<'_>) -> Result<Pages> {
    let mut pairs = Vec::new();
    for key in ["next", "cursor", "range", "last", "page", "offset", "merge", "send", "more", "size", "pages", "total"]
    {
        pairs.extend(table.text(key)?.map(|text| (key, text.to_owned())));
    }
    pairs.extend(table.whole::<u64>("first")?.map(|first| ("first", first.to_string())));
    Pages::from_pairs(pairs.iter().map(|(key, text)| (*key, text.as_str()))).map_err(|e| pull.error("pages", e))
}
