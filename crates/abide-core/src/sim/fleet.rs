//! Holds the books of a shared budget against the server's own: whenever leased attempts arrive, none is refused.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;

use super::book::Book as Judge;
use super::rule::Rule;
use super::{Caller, EngineClient, Network, Party, Report, Server, World};
use crate::budget::{Answer, Ask, Book, Lease};
use crate::policy::{LimitRule, LimitSpec, Policy};
use crate::time::{Instant, Now, Wall};

/// One question to the budget, and where in its span each attempt of the lease arrives, in thousandths.
#[derive(Clone, Debug)]
struct Turn {
    after_micros: u64,
    ask: Ask,
    arrives: Vec<u64>,
    /// How many of them do, and whether the rest goes back to the budget.
    used: u32,
    returns: bool,
}

fn start() -> Now {
    Now { mono: Instant::ZERO + Duration::from_secs(86_400), wall: Wall::from_secs(1_767_225_600) }
}

fn limit() -> impl Strategy<Value = LimitSpec> {
    let rate = (1..60_u64, prop::sample::select(vec!["100ms", "s", "5s", "min"]));
    let kind = prop::sample::select(vec![
        "sliding",
        "fixed",
        "fixed-clock",
        "counter",
        "hits",
        "burst 0",
        "burst 7",
        "burst 40",
    ]);
    let unit = prop::sample::select(vec!["", " by cost"]);
    (rate, kind, unit)
        .prop_map(|((amount, period), kind, unit)| format!("{amount}/{period} {kind}{unit}").parse().unwrap())
}

fn turn() -> impl Strategy<Value = Turn> {
    let after = prop_oneof![3 => Just(0), 3 => 0..5_000_u64, 2 => 0..400_000_u64, 1 => 0..20_000_000_u64];
    let ask = (1..20_u32, prop_oneof![4 => Just(1), 1 => 1..6_u32], prop_oneof![2 => Just(0), 1 => 0..30_000_u64]);
    let arrives = prop::collection::vec(prop_oneof![Just(0), Just(1_000), 0..1_000_u64], 20);
    let used = (prop_oneof![Just(20), 0..20_u32], any::<bool>());
    (after, ask, arrives, used).prop_map(|(after_micros, (count, cost, delay), arrives, (used, returns))| Turn {
        after_micros,
        ask: Ask { count, cost, unused: None, delay: Duration::from_micros(delay) },
        arrives,
        used,
        returns,
    })
}

/// When each attempt of a lease arrives, and what it costs.
fn arrivals<'a>(lease: Lease, turn: &'a Turn) -> impl Iterator<Item = (Wall, u64)> + 'a {
    let span = lease.counted.since(lease.from);
    let taken = turn.arrives.iter().take(lease.count.min(turn.used) as usize);
    // It has to leave before the span ends.
    taken.map(move |share| {
        let late = (span * u32::try_from(*share).unwrap() / 1_000).saturating_sub(Duration::from_nanos(1));
        (start().wall_at(lease.from + late), u64::from(lease.cost))
    })
}

fn fits(limits: &[LimitSpec], cost: u32) -> bool {
    limits.iter().all(|limit| Judge::new(Rule::from(*limit)).opens_at(cost.into(), start().wall).is_some())
}

proptest! {
    #[test]
    fn no_server_refuses_what_was_leased(
        limits in prop::collection::vec(limit(), 1..4),
        turns in prop::collection::vec(turn(), 1..40),
    ) {
        let (mut book, mut now, mut sent) = (Book::new(&limits), start(), Vec::new());
        let mut unused = Vec::new();
        for turn in turns.iter().filter(|turn| fits(&limits, turn.ask.cost)) {
            now = now.at(now.mono + Duration::from_micros(turn.after_micros));
            let mut words = Vec::new();
            book.write(&mut words);
            let mut read = Book::read(&limits, &words, now).unwrap();
            let ask = Ask { unused: unused.pop(), ..turn.ask };
            let answer = book.lease(ask, now);
            prop_assert_eq!(read.lease(ask, now), answer, "a book that was written and read answers the same");
            if let Answer::Leased(lease) = answer {
                prop_assert!(lease.from >= now.mono && lease.until > lease.from && lease.count >= 1);
                sent.extend(arrivals(lease, turn));
                let left = lease.count.saturating_sub(turn.used);
                if turn.returns && left > 0 {
                    unused.push(Lease { count: left, ..lease });
                }
            }
        }
        sent.sort_by_key(|(at, _)| *at);
        for limit in limits {
            let mut judge = Judge::new(Rule::from(limit));
            for (at, cost) in &sent {
                judge.advance(*at);
                prop_assert_eq!(judge.opens_at(*cost, *at), Some(*at), "{} has no room for {}", limit, cost);
                judge.accept(*cost, *at);
            }
        }
    }
}

/// The share of a limit that is used when somebody always asks.
fn used(text: &str, secs: u64) -> f64 {
    let limit: LimitSpec = text.parse().unwrap();
    let (mut book, mut now, mut count) = (Book::new(&[limit]), start(), 0_u32);
    let end = start().mono + Duration::from_secs(secs);
    while now.mono < end {
        match book.lease(Ask { count: 1, cost: 1, unused: None, delay: Duration::ZERO }, now) {
            Answer::Leased(lease) => {
                count += 1;
                now = now.at(lease.from);
            }
            Answer::Later { again, .. } => now = now.at(again),
        }
    }
    let rate = 1.0 / limit.interval(1).unwrap().as_secs_f64();
    f64::from(count) / (rate * secs as f64)
}

#[test]
fn little_of_a_limit_is_lost_while_somebody_wants_it() {
    for text in [
        "500/s burst 50",
        "20/s burst 10",
        "50/5s",
        "100/s",
        "50/5s fixed",
        "50/5s fixed-clock",
        "50/5s counter",
        "even 2/s",
    ] {
        let used = used(text, 600);
        assert!(used > 0.97, "{text}: {used}");
    }
}

/// Workers on one limit that all were told, for half a minute.
fn fleet(text: &str, callers: &[Caller], seed: u64) -> Report {
    let limit: LimitSpec = text.parse().unwrap();
    let book = Rc::new(RefCell::new(Book::new(&[limit])));
    let network = Network::round_trip(Duration::from_millis(4)).jitter(Duration::from_millis(2));
    let world = World::new(Server::new(Rule::from(limit))).network(network).seed(seed).horizon(Duration::from_secs(30));
    let policy = Policy { limits: vec![LimitRule { host: None, spec: limit }], ..Policy::default() };
    let worker = |i: u64| EngineClient::new(policy.clone(), seed * 100 + i).sharing(&book);
    let parties = callers.iter().zip(0..).map(|(caller, i)| Party::new(worker(i), [caller.clone()]));
    world.run_all(parties.collect())
}

/// The share of the limit that was used from the fifth second on.
fn used_share(text: &str, report: &Report) -> f64 {
    let rate = 1.0 / text.parse::<LimitSpec>().unwrap().interval(1).unwrap().as_secs_f64();
    report.after(Duration::from_secs(5)).accepted as f64 / (rate * 25.0)
}

/// Limits, and how far a worker's share may be from the others': a window opens for many at once, and who is first there stays so.
const LIMITS: [(&str, f64); 4] =
    [("500/s burst 50", 0.1), ("20/s burst 10", 0.1), ("50/5s", 0.3), ("200/s fixed", 0.3)];

#[test]
fn equal_workers_use_all_of_a_limit_in_equal_shares() {
    for (text, apart) in LIMITS {
        for workers in [2, 8, 32] {
            let report = fleet(text, &vec![Caller::new(100_000); workers], 7);
            let shares: Vec<u64> = report.parties.iter().map(|party| party.accepted).collect();
            let mean = shares.iter().sum::<u64>() as f64 / shares.len() as f64;
            let far = shares.iter().map(|share| (*share as f64 - mean).abs()).fold(0.0, f64::max);
            assert_eq!(report.total.refused, 0, "{text}, {workers}: {report}");
            assert!(used_share(text, &report) >= 0.97, "{text}, {workers}: {}", used_share(text, &report));
            // A call or two for each place in flight are a matter of who came first.
            assert!(far <= (mean * apart).max(12.0), "{text}, {workers}: {shares:?}");
        }
    }
}

#[test]
fn one_that_wants_all_leaves_the_others_what_they_want_and_uses_the_rest() {
    use super::Arrivals;
    for text in ["500/s burst 50", "200/s sliding"] {
        let light = Caller::new(100_000).arrivals(Arrivals::Poisson(Duration::from_millis(200)));
        let mut callers = vec![light; 7];
        callers.push(Caller::new(100_000));
        let report = fleet(text, &callers, 7);
        assert_eq!(report.total.refused, 0, "{text}: {report}");
        assert!(used_share(text, &report) >= 0.95, "{text}: {}", used_share(text, &report));
        let least = report.parties[..7].iter().map(|party| party.accepted).min();
        assert!(least >= Some(100), "{text}: {report}");
    }
}
