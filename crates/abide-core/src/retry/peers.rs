//! What the tests of comparable libraries expect of retries, each said in our values; and where we decide otherwise.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::classify::Cause;
use super::*;
use crate::call::Safety;
use crate::event::Failure;
use crate::headers::{Reader, Response, Signal};
use crate::policy::Policy;
use crate::time::{Instant, Now, Wall};

const VECTORS: &str = include_str!("../../tests/data/peer-vectors.jsonl");

/// Cases in which we decide otherwise, and why.
const CHOICES: [(&str, &str); 5] = [
    // Two names for one setting: ours has one, so that there is no wrong pair to refuse.
    ("backoff-compose/initial-and-multiplier", "not expressible"),
    // The faults of a call are counted over all its hops: a redirect is no sign that the next answer will be better.
    ("retry-counters/backoff-after-redirect", "faults count on"),
    // A body that breaks off is asked for again where that is safe and nothing of it was handed over.
    ("retryable/reqwest-error-decode", "repeated"),
    // There is no such status, so that no answer can have it.
    ("retryable/go-0", "no status"),
    // Whoever cancels a call takes it from the engine; what a server cancels is a reset.
    ("retryable/go-context-cancelled", "cancelled by the caller"),
];

fn each(family: &str, least: usize, check: impl Fn(&str, &Value, &Value)) {
    let cases: Vec<Value> = VECTORS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let cases: Vec<&Value> = cases.iter().filter(|case| case["family"] == family).collect();
    assert!(cases.len() >= least, "{family}");
    for case in cases {
        let id = case["id"].as_str().unwrap();
        if !CHOICES.iter().any(|(choice, _)| *choice == id) {
            check(id, &case["input"], &case["expect"]);
        }
    }
}

fn secs(value: &Value) -> Option<Duration> {
    value.as_f64().map(Duration::from_secs_f64)
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

/// The peer's algorithm in our words.
fn backoff(input: &Value) -> Backoff {
    let time = |name: &str| secs(&input[name]);
    let curve = || exponential(time("initial_s").unwrap()).factor(input["factor"].as_f64().unwrap());
    let plain = match input["algorithm"].as_str().unwrap() {
        "fixed" => fixed(time("initial_s").unwrap()),
        "linear" => linear(time("initial_s").unwrap(), time("increment_s").unwrap()),
        "uniform" => return random(time("min_s").unwrap(), time("max_s").unwrap()),
        // A number between the two, times the attempt: a step for each attempt that there can be.
        "linear-jitter" => {
            let (least, most) = (time("min_s").unwrap(), time("max_s").unwrap());
            return chain((1..=20).map(|attempt| random(least * attempt, most * attempt)));
        }
        "exponential" => curve(),
        "full-jitter" => curve().full_jitter(),
        "exponential+uniform" => curve() + random(Duration::ZERO, time("jitter_s").unwrap()),
        // Nothing after the first failure.
        "urllib3" => chain([fixed(Duration::ZERO), exponential(time("factor_s").unwrap())]),
        "urllib3+uniform" => {
            let more = random(Duration::ZERO, time("jitter_s").unwrap());
            chain([fixed(Duration::ZERO), exponential(time("factor_s").unwrap()) + more])
        }
        other => panic!("{other} is not known"),
    };
    plain.min(time("min_s").unwrap_or_default()).max(time("max_s").unwrap_or(Duration::MAX))
}

#[test]
fn waits_grow_as_those_of_every_peer() {
    each("backoff", 51, |id, input, expect| {
        let wait = backoff(input).wait(number(&input["attempt"]), Duration::ZERO, 1);
        let off = wait.abs_diff(secs(&expect["delay_s"]).unwrap());
        assert!(off < Duration::from_micros(1), "{id}: {wait:?}");
    });
}

/// Draws many waits and compares their bounds, and their mean where it is told.
fn assert_drawn(id: &str, backoff: &Backoff, attempt: u32, expect: &Value) {
    let draws = 2_000_u32;
    let waits: Vec<Duration> = (0..draws).map(|seed| backoff.wait(attempt, Duration::ZERO, u64::from(seed))).collect();
    let (least, most) = (secs(&expect["min_s"]).unwrap(), secs(&expect["max_s"]).unwrap());
    let tick = Duration::from_micros(1);
    assert!(waits.iter().all(|wait| *wait + tick >= least && *wait <= most + tick), "{id}: {backoff:?}");
    // They are spread over all of it, and not in one place of it.
    let span = most - least;
    assert!(waits.iter().any(|wait| *wait <= least + span / 10), "{id}");
    assert!(waits.iter().any(|wait| *wait + span / 10 >= most), "{id}");
    if let (Some(mean), Some(tolerance)) = (secs(&expect["mean_s"]), secs(&expect["mean_tolerance_s"])) {
        let drawn = waits.iter().sum::<Duration>() / draws;
        assert!(drawn.abs_diff(mean) <= tolerance, "{id}: {drawn:?}");
    }
}

#[test]
fn jitter_spreads_as_that_of_every_peer() {
    each("backoff-jitter", 19, |id, input, expect| {
        assert_drawn(id, &backoff(input), number(&input["attempt"]), expect);
    });
}

#[test]
fn waits_are_put_together_as_by_every_peer() {
    fn part(strategy: &Value) -> Backoff {
        if let Some(wait) = secs(&strategy["fixed_s"]) {
            fixed(wait)
        } else if let Some([from, to]) = strategy["uniform_s"].as_array().map(Vec::as_slice) {
            random(secs(from).unwrap(), secs(to).unwrap())
        } else if let Some(parts) = strategy["sum"].as_array() {
            parts.iter().map(part).reduce(|sum, part| sum + part).unwrap()
        } else {
            chain(strategy["chain"].as_array().unwrap().iter().map(part))
        }
    }
    each("backoff-compose", 8, |id, input, expect| {
        assert_drawn(id, &part(&input["strategy"]), number(&input["attempt"]), expect);
    });
}

#[test]
fn tries_end_where_those_of_every_peer_do() {
    fn stop(condition: &Value) -> Stop {
        if let Some(any) = condition["any"].as_array() {
            any.iter().map(stop).reduce(|all, one| all | one).unwrap()
        } else if let Some(most) = condition["after_attempt"].as_u64() {
            attempts(u32::try_from(most).unwrap())
        } else if let Some(elapsed) = secs(&condition["after_delay_s"]) {
            after(elapsed)
        } else if let Some(elapsed) = secs(&condition["before_delay_s"]) {
            before(elapsed)
        } else {
            assert_eq!(condition["never"], true, "{condition}");
            never()
        }
    }
    each("stop", 13, |id, input, expect| {
        let (elapsed, wait) = (secs(&input["elapsed_s"]).unwrap(), secs(&input["upcoming_sleep_s"]).unwrap());
        let reached = stop(&input["condition"]).reached(number(&input["attempt"]), elapsed, wait);
        assert_eq!(reached.is_some(), expect["stop"], "{id}");
    });
}

#[test]
fn limits_by_kind_of_failure_end_the_tries_where_they_do_with_a_peer() {
    each("retry-counters", 11, |id, input, expect| {
        let limits = input["limits"].as_object().unwrap();
        let events: Vec<&str> =
            input["events"].as_array().unwrap().iter().map(|event| event.as_str().unwrap()).collect();
        // All failures of a case are of one kind: its own limit and the total hold together.
        assert!(events.windows(2).all(|two| two[0] == two[1]), "{id}");
        let stop = limits
            .iter()
            .filter(|(kind, most)| (*kind == "total" || *kind == events[0]) && !most.is_null())
            .map(|(_, most)| attempts(u32::try_from(most.as_i64().unwrap() + 1).unwrap()))
            .fold(never(), |all, one| all | one);
        let failed = |n: &usize| stop.reached(u32::try_from(*n).unwrap(), Duration::ZERO, Duration::ZERO).is_some();
        let exhausted = (1..=events.len()).find(failed);
        assert_eq!(exhausted.map(|n| n as u64), expect["exhausted_at"].as_u64(), "{id}");
    });
}

#[test]
fn tokens_are_taken_and_given_as_with_every_peer() {
    each("retry-budget", 12, |id, input, expect| {
        let capacity = number(&input["capacity"]);
        if input["empty"] == true {
            // Fractions: a thousand of ours are one of theirs.
            let tokens = Tokens { capacity: 1_000 * capacity, ..Tokens::default() };
            let mut budget = Budget::new(tokens);
            assert!(budget.take(tokens.capacity), "{id}");
            let mut give = |tokens: &Value| {
                budget.give((tokens.as_f64().unwrap() * 1e3).round() as u32);
                budget.left()
            };
            if let Some(rewards) = input["rewards"].as_array() {
                let left: Vec<u32> = rewards.iter().map(|reward| give(reward) / 1_000).collect();
                assert_eq!(serde_json::json!(left), expect["left_after"], "{id}");
            } else {
                let left = give(&input["fraction"]);
                assert_eq!(left / 1_000, number(&expect["whole_added"]), "{id}");
                assert_eq!(f64::from(left % 1_000) / 1e3, expect["fraction_left"].as_f64().unwrap(), "{id}");
            }
            return;
        }
        let mut budget = Budget::new(Tokens { capacity, ..Tokens::default() });
        let results: Vec<Value> = input["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| {
                let ok = match (step["take"].as_u64().or(step["cost"].as_u64()), step["give"].as_u64()) {
                    (Some(cost), _) => budget.take(u32::try_from(cost).unwrap()),
                    (None, given) => {
                        budget.give(u32::try_from(given.unwrap()).unwrap());
                        true
                    }
                };
                serde_json::json!({"ok": ok, "left": budget.left()})
            })
            .collect();
        assert_eq!(Value::from(results), expect["results"], "{id}");
    });
}

/// The statuses that a peer takes for faults, where they are more than ours.
fn faults(input: &Value) -> Vec<StatusCode> {
    let statuses = |range: std::ops::RangeInclusive<u16>| range.map(|n| StatusCode::from_u16(n).unwrap()).collect();
    match input["policy"].as_str().unwrap() {
        "reqwest-retry" => statuses(500..=599),
        "go-retryablehttp" => statuses(500..=999),
        "openai" => vec![StatusCode::from_u16(529).unwrap()],
        "urllib3" => match input["status_list"].as_str() {
            Some(list) => {
                let (first, last) = list.split_once('-').unwrap_or((list, list));
                statuses(first.parse().unwrap()..=last.parse().unwrap())
            }
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// What a peer's list of methods makes of a request.
fn safety(input: &Value) -> Safety {
    let method = input["method"].as_str().unwrap_or("GET").to_ascii_uppercase();
    match input["allowed_methods"].as_str() {
        Some("any") => Safety::Idempotent,
        Some(allowed) if allowed == method => Safety::Idempotent,
        Some(_) => Safety::Unsafe,
        None => Safety::of(&Method::from_bytes(method.as_bytes()).unwrap()),
    }
}

fn read(status: StatusCode, input: &Value) -> Signal {
    let mut headers = HeaderMap::new();
    if let Some(text) = input["x_should_retry"].as_str() {
        headers.insert("x-should-retry", HeaderValue::from_str(text).unwrap());
    }
    let now = Now { mono: Instant::ZERO, wall: Wall::from_secs(1_767_225_600) };
    let response = Response { host: "api.test", status, headers: &headers, body: Some(b""), sent: now, received: now };
    Reader::default().read(&response)
}

#[test]
fn what_every_peer_tries_again_can_be_tried_again() {
    each("retryable", 58, |id, input, expect| {
        let safety = safety(input);
        let policy = Policy { fault: faults(input), ..Policy::default() };
        let again = if let Some(error) = input["error"].as_str() {
            let failure = match error {
                "timeout" | "read-timeout" => Failure::Timeout,
                "canceled" | "connection-aborted" => Failure::Reset,
                "certificate" => Failure::Tls,
                "redirect" | "too-many-redirects" => Failure::Request,
                other => panic!("{id}: {other} is not known"),
            };
            let cause = if failure.precedes_sending() { Cause::Unsent } else { Cause::Fault };
            failure.is_transient() && may_repeat(policy.repeat, safety, cause)
        } else {
            let status = StatusCode::from_u16(u16::try_from(input["status"].as_u64().unwrap()).unwrap()).unwrap();
            let signal = read(status, input);
            signal.should_retry != Some(false)
                && match classify(&policy, status, &signal) {
                    Outcome::Accepted => false,
                    Outcome::Refused(_) => may_repeat(policy.repeat, safety, Cause::Refused(status)),
                    Outcome::Suspected | Outcome::Fault => may_repeat(policy.repeat, safety, Cause::Fault),
                }
        };
        assert_eq!(again, expect["retry"], "{id}");
    });
}

#[test]
fn every_choice_is_about_a_case() {
    for (id, _) in CHOICES {
        assert!(VECTORS.contains(&format!("\"{id}\"")), "{id}");
    }
}
