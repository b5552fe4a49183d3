//! Operations that fail as a test wants, on a clock that is paused: no test sleeps.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::{StopSignal, any_error, error, exponential, fixed, value};
use super::*;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// An error that may ask for a wait.
#[derive(Debug, PartialEq)]
struct Busy(Option<Duration>);

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("busy")
    }
}

impl std::error::Error for Busy {}

/// Fails so often, then gives the number of the call. Clones count together.
#[derive(Clone, Default)]
struct Flaky {
    fails: u32,
    calls: Arc<AtomicU32>,
}

impl Flaky {
    fn new(fails: u32) -> Self {
        Self { fails, ..Self::default() }
    }

    fn call(&self) -> Result<u32, Busy> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if call > self.fails { Ok(call) } else { Err(Busy(None)) }
    }
}

#[cfg(feature = "tokio")]
mod on_a_paused_clock {
    use std::future::ready;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_follow_the_backoff_until_one_succeeds() {
        let flaky = Flaky::new(3);
        let start = Instant::now();
        let value = Retry::new().backoff(exponential(secs(1))).run(async || flaky.call()).await;
        assert_eq!(value.ok(), Some(4));
        assert_eq!(start.elapsed(), secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn the_error_has_the_history() {
        let retry = Retry::new().attempts(3).backoff(exponential(secs(1))).named("fetch");
        let slow = || async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Err::<(), _>(Busy(None))
        };
        let error = retry.run(slow).await.unwrap_err();
        assert_eq!((error.attempts(), error.waited(), error.waits()), (3, secs(3), &[secs(1), secs(2)][..]));
        assert_eq!(error.elapsed(), Duration::from_millis(4_500));
        assert_eq!(error.to_string(), "fetch: gave up after 3 attempts in 4.5s, for 3 attempts are allowed: busy");
        assert_eq!(error.into_inner(), Err(Busy(None)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_is_the_one_that_the_error_asks_for() {
        let start = Instant::now();
        let retry = Retry::new().backoff(fixed(secs(1)).max(secs(1))).wait_from(|busy: &Busy| busy.0);
        let value = retry
            .run_with(async |attempt| match attempt.number {
                1 => Err(Busy(Some(secs(60)))),
                2 => Err(Busy(None)),
                _ => Ok(start.elapsed()),
            })
            .await;
        assert_eq!(value.ok(), Some(secs(61)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_passes_a_bound_is_not_begun() {
        let start = Instant::now();
        let told = |wait| move || ready(Err::<(), _>(Busy(Some(wait))));
        let retry = Retry::new().wait_from(|busy: &Busy| busy.0);
        let error = retry.run(told(secs(61))).await.unwrap_err();
        assert_eq!((error.attempts(), error.retry_after(), error.waited()), (1, Some(secs(61)), secs(0)));
        assert_eq!(
            error.to_string(),
            "gave up after 1 attempt in 0ms, for a wait of 1m01s is asked for, and 1m00s is the longest allowed: busy"
        );
        let error = retry.clone().max_wait(secs(3_600)).stop_before(secs(30)).run(told(secs(30))).await.unwrap_err();
        assert_eq!((error.attempts(), error.waited()), (1, secs(0)));
        assert_eq!(start.elapsed(), secs(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_ends_the_wait() {
        let signal = StopSignal::new();
        let start = Instant::now();
        let stop = signal.clone();
        tokio::spawn(async move {
            tokio::time::sleep(secs(7)).await;
            stop.stop();
        });
        let retry = Retry::new().forever().backoff(fixed(secs(5))).stop_on(&signal);
        let error = retry.run(async || Err::<(), _>(Busy(None))).await.unwrap_err();
        assert_eq!((error.attempts(), error.ending(), start.elapsed()), (2, Ending::Stopped, secs(7)));
        let error = retry.run(async || Err::<(), _>(Busy(None))).await.unwrap_err();
        assert_eq!((error.attempts(), start.elapsed()), (1, secs(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_it_in_a_wait_ends_it() {
        let flaky = Flaky::new(u32::MAX);
        let retry = Retry::new().forever().backoff(fixed(secs(10)));
        let outcome = tokio::time::timeout(secs(25), retry.run(async || flaky.call())).await;
        assert!(outcome.is_err());
        tokio::time::sleep(secs(100)).await;
        assert_eq!(flaky.calls.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_spawned_and_borrow_what_it_is_given() {
        let flaky = Flaky::new(2);
        let task = tokio::spawn(async move {
            let retry = Retry::new().when(|_: &Busy| true).on_wait(|_| {});
            let outcome = retry
                .run(|| async {
                    tokio::task::yield_now().await;
                    flaky.call()
                })
                .await;
            outcome.ok()
        });
        assert_eq!(task.await.unwrap(), Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_of_ones_own_may_change_what_it_borrows() {
        let task = tokio::spawn(async {
            let (mut seen, flaky, retry) = (Vec::new(), Flaky::new(2), Retry::new());
            let mut course = retry.course();
            loop {
                seen.push(course.attempt().number);
                let outcome = async {
                    seen.push(0);
                    flaky.call()
                };
                if let ControlFlow::Break(result) = course.settle(outcome.await).await {
                    return (result.ok(), seen);
                }
            }
        });
        assert_eq!(task.await.unwrap(), (Some(3), vec![1, 0, 2, 0, 3, 0]));
    }

    #[tokio::test(start_paused = true)]
    async fn who_watches_hears_of_every_step_in_order() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let note = |said: &Arc<Mutex<Vec<String>>>| {
            let said = Arc::clone(said);
            move |what: &dyn fmt::Display| said.lock().unwrap().push(what.to_string())
        };
        let (before, after, wait, end) = (note(&said), note(&said), note(&said), note(&said));
        let retry = Retry::new()
            .named("job")
            .attempts(2)
            .backoff(fixed(secs(0)))
            .before(move |attempt| before(&format!("{} begins", attempt.number)))
            .after(move |tried| after(tried))
            .on_wait(move |w| wait(w))
            .on_give_up(move |g| end(g));
        assert!(retry.run(|| ready(Flaky::new(9).call())).await.is_err());
        assert_eq!(
            *said.lock().unwrap(),
            [
                "1 begins",
                "attempt 1 failed: busy",
                "job: attempt 1 failed: busy; again in 0ms",
                "2 begins",
                "attempt 2 failed: busy",
                "job: gave up after 2 attempts in 0ms, for 2 attempts are allowed: busy",
            ]
        );
        said.lock().unwrap().clear();
        assert!(retry.run(|| ready(Flaky::new(0).call())).await.is_ok());
        assert_eq!(*said.lock().unwrap(), ["1 begins", "attempt 1 succeeded"]);
    }
}

#[test]
fn a_first_success_makes_one_attempt() {
    let flaky = Flaky::new(0);
    assert_eq!(Retry::new().run_blocking(|| flaky.call()).ok(), Some(1));
    assert_eq!(flaky.calls.load(Ordering::Relaxed), 1);
}

#[test]
fn six_attempts_are_made_where_no_bound_is_stated_and_any_bound_takes_their_place() {
    let quick = || Retry::new().backoff(fixed(secs(0))).on_wait(|_| {});
    assert_eq!(quick().run_blocking(|| Flaky::new(9).call()).unwrap_err().attempts(), 6);
    assert_eq!(quick().attempts(8).run_blocking(|| Flaky::new(9).call()).unwrap_err().attempts(), 8);
    assert_eq!(quick().attempts(8).attempts(2).run_blocking(|| Flaky::new(9).call()).unwrap_err().attempts(), 2);
    let flaky = Flaky::new(50);
    assert_eq!(quick().forever().run_blocking(|| flaky.call()).ok(), Some(51));
}

#[test]
fn what_is_not_tried_again_comes_out_at_once() {
    let error = Retry::new().when(|busy: &Busy| busy.0.is_some()).run_blocking(|| Flaky::new(9).call()).unwrap_err();
    assert_eq!((error.attempts(), error.ending(), error.to_string()), (1, Ending::Final, "busy".to_owned()));
}

#[test]
fn a_result_that_is_not_the_one_waited_for_is_tried_again() {
    let retry = Retry::new().attempts(3).backoff(fixed(secs(0))).when(value(|n: &u32| *n < 3) | any_error());
    let flaky = Flaky::new(0);
    assert_eq!(retry.run_blocking(|| flaky.call()).ok(), Some(3));
    let error = retry.run_blocking(|| Ok::<u32, Infallible>(2)).unwrap_err();
    assert_eq!((error.attempts(), error.value(), error.error()), (3, Some(&2), None));
    assert!(error.to_string().ends_with("the result is not the one that is waited for"), "{error}");
    assert_eq!(error.into_inner(), Ok(2));
}

#[test]
fn the_last_attempt_is_known_to_be() {
    let retry = Retry::new().attempts(3).backoff(fixed(secs(0))).when(error(|_: &&str| true));
    let mut last = Vec::new();
    let outcome = retry.run_blocking_with(|attempt| {
        last.push(attempt.is_last);
        Err::<(), _>("no")
    });
    assert!(outcome.is_err());
    assert_eq!(last, [false, false, true]);
}

#[test]
fn a_signal_ends_a_thread_that_waits() {
    let signal = StopSignal::new();
    let retry = Retry::new().forever().backoff(fixed(secs(3_600))).stop_on(&signal);
    let waits = signal.clone();
    let error = retry.on_wait(move |_| waits.stop()).run_blocking(|| Flaky::new(9).call()).unwrap_err();
    assert_eq!((error.attempts(), error.ending()), (1, Ending::Stopped));
}

#[test]
fn the_same_seed_waits_the_same() {
    let waits = |seed| {
        let retry = Retry::new().attempts(4).backoff(exponential(Duration::from_nanos(1_000)).full_jitter()).seed(seed);
        retry.run_blocking(|| Flaky::new(9).call()).unwrap_err().waits().to_vec()
    };
    assert_eq!(waits(1), waits(1));
    assert_ne!(waits(1), waits(2));
}

#[test]
fn a_history_keeps_the_last_waits_alone() {
    let retry = Retry::new().attempts(100).backoff(exponential(Duration::ZERO)).on_wait(|_| {});
    let error = retry.run_blocking(|| Flaky::new(u32::MAX).call()).unwrap_err();
    assert_eq!((error.attempts(), error.waits().len()), (100, KEPT_WAITS));
}

#[test]
fn a_wait_is_logged() {
    let log = Log::default();
    let lines = Arc::clone(&log.0);
    tracing::subscriber::with_default(log, || {
        let retry = Retry::new().named("job").attempts(2).backoff(fixed(secs(0)));
        assert!(retry.run_blocking(|| Flaky::new(9).call()).is_err());
    });
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("WARN") && lines[0].contains("operation=\"job\"") && lines[0].contains("cause=busy"));
    assert!(lines[1].starts_with("DEBUG") && lines[1].contains("gave up after 2 attempts"));
}

/// Writes down events.
#[derive(Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Fields(String);
        impl tracing::field::Visit for Fields {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
                self.0.push_str(&format!(" {field}={value:?}"));
            }
        }
        let mut fields = Fields(event.metadata().level().to_string());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
