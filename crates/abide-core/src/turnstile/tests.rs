//! Lines in virtual time: named cases, and random ones against the limits counted by hand.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::time::Wall;

fn at(millis: u64) -> Now {
    Now { mono: Instant::from_nanos(millis * 1_000_000), wall: Wall::from_millis(millis.cast_signed()) }
}

fn turnstile(text: &str) -> Turnstile {
    Turnstile::new(&text.parse().unwrap())
}

/// Lets all in line pass, each as soon as he is called; who passed and when, in ms.
fn drain(turnstile: &mut Turnstile, mut now: Now) -> Vec<(Place, u64)> {
    let mut passed = Vec::new();
    while turnstile.waiting() > 0 {
        while let Some(place) = turnstile.poll_call(now) {
            if turnstile.show_up(place, now) {
                passed.push((place, now.mono.as_nanos() / 1_000_000));
            }
        }
        let Some(next) = turnstile.poll_timeout(now) else { break };
        assert!(next > now.mono, "a hot loop at {now:?}: {turnstile:?}");
        let step = next.since(now.mono);
        now = Now { mono: next, wall: now.wall + step };
    }
    passed
}

#[test]
fn those_in_line_pass_in_order_at_the_rate() {
    let mut turnstile = turnstile("20/s burst 1");
    assert!(turnstile.pass(1, at(0)) && turnstile.pass(1, at(0)));
    assert!(!turnstile.pass(1, at(0)));
    let places: Vec<_> = (0..3).map(|_| turnstile.join(1).unwrap()).collect();
    let expected: Vec<_> = places.into_iter().zip([50, 100, 150]).collect();
    assert_eq!(drain(&mut turnstile, at(0)), expected);
}

#[test]
fn nobody_passes_those_in_line() {
    let mut turnstile = turnstile("10/s");
    assert!(turnstile.pass(10, at(0)));
    let place = turnstile.join(10).unwrap();
    assert!(!turnstile.pass(1, at(500)));
    assert_eq!(turnstile.poll_call(at(999)), None);
    assert_eq!(turnstile.poll_call(at(1_000)), Some(place));
    assert!(!turnstile.pass(1, at(1_000)));
    assert!(turnstile.show_up(place, at(1_000)));
}

#[test]
fn who_is_called_and_does_not_come_stands_aside_and_keeps_his_turn() {
    let mut turnstile = turnstile("1/s");
    assert!(turnstile.pass(1, at(0)));
    let (lost, next) = (turnstile.join(1).unwrap(), turnstile.join(1).unwrap());
    assert_eq!(turnstile.poll_call(at(1_000)), Some(lost));
    assert_eq!(turnstile.poll_timeout(at(1_000)), Some(at(1_050).mono));
    assert_eq!(turnstile.poll_call(at(1_049)), None);
    assert_eq!(turnstile.poll_call(at(1_050)), Some(next));
    // He shows up before the other does: it is his turn, for he came first.
    assert!(turnstile.show_up(lost, at(1_051)));
    assert!(!turnstile.show_up(next, at(1_052)));
    assert_eq!(drain(&mut turnstile, at(1_052)), [(next, 2_051)]);
}

#[test]
fn all_who_stand_aside_hold_nobody_up() {
    let mut turnstile = turnstile("1/s");
    assert!(turnstile.pass(1, at(0)));
    let lost = turnstile.join(1).unwrap();
    assert_eq!(turnstile.poll_call(at(1_000)), Some(lost));
    assert_eq!(turnstile.poll_call(at(1_050)), None);
    assert_eq!(turnstile.poll_timeout(at(1_050)), None);
    assert!(turnstile.pass(1, at(1_060)));
    assert!(!turnstile.show_up(lost, at(1_070)));
    assert_eq!(drain(&mut turnstile, at(1_070)), [(lost, 2_060)]);
}

#[test]
fn who_leaves_has_never_come() {
    let mut turnstile = turnstile("2/s + concurrency 1");
    assert!(turnstile.pass(1, at(0)));
    let before = format!("{turnstile:?}");
    let (first, second) = (turnstile.join(1).unwrap(), turnstile.join(2).unwrap());
    turnstile.go_out();
    assert_eq!(turnstile.poll_call(at(5)), Some(first));
    turnstile.leave(first);
    turnstile.leave(second);
    turnstile.inside += 1;
    turnstile.arrivals = 0;
    assert_eq!(format!("{turnstile:?}"), before);
}

#[test]
fn a_place_inside_is_free_when_somebody_goes_out() {
    let mut turnstile = turnstile("concurrency 2");
    assert!(turnstile.pass(1, at(0)) && turnstile.pass(1, at(0)));
    let place = turnstile.join(1).unwrap();
    assert_eq!((turnstile.poll_call(at(0)), turnstile.poll_timeout(at(0))), (None, None));
    turnstile.go_out();
    assert_eq!(turnstile.poll_call(at(7)), Some(place));
    assert!(turnstile.show_up(place, at(7)));
    assert!(!turnstile.pass(1, at(8)));
}

#[test]
fn weight_counts_everywhere_unless_a_limit_says_where() {
    let mut plain = turnstile("10/s + 3/min");
    assert_eq!(
        plain.join(4).unwrap_err().to_string().split(';').next(),
        Some("4 at once never pass the limit 3/min, which lets 3 through")
    );
    assert!(plain.pass(3, at(0)) && !plain.pass(1, at(0)));
    let mut tokens = turnstile("100/s by cost + 3/min");
    assert!(tokens.pass(40, at(0)) && tokens.pass(40, at(0)) && !tokens.pass(40, at(0)));
    assert!(tokens.pass(20, at(0)) && !tokens.pass(0, at(2_000)));
}

#[test]
fn an_amount_of_zero_is_one() {
    let none = LimitSpecs(vec![
        LimitSpec::Bucket { amount: 0, period: Duration::from_secs(1), burst: 0, unit: Unit::Requests },
        LimitSpec::Concurrency(0),
    ]);
    assert!(Turnstile::new(&none).pass(1, at(0)));
}

#[test]
fn windows_on_the_wall_clock_turn_with_it() {
    let mut turnstile = turnstile("2/day at 00:00 UTC");
    assert!(turnstile.pass(2, at(5_000)));
    let place = turnstile.join(1).unwrap();
    assert_eq!(drain(&mut turnstile, at(5_000)), [(place, 86_400_000)]);
}

/// The most that passed in any period, by a count of its own.
fn most_in(period: u64, passed: &[(u64, u64)]) -> u64 {
    let mut window: VecDeque<(u64, u64)> = VecDeque::new();
    let mut most = 0;
    for (at, weight) in passed {
        while window.front().is_some_and(|(first, _)| first + period <= *at) {
            window.pop_front();
        }
        window.push_back((*at, *weight));
        most = most.max(window.iter().map(|(_, weight)| weight).sum());
    }
    most
}

proptest! {
    /// Whoever comes, leaves and dawdles: no limit is exceeded, those who come when called pass in the order of arrival, and the
    /// line empties.
    #[test]
    fn no_limit_is_exceeded_and_nobody_is_forgotten(
        steps in proptest::collection::vec((0_u64..400, 1_u32..4, 0_u8..10), 1..60), dawdle in 0_u8..4,
    ) {
        let mut turnstile = turnstile("5/s + 9/3s + concurrency 2");
        let (mut now, mut passed, mut inside) = (0, Vec::new(), VecDeque::new());
        let mut line: Vec<(Place, u32)> = Vec::new();
        for (wait, weight, kind) in steps {
            now += wait;
            while inside.front().is_some_and(|out| *out <= now) {
                inside.pop_front();
                turnstile.go_out();
            }
            match kind {
                0 if !line.is_empty() => {
                    let (place, _) = line.remove(line.len() / 2);
                    turnstile.leave(place);
                }
                1..5 if turnstile.pass(weight, at(now)) => {
                    passed.push((now, weight.into()));
                    inside.push_back(now + 150);
                }
                _ => line.push((turnstile.join(weight).unwrap(), weight)),
            }
            while let Some(place) = turnstile.poll_call(at(now)) {
                if kind < dawdle {
                    break;
                }
                let first = line.iter().position(|(waiting, _)| *waiting == place).unwrap();
                prop_assert!(turnstile.show_up(place, at(now)), "called without room");
                passed.push((now, line.remove(first).1.into()));
                inside.push_back(now + 150);
            }
            prop_assert!(inside.len() <= 2);
        }
        // All come when called from here on; those who stand aside show up by themselves.
        for _ in 0..10_000 {
            now += 10;
            while inside.front().is_some_and(|out| *out <= now) {
                inside.pop_front();
                turnstile.go_out();
            }
            turnstile.poll_call(at(now));
            let mut waiting = Vec::new();
            for (place, weight) in line.drain(..) {
                if turnstile.show_up(place, at(now)) {
                    passed.push((now, weight.into()));
                    inside.push_back(now + 150);
                } else {
                    waiting.push((place, weight));
                }
            }
            line = waiting;
            if line.is_empty() {
                break;
            }
        }
        prop_assert_eq!(turnstile.waiting(), 0);
        prop_assert!(most_in(1_000, &passed) <= 5 && most_in(3_000, &passed) <= 9, "{passed:?}");
    }
}
