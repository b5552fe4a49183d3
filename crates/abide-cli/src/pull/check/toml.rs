//! Writes a file that states what was found: the user's own with what it left open, or a new one for flags.

use super::finding::Finding;
use crate::args::PullArgs;
use crate::exit::{Failure, Result};
use crate::pull::plan::{Input, Plan};
use crate::pull::spec;

/// The file, with what was found in the place of what was not stated.
pub(super) fn stated(plans: &[Plan], findings: &[Option<Finding>], args: &PullArgs) -> Result<String> {
    match args.url.as_slice() {
        [file] if file.ends_with(".toml") && !file.contains("://") => {
            let text =
                std::fs::read_to_string(file).map_err(|e| Failure::usage(format!("{file} can't be read: {e}")))?;
            Ok(completed(&text, plans, findings))
        }
        _ => Ok(plans.iter().zip(findings).map(|(plan, finding)| begun(plan, finding.as_ref(), args)).collect()),
    }
}

/// What was found of an endpoint, a line each.
fn lines(finding: &Finding) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    lines.extend(finding.at.as_ref().map(|at| ("records", quoted(at))));
    lines.extend(finding.pages.as_ref().map(|pages| ("pages", quoted(pages))));
    lines.extend(finding.keys.first().map(|key| ("key", quoted(key))));
    lines
}

/// The user's text, with lines put in behind the headings of its endpoints.
fn completed(text: &str, plans: &[Plan], findings: &[Option<Finding>]) -> String {
    let is_heading = |line: &str| {
        line.split('#').next().is_some_and(|line| line.split_whitespace().collect::<String>() == "[[pull]]")
    };
    let mut written = String::new();
    let mut lines_of_text = text.lines().peekable();
    while let Some(line) = lines_of_text.next() {
        written += line;
        written.push('\n');
        if !is_heading(line) {
            continue;
        }
        // Up to the next table, which also tells which endpoint this is.
        let mut block = Vec::new();
        while let Some(line) = lines_of_text.next_if(|line| !line.trim_start().starts_with('[')) {
            block.push(line);
        }
        let found =
            plans.iter().zip(findings).find(|(plan, _)| is_of(&block, plan)).and_then(|(_, finding)| finding.as_ref());
        for (key, value) in found.map(lines).unwrap_or_default() {
            let is_stated = block.iter().any(|line| line.split_once('=').is_some_and(|(known, _)| known.trim() == key));
            if !is_stated {
                written += &format!("{key} = {value}\n");
            }
        }
        for line in block {
            written += line;
            written.push('\n');
        }
    }
    written
}

/// Whether the lines of an endpoint are those of this plan: by its name, or the end of its path.
fn is_of(block: &[&str], plan: &Plan) -> bool {
    let value = |key: &str| {
        let line = block.iter().find_map(|line| line.split_once('=').filter(|(known, _)| known.trim() == key))?;
        let text = line.1.trim();
        let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        text[1..].split(quote).next().map(str::to_owned)
    };
    let name = value("name").or_else(|| {
        let text = value("path").map(|path| format!("https://x.test/{}", path.trim_start_matches('/')));
        spec::Target::template(&text.or_else(|| value("url"))?).ok()?.name()
    });
    name.is_some() && name == plan.name
}

/// A file for what was given by flags. Secrets are where they were.
fn begun(plan: &Plan, finding: Option<&Finding>, args: &PullArgs) -> String {
    let mut text = String::new();
    let common = &args.common;
    if let Some(source) = &common.bearer {
        text += &format!("[api]\nauth = {{ bearer = {} }}\n", quoted(&source.to_string()));
    }
    if let Some(to) = args.output.as_ref() {
        text += &format!("[out]\nto = {}\n", quoted(&to.display().to_string()));
    }
    let rates: Vec<String> = common.limit.iter().map(|limit| quoted(&limit.to_string())).collect();
    if !rates.is_empty() {
        text += &format!("[limits]\nrate = [{}]\n", rates.join(", "));
    }
    text += "[[pull]]\n";
    match (&*plan.input, &args.urls) {
        (Input::Template { text: url, .. }, _) => {
            let shown = super::super::plan::without_secrets(url, &plan.secret_keys);
            let name = spec::Target::template(&shown).ok().and_then(|target| target.name());
            text += &format!("name = {}\nurl = {}\n", quoted(name.as_deref().unwrap_or("records")), quoted(&shown));
        }
        (Input::List(_), Some(file)) => text += &format!("urls = {}\n", quoted(&file.display().to_string())),
        (Input::List(_), None) => {}
    }
    if let Some(since) = &plan.since {
        text += &format!("since = {}\n", since.table());
    }
    if let Some(body) = &plan.form.body {
        text += &format!("# the body, as JSON: {body}\n");
    }
    for (key, value) in finding.map(lines).unwrap_or_default() {
        text += &format!("{key} = {value}\n");
    }
    text
}

/// A TOML string.
fn quoted(text: &str) -> String {
    // A basic string of TOML escapes what one of JSON does.
    serde_json::Value::from(text).to_string()
}
