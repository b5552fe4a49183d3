//! The command line of abide: reads the arguments, runs the verb, and ends with its exit code.

mod advice;
mod args;
mod connect;
mod demo;
mod exit;
mod get;
mod limits;
mod log;
mod mock;
mod pull;
mod screen;
mod secret;
mod stop;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Verb};
use crate::exit::{Code, Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return end(&Failure::error(format!("the runtime can't be started: {e}"))),
    };
    let ended = runtime.block_on(async {
        match cli.verb {
            Verb::Get(args) => get::run(args).await,
            Verb::Pull(args) => pull::run(*args).await,
            Verb::Limits(args) => limits::run(args).await,
            Verb::Mock(args) => mock::run(args).await.map_err(|e| match e {
                mock::MockError::Usage(_) => Failure::usage(e),
                mock::MockError::Io(_) => Failure::error(e),
            }),
            Verb::Demo => demo::run().await,
        }
    });
    // What is still under way is of no more use to anybody.
    runtime.shutdown_background();
    match ended {
        Ok(()) => Code::Complete.into(),
        Err(failure) => end(&failure),
    }
}

fn end(failure: &Failure) -> ExitCode {
    if let Some(message) = &failure.message {
        screen::say(&format!("abide: {message}"));
    }
    failure.code.into()
}
