//! Learning, driven through simulated servers that say nothing.

use std::time::Duration;

use proptest::prelude::*;

use super::{Controller, End, Learner, Opening};
use crate::sim::{Caller, Controlled, Ending, Network, Report, Rule, Server, World};
use crate::time::{Instant, Now};

const WORKERS: usize = 8;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A first run that knows nothing, and one long after it that knows what the first one learned.
fn two_runs(server: &Server, n: u64, trip: Duration, workers: usize, seed: u64) -> (Report, Report) {
    let network = Network::round_trip(trip).jitter(trip / 20);
    let world = World::new(server.clone()).network(network).seed(seed).horizon(secs(200_000));
    let mut client = Controlled::new(Learner::new(seed));
    let caller = || Caller::new(n).workers(workers);
    let first = world.run(&mut client, caller());
    let later = world.begins_at(Instant::ZERO + first.time + secs(100_000));
    (first, later.run(Controlled::new(client.into_controller()), caller()))
}

/// Of five seeds: time over the least possible in the first and in the later run, and the refused of both.
fn medians(server: &Server, n: u64, trip: Duration, workers: usize) -> (f64, f64, u64, u64) {
    let runs: Vec<_> = (0..5).map(|seed| two_runs(server, n, trip, workers, seed)).collect();
    let ratio = |report: &Report| {
        assert_eq!(report.ending, Ending::Done, "{report}");
        report.ratio()
    };
    let of = |pick: &dyn Fn(&(Report, Report)) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(pick).collect();
        all.sort_by(f64::total_cmp);
        all[2]
    };
    let refused = |pick: &dyn Fn(&(Report, Report)) -> f64| of(pick) as u64;
    (
        of(&|runs| ratio(&runs.0)),
        of(&|runs| ratio(&runs.1)),
        refused(&|runs| runs.0.total.refused as f64),
        refused(&|runs| runs.1.total.refused as f64),
    )
}

#[test]
fn windows_are_learned_in_the_least_time_with_four_refusals_beyond_those_in_flight() {
    for rule in
        [Rule::fixed(50, secs(5)), Rule::sliding(50, secs(5)), Rule::fixed(30, secs(3)), Rule::fixed(60, secs(2))]
    {
        for workers in [1, 8, 32] {
            let (first, later, refused, refused_later) =
                medians(&Server::new(rule), 150, Duration::from_millis(1), workers);
            let most = workers as u64 + 4;
            assert!(first <= 1.03 && later <= 1.015, "{rule}, {workers} in flight: {first} {later}");
            assert!(refused <= most && refused_later == 0, "{rule}, {workers} in flight: {refused} {refused_later}");
        }
    }
}

#[test]
fn a_later_run_hits_nothing() {
    let rules = [
        Rule::clock(50, secs(5)),
        Rule::sliding(50, secs(5)).counting_refused(),
        Rule::bucket(20, secs(1), 10),
        Rule::meter(5, secs(1), 20),
    ];
    for rule in rules {
        let (_, later, _, refused_later) = medians(&Server::new(rule), 200, Duration::from_millis(1), WORKERS);
        assert!(later <= 1.015, "{rule}: {later}");
        assert_eq!(refused_later, 0, "{rule}");
    }
}

#[test]
fn a_bucket_is_learned_with_few_refusals() {
    let server = Server::new(Rule::bucket(20, secs(1), 10));
    let (first, _, refused, _) = medians(&server, 200, Duration::from_millis(1), WORKERS);
    assert!(first <= 1.1, "{first}");
    assert!(refused <= WORKERS as u64 + 4, "{refused}");
}

#[test]
fn a_cap_on_what_is_at_work_is_told_from_a_rate() {
    let server = Server::new(Rule::concurrency(4)).works(Duration::from_millis(200), Duration::ZERO);
    let (first, later, refused, refused_later) = medians(&server, 150, Duration::from_millis(1), WORKERS);
    assert!(first <= 1.03 && later <= 1.015, "{first} {later}");
    assert!(refused <= WORKERS as u64 + 4 && refused_later == 0, "{refused} {refused_later}");
}

#[test]
fn a_server_that_refuses_nothing_is_never_waited_for() {
    let mut learner = Learner::new(0);
    for millis in 0..10_000 {
        let now = at(millis);
        assert_eq!(learner.opening(now), Opening::At(now.mono));
        let ticket = learner.on_sent(now);
        learner.on_end(ticket, End::Accepted, at(millis + 1));
    }
}

#[test]
fn an_attempt_that_never_left_is_no_evidence() {
    let mut learner = Learner::new(0);
    let ticket = learner.on_sent(at(0));
    learner.on_end(ticket, End::Unsent, at(1));
    let ticket = learner.on_sent(at(2));
    learner.on_end(ticket, End::Refused(None), at(3));
    // Nothing was accepted, so no window can be full.
    assert!(!matches!(learner.opening(at(4)), Opening::At(when) if when <= at(4).mono));
}

#[test]
fn a_told_wait_is_waited_out() {
    let mut learner = Learner::new(0);
    let ticket = learner.on_sent(at(0));
    learner.on_end(ticket, End::Refused(Some(secs(7))), at(10));
    assert_eq!(learner.opening(at(20)), Opening::At(at(7_010).mono));
}

#[test]
fn those_who_are_refused_together_come_back_apart() {
    let first_pilot = |seed| {
        let mut learner = Learner::new(seed);
        let tickets = [learner.on_sent(at(0)), learner.on_sent(at(1))];
        learner.on_end(tickets[0], End::Accepted, at(5));
        learner.on_end(tickets[1], End::Refused(None), at(6));
        match learner.opening(at(7)) {
            Opening::At(at) => at,
            Opening::AfterAnswer => panic!("nothing is in flight"),
        }
    };
    let pilots: std::collections::BTreeSet<_> = (0..100).map(first_pilot).collect();
    assert!(pilots.len() > 20, "{pilots:?}");
}

fn at(millis: u64) -> Now {
    Now { mono: Instant::from_nanos(millis * 1_000_000), wall: crate::time::Wall::from_millis(millis.cast_signed()) }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let period = prop::sample::select(vec![1_u64, 2, 3, 5, 7, 10, 15, 20, 30, 60]).prop_map(secs);
    (0..6, 5..80_u64, period, 0..30_u64).prop_map(|(kind, amount, period, burst)| match kind {
        0 => Rule::fixed(amount, period),
        1 => Rule::clock(amount, period),
        2 => Rule::sliding(amount, period),
        3 => Rule::counter(amount, period),
        4 => Rule::bucket(amount, secs(1), burst),
        _ => Rule::sliding(amount, period).counting_refused(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the server's rule is, all that is wanted gets done, and the server is not hammered.
    #[test]
    fn every_world_is_got_through(rule in any_rule(), trip in 1..60_u64, workers in 1..16_usize, seed in any::<u64>()) {
        let server = Server::new(rule);
        let (first, later) = two_runs(&server, 120, Duration::from_millis(trip), workers, seed);
        for report in [&first, &later] {
            prop_assert_eq!(report.ending, Ending::Done, "{}: {}", rule, report);
            prop_assert!(report.total.refused <= 200, "{}: {}", rule, report);
        }
    }

    /// The same inputs give the same decisions.
    #[test]
    fn a_run_can_be_replayed(rule in any_rule(), seed in any::<u64>()) {
        let server = Server::new(rule);
        let run = || two_runs(&server, 60, Duration::from_millis(5), WORKERS, seed);
        let (one, other) = (run(), run());
        prop_assert_eq!(one.0.time, other.0.time);
        prop_assert_eq!(one.1.total, other.1.total);
    }
}
