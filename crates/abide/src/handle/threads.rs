//! Calls on threads: each polls its own, and the first of those that wait watches the clock for all.
//!
//! No thread is started and nothing runs beside the calls. A thread that waits can't be dropped, so it may own the progress of others;
//! when it goes on with its own call it hands the watch to the next that waits. While none waits there is nothing to watch.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use super::{Handle, Shared};
use crate::clock::Clock;

/// The threads that wait.
#[derive(Debug, Default)]
pub(super) struct Threads {
    waiting: BTreeMap<u64, Arc<Parker>>,
    /// Which of them watches the clock: one does if any waits.
    watcher: Option<u64>,
    numbers: u64,
}

impl Threads {
    /// Who is to look at the clock again.
    pub(super) fn watcher(&self) -> Option<Arc<Parker>> {
        self.watcher.and_then(|number| self.waiting.get(&number)).cloned()
    }
}

/// A thread, asleep or about to be.
#[derive(Debug)]
pub(crate) struct Parker {
    thread: Thread,
    /// Its call has something to do.
    woken: AtomicBool,
    /// It is to look at the clock again, or to begin to watch it.
    roused: AtomicBool,
    clock: Clock,
}

impl Parker {
    /// Whether its call was woken since it was asked the last time.
    pub(crate) fn take_woken(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }

    /// Whether it was roused for the clock's sake since it was asked the last time.
    pub(crate) fn take_roused(&self) -> bool {
        self.roused.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn rouse(&self) {
        self.set(&self.roused);
    }

    fn set(&self, flag: &AtomicBool) {
        if !flag.swap(true, Ordering::AcqRel) {
            self.clock.on_wake();
            self.thread.unpark();
        }
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set(&self.woken);
    }
}

/// A thread in a call, until it is dropped.
struct InCall<'a>(&'a Parker);

impl<'a> InCall<'a> {
    fn begin(parker: &'a Parker) -> Self {
        parker.clock.on_call();
        Self(parker)
    }
}

impl Drop for InCall<'_> {
    fn drop(&mut self) {
        // Whoever still holds a waker wakes nobody any more.
        for flag in [&self.0.woken, &self.0.roused] {
            if flag.swap(true, Ordering::AcqRel) {
                self.0.clock.on_rest();
            }
        }
        self.0.clock.on_called();
    }
}

impl Handle {
    /// Polls a call on this thread until it is ready, and sleeps in between.
    pub(crate) fn block_on<F: Future>(&self, call: F) -> F::Output {
        let shared = &self.shared;
        let mut call = pin!(call);
        let parker = Arc::new(Parker {
            thread: thread::current(),
            woken: AtomicBool::new(false),
            roused: AtomicBool::new(false),
            clock: shared.clock.clone(),
        });
        let waker = Waker::from(Arc::clone(&parker));
        let number = {
            let mut state = shared.lock();
            state.threads.numbers += 1;
            state.threads.numbers
        };
        let _in_call = InCall::begin(&parker);
        loop {
            if let Poll::Ready(output) = call.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            shared.sleep(number, &parker);
        }
    }
}

impl Shared {
    /// Sleeps until the thread's call is woken, and watches the clock unless another thread does.
    fn sleep(&self, number: u64, parker: &Arc<Parker>) {
        let mut state = self.lock();
        state.threads.waiting.insert(number, Arc::clone(parker));
        state.threads.watcher.get_or_insert(number);
        drop(state);
        loop {
            let watches = self.lock().threads.watcher == Some(number);
            let until = match watches.then(|| self.catch_up()) {
                Some(Some(until)) => until,
                // There may be more to do.
                Some(None) => continue,
                None => None,
            };
            if self.clock.park(until, parker) {
                break;
            }
        }
        let mut state = self.lock();
        state.threads.waiting.remove(&number);
        let mut next = None;
        if state.threads.watcher == Some(number) {
            state.driver_at = None;
            state.threads.watcher = state.threads.waiting.first_key_value().map(|(number, _)| *number);
            next = state.threads.watcher();
        }
        drop(state);
        if let Some(next) = next {
            next.rouse();
        }
    }
}
