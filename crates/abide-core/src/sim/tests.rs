//! Worlds run as a whole.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use proptest::prelude::*;

use super::chance::{happens, upto};
use super::*;
use crate::event::Failure;
use crate::policy::{LimitRule, Policy};
use crate::rng::Rng;
use crate::time::{Instant, Now, Offset, Wall};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// One of each kind.
fn rules() -> Vec<Rule> {
    vec![
        Rule::fixed(50, secs(5)),
        Rule::clock(50, secs(5)),
        Rule::sliding(50, secs(5)),
        Rule::sliding(50, secs(5)).counting_refused(),
        Rule::counter(50, secs(5)),
        Rule::counter(50, secs(5)).counting_refused(),
        Rule::bucket(20, secs(1), 10),
        Rule::bucket(17, secs(1), 12),
        Rule::meter(7, secs(1), 0),
        Rule::queue(20, secs(1), 10),
        Rule::concurrency(4),
    ]
}

/// A client that knows the rule: it leaves a trip's length before each moment of the schedule.
fn oracle(world: &World, rule: Rule, n: u64, work: Duration, one_way: Duration) -> Script {
    let arrives_first = world.start().wall + one_way;
    Script::new(world.start().mono, rule.schedule(n, arrives_first, work))
}

#[test]
fn a_client_that_knows_the_rule_needs_the_least_time_and_nothing_more() {
    for rule in rules() {
        for (seed, one_way) in [(1, Duration::ZERO), (2, millis(1)), (3, millis(25))] {
            let work = if rule == Rule::concurrency(4) { millis(200) } else { millis(3) };
            let server = Server::new(rule).works(work, Duration::ZERO);
            let world = World::new(server).network(Network::latency(one_way)).seed(seed);
            // A place at work is known to be free when the answer is there.
            let (n, workers) = if rule == Rule::concurrency(4) { (300, 4) } else { (300, usize::MAX) };
            let cycle = if rule == Rule::concurrency(4) { work + 2 * one_way } else { work };
            let report = world.run(oracle(&world, rule, n, cycle, one_way), Caller::new(n).workers(workers));
            assert_eq!((report.total.refused, report.total.done), (0, n), "{rule}: {report}");
            assert!((0.999_999..1.005).contains(&report.ratio()), "{rule}: {report}");
        }
    }
}

#[test]
fn the_least_time_of_a_rule_is_that_of_a_world_with_that_rule_alone() {
    for rule in rules() {
        for seed in 0..5 {
            let world = World::new(Server::new(rule).works(millis(200), Duration::ZERO)).seed(seed);
            let caller = Caller::new(300).workers(usize::MAX);
            let planned = least::time(&world, std::iter::once(&caller)).unwrap();
            let derived = rule.least(300, world.start().wall, millis(200));
            // A queue rounds each wait to a nanosecond.
            assert!(planned.abs_diff(derived) <= Duration::from_nanos(300), "{rule}: {planned:?}, {derived:?}");
        }
    }
}

/// Sends whenever it likes.
struct Restless {
    rng: Rng,
    haste: u64,
    longest: Duration,
    waiting: BTreeMap<(Instant, JobId), u32>,
    ended: Vec<JobId>,
}

impl Restless {
    fn new(seed: u64, haste: u64, longest: Duration) -> Self {
        Self { rng: Rng::new(seed), haste, longest, waiting: BTreeMap::new(), ended: Vec::new() }
    }

    fn put_off(&mut self, job: JobId, attempt: u32, now: Now) {
        let at_once = happens(&mut self.rng, self.haste);
        let wait = if at_once { Duration::ZERO } else { upto(&mut self.rng, self.longest) };
        // Not twice at one moment, or time would stand still.
        let least = if attempt > 1 { millis(20) } else { Duration::ZERO };
        self.waiting.insert((now.mono + wait.max(least), job), attempt);
    }
}

impl Client for Restless {
    fn submit(&mut self, job: Job, now: Now) {
        self.put_off(job.id, 1, now);
    }

    fn on_answer(&mut self, job: JobId, attempt: u32, answer: Answer<'_>, now: Now) {
        if answer.is_success() {
            self.ended.push(job);
        } else {
            self.put_off(job, attempt + 1, now);
        }
    }

    fn on_wake(&mut self, _now: Now) {}

    fn poll(&mut self, now: Now) -> Option<Action> {
        if let Some(job) = self.ended.pop() {
            return Some(Action::Done(job));
        }
        let (&(at, job), &attempt) = self.waiting.first_key_value()?;
        if at > now.mono {
            return None;
        }
        self.waiting.remove(&(at, job));
        Some(Action::Send { job, attempt })
    }

    fn wake(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    (0..9, 1u64..8, 1u64..4, 0u64..5).prop_map(|(family, amount, period, burst)| match family {
        0 => Rule::fixed(amount, secs(period)),
        1 => Rule::clock(amount, secs(period)),
        2 => Rule::sliding(amount, secs(period)),
        3 => Rule::sliding(amount, secs(period)).counting_refused(),
        4 => Rule::counter(amount, secs(period)),
        5 => Rule::bucket(amount, secs(period), burst),
        6 => Rule::meter(amount, secs(period), burst),
        7 => Rule::queue(amount, secs(period), burst),
        _ => Rule::concurrency(amount),
    })
}

/// The trip, the work, whether it varies, the workers and the share of failures.
fn any_setting() -> impl Strategy<Value = (u64, u64, bool, usize, f64)> {
    (0u64..30, 0u64..300, any::<bool>(), 1usize..12, prop_oneof![Just(0.0), Just(0.2)])
}

proptest! {
    #[test]
    fn no_client_beats_the_least_time(
        rules in prop::collection::vec(any_rule(), 1..3),
        (one_way, work, varies, workers, failing) in any_setting(),
        (haste, longest) in (0u64..1_000_001, 1u64..1_500),
        n in 1u64..40,
        seed: u64,
    ) {
        let server = Server { rules: rules.clone(), ..Server::unlimited() };
        let server = server.works(millis(work), if varies { millis(100) } else { Duration::ZERO }).fails(failing);
        // With a place at work that is given to whoever asks first, asking blindly can be quicker than waiting for an answer.
        let capped = rules.iter().any(|rule| matches!(rule.shape, rule::Shape::Concurrency));
        let one_way = if capped { 0 } else { one_way };
        // Of two windows that each begin with a request, one may better begin late: the plan begins each as soon as it can.
        let windows = rules.iter().filter(|rule| matches!(rule.shape, rule::Shape::Fixed)).count();
        prop_assume!(windows < 2);
        let world = World::new(server).network(Network::latency(millis(one_way)).jitter(millis(one_way))).seed(seed);
        let report = world.horizon(secs(120)).run(Restless::new(seed, haste, millis(longest)), Caller::new(n).workers(workers));
        if report.ending == Ending::Done {
            // Each wait in a queue is rounded to a nanosecond.
            prop_assert!(report.time + Duration::from_nanos(n) >= report.least.unwrap(), "{}", report);
        }
    }
}

fn told(rule: Rule) -> Policy {
    let mut policy = Policy::default();
    policy.limits.push(LimitRule { host: None, spec: rule.spec() });
    policy
}

#[test]
fn an_engine_that_was_told_the_rule_is_never_refused() {
    for rule in rules() {
        let world =
            World::new(Server::new(rule).works(millis(5), Duration::ZERO)).network(Network::latency(millis(5))).seed(5);
        let report = world.run(EngineClient::new(told(rule), 5), Caller::new(200));
        assert_eq!((report.total.refused, report.total.done), (0, 200), "{rule}: {report}");
        assert!(report.ratio() < 1.15, "{rule}: {report}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let server = Server::new(Rule::bucket(20, secs(1), 5)).works(millis(3), millis(9)).fails(0.1).resets(0.05);
    let network = Network::latency(millis(9)).jitter(millis(5)).loses(0.01).reorders(0.1, millis(50));
    let world = World::new(server).network(network).shared_with(secs(1)).traced(true).seed(3);
    let run = |world: &World| world.run(PerRequest::new(1), Caller::new(100));
    let (first, second, other) = (run(&world), run(&world), run(&world.clone().seed(4)));
    assert_eq!(first.trace, second.trace);
    assert_ne!(first.trace, other.trace);
}

#[test]
fn clients_without_knowledge_reach_their_end_and_waste_requests() {
    let world = World::new(Server::new(Rule::fixed(50, secs(5)))).network(Network::latency(millis(5)));
    let caller = || Caller::new(150);
    let reports = [
        world.run(PerRequest::new(1), caller()),
        world.run(Adaptive::new(1), caller()),
        world.run(Aimd::new(), caller()),
    ];
    for report in reports {
        assert_eq!((report.ending, report.total.done), (Ending::Done, 150), "{report}");
        assert!(report.total.refused > 0 && report.ratio() > 1.0, "{report}");
    }
}

#[test]
fn attempts_that_end_lose_jobs() {
    let world = World::new(Server::new(Rule::fixed(10, secs(60))));
    let report = world.run(PerRequest::with(millis(100), secs(1), 1).attempts(3), Caller::new(50));
    assert!(report.total.lost > 0 && report.total.lost + report.total.done == 50, "{report}");
    assert!(report.ratio().is_infinite());
}

#[test]
fn a_server_bans_who_does_not_listen() {
    let server = Server::new(Rule::fixed(5, secs(1))).bans(20, secs(60));
    let world = World::new(server).network(Network::latency(millis(1)));
    let report = world.run(PerRequest::with(millis(1), millis(50), 1), Caller::new(30));
    assert!(report.worst_gap >= secs(60), "{report}");
    let careful = world.run(EngineClient::new(told(Rule::fixed(5, secs(1))), 1), Caller::new(30));
    assert_eq!(careful.total.refused, 0, "{careful}");
}

#[test]
fn a_limit_changes_half_way() {
    let (before, after) = (Rule::sliding(10, secs(1)), Rule::sliding(5, secs(1)));
    let world = World::new(Server::new(before).changes(secs(10), after));
    let report = world.run(EngineClient::new(told(before), 1), Caller::new(150));
    let accepted = |from| report.seconds.iter().filter(|s| s.number / 5 == from).map(|s| s.accepted).sum::<u64>();
    assert_eq!((accepted(0), accepted(1)), (50, 50), "{report}");
    assert!((20..=25).contains(&accepted(2)), "{report}");
    // 100 in the first ten seconds, and then 5 at each: the last ones at 19 s.
    assert_eq!(report.least, Some(secs(19)));
}

#[test]
fn nothing_is_served_while_the_server_is_down() {
    let server = Server::new(Rule::meter(10, secs(1), 0)).is_down(secs(2), secs(7));
    let world = World::new(server).traced(true);
    let report = world.run(PerRequest::with(millis(100), secs(1), 1), Caller::new(40));
    let served = report.trace.iter().filter(|entry| entry.step == Step::Arrived(Outcome::Accepted));
    assert!(served.clone().all(|entry| !(secs(2)..secs(7)).contains(&entry.at)));
    assert_eq!(served.count(), 40);
    assert!(report.total.failed > 0 && report.worst_gap >= secs(5), "{report}");
    assert_eq!(report.least, Some(millis(8_900)), "20 until it goes down, and 20 from when it is back");
}

#[test]
fn faults_come_in_their_shares_and_cost_time() {
    let server = Server::unlimited().works(millis(50), Duration::ZERO).fails(0.10).resets(0.02).stalls(0.01, secs(20));
    let report = World::new(server).run(PerRequest::new(1), Caller::new(20_000).workers(100));
    let share = report.total.failed as f64 / report.total.requests as f64;
    assert!((0.11..0.13).contains(&share), "{report}");
    let bare = 20_000.0 / 100.0 * 0.05;
    let least = report.least.unwrap().as_secs_f64() / bare;
    assert!((1.12..1.20).contains(&least), "{report}");
}

#[test]
fn what_the_network_loses_times_out() {
    let network = Network::latency(millis(1)).loses(0.05).timeout(secs(2));
    let world = World::new(Server::unlimited()).network(network).traced(true);
    let report = world.run(PerRequest::new(1), Caller::new(1_000));
    let late = report.trace.iter().filter(|entry| entry.step == Step::Failed(Failure::Timeout)).count();
    // Requests and answers are lost alike.
    assert!((70..130).contains(&late), "{late}");
    assert!(report.total.dropped > 20 && report.total.done == 1_000, "{report}");
    assert_eq!(report.total.accepted as usize + report.total.dropped as usize, 1_000 + late);
}

#[test]
fn messages_overtake_each_other() {
    let overtaken = |network: Network| {
        let world = World::new(Server::unlimited()).network(network).traced(true);
        let caller = Caller::new(300).arrivals(Arrivals::Every(millis(1))).workers(300);
        let report = world.run(PerRequest::new(1), caller);
        let arrived = |step: Step| matches!(step, Step::Arrived(_));
        let order: Vec<_> = report.trace.iter().filter(|entry| arrived(entry.step)).map(|entry| entry.job).collect();
        order.windows(2).filter(|pair| pair[0] > pair[1]).count()
    };
    assert_eq!(overtaken(Network::latency(millis(5))), 0);
    assert!(overtaken(Network::latency(millis(5)).jitter(millis(5))) > 50);
    assert!((1..50).contains(&overtaken(Network::latency(millis(5)).reorders(0.05, millis(20)))));
}

#[test]
fn somebody_else_takes_a_share() {
    let rule = Rule::fixed(50, secs(5));
    let alone = World::new(Server::new(rule)).network(Network::latency(millis(25))).seed(1);
    let shared = alone.clone().shared_with(millis(100));
    let run = |world: &World| world.run(PerRequest::new(1), Caller::new(150));
    let (alone, shared) = (run(&alone), run(&shared));
    assert_eq!(alone.least, Some(rule.least(150, Wall::default(), Duration::ZERO) + 7 * millis(50)));
    // The last of three windows has to hold what the other took in the first two, and cannot.
    assert!(shared.least.unwrap() > secs(15), "{shared}");
    assert_eq!((alone.parties.len(), shared.parties.len()), (1, 2));
    assert!(shared.parties[1].accepted > 0 && shared.total.done == 150, "{shared}");
}

#[test]
fn a_crooked_clock_shifts_dates_and_windows() {
    let voice = Voice { retry_after: RetryAfter::Date, ..Voice::of(Fields::Legacy) };
    let server = |skew| Server::new(Rule::clock(20, secs(10))).says(voice).clock_ahead(Offset::from_nanos(skew));
    let run = |skew: i64| {
        let world = World::new(server(skew)).network(Network::latency(millis(10)));
        world.run(EngineClient::new(Policy::default(), 1), Caller::new(100))
    };
    for skew in [0, 90_000_000_000, -90_000_000_000] {
        let report = run(skew);
        assert_eq!(report.total.done, 100, "{report}");
        // The dates are whole seconds, so up to a second and a bit is lost at each turn.
        assert!(report.ratio() < 1.2, "{report}");
    }
}

#[test]
fn refusals_carry_the_server_s_status() {
    let server = Server::new(Rule::fixed(1, secs(1))).refuses_with(StatusCode::SERVICE_UNAVAILABLE);
    let report = World::new(server).traced(true).run(PerRequest::new(1), Caller::new(2));
    let refused = Step::Heard(StatusCode::SERVICE_UNAVAILABLE);
    assert!(report.trace.iter().any(|entry| entry.step == refused));
    let line = report.trace.iter().find(|entry| entry.step == refused).unwrap().to_string();
    assert_eq!(line, "    0.000000 s  party 0 job 1 attempt 1 is answered with 503");
}

/// Sends each job twice and takes the first answer.
struct Hedge(Vec<Action>);

impl Client for Hedge {
    fn submit(&mut self, job: Job, _now: Now) {
        self.0.extend([1, 2].map(|attempt| Action::Send { job: job.id, attempt }));
    }

    fn on_answer(&mut self, job: JobId, attempt: u32, _answer: Answer<'_>, _now: Now) {
        self.0.extend([Action::Drop { job, attempt: 3 - attempt }, Action::Done(job)]);
    }

    fn on_wake(&mut self, _now: Now) {}

    fn poll(&mut self, _now: Now) -> Option<Action> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    fn wake(&self) -> Option<Instant> {
        None
    }
}

#[test]
fn the_first_of_two_attempts_counts_and_the_other_is_forgotten() {
    let server = Server::unlimited().works(millis(10), millis(50));
    let report = World::new(server).traced(true).run(Hedge(Vec::new()), Caller::new(20));
    assert_eq!((report.total.requests, report.total.done), (40, 20), "{report}");
    let count = |wanted: fn(Step) -> bool| report.trace.iter().filter(|entry| wanted(entry.step)).count();
    assert_eq!(count(|step| step == Step::Dropped), 20);
    assert_eq!(count(|step| matches!(step, Step::Heard(_))), 20);
}

#[test]
fn a_run_that_nobody_goes_on_with_says_so() {
    struct Idle;
    impl Client for Idle {
        fn submit(&mut self, _job: Job, _now: Now) {}
        fn on_answer(&mut self, _job: JobId, _attempt: u32, _answer: Answer<'_>, _now: Now) {}
        fn on_wake(&mut self, _now: Now) {}
        fn poll(&mut self, _now: Now) -> Option<Action> {
            None
        }
        fn wake(&self) -> Option<Instant> {
            None
        }
    }
    let report = World::new(Server::unlimited()).run(Idle, Caller::new(3));
    assert_eq!((report.ending, report.unfinished), (Ending::Stuck, 3));
    let world = World::new(Server::new(Rule::fixed(1, secs(3_600)))).horizon(secs(60));
    let report = world.run(PerRequest::new(1), Caller::new(2));
    assert_eq!((report.ending, report.unfinished), (Ending::Horizon, 1));
}

#[test]
fn a_fleet_shares_one_server() {
    let server = Server::new(Rule::bucket(500, secs(1), 50));
    let world = World::new(server).network(Network::latency(millis(10)).jitter(millis(20)));
    let fleet = (0..100).map(|n| Party::new(EngineClient::new(Policy::default(), n), [Caller::new(50).workers(1)]));
    let report = world.run_all(fleet.collect());
    assert_eq!((report.total.done, report.parties.len()), (5_000, 100), "{report}");
    let late = report.after(secs(5));
    assert!(late.arrived > 0 && late.arrived < report.total.requests);
}

#[test]
fn a_client_goes_on_in_the_next_run_with_what_it_knows() {
    let rule = Rule::sliding(20, secs(10));
    let world = World::new(Server::new(rule).says(Voice::of(Fields::Draft8)));
    let mut client = EngineClient::new(Policy::default(), 1);
    let first = world.run(&mut client, Caller::new(40));
    let later = world.begins_at(Instant::ZERO + secs(3_600)).run(&mut client, Caller::new(40));
    assert_eq!((first.total.done, later.total.done), (40, 40));
    assert_eq!(client.engine().stats(Now::default()).calls, 80);
}
