//! What a pull says: while it runs, when it ends, and as JSON for programs.

use std::time::{Duration, SystemTime};

use abide_core::policy::LimitSpec;
use abide_core::time::Wall;
use serde_json::{Map, Value, json};

use super::journal::error::Error as StoreError;
use super::journal::state::Ending;
use super::plan::Output;
use super::run::{Pull, now, stored};
use super::sink::{Resumed, Totals};
use crate::args::PullArgs;
use crate::exit::{Code, Failure, Result};
use crate::screen::{self, clock, short};

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
    /// The pages lead nowhere new.
    Stalled(String),
    /// By a signal.
    Stopped(Code),
    /// The output can't be written.
    Broken(StoreError),
}

/// Draws how things stand.
pub(super) fn progress(pull: &mut Pull) {
    let totals = pull.sink.totals();
    let stats = pull.client.stats();
    let elapsed = pull.started.elapsed();
    let waiting = screen::waiting(&pull.client);
    let left = time_left(pull, stats.requests, elapsed);
    pull.screen.status(|| {
        let rate = stats.requests as f64 / elapsed.as_secs_f64().max(0.001);
        let mut line = format!("{} records, {} pages, {rate:.1} requests/s", totals.records, totals.pages);
        if stats.rate_limited > 0 {
            line += &format!(", {} refused", stats.rate_limited);
        }
        if totals.failed > 0 {
            line += &format!(", {} failed", totals.failed);
        }
        if let Some(left) = left {
            line += &format!(", at least {} to go", short(left));
        }
        if let Some(waiting) = waiting {
            line += &format!("; {waiting}");
        }
        line
    });
}

/// The least time that what is left can take: by the told limits, and by the pace so far.
fn time_left(pull: &Pull, requests: u64, elapsed: Duration) -> Option<Duration> {
    let left = pull.jobs_left();
    if left <= 1 || requests < 10 {
        return None;
    }
    let pace = requests as f64 / elapsed.as_secs_f64().max(0.001);
    Some(Duration::from_secs_f64(left as f64 / pace))
}

pub(super) fn resumed(name: &str, left: &Resumed) -> String {
    let mut line =
        format!("going on with {name}: {} records of {} pages are there", left.totals.records, left.totals.pages);
    if left.missing > 0 {
        line += &format!(", {} that failed are tried again", left.missing);
    }
    line
}

pub(super) fn complete(name: &str, since: Wall, totals: &Totals) -> String {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(since.as_secs()).unwrap_or(0));
    format!(
        "{name} is complete since {} ({}); nothing was fetched (--if-complete refetch or --fresh pulls it again)",
        clock(at),
        amount(totals)
    )
}

/// Records where they were counted, else files.
fn amount(totals: &Totals) -> String {
    if totals.records > 0 || totals.pages == 0 {
        format!("{} records", totals.records)
    } else {
        format!("{} files", totals.pages)
    }
}

/// Brings the output to its end, says how it went, and returns the exit code that goes with it.
pub(super) fn end(mut pull: Pull, outcome: Outcome, args: &PullArgs) -> Result<()> {
    let totals = pull.sink.totals();
    let name = match &pull.plan.output {
        Output::Stdout => "standard output".to_owned(),
        Output::Ndjson(path) | Output::Folder(path) => path.display().to_string(),
    };
    let nothing = totals.pages == 0 && totals.failed > 0;
    let failures = pull.sink.failures(0, LISTED).map_err(|e| stored(&e))?;
    if !failures.is_empty() && !matches!(outcome, Outcome::Finished if nothing && pull.plan.input.len() == 1) {
        pull.screen.note(&format!("{} of {} URLs are missing:", totals.failed, pull.plan.input.len()));
        for failed in &failures {
            pull.screen.note(&format!("  {}: {}", failed.failure.url, failed.failure.reason));
        }
        if totals.failed > u64::from(LISTED) {
            pull.screen.note(&format!("  … and {} more", totals.failed - u64::from(LISTED)));
        }
    }
    let verdict = match &outcome {
        Outcome::Finished if nothing => "failed",
        Outcome::Finished if totals.failed > 0 => "partial",
        Outcome::Finished => "complete",
        Outcome::Paused { .. } => "paused",
        Outcome::Late(_) => "late",
        Outcome::Stalled(_) => "stalled",
        Outcome::Stopped(_) => "stopped",
        Outcome::Broken(_) => "broken",
    };
    let last = failures.first().map(|failed| format!("{}: {}", failed.failure.url, failed.failure.reason));
    let line = summary_line(&pull, &totals, verdict, &name);
    let object = summary(&pull, &totals, verdict, args);
    let result = finish(pull, outcome, &totals, &name, last);
    if let Some(path) = &args.summary_json {
        std::fs::write(path, format!("{object}\n"))
            .map_err(|e| Failure::error(format!("the summary can't be written to {}: {e}", path.display())))?;
    }
    if result.is_ok() || !line.is_empty() {
        // The line is for people; the failure below says what to do next.
        if !args.common.quiet {
            eprintln!("{line}");
        }
    }
    result
}

fn finish(mut pull: Pull, outcome: Outcome, totals: &Totals, name: &str, last: Option<String>) -> Result<()> {
    let resumable = !matches!(pull.plan.output, Output::Stdout);
    let again = |what: &str| {
        if resumable {
            format!("{what}; what was fetched is kept, run the same command again to go on")
        } else {
            what.to_owned()
        }
    };
    let (ending, failure) = match outcome {
        Outcome::Finished if totals.pages == 0 && totals.failed > 0 => {
            let why = last.unwrap_or_default();
            (Ending::Interrupted, Failure::error(format!("nothing was fetched: {why}")))
        }
        Outcome::Finished => {
            pull.sink.finish(pull.plan.input.len(), now()).map_err(|e| stored(&e))?;
            if totals.failed == 0 {
                return Ok(());
            }
            let message = format!("{name} is partial; run the same command again to fetch what is missing");
            return Err(Failure::new(Code::Partial, message));
        }
        Outcome::Paused { until, why } => {
            let at = until.map(|until| format!("; come back at {}", clock(until))).unwrap_or_default();
            let until = until.and_then(|until| until.duration_since(SystemTime::UNIX_EPOCH).ok());
            let wall =
                until.map_or_else(now, |since| Wall::from_secs(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)));
            let message = again(&format!("paused: {why}{at}, or allow more with --max-wait"));
            (Ending::Paused { until: wall }, Failure::new(Code::Paused, message))
        }
        Outcome::Late(why) => (Ending::Interrupted, Failure::new(Code::Paused, again(&why))),
        Outcome::Stalled(why) => (Ending::Stalled, Failure::new(Code::Stalled, why)),
        Outcome::Stopped(code) => (Ending::Interrupted, Failure::new(code, again("stopped"))),
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

fn summary_line(pull: &Pull, totals: &Totals, verdict: &str, name: &str) -> String {
    let stats = pull.client.stats();
    let mut line = format!(
        "{verdict}: {} in {}, {} requests ({} refused, {} tried again)",
        amount(totals),
        short(pull.started.elapsed()),
        stats.requests,
        stats.rate_limited,
        stats.retries
    );
    for (i, (label, time)) in stats.waited.iter().filter(|(_, time)| *time >= Duration::from_millis(100)).enumerate() {
        line += &format!("{} {label} {}", if i == 0 { "; waited:" } else { "," }, short(time));
    }
    line += &format!(" -> {name}");
    if pull.unfollowed {
        line += "\nnote: pages name a next one that was not followed; --pages auto follows them";
    }
    line
}

fn summary(pull: &Pull, totals: &Totals, verdict: &str, args: &PullArgs) -> Value {
    let stats = pull.client.stats();
    let waited: Map<String, Value> =
        stats.waited.iter().map(|(label, time)| (label.to_owned(), json!(seconds(time)))).collect();
    let told = args.common.limit.iter().flat_map(|limit| &limit.limits.0);
    let limits: Vec<Value> = told
        .map(|spec: &LimitSpec| json!({"limit": spec.to_string(), "source": "told", "confidence": 1.0}))
        .chain(
            pull.client.quotas().into_iter().map(|quota| json!({"limit": quota, "source": "said", "confidence": 1.0})),
        )
        .collect();
    json!({
        "records": totals.records,
        "requests": stats.requests,
        "ok": stats.ok,
        "rate_limited": stats.rate_limited,
        "retries": stats.retries,
        "failed": totals.failed,
        "elapsed_s": seconds(pull.started.elapsed()),
        "waited_s": waited,
        "limits": limits,
        "outcome": verdict,
    })
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}
