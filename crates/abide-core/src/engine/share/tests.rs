//! Processes that share what they do keep to one limit together, long ones and those that end after each call.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Policy;
use crate::adapt::Knowledge;
use crate::call::{Call, CallId, Safety};
use crate::decision::Decision;
use crate::deed::{Act, Deed};
use crate::engine::Engine;
use crate::event::Event;
use crate::key::Key;
use crate::policy::{LimitRule, LimitSpecs};
use crate::sim::{Action, Answer, Caller, Client, Ending, Job, JobId, Network, Report, Rule, Server, World};
use crate::time::{Instant, Now, Wall};

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What stands in the file that they share: knowledge, and what was done since.
#[derive(Debug, Default)]
struct File {
    knowledge: Option<String>,
    deeds: Vec<(u64, Deed)>,
    /// How many deeds the knowledge stands for, which are kept for those who are behind.
    old: usize,
}

/// An engine as a process of its own.
#[derive(Debug)]
struct Process {
    who: u64,
    engine: Engine,
    /// How many deeds it has seen.
    seen: usize,
    calls: BTreeMap<CallId, JobId>,
    is_success: bool,
}

/// So many processes, each job in the next of them. Short ones end with their job, and another takes their place.
#[derive(Debug)]
struct Fleet {
    policy: Policy,
    file: File,
    processes: Vec<Process>,
    is_short: bool,
    born: u64,
    jobs: BTreeMap<JobId, (usize, CallId)>,
}

const WALL: Wall = Wall::from_secs(1_790_000_000);

fn key() -> Key {
    Key::new("https://api.sim", 0)
}

impl File {
    fn look(&self, process: &mut Process, now: Now) {
        let others = |(who, _): &&(u64, Deed)| *who != process.who;
        let deeds: Vec<(u64, Deed)> = self.deeds[process.seen..].iter().filter(others).copied().collect();
        process.engine.handle(Event::Others { key: &key(), deeds: &deeds }, now);
        process.seen = self.deeds.len();
    }

    /// The process has looked, and nobody else did anything since.
    fn write(&mut self, process: &mut Process, now: Now) {
        let done = process.engine.take_deeds(&key());
        self.deeds.extend(done.into_iter().map(|deed| (process.who, deed)));
        process.seen = self.deeds.len();
        if self.deeds.len() - self.old > 50 {
            self.knowledge = process.engine.knowledge(&key(), now).map(|knowledge| knowledge.to_string());
            self.old = self.deeds.len();
        }
    }

    /// What is under way since before the knowledge, and all that was done since.
    fn rest(&self) -> Vec<(u64, Deed)> {
        let (old, new) = self.deeds.split_at(self.old);
        let ends = |who: u64, left: &Deed| {
            old.iter().any(|(other, deed)| {
                *other == who && deed.attempt == left.attempt && matches!(deed.act, Act::Ended { .. })
            })
        };
        let open = old.iter().filter(|(who, deed)| matches!(deed.act, Act::Left { .. }) && !ends(*who, deed));
        open.chain(new).copied().collect()
    }
}

impl Fleet {
    fn new(count: usize, is_short: bool, told: &str) -> Self {
        let specs = if told.is_empty() { Vec::new() } else { told.parse::<LimitSpecs>().unwrap().0 };
        let limits = specs.into_iter().map(|spec| LimitRule { host: None, spec }).collect();
        let mut fleet = Self {
            policy: Policy { limits, ..Policy::default() },
            file: File::default(),
            processes: Vec::new(),
            is_short,
            born: 0,
            jobs: BTreeMap::new(),
        };
        fleet.processes = (0..count).map(|_| fleet.start(Now::default())).collect();
        fleet
    }

    fn start(&mut self, now: Now) -> Process {
        self.born += 1;
        let mut engine = Engine::new(self.policy.clone(), self.born);
        engine.publish();
        if let Some(text) = &self.file.knowledge {
            let knowledge: Knowledge = text.parse().unwrap();
            engine.recall(&key(), &knowledge, now);
        }
        engine.handle(Event::Others { key: &key(), deeds: &self.file.rest() }, now);
        Process { who: self.born, engine, seen: self.file.deeds.len(), calls: BTreeMap::new(), is_success: false }
    }

    fn end(&mut self, index: usize, call: CallId, now: Now) -> Option<JobId> {
        let job = self.processes[index].calls.remove(&call)?;
        self.jobs.remove(&job);
        if self.is_short {
            let process = &mut self.processes[index];
            self.file.look(process, now);
            self.file.write(process, now);
            assert!(process.calls.is_empty());
            self.processes[index] = self.start(now);
        }
        Some(job)
    }

    fn decide(&mut self, index: usize, decision: &Decision, now: Now) -> Option<Action> {
        let process = &mut self.processes[index];
        match *decision {
            Decision::Send { id, attempt, beside, .. } => {
                self.file.look(process, now);
                let begun = process.engine.begin(id, beside, now);
                self.file.write(process, now);
                process.engine.audit().unwrap();
                begun.then(|| Action::Send { job: process.calls[&id], attempt })
            }
            Decision::Return { id, .. } => {
                process.engine.handle(Event::Done { id }, now);
                let is_success = process.is_success;
                let job = self.end(index, id, now)?;
                Some(if is_success { Action::Done(job) } else { Action::Lost(job) })
            }
            Decision::GiveUp { id, .. } => self.end(index, id, now).map(Action::Lost),
            _ => None,
        }
    }
}

impl Client for Fleet {
    fn submit(&mut self, job: Job, now: Now) {
        // Whoever has nothing to do, or the one with the least.
        let index = (0..self.processes.len()).min_by_key(|index| self.processes[*index].calls.len()).unwrap();
        if self.is_short {
            self.processes[index] = self.start(now);
        }
        let process = &mut self.processes[index];
        let id = process.engine.submit(Call::new(key(), Safety::Idempotent), now);
        process.calls.insert(id, job.id);
        self.jobs.insert(job.id, (index, id));
    }

    fn on_answer(&mut self, job: JobId, attempt: u32, answer: Answer<'_>, now: Now) {
        let Some(&(index, id)) = self.jobs.get(&job) else { return };
        let process = &mut self.processes[index];
        process.is_success = answer.is_success();
        let event = match answer {
            Answer::Head { status, headers } => {
                Event::Head { id, attempt, status, headers, redirect: None, body: Some(&[]) }
            }
            Answer::Failed(failure) => Event::Failed { id, attempt, failure },
        };
        process.engine.handle(event, now);
        self.file.look(process, now);
        self.file.write(process, now);
        // Those who wait look at the file often.
        for process in &mut self.processes {
            self.file.look(process, now);
        }
    }

    fn on_wake(&mut self, now: Now) {
        for process in &mut self.processes {
            process.engine.handle(Event::Tick, now);
        }
    }

    fn poll(&mut self, now: Now) -> Option<Action> {
        for index in 0..self.processes.len() {
            while let Some(decision) = self.processes[index].engine.poll_decision() {
                if let Some(action) = self.decide(index, &decision, now) {
                    return Some(action);
                }
            }
        }
        None
    }

    fn wake(&self) -> Option<Instant> {
        self.processes.iter().filter_map(|process| process.engine.poll_timeout()).min()
    }
}

fn run(server: &Server, fleet: Fleet, seed: u64) -> Report {
    let network = Network::round_trip(Duration::from_millis(1)).jitter(Duration::from_micros(50));
    let world = World::new(server.clone()).network(network).seed(seed).begins_at(Instant::ZERO + secs(30 * 86_400));
    let report = world.horizon(secs(100_000)).run(fleet, Caller::new(200).workers(8));
    assert_eq!(report.ending, Ending::Done, "{report}");
    assert_eq!(report.total.lost, 0, "{report}");
    report
}

#[test]
fn processes_learn_a_limit_together() {
    for rule in [Rule::bucket(20, secs(1), 10), Rule::fixed(50, secs(5)), Rule::sliding(50, secs(5))] {
        for is_short in [false, true] {
            let server = Server::new(rule);
            for seed in 0..3 {
                let report = run(&server, Fleet::new(8, is_short, ""), seed);
                assert!(report.total.refused <= 8 + 6, "{rule}, short {is_short}: {report}");
                assert!(report.ratio() <= 1.1, "{rule}, short {is_short}: {report}");
            }
        }
    }
}

#[test]
fn processes_keep_a_told_limit_together() {
    let rules = [
        ("20/s burst 10", Rule::bucket(20, secs(1), 10)),
        ("50/5s fixed", Rule::fixed(50, secs(5))),
        ("50/5s", Rule::sliding(50, secs(5))),
        ("30/s fixed-clock", Rule::clock(30, secs(1))),
    ];
    for (told, rule) in rules {
        let server = Server::new(rule);
        for is_short in [false, true] {
            let report = run(&server, Fleet::new(8, is_short, told), 1);
            assert_eq!(report.total.refused, 0, "{told}, short {is_short}: {report}");
            assert!(report.ratio() <= 1.05, "{told}, short {is_short}: {report}");
        }
    }
}

#[test]
fn a_wait_that_one_was_told_holds_for_all() {
    let mut one = Engine::new(Policy::default(), 1);
    one.publish();
    let mut other = Engine::new(Policy::default(), 2);
    let now = |secs| Now { mono: Instant::ZERO + Duration::from_secs(secs), wall: WALL + Duration::from_secs(secs) };
    let id = one.submit(Call::new(key(), Safety::Idempotent), now(100));
    assert!(one.begin(id, None, now(100)));
    let headers = http::HeaderMap::from_iter([(http::header::RETRY_AFTER, http::HeaderValue::from_static("30"))]);
    let status = http::StatusCode::TOO_MANY_REQUESTS;
    one.handle(Event::Head { id, attempt: 1, status, headers: &headers, redirect: None, body: Some(&[]) }, now(101));
    let deeds: Vec<(u64, Deed)> = one.take_deeds(&key()).into_iter().map(|deed| (1, deed)).collect();
    other.handle(Event::Others { key: &key(), deeds: &deeds }, now(101));
    other.submit(Call::new(key(), Safety::Idempotent), now(102));
    let (why, _) = other.waiting(&key()).unwrap();
    assert_eq!(why.until, Some(now(131).mono));
    assert_eq!(why.reason.to_string(), "the pause that another run was told");

    // And for a later one.
    let mut later = Engine::new(Policy::default(), 3);
    later.recall(&key(), &one.knowledge(&key(), now(102)).unwrap(), now(103));
    later.submit(Call::new(key(), Safety::Idempotent), now(103));
    assert_eq!(later.waiting(&key()).unwrap().0.until, Some(now(131).mono));
}

#[test]
fn what_was_done_long_ago_counts_for_what_it_was_though_calls_wait() {
    let mut engine = Engine::new(Policy::default(), 1);
    let now = |secs| Now { mono: Instant::ZERO + Duration::from_secs(secs), wall: WALL + Duration::from_secs(secs) };
    let refuse = |engine: &mut Engine, id| {
        assert!(engine.begin(id, None, now(100)));
        let (status, headers) = (http::StatusCode::TOO_MANY_REQUESTS, http::HeaderMap::new());
        engine.handle(
            Event::Head { id, attempt: 1, status, headers: &headers, redirect: None, body: Some(&[]) },
            now(101),
        );
    };
    let id = engine.submit(Call::new(key(), Safety::Idempotent), now(100));
    refuse(&mut engine, id);
    let ended = |attempt, secs| Deed {
        attempt,
        at: now(secs).mono,
        act: Act::Ended { end: crate::adapt::End::Accepted, pause: None },
    };
    let left = |attempt, secs| Deed { attempt, at: now(secs).mono, act: Act::Left { cost: 1, budget: 0 } };
    let deeds: Vec<(u64, Deed)> = (0..5).flat_map(|n| [(7, left(n, 102 + n)), (7, ended(n, 102 + n))]).collect();
    engine.handle(Event::Others { key: &key(), deeds: &deeds }, now(200));
    let proof = engine.knowledge(&key(), now(200)).unwrap().proof;
    assert_eq!((proof.accepted, proof.refused), (5, 1));
}

#[test]
fn an_attempt_of_a_process_that_died_is_not_waited_for_for_ever() {
    let mut engine = Engine::new(Policy::default(), 1);
    let now = |secs| Now { mono: Instant::ZERO + Duration::from_secs(secs), ..Now::default() };
    let deed = Deed { attempt: 1, at: now(100).mono, act: Act::Left { cost: 1, budget: 0 } };
    engine.handle(Event::Others { key: &key(), deeds: &[(9, deed)] }, now(100));
    assert_eq!(engine.poll_timeout(), Some(now(160).mono));
    engine.handle(Event::Tick, now(160));
    assert_eq!(engine.poll_timeout(), None);
    engine.audit().unwrap();
}
