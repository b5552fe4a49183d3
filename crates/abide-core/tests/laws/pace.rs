//! How fast a limit is used: time over the least possible one under the server's true rule, and how many are refused.

use abide_core::call::Patience;
use abide_core::policy::Policy;

use crate::rules::{Limit, MS, Rule, SEC};
use crate::scene::tell;
use crate::stage::{Caller, Ending, Story};
use crate::world::{Server, Way};

const CALLS: u64 = 300;

/// Round trips of 1 ms and of 50 ms, a fifth of it by chance.
const WAYS: [Way; 2] = [Way { least: 450_000, jitter: 100_000 }, Way { least: 22_500_000, jitter: 5_000_000 }];

fn pull(told: Option<&str>, server: Server, way: Way, seed: u64) -> Ending {
    let mut policy = Policy::default();
    if let Some(told) = told {
        tell(&mut policy, told);
    }
    let caller = Caller { max_wait: Some(Patience::Endless), ..Caller::default() };
    let callers = vec![caller; CALLS as usize];
    Story { policy, way, seed, audited: false, ..Story::new(server, callers) }.play()
}

/// Checks that all came, that nothing was refused, and that it took at most so much of the least possible time.
fn check(told: &str, rule: &Rule, service: u64, least: impl Fn(Way) -> u64, most: f64) {
    for way in WAYS {
        for seed in 0..10 {
            let server = Server { service, ..Server::new([rule.clone()]) };
            let ending = pull(Some(told), server, way, seed);
            let share = ending.over as f64 / least(way) as f64;
            let name = format!("{told}, {rule:?}, {way:?}, seed {seed}");
            assert_eq!((ending.ok() as u64, ending.refused()), (CALLS, 0), "{name}");
            assert!(share <= most, "{name}: {share:.3} of the least time");
        }
    }
}

#[test]
fn a_told_window_is_used_up_and_not_overrun() {
    let windows = |_| (CALLS / 50 - 1) * 5 * SEC;
    check("50/5s", &Rule::fixed(50, 5 * SEC), 0, windows, 1.05);
    check("50/5s fixed", &Rule::fixed(50, 5 * SEC), 0, windows, 1.05);
    check("50/5s", &Rule::sliding(50, 5 * SEC), 0, windows, 1.05);
}

#[test]
fn a_told_bucket_is_used_up_and_not_overrun() {
    check("20/s burst 10", &Rule::bucket(20, 10), 0, |_| (CALLS - 11) * SEC / 20, 1.05);
}

#[test]
fn told_places_in_flight_are_used_and_not_overrun() {
    // The server holds a place for 200 ms, and ours is held for the way there and back too.
    let least = |way: Way| CALLS / 4 * (200 * MS + 2 * way.least);
    check("concurrency 4", &Rule::in_flight(4), 200 * MS, least, 1.05);
}

#[test]
fn a_quota_that_is_said_is_used_up_and_hardly_overrun() {
    for way in WAYS {
        for seed in 0..10 {
            let server = Server { quotas: true, ..Server::new([Rule::fixed(50, 5 * SEC)]) };
            let ending = pull(None, server, way, seed);
            let share = ending.over as f64 / ((CALLS / 50 - 1) * 5 * SEC) as f64;
            assert_eq!(ending.ok() as u64, CALLS);
            assert!(ending.refused() <= 2, "{way:?}, seed {seed}: {} refused", ending.refused());
            assert!(share <= 1.10, "{way:?}, seed {seed}: {share:.3} of the least time");
        }
    }
}

#[test]
fn no_limit_is_no_wait() {
    for way in WAYS {
        let ending = pull(None, Server::new(Vec::<Limit>::new()), way, 1);
        let least = CALLS / 8 * 2 * way.least;
        assert!(ending.over as f64 <= 1.2 * least as f64, "{way:?}: {} of {least}", ending.over);
    }
}
