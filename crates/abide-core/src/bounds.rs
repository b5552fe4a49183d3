//! How long the waiting calls of a key allow to be kept waiting, in the orders in which that can be exceeded.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use crate::call::CallId;
use crate::queue::Seat;
use crate::time::Instant;

#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    /// Shortest patience first; with the moment from which a call can have waited at all.
    patience: BTreeMap<(Duration, CallId), Instant>,
    deadlines: BTreeSet<(Instant, CallId)>,
}

impl Bounds {
    pub(crate) fn insert(&mut self, seat: &Seat) {
        if let Some(patience) = seat.patience {
            self.patience.insert((patience, seat.id), seat.submitted);
        }
        if let Some(deadline) = seat.deadline {
            self.deadlines.insert((deadline, seat.id));
        }
    }

    pub(crate) fn remove(&mut self, seat: &Seat) {
        if let Some(patience) = seat.patience {
            self.patience.remove(&(patience, seat.id));
        }
        if let Some(deadline) = seat.deadline {
            self.deadlines.remove(&(deadline, seat.id));
        }
    }

    /// How many calls the larger of its orders holds.
    #[cfg(debug_assertions)]
    pub(crate) fn largest(&self) -> usize {
        self.patience.len().max(self.deadlines.len())
    }

    /// A call that does not wait this long.
    pub(crate) fn shorter_than(&self, wait: Duration) -> Option<CallId> {
        self.patience.first_key_value().filter(|((patience, _), _)| *patience < wait).map(|((_, id), _)| *id)
    }

    /// A call whose deadline has come by this moment.
    pub(crate) fn due_by(&self, moment: Instant) -> Option<CallId> {
        self.deadlines.first().filter(|(deadline, _)| *deadline <= moment).map(|(_, id)| *id)
    }

    /// A call whose patience with a key that takes nothing since `drought` has ended by `moment`.
    pub(crate) fn worn_out(&self, drought: Instant, moment: Instant) -> Option<CallId> {
        self.ends(drought)
            .take_while(|(earliest, ..)| *earliest <= moment)
            .find(|(_, end, _)| *end <= moment)
            .map(|(.., id)| id)
    }

    /// When the next call's patience ends.
    pub(crate) fn next_worn_out(&self, drought: Instant) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        for (earliest, end, _) in self.ends(drought) {
            if next.is_some_and(|next| next <= earliest) {
                break;
            }
            next = Some(next.map_or(end, |next| next.min(end)));
        }
        next
    }

    /// Of every length of patience, shortest first, when the first call's ends: among equals it is the one that was submitted
    /// first. Before it comes the earliest end that any call of that length can have.
    fn ends(&self, drought: Instant) -> impl Iterator<Item = (Instant, Instant, CallId)> {
        let longer = |((patience, _), _): &(&(Duration, CallId), &Instant)| {
            self.patience.range((Bound::Excluded((*patience, CallId(u64::MAX))), Bound::Unbounded)).next()
        };
        std::iter::successors(self.patience.first_key_value(), longer)
            .map(move |((patience, id), submitted)| (drought + *patience, drought.max(*submitted) + *patience, *id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::from_nanos(secs * 1_000_000_000)
    }

    fn seat(id: u64, submitted: u64, patience: u64) -> Seat {
        let patience = Some(Duration::from_secs(patience));
        Seat { id: CallId(id), submitted: at(submitted), patience, ..Seat::default() }
    }

    #[test]
    fn patience_counts_from_the_drought_or_from_the_submission() {
        let mut bounds = Bounds::default();
        for seat in [seat(1, 0, 60), seat(2, 90, 60), seat(3, 20, 10)] {
            bounds.insert(&seat);
        }
        assert_eq!(bounds.next_worn_out(at(5)), Some(at(30)));
        assert_eq!(bounds.worn_out(at(5), at(29)), None);
        assert_eq!(bounds.worn_out(at(5), at(30)), Some(CallId(3)));
        bounds.remove(&seat(3, 20, 10));
        assert_eq!(bounds.worn_out(at(5), at(65)), Some(CallId(1)));
        bounds.remove(&seat(1, 0, 60));
        assert_eq!(bounds.next_worn_out(at(5)), Some(at(150)));
        assert_eq!(bounds.shorter_than(Duration::from_secs(60)), None);
        assert_eq!(bounds.shorter_than(Duration::from_secs(61)), Some(CallId(2)));
    }
}
