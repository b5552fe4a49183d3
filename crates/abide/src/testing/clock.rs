//! A clock that stands still while anything can be done, and then jumps to the next moment that somebody sleeps until.

#[cfg(feature = "blocking")]
mod threads;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use abide_core::time::{Instant, Now, Wall};

#[cfg(feature = "blocking")]
pub use threads::Hold;

/// Virtual time: a backoff of an hour is over at once, and can be read off the clock.
///
/// It jumps when all that could run has run, as far as the runtime shows that: use it on a current-thread runtime, which is what
/// `#[tokio::test]` makes. With the blocking client it jumps when every thread that is in a call sleeps. Clones are one clock.
#[derive(Clone, Debug, Default)]
pub struct VirtualClock(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    now: Instant,
    /// Who sleeps, the earliest first; what was begun first goes first.
    sleepers: BTreeMap<(Instant, u64), Option<Waker>>,
    /// How often anybody looked at it or lay down. While that goes on, something is being done.
    looks: u64,
    /// How many ever slept.
    slept: u64,
    #[cfg(feature = "blocking")]
    threads: threads::Threads,
}

impl State {
    /// Whether threads make the calls, so that it is known when all of them sleep.
    fn is_of_threads(&self) -> bool {
        #[cfg(feature = "blocking")]
        return self.threads.calling > 0;
        #[cfg(not(feature = "blocking"))]
        false
    }
}

/// In tasks: so often in a row all that could run has run and nobody has looked at the clock, before it jumps.
const QUIET: u32 = 3;

/// 2026-01-01T00:00:00Z.
const EPOCH: Wall = Wall::from_secs(1_767_225_600);

impl VirtualClock {
    /// A clock at its zero; its wall clock shows the beginning of 2026 (UTC).
    pub fn new() -> Self {
        Self::default()
    }

    /// How much time has passed on it.
    pub fn elapsed(&self) -> Duration {
        self.lock().now.since(Instant::ZERO)
    }

    /// Moves it on by so much, and wakes whoever slept until then.
    pub fn advance(&self, by: Duration) {
        let to = self.lock().now + by;
        self.jump(to);
    }

    pub(crate) fn now(&self) -> Now {
        let mut state = self.lock();
        state.looks += 1;
        Now { mono: state.now, wall: EPOCH + state.now.since(Instant::ZERO) }
    }

    pub(crate) async fn sleep_until(&self, at: Instant) {
        let sleeper = self.lie_down(at);
        let (mut quiet, mut looks) = (0, 0);
        while !sleeper.is_due().await {
            pause().await;
            let seen = self.lock().looks;
            quiet = if seen == looks { quiet + 1 } else { 0 };
            looks = seen;
            if quiet >= QUIET && sleeper.is_next() {
                self.jump(at);
            }
        }
    }

    fn lie_down(&self, at: Instant) -> Sleeper<'_> {
        let mut state = self.lock();
        state.looks += 1;
        state.slept += 1;
        let place = (at, state.slept);
        state.sleepers.insert(place, None);
        Sleeper { clock: self, place }
    }

    fn jump(&self, to: Instant) {
        let mut state = self.lock();
        state.now = state.now.max(to);
        let wakers = state.take_due();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Those who sleep until now or before.
    fn take_due(&mut self) -> Vec<Waker> {
        let due = (self.now, u64::MAX);
        self.sleepers.range_mut(..=due).filter_map(|(_, waker)| waker.take()).collect()
    }
}

/// Lets all others run that can.
async fn pause() {
    #[cfg(feature = "tokio")]
    tokio::task::yield_now().await;
}

struct Sleeper<'a> {
    clock: &'a VirtualClock,
    place: (Instant, u64),
}

impl Sleeper<'_> {
    fn is_next(&self) -> bool {
        self.clock.lock().sleepers.first_key_value().is_some_and(|(first, _)| *first == self.place)
    }

    /// Waits until it is the next to be woken, or its moment has come; says whether it is the latter.
    async fn is_due(&self) -> bool {
        poll_fn(|cx| {
            let mut state = self.clock.lock();
            if state.now >= self.place.0 {
                return Poll::Ready(true);
            }
            let is_next = state.sleepers.first_key_value().is_some_and(|(first, _)| *first == self.place);
            if is_next && !state.is_of_threads() {
                return Poll::Ready(false);
            }
            if let Some(waker) = state.sleepers.get_mut(&self.place) {
                *waker = Some(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut state = self.clock.lock();
        state.sleepers.remove(&self.place);
        let next = state.sleepers.first_entry().and_then(|mut first| first.get_mut().take());
        drop(state);
        if let Some(next) = next {
            next.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::from_nanos(secs * 1_000_000_000)
    }

    #[tokio::test]
    async fn it_jumps_from_one_sleeper_to_the_next() {
        let clock = VirtualClock::new();
        let woken = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = [3_600, 1, 2]
            .into_iter()
            .map(|secs| {
                let (clock, woken) = (clock.clone(), Arc::clone(&woken));
                tokio::spawn(async move {
                    clock.sleep_until(at(secs)).await;
                    woken.lock().unwrap().push((secs, clock.elapsed().as_secs()));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*woken.lock().unwrap(), [(1, 1), (2, 2), (3_600, 3_600)]);
    }

    #[tokio::test]
    async fn it_stands_still_while_something_is_being_done() {
        let clock = VirtualClock::new();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(at(1)).await }
        });
        for _ in 0..100 {
            assert_eq!(clock.now().mono, Instant::ZERO);
            tokio::task::yield_now().await;
        }
        sleeper.await.unwrap();
        assert_eq!(clock.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_sleeper_that_is_dropped_keeps_nobody_asleep() {
        let clock = VirtualClock::new();
        let first = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(at(1)).await }
        });
        let second = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(at(2)).await }
        });
        first.abort();
        second.await.unwrap();
        assert_eq!(clock.elapsed(), Duration::from_secs(2));
    }
}
