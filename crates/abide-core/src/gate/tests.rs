//! How limits are used in the simulated world: to a share, and evenly.

use std::time::Duration;

use super::Gate;
use crate::call::Patience;
use crate::key::Key;
use crate::policy::{LimitRule, Pace, Policy, Share};
use crate::sim::{
    Caller, Ending, EngineClient, Fields, Network, Outcome, Report, RetryAfter, Rule, Server, Step, Voice, World,
};

const FIVE: Duration = Duration::from_secs(5);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What a client knows of the server's rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Told,
    Said,
    Learned,
}

/// `n` requests over a network of 2 ms through a server with this rule.
fn run(rule: Rule, known: Known, n: u64, change: impl Fn(&mut Policy)) -> Report {
    let mut policy = Policy { max_wait: Patience::Endless, ..Policy::default() };
    if known == Known::Told {
        policy.limits.push(LimitRule { host: None, spec: rule.spec() });
    }
    change(&mut policy);
    let voice = match known {
        Known::Said => Voice { fields: Fields::Draft8, retry_after: RetryAfter::Seconds, ..Voice::SILENT },
        Known::Told | Known::Learned => Voice::SILENT,
    };
    let world = World::new(Server::new(rule).says(voice)).network(Network::latency(millis(1)).jitter(millis(1)));
    let report = world.seed(3).traced(true).run(EngineClient::new(policy, 5), Caller::new(n).workers(8));
    assert_eq!((report.ending, report.total.done), (Ending::Done, n), "{rule} {known:?}: {report}");
    report
}

/// When requests were accepted, from `since` on.
fn accepted(report: &Report, since: Duration) -> Vec<Duration> {
    let accepted = |step: Step| step == Step::Arrived(Outcome::Accepted);
    report.trace.iter().filter(|entry| entry.at >= since && accepted(entry.step)).map(|entry| entry.at).collect()
}

/// The most that were accepted in any interval of this length.
fn busiest(accepted: &[Duration], length: Duration) -> usize {
    let within = |from: usize| accepted[from..].iter().take_while(|at| **at < accepted[from] + length).count();
    (0..accepted.len()).map(within).max().unwrap_or(0)
}

fn share(text: &'static str) -> impl Fn(&mut Policy) {
    move |policy| policy.share = text.parse::<Share>().unwrap()
}

fn even(policy: &mut Policy) {
    policy.pace = Pace::Even;
}

#[test]
fn four_fifths_of_a_window_are_used_and_no_more() {
    for rule in [Rule::fixed(50, FIVE), Rule::sliding(50, FIVE), Rule::clock(50, FIVE)] {
        for known in [Known::Told, Known::Said, Known::Learned] {
            let report = run(rule, known, 400, share("80%"));
            // To learn what the whole is takes the whole.
            let since = if known == Known::Learned { 4 * FIVE } else { Duration::ZERO };
            let accepted = accepted(&report, since);
            let lasted = (*accepted.last().unwrap() - accepted[0]).as_secs_f64();
            let each = accepted.len() as f64 / (lasted / FIVE.as_secs_f64() + 1.0);
            assert!((37.0..42.0).contains(&each), "{rule} {known:?}: {each} a window, {report}");
            // Two windows on the clock meet.
            let most = if rule == Rule::clock(50, FIVE) { 80 } else { 40 };
            assert!(busiest(&accepted, FIVE) <= most, "{rule} {known:?}: {report}");
        }
    }
}

#[test]
fn four_fifths_of_a_rate_are_used_and_no_more() {
    let rule = Rule::bucket(20, Duration::from_secs(1), 10);
    for known in [Known::Told, Known::Learned] {
        let report = run(rule, known, 400, share("80%"));
        let accepted = accepted(&report, 2 * FIVE);
        let lasted = (*accepted.last().unwrap() - accepted[0]).as_secs_f64();
        let rate = accepted.len() as f64 / lasted;
        assert!((15.5..16.2).contains(&rate), "{known:?}: {rate} a second, {report}");
    }
}

#[test]
fn the_share_of_places_in_flight_is_a_whole_number_of_them() {
    let policy = |told: &str| Policy {
        limits: vec![LimitRule { host: None, spec: told.parse().unwrap() }],
        share: "60%".parse().unwrap(),
        ..Policy::default()
    };
    let most = |told: &str| Gate::new(Key::new("https://api.example", 0), &policy(told), 1).slots.cap();
    assert_eq!((most("concurrency 5"), most("concurrency 1"), most("50/s")), (3, 1, 8));
}

#[test]
fn half_of_the_places_that_were_learned_are_used() {
    let server = Server::new(Rule::concurrency(4)).works(millis(200), Duration::ZERO);
    let policy = Policy { max_wait: Patience::Endless, share: "50%".parse().unwrap(), ..Policy::default() };
    let world = World::new(server).network(Network::latency(millis(1)));
    let report = world.traced(true).run(EngineClient::new(policy, 5), Caller::new(200).workers(8));
    let accepted = accepted(&report, Duration::from_secs(2));
    assert!(busiest(&accepted, millis(200)) <= 2, "{report}");
    let lasted = (*accepted.last().unwrap() - accepted[0]).as_secs_f64();
    assert!(accepted.len() as f64 / lasted > 9.5, "{report}");
}

#[test]
fn an_even_pace_fills_a_window_from_its_beginning_to_its_end() {
    for rule in [Rule::fixed(50, FIVE), Rule::sliding(50, FIVE), Rule::bucket(10, Duration::from_secs(1), 20)] {
        for known in [Known::Told, Known::Learned] {
            let report = run(rule, known, 400, even);
            let since = if known == Known::Learned { 4 * FIVE } else { Duration::ZERO };
            let accepted = accepted(&report, since);
            let lasted = (*accepted.last().unwrap() - accepted[0]).as_secs_f64();
            let rate = accepted.len() as f64 / lasted;
            assert!(busiest(&accepted, FIVE / 10) <= 6, "{rule} {known:?}: {report}");
            assert!((9.8..10.2).contains(&rate), "{rule} {known:?}: {rate} a second, {report}");
        }
    }
}

#[test]
fn an_even_pace_fills_a_window_that_the_server_tells_of() {
    let report = run(Rule::fixed(50, FIVE), Known::Said, 400, even);
    // The first answers tell of it.
    let accepted = accepted(&report, FIVE);
    assert!(busiest(&accepted, FIVE / 10) <= 7 && report.total.refused == 0, "{report}");
}

#[test]
fn an_even_pace_and_a_share_go_together() {
    for known in [Known::Told, Known::Learned] {
        let report = run(Rule::sliding(50, FIVE), known, 400, |policy| {
            even(policy);
            share("40%")(policy);
        });
        let accepted = accepted(&report, 6 * FIVE);
        assert!(busiest(&accepted, FIVE) <= 21 && busiest(&accepted, FIVE / 10) <= 3, "{known:?}: {report}");
    }
}

#[test]
fn a_slow_start_doubles_until_the_first_refusal_and_is_over_then() {
    let start = |policy: &mut Policy| policy.start = Some("2/s".parse().unwrap());
    let report = run(Rule::fixed(50, FIVE), Known::Learned, 400, start);
    let accepted = accepted(&report, Duration::ZERO);
    let gap = |at: usize| accepted[at] - accepted[at - 1];
    // With round trips of a millisecond, four accepted are known before the fifth leaves.
    assert!(gap(1) >= millis(490) && gap(3) >= millis(490), "{report}");
    assert!(gap(6) >= millis(240) && gap(6) < millis(300), "{report}");
    assert!(gap(10) >= millis(115) && gap(10) < millis(150), "{report}");
    // All of the limit is used afterwards, as without it.
    let lasted = (*accepted.last().unwrap() - accepted[200]).as_secs_f64();
    assert!((accepted.len() - 200) as f64 / lasted > 9.0, "{report}");
}
