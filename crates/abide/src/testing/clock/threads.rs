//! The virtual clock of threads: it jumps when every thread that is in a call sleeps, and to the moment that the first of them sleeps
//! until.

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread;

use abide_core::time::Instant;

use super::VirtualClock;
use crate::handle::threads::Parker;

/// Threads in calls.
#[derive(Debug, Default)]
pub(super) struct Threads {
    /// How many are in a call.
    pub(super) calling: usize,
    /// How many of them are at work, and how often somebody else keeps the clock from jumping.
    at_work: usize,
    /// Those whose moment has come are being woken.
    jumping: bool,
}

/// Keeps a [`VirtualClock`] from jumping while it is there: for tests that start several threads; see [`VirtualClock::hold`].
#[derive(Debug)]
#[must_use = "the clock is held until this is dropped"]
pub struct Hold(VirtualClock);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.on_rest();
    }
}

impl VirtualClock {
    /// Keeps time from jumping until what is returned is dropped, whatever threads sleep: so that calls which several threads make begin
    /// at one time.
    pub fn hold(&self) -> Hold {
        self.on_wake();
        Hold(self.clone())
    }

    pub(crate) fn on_call(&self) {
        let mut state = self.lock();
        state.threads.calling += 1;
        state.threads.at_work += 1;
    }

    pub(crate) fn on_called(&self) {
        self.lock().threads.calling -= 1;
        self.on_rest();
    }

    pub(crate) fn on_wake(&self) {
        self.lock().threads.at_work += 1;
    }

    pub(crate) fn on_rest(&self) {
        self.lock().threads.at_work -= 1;
        self.jump_if_idle();
    }

    /// Sleeps until it is woken or roused, which the coming of the moment does. Says whether its call was woken.
    pub(crate) fn park(&self, until: Option<Instant>, parker: &Arc<Parker>) -> bool {
        let place = until.map(|at| {
            let mut state = self.lock();
            state.slept += 1;
            let place = (at, state.slept);
            state.sleepers.insert(place, Some(Waker::from(Arc::new(Rouse(Arc::clone(parker))))));
            place
        });
        self.on_rest();
        // One of the two at a time: each has been counted as a thread at work.
        let was_woken = loop {
            if parker.take_woken() {
                break true;
            }
            if parker.take_roused() {
                break false;
            }
            thread::park();
        };
        if let Some(place) = place {
            self.lock().sleepers.remove(&place);
        }
        was_woken
    }

    fn jump_if_idle(&self) {
        loop {
            let mut state = self.lock();
            if state.threads.at_work > 0 || state.threads.jumping || state.threads.calling == 0 {
                return;
            }
            let Some((at, _)) = state.sleepers.first_key_value().map(|(place, _)| *place) else { return };
            state.now = state.now.max(at);
            let wakers = state.take_due();
            if wakers.is_empty() {
                return;
            }
            state.threads.jumping = true;
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
            self.lock().threads.jumping = false;
        }
    }
}

/// Rouses a thread whose moment has come.
struct Rouse(Arc<Parker>);

impl Wake for Rouse {
    fn wake(self: Arc<Self>) {
        self.0.rouse();
    }
}
