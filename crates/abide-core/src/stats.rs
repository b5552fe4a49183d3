//! What happened so far, as plain data.

use std::fmt;
use std::time::Duration;

use crate::decision::{Book, Reason};
use crate::time::Human;

/// Counters since the engine began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls that were submitted.
    pub calls: u64,
    /// Attempts that were sent, redirects included.
    pub requests: u64,
    /// Calls that ended with an answer below 400.
    pub ok: u64,
    /// Calls that ended otherwise.
    pub failed: u64,
    /// Attempts that the server refused because of a limit.
    pub rate_limited: u64,
    /// Attempts beyond the first of their call, redirects and hedges not counted.
    pub retries: u64,
    /// Attempts that were sent beside one that had stalled.
    pub hedges: u64,
    /// Time in which calls stood waiting, by what they waited for, in the words of
    /// [`Reason::label`](crate::decision::Reason::label). Calls of one key that wait together count once; backoff counts for each.
    pub waited: Waited,
}

/// Waiting time by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited(pub(crate) [Duration; Book::COUNT]);

impl Waited {
    pub(crate) fn add(&mut self, reason: Reason, time: Duration) {
        self.0[reason.book() as usize] += time;
    }

    /// Each reason's label with the time waited for it, where there was any.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        Book::ALL.into_iter().map(|book| (book.label(), self.0[book as usize])).filter(|(_, time)| !time.is_zero())
    }
}

impl Stats {
    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("calls", self.calls),
            ("  ok", self.ok),
            ("  failed", self.failed),
            ("requests", self.requests),
            ("  retries", self.retries),
            ("  hedges", self.hedges),
            ("  refused", self.rate_limited),
        ];
        for (name, count) in rows {
            writeln!(f, "{name:<12} {count:>10}")?;
        }
        // To the tenth of a percent, and never rounded up to all.
        let share = (self.success_rate() * 1_000.0).floor() / 10.0;
        write!(f, "{:<12} {:>10}", "success", format!("{share:.1} %"))?;
        for (label, time) in self.waited.iter() {
            write!(f, "\nwaited for {label:<11} {}", Human(time))?;
        }
        Ok(())
    }

    /// The share of ended calls that went well; 1 before any has ended.
    pub fn success_rate(&self) -> f64 {
        match self.ok + self.failed {
            0 => 1.0,
            ended => self.ok as f64 / ended as f64,
        }
    }
}

/// One line; as a table with `{:#}`.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return self.table(f);
        }
        write!(
            f,
            "{} calls: {} ok, {} failed; {} requests, {} retries, {} refused",
            self.calls, self.ok, self.failed, self.requests, self.retries, self.rate_limited
        )?;
        if self.hedges > 0 {
            write!(f, ", {} sent twice because the first stalled", self.hedges)?;
        }
        for (i, (label, time)) in self.waited.iter().enumerate() {
            write!(f, "{} {label} {}", if i == 0 { "; waited:" } else { "," }, Human(time))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_a_line_or_a_table() {
        let mut stats = Stats { calls: 1_001, ok: 999, failed: 1, requests: 1_030, retries: 29, ..Stats::default() };
        stats.waited.add(Reason::Probe, Duration::from_secs(4));
        assert_eq!(
            stats.to_string(),
            "1001 calls: 999 ok, 1 failed; 1030 requests, 29 retries, 0 refused; waited: probe 4.0s"
        );
        assert_eq!(
            format!("{stats:#}"),
            "calls              1001\n  ok                999\n  failed              1\n\
             requests           1030\n  retries            29\n  hedges              0\n  refused             0\n\
             success          99.9 %\nwaited for probe       4.0s"
        );
    }
}
