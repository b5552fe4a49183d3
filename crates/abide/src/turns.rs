//! Taking turns across awaits, in any runtime and in none: one has the turn, and who waits for it is woken, the first first.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    taken: bool,
    /// Who waits, by number; numbers go up.
    waiting: BTreeMap<u64, Waker>,
    numbers: u64,
}

/// Has the turn until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(crate) async fn take(&self) -> Turn<'_> {
        let mut place = Place { turns: self, number: None };
        poll_fn(|cx| {
            let mut state = self.lock();
            if !state.taken {
                state.taken = true;
                if let Some(number) = place.number.take() {
                    state.waiting.remove(&number);
                }
                return Poll::Ready(Turn(self));
            }
            let number = *place.number.get_or_insert_with(|| {
                state.numbers += 1;
                state.numbers
            });
            state.waiting.insert(number, cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The next of those who wait looks whether it is its turn.
    fn call_next(&self) {
        let state = self.lock();
        let next = if state.taken { None } else { state.waiting.first_key_value().map(|(_, waker)| waker.clone()) };
        drop(state);
        if let Some(waker) = next {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().taken = false;
        self.0.call_next();
    }
}

/// A place in the line. Whoever leaves it may have been called, and then another one is.
struct Place<'a> {
    turns: &'a Turns,
    number: Option<u64>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.turns.lock().waiting.remove(&number);
            self.turns.call_next();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Context;

    use super::*;

    #[test]
    fn one_has_the_turn_and_the_next_gets_it_even_if_the_one_before_left_the_line() {
        let (turns, mut cx) = (Turns::default(), Context::from_waker(Waker::noop()));
        let mut first = Box::pin(turns.take());
        let Poll::Ready(turn) = first.as_mut().poll(&mut cx) else { panic!("nobody has it") };
        let mut second = Box::pin(turns.take());
        let mut third = pin!(turns.take());
        assert!(second.as_mut().poll(&mut cx).is_pending() && third.as_mut().poll(&mut cx).is_pending());
        drop(turn);
        drop(second);
        assert!(third.as_mut().poll(&mut cx).is_ready());
        assert!(turns.lock().waiting.is_empty());
    }
}
