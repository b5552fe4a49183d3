//! A gate's part in a budget that other workers share: what it has leased, and when it asks for more.

use std::sync::Arc;
use std::time::Duration;

use crate::budget::{self, Answer, Ask, Lease};
use crate::decision::{Reason, Why};
use crate::limit::Stack;
use crate::policy::LimitSpec;
use crate::time::Instant;

#[derive(Clone, Debug)]
pub(crate) struct Leases {
    /// The limits that the budget holds, and the name that it has among those of its key.
    limits: Arc<[LimitSpec]>,
    id: u64,
    state: State,
    /// The last lease, and its number.
    last: Option<Lease>,
    number: Number,
    /// What of the last lease did not leave in time.
    unused: Option<Lease>,
}

/// Tells the leases of a gate apart for as long as a grant may go back. 0 is none.
pub(crate) type Number = u16;

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    /// An attempt that costs so much could leave if the budget had room.
    Wanted(u32),
    Asked,
    Held(Lease),
    /// The budget is used up for so long that there is nothing to hold.
    Later {
        again: Instant,
        opens: Instant,
        limit: LimitSpec,
    },
    /// Nobody knows what the others do; each keeps to its part.
    Down {
        until: Instant,
        workers: u32,
        /// When the last attempt left since.
        left: Option<Instant>,
    },
}

impl Leases {
    /// `None` where no limit is told that can be shared.
    pub(super) fn new(limits: impl Iterator<Item = LimitSpec>) -> Option<Box<Self>> {
        let limits: Arc<[_]> = limits.filter(|spec| !matches!(spec, LimitSpec::Concurrency(_))).collect();
        let id = budget::id(&limits);
        (!limits.is_empty())
            .then(|| Box::new(Self { limits, id, state: State::Idle, last: None, number: 0, unused: None }))
    }

    pub(crate) fn limits(&self) -> Arc<[LimitSpec]> {
        Arc::clone(&self.limits)
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// What an attempt of this cost waits for, if it may not leave now. Where that is a lease, it is asked for.
    pub(super) fn blocker(&mut self, cost: u32, local: &Stack, now: Instant) -> Option<Why> {
        let told = |limit: Option<LimitSpec>, until| {
            Some(Why { reason: Reason::Limit(limit.unwrap_or(self.limits[0])), until })
        };
        match self.state {
            State::Held(lease) if now < lease.until && cost <= lease.cost => {
                if now < lease.from {
                    told(lease.limit, Some(lease.from))
                } else {
                    None
                }
            }
            State::Later { again, opens, limit } if now < again => told(Some(limit), Some(opens)),
            State::Down { until, workers, left } if now < until => {
                let (limit, interval) = local.interval(cost)?;
                let opens = left? + interval * workers.max(1);
                if now < opens { told(Some(limit), Some(opens.min(until))) } else { None }
            }
            State::Asked => told(None, None),
            State::Held(lease) => {
                self.unused = Some(lease);
                self.state = State::Wanted(cost);
                told(None, None)
            }
            State::Idle | State::Wanted(_) | State::Later { .. } | State::Down { .. } => {
                self.state = State::Wanted(cost);
                told(None, None)
            }
        }
    }

    /// What is to be asked for, if anything is.
    pub(crate) fn take_ask(&mut self, count: usize, delay: Duration) -> Option<Ask> {
        let State::Wanted(cost) = self.state else { return None };
        self.state = State::Asked;
        Some(Ask { count: u32::try_from(count).unwrap_or(u32::MAX).max(1), cost, unused: self.unused.take(), delay })
    }

    pub(crate) fn on_answer(&mut self, answer: Answer) {
        self.state = match answer {
            Answer::Leased(lease) => {
                self.last = Some(lease);
                self.number = self.number.wrapping_add(1).max(1);
                State::Held(lease)
            }
            Answer::Later { again, opens, limit } => State::Later { again, opens, limit },
        };
    }

    /// The budget can't be asked until then, and so many workers shared it.
    pub(crate) fn on_down(&mut self, until: Instant, workers: u32) {
        self.state = State::Down { until, workers, left: None };
    }

    /// An attempt is let through. Returns the lease that it uses, or 0.
    pub(super) fn take(&mut self, now: Instant) -> Number {
        match &mut self.state {
            State::Held(lease) => {
                lease.count -= 1;
                if lease.count == 0 {
                    self.state = State::Idle;
                }
                self.number
            }
            State::Down { left, .. } => {
                *left = Some(now);
                0
            }
            _ => 0,
        }
    }

    /// An attempt that was let through with a lease does not leave.
    pub(super) fn give_back(&mut self, number: Number, now: Instant) {
        let Some(lease) = self.last.filter(|_| number == self.number) else { return };
        if now >= lease.until {
            let count = 1 + self.unused.map_or(0, |unused| unused.count);
            self.unused = Some(Lease { count, ..lease });
            return;
        }
        match &mut self.state {
            State::Held(held) => held.count += 1,
            State::Idle | State::Wanted(_) => self.state = State::Held(Lease { count: 1, ..lease }),
            _ => {}
        }
    }

    /// When what is held ends.
    pub(super) fn ends(&self) -> Option<Instant> {
        match self.state {
            State::Held(lease) => Some(lease.until),
            _ => None,
        }
    }

    /// When to look again though no answer came.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        match self.state {
            State::Later { again, .. } => Some(again),
            _ => None,
        }
    }

    /// Whether an answer of the budget is wanted or to come.
    pub(crate) fn is_asking(&self) -> bool {
        matches!(self.state, State::Wanted(_) | State::Asked)
    }

    /// Whether an answer of the budget is to come.
    #[cfg(debug_assertions)]
    pub(crate) fn is_asked(&self) -> bool {
        matches!(self.state, State::Asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::LimitSpecs;
    use crate::policy::Share;

    const LIFE: Duration = Duration::from_millis(50);

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn limits() -> Vec<LimitSpec> {
        "10/s burst 5".parse::<LimitSpecs>().unwrap().0
    }

    fn lease(count: u32, from: u64) -> Answer {
        Answer::Leased(Lease {
            count,
            cost: 1,
            from: at(from),
            until: at(from) + LIFE,
            counted: at(from) + LIFE,
            limit: None,
        })
    }

    struct Desk {
        leases: Leases,
        local: Stack,
    }

    impl Desk {
        fn new() -> Self {
            let leases = *Leases::new(limits().into_iter()).unwrap();
            Self { leases, local: Stack::new(limits().into_iter(), Share::ALL) }
        }

        fn until(&mut self, cost: u32, millis: u64) -> Option<Option<Instant>> {
            self.leases.blocker(cost, &self.local, at(millis)).map(|why| why.until)
        }

        fn ask(&mut self) -> Option<u32> {
            self.leases.take_ask(1, Duration::ZERO).map(|ask| ask.cost)
        }
    }

    #[test]
    fn a_lease_is_asked_for_once_and_used_within_its_span() {
        let mut desk = Desk::new();
        assert_eq!(desk.until(1, 0), Some(None));
        assert_eq!((desk.ask(), desk.ask()), (Some(1), None));
        desk.leases.on_answer(lease(2, 100));
        assert_eq!(desk.until(1, 0), Some(Some(at(100))));
        assert_eq!(desk.until(1, 100), None);
        let taken = desk.leases.take(at(100));
        assert_ne!(taken, 0);
        assert_eq!(desk.until(1, 149), None);
        desk.leases.take(at(149));
        assert_eq!((desk.until(1, 149), desk.ask()), (Some(None), Some(1)), "both are used");
        desk.leases.on_answer(lease(1, 200));
        desk.leases.give_back(taken, at(200));
        assert_eq!((desk.until(1, 250), desk.ask()), (Some(None), Some(1)), "it was not used in time");
    }

    #[test]
    fn what_did_not_leave_in_time_goes_back_to_the_budget() {
        let mut desk = Desk::new();
        let unused = |desk: &mut Desk| desk.leases.take_ask(1, Duration::ZERO).and_then(|ask| ask.unused);
        desk.leases.on_answer(lease(2, 0));
        desk.leases.take(at(0));
        desk.until(1, 50);
        assert_eq!(unused(&mut desk).map(|lease| (lease.count, lease.from)), Some((1, at(0))));
        desk.leases.on_answer(lease(1, 100));
        let late = desk.leases.take(at(100));
        desk.leases.give_back(late, at(150));
        desk.until(1, 150);
        assert_eq!(unused(&mut desk).map(|lease| (lease.count, lease.from)), Some((1, at(100))));
    }

    #[test]
    fn what_is_given_back_in_time_serves_the_next() {
        let mut desk = Desk::new();
        desk.leases.on_answer(lease(1, 0));
        let taken = desk.leases.take(at(0));
        desk.leases.give_back(taken, at(20));
        assert_eq!(desk.until(1, 20), None);
        assert_eq!((desk.until(2, 20), desk.ask()), (Some(None), Some(2)), "it is too small for a heavy call");
    }

    #[test]
    fn without_a_budget_each_keeps_to_its_part_until_it_is_back() {
        let mut desk = Desk::new();
        desk.leases.on_down(at(1_000), 4);
        assert_eq!(desk.until(1, 0), None);
        assert_eq!(desk.leases.take(at(0)), 0);
        assert_eq!(desk.until(1, 0), Some(Some(at(400))), "a quarter of 10/s, and no burst");
        assert_eq!(desk.until(1, 400), None);
        desk.leases.take(at(900));
        assert_eq!(desk.until(1, 950), Some(Some(at(1_000))));
        assert_eq!((desk.until(1, 1_000), desk.ask()), (Some(None), Some(1)));
    }
}
