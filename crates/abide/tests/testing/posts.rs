//! What is not idempotent is done once: a server that counts shows it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use abide::Client;
use abide::testing::{Mock, Reply};
use proptest::prelude::*;

/// What can happen to a request.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Done,
    /// Done, and the answer is lost, broken off or a fault.
    DoneAndReset,
    DoneAndBrokenOff,
    DoneAnd(u16),
    /// Not done, and the server says so.
    Refused,
    Overloaded,
    NotSent,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        Just(Fate::Done),
        Just(Fate::DoneAndReset),
        Just(Fate::DoneAndBrokenOff),
        prop_oneof![Just(500), Just(502), Just(503), Just(504), Just(408)].prop_map(Fate::DoneAnd),
        Just(Fate::Refused),
        Just(Fate::Overloaded),
        Just(Fate::NotSent),
    ];
    proptest::collection::vec(fate, 1..12)
}

/// A server that does what it is asked, once for each key, and counts it.
fn server(fates: Vec<Fate>) -> (Mock, Arc<AtomicUsize>) {
    let done = Arc::new(AtomicUsize::new(0));
    let (counted, keys) = (Arc::clone(&done), Mutex::new(HashSet::new()));
    let mock = Mock::serve(move |request| {
        let fate = fates.get(request.number - 1).copied().unwrap_or(Fate::Done);
        let acts = !matches!(fate, Fate::Refused | Fate::Overloaded | Fate::NotSent);
        let is_new = request.header("idempotency-key").is_none_or(|key| keys.lock().unwrap().insert(key.to_owned()));
        if acts && is_new {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        match fate {
            Fate::Done => Reply::text("done"),
            Fate::DoneAndReset => Reply::reset(),
            Fate::DoneAndBrokenOff => Reply::text("do").breaks_off(),
            Fate::DoneAnd(status) => Reply::from(status),
            Fate::Refused => Reply::from(429).retry_after(1),
            Fate::Overloaded => Reply::from(503).retry_after(1),
            Fate::NotSent => Reply::refused_connection(),
        }
    });
    (mock, done)
}

/// How often the server acted on one POST, and how often it was asked to.
fn post(fates: Vec<Fate>, with_key: bool) -> (usize, usize) {
    let (mock, done) = server(fates.clone());
    let client = Client::builder("https://api.test").mock(&mock).retries(20);
    let client = if with_key { client.idempotency_keys() } else { client }.build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        if let Ok(response) = client.post("/orders").json(&["tea"]).send().await {
            let _ = response.text().await;
        }
    });
    let asked = mock.requests().iter().zip(&fates).filter(|(_, fate)| !matches!(fate, Fate::NotSent)).count();
    (done.load(Ordering::Relaxed), asked)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_post_is_done_once_at_most(fates in fates(), with_key: bool) {
        let (done, _) = post(fates, with_key);
        prop_assert!(done <= 1);
    }
}

#[test]
fn after_what_precedes_acting_a_post_is_sent_again() {
    for fates in [vec![Fate::Refused, Fate::NotSent, Fate::Overloaded, Fate::Done], vec![Fate::NotSent, Fate::Done]] {
        assert_eq!(post(fates, false).0, 1);
    }
}

#[test]
fn with_a_key_it_is_sent_again_after_anything() {
    let fates = vec![Fate::DoneAndReset, Fate::DoneAnd(500), Fate::DoneAndBrokenOff, Fate::Done];
    assert_eq!(post(fates.clone(), true), (1, 4));
    assert_eq!(post(fates, false), (1, 1));
}
