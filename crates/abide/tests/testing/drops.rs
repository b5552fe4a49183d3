//! Futures that are dropped at any moment leave nothing behind but what was sent.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use abide::abide_core::Decision;
use abide::abide_core::decision::Reason;
use abide::testing::{Mock, Reply};
use abide::{Client, Response};
use proptest::prelude::*;

const CALLS: usize = 40;
/// More than all attempts of all calls can be.
const LIMIT: usize = 160;
const PLACES: u32 = 4;

/// What is done next to one of the calls.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Whatever can run does, up to so many times round.
    Run(u8),
    /// Time passes.
    Pass(u16),
    Drop(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..4_u8).prop_map(Step::Run),
        2 => (0..2_000_u16).prop_map(Step::Pass),
        3 => (0..CALLS).prop_map(Step::Drop),
    ];
    proptest::collection::vec(step, 40..160)
}

type Call = Pin<Box<dyn Future<Output = abide::Result<Response>>>>;

/// What an API answers that is in trouble.
fn trouble(number: usize) -> Reply {
    let reply = match number * 2_654_435_761 % 10 {
        0 => Reply::from(500),
        1 => Reply::reset(),
        2 => Reply::from(429).retry_after(1),
        3 => Reply::silence(),
        _ => Reply::text("body"),
    };
    reply.after(Duration::from_millis((number * 37 % 400) as u64))
}

async fn story(steps: Vec<Step>, seed: usize) -> usize {
    let is_well = Arc::new(AtomicBool::new(false));
    let mock = Mock::serve({
        let is_well = Arc::clone(&is_well);
        move |request| {
            if is_well.load(Ordering::Relaxed) {
                return Reply::text("body").after(Duration::from_secs(1));
            }
            trouble(request.number + seed)
        }
    });
    let limit = format!("{LIMIT}/day").parse().unwrap();
    let client = Client::builder("https://api.test").mock(&mock).limit(limit).concurrency(PLACES).build().unwrap();
    let mut calls: Vec<Option<Call>> =
        (0..CALLS).map(|i| Some(Box::pin(client.get(format!("/{i}")).send()) as Call)).collect();
    let mut held: Vec<Option<Response>> = (0..CALLS).map(|_| None).collect();
    for step in steps {
        match step {
            Step::Run(times) => {
                for _ in 0..times {
                    run(&mut calls, &mut held).await;
                }
            }
            Step::Pass(millis) => mock.clock().advance(Duration::from_millis(millis.into())),
            Step::Drop(i) => {
                calls[i] = None;
                held[i] = None;
            }
        }
    }
    drop((calls, held));

    is_well.store(true, Ordering::Relaxed);
    let spent = mock.requests().len();
    assert!(client.waiting().is_empty());
    assert!(client.stats().calls as usize <= CALLS);
    // All places are free: as many calls as there are wait for none.
    let known = mock.story().decisions().len();
    let more: Vec<_> = (0..PLACES).map(|i| tokio::spawn(client.get(format!("/more/{i}")).send())).collect();
    for call in more {
        bounded(call, &mock).await.unwrap().unwrap();
    }
    let waits = mock.story().decisions().split_off(known);
    let waits_for_place = |decision: &Decision| match decision {
        Decision::Wait { why, .. } => matches!(why.reason, Reason::Concurrency(_)),
        _ => false,
    };
    assert!(!waits.iter().any(|decided| waits_for_place(&decided.decision)), "{}", mock.story());
    // Of the limit, what was sent is spent and nothing else.
    let mut left = 0;
    while bounded(client.get("/last").max_wait(Duration::from_secs(60)).send(), &mock).await.is_ok() {
        left += 1;
    }
    assert_eq!(spent + PLACES as usize + left, LIMIT, "{}", mock.story());
    CALLS
}

/// What has to end by itself: what leaks a place or a permit would be waited for without end.
async fn bounded<T>(future: impl Future<Output = T>, mock: &Mock) -> T {
    let mut future = std::pin::pin!(future);
    for _ in 0..10_000 {
        if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            return output;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never ends; what was decided:\n{}", mock.story());
}

/// Polls every call once, and lets the tasks of the runtime go on.
async fn run(calls: &mut [Option<Call>], held: &mut [Option<Response>]) {
    poll_fn(|cx| {
        for (call, held) in calls.iter_mut().zip(held.iter_mut()) {
            if let Some(future) = call
                && let Poll::Ready(result) = future.as_mut().poll(cx)
            {
                *call = None;
                *held = result.ok();
            }
        }
        Poll::Ready(())
    })
    .await;
    tokio::task::yield_now().await;
}

#[test]
fn ten_thousand_drops_leave_no_trace() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    let config =
        ProptestConfig { cases: 250, max_shrink_iters: 10, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps(), seed in 0..1_000_usize)| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        DROPS.fetch_add(runtime.block_on(story(steps, seed)), Ordering::Relaxed);
    });
    assert_eq!(DROPS.load(Ordering::Relaxed), 10_000);
}
