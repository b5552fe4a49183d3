//! The tasks that watch the clock for the waiters of their runtime.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use abide_core::time::Instant;
use tokio::runtime::{self, Handle};
use tokio::sync::Notify;

use super::shared::Shared;

/// Those of one throttle, one a runtime.
#[derive(Debug, Default)]
pub(super) struct Drivers(Vec<Driver>);

#[derive(Debug)]
struct Driver {
    runtime: runtime::Id,
    /// What it sleeps until.
    at: Option<Instant>,
    moved: Arc<Notify>,
}

impl Drivers {
    /// A driver for this runtime, if it has none yet. It is to be spawned after the lock is given back: a runtime that shuts down
    /// drops it at once, and then it takes the lock.
    pub(super) fn missing(&mut self, runtime: runtime::Id) -> Option<Arc<Notify>> {
        if self.0.iter().any(|driver| driver.runtime == runtime) {
            return None;
        }
        let moved = Arc::new(Notify::new());
        self.0.push(Driver { runtime, at: Some(Instant::ZERO), moved: Arc::clone(&moved) });
        Some(moved)
    }

    /// There is something to do at `next`, and nothing ever again if it is over.
    pub(super) fn on_moved(&mut self, next: Option<Instant>, over: bool) {
        for driver in &mut self.0 {
            if over || next.is_some_and(|next| driver.at.is_none_or(|at| next < at)) {
                driver.at = next;
                driver.moved.notify_one();
            }
        }
    }

    fn sleeps(&mut self, moved: &Arc<Notify>, at: Option<Instant>) {
        if let Some(driver) = self.0.iter_mut().find(|driver| Arc::ptr_eq(&driver.moved, moved)) {
            driver.at = at;
        }
    }

    fn remove(&mut self, moved: &Arc<Notify>) {
        self.0.retain(|driver| !Arc::ptr_eq(&driver.moved, moved));
    }
}

/// Starts a driver on the runtime.
pub(super) fn start(runtime: &Handle, shared: &Arc<Shared>, moved: Arc<Notify>) {
    let watch = Watch { shared: Arc::clone(shared), moved };
    runtime.spawn(async move {
        while let Some(sleep) = watch.tick() {
            match sleep {
                Some(sleep) => drop(watch.shared.clock.sleep(sleep, watch.moved.notified()).await),
                None => watch.moved.notified().await,
            }
        }
    });
}

/// A driver's hold on the line; it ends with its runtime, if not before.
struct Watch {
    shared: Arc<Shared>,
    moved: Arc<Notify>,
}

impl Watch {
    /// Does what is due, and says how long to sleep; `None` if nobody waits any more.
    fn tick(&self) -> Option<Option<Duration>> {
        let (mut state, now) = self.shared.lock();
        let wake = state.call(now);
        let next = state.turnstile.poll_timeout(now);
        let over = state.turnstile.waiting() == 0;
        if over {
            // Under the same lock: who comes now starts another one.
            state.drivers.remove(&self.moved);
        } else {
            state.drivers.sleeps(&self.moved, next);
        }
        drop(state);
        wake.into_iter().flatten().for_each(Waker::wake);
        (!over).then(|| next.map(|at| at.since(now.mono)))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.state().drivers.remove(&self.moved);
    }
}
