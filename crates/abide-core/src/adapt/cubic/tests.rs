//! What the test suites of the AWS SDKs expect of their rate control.

use serde_json::Value;

use super::*;

/// Runs a check over every case of a family.
fn each(family: &str, check: impl Fn(&str, &Value, &Value)) {
    let cases: Vec<Value> =
        include_str!("vectors.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let cases: Vec<_> = cases.iter().filter(|case| case["family"] == family).collect();
    assert!(cases.len() >= 3, "{family}");
    for case in cases {
        check(case["id"].as_str().unwrap(), &case["input"], &case["expect"]);
    }
}

fn close(id: &str, got: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{id}: {got} is not {expected}");
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
}

/// The events of a case: when, and whether throttled.
fn events(input: &Value) -> Vec<(f64, bool)> {
    let events = input["events"].as_array().unwrap();
    events.iter().map(|event| (event["t_s"].as_f64().unwrap(), event["throttled"].as_bool().unwrap())).collect()
}

#[test]
fn cubic_gives_the_rates_of_the_sdks() {
    each("adaptive-cubic", |id, input, expect| {
        let mut cubic = Cubic {
            last_max: input["last_max_rate"].as_f64().unwrap_or(0.0),
            last_throttle: input["last_throttle_s"].as_f64().unwrap_or(0.0),
        };
        if let Some(rate) = input["rate_at_throttle"].as_f64() {
            close(id, cubic.on_throttle(rate, 1.0), &expect["new_rate"]);
        } else if input["events"].is_array() {
            let rates = expect["rates"].as_array().unwrap();
            for ((at, throttled), expected) in events(input).into_iter().zip(rates) {
                assert!(!throttled, "{id}");
                close(id, cubic.on_success(at), expected);
            }
        } else {
            close(id, cubic.zero_point(), &expect["k_s"]);
        }
    });
}

#[test]
fn the_limiter_gives_the_rates_of_the_sdks() {
    each("adaptive-rate", |id, input, expect| {
        if let Some(measured) = input["measured_rate"].as_f64() {
            close(id, capped(input["wanted_rate"].as_f64().unwrap(), measured), &expect["fill_rate"]);
            return;
        }
        let mut limiter = RateLimiter::new(0.0);
        for (i, (at, throttled)) in events(input).into_iter().enumerate() {
            limiter.on_answer(throttled, at);
            if let Some(measured) = expect["measured_rates"].get(i) {
                close(id, limiter.clock.rate, measured);
                close(id, limiter.bucket.rate, &expect["fill_rates"][i]);
            }
        }
        if let Some(at) = input["acquire_at_s"].as_f64() {
            assert_eq!(limiter.acquire(at).is_ok(), expect["granted"].as_bool().unwrap(), "{id}");
            close(id, limiter.bucket.level, &expect["capacity"]);
        }
    });
}

#[test]
fn the_clock_measures_the_rates_of_the_sdks() {
    each("rate-clock", |id, input, expect| {
        let mut clock = RateClock::new(input["start_s"].as_f64().unwrap());
        for at in numbers(&input["records_at_s"]) {
            clock.record(at);
        }
        if let Some(rate) = expect["rate"].as_f64() {
            let tolerance = expect["tolerance"].as_f64().unwrap_or(1e-9);
            assert!((clock.rate - rate).abs() <= tolerance, "{id}: {} is not {rate}", clock.rate);
        } else {
            let (least, most) = (expect["min"].as_f64().unwrap(), expect["max"].as_f64().unwrap());
            assert!((least..=most).contains(&clock.rate), "{id}: {}", clock.rate);
        }
    });
}

#[test]
fn the_bucket_grants_what_the_sdks_grant() {
    each("token-bucket", |id, input, expect| {
        let number = |name: &str| input[name].as_f64().unwrap();
        let mut bucket = TokenBucket::new(number("rate"), number("min_rate"), number("start_s"));
        let results = expect["results"].as_array().unwrap();
        let steps = input["steps"].as_array().unwrap();
        assert_eq!(steps.len(), results.len(), "{id}");
        for (step, expected) in steps.iter().zip(results) {
            let at = step["t_s"].as_f64().unwrap();
            if let Some(rate) = step["set_rate"].as_f64() {
                bucket.set_rate(rate, at);
                close(id, bucket.rate, &expected["rate"]);
                close(id, bucket.capacity, &expected["capacity"]);
                continue;
            }
            let granted = bucket.acquire(step["acquire"].as_f64().unwrap(), at);
            assert_eq!(granted.is_ok(), expected["ok"].as_bool().unwrap(), "{id} at {at}");
            if !expected["left"].is_null() {
                close(id, bucket.level, &expected["left"]);
            }
            if !expected["wait_s"].is_null() {
                close(id, granted.unwrap_err(), &expected["wait_s"]);
            }
        }
    });
}
