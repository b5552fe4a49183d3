//! Prints how near the engine comes to the least possible time against simulated servers, beside what others do.
//!
//! ```text
//! cargo bench -p abide-core --bench world --features sim                      # the whole table
//! cargo bench -p abide-core --bench world --features sim -- bucket            # rows whose name has this in it
//! cargo bench -p abide-core --bench world --features sim -- --workers 32 --trip 2 --seeds 50 --fleet no
//! cargo bench -p abide-core --bench world --features sim -- sliding --columns later --seeds 100..150 --worst 3 --fleet no
//! cargo bench -p abide-core --bench world --features sim -- sliding --columns first --trace 17 --trip 1 --fleet no
//! ```
//!
//! It has no clock of its own: all time in it is virtual, and the same command prints the same table.

mod cell;
mod draw;
mod fleet;
mod rows;

use std::ops::Range;
use std::time::Duration;

use cell::{Cell, Column};

/// What a run of the bench is asked for.
struct Ask {
    filter: Vec<String>,
    /// Round trips in milliseconds; a table each.
    trips: Vec<u64>,
    workers: usize,
    seeds: Range<u64>,
    fleet: bool,
    /// Of each cell, so many of the slowest seeds are shown one by one.
    worst: usize,
    /// The one seed of which every step is shown.
    trace: Option<u64>,
    /// Columns whose name has this in it.
    columns: String,
}

impl Ask {
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut ask = Self {
            filter: Vec::new(),
            trips: vec![1, 50],
            workers: 8,
            seeds: 0..20,
            fleet: true,
            worst: 0,
            trace: None,
            columns: String::new(),
        };
        while let Some(arg) = args.next() {
            let Some(name) = arg.strip_prefix("--") else {
                ask.filter.push(arg);
                continue;
            };
            // Cargo adds this to every bench.
            if name == "bench" {
                continue;
            }
            let value = args.next().ok_or(format!("--{name} needs a value"))?;
            let number = || value.parse::<u64>().map_err(|_| format!("--{name}: '{value}' is not a number"));
            match name {
                "trip" => ask.trips = vec![number()?],
                "workers" => ask.workers = number()? as usize,
                "seeds" => ask.seeds = seeds(&value).ok_or(format!("--seeds: '{value}' is neither 50 nor 100..150"))?,
                "worst" => ask.worst = number()? as usize,
                "trace" => ask.trace = Some(number()?),
                "columns" => ask.columns.clone_from(&value),
                "fleet" => ask.fleet = value == "yes",
                _ => {
                    return Err(format!(
                        "--{name} is not known; there are --trip, --workers, --seeds, --columns, --worst, --trace and --fleet"
                    ));
                }
            }
        }
        Ok(ask)
    }

    fn columns(&self) -> impl Iterator<Item = Column> {
        Column::ALL.into_iter().filter(|column| column.name().contains(&self.columns))
    }

    fn wants(&self, name: &str) -> bool {
        self.filter.is_empty() || self.filter.iter().any(|part| name.contains(part.as_str()))
    }
}

/// So many seeds from 0, or these: `100..150`.
fn seeds(text: &str) -> Option<Range<u64>> {
    let seeds = match text.split_once("..") {
        Some((from, to)) => from.parse().ok()?..to.parse().ok()?,
        None => 0..text.parse().ok()?,
    };
    (!seeds.is_empty()).then_some(seeds)
}

fn main() {
    let ask = match Ask::from_args(std::env::args().skip(1)) {
        Ok(ask) => ask,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(2);
        }
    };
    if let Some(seed) = ask.trace {
        return trace(&ask, seed);
    }
    println!(
        "Each cell: time over the least possible, refused in percent; median and (worst) of {} seeds.",
        ask.seeds.end - ask.seeds.start
    );
    println!(
        "Every second seed has parameters of its own in place of those named. L: records lost, in all runs together."
    );
    let mut virtual_time = Duration::ZERO;
    for trip in &ask.trips {
        println!("\nround trip {trip} ms and up to a tenth more each way, {} in flight", ask.workers);
        print!("{:<34}", "");
        for column in ask.columns() {
            print!(" {:<26}", column.name());
        }
        println!();
        for row in rows::ALL.iter().filter(|row| ask.wants(row.name)) {
            let mut slowest = Vec::new();
            print!("{:<34}", row.name);
            for column in ask.columns() {
                let run = |seed| cell::run(row, column, *trip, ask.workers, seed, false);
                let reports: Vec<_> = ask.seeds.clone().map(|seed| (seed, run(seed))).collect();
                slowest.push((column, cell::slowest(row, &reports, ask.worst)));
                let cell: Cell = reports.into_iter().map(|(_, report)| report).collect();
                virtual_time += cell.virtual_time;
                print!(" {:<26}", cell.to_string());
            }
            println!();
            for (column, lines) in slowest {
                lines.iter().for_each(|line| println!("    {}: {line}", column.name()));
            }
        }
    }
    if ask.fleet && ask.wants("fleet") {
        virtual_time += fleet::print();
    }
    println!("\n{:.1} virtual hours", virtual_time.as_secs_f64() / 3_600.0);
}

/// Prints all that happens in one seed.
fn trace(ask: &Ask, seed: u64) {
    for row in rows::ALL.iter().filter(|row| ask.wants(row.name)) {
        for (column, trip) in ask.columns().flat_map(|column| ask.trips.iter().map(move |trip| (column, *trip))) {
            println!("{}, {}, round trip {trip} ms, {} in flight", row.name, column.name(), ask.workers);
            let report = cell::run(row, column, trip, ask.workers, seed, true);
            report.trace.iter().for_each(|entry| println!("{entry}"));
            cell::slowest(row, &[(seed, report)], 1).iter().for_each(|line| println!("{line}"));
        }
    }
}
