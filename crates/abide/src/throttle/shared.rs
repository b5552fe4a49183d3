//! The line behind one lock, with those to wake: who is called, and whoever watches the clock.
//!
//! The clock is watched by one task in each runtime that has waiters, and by the first of the threads that wait. So a waiter that is
//! looked after moves up whether or not the others are, and whatever runtimes they are in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use abide_core::policy::LimitSpecs;
use abide_core::time::{Instant, Now, Wall};
use abide_core::turnstile::{Place, TooHeavy, Turnstile};

#[cfg(feature = "tokio")]
use super::driver::Drivers;
use crate::stopwatch::{Stopwatch, Timepiece};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) limits: LimitSpecs,
    pub(super) has_places: bool,
    reads_wall: bool,
    pub(super) clock: Stopwatch,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) turnstile: Turnstile,
    wakers: BTreeMap<Place, Waker>,
    /// Those of the line that are threads, and what the first of them sleeps until.
    threads: BTreeSet<Place>,
    thread_at: Option<Instant>,
    #[cfg(feature = "tokio")]
    pub(super) drivers: Drivers,
}

impl Shared {
    pub(super) fn new(limits: LimitSpecs, timepiece: &Timepiece) -> Self {
        let turnstile = Turnstile::new(&limits);
        Self {
            has_places: turnstile.has_places(),
            reads_wall: Turnstile::reads_wall(&limits),
            limits,
            clock: timepiece.start(),
            state: Mutex::new(State {
                turnstile,
                wakers: BTreeMap::new(),
                threads: BTreeSet::new(),
                thread_at: None,
                #[cfg(feature = "tokio")]
                drivers: Drivers::default(),
            }),
        }
    }

    pub(super) fn pass(&self, weight: u32) -> bool {
        let (mut state, now) = self.lock();
        state.turnstile.pass(weight, now)
    }

    pub(super) fn check(&self, weight: u32) -> Result<(), TooHeavy> {
        self.state().turnstile.check(weight)
    }

    pub(super) fn waiting(&self) -> usize {
        self.state().turnstile.waiting()
    }

    pub(super) fn join(&self, weight: u32) -> Result<Place, TooHeavy> {
        self.state().turnstile.join(weight)
    }

    /// A thread in line looks whether it is its turn. If not, the waker is called when it is; the error is how long to sleep at most,
    /// where it is the one that watches the clock.
    pub(super) fn show_up_thread(&self, place: Place, waker: &Waker) -> Result<(), Option<Duration>> {
        let (mut state, now) = self.lock();
        let passes = state.show_up(place, waker, now);
        let mut next_watch = None;
        if passes {
            state.threads.remove(&place);
            state.thread_at = None;
            next_watch = state.first_thread();
        } else {
            state.threads.insert(place);
        }
        let called = state.call(now);
        let watches = state.threads.first() == Some(&place);
        if watches {
            state.thread_at = state.turnstile.poll_timeout(now);
        }
        let sleep = state.thread_at.filter(|_| watches).map(|at| at.since(now.mono));
        drop(state);
        called.into_iter().flatten().chain(next_watch).for_each(Waker::wake);
        if passes { Ok(()) } else { Err(sleep) }
    }

    /// One in line gives up; a thread can't.
    #[cfg(feature = "tokio")]
    pub(super) fn leave(&self, place: Place) {
        let (mut state, now) = self.lock();
        state.wakers.remove(&place);
        state.turnstile.leave(place);
        settle(state, now);
    }

    /// One who has passed gives his place back.
    pub(super) fn go_out(&self) {
        let mut state = self.state();
        state.turnstile.go_out();
        if state.turnstile.waiting() > 0 {
            let now = self.now();
            settle(state, now);
        }
    }

    /// The state, and the time. It is read under the lock, for limits must see time in the order in which they are asked.
    pub(super) fn lock(&self) -> (MutexGuard<'_, State>, Now) {
        let state = self.state();
        (state, self.now())
    }

    /// A panic elsewhere leaves the line between two of its inputs at worst.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Now {
        Now { mono: self.clock.now(), wall: if self.reads_wall { self.clock.wall() } else { Wall::default() } }
    }
}

impl State {
    /// One in line looks whether it is his turn. If not, the waker is called when it is.
    pub(super) fn show_up(&mut self, place: Place, waker: &Waker, now: Now) -> bool {
        let passes = self.turnstile.show_up(place, now);
        if passes {
            self.wakers.remove(&place);
        } else {
            self.wakers.entry(place).and_modify(|known| known.clone_from(waker)).or_insert_with(|| waker.clone());
        }
        passes
    }

    /// Calls him whose turn it is, and tells those who watch the clock if their next moment has moved. Who is to be woken.
    pub(super) fn call(&mut self, now: Now) -> [Option<Waker>; 2] {
        let called = self.turnstile.poll_call(now).and_then(|place| self.wakers.get(&place)).cloned();
        let next = self.turnstile.poll_timeout(now);
        #[cfg(feature = "tokio")]
        self.drivers.on_moved(next, self.turnstile.waiting() == 0);
        let earlier = next.is_some_and(|next| self.thread_at.is_none_or(|at| next < at));
        [called, if earlier { self.first_thread() } else { None }]
    }

    fn first_thread(&self) -> Option<Waker> {
        self.threads.first().and_then(|first| self.wakers.get(first)).cloned()
    }
}

/// Does what follows from an input, and wakes after the lock is given back.
pub(super) fn settle(mut state: MutexGuard<'_, State>, now: Now) {
    let wake = state.call(now);
    drop(state);
    wake.into_iter().flatten().for_each(Waker::wake);
}
