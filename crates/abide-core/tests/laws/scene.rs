//! Stories at random: what proptest draws, and shrinks to the few lines that matter.

use std::num::NonZeroU32;

use abide_core::call::{Patience, Safety};
use abide_core::policy::{LimitRule, LimitSpecs, Policy};
use proptest::option;
use proptest::prelude::*;

use crate::rules::{Limit, MS, Rule, SEC};
use crate::stage::{Caller, Story, millis};
use crate::world::{Saying, Server, Trouble, Way};

/// A limit as a user tells it, and as the server keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) told: &'static str,
    pub(crate) kept: Limit,
}

pub(crate) fn tell(policy: &mut Policy, limit: &str) {
    let specs: LimitSpecs = limit.parse().expect("the test's limits can be read");
    policy.limits.extend(specs.0.into_iter().map(|spec| LimitRule { host: None, spec }));
}

/// Limits that are told as they are. A place in a bucket is not sure with jitter, so those are not here.
pub(crate) fn told_limit() -> impl Strategy<Value = Pair> {
    prop_oneof![
        Just(Pair { told: "3/100ms", kept: Rule::sliding(3, 100 * MS).into() }),
        Just(Pair { told: "5/1s", kept: Rule::fixed(5, SEC).into() }),
        Just(Pair { told: "5/1s", kept: Rule::clock(5, SEC).into() }),
        Just(Pair { told: "4/300ms fixed", kept: Rule::fixed(4, 300 * MS).into() }),
        Just(Pair { told: "1/s fixed", kept: Rule::fixed(1, SEC).into() }),
        Just(Pair { told: "4/s fixed-clock", kept: Rule::clock(4, SEC).into() }),
        Just(Pair { told: "2/200ms fixed-clock", kept: Rule::clock(2, 200 * MS).into() }),
        Just(Pair { told: "10/s by cost", kept: Limit::by_cost(Rule::sliding(10, SEC)) }),
        Just(Pair { told: "12/s by cost", kept: Limit::by_cost(Rule::fixed(12, SEC)) }),
    ]
}

pub(crate) fn trouble(most: u16) -> impl Strategy<Value = Trouble> {
    let share = move || prop_oneof![2 => Just(0), 1 => 0..most];
    (share(), share(), share(), share(), share(), share(), share(), share(), share()).prop_map(
        |(refuse, bare_503, fault, missing, redirect, reset, unsent, stall, late)| Trouble {
            refuse,
            bare_503,
            fault,
            missing,
            redirect,
            reset,
            unsent,
            stall,
            late,
        },
    )
}

pub(crate) fn way() -> impl Strategy<Value = Way> {
    (prop_oneof![Just(0_u64), 0..40_u64, 0..400_u64], prop_oneof![Just(0_u64), 0..60_u64])
        .prop_map(|(least, jitter)| Way::millis(least, jitter))
}

pub(crate) fn saying() -> impl Strategy<Value = Saying> {
    prop_oneof![
        3 => Just(Saying::Nothing),
        3 => Just(Saying::True),
        1 => prop_oneof![Just("0"), Just("-3"), Just("abc"), Just(""), Just("Mon, 03 Jun 2019 10:59:55 GMT")]
            .prop_map(Saying::Text),
        2 => prop_oneof![Just("1"), Just("2"), Just("7")].prop_map(Saying::Text),
        1 => prop_oneof![Just("90"), Just("40000000"), Just("9999999999")].prop_map(Saying::Text),
    ]
}

fn patience() -> impl Strategy<Value = Option<Patience>> {
    prop_oneof![
        4 => Just(None),
        1 => Just(Some(Patience::Endless)),
        2 => (0..20_000_u64).prop_map(|wait| Some(Patience::Within(millis(wait)))),
        1 => Just(Some(Patience::Within(millis(0)))),
    ]
}

/// A caller of a world of so many servers.
pub(crate) fn caller(servers: usize) -> impl Strategy<Value = Caller> {
    let safety = prop_oneof![6 => Just(Safety::Idempotent), 2 => Just(Safety::Unsafe), 1 => Just(Safety::Once)];
    let cost = prop_oneof![4 => Just(1_u32), 2 => 0..10_u32];
    let priority = prop_oneof![3 => Just(0_i8), 1 => -1..2_i8];
    let leaves = prop_oneof![3 => Just(None), 1 => (0..3_000_u64).prop_map(Some)];
    let begins = prop_oneof![2 => Just((0_u64, true)), 2 => Just((0, false)), 1 => (0..120_u64, Just(false))];
    let asks = (0..3_000_u64, 0..servers, safety, cost, priority);
    let bounds = (option::weighted(0.2, 0..30_000_u64), patience(), any::<bool>());
    let body = prop_oneof![Just(0_u64), 0..500_u64];
    let behaves = (leaves, begins, body, proptest::bool::weighted(0.1), any::<bool>());
    (asks, bounds, behaves).prop_map(
        |(
            (at, server, safety, cost, priority),
            (deadline, max_wait, listens),
            (leaves, (sluggish, at_hand), body, breaks, reads),
        )| {
            Caller {
                at: at * MS,
                server,
                safety,
                reads,
                cost,
                priority,
                deadline: deadline.map(|deadline| deadline * MS),
                max_wait,
                listens,
                leaves: leaves.map(|leaves| leaves * MS),
                sluggish: sluggish * MS,
                at_hand,
                body: body * MS,
                breaks,
            }
        },
    )
}

/// A caller who wants the answer, however long it takes, and does nothing else.
pub(crate) fn patient_caller() -> impl Strategy<Value = Caller> {
    (0..2_000_u64).prop_map(|at| Caller { at: at * MS, max_wait: Some(Patience::Endless), ..Caller::default() })
}

/// A server in trouble, without a limit.
pub(crate) fn troubled(trouble: Trouble) -> Server {
    Server { trouble, ..Server::new(Vec::<Limit>::new()) }
}

/// Any story: limits told and untold, true and not, servers in trouble, callers of every kind, a clock that jumps.
pub(crate) fn story() -> impl Strategy<Value = Story> {
    let server = (prop::collection::vec(told_limit(), 0..3), saying(), any::<bool>(), trouble(150), 0..100_u64)
        .prop_map(|(limits, saying, quotas, trouble, service)| Server {
            saying,
            quotas,
            trouble,
            calm_at: 120 * SEC,
            service: service * MS,
            ..Server::new(limits.into_iter().map(|pair| pair.kept))
        });
    let told = prop::collection::vec(
        prop_oneof![
            told_limit().prop_map(|pair| pair.told),
            Just("20/s burst 3"),
            Just("even 10/s"),
            Just("concurrency 2")
        ],
        0..3,
    );
    let jumps = prop::collection::vec((0..5_000_u64, -5_000_000..5_000_000_i64), 0..2);
    (
        (server, told, 1..9_u32, 0..6_u32, any::<bool>()),
        (prop::collection::vec(caller(2), 1..10), way(), prop_oneof![Just(30_u64), 1..10_u64], jumps, any::<u64>()),
    )
        .prop_map(|((server, told, concurrency, retries, hedge), (callers, way, timeout, jumps, seed))| {
            let mut policy = Policy { retries, hedge, ..Policy::default() };
            policy.concurrency = NonZeroU32::new(concurrency).unwrap_or(NonZeroU32::MIN);
            told.into_iter().for_each(|limit| tell(&mut policy, limit));
            Story {
                policy,
                servers: vec![server, Server::new(Vec::<Limit>::new())],
                callers,
                way,
                timeout: timeout * SEC,
                jumps: jumps.into_iter().map(|(at, by)| (at * MS, by * 1_000_000)).collect(),
                seed,
                departs: true,
                audited: true,
            }
        })
}
