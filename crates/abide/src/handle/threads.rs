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
    waiting: BTreeMap<u64, Waker>,
    /// Which of them watches the clock.
    watcher: Option<u64>,
    numbers: u64,
}

impl Threads {
    /// Who is to look at the clock again.
    pub(super) fn watcher(&self) -> Option<Waker> {
        self.watcher.and_then(|number| self.waiting.get(&number)).cloned()
    }
}

/// A thread, asleep or about to be.
#[derive(Debug)]
pub(crate) struct Parker {
    thread: Thread,
    woken: AtomicBool,
    clock: Clock,
}

impl Parker {
    /// Whether it was woken since it was asked the last time.
    pub(crate) fn take_woken(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.clock.on_wake();
            self.thread.unpark();
        }
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
        let was_woken = self.0.woken.swap(true, Ordering::AcqRel);
        self.0.clock.on_called(was_woken);
    }
}

impl Handle {
    /// Polls a call on this thread until it is ready, and sleeps in between.
    pub(crate) fn block_on<F: Future>(&self, call: F) -> F::Output {
        let shared = &self.shared;
        let mut call = pin!(call);
        let parker =
            Arc::new(Parker { thread: thread::current(), woken: AtomicBool::new(false), clock: shared.clock.clone() });
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
            shared.sleep(number, &parker, &waker);
        }
    }
}

impl Shared {
    /// Sleeps until the thread is woken, and watches the clock unless another thread does.
    fn sleep(&self, number: u64, parker: &Arc<Parker>, waker: &Waker) {
        loop {
            let mut state = self.lock();
            state.threads.waiting.insert(number, waker.clone());
            let watches = *state.threads.watcher.get_or_insert(number) == number;
            drop(state);
            let until = if watches {
                match self.catch_up() {
                    Some(until) => until,
                    None => continue,
                }
            } else {
                None
            };
            if self.clock.park(until, parker) {
                break;
            }
        }
        let mut state = self.lock();
        state.threads.waiting.remove(&number);
        let mut next = None;
        if state.threads.watcher == Some(number) {
            state.threads.watcher = None;
            state.driver_at = None;
            next = state.threads.waiting.first_key_value().map(|(_, waker)| waker.clone());
        }
        drop(state);
        next.into_iter().for_each(Waker::wake);
    }
}
