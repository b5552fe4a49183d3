//! The judge against each rule's definition, told once more as plainly as it can be.

use proptest::prelude::*;

use super::*;
use abide_core::policy::LimitSpecs;
use abide_core::time::Offset;

/// A moment in the year 2025 that is a whole multiple of no period in use here.
const START: i64 = 1_750_000_003_217_000_000;

fn judge(limits: &str) -> Judge {
    let specs = LimitSpecs::parse_with(limits, WindowKind::Fixed).unwrap();
    Judge::new(&specs.0, false).unwrap()
}

fn counting_refused(limits: &str) -> Judge {
    Judge::new(&LimitSpecs::parse_with(limits, WindowKind::Fixed).unwrap().0, true).unwrap()
}

fn at(millis: i64) -> Wall {
    Wall::from_nanos(START) + Duration::from_millis(millis.unsigned_abs())
}

fn accepted(judge: &mut Judge, moments: &[i64]) -> Vec<bool> {
    moments.iter().map(|millis| judge.arrive(1, at(*millis)) == Verdict::Accepted).collect()
}

fn opens_in(judge: &mut Judge, cost: u64, now: Wall) -> Option<Duration> {
    match judge.arrive(cost, now) {
        Verdict::Accepted => panic!("accepted"),
        Verdict::Refused { opens_in } => opens_in,
    }
}

#[test]
fn a_plain_limit_is_a_window_from_the_first_request() {
    let mut judge = judge("2/5s");
    assert_eq!(accepted(&mut judge, &[0, 4_999, 4_999, 5_000, 9_999, 9_999]), [true, true, false, true, true, false]);
    // The next window begins with the request that comes, not where the last one ended.
    assert_eq!(accepted(&mut judge, &[13_000, 17_999, 17_999, 18_000]), [true, true, false, true]);
}

#[test]
fn a_window_on_the_clock_turns_at_multiples_of_its_period() {
    let mut judge = judge("1/5s fixed-clock");
    // START is 3.217 s after a multiple of five seconds.
    assert_eq!(accepted(&mut judge, &[0, 1_782, 1_783, 6_782, 6_783]), [true, false, true, false, true]);
}

#[test]
fn a_daily_quota_turns_at_its_hour() {
    let mut judge = judge("1/day at 00:30 UTC");
    let midnight = Wall::from_secs(1_749_945_600);
    let after = |minutes: u64| midnight + Duration::from_secs(minutes * 60);
    assert_eq!(judge.arrive(1, after(10)), Verdict::Accepted);
    assert_eq!(opens_in(&mut judge, 1, after(20)), Some(Duration::from_secs(600)));
    assert_eq!(judge.arrive(1, after(30)), Verdict::Accepted);
}

#[test]
fn a_sliding_window_frees_each_place_one_period_after_it_was_taken() {
    let mut judge = judge("2/5s sliding");
    assert_eq!(accepted(&mut judge, &[0, 2_000, 4_999, 5_000, 6_999, 7_000]), [true, true, false, true, false, true]);
}

#[test]
fn refused_requests_spend_only_where_they_are_said_to() {
    let moments = [0, 3_000, 5_000, 8_000];
    assert_eq!(accepted(&mut judge("1/5s sliding"), &moments), [true, false, true, false]);
    assert_eq!(accepted(&mut judge("1/5s hits"), &moments), [true, false, false, false]);
    assert_eq!(accepted(&mut counting_refused("1/5s sliding"), &moments), [true, false, false, false]);
    assert_eq!(accepted(&mut counting_refused("even 1/5s"), &moments), [true, false, false, false]);
    // Within a fixed window there is nothing left to spend, and the next one starts afresh.
    assert_eq!(accepted(&mut counting_refused("1/5s"), &moments), [true, false, true, false]);
}

#[test]
fn hits_come_back_one_period_after_the_last_places_were_taken() {
    let mut judge = judge("2/5s hits");
    assert_eq!(accepted(&mut judge, &[0, 1_000, 2_000, 3_000]), [true, true, false, false]);
    // The two latest, at 2 s and 3 s, fill the limit by themselves.
    assert_eq!(accepted(&mut judge, &[7_000]), [true]);
}

#[test]
fn a_counter_weighs_the_window_before() {
    let mut judge = judge("10/5s counter");
    let window = |millis: u64| Wall::from_nanos(START - 3_217_000_000) + Duration::from_millis(millis);
    assert!((0..10).all(|_| judge.arrive(1, window(4_000)) == Verdict::Accepted));
    // A tenth of the next window has passed, so nine tenths of ten requests are in sight.
    assert_eq!(opens_in(&mut judge, 1, window(4_000)), Some(Duration::from_millis(1_500)));
    assert_eq!(opens_in(&mut judge, 1, window(5_499)), Some(Duration::from_millis(1)));
    assert_eq!(judge.arrive(1, window(5_500)), Verdict::Accepted);
    assert!(matches!(judge.arrive(1, window(5_500)), Verdict::Refused { .. }));
}

#[test]
fn a_bucket_takes_its_burst_and_one_at_once() {
    let mut judge = judge("20/s burst 10");
    assert_eq!((0..20).filter(|_| judge.arrive(1, at(0)) == Verdict::Accepted).count(), 11);
    assert_eq!(accepted(&mut judge, &[49, 50, 50, 99, 100]), [false, true, false, false, true]);
    assert_eq!((0..20).filter(|_| judge.arrive(1, at(60_000)) == Verdict::Accepted).count(), 11);
}

#[test]
fn even_takes_one_each_share_of_the_period() {
    assert_eq!(accepted(&mut judge("even 20/s"), &[0, 0, 49, 50, 99, 100]), [true, false, false, true, false, true]);
    // Thirty a second is one each 33 1/3 ms, and the clock has whole milliseconds.
    assert_eq!(accepted(&mut judge("even 30/s"), &[0, 33, 34]), [true, false, true]);
}

#[test]
fn a_cap_counts_who_is_inside() {
    let mut judge = judge("concurrency 2 + concurrency 5");
    assert_eq!(accepted(&mut judge, &[0, 0, 0]), [true, true, false]);
    assert_eq!(opens_in(&mut judge, 1, at(1)), Some(Duration::ZERO));
    judge.leave();
    assert_eq!(accepted(&mut judge, &[2, 2]), [true, false]);
}

#[test]
fn a_cost_is_counted_by_the_limits_that_count_costs() {
    let mut judge = judge("10/5s by cost + 3/5s");
    assert_eq!(judge.arrive(4, at(0)), Verdict::Accepted);
    assert_eq!(opens_in(&mut judge, 7, at(1_000)), Some(Duration::from_secs(4)));
    assert_eq!(judge.arrive(6, at(2_000)), Verdict::Accepted);
    assert_eq!(opens_in(&mut judge, 11, at(3_000)), None, "it never fits");
    assert_eq!(judge.arrive(0, at(3_000)), Verdict::Accepted, "what is free fits a full window");
    assert!(matches!(judge.arrive(0, at(3_000)), Verdict::Refused { .. }), "but it is the fourth request");
}

#[test]
fn the_wait_of_a_refusal_is_that_of_the_limit_that_opens_last() {
    let mut judge = judge("1/5s + 1/h");
    assert_eq!(judge.arrive(1, at(0)), Verdict::Accepted);
    assert_eq!(opens_in(&mut judge, 1, at(1_000)), Some(Duration::from_secs(3_599)));
}

#[test]
fn quotas_tell_what_is_left_and_when_more_comes() {
    let mut judge = judge("3/5s + 2/10s sliding + 20/s burst 10 + concurrency 4");
    assert_eq!(judge.arrive(1, at(0)), Verdict::Accepted);
    let told: Vec<_> = judge.quotas(at(10)).map(|q| (q.amount, q.remaining, q.reset)).collect();
    let millis = Duration::from_millis;
    assert_eq!(told, [(3, 2, millis(4_990)), (2, 1, millis(9_990)), (20, 10, millis(40))]);
}

#[test]
fn a_limit_that_nothing_has_touched_tells_its_whole_period() {
    let mut judge = judge("3/5s + 3/5s sliding + 3/5s burst 1 + 3/5s counter");
    let told: Vec<_> = judge.quotas(at(0)).map(|q| (q.remaining, q.reset)).collect();
    let period = Duration::from_secs(5);
    assert_eq!(told, [(3, period), (3, period), (2, period), (3, period)]);
}

/// Moments in order, in nanoseconds, close enough together to meet limits and now and then far apart.
fn moments() -> impl Strategy<Value = Vec<Wall>> {
    let gap = prop_oneof![
        4 => 0..200_000_000_u64,
        2 => Just(0),
        1 => 0..3_000_000_000_u64,
        2 => (0..40_u64).prop_map(|n| n * 50_000_000),
    ];
    prop::collection::vec(gap, 1..120).prop_map(|gaps| {
        let mut now = Wall::from_nanos(START);
        gaps.into_iter()
            .map(|gap| {
                now = now + Duration::from_nanos(gap);
                now
            })
            .collect()
    })
}

/// Periods, of which some are whole multiples of a gap, so that windows end on the very nanosecond of a request.
fn millis() -> impl Strategy<Value = u64> {
    prop_oneof![1..3_000_u64, (1..30_u64).prop_map(|n| n * 50)]
}

fn any_limit() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec!["", " fixed-clock", " sliding", " counter", " hits", " burst 3", " burst 0"]);
    (1..12_u64, prop::sample::select(vec!["250ms", "s", "2s", "7s"]), kind)
        .prop_map(|(n, p, kind)| format!("{n}/{p}{kind}"))
}

fn spec(amount: u64, millis: u64, kind: &str) -> (String, Duration) {
    (format!("{amount}/{millis}ms {kind}"), Duration::from_millis(millis))
}

proptest! {
    #[test]
    fn a_sliding_window_accepts_what_fits_and_nothing_else(n in 1..10_u64, millis in millis(), moments in moments()) {
        let (limit, period) = spec(n, millis, "sliding");
        let mut judge = judge(&limit);
        let mut taken: Vec<Wall> = Vec::new();
        for now in moments {
            let within = taken.iter().filter(|at| **at + period > now).count() as u64;
            let verdict = judge.arrive(1, now);
            prop_assert_eq!(verdict == Verdict::Accepted, within < n);
            if verdict == Verdict::Accepted {
                taken.push(now);
            }
        }
    }

    #[test]
    fn hits_accept_when_few_enough_of_any_kind_came(n in 1..10_u64, millis in millis(), moments in moments()) {
        let (limit, period) = spec(n, millis, "hits");
        let mut judge = judge(&limit);
        for (i, now) in moments.iter().enumerate() {
            let within = moments[..i].iter().filter(|at| **at + period > *now).count() as u64;
            prop_assert_eq!(judge.arrive(1, *now) == Verdict::Accepted, within < n);
        }
    }

    #[test]
    fn costs_slide_as_requests_do(
        n in 1..20_u64,
        hits: bool,
        calls in prop::collection::vec((0..9_u64, 0..400_u64), 1..100),
    ) {
        let (limit, period) = spec(n, 1_000, if hits { "hits by cost" } else { "sliding by cost" });
        let mut judge = judge(&limit);
        let mut now = Wall::from_nanos(START);
        let mut taken: Vec<(Wall, u64)> = Vec::new();
        for (cost, gap) in calls {
            now = now + Duration::from_millis(gap);
            let within: u64 = taken.iter().filter(|(at, _)| *at + period > now).map(|(_, cost)| cost).sum();
            let verdict = judge.arrive(cost, now);
            prop_assert_eq!(verdict == Verdict::Accepted, cost == 0 || within + cost <= n);
            if hits || verdict == Verdict::Accepted {
                taken.push((now, cost));
            }
        }
    }

    #[test]
    fn a_window_on_the_clock_accepts_the_first_of_each(n in 1..10_u64, millis in millis(), moments in moments()) {
        let (limit, period) = spec(n, millis, "fixed-clock");
        let mut judge = judge(&limit);
        let number = |at: Wall| at.as_nanos() / period.as_nanos() as i64;
        for (i, now) in moments.iter().enumerate() {
            let before = moments[..i].iter().filter(|at| number(**at) == number(*now)).count() as u64;
            prop_assert_eq!(judge.arrive(1, *now) == Verdict::Accepted, before < n);
        }
    }

    #[test]
    fn a_window_from_the_first_request_accepts_the_first_of_each(
        n in 1..10_u64,
        millis in millis(),
        moments in moments(),
    ) {
        let (limit, period) = spec(n, millis, "fixed");
        let mut judge = judge(&limit);
        let mut rest = moments.as_slice();
        while let Some(first) = rest.first() {
            let (window, later) = rest.split_at(rest.partition_point(|at| *at < *first + period));
            for (i, now) in window.iter().enumerate() {
                prop_assert_eq!(judge.arrive(1, *now) == Verdict::Accepted, (i as u64) < n);
            }
            rest = later;
        }
    }

    #[test]
    fn a_counter_follows_its_formula(n in 1..10_u64, millis in millis(), moments in moments()) {
        let (limit, period) = spec(n, millis, "counter");
        let mut judge = judge(&limit);
        let period = period.as_nanos() as i64;
        let mut taken: Vec<i64> = Vec::new();
        for now in moments {
            let window = now.as_nanos() / period;
            let in_window = |number| taken.iter().filter(|at| **at == number).count() as i128;
            // previous * (1 - elapsed / period) + current + 1 <= n, both sides times the period
            let in_sight = i128::from(period - now.as_nanos() % period);
            let estimate = in_window(window - 1) * in_sight + (in_window(window) + 1) * i128::from(period);
            let verdict = judge.arrive(1, now);
            prop_assert_eq!(verdict == Verdict::Accepted, estimate <= i128::from(n) * i128::from(period));
            if verdict == Verdict::Accepted {
                taken.push(window);
            }
        }
    }

    #[test]
    fn a_bucket_agrees_with_the_arithmetic_of_nginx(rate in 1..100_i64, burst in 0..20_i64, moments in moments()) {
        let mut judge = judge(&format!("{rate}/s burst {burst}"));
        // limit_req's `excess`, in thousandths of a request, and `last`, in milliseconds; none before the first
        // request.
        let mut node: Option<(i64, i64)> = None;
        for now in moments {
            let clock = now.as_nanos() / 1_000_000;
            let excess = node.map_or(0, |(excess, last)| {
                (excess - rate * 1_000 * (clock - last) / 1_000 + 1_000).max(0)
            });
            let verdict = judge.arrive(1, now);
            prop_assert_eq!(verdict == Verdict::Accepted, excess <= burst * 1_000);
            if verdict == Verdict::Accepted {
                node = Some((excess, clock));
            }
        }
    }

    #[test]
    fn several_limits_are_taken_all_or_not_at_all(
        limits in prop::collection::vec(any_limit(), 1..4),
        moments in moments(),
    ) {
        let mut all = judge(&limits.join(" + "));
        let mut each: Vec<Judge> = limits.iter().map(|limit| judge(limit)).collect();
        for now in moments {
            let fits = each.iter_mut().all(|one| {
                let rule = &mut one.held[0].rule;
                rule.advance(now);
                rule.admits(1, now)
            });
            prop_assert_eq!(all.arrive(1, now) == Verdict::Accepted, fits);
            for held in each.iter_mut().flat_map(|one| &mut one.held).filter(|held| fits || held.counts_refused) {
                held.rule.advance(now);
                held.rule.count(1, now);
            }
        }
    }

    #[test]
    fn the_wait_of_a_refusal_ends_at_the_first_moment_that_fits(
        limits in prop::collection::vec(any_limit(), 1..4),
        count_refused: bool,
        moments in moments(),
    ) {
        let mut judge = if count_refused { counting_refused(&limits.join(" + ")) } else { judge(&limits.join(" + ")) };
        let refused = moments.into_iter().find_map(|now| match judge.arrive(1, now) {
            Verdict::Accepted => None,
            Verdict::Refused { opens_in } => Some(now + opens_in.unwrap()),
        });
        let Some(open) = refused else { return Ok(()) };
        let mut fits = |at: Wall| judge.held.iter_mut().all(|held| {
            held.rule.advance(at);
            held.rule.admits(1, at)
        });
        prop_assert!(!fits(open - Offset::from_nanos(1)));
        prop_assert!(fits(open));
    }

    #[test]
    fn more_room_comes_when_the_quota_says(limit in any_limit(), moments in moments()) {
        let mut judge = judge(&limit);
        let mut now = Wall::default();
        for moment in moments {
            now = moment;
            judge.arrive(1, now);
        }
        let Some(quota) = judge.quotas(now).next() else { return Err(TestCaseError::fail("one limit, one quota")) };
        let mut remaining = |at: Wall| judge.quotas(at).next().map(|quota| quota.remaining);
        prop_assert!(remaining(now + quota.reset - Offset::from_nanos(1)) <= Some(quota.remaining));
        prop_assert!(remaining(now + quota.reset) > Some(quota.remaining));
    }
}
