//! Holds the books of a shared budget against the server's own: whenever leased attempts arrive, none is refused.

use std::time::Duration;

use proptest::prelude::*;

use super::book::Book as Judge;
use super::rule::Rule;
use crate::budget::{Answer, Ask, Book, Lease};
use crate::policy::LimitSpec;
use crate::time::{Instant, Now, Wall};

/// One question to the budget, and where in its span each attempt of the lease arrives, in thousandths.
#[derive(Clone, Debug)]
struct Turn {
    after_micros: u64,
    ask: Ask,
    arrives: Vec<u64>,
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
    (after, ask, arrives).prop_map(|(after_micros, (count, cost, delay), arrives)| Turn {
        after_micros,
        ask: Ask { count, cost, delay: Duration::from_micros(delay) },
        arrives,
    })
}

/// When each attempt of a lease arrives, and what it costs.
fn arrivals<'a>(lease: Lease, turn: &'a Turn) -> impl Iterator<Item = (Wall, u64)> + 'a {
    let span = lease.until.since(lease.from) + turn.ask.delay;
    let taken = turn.arrives.iter().take(lease.count as usize);
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
        for turn in turns.iter().filter(|turn| fits(&limits, turn.ask.cost)) {
            now = now.at(now.mono + Duration::from_micros(turn.after_micros));
            let mut words = Vec::new();
            book.write(&mut words);
            let mut read = Book::read(&limits, &words).unwrap();
            let answer = book.lease(turn.ask, now);
            prop_assert_eq!(read.lease(turn.ask, now), answer, "a book that was written and read answers the same");
            if let Answer::Leased(lease) = answer {
                prop_assert!(lease.from >= now.mono && lease.until > lease.from && lease.count >= 1);
                sent.extend(arrivals(lease, turn));
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
        match book.lease(Ask { count: 1, cost: 1, delay: Duration::ZERO }, now) {
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
