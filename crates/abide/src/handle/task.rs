//! The task that watches the clock for all calls of the async shells, and ends with its runtime or its engine.

use std::sync::{Arc, Weak};
use std::task::Waker;

use abide_core::time::Instant;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::{Shared, State};

/// The task of one engine.
#[derive(Debug, Default)]
pub(super) struct Driver(Option<JoinHandle<()>>);

impl Driver {
    /// Starts it at the first call, and when the runtime that it was on is gone. Must be called within a Tokio runtime.
    pub(super) fn keep(state: &mut State, shared: &Arc<Shared>) {
        if state.driver.0.as_ref().is_none_or(JoinHandle::is_finished) {
            let watch = Watch(Arc::downgrade(shared));
            state.driver.0 = Some(tokio::spawn(drive(watch, Arc::clone(&shared.moved))));
            state.driver_at = None;
        }
    }
}

/// Wakes all that wait when the driver ends before its engine: the first of them starts another, on its own runtime.
struct Watch(Weak<Shared>);

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(shared) = self.0.upgrade() else { return };
        let mut state = shared.lock();
        state.driver.0 = None;
        let wakers: Vec<Waker> = state.inboxes.values_mut().filter_map(|inbox| inbox.waker.take()).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Tells the engine when a moment that it named has come, for as long as anybody holds it.
async fn drive(watch: Watch, moved: Arc<Notify>) {
    loop {
        let (clock, sleep): (_, Option<Instant>) = {
            let Some(shared) = watch.0.upgrade() else { return };
            let Some(sleep) = shared.catch_up() else { continue };
            (shared.clock.clone(), sleep)
        };
        match sleep {
            Some(at) => clock.sleep_until(at, moved.notified()).await,
            None => moved.notified().await,
        }
    }
}
