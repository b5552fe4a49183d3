//! Throttles and retries on a virtual clock, in tasks and in threads, alone and beside a client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use abide::retry::{Retry, StopSignal, fixed};
use abide::testing::{Mock, VirtualClock};
use abide::{Client, Throttle};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[tokio::test]
async fn waiters_of_a_throttle_pass_at_its_rate_and_in_order() {
    let clock = VirtualClock::new();
    clock.advance(secs(7));
    let throttle = Throttle::on_clock("2/min".parse().unwrap(), &clock);
    let passed = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..5)
        .map(|i| {
            let (throttle, clock, passed) = (throttle.clone(), clock.clone(), Arc::clone(&passed));
            tokio::spawn(async move {
                let _permit = throttle.acquire().await;
                passed.lock().unwrap().push((i, clock.elapsed().as_secs()));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*passed.lock().unwrap(), [(0, 7), (1, 7), (2, 67), (3, 67), (4, 127)]);
}

#[test]
fn threads_share_the_limit_of_a_throttle_too() {
    let clock = VirtualClock::new();
    let throttle = Throttle::on_clock("1/h".parse().unwrap(), &clock);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| drop(throttle.acquire_blocking()));
        }
    });
    assert_eq!(clock.elapsed(), secs(3 * 3_600));
}

#[test]
fn windows_on_the_wall_clock_go_by_that_of_the_test() {
    let clock = VirtualClock::new();
    let throttle = Throttle::on_clock("1/day at 06:00 UTC".parse().unwrap(), &clock);
    let passed: Vec<u64> = (0..3)
        .map(|_| {
            drop(throttle.acquire_blocking());
            clock.elapsed().as_secs() / 3_600
        })
        .collect();
    assert_eq!(passed, [0, 6, 30]);
}

#[tokio::test]
async fn a_retry_waits_on_the_clock_of_the_mock_beside_it() {
    let api = Mock::script([500, 500, 200]);
    let client = Client::builder("https://api.test").retries(0).mock(&api).build().unwrap();
    let retry = Retry::new().backoff(fixed(secs(3_600))).on_clock(api.clock());
    let status = retry.run(async || client.get("/").send().await?.error_for_status().map(|r| r.status())).await;
    assert_eq!((status.unwrap(), api.clock().elapsed()), (http::StatusCode::OK, secs(7_200)));
}

#[tokio::test]
async fn a_signal_ends_a_wait_before_its_time() {
    let (clock, signal) = (VirtualClock::new(), StopSignal::new());
    let retry = Retry::new().forever().backoff(fixed(secs(3_600))).stop_on(&signal).on_clock(&clock);
    let other = Retry::new().attempts(2).backoff(fixed(secs(60))).on_clock(&clock);
    let fails = async || Err::<(), _>("no");
    let (stopped, _) = tokio::join!(retry.run(fails), async {
        let _ = other.run(fails).await;
        signal.stop();
    });
    assert_eq!((stopped.unwrap_err().attempts(), clock.elapsed()), (1, secs(60)));
}

#[test]
fn bounds_on_time_are_measured_from_the_beginning_of_the_run() {
    let clock = VirtualClock::new();
    clock.advance(secs(1_000_000));
    let retry = Retry::new().stop_before(secs(100)).backoff(fixed(secs(30))).on_clock(&clock);
    let error = retry.run_blocking(|| Err::<(), _>("no")).unwrap_err();
    assert_eq!((error.attempts(), error.elapsed()), (4, secs(90)));
}
