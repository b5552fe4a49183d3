//! What a second attempt beside one that stalls brings, and what it costs.

use std::time::Duration;

use super::*;
use crate::call::Patience;
use crate::policy::{LimitRule, Policy};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn run(server: Server, requests: u64, told: Option<Rule>, hedge: bool, seed: u64) -> (Report, u64) {
    let limits = told.map(|rule| LimitRule { host: None, spec: rule.spec() }).into_iter().collect();
    let policy = Policy { limits, max_wait: Patience::Endless, hedge, ..Policy::default() };
    let mut client = EngineClient::new(policy, seed);
    let network = Network::round_trip(millis(2)).jitter(millis(1));
    let world = World::new(server).network(network).seed(seed);
    let report = world.run(&mut client, Caller::new(requests).workers(8));
    let stats = client.engine().stats(world.start());
    assert_eq!(stats.ok, requests, "{report}");
    (report, stats.hedges)
}

/// The middle one of so many seeds.
fn median(seeds: u64, mut ratio: impl FnMut(u64) -> f64) -> f64 {
    let mut ratios: Vec<f64> = (0..seeds).map(&mut ratio).collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn stalling(share: f64) -> Server {
    Server::unlimited().works(millis(50), Duration::ZERO).stalls(share, Duration::from_secs(20))
}

#[test]
fn a_server_that_stalls_now_and_then_is_hardly_slower_for_it() {
    let ratio = |hedge| median(15, |seed| run(stalling(0.01).resets(0.02), 1_000, None, hedge, seed).0.ratio());
    let (with, without) = (ratio(true), ratio(false));
    assert!(with < 1.5 && without > 3.0, "{with:.2} with hedges, {without:.2} without");
}

#[test]
fn honest_answers_that_take_long_now_and_then_are_hardly_asked_for_twice() {
    let slow = |share, times: u64| Server::unlimited().works(millis(80), millis(40)).stalls(share, millis(100 * times));
    let varied = |median, sigma| Server::unlimited().works(millis(median), Duration::ZERO).varies(sigma);
    let servers = [
        slow(0.01, 10),
        slow(0.05, 10),
        varied(20, 1.0),
        varied(200, 1.0),
        varied(100, 1.5),
        varied(100, 2.0),
        varied(1_000, 1.5),
    ];
    for (n, server) in servers.into_iter().enumerate() {
        let hedges: u64 = (0..10).map(|seed| run(server.clone(), 1_000, None, true, seed).1).sum();
        assert!(hedges <= 200, "server {n}: {hedges} of 10000 requests were sent twice");
    }
}

#[test]
fn a_server_that_stalls_nearly_always_sees_the_base_load_and_what_retries_can_spare() {
    for seed in 0..5 {
        let (report, hedges) = run(stalling(0.95), 300, None, true, seed);
        // Half of 500 tokens, 14 each, and one more for each answer.
        assert!(hedges <= (250 + 300) / 14, "{hedges}: {report}");
        assert_eq!(report.total.requests, 300 + hedges);
    }
}

#[test]
fn a_limit_counts_what_is_sent_twice() {
    for seed in 0..5 {
        let rule = Rule::fixed(50, Duration::from_secs(5));
        let server = Server::new(rule).works(millis(50), Duration::ZERO).stalls(0.02, Duration::from_secs(20));
        let (report, hedges) = run(server, 500, Some(rule), true, seed);
        assert!(hedges > 0 && report.total.refused == 0, "{hedges}: {report}");
        assert!(report.ratio() < 1.4, "{report}");
    }
}

#[test]
fn a_server_that_fails_besides_is_hardly_slower_for_its_stalls() {
    let ratio = |server: Server| median(15, |seed| run(server.clone(), 1_000, None, true, seed).0.ratio());
    let fails = || Server::unlimited().works(millis(50), Duration::ZERO).resets(0.10);
    let (with, without) = (ratio(fails().stalls(0.01, Duration::from_secs(20))), ratio(fails()));
    assert!(with < without + 0.4, "{with:.2} with stalls, {without:.2} without");
}
