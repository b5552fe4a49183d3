//! Whether something beneath an attempt sends it more than once: what is asked for is counted where it leaves.
//!
//! The count travels in the extensions of the request, which are not part of what is sent. So it is seen only by what stands at the
//! bottom and looks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use http::Extensions;

/// How often one attempt has left.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    times: Arc<AtomicU32>,
    warned: Arc<AtomicBool>,
}

/// Makes the counters of a shell's attempts, which together warn once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witnessed(Arc<AtomicBool>);

impl Witnessed {
    /// For one attempt.
    pub(crate) fn asked(&self) -> Asked {
        Asked { times: Arc::default(), warned: Arc::clone(&self.0) }
    }

    /// Whether something beneath was seen to repeat an attempt.
    pub(crate) fn saw_repeats(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Asked {
    /// A request leaves.
    pub(crate) fn on_send(extensions: &Extensions) {
        let Some(Self { times, warned }) = extensions.get() else { return };
        if times.fetch_add(1, Ordering::Relaxed) > 0 && !warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "something beneath abide sends attempts again by itself: these pass no limit, wait for no pause and are not counted; \
                 take it out and leave repeating to abide"
            );
        }
    }
}
