//! `abide mock`: a rate-limited API on loopback, for anybody's tests.

mod args;
pub(crate) mod config;
pub(crate) mod faults;
mod fields;
pub(crate) mod gate;
mod greeting;
mod judge;
mod log;
pub(crate) mod pages;
mod routes;
pub(crate) mod server;
mod service;

use std::fmt;
use std::io::{self, Write};

pub(crate) use args::MockArgs;
pub(crate) use server::start;

use crate::screen::say;

/// Why the mock did not start.
#[derive(Debug)]
pub(crate) enum MockError {
    /// Flags that do not go together.
    Usage(String),
    /// The address, the log or stdout cannot be had.
    Io(io::Error),
}

impl fmt::Display for MockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) => f.write_str(why),
            Self::Io(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for MockError {}

impl From<io::Error> for MockError {
    fn from(why: io::Error) -> Self {
        Self::Io(why)
    }
}

/// Serves until a signal ends it, then tells what it has done.
pub(crate) async fn run(args: MockArgs) -> Result<(), MockError> {
    let config = args.config().map_err(MockError::Usage)?;
    let ended = signal()?;
    let greeting = greeting::hint(&config);
    let running = start(config).await?;
    announce(&format!("listening on http://{}\n", running.addr))?;
    say(greeting(running.addr).trim_end());
    ended.await;
    say(&greeting::summary(running.stop().await));
    Ok(())
}

/// Writes the line that scripts read. Whoever has closed stdout wants none of it.
fn announce(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()) {
        Err(why) if why.kind() != io::ErrorKind::BrokenPipe => Err(why),
        _ => Ok(()),
    }
}

/// Ends with the first SIGINT or SIGTERM from now on.
#[cfg(unix)]
fn signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends with the first Ctrl-C from now on.
#[cfg(not(unix))]
fn signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Where Ctrl-C cannot be listened for, the process ends by it all the same.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
