//! Two attempts of one call: which answer counts, what each order of their ends leaves behind, and what they may cost.

use abide_core::call::{Patience, Safety};
use abide_core::event::Failure;
use abide_core::policy::Policy;
use abide_core::{Call, CallId, Decision};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::cases;
use crate::desk::{Desk, get};
use crate::rules::{MS, Rule, SEC};
use crate::scene::{caller, tell, troubled, way};
use crate::stage::{Caller, Story};
use crate::world::{Server, Trouble};

fn hedging() -> Policy {
    Policy { hedge: true, ..Policy::default() }
}

fn read() -> Call {
    Call { reads: true, ..get() }
}

/// A desk whose server is known to answer in 10 ms.
fn known(policy: Policy) -> Desk {
    let mut desk = Desk::new(policy);
    for n in 0..20 {
        let id = desk.at(20 * n).send(read());
        desk.at(20 * n + 10).accept(id);
    }
    desk.at(1_000).said();
    desk
}

/// A call whose first attempt left at 1 s and whose second may leave at 1.5 s.
fn stalled(desk: &mut Desk) -> CallId {
    let id = desk.send(read());
    desk.said();
    assert_eq!(desk.next_wake(), Some(1_500));
    desk.at(1_500);
    let said = desk.said();
    assert!(matches!(said[..], [Decision::Send { attempt: 2, beside: Some(1), .. }]), "{said:?}");
    id
}

/// As above, and the second has left.
fn hedged(desk: &mut Desk) -> CallId {
    let id = stalled(desk);
    assert!(desk.begin_beside(id, Some(1)));
    assert_eq!(desk.next_wake(), None, "there is no third");
    id
}

fn hedges(desk: &Desk) -> u64 {
    desk.engine.stats(desk.clock()).hedges
}

#[test]
fn the_first_answer_counts_and_the_other_attempt_is_dropped() {
    for winner in [1, 2] {
        let mut desk = known(hedging());
        let id = hedged(&mut desk);
        desk.at(1_600).answer_to(id, winner, 200);
        let said = desk.said();
        let [Decision::Drop { attempt, .. }, Decision::Return { .. }] = said[..] else { panic!("{said:?}") };
        assert_eq!(attempt, 3 - winner);
        desk.answer_to(id, attempt, 200);
        desk.fail_at(id, attempt, Failure::Reset);
        assert_eq!(desk.said(), [], "nobody waits for it any more");
        desk.done(id);
        assert_eq!(desk.engine.stats(desk.clock()).ok, 21);
    }
}

#[test]
fn an_attempt_that_fails_leaves_the_call_to_the_other() {
    for failing in [1, 2] {
        for status in [None, Some(500), Some(503), Some(429)] {
            let mut desk = known(hedging());
            let id = hedged(&mut desk);
            desk.at(1_600);
            match status {
                Some(status) => desk.answer_to(id, failing, status),
                None => desk.fail_at(id, failing, Failure::Reset),
            }
            assert_eq!(desk.said(), [Decision::Drop { id, attempt: failing }], "{status:?}");
            desk.at(1_700).answer_to(id, 3 - failing, 200);
            assert!(matches!(desk.said()[..], [Decision::Return { .. }]), "{status:?}");
            desk.done(id);
        }
    }
}

#[test]
fn another_is_tried_beside_a_stalled_attempt_as_long_as_they_fail() {
    let mut desk = known(hedging());
    let id = hedged(&mut desk);
    for attempt in 2..6 {
        let now = 1_500 + 510 * (u64::from(attempt) - 2);
        desk.at(now + 10).fail_at(id, attempt, Failure::Reset);
        assert_eq!(desk.said(), [Decision::Drop { id, attempt }]);
        assert_eq!(desk.at(now + 509).said(), [], "not at once");
        desk.at(now + 510);
        assert!(matches!(desk.said()[..], [Decision::Send { beside: Some(1), .. }]));
        assert!(desk.begin_beside(id, Some(1)));
    }
    desk.answer_to(id, 1, 200);
    assert!(matches!(desk.said()[..], [Decision::Drop { attempt: 6, .. }, Decision::Return { .. }]));
}

#[test]
fn a_call_both_of_whose_attempts_fail_is_tried_again_as_after_one_fault() {
    let mut desk = known(Policy { retries: 1, ..hedging() });
    let id = hedged(&mut desk);
    desk.at(1_600).fail_at(id, 2, Failure::Reset);
    desk.fail_at(id, 1, Failure::Reset);
    let said = desk.said();
    assert_eq!(said, [Decision::Drop { id, attempt: 2 }, Decision::Retry { id }]);
    desk.at(3_000);
    assert!(desk.begin(id), "it has a try left");
}

#[test]
fn a_refused_second_attempt_moves_the_gate() {
    let mut desk = known(hedging());
    let id = hedged(&mut desk);
    desk.at(1_600).answer_to(id, 2, 429);
    let other = desk.call();
    assert!(!desk.begin(other), "a pause holds for all");
    desk.at(1_700).answer_to(id, 1, 200);
    desk.done(id);
}

#[test]
fn no_second_attempt_goes_in_a_pause() {
    let mut desk = known(hedging());
    let (id, refused) = (desk.send(read()), desk.send(read()));
    desk.at(1_100).answer(refused, 429, &[("retry-after", "2")]);
    desk.said();
    assert_eq!(desk.at(3_099).let_through(), []);
    assert_eq!(desk.at(3_100).let_through(), [refused], "the probe goes alone");
    desk.answer_to(id, 1, 200);
}

#[test]
fn a_second_attempt_that_was_let_through_stays_in_a_pause_that_begins_meanwhile() {
    let mut desk = known(hedging());
    let id = stalled(&mut desk);
    let refused = desk.send(read());
    desk.answer_to(refused, 1, 429);
    assert!(!desk.begin_beside(id, Some(1)));
    desk.answer_to(id, 1, 200);
    desk.done(id);
    assert_eq!(hedges(&desk), 0);
}

#[test]
fn a_second_attempt_needs_a_place_in_flight_and_room_in_every_limit() {
    let mut policy = hedging();
    tell(&mut policy, "22/2s + concurrency 2");
    let mut desk = known(policy);
    let (first, second) = (desk.send(read()), desk.send(read()));
    desk.at(1_900);
    assert_eq!(desk.let_through().len(), 2, "both places are taken");
    desk.accept(second);
    assert_eq!(desk.at(1_999).let_through(), [], "22 were sent in two seconds");
    assert_eq!(desk.at(2_100).let_through(), [first]);
}

#[test]
fn only_calls_that_read_get_a_second_attempt_and_only_where_it_is_wanted() {
    let idempotent = get();
    let unsafe_read = Call { safety: Safety::Unsafe, ..read() };
    for (policy, call) in [(Policy::default(), read()), (hedging(), idempotent), (hedging(), unsafe_read)] {
        let mut desk = known(policy);
        desk.send(call);
        assert_eq!(desk.next_wake(), None);
    }
}

#[test]
fn a_caller_who_comes_late_begins_the_second_attempt_all_the_same() {
    let mut desk = known(hedging());
    let id = stalled(&mut desk);
    desk.at(1_700);
    assert_eq!(desk.next_wake(), None, "one that is asleep is not called again");
    assert!(desk.begin_beside(id, Some(1)));
    assert_eq!(hedges(&desk), 1);
}

#[test]
fn a_second_attempt_keeps_the_place_that_its_call_had() {
    let mut desk = known(Policy { concurrency: std::num::NonZeroU32::MIN.saturating_add(1), ..hedging() });
    let (first, second) = (desk.send(read()), desk.send(read()));
    let (behind, before) = (desk.call(), desk.submit(Call { priority: 1, ..read() }));
    desk.at(1_600).said();
    desk.accept(second);
    assert_eq!(desk.let_through(), [before]);
    assert!(desk.begin(before));
    desk.accept(before);
    assert_eq!(desk.let_through(), [first]);
    assert!(desk.begin_beside(first, Some(1)));
    desk.answer_to(first, 2, 200);
    assert_eq!(desk.let_through(), [behind]);
}

/// What can happen to a call whose second attempt may leave.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Begin(Option<u32>),
    Head(u32, u16),
    Fail(u32, Failure),
    Wait(u64),
    Cancel,
    Done,
}

fn turn() -> impl Strategy<Value = Turn> {
    let attempt = || 1..4_u32;
    let status = prop_oneof![3 => Just(200_u16), 1 => Just(404), 1 => Just(429), 1 => Just(500), 1 => Just(503)];
    let failure = prop_oneof![Just(Failure::Reset), Just(Failure::Connect), Just(Failure::Timeout), Just(Failure::Tls)];
    prop_oneof![
        3 => Just(Turn::Begin(Some(1))),
        1 => option::weighted(0.3, attempt()).prop_map(Turn::Begin),
        3 => (attempt(), status).prop_map(|(attempt, status)| Turn::Head(attempt, status)),
        2 => (attempt(), failure).prop_map(|(attempt, failure)| Turn::Fail(attempt, failure)),
        2 => (0..2_000_u64).prop_map(Turn::Wait),
        1 => Just(Turn::Cancel),
        1 => Just(Turn::Done),
    ]
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn no_order_of_ends_leaves_anything_behind_or_gives_two_answers(turns in vec(turn(), 0..12)) {
        // The desk checks the books after each turn.
        let mut desk = known(hedging());
        let id = stalled(&mut desk);
        let (mut now, mut ends, mut out, mut cancelled, mut answered) = (1_500, 0, 1, false, None);
        for turn in turns {
            match turn {
                Turn::Begin(beside) => out += u32::from(desk.begin_beside(id, beside)),
                Turn::Head(attempt, status) => {
                    answered = Some(attempt).filter(|_| ends == 0).or(answered);
                    desk.answer_to(id, attempt, status);
                }
                Turn::Fail(attempt, failure) => {
                    // An answer may break off after it was returned.
                    ends -= i32::from(ends == 1 && answered == Some(attempt));
                    desk.fail_at(id, attempt, failure);
                }
                Turn::Wait(millis) => {
                    now += millis;
                    desk.at(now);
                }
                Turn::Cancel => {
                    desk.cancel(id);
                    cancelled = true;
                }
                Turn::Done => desk.done(id),
            }
            for said in desk.said() {
                prop_assert!(!cancelled, "{said:?} after the call was cancelled");
                match said {
                    Decision::Return { .. } | Decision::GiveUp { .. } => (ends, out) = (ends + 1, 0),
                    Decision::Retry { .. } => (ends, out) = (0, 0),
                    Decision::Drop { .. } => out -= 1,
                    _ => {}
                }
            }
            prop_assert!(ends <= 1 && out <= 2, "{ends} ends, {out} attempts out");
        }
        desk.cancel(id);
        // All places are free again, once whatever pause there is has ended.
        let after: Vec<CallId> = (0..8).map(|_| desk.submit(Call { max_wait: Some(Patience::Endless), ..read() })).collect();
        desk.at(now + 200_000);
        for id in after {
            prop_assert!(desk.begin(id));
            desk.accept(id);
        }
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn what_is_sent_twice_passes_every_limit(
        callers in vec(caller(1), 20..60), late in 0..300_u16, stall in 0..200_u16, told in prop_oneof![
            Just(("30/1s", Rule::sliding(30, SEC))), Just(("25/2s fixed", Rule::fixed(25, 2 * SEC))),
            Just(("22/5s fixed-clock", Rule::clock(22, 5 * SEC))),
        ], way in way(), seed in any::<u64>(),
    ) {
        // Where a caller leaves, nobody knows when its request arrives.
        let stays = |caller| Caller { cost: 1, leaves: None, deadline: None, ..caller };
        let callers: Vec<Caller> = callers.into_iter().map(stays).collect();
        let mut policy = hedging();
        tell(&mut policy, told.0);
        let server = Server { trouble: Trouble { late, stall, ..Trouble::default() }, service: 20 * MS, ..Server::new([told.1]) };
        let ending = Story { policy, way, seed, timeout: 15 * SEC, ..Story::new(server, callers) }.play();
        prop_assert_eq!(ending.refused(), 0);
    }

    #[test]
    fn a_server_that_stalls_sees_the_base_load_and_what_retries_can_spare(
        calls in 1..150_usize, late in 0..1_001_u16, way in way(), seed in any::<u64>(),
    ) {
        let server = troubled(Trouble { late, ..Trouble::default() });
        let callers = vec![Caller { max_wait: Some(Patience::Endless), ..Caller::default() }; calls];
        let ending = Story { policy: hedging(), way, seed, ..Story::new(server, callers) }.play();
        prop_assert_eq!(ending.ok(), calls);
        // 250 tokens and one for each answer; a second attempt takes 14 for good.
        prop_assert!(ending.sent.len() <= calls + (250 + calls) / 14, "{} attempts", ending.sent.len());
    }
}
