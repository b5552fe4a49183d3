//! Who is next: priority, then order of submission. Calls in their own backoff stand aside until it ends, and then come back to
//! the place that they had.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::call::CallId;
use crate::time::Instant;

#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    ready: BTreeSet<(Reverse<i8>, CallId)>,
    aside: BTreeSet<(Instant, CallId)>,
}

impl Queue {
    pub(crate) fn push(&mut self, id: CallId, priority: i8) {
        self.ready.insert((Reverse(priority), id));
    }

    pub(crate) fn push_aside(&mut self, id: CallId, until: Instant) {
        self.aside.insert((until, id));
    }

    pub(crate) fn head(&self) -> Option<CallId> {
        self.ready.first().map(|(_, id)| *id)
    }

    pub(crate) fn ready(&self) -> impl Iterator<Item = CallId> {
        self.ready.iter().map(|(_, id)| *id)
    }

    pub(crate) fn remove(&mut self, id: CallId, priority: i8) {
        self.ready.remove(&(Reverse(priority), id));
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

    /// When the next backoff ends.
    pub(crate) fn next_aside(&self) -> Option<Instant> {
        self.aside.first().map(|(until, _)| *until)
    }

    /// How many calls wait, those in backoff included.
    pub(crate) fn len(&self) -> usize {
        self.ready.len() + self.aside.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_then_submission_also_after_a_backoff() {
        let mut queue = Queue::default();
        queue.push_aside(CallId(1), Instant::from_nanos(5));
        queue.push(CallId(2), 0);
        queue.push(CallId(3), 1);
        assert_eq!(queue.head(), Some(CallId(3)));
        assert_eq!(queue.pop_aside(Instant::from_nanos(4)), None);
        queue.remove(CallId(3), 1);
        assert_eq!(queue.head(), Some(CallId(2)));
        assert_eq!(queue.pop_aside(Instant::from_nanos(5)), Some(CallId(1)));
        queue.push(CallId(1), 0);
        assert_eq!(queue.head(), Some(CallId(1)));
    }
}
