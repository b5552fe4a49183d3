//! Plays a story in virtual time: jumps to the next moment at which something happens, and obeys the engine as a shell does.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use abide_core::call::{Account, Patience, Safety};
use abide_core::decision::Why;
use abide_core::event::{Failure, Redirect};
use abide_core::time::{Instant, Now, Wall};
use abide_core::{Call, CallId, Decision, Engine, Event, Key, Policy, Route};
use http::StatusCode;

use crate::judge::Judge;
use crate::rules::{MS, SEC};
use crate::world::{Dice, Fate, Server, Way};

/// Somebody who wants something: what they ask for, and how they behave.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// When they ask.
    pub(crate) at: u64,
    /// The server that they ask first.
    pub(crate) server: usize,
    pub(crate) safety: Safety,
    pub(crate) reads: bool,
    pub(crate) cost: u32,
    pub(crate) priority: i8,
    /// From `at` on.
    pub(crate) deadline: Option<u64>,
    pub(crate) max_wait: Option<Patience>,
    pub(crate) listens: bool,
    /// When they lose interest, from `at` on.
    pub(crate) leaves: Option<u64>,
    /// How long they take to begin after they were let through.
    pub(crate) sluggish: u64,
    /// Whether they send in the same moment in which they ask, if they may.
    pub(crate) at_hand: bool,
    /// How long they read the body, and whether it breaks off the first time.
    pub(crate) body: u64,
    pub(crate) breaks: bool,
}

impl Default for Caller {
    fn default() -> Self {
        Self {
            at: 0,
            server: 0,
            safety: Safety::Idempotent,
            reads: true,
            cost: 1,
            priority: 0,
            deadline: None,
            max_wait: None,
            listens: false,
            leaves: None,
            sluggish: 0,
            at_hand: false,
            body: 0,
            breaks: false,
        }
    }
}

/// A story before it is played.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) policy: Policy,
    pub(crate) servers: Vec<Server>,
    pub(crate) callers: Vec<Caller>,
    pub(crate) way: Way,
    /// After so long without an answer the caller's timer fires.
    pub(crate) timeout: u64,
    /// The wall clock jumps by so much at a moment.
    pub(crate) jumps: Vec<(u64, i64)>,
    pub(crate) seed: u64,
    /// Whether those who send in the moment in which they ask say so, or submit and begin.
    pub(crate) departs: bool,
    /// Whether the engine's books are checked after each input, which costs a look at every call.
    pub(crate) audited: bool,
}

impl Story {
    pub(crate) fn new(server: Server, callers: Vec<Caller>) -> Self {
        Self {
            policy: Policy::default(),
            servers: vec![server],
            callers,
            way: Way::millis(5, 0),
            timeout: 30 * SEC,
            jumps: Vec::new(),
            seed: 1,
            departs: true,
            audited: true,
        }
    }

    pub(crate) fn play(self) -> Ending {
        Stage::new(self).play()
    }
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Answered(StatusCode, abide_core::decision::Verdict),
    GivenUp(abide_core::decision::GiveUp, Account),
    Cancelled,
}

/// What is known after a story.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) servers: Vec<Server>,
    /// By caller: when the call ended, and how.
    pub(crate) ends: Vec<(u64, End)>,
    /// Whose call is whose.
    pub(crate) named: BTreeMap<CallId, usize>,
    /// Every attempt that left: when, whose, where to.
    pub(crate) sent: Vec<(u64, CallId, usize)>,
    pub(crate) waits: Vec<(u64, CallId, Why)>,
    /// What was waited for, by its label.
    pub(crate) waited: Vec<(&'static str, Duration)>,
    /// When the last call ended.
    pub(crate) over: u64,
}

impl Ending {
    pub(crate) fn ok(&self) -> usize {
        self.ends.iter().filter(|(_, end)| matches!(end, End::Answered(StatusCode::OK, _))).count()
    }

    pub(crate) fn is_of(&self, caller: usize, id: CallId) -> bool {
        self.named.get(&id) == Some(&caller)
    }

    /// When the attempts of a caller left.
    pub(crate) fn sent_by(&self, caller: usize) -> impl Iterator<Item = u64> {
        self.sent.iter().filter(move |(_, id, _)| self.is_of(caller, *id)).map(|(at, ..)| *at)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.servers.iter().map(|server| server.refused).sum()
    }
}

#[derive(Clone, Debug)]
enum Happening {
    Submit(usize),
    Leave(usize),
    Begin(usize, Option<u32>),
    Arrive(u64),
    Answer(u64, Fate),
    Fail(u64, Failure),
    BodyEnds(usize, u64),
    Jump(i64),
}

/// One attempt on its way.
#[derive(Clone, Copy, Debug)]
struct Flight {
    caller: usize,
    server: usize,
    attempt: u32,
}

/// Where a call is, as its caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Outside,
    Waiting,
    Granted,
    Flying,
    /// An answer to this attempt or its failure was told; the engine has to decide on it.
    Landed(u32),
    Reading(u64),
    Over,
}

struct Stage {
    engine: Engine,
    servers: Vec<Server>,
    callers: Vec<Caller>,
    way: Way,
    timeout: u64,
    dice: Dice,
    agenda: BinaryHeap<Reverse<(u64, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    flights: BTreeMap<u64, Flight>,
    places: Vec<Place>,
    /// By caller: the attempts whose answer is waited for, and beside which one another was let through last.
    out: Vec<Vec<u64>>,
    hedging: Vec<Option<u32>>,
    at_server: Vec<usize>,
    status: Vec<StatusCode>,
    /// By caller: the attempt whose answer was returned last.
    answered: Vec<u32>,
    broke: Vec<bool>,
    ids: BTreeMap<CallId, usize>,
    named: Vec<Option<CallId>>,
    counter: u64,
    now: u64,
    skew: i64,
    judge: Judge,
    ends: Vec<Option<(u64, End)>>,
    sent: Vec<(u64, CallId, usize)>,
    waits: Vec<(u64, CallId, Why)>,
    idle_ticks: usize,
    last_tick: u64,
    departs: bool,
    /// Whose call is being submitted.
    asking: Option<usize>,
    audited: bool,
}

/// Ticks in a row, within a second of each other, that change nothing, for each caller: a backoff may end in a pause.
const IDLE_TICKS: usize = 4;
/// 2023-11-14, on a whole second.
const EPOCH: u64 = 1_700_000_000;

impl Stage {
    fn new(story: Story) -> Self {
        let n = story.callers.len();
        let mut stage = Self {
            engine: Engine::new(story.policy.clone(), story.seed),
            judge: Judge::new(&story),
            servers: story.servers,
            callers: story.callers,
            way: story.way,
            timeout: story.timeout,
            dice: Dice::new(story.seed),
            agenda: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            flights: BTreeMap::new(),
            places: vec![Place::Outside; n],
            out: vec![Vec::new(); n],
            hedging: vec![None; n],
            at_server: Vec::new(),
            status: vec![StatusCode::OK; n],
            answered: vec![0; n],
            broke: vec![false; n],
            ids: BTreeMap::new(),
            named: vec![None; n],
            counter: 0,
            now: 0,
            skew: 0,
            ends: vec![None; n],
            sent: Vec::new(),
            waits: Vec::new(),
            idle_ticks: 0,
            last_tick: 0,
            departs: story.departs,
            asking: None,
            audited: story.audited,
        };
        stage.at_server = stage.callers.iter().map(|caller| caller.server).collect();
        for i in 0..n {
            stage.at(stage.callers[i].at, Happening::Submit(i));
            if let Some(leaves) = stage.callers[i].leaves {
                stage.at(stage.callers[i].at + leaves, Happening::Leave(i));
            }
        }
        for (at, by) in story.jumps {
            stage.at(at, Happening::Jump(by));
        }
        stage
    }

    fn play(mut self) -> Ending {
        let most = 20_000 * self.callers.len() + 1_000;
        for _ in 0..most {
            let happening = self.agenda.peek().map(|Reverse((at, _))| *at);
            let timeout = self.engine.poll_timeout().map(Instant::as_nanos);
            match (happening, timeout) {
                (None, None) => return self.end(),
                (Some(at), timeout) if timeout.is_none_or(|timeout| at < timeout) => {
                    self.now = at;
                    self.idle_ticks = 0;
                    if let Some(Reverse((_, number))) = self.agenda.pop()
                        && let Some(happening) = self.happenings.remove(&number)
                    {
                        self.happen(happening);
                    }
                }
                (_, Some(timeout)) => {
                    self.now = self.now.max(timeout);
                    self.tick();
                }
                (Some(_), None) => unreachable!("the arm above takes it"),
            }
        }
        panic!("the story does not end: {:?}", self.engine);
    }

    fn end(self) -> Ending {
        let over = self.ends.iter().flatten().map(|(at, _)| *at).max().unwrap_or(0);
        let ends: Vec<_> = self
            .ends
            .into_iter()
            .enumerate()
            .map(|(i, end)| end.unwrap_or_else(|| panic!("call of caller {i} has no end: {:?}", self.engine)))
            .collect();
        assert_eq!(self.engine.waits().count(), 0, "something still waits");
        let now = Now { mono: Instant::from_nanos(self.now), wall: Wall::default() };
        self.judge.end(&self.engine, &ends, now);
        let waited = self.engine.stats(now).waited.iter().collect();
        Ending { servers: self.servers, ends, named: self.ids, sent: self.sent, waits: self.waits, waited, over }
    }

    fn at(&mut self, at: u64, happening: Happening) {
        self.counter += 1;
        self.agenda.push(Reverse((at, self.counter)));
        self.happenings.insert(self.counter, happening);
    }

    fn wall(&self) -> u64 {
        (EPOCH * SEC + self.now).saturating_add_signed(self.skew)
    }

    fn clock(&self) -> Now {
        Now { mono: Instant::from_nanos(self.now), wall: Wall::from_nanos(self.wall().cast_signed()) }
    }

    fn tick(&mut self) {
        self.engine.handle(Event::Tick, self.clock());
        let decided = self.drain();
        let busy = self.now < self.last_tick + SEC;
        self.last_tick = self.now;
        self.idle_ticks = if decided || !busy { 0 } else { self.idle_ticks + 1 };
        let next = self.engine.poll_timeout().map(Instant::as_nanos);
        assert!(next.is_none_or(|next| next > self.now), "the engine asks for a tick that has just been");
        assert!(
            self.idle_ticks <= IDLE_TICKS * self.callers.len() || !self.agenda.is_empty(),
            "ticks that decide nothing: {:?}",
            self.engine
        );
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Submit(i) => self.submit(i),
            Happening::Leave(i) => {
                if let Some(id) = self.named[i].filter(|_| self.places[i] != Place::Over) {
                    self.judge.on_lost(id, self.now);
                    self.engine.cancel(id, self.clock());
                    self.finish(i, End::Cancelled);
                    assert!(!self.drain_for(Some(id)), "a cancelled call is decided on");
                }
            }
            Happening::Begin(i, beside) => self.begin(i, beside),
            Happening::Arrive(number) => self.arrive(number),
            Happening::Answer(number, fate) => self.answer(number, fate),
            Happening::Fail(number, failure) => self.fail(number, failure),
            Happening::BodyEnds(i, number) => self.body_ends(i, number),
            Happening::Jump(by) => self.skew += by,
        }
    }

    fn submit(&mut self, i: usize) {
        let caller = &self.callers[i];
        let mut call = Call::new(key(caller.server), caller.safety);
        call.reads = caller.reads;
        call.cost = caller.cost;
        call.priority = caller.priority;
        call.deadline = caller.deadline.map(|after| Instant::from_nanos(self.now + after));
        call.max_wait = caller.max_wait;
        call.listens = caller.listens;
        let (id, begun) = if caller.at_hand && self.departs {
            self.engine.depart(call, self.clock())
        } else {
            (self.engine.submit(call, self.clock()), false)
        };
        self.asking = Some(i);
        self.ids.insert(id, i);
        self.named[i] = Some(id);
        self.places[i] = Place::Waiting;
        self.judge.on_submitted(id, i, &self.callers[i], self.now);
        self.drain();
        self.asking = None;
        if begun {
            assert!(self.places[i] == Place::Granted, "{id} has left, and was not told");
            self.on_begun(i, id, None);
        } else if self.callers[i].at_hand && self.places[i] == Place::Granted {
            self.begin(i, None);
        }
    }

    fn begin(&mut self, i: usize, beside: Option<u32>) {
        let Some(id) = self.named[i].filter(|_| self.places[i] != Place::Over) else { return };
        let begun = self.engine.begin(id, beside, self.clock());
        if beside.is_some() {
            // What it should go beside may have ended; then it must not leave, whatever else was let through.
            let stands = self.places[i] == Place::Flying && self.hedging[i] == beside;
            assert!(stands || !begun, "{id} sends what is void");
        } else if self.places[i] != Place::Granted {
            assert!(!begun, "{id} was not let through");
            return;
        }
        if !begun {
            if beside.is_none() {
                self.places[i] = Place::Waiting;
                self.judge.on_lapsed(id, self.now);
            }
            self.drain();
            return;
        }
        self.on_begun(i, id, beside);
    }

    fn on_begun(&mut self, i: usize, id: CallId, beside: Option<u32>) {
        self.counter += 1;
        let number = self.counter;
        let server = self.at_server[i];
        let attempt = self.engine.account(id).map_or(0, |account| account.attempts);
        self.flights.insert(number, Flight { caller: i, server, attempt });
        self.places[i] = Place::Flying;
        self.out[i].push(number);
        assert!(self.out[i].len() <= 2, "{id} has too many attempts under way");
        self.sent.push((self.now, id, server));
        if beside.is_some() {
            self.judge.on_hedged(id, server, self.now);
        } else {
            self.judge.on_begun(id, server, self.now);
        }
        let there = self.way.draw(&mut self.dice);
        if self.servers[server].is_unreachable(&mut self.dice, self.now) {
            self.at(self.now + there, Happening::Fail(number, Failure::Connect));
        } else {
            self.at(self.now + there, Happening::Arrive(number));
            self.at(self.now + self.timeout, Happening::Fail(number, Failure::Timeout));
        }
        self.drain();
    }

    /// The server counts what arrives, whether anybody still waits for the answer or not.
    fn arrive(&mut self, number: u64) {
        let Some(Flight { caller, server, .. }) = self.flights.get(&number).copied() else { return };
        let cost = u64::from(self.callers[caller].cost);
        let wall = self.wall();
        let fate = self.servers[server].arrive(cost, self.now, wall, &mut self.dice);
        let (service, back) = (self.servers[server].service, self.way.draw(&mut self.dice));
        match fate {
            Fate::Stall => {}
            Fate::Reset => self.at(self.now + service + back, Happening::Fail(number, Failure::Reset)),
            Fate::Answer { counted, late_by, .. } => {
                // A refusal is quick; what is counted takes its time.
                let service = if counted { service + late_by } else { 0 };
                self.at(self.now + service + back, Happening::Answer(number, fate));
            }
        }
    }

    fn answer(&mut self, number: u64, fate: Fate) {
        let (Some(flight), Fate::Answer { status, headers, counted, .. }) = (self.flights.remove(&number), fate) else {
            return;
        };
        if counted {
            // The place at the server is free since half a way; freeing it now is the stricter world.
            self.servers[flight.server].leave();
        }
        let i = flight.caller;
        let Some(id) = self.named[i].filter(|_| self.forget(i, number)) else { return };
        let to = (flight.server + 1) % self.servers.len();
        let redirect = status.is_redirection().then(|| Redirect {
            key: key(to),
            route: Route::default(),
            safety: self.callers[i].safety,
        });
        let attempt = flight.attempt;
        self.places[i] = Place::Landed(attempt);
        self.status[i] = status;
        self.judge.on_answered(id, attempt, flight.server, status, &headers, self.now);
        let head = Event::Head { id, attempt, status, headers: &headers, redirect, body: Some(b"") };
        self.engine.handle(head, self.clock());
        self.drain();
        assert_ne!(self.places[i], Place::Landed(attempt), "an answer is not decided on");
    }

    fn fail(&mut self, number: u64, failure: Failure) {
        let Some(flight) = self.flights.get(&number).copied() else { return };
        let i = flight.caller;
        if failure != Failure::Timeout {
            self.flights.remove(&number);
        }
        let Some(id) = self.named[i].filter(|_| self.forget(i, number)) else { return };
        self.told_failure(i, id, flight.attempt, failure);
    }

    /// The caller waits for this attempt no more. `false` if it did not anyway.
    fn forget(&mut self, i: usize, number: u64) -> bool {
        let before = self.out[i].len();
        self.out[i].retain(|out| *out != number);
        self.out[i].len() < before
    }

    fn told_failure(&mut self, i: usize, id: CallId, attempt: u32, failure: Failure) {
        self.places[i] = Place::Landed(attempt);
        self.judge.on_failed(id, attempt, failure, self.now);
        self.engine.handle(Event::Failed { id, attempt, failure }, self.clock());
        self.drain();
        assert_ne!(self.places[i], Place::Landed(attempt), "a failure is not decided on");
    }

    fn body_ends(&mut self, i: usize, number: u64) {
        let Some(id) = self.named[i].filter(|_| self.places[i] == Place::Reading(number)) else { return };
        if self.callers[i].breaks && !std::mem::replace(&mut self.broke[i], true) {
            return self.told_failure(i, id, self.answered[i], Failure::Body);
        }
        let account = self.engine.account(id).cloned().unwrap_or_default();
        self.judge.on_account(id, &account, self.now);
        self.engine.handle(Event::Done { id }, self.clock());
        let verdict = self.judge.verdict(id, self.now);
        self.finish(i, End::Answered(self.status[i], verdict));
        self.drain();
    }

    fn finish(&mut self, i: usize, end: End) {
        self.places[i] = Place::Over;
        self.out[i].clear();
        assert!(self.ends[i].is_none(), "caller {i} is told of two ends");
        self.ends[i] = Some((self.now, end));
    }

    /// A decision on a call as a whole comes on an answer or a failure, with nothing else of it under way.
    fn assert_decided(&self, i: usize, decision: &Decision) {
        assert!(matches!(self.places[i], Place::Landed(_)) && self.out[i].is_empty(), "{decision:?}");
    }

    /// Does what the engine says. Returns whether it said anything.
    fn drain(&mut self) -> bool {
        self.drain_for(None)
    }

    /// Does what the engine says. Returns whether it said anything, or anything on one call.
    fn drain_for(&mut self, only: Option<CallId>) -> bool {
        let mut any = false;
        while let Some(decision) = self.engine.poll_decision() {
            any |= only.is_none_or(|id| Some(id) == decision.id());
            self.obey(decision);
        }
        #[cfg(debug_assertions)]
        if let Some(wrong) = self.audited.then(|| self.engine.audit().err()).flatten() {
            panic!("{wrong}");
        }
        any
    }

    fn obey(&mut self, decision: Decision) {
        // No budget is shared here.
        let id = decision.id().unwrap();
        let i = self.ids[&id];
        let place = self.places[i];
        assert_ne!(place, Place::Over, "{decision:?} on a call that has ended");
        match decision {
            Decision::Send { attempt, beside: Some(first), .. } => {
                assert_eq!(place, Place::Flying, "{decision:?}");
                let out: Vec<u32> = self.out[i].iter().map(|number| self.flights[number].attempt).collect();
                assert_eq!(out, [first], "{decision:?}");
                self.judge.on_hedge_granted(id, attempt, self.now);
                self.hedging[i] = Some(first);
                self.at(self.now + self.callers[i].sluggish, Happening::Begin(i, Some(first)));
            }
            Decision::Drop { attempt, .. } => {
                let Place::Landed(landed) = place else { panic!("{decision:?} at {place:?}") };
                if attempt == landed {
                    self.places[i] = Place::Flying;
                    assert_eq!(self.out[i].len(), 1, "{decision:?}, and nothing is under way");
                } else {
                    let (flights, now) = (&self.flights, self.out[i].len());
                    self.out[i].retain(|number| flights[number].attempt != attempt);
                    assert_eq!(self.out[i].len() + 1, now, "{decision:?} of nothing");
                }
                self.judge.on_dropped(id, attempt);
            }
            Decision::Send { attempt, .. } => {
                assert_eq!(place, Place::Waiting, "{decision:?}");
                self.judge.on_granted(id, attempt, self.now);
                self.places[i] = Place::Granted;
                let is_sent = self.asking == Some(i) && self.callers[i].at_hand;
                if !is_sent {
                    self.at(self.now + self.callers[i].sluggish, Happening::Begin(i, None));
                }
            }
            Decision::Wait { why, .. } => {
                assert_eq!(place, Place::Waiting, "{decision:?}");
                self.judge.on_wait(id, why, self.now);
                self.waits.push((self.now, id, why));
            }
            Decision::Retry { .. } => {
                self.assert_decided(i, &decision);
                self.places[i] = Place::Waiting;
                self.judge.on_retry(id, self.now);
            }
            Decision::Follow { .. } => {
                self.assert_decided(i, &decision);
                self.places[i] = Place::Waiting;
                self.at_server[i] = (self.at_server[i] + 1) % self.servers.len();
                self.judge.on_follow(id, self.at_server[i], self.now);
            }
            Decision::Return { verdict, .. } => {
                self.assert_decided(i, &decision);
                self.judge.on_returned(id, verdict, self.now);
                self.counter += 1;
                if let Place::Landed(attempt) = place {
                    self.answered[i] = attempt;
                }
                self.places[i] = Place::Reading(self.counter);
                self.at(self.now + self.callers[i].body, Happening::BodyEnds(i, self.counter));
            }
            Decision::GiveUp { reason, account, .. } => {
                self.judge.on_given_up(id, &reason, self.now);
                self.judge.on_account(id, &account, self.now);
                self.finish(i, End::GivenUp(reason, account));
            }
            other => panic!("{other:?} is not part of these stories"),
        }
    }
}

pub(crate) fn key(server: usize) -> Key {
    Key::new(format!("https://api{server}.example"), 0)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_nanos(millis * MS)
}
