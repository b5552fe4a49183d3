//! What a pull has done, in one line for people and in one JSON object for programs.

use std::path::Path;
use std::time::Duration;

use abide::{Client, LimitSpec};
use serde_json::{Map, Value, json};

use super::sink::Totals;
use super::table::Row;
use crate::args::PullArgs;
use crate::exit::{Failure, Result};
use crate::screen::{count, short};

/// Waits below this are not worth a word.
const WORTH_A_WORD: Duration = Duration::from_millis(100);

/// A run as it ended.
pub(super) struct Summary<'a> {
    /// One an endpoint.
    pub(super) rows: &'a [Row],
    pub(super) client: &'a Client,
    pub(super) elapsed: Duration,
}

/// Records where they were counted, else files.
pub(super) fn amount(totals: &Totals) -> String {
    if totals.records > 0 || totals.pages == 0 { count(totals.records, "record") } else { count(totals.pages, "file") }
}

impl Summary<'_> {
    pub(super) fn line(&self, outputs: &[&str]) -> String {
        let totals = self.totals();
        let stats = self.client.stats();
        let mut line = format!(
            "{}: {} in {}, {} ({} refused, {} tried again)",
            self.outcome(),
            amount(&totals),
            short(self.elapsed),
            count(stats.requests, "request"),
            stats.rate_limited,
            stats.retries
        );
        if stats.hedges > 0 {
            line += &format!("; {} sent twice because the first stalled", were(stats.hedges, "request"));
        }
        for (i, (label, time)) in stats.waited.iter().filter(|(_, time)| *time >= WORTH_A_WORD).enumerate() {
            line += &format!("{} {label} {}", if i == 0 { "; waited:" } else { "," }, short(time));
        }
        match outputs {
            [output] => line + " -> " + output,
            several => format!("{line} -> {} outputs", several.len()),
        }
    }

    /// Writes the object to the file that was asked for, if any was.
    pub(super) fn write(&self, args: &PullArgs) -> Result<()> {
        let Some(path) = &args.summary_json else { return Ok(()) };
        write(path, &self.object(args)).map_err(|e| {
            Failure::error(format!(
                "the summary can't be written to {}: {e}; name another file with --summary-json",
                path.display()
            ))
        })
    }

    fn object(&self, args: &PullArgs) -> Value {
        let (stats, totals) = (self.client.stats(), self.totals());
        let waited: Map<String, Value> =
            stats.waited.iter().map(|(label, time)| (label.to_owned(), json!(seconds(time)))).collect();
        let limit = |limit: String, source| json!({"limit": limit, "source": source, "confidence": 1.0});
        let told = args.common.limit.iter().flat_map(|limit| &limit.limits.0);
        let told = told.map(|spec: &LimitSpec| limit(spec.to_string(), "told"));
        let said = self.client.quotas().into_iter().map(|quota| limit(quota, "said"));
        let mut object = json!({
            "records": totals.records,
            "requests": stats.requests,
            "ok": stats.ok,
            "rate_limited": stats.rate_limited,
            "retries": stats.retries,
            "hedges": stats.hedges,
            "failed": totals.failed,
            "elapsed_s": seconds(self.elapsed),
            "waited_s": waited,
            "limits": told.chain(said).collect::<Vec<_>>(),
            "outcome": self.outcome(),
        });
        if self.rows.len() > 1 {
            object["endpoints"] = self.rows.iter().map(Row::object).collect();
        }
        object
    }

    /// Of all endpoints together.
    fn totals(&self) -> Totals {
        self.rows.iter().fold(Totals::default(), |sum, row| Totals {
            records: sum.records + row.totals.records,
            pages: sum.pages + row.totals.pages,
            bytes: sum.bytes + row.totals.bytes,
            failed: sum.failed + row.totals.failed,
        })
    }

    /// The word for all of them: that of the endpoints if they agree, else what it comes to.
    fn outcome(&self) -> &'static str {
        let first = self.rows.first().map_or("complete", |row| row.verdict);
        let agree = self.rows.iter().all(|row| row.verdict == first);
        if agree { first } else { "partial" }
    }
}

/// "1 request was", "2 requests were".
fn were(n: u64, noun: &str) -> String {
    format!("{} {}", count(n, noun), if n == 1 { "was" } else { "were" })
}

fn write(path: &Path, object: &Value) -> std::io::Result<()> {
    std::fs::write(path, format!("{object}\n"))
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}
