//! Waiters on a paused clock, and threads that wait for each other.

use std::sync::Arc;
use std::sync::Mutex;

use super::*;

fn throttle(text: &str) -> Throttle {
    Throttle::new(text.parse().unwrap())
}

#[cfg(feature = "tokio")]
mod on_a_paused_clock {
    use std::time::Duration;

    use tokio::time::{Instant, advance, sleep, timeout};

    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Starts so many tasks that acquire, in order; who passed, and when in ms.
    async fn crowd(throttle: &Throttle, n: u64) -> Vec<(u64, u128)> {
        let (start, passed) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
        let tasks: Vec<_> = (0..n)
            .map(|i| {
                let (throttle, passed) = (throttle.clone(), Arc::clone(&passed));
                tokio::spawn(async move {
                    let _permit = throttle.acquire().await;
                    passed.lock().unwrap().push((i, start.elapsed().as_millis()));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        passed.lock().unwrap().clone()
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_waiters_are_served_in_order_at_the_rate() {
        let throttle = throttle("20/s burst 9");
        let expected: Vec<_> = (0..100_u64).map(|i| (i, u128::from(i.saturating_sub(9)) * 50)).collect();
        assert_eq!(crowd(&throttle, 100).await, expected);
        assert_eq!(throttle.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn several_windows_hold_at_once() {
        let passed = crowd(&throttle("10/s + 15/10s"), 40).await;
        let at: Vec<u128> = passed.iter().map(|(_, at)| *at).collect();
        assert_eq!(at, [[0; 10].as_slice(), &[1_000; 5], &[10_000; 10], &[11_000; 5], &[20_000; 10]].concat());
    }

    #[tokio::test(start_paused = true)]
    async fn a_heavy_one_is_not_overtaken() {
        let throttle = throttle("10/s");
        let _first = throttle.acquire_n(6).await;
        let start = Instant::now();
        let heavy = async {
            let _permit = throttle.acquire_n(10).await;
            start.elapsed()
        };
        let light = async {
            let _permit = throttle.acquire().await;
            start.elapsed()
        };
        assert_eq!(tokio::join!(heavy, light), (millis(1_000), millis(2_000)));
        assert!(throttle.acquire_n(11).await.is_err() && throttle.try_acquire_n(11).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_waiter_leaves_no_trace() {
        let throttle = throttle("1/s");
        let start = Instant::now();
        let _first = throttle.acquire().await;
        let given_up = throttle.acquire();
        assert!(timeout(millis(300), given_up).await.is_err());
        assert_eq!(throttle.waiting(), 0);
        let _second = throttle.acquire().await;
        assert_eq!(start.elapsed(), millis(1_000));
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_random_drops_leave_no_trace() {
        let throttle = throttle("100/s + concurrency 3");
        let (start, passed) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
        let mut random = fastrand::Rng::with_seed(1);
        let tasks: Vec<_> = (0..10_000)
            .map(|_| {
                let (throttle, passed, patience) =
                    (throttle.clone(), Arc::clone(&passed), millis(random.u64(..20_000)));
                tokio::spawn(timeout(patience, async move {
                    let _permit = throttle.acquire().await;
                    passed.lock().unwrap().push(start.elapsed());
                    sleep(millis(25)).await;
                }))
            })
            .collect();
        for task in tasks {
            let _given_up = task.await.unwrap();
        }
        let passed = passed.lock().unwrap().clone();
        assert!(passed.windows(101).all(|some| some[100] - some[0] >= millis(1_000)));
        // As many as the limits let through in the time in which there were waiters.
        assert!(passed.len() > 1_900, "{}", passed.len());
        assert_eq!(throttle.waiting(), 0);
        sleep(millis(1_000)).await;
        let all = [throttle.try_acquire(), throttle.try_acquire(), throttle.try_acquire()];
        assert!(all.iter().all(Option::is_some) && throttle.try_acquire().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_nobody_polls_holds_nobody_up_for_long() {
        let throttle = throttle("1/s");
        let start = Instant::now();
        let _first = throttle.acquire().await;
        let mut stuck = Box::pin(throttle.acquire());
        assert!(timeout(millis(0), &mut stuck).await.is_err());
        let _second = throttle.acquire().await;
        assert_eq!(start.elapsed(), millis(1_050));
        let _stuck = stuck.await;
        assert_eq!(start.elapsed(), millis(2_050));
    }

    #[tokio::test(start_paused = true)]
    async fn five_at_once_and_never_six() {
        let throttle = throttle("concurrency 5");
        let (inside, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
        let tasks: Vec<_> = (0..23)
            .map(|_| {
                let (throttle, inside, most) = (throttle.clone(), Arc::clone(&inside), Arc::clone(&most));
                tokio::spawn(async move {
                    let _permit = throttle.acquire().await;
                    let now = {
                        let mut inside = inside.lock().unwrap();
                        *inside += 1;
                        *inside
                    };
                    {
                        let mut most = most.lock().unwrap();
                        *most = now.max(*most);
                    }
                    sleep(millis(10)).await;
                    *inside.lock().unwrap() -= 1;
                })
            })
            .collect();
        let start = Instant::now();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!((*most.lock().unwrap(), start.elapsed()), (5, millis(50)));
    }

    #[tokio::test(start_paused = true)]
    async fn windows_on_the_wall_clock_turn_while_the_clock_is_paused() {
        let throttle = throttle("1/day at 00:00 UTC");
        let start = Instant::now();
        let _first = throttle.acquire().await;
        let _second = throttle.acquire().await;
        let second = start.elapsed();
        let _third = throttle.acquire().await;
        let day = start.elapsed() - second;
        let off = day.abs_diff(Duration::from_secs(86_400));
        assert!(second <= Duration::from_secs(86_401) && off < Duration::from_secs(1), "{second:?} {day:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn at_once_or_not_at_all() {
        let throttle = throttle("2/s");
        assert!(throttle.try_acquire().is_some() && throttle.try_acquire().is_some());
        assert!(throttle.try_acquire().is_none());
        advance(millis(1_000)).await;
        assert!(throttle.try_acquire_n(2).unwrap().is_some());
    }

    #[test]
    fn a_runtime_that_nobody_runs_holds_nobody_up() {
        let throttle = throttle("concurrency 1");
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (idle, busy) = (runtime(), runtime());
        let permit = throttle.try_acquire();
        // A waiter there leaves its driver behind.
        idle.block_on(async {
            assert!(timeout(millis(0), throttle.acquire()).await.is_err());
        });
        let waiting = busy.spawn({
            let throttle = throttle.clone();
            async move { drop(throttle.acquire().await) }
        });
        busy.block_on(async {
            while throttle.waiting() == 0 {
                tokio::task::yield_now().await;
            }
            drop(permit);
            waiting.await.unwrap();
        });
        drop(idle);
        assert_eq!(throttle.waiting(), 0);
    }
}

#[test]
fn threads_pass_in_the_order_in_which_they_came() {
    let throttle = throttle("concurrency 1");
    let permit = throttle.acquire_blocking();
    let passed = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..8)
        .map(|i| {
            let (mine, passed) = (throttle.clone(), Arc::clone(&passed));
            let thread = std::thread::spawn(move || {
                let _permit = mine.acquire_blocking();
                passed.lock().unwrap().push(i);
            });
            while throttle.waiting() <= i {
                std::thread::yield_now();
            }
            thread
        })
        .collect();
    drop(permit);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*passed.lock().unwrap(), (0..8).collect::<Vec<_>>());
}

#[test]
fn a_thread_waits_for_the_clock_too() {
    let throttle = throttle("1/ms");
    for _ in 0..3 {
        drop(throttle.acquire_blocking());
    }
    assert_eq!(throttle.waiting(), 0);
}

#[test]
fn what_it_holds_is_shown() {
    let throttle = throttle("20/s burst 10 + concurrency 5");
    assert_eq!(format!("{throttle:?}"), "Throttle(20/s burst 10 + concurrency 5; 0 waiting)");
}
