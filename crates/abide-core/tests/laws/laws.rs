//! The laws, in the order of the design. What all stories have to keep is in the judge; a law that needs its own kind of story,
//! or an end that not every story has, is here.

use std::num::NonZeroU32;

use abide_core::call::{Patience, Safety};
use abide_core::decision::{GiveUp, Reason, Verdict};
use abide_core::policy::Policy;
use abide_core::retry::exponential;
use http::StatusCode;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::cases;
use crate::rules::{Limit, MS, Rule, SEC};
use crate::scene::{self, caller, patient_caller, saying, tell, told_limit, trouble, troubled, way};
use crate::stage::{Caller, End, Story, millis};
use crate::world::{Saying, Server, Trouble, Way};

fn concurrency(most: u32) -> Policy {
    Policy { concurrency: NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN), ..Policy::default() }
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn every_call_ends_once_and_nothing_is_left(story in scene::story()) {
        story.play();
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn who_departs_has_what_who_submits_and_begins_at_once_has(story in scene::story()) {
        let long_way = Story { departs: false, ..story.clone() }.play();
        let short_way = story.play();
        prop_assert_eq!(short_way.sent, long_way.sent);
        prop_assert_eq!(short_way.ends, long_way.ends);
        prop_assert_eq!(short_way.waits, long_way.waits);
        prop_assert_eq!(short_way.waited, long_way.waited);
    }
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn law_01_no_attempt_leaves_before_its_not_before(
        callers in vec(caller(2), 1..8), saying in saying(), refuse in 0..700_u16, redirect in 0..200_u16,
        way in way(), seed in any::<u64>(),
    ) {
        let server = Server { saying, calm_at: 60 * SEC, ..troubled(Trouble { refuse, redirect, ..Trouble::default() }) };
        let mut story = Story::new(server.clone(), callers);
        story.servers.push(server);
        Story { way, seed, ..story }.play();
    }

    #[test]
    fn law_02_a_wait_that_is_too_long_ends_the_call_at_once_with_the_full_time(
        told in prop_oneof![Just("3"), Just("20"), Just("500"), Just("34560000"), Just("34560001"), Just("999999999999")],
        patience in vec(prop_oneof![Just(None), (0..30_000_u64).prop_map(Some)], 1..8), way in way(), seed in any::<u64>(),
    ) {
        let callers = patience.iter().map(|patience| Caller {
            max_wait: Some(patience.map_or(Patience::Endless, |wait| Patience::Within(millis(wait)))),
            ..Caller::default()
        });
        // The first refusal is told to all, and the story is over when those who stay have been served.
        let server = Server { saying: Saying::Text(told), calm_at: 900 * MS, ..troubled(Trouble { refuse: 1_000, ..Trouble::default() }) };
        let ending = Story { way, seed, ..Story::new(server, callers.collect()) }.play();
        let full = Saying::means(told).unwrap();
        for ((_, end), patience) in ending.ends.iter().zip(&patience) {
            let longest = patience.map_or(400 * 86_400 * SEC, |wait| wait * MS);
            match end {
                End::GivenUp(GiveUp::Limited { why, wait }, account) => {
                    prop_assert!(full > longest, "{told} s is not longer than {patience:?}");
                    prop_assert_eq!(why.reason.label(), "server_wait");
                    prop_assert!(wait.is_some_and(|wait| wait > millis(longest / MS)), "{wait:?}");
                    prop_assert!(account.waited.iter().all(|(reason, _)| reason.label() != "server_wait"), "{account}");
                }
                end => prop_assert!(full <= longest, "{patience:?} ends with {end:?} after {told} s"),
            }
        }
    }

    #[test]
    fn law_02_a_limit_that_is_learned_is_waited_for_as_long_as_patience_lasts(
        rule in prop_oneof![
            Just(Rule::fixed(4, 30 * SEC)), Just(Rule::sliding(4, 20 * SEC)), Just(Rule::bucket(1, 2)), Just(Rule::fixed(6, 400 * SEC)),
        ],
        callers in vec((0..20_000_u64, 0..40_000_u64), 1..16), way in way(), seed in any::<u64>(),
    ) {
        let server = Server::new([rule]);
        let callers: Vec<Caller> = callers
            .into_iter()
            .map(|(at, wait)| Caller { at: at * MS, max_wait: Some(Patience::Within(millis(wait))), ..Caller::default() })
            .collect();
        let ending = Story { way, seed, ..Story::new(server, callers.clone()) }.play();
        for ((over, end), caller) in ending.ends.iter().zip(&callers) {
            let Some(Patience::Within(patience)) = caller.max_wait else { continue };
            match end {
                End::Answered(StatusCode::OK, Verdict::Final) => {}
                // The judge sees to it that nothing was accepted for that long.
                End::GivenUp(GiveUp::Limited { why, .. }, _) => {
                    prop_assert!(["learned", "probe"].contains(&why.reason.label()), "{why:?}");
                    prop_assert!(u128::from(*over) >= u128::from(caller.at) + patience.as_nanos());
                }
                end => prop_assert!(false, "{end:?}"),
            }
        }
    }

    #[test]
    fn law_03_refusals_of_what_was_in_flight_together_are_one_event(
        in_flight in 1..40_u32, way in way(), service in 0..300_u64, seed in any::<u64>(),
    ) {
        let trouble = Trouble { refuse: 1_000, ..Trouble::default() };
        let server = Server { calm_at: way.least + way.jitter + 1, service: service * MS, ..troubled(trouble) };
        let callers = vec![Caller::default(); in_flight as usize + 1];
        let story = Story { policy: concurrency(in_flight), way, seed, ..Story::new(server, callers) };
        let ending = story.play();
        // However many were refused, the first pilot goes after about a quarter of a second.
        let first = ending.sent.iter().take(in_flight as usize).all(|(at, ..)| *at == 0);
        prop_assert!(first);
        let next = ending.sent[in_flight as usize].0;
        let longest_trip = 2 * (way.least + way.jitter) + service * MS;
        prop_assert!(next <= longest_trip + 260 * MS, "the next left at {next}");
    }

    #[test]
    fn law_04_a_pause_only_moves_later(
        callers in vec(patient_caller(), 2..9), saying in prop_oneof![Just(Saying::True), Just(Saying::Fickle(&["5", "1", "0"]))],
        refuse in 100..600_u16, jitter in 0..800_u64, seed in any::<u64>(),
    ) {
        let trouble = Trouble { refuse, ..Trouble::default() };
        let server = Server { saying, calm_at: 30 * SEC, ..troubled(trouble) };
        let ending = Story { way: Way::millis(1, jitter), seed, ..Story::new(server, callers) }.play();
        prop_assert_eq!(ending.ok(), ending.ends.len());
    }

    #[test]
    fn law_05_a_pause_ends_with_a_probe_and_a_ramp(
        at_once in 3..20_usize, most in 2..17_u32, trouble in trouble(200), saying in saying(), leaves in vec(prop::option::weighted(0.2, 0..2_000_u64), 20),
        way in way(), seed in any::<u64>(),
    ) {
        let callers = leaves.into_iter().take(at_once).map(|leaves| Caller { leaves: leaves.map(|at| at * MS), ..Caller::default() });
        let server = Server { saying, calm_at: 20 * SEC, ..troubled(Trouble { refuse: 300, ..trouble }) };
        Story { policy: concurrency(most), way, seed, timeout: 8 * SEC, ..Story::new(server, callers.collect()) }.play();
    }

    #[test]
    fn law_06_what_waits_holds_no_place_and_passes_every_limit_again(
        others in 1..8_usize, backoff in 1_000..30_000_u64, seed in any::<u64>(),
    ) {
        // The only place is taken by a call that fails at once and then backs off for long: the others go meanwhile.
        let mut policy = concurrency(1);
        policy.backoff = exponential(millis(backoff)).max(millis(30_000)).full_jitter();
        let server = Server { calm_at: 5 * MS, ..troubled(Trouble { fault: 1_000, ..Trouble::default() }) };
        let mut callers = vec![Caller::default()];
        callers.extend((0..others).map(|_| Caller { at: 10 * MS, ..Caller::default() }));
        let story = Story { policy, seed, way: Way::millis(1, 0), ..Story::new(server, callers) };
        let ending = story.play();
        prop_assert_eq!(ending.ok(), others + 1);
        let served = ending.ends[1..].iter().map(|(at, _)| *at).max().unwrap_or(0);
        prop_assert!(served <= 10 * MS + (others as u64 + 1) * 2 * MS, "the others waited until {served}");
    }

    #[test]
    fn law_07_limits_are_taken_all_or_not_at_all_and_none_is_overrun(
        limits in vec(told_limit(), 1..4), callers in vec(caller(1), 1..12), way in way(), service in 0..50_u64,
        (fault, unsent, stall) in (0..150_u16, 0..150_u16, 0..100_u16), seed in any::<u64>(),
    ) {
        // The limits are told as they are, so nothing is ever refused: not with retries, not when callers leave or come late,
        // not when an attempt never got there, and whatever else holds at the same time.
        let mut policy = Policy::default();
        limits.iter().for_each(|pair| tell(&mut policy, pair.told));
        let server = Server {
            trouble: Trouble { fault, unsent, stall, ..Trouble::default() },
            calm_at: 60 * SEC,
            service: service * MS,
            ..Server::new(limits.into_iter().map(|pair| pair.kept))
        };
        let ending = Story { policy, way, seed, timeout: 5 * SEC, ..Story::new(server, callers) }.play();
        prop_assert_eq!(ending.refused(), 0);
        // What is true as it was told is all there is to know: nothing waits for anything that was learned beside it.
        let learned = ending.waited.iter().find(|(label, _)| *label == "learned");
        prop_assert_eq!(learned, None);
    }

    #[test]
    fn law_07_short_windows_are_not_overrun_by_long_ways(
        (amount, period) in (1..7_u64, 50..400_u64), kind in 0..4_usize, calls in vec(0..1_500_u64, 5..25), leaves in prop::option::weighted(0.3, 0..500_u64),
        way in way(), seed in any::<u64>(),
    ) {
        let nanos = period * MS;
        let (word, rule) = [
            (" fixed", Rule::fixed(amount, nanos)),
            ("", Rule::fixed(amount, nanos)),
            (" fixed-clock", Rule::clock(amount, nanos)),
            ("", Rule::sliding(amount, nanos)),
        ][kind].clone();
        let mut policy = Policy::default();
        tell(&mut policy, &format!("{amount}/{period}ms{word}"));
        let caller = |at: &u64| Caller { at: at * MS, max_wait: Some(Patience::Endless), ..Caller::default() };
        let mut callers: Vec<Caller> = calls.iter().map(caller).collect();
        callers[0].leaves = leaves.map(|leaves| leaves * MS);
        let ending = Story { policy, way, seed, ..Story::new(Server::new([rule]), callers) }.play();
        prop_assert_eq!(ending.refused(), 0);
    }

    #[test]
    fn law_07_a_bucket_is_not_overrun_either(
        (per_sec, burst) in (1..100_u64, 0..12_u64), callers in vec(caller(1), 1..20), least in 0..100_u64, seed in any::<u64>(),
    ) {
        let mut policy = Policy::default();
        tell(&mut policy, &format!("{per_sec}/s burst {burst}"));
        let rule = Rule::bucket(per_sec, burst);
        let story = Story::new(Server::new([rule]), callers);
        let ending = Story { policy, way: Way::millis(least, 0), seed, ..story }.play();
        prop_assert_eq!(ending.refused(), 0);
    }

    #[test]
    fn law_08_first_come_first_served_and_the_heavy_are_not_starved(
        callers in vec((0..400_u64, prop_oneof![4 => 0..3_u32, 1 => 8..11_u32], prop_oneof![6 => Just(0_i8), 1 => -1..2_i8]), 2..14),
        concurrent in 1..9_u32, way in way(), seed in any::<u64>(),
    ) {
        let mut policy = concurrency(concurrent);
        tell(&mut policy, "10/s by cost");
        let callers: Vec<Caller> = callers
            .into_iter()
            .map(|(at, cost, priority)| Caller { at: at * MS, cost, priority, max_wait: Some(Patience::Endless), ..Caller::default() })
            .collect();
        let server = Server::new([Limit::by_cost(Rule::sliding(10, SEC))]);
        let ending = Story { policy, way, seed, ..Story::new(server, callers.clone()) }.play();
        prop_assert_eq!(ending.ok(), callers.len());
        prop_assert_eq!(ending.refused(), 0);
    }

    #[test]
    fn law_09_only_what_is_safe_is_repeated(
        callers in vec((0..500_u64, prop_oneof![Just(Safety::Unsafe), Just(Safety::Once)], any::<bool>()), 1..8),
        trouble in trouble(400), saying in saying(), way in way(), seed in any::<u64>(),
    ) {
        let callers: Vec<Caller> = callers
            .into_iter()
            .map(|(at, safety, breaks)| Caller { at: at * MS, safety, breaks, ..Caller::default() })
            .collect();
        let server = Server { saying, calm_at: 60 * SEC, ..troubled(trouble) };
        let mut story = Story::new(server.clone(), callers);
        story.servers.push(server);
        Story { way, seed, timeout: 2 * SEC, ..story }.play();
    }

    #[test]
    fn law_10_a_refusal_is_no_failed_try(
        rule in prop_oneof![
            Just(Rule::fixed(3, SEC)), Just(Rule::clock(2, SEC)), Just(Rule::sliding(4, 2 * SEC)), Just(Rule::bucket(5, 2)), Just(Rule::in_flight(2)),
        ],
        callers in vec(patient_caller(), 1..16), saying in prop_oneof![Just(Saying::Nothing), Just(Saying::True), Just(Saying::Text("0"))],
        refuse in 0..400_u16, way in way(), seed in any::<u64>(),
    ) {
        let trouble = Trouble { refuse, ..Trouble::default() };
        let server = Server { saying, trouble, calm_at: 60 * SEC, service: 30 * MS, ..Server::new([rule]) };
        let policy = Policy { retries: 0, ..Policy::default() };
        let ending = Story { policy, way, seed, ..Story::new(server, callers) }.play();
        prop_assert_eq!(ending.ok(), ending.ends.len());
    }

    #[test]
    fn law_11_an_outage_without_a_word_costs_no_try(
        callers in vec(patient_caller(), 1..9), outage in 0..60_u64, way in way(), seed in any::<u64>(),
    ) {
        // All is refused with a bare 503 until the outage ends; that is never a share that shows a fault.
        let trouble = Trouble { bare_503: 1_000, ..Trouble::default() };
        let server = Server { calm_at: outage * SEC, ..troubled(trouble) };
        let policy = Policy { retries: 0, ..Policy::default() };
        let ending = Story { policy, way, seed, ..Story::new(server, callers) }.play();
        for (i, (at, end)) in ending.ends.iter().enumerate() {
            match end {
                End::Answered(StatusCode::OK, Verdict::Final) => {}
                End::Answered(_, Verdict::Exhausted) => {
                    let own: Vec<u64> = ending.sent_by(i).collect();
                    prop_assert!(own.len() >= 10 && at - own[0] >= 30 * SEC, "caller {i} is given up after {own:?}");
                }
                end => prop_assert!(false, "caller {i} ends with {end:?}"),
            }
        }
    }

    #[test]
    fn law_12_a_dead_server_sees_the_base_load_and_the_budget(
        calls in 1..60_usize, most in 1..17_u32, retries in 0..20_u32, share in 0..4_usize, way in way(), seed in any::<u64>(),
    ) {
        let dead = [
            Trouble { fault: 1_000, ..Trouble::default() },
            Trouble { reset: 1_000, ..Trouble::default() },
            Trouble { unsent: 1_000, ..Trouble::default() },
            Trouble { fault: 500, reset: 500, unsent: 400, ..Trouble::default() },
        ][share];
        let policy = Policy { retries, ..concurrency(most) };
        let ending = Story { policy, way, seed, ..Story::new(troubled(dead), vec![Caller::default(); calls]) }.play();
        // 35 retries, and one probe at the end of each pause; pauses double from half a second, and patience is a minute.
        prop_assert!(ending.sent.len() <= calls + 35 + 10, "{} attempts for {calls} calls", ending.sent.len());
    }

    #[test]
    fn law_12_an_empty_budget_holds_and_loses_nothing(
        calls in 1..60_usize, most in 1..17_u32, dead_for in 0..200_u64, way in way(), seed in any::<u64>(),
    ) {
        let trouble = Trouble { fault: 1_000, ..Trouble::default() };
        let server = Server { calm_at: dead_for * SEC, ..troubled(trouble) };
        let callers = vec![Caller { max_wait: Some(Patience::Endless), ..Caller::default() }; calls];
        let policy = Policy { retries: 1_000, ..concurrency(most) };
        let ending = Story { policy, way, seed, ..Story::new(server, callers) }.play();
        prop_assert_eq!(ending.ok(), calls);
    }

    #[test]
    fn law_13_refusals_for_ever_are_no_hot_loop(
        calls in 1..12_usize, said in prop_oneof![
            Just("0"), Just("-1"), Just("abc"), Just(""), Just("0.001"), Just("0.0000001"), Just("Mon, 03 Jun 2019 10:59:55 GMT"), Just("1"),
        ], patience in 0..30_000_u64, way in way(), seed in any::<u64>(),
    ) {
        let server = Server { saying: Saying::Text(said), ..troubled(Trouble { refuse: 1_000, ..Trouble::default() }) };
        let caller = Caller { max_wait: Some(Patience::Within(millis(patience))), ..Caller::default() };
        let ending = Story { way, seed, ..Story::new(server, vec![caller; calls]) }.play();
        let trip = 2 * (way.least + way.jitter);
        prop_assert!(ending.over <= patience * MS + 3 * trip + 2 * SEC, "over at {}", ending.over);
        // Those that went together at first, each of which may tell another wait; then a few at growing distances, and at most
        // one a second.
        let most = 2 * calls.min(8) as u64 + 8 + ending.over / SEC;
        prop_assert!(ending.sent.len() as u64 <= most, "{} attempts in {} ns", ending.sent.len(), ending.over);
        let limited = ending.ends.iter().all(|(_, end)| matches!(end, End::GivenUp(GiveUp::Limited { .. }, _)));
        prop_assert!(limited);
    }

    #[test]
    fn law_13_a_wall_clock_that_jumps_stops_nothing(
        told in prop_oneof![Just("4/s fixed-clock"), Just("9/min fixed-clock"), Just("6/2s counter"), Just("3/day at 00:00 UTC")],
        callers in vec(patient_caller(), 1..16), jumps in vec((0..90_000_u64, -200_000_000_000_i64..200_000_000_000), 0..6), way in way(), seed in any::<u64>(),
    ) {
        let mut policy = Policy::default();
        tell(&mut policy, told);
        let jumps = jumps.into_iter().map(|(at, by)| (at * MS, by * 1_000)).collect();
        let ending = Story { policy, way, seed, jumps, ..Story::new(Server::new(Vec::<Limit>::new()), callers) }.play();
        prop_assert_eq!(ending.ok(), ending.ends.len());
    }

    #[test]
    fn a_call_that_listens_knows_what_it_waits_for(
        callers in vec(caller(1), 1..8), trouble in trouble(300), saying in saying(), seed in any::<u64>(),
    ) {
        let callers: Vec<Caller> = callers.into_iter().map(|caller| Caller { listens: true, sluggish: 0, ..caller }).collect();
        let server = Server { saying, calm_at: 30 * SEC, ..troubled(trouble) };
        let ending = Story { policy: concurrency(2), seed, ..Story::new(server, callers) }.play();
        // Whoever was kept for a while by something was told of it.
        for (i, (_, end)) in ending.ends.iter().enumerate() {
            if let End::GivenUp(GiveUp::Limited { why, .. }, account) = end {
                let told = ending.waits.iter().any(|(_, id, told)| ending.is_of(i, *id) && told.reason.label() == why.reason.label());
                let sat = account.waited.iter().any(|(reason, _)| same(reason, &why.reason));
                prop_assert!(told || !sat, "caller {i} waited for {why:?} unknowingly: {account}");
            }
        }
    }
}

fn same(one: &Reason, other: &Reason) -> bool {
    one.label() == other.label()
}
