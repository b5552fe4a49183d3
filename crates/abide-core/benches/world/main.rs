//! Prints how near the engine comes to the least possible time against simulated servers, beside what others do.
//!
//! ```text
//! cargo bench -p abide-core --bench world --features sim                      # the whole table
//! cargo bench -p abide-core --bench world --features sim -- bucket            # rows whose name has this in it
//! cargo bench -p abide-core --bench world --features sim -- --workers 32 --trip 2 --seeds 50 --fleet no
//! ```
//!
//! It has no clock of its own: all time in it is virtual, and the same command prints the same table.

mod cell;
mod draw;
mod fleet;
mod rows;

use std::time::Duration;

use cell::{Cell, Column};

/// What a run of the bench is asked for.
struct Ask {
    filter: Vec<String>,
    /// Round trips in milliseconds; a table each.
    trips: Vec<u64>,
    workers: usize,
    seeds: u64,
    fleet: bool,
    /// Columns whose name has this in it.
    columns: String,
}

impl Ask {
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut ask =
            Self { filter: Vec::new(), trips: vec![1, 50], workers: 8, seeds: 20, fleet: true, columns: String::new() };
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
                "seeds" => ask.seeds = number()?.max(1),
                "columns" => ask.columns.clone_from(&value),
                "fleet" => ask.fleet = value == "yes",
                _ => {
                    return Err(format!(
                        "--{name} is not known; there are --trip, --workers, --seeds, --columns and --fleet"
                    ));
                }
            }
        }
        Ok(ask)
    }

    fn wants(&self, name: &str) -> bool {
        self.filter.is_empty() || self.filter.iter().any(|part| name.contains(part.as_str()))
    }
}

fn main() {
    let ask = match Ask::from_args(std::env::args().skip(1)) {
        Ok(ask) => ask,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(2);
        }
    };
    println!("Each cell: time over the least possible, refused in percent; median and (worst) of {} seeds.", ask.seeds);
    println!(
        "Every second seed has parameters of its own in place of those named. L: records lost, in all runs together."
    );
    let mut virtual_time = Duration::ZERO;
    for trip in &ask.trips {
        println!("\nround trip {trip} ms and up to a tenth more each way, {} in flight", ask.workers);
        print!("{:<34}", "");
        for column in Column::ALL.into_iter().filter(|column| column.name().contains(&ask.columns)) {
            print!(" {:<26}", column.name());
        }
        println!();
        for row in rows::ALL.iter().filter(|row| ask.wants(row.name)) {
            print!("{:<34}", row.name);
            for column in Column::ALL.into_iter().filter(|column| column.name().contains(&ask.columns)) {
                let cell: Cell = (0..ask.seeds).map(|seed| cell::run(row, column, *trip, ask.workers, seed)).collect();
                virtual_time += cell.virtual_time;
                print!(" {:<26}", cell.to_string());
            }
            println!();
        }
    }
    if ask.fleet && ask.wants("fleet") {
        virtual_time += fleet::print();
    }
    println!("\n{:.1} virtual hours", virtual_time.as_secs_f64() / 3_600.0);
}
