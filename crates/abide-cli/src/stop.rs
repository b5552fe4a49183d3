//! SIGINT and SIGTERM: what was fetched is kept, and the second one ends at once.

use std::future::Future;
use std::pin::Pin;

use crate::exit::Code;

/// Resolves when the user or the system asks to stop.
pub(crate) struct Stop(Pin<Box<dyn Future<Output = Code> + Send>>);

impl Stop {
    /// Must be called within the runtime.
    pub(crate) fn new() -> Self {
        Self(Box::pin(signal()))
    }

    pub(crate) async fn asked(&mut self) -> Code {
        let code = self.0.as_mut().await;
        self.0 = Box::pin(signal());
        code
    }
}

#[cfg(unix)]
async fn signal() -> Code {
    use tokio::signal::unix::{SignalKind, signal};
    // Without handlers the default action still ends the process, and a killed pull resumes.
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = int.recv() => Code::Interrupted,
        _ = term.recv() => Code::Terminated,
    }
}

#[cfg(not(unix))]
async fn signal() -> Code {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Code::Interrupted,
        Err(_) => std::future::pending().await,
    }
}
