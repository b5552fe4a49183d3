//! The command line of abide: reads the arguments and runs the verb.

mod mock;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use mock::{MockArgs, MockError};

/// Calls rate-limited HTTP APIs as fast as they allow, and loses nothing.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Mock(MockArgs),
}

fn main() -> ExitCode {
    let Verb::Mock(args) = Cli::parse().verb;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(MockError::Io).and_then(|runtime| runtime.block_on(mock::run(args)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("abide: error: {why}");
            ExitCode::from(if matches!(why, MockError::Usage(_)) { 2 } else { 1 })
        }
    }
}
