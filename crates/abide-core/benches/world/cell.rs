//! One cell of the table: a row and a column over all seeds.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use abide_core::Policy;
use abide_core::call::Patience;
use abide_core::policy::LimitRule;
use abide_core::sim::{Adaptive, Aimd, EngineClient, Network, PerRequest, Report, RetryAfter, Rule, Voice, World};
use abide_core::time::Instant;
use http::StatusCode;

use super::draw::Draw;
use super::rows::{Case, Row};

/// Who sends, and what it knows.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Told,
    /// The server states the limit in its fields too.
    ToldTwice,
    Said,
    Learned,
    LearnedLater,
    /// As the two before, from a server that says how long to wait, in whole seconds, and nothing else.
    Waits,
    WaitsLater,
    /// As the first two, from a server that refuses with a 503 without a word.
    Bare,
    BareLater,
    PerRequest,
    Adaptive,
    Aimd,
}

impl Column {
    pub(crate) const ALL: [Self; 12] = [
        Self::Told,
        Self::ToldTwice,
        Self::Said,
        Self::Learned,
        Self::LearnedLater,
        Self::Waits,
        Self::WaitsLater,
        Self::Bare,
        Self::BareLater,
        Self::PerRequest,
        Self::Adaptive,
        Self::Aimd,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::ToldTwice => "told, fields too",
            Self::Said => "said",
            Self::Learned => "learned, first run",
            Self::LearnedLater => "learned, later run",
            Self::Waits => "learned, waits, first run",
            Self::WaitsLater => "learned, waits, later run",
            Self::Bare => "learned, bare, first run",
            Self::BareLater => "learned, bare, later run",
            Self::PerRequest => "backoff, full jitter",
            Self::Adaptive => "AWS adaptive",
            Self::Aimd => "AIMD",
        }
    }
}

/// Runs one seed of a cell.
pub(crate) fn run(row: &Row, column: Column, trip: u64, workers: usize, seed: u64, traced: bool) -> Report {
    let Case { server, told, caller, voice, shared_with, network } = (row.case)(&mut Draw::new(seed));
    let voice = match column {
        Column::ToldTwice | Column::Said => voice,
        Column::Waits | Column::WaitsLater => Voice { retry_after: RetryAfter::Seconds, ..Voice::SILENT },
        _ => Voice::SILENT,
    };
    let server = match column {
        Column::Bare | Column::BareLater => server.refuses_with(StatusCode::SERVICE_UNAVAILABLE),
        _ => server,
    };
    let one_way = Duration::from_micros(trip * 500);
    let mut world = World::new(server.says(voice)).network(network(Network::latency(one_way).jitter(one_way / 10)));
    world = world.seed(seed).traced(traced);
    if let Some(period) = shared_with {
        world = world.shared_with(period);
    }
    let caller = caller.workers(workers);
    match column {
        Column::Told | Column::ToldTwice => world.run(EngineClient::new(policy(workers, told), seed), caller),
        Column::Said | Column::Learned | Column::Waits | Column::Bare => {
            world.run(EngineClient::new(policy(workers, Vec::new()), seed), caller)
        }
        Column::LearnedLater | Column::WaitsLater | Column::BareLater => {
            let mut client = EngineClient::new(policy(workers, Vec::new()), seed);
            let first = world.run(&mut client, caller.clone());
            // Long after all that it spent has come back.
            let later = Instant::ZERO + first.time + Duration::from_secs(100_000 + seed);
            world.begins_at(later).run(client, caller)
        }
        Column::PerRequest => world.run(PerRequest::new(seed), caller),
        Column::Adaptive => world.run(Adaptive::new(seed), caller),
        Column::Aimd => world.run(Aimd::new(), caller),
    }
}

/// As `abide pull` has it, but with no end to its patience, so that all run to their end.
fn policy(workers: usize, told: Vec<Rule>) -> Policy {
    Policy {
        limits: told.iter().map(|rule| LimitRule { host: None, spec: rule.spec() }).collect(),
        concurrency: u32::try_from(workers).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN),
        max_wait: Patience::Endless,
        hedge: true,
        ..Policy::default()
    }
}

/// A line for each of the slowest seeds.
pub(crate) fn slowest(row: &Row, reports: &[(u64, Report)], most: usize) -> Vec<String> {
    let mut reports: Vec<_> = reports.iter().collect();
    reports.sort_by(|(_, one), (_, other)| other.ratio().total_cmp(&one.ratio()));
    let line = |(seed, report): &(u64, Report)| {
        let case = (row.case)(&mut Draw::new(*seed));
        let rules: Vec<_> = case.server.rules().iter().map(ToString::to_string).collect();
        let (ratio, refused, done) = (report.ratio(), report.total.refused, report.total.done);
        format!("seed {seed}, {done} through {}: {ratio:.3}, {refused} refused", rules.join(" & "))
    };
    reports.into_iter().take(most).map(line).collect()
}

/// The reports of all seeds, summed up.
pub(crate) struct Cell {
    ratios: Vec<f64>,
    refused: Vec<f64>,
    lost: u64,
    pub(crate) virtual_time: Duration,
}

impl FromIterator<Report> for Cell {
    fn from_iter<I: IntoIterator<Item = Report>>(reports: I) -> Self {
        let mut cell = Self { ratios: Vec::new(), refused: Vec::new(), lost: 0, virtual_time: Duration::ZERO };
        for report in reports {
            let least = report.least.unwrap_or_default().as_secs_f64();
            cell.ratios.push(report.time.as_secs_f64() / least);
            cell.refused.push(100.0 * report.total.refused_share());
            cell.lost += report.total.lost + report.unfinished;
            cell.virtual_time += report.time;
        }
        cell.ratios.sort_by(f64::total_cmp);
        cell.refused.sort_by(f64::total_cmp);
        cell
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, worst_time) = median_and_worst(&self.ratios);
        let (refused, worst_refused) = median_and_worst(&self.refused);
        write!(f, "{time:.3} ({worst_time:.2}) {refused:.1} ({worst_refused:.1})")?;
        if self.lost > 0 {
            write!(f, " L{}", self.lost)?;
        }
        Ok(())
    }
}

/// Of sorted values; there is at least one seed.
fn median_and_worst(sorted: &[f64]) -> (f64, f64) {
    let middle = sorted.len() / 2;
    let median = if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
    (median, sorted[sorted.len() - 1])
}
