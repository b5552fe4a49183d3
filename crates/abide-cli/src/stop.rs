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

    /// To be called until it has returned; from then on another signal ends the process, whatever it is busy with.
    pub(crate) async fn asked(&mut self) -> Code {
        let code = self.0.as_mut().await;
        end_with_the_next();
        self.0 = Box::pin(std::future::pending());
        code
    }
}

/// Once a signal was listened for, its default action is gone for good; so this thread stands in for it.
fn end_with_the_next() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            let code = runtime.block_on(signal());
            std::process::exit(code as i32);
        }
    });
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
