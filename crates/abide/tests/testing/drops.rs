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
use abide::{Client, ClientBuilder};
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

type Call = Pin<Box<dyn Future<Output = abide::Result<Held>> + Send>>;

/// An answer whose body nobody reads.
type Held = Box<dyn Send>;

/// What calls are made with.
enum Shape {
    Client(Client),
    #[cfg(feature = "tower")]
    Layer(abide::tower::Layer, abide::tower::Service<Mock>),
}

impl Shape {
    fn client(mock: &Mock) -> Self {
        Self::Client(rules(Client::builder("https://api.test"), mock).build().unwrap())
    }

    #[cfg(feature = "tower")]
    fn layer(mock: &Mock) -> Self {
        let layer = rules(abide::tower::Layer::builder("https://api.test"), mock).build().unwrap();
        let service = tower_layer::Layer::layer(&layer, mock.clone());
        Self::Layer(layer, service)
    }

    fn call(&self, path: &str) -> Call {
        match self {
            Self::Client(client) => {
                let request = client.get(path);
                Box::pin(async move { Ok(Box::new(request.send().await?) as Held) })
            }
            #[cfg(feature = "tower")]
            Self::Layer(_, service) => {
                let request = http::Request::get(path).body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
                // The mock is always ready.
                let call = tower_service::Service::call(&mut service.clone(), request);
                Box::pin(async move { Ok(Box::new(call.await?) as Held) })
            }
        }
    }

    fn is_waited_for(&self) -> bool {
        match self {
            Self::Client(client) => !client.waiting().is_empty(),
            #[cfg(feature = "tower")]
            Self::Layer(layer, _) => !layer.waiting().is_empty(),
        }
    }

    fn calls(&self) -> usize {
        let stats = match self {
            Self::Client(client) => client.stats(),
            #[cfg(feature = "tower")]
            Self::Layer(layer, _) => layer.stats(),
        };
        usize::try_from(stats.calls).unwrap()
    }
}

fn rules<C>(builder: ClientBuilder<C>, mock: &Mock) -> ClientBuilder<C> {
    builder.mock(mock).limit(format!("{LIMIT}/day").parse().unwrap()).concurrency(PLACES)
}

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

async fn story(steps: Vec<Step>, seed: usize, shape: fn(&Mock) -> Shape) -> usize {
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
    let shape = shape(&mock);
    let mut calls: Vec<Option<Call>> = (0..CALLS).map(|i| Some(shape.call(&format!("/{i}")))).collect();
    let mut held: Vec<Option<Held>> = (0..CALLS).map(|_| None).collect();
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
    assert!(!shape.is_waited_for());
    assert!(shape.calls() <= CALLS);
    // All places are free: as many calls as there are wait for none.
    let known = mock.story().decisions().len();
    let more: Vec<_> = (0..PLACES).map(|i| tokio::spawn(shape.call(&format!("/more/{i}")))).collect();
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
    while bounded(shape.call("/last"), &mock).await.is_ok() {
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
async fn run(calls: &mut [Option<Call>], held: &mut [Option<Held>]) {
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

fn drop_ten_thousand(shape: fn(&Mock) -> Shape) {
    let drops = AtomicUsize::new(0);
    let config =
        ProptestConfig { cases: 250, max_shrink_iters: 10, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps(), seed in 0..1_000_usize)| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        drops.fetch_add(runtime.block_on(story(steps, seed, shape)), Ordering::Relaxed);
    });
    assert_eq!(drops.load(Ordering::Relaxed), 10_000);
}

#[test]
fn ten_thousand_drops_leave_no_trace() {
    drop_ten_thousand(Shape::client);
}

#[cfg(feature = "tower")]
#[test]
fn ten_thousand_drops_of_a_layers_calls_leave_no_trace() {
    drop_ten_thousand(Shape::layer);
}
