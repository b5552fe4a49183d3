//! Runs a world: takes the next thing that happens, moves the clock there, and lets clients and server act.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::caller::Wishes;
use super::chance::stream;
use super::client::{Action, Answer, Job, JobId};
use super::report::{Ending, Recorder, Report};
use super::site::Site;
use super::trace::{Entry, Step};
use super::world::{CALLERS, NETWORK, OTHERS, Party, World};
use crate::event::Failure;
use crate::rng::Rng;
use crate::time::{Instant, Now};

/// So many things at one moment mean that the clock will never move on.
const STUCK: u32 = 10_000_000;

/// One thing that will happen. Ordered by its moment; what was planned first goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    order: u64,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The party's callers may want something more.
    Wish { party: usize },
    /// The party's client wants to be asked.
    Wake { party: usize },
    /// A request arrives at the server.
    Arrive { flight: usize },
    /// Its answer arrives at the client, or fails to.
    Land { flight: usize },
}

/// An attempt under way. Its place is used again after it landed.
#[derive(Debug, Default)]
struct Flight {
    party: usize,
    job: JobId,
    attempt: u32,
    sent: Instant,
    landing: Landing,
    headers: HeaderMap,
    /// The client wants no answer any more.
    is_dropped: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Landing {
    /// The place is free.
    #[default]
    None,
    UnderWay,
    Head(StatusCode),
    Failed(Failure),
}

struct Seat<'a> {
    party: Party<'a>,
    desks: Vec<Desk>,
    jobs: Vec<Open>,
    /// The moments for which a look at the client and at its callers are planned.
    wakes_at: Instant,
    wishes_at: Instant,
    is_background: bool,
}

/// A caller's side of the counter.
struct Desk {
    wishes: Peekable<Wishes>,
    workers: usize,
    waiting: usize,
}

/// A job, as long as it is not ended.
#[derive(Clone, Copy)]
struct Open {
    desk: usize,
    cost: u32,
    has_ended: bool,
}

pub(super) struct Driver<'a> {
    world: &'a World,
    site: Site<'a>,
    seats: Vec<Seat<'a>>,
    due: BinaryHeap<Reverse<Due>>,
    planned: u64,
    flights: Vec<Flight>,
    free: Vec<usize>,
    network: Rng,
    start: Now,
    now: Instant,
    /// Jobs that are wanted or will be, background aside.
    left: u64,
    recorder: Recorder,
}

impl<'a> Driver<'a> {
    pub(super) fn new(world: &'a World, site: Site<'a>, parties: Vec<Party<'a>>) -> Self {
        let start = world.start();
        let mut left = 0_u64;
        let mut desks = 0;
        let seats: Vec<_> = parties
            .into_iter()
            .map(|party| {
                let is_background = party.callers.iter().all(|caller| caller.background);
                let first = if is_background { OTHERS } else { CALLERS + desks };
                desks += party.callers.len() as u64;
                if !is_background {
                    left += party.callers.iter().map(|caller| caller.requests).sum::<u64>();
                }
                let desks_of = party.callers.iter().zip(first..).map(|(caller, n)| Desk {
                    wishes: caller.wishes(stream(world.seed, n)).peekable(),
                    workers: caller.workers,
                    waiting: 0,
                });
                Seat {
                    desks: desks_of.collect(),
                    party,
                    jobs: Vec::new(),
                    wakes_at: Instant::NEVER,
                    wishes_at: Instant::NEVER,
                    is_background,
                }
            })
            .collect();
        let recorder = Recorder::new(seats.len(), world.traced);
        Self {
            world,
            site,
            seats,
            due: BinaryHeap::new(),
            planned: 0,
            flights: Vec::new(),
            free: Vec::new(),
            network: stream(world.seed, NETWORK),
            start,
            now: start.mono,
            left,
            recorder,
        }
    }

    pub(super) fn run(mut self, least: Option<Duration>) -> Report {
        for party in 0..self.seats.len() {
            self.plan(self.now, What::Wish { party });
        }
        let end = self.start.mono + self.world.horizon;
        let mut at_once = 0;
        let ending = loop {
            if self.left == 0 {
                break Ending::Done;
            }
            let Some(Reverse(due)) = self.due.pop() else { break Ending::Stuck };
            if due.at > end {
                break Ending::Horizon;
            }
            at_once = if due.at > self.now { 0 } else { at_once + 1 };
            if at_once > STUCK {
                break Ending::Stuck;
            }
            self.now = due.at;
            self.step(due.what);
        };
        self.recorder.finish(ending, least, self.now.since(self.start.mono), self.left)
    }

    fn step(&mut self, what: What) {
        match what {
            What::Wish { party } => {
                self.seats[party].wishes_at = Instant::NEVER;
                self.submit(party);
                self.drain(party);
            }
            What::Wake { party } => {
                let now = self.clocks();
                let seat = &mut self.seats[party];
                if seat.wakes_at <= now.mono {
                    seat.wakes_at = Instant::NEVER;
                }
                if seat.party.client.wake().is_some_and(|at| at <= now.mono) {
                    seat.party.client.on_wake(now);
                }
                self.drain(party);
            }
            What::Arrive { flight } => self.arrive(flight),
            What::Land { flight } => self.land(flight),
        }
    }

    fn clocks(&self) -> Now {
        Now { mono: self.now, wall: self.start.wall + self.now.since(self.start.mono) }
    }

    fn plan(&mut self, at: Instant, what: What) {
        self.planned += 1;
        self.due.push(Reverse(Due { at, order: self.planned, what }));
    }

    /// Hands to the client what its callers want by now and have hands free for.
    fn submit(&mut self, party: usize) {
        let now = self.clocks();
        let seat = &mut self.seats[party];
        let mut next = Instant::NEVER;
        for (number, desk) in seat.desks.iter_mut().enumerate() {
            while desk.waiting < desk.workers
                && let Some(wish) = desk.wishes.peek()
            {
                let at = self.start.mono + wish.at;
                if at > now.mono {
                    next = next.min(at);
                    break;
                }
                let job = Job { id: JobId(seat.jobs.len() as u64), cost: wish.cost };
                desk.wishes.next();
                desk.waiting += 1;
                seat.jobs.push(Open { desk: number, cost: job.cost, has_ended: false });
                seat.party.client.submit(job, now);
                self.recorder.note(
                    Entry { at: now.mono.since(self.start.mono), party, job: job.id, attempt: 0, step: Step::Wanted },
                    seat.is_background,
                );
            }
        }
        if next < seat.wishes_at {
            seat.wishes_at = next;
            self.plan(next, What::Wish { party });
        }
    }

    /// Does what a client wants until it wants nothing more, and plans when to ask it again.
    fn drain(&mut self, party: usize) {
        let now = self.clocks();
        while let Some(action) = self.seats[party].party.client.poll(now) {
            match action {
                Action::Send { job, attempt } => self.launch(party, job, attempt),
                Action::Drop { job, attempt } => self.drop_attempt(party, job, attempt),
                Action::Done(job) => self.end(party, job, true),
                Action::Lost(job) => self.end(party, job, false),
            }
        }
        let seat = &mut self.seats[party];
        if let Some(at) = seat.party.client.wake() {
            let at = at.max(now.mono);
            if at < seat.wakes_at {
                seat.wakes_at = at;
                self.plan(at, What::Wake { party });
            }
        }
    }

    fn launch(&mut self, party: usize, job: JobId, attempt: u32) {
        if self.seats[party].jobs.get(job.0 as usize).is_none_or(|open| open.has_ended) {
            return;
        }
        let flight = self.free.pop().unwrap_or_else(|| {
            self.flights.push(Flight::default());
            self.flights.len() - 1
        });
        let place = &mut self.flights[flight];
        (place.party, place.job, place.attempt, place.sent) = (party, job, attempt, self.now);
        (place.landing, place.is_dropped) = (Landing::UnderWay, false);
        self.record(flight, Step::Sent);
        match self.world.network.carry(&mut self.network) {
            Some(trip) => self.plan(self.now + trip, What::Arrive { flight }),
            None => {
                self.record(flight, Step::LostOnTheWay);
                self.time_out(flight);
            }
        }
    }

    fn arrive(&mut self, flight: usize) {
        let Flight { party, job, sent, .. } = self.flights[flight];
        let cost = self.seats[party].jobs[job.0 as usize].cost;
        let reply = self.site.arrive(cost.into(), self.now);
        self.record(flight, Step::Arrived(reply.kind.outcome()));
        let place = &mut self.flights[flight];
        place.headers.clear();
        self.site.speak(reply, self.now, &mut place.headers);
        place.landing = match reply.kind.status(self.world.server.refusal) {
            Some(status) => Landing::Head(status),
            None => Landing::Failed(Failure::Reset),
        };
        match self.world.network.carry(&mut self.network).map(|trip| reply.at + trip) {
            Some(lands) if lands < sent + self.world.network.timeout => self.plan(lands, What::Land { flight }),
            _ => self.time_out(flight),
        }
    }

    fn time_out(&mut self, flight: usize) {
        let place = &mut self.flights[flight];
        place.landing = Landing::Failed(Failure::Timeout);
        let at = (place.sent + self.world.network.timeout).max(self.now);
        self.plan(at, What::Land { flight });
    }

    fn land(&mut self, flight: usize) {
        let now = self.clocks();
        let place = &mut self.flights[flight];
        let Flight { party, job, attempt, landing, is_dropped, .. } = *place;
        place.landing = Landing::None;
        self.free.push(flight);
        let seat = &mut self.seats[party];
        if is_dropped || seat.jobs[job.0 as usize].has_ended {
            return;
        }
        let (answer, step) = match landing {
            Landing::Head(status) => (Answer::Head { status, headers: &place.headers }, Step::Heard(status)),
            Landing::Failed(failure) => (Answer::Failed(failure), Step::Failed(failure)),
            Landing::None | Landing::UnderWay => return,
        };
        seat.party.client.on_answer(job, attempt, answer, now);
        self.record(flight, step);
        self.drain(party);
    }

    fn drop_attempt(&mut self, party: usize, job: JobId, attempt: u32) {
        let is_it = |place: &Flight| (place.party, place.job, place.attempt) == (party, job, attempt);
        let found = self.flights.iter().position(|place| !matches!(place.landing, Landing::None) && is_it(place));
        if let Some(flight) = found {
            self.flights[flight].is_dropped = true;
            self.record(flight, Step::Dropped);
        }
    }

    fn end(&mut self, party: usize, job: JobId, is_done: bool) {
        let seat = &mut self.seats[party];
        let Some(open) = seat.jobs.get_mut(job.0 as usize).filter(|open| !open.has_ended) else { return };
        open.has_ended = true;
        seat.desks[open.desk].waiting -= 1;
        if !seat.is_background {
            self.left -= 1;
        }
        self.note(party, job, 0, if is_done { Step::Done } else { Step::GivenUp });
        self.submit(party);
    }

    fn record(&mut self, flight: usize, step: Step) {
        let Flight { party, job, attempt, .. } = self.flights[flight];
        self.note(party, job, attempt, step);
    }

    fn note(&mut self, party: usize, job: JobId, attempt: u32, step: Step) {
        let is_background = self.seats[party].is_background;
        let at = self.now.since(self.start.mono);
        self.recorder.note(Entry { at, party, job, attempt, step }, is_background);
    }
}
