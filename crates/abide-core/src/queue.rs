//! Who is next: priority, then order of submission. Calls in their own backoff stand aside until it ends, and then come back to
//! the place that they had.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use crate::bounds::Bounds;
use crate::call::CallId;
use crate::time::Instant;

/// What a queue has to know of a call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seat {
    pub(crate) id: CallId,
    pub(crate) priority: i8,
    pub(crate) submitted: Instant,
    /// `None` for endless patience.
    pub(crate) patience: Option<Duration>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) listens: bool,
}

impl Seat {
    /// Who has the lower one goes first.
    pub(crate) fn rank(&self) -> (Reverse<i8>, CallId) {
        (Reverse(self.priority), self.id)
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    ready: BTreeSet<(Reverse<i8>, CallId)>,
    bounds: Bounds,
    listeners: BTreeSet<CallId>,
    aside: BTreeSet<(Instant, CallId)>,
}

impl Queue {
    pub(crate) fn push(&mut self, seat: &Seat) {
        self.ready.insert(seat.rank());
        self.bounds.insert(seat);
        if seat.listens {
            self.listeners.insert(seat.id);
        }
    }

    pub(crate) fn push_aside(&mut self, id: CallId, until: Instant) {
        self.aside.insert((until, id));
    }

    pub(crate) fn head(&self) -> Option<CallId> {
        self.ready.first().map(|(_, id)| *id)
    }

    /// How long those who may go are ready to wait.
    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Those who may go and want to know what they wait for.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = CallId> {
        self.listeners.iter().copied()
    }

    pub(crate) fn remove(&mut self, seat: &Seat) {
        self.ready.remove(&seat.rank());
        self.bounds.remove(seat);
        self.listeners.remove(&seat.id);
    }

    pub(crate) fn remove_aside(&mut self, id: CallId, until: Instant) {
        self.aside.remove(&(until, id));
    }

    /// The next call whose backoff has ended.
    pub(crate) fn pop_aside(&mut self, now: Instant) -> Option<CallId> {
        let first = *self.aside.first().filter(|(until, _)| *until <= now)?;
        self.aside.remove(&first);
        Some(first.1)
    }

    /// The call that stands aside for the shortest time.
    pub(crate) fn first_aside(&self) -> Option<CallId> {
        self.aside.first().map(|(_, id)| *id)
    }

    /// When the next backoff ends.
    pub(crate) fn next_aside(&self) -> Option<Instant> {
        self.aside.first().map(|(until, _)| *until)
    }

    /// Whether so many calls are in each of its orders.
    #[cfg(debug_assertions)]
    pub(crate) fn agrees(&self, ready: usize, aside: usize) -> bool {
        self.ready.len() == ready
            && self.aside.len() == aside
            && self.listeners.len() <= ready
            && self.bounds.largest() <= ready
    }

    /// How many calls wait, those in backoff included.
    pub(crate) fn len(&self) -> usize {
        self.ready.len() + self.aside.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(id: u64, priority: i8) -> Seat {
        Seat { id: CallId(id), priority, ..Seat::default() }
    }

    #[test]
    fn priority_then_submission_also_after_a_backoff() {
        let mut queue = Queue::default();
        queue.push_aside(CallId(1), Instant::from_nanos(5));
        queue.push(&seat(2, 0));
        queue.push(&seat(3, 1));
        assert_eq!(queue.head(), Some(CallId(3)));
        assert_eq!(queue.pop_aside(Instant::from_nanos(4)), None);
        queue.remove(&seat(3, 1));
        assert_eq!(queue.head(), Some(CallId(2)));
        assert_eq!(queue.pop_aside(Instant::from_nanos(5)), Some(CallId(1)));
        queue.push(&seat(1, 0));
        assert_eq!(queue.head(), Some(CallId(1)));
    }
}
