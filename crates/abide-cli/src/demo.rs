//! `abide demo`: a rate-limited API on loopback and a pull of all its records, as a user would run the two.

use std::time::{Duration, Instant};

use clap::Parser;

use crate::args::{Cli, Verb};
use crate::exit::{Failure, Result};
use crate::mock::config::{HeaderStyle, MockConfig};
use crate::mock::faults::Faults;
use crate::screen::{say, short};
use crate::{mock, pull};

const RECORDS: u64 = 300;
const LIMIT: u64 = 50;
const PERIOD: Duration = Duration::from_secs(2);

pub(crate) async fn run() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("abide-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|e| {
        Failure::error(format!("{} can't be made: {e}; set TMPDIR to a folder that can be written", folder.display()))
    })?;
    let result = demo(&folder).await;
    // What cannot be removed is a few kilobytes in the folder for temporary files.
    let _ = std::fs::remove_dir_all(&folder);
    result
}

async fn demo(folder: &std::path::Path) -> Result<()> {
    let config = MockConfig {
        limits: vec!["50/2s fixed".parse().expect("a constant limit")],
        headers: HeaderStyle::Draft8,
        faults: Faults::new("10%".parse().expect("a constant share"), Default::default(), Default::default())
            .expect("the shares are below the whole"),
        seed: 1,
        records: RECORDS,
        ..MockConfig::default()
    };
    let mock = mock::start(config).await.map_err(Failure::error)?;
    let url = format!("http://{}/items/{{0..{}}}", mock.addr, RECORDS - 1);
    let output = folder.join("items.ndjson");
    say(&format!(
        "An API that takes {LIMIT} requests in {} and fails one in ten, and {RECORDS} records to pull from it.",
        short(PERIOD)
    ));
    say("The same in two terminals:");
    say(&format!("  abide mock --listen {} --limit 50/2s --headers draft-8 --fail 10% --records {RECORDS}", mock.addr));
    say(&format!("  abide pull '{url}' -o items.ndjson"));
    say("");
    let command = ["abide", "pull", &url, "-o", &output.to_string_lossy(), "--no-memory"].map(str::to_owned);
    let Verb::Pull(args) = Cli::parse_from(command).verb else {
        return Err(Failure::error("the demo's own command was not understood"));
    };
    let began = Instant::now();
    pull::run(*args).await?;
    let took = began.elapsed();
    let counters = mock.stop().await;
    let text =
        std::fs::read_to_string(&output).map_err(|e| Failure::error(format!("the output can't be read: {e}")))?;
    let records = text.lines().count() as u64;
    if let Some(first) = text.lines().next() {
        say(&format!("\nThe first record: {first}"));
    }
    // What the limit counted: answers that were refused cost nothing, answers that failed behind it did.
    let counted = counters.accepted + counters.failed;
    let least = PERIOD * u32::try_from(counted.div_ceil(LIMIT).saturating_sub(1)).unwrap_or(u32::MAX);
    say(&format!(
        "{records} of {RECORDS} records; {} requests refused, {} failed and were sent again",
        counters.refused, counters.failed
    ));
    say(&format!(
        "{:.1} s; the limit allows {counted} requests in no less than {:.1} s: {:.2} times the least possible",
        took.as_secs_f64(),
        least.as_secs_f64(),
        took.as_secs_f64() / least.as_secs_f64().max(f64::EPSILON)
    ));
    if records == RECORDS { Ok(()) } else { Err(Failure::error("records are missing: this is a defect of abide")) }
}
