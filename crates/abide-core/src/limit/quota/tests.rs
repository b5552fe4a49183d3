//! What quotas let through, answer by answer.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::headers::Told;
use crate::time::Wall;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn now(millis: u64) -> Now {
    Now { mono: at(millis), wall: Wall::from_millis(1_764_000_000_000 + millis.cast_signed()) }
}

fn said(remaining: u64, reset_secs: u64) -> Vec<headers::Quota> {
    vec![headers::Quota {
        limit: Some(50),
        remaining: Some(remaining),
        reset: Some(Duration::from_secs(reset_secs)),
        ..headers::Quota::default()
    }]
}

/// An answer to a call of cost 1 on one route.
fn answer(quotas: &mut Quotas, said: &[headers::Quota], sent: u64, now: u64) {
    let claim = quotas.take(&Route::default(), 1, self::now(sent));
    hear(quotas, &Route::default(), claim, said, sent, now);
}

fn hear(quotas: &mut Quotas, route: &Route, claim: Claim, said: &[headers::Quota], sent: u64, now: u64) {
    let (sent, now) = (self::now(sent), self::now(now));
    let answer = Answer { quotas: said, is_refused: false, doubt: Duration::ZERO, told: None, sent, now };
    quotas.on_answer(route, claim, &answer);
}

fn opening(quotas: &Quotas, cost: u64, now: u64) -> Option<Opening> {
    quotas.opening(&Route::default(), cost, self::now(now)).map(|(_, opening)| opening)
}

#[test]
fn what_is_not_answered_may_be_counted_already() {
    let mut quotas = Quotas::default();
    answer(&mut quotas, &said(5, 5), 0, 10);
    let claims: Vec<Claim> = (0..4).map(|_| quotas.take(&Route::default(), 1, now(10))).collect();
    assert_eq!(opening(&quotas, 1, 10), None);
    quotas.take(&Route::default(), 1, now(10));
    assert_eq!(opening(&quotas, 1, 10), Some(Opening::AfterAnswer));
    claims.into_iter().for_each(|claim| quotas.release(claim, End::Unknown, now(10)));
    assert_eq!(opening(&quotas, 4, 10), None);
}

#[test]
fn a_route_is_held_back_only_by_what_it_draws_on() {
    let named = |name: &str, remaining| {
        let quota = said(remaining, 60).remove(0);
        vec![headers::Quota { name: Some(name.to_owned()), named: true, ..quota }]
    };
    let (search, core) = (Route::of_path("/search/code"), Route::of_path("/repos/a"));
    let mut quotas = Quotas::default();
    hear(&mut quotas, &search, Claim::default(), &named("search", 0), 0, 10);
    hear(&mut quotas, &core, Claim::default(), &named("core", 40), 0, 10);
    assert!(quotas.opening(&search, 1, now(20)).is_some());
    assert!(quotas.opening(&Route::of_path("/search/users"), 1, now(20)).is_some());
    assert_eq!(quotas.opening(&core, 1, now(20)), None);
    assert_eq!(quotas.opening(&Route::of_path("/users/x"), 1, now(20)), None);
}

#[test]
fn a_window_that_rolls_is_free_a_whole_distance_after_the_last_answer() {
    let rolling = |remaining| vec![headers::Quota { rolling: true, ..said(remaining, 58).remove(0) }];
    let mut quotas = Quotas::default();
    answer(&mut quotas, &rolling(1), 0, 10);
    answer(&mut quotas, &rolling(0), 900, 1_000);
    quotas.turn(at(58_500));
    assert_eq!(opening(&quotas, 1, 58_500), Some(Opening::At(at(59_000))));
}

#[test]
fn quotas_beyond_the_last_place_take_that_of_the_oldest() {
    let mut quotas = Quotas::default();
    for i in 0..200 {
        let quota = headers::Quota { name: Some(format!("q{i}")), ..said(0, 60).remove(0) };
        let route = Route::of_path(&format!("/r{}x", "y".repeat(i)));
        hear(&mut quotas, &route, Claim::default(), &[quota], 0, i as u64);
    }
    assert_eq!(quotas.all.len(), Set::SIZE);
}

#[test]
fn an_empty_quota_opens_at_its_earliest_reset() {
    let mut quotas = Quotas::default();
    answer(&mut quotas, &said(1, 5), 0, 10);
    answer(&mut quotas, &said(0, 5), 100, 900);
    assert_eq!(opening(&quotas, 1, 900), Some(Opening::At(at(5_010))));
    quotas.turn(at(5_010));
    assert_eq!(opening(&quotas, 50, 5_010), None);
}

#[test]
fn answers_out_of_order_never_raise_what_is_left() {
    let mut quotas = Quotas::default();
    answer(&mut quotas, &said(41, 5), 0, 10);
    answer(&mut quotas, &said(42, 5), 1, 11);
    assert_eq!(opening(&quotas, 41, 11), None);
    assert!(opening(&quotas, 42, 11).is_some());
}

#[test]
fn a_later_reset_is_a_new_window() {
    let mut quotas = Quotas::default();
    answer(&mut quotas, &said(0, 5), 0, 10);
    answer(&mut quotas, &said(49, 5), 4_000, 4_010);
    assert_eq!(opening(&quotas, 49, 4_010), None);
}

#[test]
fn an_answer_without_fields_still_spends() {
    let mut quotas = Quotas::default();
    answer(&mut quotas, &said(2, 5), 0, 10);
    answer(&mut quotas, &[], 20, 30);
    assert_eq!(opening(&quotas, 1, 30), None);
    assert!(opening(&quotas, 2, 30).is_some());
}

#[test]
fn what_left_before_the_first_answer_draws_on_what_that_names() {
    let mut quotas = Quotas::default();
    let claims = [(); 3].map(|()| quotas.take(&Route::default(), 1, now(0)));
    hear(&mut quotas, &Route::default(), claims[0], &said(2, 5), 0, 10);
    assert_eq!(opening(&quotas, 1, 10), Some(Opening::AfterAnswer));
    quotas.release(claims[1], End::Unsent, now(20));
    assert_eq!(opening(&quotas, 1, 20), None);
}

#[test]
fn what_left_on_another_route_does_not_draw_on_a_quota_with_a_name() {
    let named = vec![headers::Quota { name: Some("search".into()), named: true, ..said(1, 5).remove(0) }];
    let mut quotas = Quotas::default();
    let [search, other] = ["/search/code", "/repos/a"].map(Route::of_path);
    quotas.take(&other, 1, now(0));
    let claim = quotas.take(&search, 1, now(0));
    hear(&mut quotas, &search, claim, &named, 0, 10);
    assert_eq!(quotas.opening(&search, 1, now(10)), None);
}

/// A reset in whole seconds, rounded up, after a distance of so many milliseconds.
fn rounded(remaining: u64, distance: u64) -> Vec<headers::Quota> {
    let secs = Duration::from_secs(distance.div_ceil(1_000));
    vec![headers::Quota { reset: Some(secs), told_reset: Some(Told::After(secs)), ..said(remaining, 0).remove(0) }]
}

#[test]
fn a_window_that_explains_all_that_was_said_opens_before_a_reset_that_is_rounded_up() {
    let mut quotas = Quotas::default();
    for left in 0..50 {
        // A window of 5 s that began with the first answer.
        let at = 40 * (49 - left);
        let claim = quotas.take(&Route::default(), 1, now(at));
        hear(&mut quotas, &Route::default(), claim, &rounded(left, 5_000 - at), at, at + 2);
    }
    for left in (0..50).rev() {
        let at = 10_000 + 40 * (49 - left);
        quotas.turn(self::at(at));
        let claim = quotas.take(&Route::default(), 1, now(at));
        hear(&mut quotas, &Route::default(), claim, &rounded(left, 5_000 - (at - 10_000)), at, at + 2);
    }
    let Some(Opening::At(opens)) = opening(&quotas, 1, 12_000) else { panic!("it is empty") };
    assert!((at(15_000)..=at(15_010)).contains(&opens), "{opens:?}");
}

#[test]
fn a_reset_that_was_refused_before_is_waited_for_whatever_explains_it() {
    let mut quotas = Quotas::default();
    answer(&mut quotas, &said(0, 5), 0, 10);
    assert!(!quotas.hold(&Route::default(), Some(at(6_000)), at(10)), "everybody draws on it");
    let other = Route::of_path("/other");
    hear(&mut quotas, &other, Claim::default(), &[headers::Quota { limit: Some(7), ..said(7, 5).remove(0) }], 20, 30);
    assert!(quotas.hold(&Route::default(), Some(at(6_000)), at(30)));
    assert_eq!(opening(&quotas, 1, 5_500), Some(Opening::At(at(6_000))));
}

proptest! {
    /// Whatever the order of arrivals and answers: a server that counts as it says is never asked for more than it has.
    #[test]
    fn a_server_that_keeps_its_word_refuses_nothing_after_its_first_answer(
        limit in 3_u64..40,
        steps in vec((0_usize..8, any::<bool>()), 1..200),
    ) {
        let mut quotas = Quotas::default();
        let (mut used, mut out, mut answers) = (0, Vec::new(), Vec::new());
        for (step, (which, leaves)) in steps.into_iter().enumerate() {
            let millis = step as u64;
            // So many before the first answer are nobody's fault.
            let knows = !quotas.all.is_empty();
            if leaves && out.len() + answers.len() < 8 && (knows || out.len() + answers.len() < 3) {
                if opening(&quotas, 1, millis).is_none() {
                    out.push((quotas.take(&Route::default(), 1, now(millis)), millis));
                }
            } else if which < out.len() {
                let (claim, left) = out.remove(which);
                used += 1;
                prop_assert!(used <= limit, "{used} of {limit}");
                answers.push((claim, left, limit - used));
            } else if let Some(index) = which.checked_rem(answers.len()) {
                let (claim, left, remaining) = answers.remove(index);
                let said = headers::Quota { limit: Some(limit), ..said(remaining, 3_600).remove(0) };
                hear(&mut quotas, &Route::default(), claim, &[said], left, millis);
            }
        }
    }
}
