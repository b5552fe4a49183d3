//! Faults and limits that both answer with a bare 503, told apart in simulated worlds.

use std::time::Duration;

use http::StatusCode;
use proptest::prelude::*;

use super::super::{Controller, End, Learner, Opening, Ticket};
use crate::sim::{Caller, Controlled, Ending, Network, Report, Rule, Server, World};
use crate::time::Now;

const SECOND: Duration = Duration::from_secs(1);

/// A learner, and whether it ever took refusals for a fault.
#[derive(Clone, Debug)]
struct Watched {
    learner: Learner,
    was_fault: bool,
}

impl Controller for Watched {
    fn on_sent(&mut self, now: Now) -> Ticket {
        self.learner.on_sent(now)
    }

    fn on_end(&mut self, ticket: Ticket, end: End, now: Now) {
        self.learner.on_end(ticket, end, now);
        self.was_fault |= self.learner.is_fault();
    }

    fn opening(&mut self, now: Now) -> Opening {
        self.learner.opening(now)
    }
}

fn run(server: Server, n: u64, workers: usize, trip: Duration, seed: u64) -> (Report, Watched) {
    let network = Network::round_trip(trip).jitter(trip / 20);
    let world = World::new(server).network(network).seed(seed).horizon(SECOND * 100_000);
    let mut client = Controlled::new(Watched { learner: Learner::new(seed), was_fault: false });
    let report = world.run(&mut client, Caller::new(n).workers(workers));
    (report, client.into_controller())
}

#[test]
fn a_steady_share_is_found_out_in_about_a_second() {
    let mut ratios = Vec::new();
    for seed in 0..15 {
        let server = Server::unlimited().works(SECOND / 20, Duration::ZERO).fails(0.10).resets(0.02);
        let (report, watched) = run(server, 1_000, 8, Duration::from_millis(1), seed);
        assert_eq!(report.ending, Ending::Done, "seed {seed}: {report}");
        assert!(watched.was_fault, "seed {seed}: {report}");
        ratios.push(report.ratio());
    }
    ratios.sort_by(f64::total_cmp);
    assert!(ratios[ratios.len() / 2] <= 1.5, "{ratios:?}");
}

#[test]
fn a_limit_that_begins_after_a_fault_was_found_is_kept_to() {
    for seed in 0..5 {
        let free = Rule::bucket(1_000_000, SECOND, 1_000_000);
        let server =
            Server::new(free).refuses_with(StatusCode::SERVICE_UNAVAILABLE).works(SECOND / 100, Duration::ZERO);
        let server = server.fails(0.10).changes(SECOND * 10, Rule::fixed(100, SECOND * 5));
        let (report, watched) = run(server, 8_000, 8, Duration::from_millis(1), seed);
        assert!(watched.was_fault, "seed {seed}: {report}");
        assert!(report.total.refused < report.total.accepted / 2, "seed {seed}: {report}");
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let period = prop::sample::select(vec![1_u64, 2, 3, 5, 7, 10, 30]).prop_map(Duration::from_secs);
    (0..9, 2..100_u64, period, 0..4_u64).prop_map(|(kind, amount, period, burst)| match kind {
        0 => Rule::fixed(amount, period),
        1 => Rule::clock(amount, period),
        2 => Rule::sliding(amount, period),
        3 => Rule::counter(amount, period),
        4 => Rule::counter(amount, period).counting_refused(),
        5 => Rule::bucket(amount, SECOND, burst * 10),
        6 => Rule::meter(amount, SECOND, burst),
        7 => Rule::queue(amount, SECOND, burst),
        _ => Rule::sliding(amount, period).counting_refused(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// No limit is taken for a fault, whatever it is and however little it says.
    #[test]
    fn no_limit_is_taken_for_a_fault(
        rule in any_rule(),
        workers in 1..33_usize,
        trip in 1..60_u64,
        seed in any::<u64>(),
    ) {
        let server = Server::new(rule).refuses_with(StatusCode::SERVICE_UNAVAILABLE);
        let (report, watched) = run(server, 150, workers, Duration::from_millis(trip), seed);
        prop_assert!(!watched.was_fault, "{}: {}", rule, report);
    }
}
