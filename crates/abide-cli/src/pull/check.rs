//! `--plan` says what a pull would do; `--check` asks one request an endpoint, and says what its answer shows.

mod finding;
mod toml;

use std::io::Write;

use abide::Client;

use self::finding::Finding;
use super::plan::Plan;
use super::run::Child;
use crate::args::PullArgs;
use crate::exit::{Code, Failure, Result};
use crate::screen::{Screen, count};

/// Says what would be asked for, and asks for nothing.
pub(super) fn plan(plans: &[Plan], children: &[Child]) -> Result<()> {
    let mut text = String::new();
    for plan in plans {
        let requests = plan.input.len();
        let first = plan.opening(&plan.input.url(0), plan.start()).map_err(Failure::usage)?;
        text += &format!("{}: {} {}", plan.name(), plan.form.method, first.redacted(&plan.secret_keys).url);
        if requests > 1 {
            text += &format!(" and {} more", requests - 1);
        }
        let pages = plan.pages.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        text += &format!("\n  pages {pages}, records {} -> {}\n", plan.records, plan.output);
        let least = plan.bounds.iter().map(|limit| super::progress::least(limit, requests)).max().unwrap_or_default();
        if !least.is_zero() {
            text += &format!("  at least {} by the limits that were told\n", crate::screen::short(least));
        }
    }
    for child in children {
        let name = child.endpoint.name.as_deref().unwrap_or_default();
        let (pattern, parent) = (child.parent.pattern.text(), &child.parent.name);
        text += &format!("{name}: {} {pattern} for each record of {parent}", child.endpoint.form.method);
        text += &format!("\n  records {} -> {}\n", child.endpoint.records, child.output);
    }
    write(&text)
}

/// Asks for the first page of each endpoint, says what it shows, and writes a file that states it.
pub(super) async fn check(plans: &[Plan], children: &[Child], client: &Client, args: &PullArgs) -> Result<()> {
    let screen = Screen::new(args.common.quiet);
    crate::log::start(args.common.verbose, screen.lines());
    let (mut findings, mut failed) = (Vec::new(), 0);
    for plan in plans {
        match Finding::of(plan, client).await {
            Ok(finding) => {
                finding.lines(plan).iter().for_each(|line| screen.note(line));
                findings.push(Some(finding));
            }
            Err(failure) if matches!(failure.code, Code::Error) => {
                failed += 1;
                screen.error(&format!("{}: {}", plan.name(), failure.message.unwrap_or_default()));
                findings.push(None);
            }
            Err(failure) => return Err(failure),
        }
    }
    for child in children {
        let name = child.endpoint.name.as_deref().unwrap_or_default();
        screen.note(&format!("{name}: not asked, for it needs the records of {}", child.parent.name));
    }
    write(&toml::stated(plans, &findings, args)?)?;
    match failed {
        0 => Ok(()),
        all if all == plans.len() => Err(Failure::error("no endpoint answered with records; see above for each")),
        some => {
            Err(Failure::new(Code::Partial, format!("{} did not answer with records", count(some as u64, "endpoint"))))
        }
    }
}

fn write(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|e| Failure::stdout(&e))
}
