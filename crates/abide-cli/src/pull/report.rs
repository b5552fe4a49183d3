//! What a pull says when it begins and when it ends, and the exit code that goes with it.

use std::time::{Duration, SystemTime};

use abide_core::time::Wall;

use super::endpoint::Pull;
use super::journal::error::Error as StoreError;
use super::journal::state::Ending;
use super::output::Output;
use super::run::{Run, now, stored};
use super::sink::{Resumed, Totals};
use super::summary::{Summary, amount};
use super::table::{self, Row};
use crate::args::PullArgs;
use crate::exit::{Code, Failure, Result};
use crate::screen::{Screen, clock, count};

/// Failures that are listed by name; the journal has all of them.
const LISTED: u32 = 20;

/// How a run ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Every job came to an end, well or not.
    Finished,
    /// A limit opens only later than may be waited for.
    Paused { until: Option<SystemTime>, why: String },
    /// The user's deadline passed.
    Late(String),
    /// More requests failed than the user allows.
    Failing(String),
    /// The user wanted no more for now.
    Enough(String),
    /// The pages lead nowhere new.
    Stalled(String),
    /// By a signal.
    Stopped(Code),
    /// The output can't be written.
    Broken(StoreError),
}

pub(super) fn resumed(name: &str, left: &Resumed) -> String {
    let mut line = format!("going on with {name}: {} there already", amount(&left.totals));
    if left.missing > 0 {
        line += &format!(", {} that failed are tried again", left.missing);
    }
    if let Some(Ending::Paused { until }) = left.ending
        && until > now()
    {
        line += &format!("; a limit was to open at {}", clock(system_time(until)));
    }
    line
}

pub(super) fn complete(name: &str, since: Wall, totals: &Totals) -> String {
    format!(
        "{name} is complete since {} ({}); nothing was fetched (--if-complete refetch or --fresh pulls it again)",
        clock(system_time(since)),
        amount(totals)
    )
}

fn system_time(wall: Wall) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(wall.as_secs()).unwrap_or(0))
}

/// Brings every output to its end, says how it went, and returns the exit code that goes with it.
pub(super) fn end(run: Run, args: &PullArgs) -> Result<()> {
    let Run { client, screen, pulls, complete, started, waiting, failures, .. } = run;
    let elapsed = started.elapsed();
    let several = pulls.len() + complete.len() + waiting.len() + failures.len() > 1;
    let mut rows: Vec<Row> = complete.iter().map(|(name, totals)| Row::complete(name, *totals)).collect();
    let (mut failures, mut later) = (failures, Vec::new());
    for mut pull in pulls {
        let outcome = pull.outcome.take().unwrap_or(Outcome::Finished);
        let name = pull.plan.name();
        let before = if several { format!("{name}: ") } else { String::new() };
        let mut row = Row::of(&pull, verdict(&outcome, &pull.sink.totals()));
        row.is_unread = matches!(outcome, Outcome::Broken(StoreError::BrokenPipe));
        let missing = list(&mut pull, &outcome, &before)?;
        later.extend(notes(&pull).into_iter().map(|note| format!("note: {before}{note}")));
        if let Err(failure) = finish(pull, outcome, missing, &mut row) {
            failures.push((before, failure));
        }
        rows.push(row);
    }
    rows.extend(waiting.iter().map(|child| Row::waiting(child.endpoint.name.as_deref().unwrap_or_default())));
    let summary = Summary { rows: &rows, client: &client, elapsed };
    if several {
        table::draw(&rows).iter().for_each(|line| screen.note(line));
    }
    if !rows.iter().any(|row| row.is_unread) {
        screen.note(&summary.line(&rows.iter().map(|row| row.output.as_str()).collect::<Vec<_>>()));
    }
    later.iter().for_each(|note| screen.note(note));
    let written = summary.write(args);
    let Some((before, gravest)) = gravest(failures, several, &screen) else { return written };
    if let Err(Failure { message: Some(message), .. }) = written {
        screen.error(&format!("abide: {message}"));
    }
    let message = gravest.message.map(|message| before + &message);
    // Who has something of it has something.
    let is_part = several && gravest.code == Code::Error && rows.iter().any(|row| row.totals.pages > 0);
    Err(Failure { code: if is_part { Code::Partial } else { gravest.code }, message })
}

/// The failure that decides the exit code, after the others have been said.
fn gravest(failures: Vec<(String, Failure)>, several: bool, screen: &Screen) -> Option<(String, Failure)> {
    const GRAVITY: [Code; 7] =
        [Code::Interrupted, Code::Terminated, Code::Usage, Code::Paused, Code::Stalled, Code::Partial, Code::Error];
    let gravity = |code: Code| GRAVITY.iter().position(|known| *known == code).unwrap_or(GRAVITY.len());
    let first = (0..failures.len()).min_by_key(|at| gravity(failures[*at].1.code))?;
    let mut gravest = None;
    for (at, failure) in failures.into_iter().enumerate() {
        if at == first {
            gravest = Some(failure);
        } else if let (true, (before, Failure { message: Some(message), .. })) = (several, failure) {
            screen.error(&format!("abide: {before}{message}"));
        }
    }
    gravest
}

/// What may not be as the user thinks, though nothing went wrong.
fn notes(pull: &Pull) -> Vec<String> {
    let mut notes = Vec::new();
    if pull.skipped > 0 {
        let more = pull.skipped - pull.skips.len() as u64;
        let more = if more > 0 { format!(" … and {more} more") } else { String::new() };
        notes.push(format!("{} skipped: {}{more}", count(pull.skipped, "request"), pull.skips.join(", ")));
    }
    if pull.unfollowed {
        notes.push("pages name a next one that was not followed; --pages auto follows them".to_owned());
    }
    if pull.places.len() > 1 {
        let places: Vec<String> = pull.places.iter().map(|(place, pages)| format!("{place} ({pages})")).collect();
        notes.push(format!(
            "records were found at several places: {}; if that is wrong, name the place with --records (body is the whole \
             answer) and start over with --fresh",
            places.join(", ")
        ));
    }
    if let Some((total, records)) = pull.short_of {
        notes.push(format!(
            "the server counts {total} in all, and the only page that it names has {records}; if there are more pages, say \
             where the next one's URL is with --pages, or pull them with a template such as '…?page={{1..9}}'"
        ));
    }
    notes
}

/// The outcome in one word.
fn verdict(outcome: &Outcome, totals: &Totals) -> &'static str {
    match outcome {
        Outcome::Finished if is_empty_handed(totals) => "failed",
        Outcome::Finished if totals.failed > 0 => "partial",
        Outcome::Finished => "complete",
        Outcome::Paused { .. } | Outcome::Enough(_) => "paused",
        Outcome::Late(_) => "late",
        Outcome::Failing(_) => "failing",
        Outcome::Stalled(_) => "stalled",
        Outcome::Stopped(_) => "stopped",
        Outcome::Broken(StoreError::BrokenPipe) => "unread",
        Outcome::Broken(_) => "broken",
    }
}

/// What the server says there is beyond what came, in words; nothing if all is there, or nobody asked.
fn short(pull: &Pull) -> Option<String> {
    let expected = pull.expected.as_ref()?;
    let (place, records) = (expected.place(), pull.sink.totals().records);
    match expected.total(pull.plan.input.len()) {
        Some(total) if total > records => Some(format!(
            "{} came, and the server says in {place} that there are {total}; it may have changed meanwhile: pull it again with \
             --fresh",
            count(records, "record")
        )),
        Some(_) => None,
        None => Some(format!("whether all came is not known: not every answer had a number in {place}")),
    }
}

/// Whether every URL was asked for and none came.
fn is_empty_handed(totals: &Totals) -> bool {
    totals.pages == 0 && totals.failed > 0
}

/// Lists what is missing, unless one line can say all of it. Returns the first of it.
fn list(pull: &mut Pull, outcome: &Outcome, before: &str) -> Result<Option<String>> {
    let totals = pull.sink.totals();
    let failures = pull.sink.failures(0, LISTED).map_err(|e| stored(&e))?;
    let lines: Vec<String> =
        failures.iter().map(|failed| format!("{}: {}", failed.failure.url, failed.failure.reason)).collect();
    let says_all = matches!(outcome, Outcome::Finished) && is_empty_handed(&totals) && pull.plan.input.len() == 1;
    if !lines.is_empty() && !says_all {
        // An exit code of 3 promises a list, whoever does not want to hear of progress.
        pull.screen.error(&format!("{before}{} of {} missing:", totals.failed, count(pull.plan.input.len(), "URL")));
        for line in &lines {
            pull.screen.error(&format!("  {line}"));
        }
        if totals.failed > u64::from(LISTED) {
            pull.screen.error(&format!("  … and {} more", totals.failed - u64::from(LISTED)));
        }
    }
    Ok(lines.into_iter().next())
}

/// The row has the totals before, and gets those after it: only then is it known how many records came twice.
fn finish(mut pull: Pull, outcome: Outcome, missing: Option<String>, row: &mut Row) -> Result<()> {
    let name = pull.plan.output.to_string();
    let advice = pull.advice.take().map(|advice| format!("; {advice}")).unwrap_or_default();
    let goes_on = match &pull.plan.output {
        Output::Stdout => "with -o FILE, a run that is cut short can go on where it was",
        _ if pull.is_blank() => "nothing was fetched yet; run the same command again",
        _ => "what was fetched is kept: run the same command again to go on",
    };
    let (ending, failure) = match outcome {
        Outcome::Finished if is_empty_handed(&row.totals) => {
            let why = missing.unwrap_or_default();
            (Ending::Interrupted, Failure::error(format!("nothing was fetched: {why}{advice}")))
        }
        Outcome::Finished => {
            let before = std::path::PathBuf::from(format!("{name}.before"));
            let was_there = before.exists();
            pull.finish(now()).map_err(|e| stored(&e))?;
            row.totals = pull.sink.totals();
            if row.totals.failed == 0 {
                let Some(why) = short(&pull) else { return Ok(()) };
                row.verdict = "short";
                return Err(Failure::new(Code::Partial, format!("{name}: {why}")));
            }
            let next = match &pull.plan.output {
                Output::Stdout => "run it again with -o FILE, and another run fetches what is missing alone",
                _ => "run the same command again to fetch what is missing",
            };
            let earlier = if !was_there && before.exists() {
                format!("; the earlier one, which a complete one would have replaced, is kept as {}", before.display())
            } else {
                String::new()
            };
            return Err(Failure::new(Code::Partial, format!("{name} is partial; {next}{earlier}")));
        }
        Outcome::Paused { until, why } => {
            let until = until.and_then(|until| until.duration_since(SystemTime::UNIX_EPOCH).ok());
            let wall =
                until.map_or_else(now, |since| Wall::from_secs(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)));
            (Ending::Paused { until: wall }, Failure::new(Code::Paused, format!("paused: {why}; {goes_on}")))
        }
        Outcome::Late(why) | Outcome::Enough(why) => {
            (Ending::Interrupted, Failure::new(Code::Paused, format!("{why}; {goes_on}")))
        }
        Outcome::Stalled(why) => {
            let kept = match &pull.plan.output {
                Output::File(..) if !pull.is_blank() => format!("; what was fetched is kept in {name}.part"),
                _ => String::new(),
            };
            (Ending::Stalled, Failure::new(Code::Stalled, why + &kept))
        }
        Outcome::Failing(why) => {
            let code = if pull.is_blank() { Code::Error } else { Code::Partial };
            (Ending::Interrupted, Failure::new(code, format!("{why}{advice}; {goes_on}")))
        }
        Outcome::Stopped(code) => (Ending::Interrupted, Failure::new(code, format!("stopped; {goes_on}"))),
        Outcome::Broken(error) => {
            let failure = stored(&error);
            // What was committed before stays; closing may fail for the same reason as the write before it.
            drop(pull);
            return Err(failure);
        }
    };
    pull.close(ending).map_err(|e| stored(&e))?;
    Err(failure)
}
