//! What became of each endpoint: a row of the table at the end, and of the summary for programs.

use std::time::Duration;

use serde_json::{Value, json};

use super::endpoint::Pull;
use super::sink::Totals;
use crate::screen::short;

/// An endpoint at the end of a run.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    /// Where its records went.
    pub(super) output: String,
    pub(super) totals: Totals,
    pub(super) requests: u64,
    /// What the server says there is, where that was asked for.
    pub(super) expected: Option<u64>,
    pub(super) refused: u64,
    pub(super) retried: u64,
    pub(super) skipped: u64,
    pub(super) elapsed: Duration,
    /// One word.
    pub(super) verdict: &'static str,
    /// Whether its reader went away, so that nobody wants to hear of it.
    pub(super) is_unread: bool,
}

impl Row {
    /// Of an endpoint that was complete before.
    pub(super) fn complete(name: &str, totals: Totals) -> Self {
        Self {
            name: name.to_owned(),
            output: name.to_owned(),
            totals,
            requests: 0,
            expected: None,
            refused: 0,
            retried: 0,
            skipped: 0,
            elapsed: Duration::ZERO,
            verdict: "complete",
            is_unread: false,
        }
    }

    /// Of an endpoint whose parent is not complete.
    pub(super) fn waiting(name: &str) -> Self {
        Self { verdict: "waiting", ..Self::complete(name, Totals::default()) }
    }

    pub(super) fn of(pull: &Pull, verdict: &'static str) -> Self {
        Self {
            name: pull.plan.name(),
            output: pull.plan.output.to_string(),
            totals: pull.sink.totals(),
            requests: pull.requests,
            expected: pull.expected.as_ref().and_then(|expected| expected.total(pull.plan.input.len())),
            refused: pull.refused,
            retried: pull.retried,
            skipped: pull.skipped,
            elapsed: pull.span.map_or(Duration::ZERO, |(first, last)| last.duration_since(first)),
            verdict,
            is_unread: false,
        }
    }

    pub(super) fn object(&self) -> Value {
        json!({
            "name": self.name,
            "output": self.output,
            "records": self.totals.records,
            "pages": self.totals.pages,
            "requests": self.requests,
            "expected": self.expected,
            "rate_limited": self.refused,
            "retries": self.retried,
            "skipped": self.skipped,
            "failed": self.totals.failed,
            "elapsed_s": (self.elapsed.as_secs_f64() * 1_000.0).round() / 1_000.0,
            "outcome": self.verdict,
        })
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.totals.pages.to_string(),
            self.totals.records.to_string(),
            self.expected.map_or_else(|| "-".to_owned(), |expected| expected.to_string()),
            self.refused.to_string(),
            self.retried.to_string(),
            self.skipped.to_string(),
            self.totals.failed.to_string(),
            short(self.elapsed),
            self.verdict.to_owned(),
        ]
    }
}

const HEADINGS: [&str; 10] =
    ["endpoint", "pages", "records", "expected", "refused", "retried", "skipped", "failed", "time", "verdict"];

/// The lines of the table: names and verdicts to the left, numbers to the right.
pub(super) fn draw(rows: &[Row]) -> Vec<String> {
    let lines: Vec<Vec<String>> =
        std::iter::once(HEADINGS.map(str::to_owned).to_vec()).chain(rows.iter().map(Row::cells)).collect();
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default())
        .collect();
    let cell = |column: usize, text: &str| match column {
        0 => format!("{text:<0$}", widths[0]),
        last if last + 1 == HEADINGS.len() => text.to_owned(),
        _ => format!("{text:>0$}", widths[column]),
    };
    let line = |line: &Vec<String>| {
        line.iter().enumerate().map(|(column, text)| cell(column, text)).collect::<Vec<_>>().join("  ")
    };
    lines.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right() {
        let row = |name: &str, records, verdict| Row {
            verdict,
            ..Row::complete(name, Totals { records, pages: 3, ..Totals::default() })
        };
        let table = draw(&[row("issues", 12_345, "complete"), row("comments", 7, "paused")]);
        assert_eq!(
            table,
            [
                "endpoint  pages  records  expected  refused  retried  skipped  failed  time  verdict",
                "issues        3    12345         -        0        0        0       0   0ms  complete",
                "comments      3        7         -        0        0        0       0   0ms  paused",
            ]
        );
    }
}
