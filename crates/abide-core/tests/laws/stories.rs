//! The failures that other libraries are known for, and those that this engine had: one story each.

use std::num::NonZeroU32;
use std::time::Duration;

use abide_core::call::{Patience, Safety};
use abide_core::decision::{Decision, GiveUp, Reason, Verdict};
use abide_core::event::Failure;
use abide_core::policy::Policy;
use abide_core::time::Instant;
use abide_core::{Call, Event};

use crate::desk::{Desk, get};
use crate::rules::{MS, Rule, SEC};
use crate::scene::tell;
use crate::stage::{Caller, End, Story, key, millis};
use crate::world::{Server, Way};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn within(wait: Duration) -> Call {
    Call { max_wait: Some(Patience::Within(wait)), ..get() }
}

fn limited(reason: &GiveUp) -> Option<Duration> {
    match reason {
        GiveUp::Limited { wait, .. } => *wait,
        _ => None,
    }
}

/// A server that answers with a fault each time.
const HELD: Reason = Reason::Hold { last: None };

#[test]
fn eight_refusals_at_once_are_one_event() {
    let mut desk = Desk::new(Policy::default());
    let calls: Vec<_> = (0..8).map(|_| desk.send(get())).collect();
    for (i, id) in calls.iter().enumerate() {
        desk.at(20 + i as u64).answer(*id, 429, &[]);
    }
    // Eight steps would be more than a minute.
    let wake = desk.next_wake().unwrap();
    assert!((267..=287).contains(&wake), "{wake}");
    desk.said();
    desk.at(wake + 1);
    assert_eq!(desk.let_through(), [calls[0]], "one probe, the first of them");
}

#[test]
fn a_success_that_left_before_the_pause_does_not_shorten_it() {
    let mut desk = Desk::new(Policy::default());
    let (slow, refused) = (desk.send(get()), desk.send(get()));
    desk.at(10).answer(refused, 429, &[("retry-after", "5")]);
    desk.at(2_000).accept(slow);
    desk.said();
    desk.at(5_009);
    assert_eq!(desk.let_through(), []);
    desk.at(5_010);
    assert_eq!(desk.let_through(), [refused]);
}

#[test]
fn a_grant_that_a_pause_overtakes_goes_back() {
    let mut desk = Desk::new(Policy::default());
    let refused = desk.send(get());
    let granted = desk.at(5).call();
    desk.at(10).answer(refused, 429, &[("retry-after", "1")]);
    assert!(!desk.at(20).begin(granted), "the server has spoken since");
    desk.said();
    desk.at(1_009);
    assert_eq!(desk.let_through(), []);
    desk.at(1_010);
    assert_eq!(desk.let_through(), [refused]);
}

#[test]
fn a_thousand_a_day_and_ten_a_second_are_taken_together_or_not_at_all() {
    let mut policy = Policy::default();
    tell(&mut policy, "10/s + 1000/day");
    let callers = (0..1_010).map(|_| Caller { max_wait: Some(Patience::Within(secs(3_600))), ..Caller::default() });
    let server = Server::new([Rule::sliding(10, SEC), Rule::sliding(1_000, 86_400 * SEC)]);
    let story = Story { policy, audited: false, way: Way::millis(1, 0), ..Story::new(server, callers.collect()) };
    let ending = story.play();
    assert_eq!((ending.ok(), ending.refused()), (1_000, 0));
    assert!(ending.over < 105 * SEC, "the last are told at once, at {}", ending.over);
    for (_, end) in &ending.ends[1_000..] {
        let End::GivenUp(GiveUp::Limited { why, wait }, _) = end else { panic!("{end:?}") };
        assert!(matches!(why.reason, Reason::Limit(spec) if spec.to_string() == "1000/day"), "{why:?}");
        assert!(wait.is_some_and(|wait| wait > secs(86_400 - 105)), "{wait:?}");
    }
}

#[test]
fn waiting_for_the_day_spends_nothing_of_the_second() {
    let mut desk = Desk::told("2/s + 3/10s");
    for _ in 0..2 {
        let id = desk.send(get());
        desk.accept(id);
    }
    let third = desk.at(1_000).send(get());
    desk.accept(third);
    let waiting = desk.call();
    desk.said();
    desk.at(9_999);
    assert_eq!(desk.let_through(), []);
    desk.at(10_000);
    assert_eq!(desk.let_through(), [waiting]);
    let beside = desk.call();
    assert_eq!(desk.let_through(), [beside], "both of this second are left");
}

#[test]
fn a_heavy_call_is_not_starved_by_light_ones() {
    let mut desk = Desk::told("10/s by cost");
    let first = desk.send(Call { cost: 5, ..get() });
    desk.at(500).accept(first);
    let heavy = desk.submit(Call { cost: 8, ..get() });
    let light: Vec<_> = (0..4).map(|_| desk.call()).collect();
    desk.said();
    desk.at(1_499);
    assert_eq!(desk.let_through(), [], "what the light ones could have is held for the heavy one");
    desk.at(1_500);
    assert_eq!(desk.let_through(), [&[heavy], &light[..2]].concat());
}

#[test]
fn a_heavy_call_that_will_not_wait_takes_no_light_one_with_it() {
    let mut desk = Desk::told("10/h by cost");
    let first = desk.send(Call { cost: 5, ..get() });
    desk.accept(first);
    desk.said();
    let heavy = desk.submit(Call { cost: 6, ..within(secs(60)) });
    let light = desk.submit(within(secs(60)));
    let said = desk.said();
    assert!(matches!(&said[0], Decision::GiveUp { id, .. } if *id == heavy), "{said:?}");
    assert!(matches!(&said[1], Decision::Send { id, .. } if *id == light), "{said:?}");

    // Behind a heavy one that does wait, the light one would wait as long.
    let patient = desk.submit(Call { cost: 6, ..within(secs(7_200)) });
    let behind = desk.submit(within(secs(60)));
    assert!(matches!(&desk.given_up()[..], [(id, GiveUp::Limited { .. }, _)] if *id == behind));
    desk.cancel(patient);
}

#[test]
fn a_call_that_costs_more_than_there_ever_is_ends_at_once() {
    let mut desk = Desk::told("10/h by cost + 5/s");
    let id = desk.submit(Call { cost: 11, ..get() });
    assert!(matches!(&desk.given_up()[..], [(given_up, GiveUp::TooExpensive(_), _)] if *given_up == id));
}

#[test]
fn a_probe_that_is_cancelled_or_silent_hands_its_turn_on() {
    let mut desk = Desk::new(Policy::default());
    let calls: Vec<_> = (0..4).map(|_| desk.send(get())).collect();
    for id in &calls {
        desk.at(10).answer(*id, 429, &[("retry-after", "1")]);
    }
    desk.said();
    desk.at(1_010);
    assert_eq!(desk.let_through(), [calls[0]]);
    assert!(desk.begin(calls[0]));
    desk.at(1_100).cancel(calls[0]);
    assert_eq!(desk.let_through(), [calls[1]], "the cancelled probe's turn");
    assert!(desk.begin(calls[1]));
    desk.at(2_099);
    assert_eq!(desk.let_through(), []);
    desk.at(2_100);
    assert_eq!(desk.let_through(), [calls[2]], "the silent probe's turn, after a second");
}

#[test]
fn a_pilot_after_refusals_without_a_word_hands_its_turn_on_too() {
    let mut desk = Desk::new(Policy::default());
    let calls: Vec<_> = (0..4).map(|_| desk.send(get())).collect();
    for id in &calls {
        desk.at(10).answer(*id, 429, &[]);
    }
    desk.said();
    desk.at(270);
    assert_eq!(desk.let_through(), [calls[0]]);
    assert!(desk.begin(calls[0]));
    desk.at(300).cancel(calls[0]);
    assert_eq!(desk.let_through(), [calls[1]], "the cancelled pilot's turn");
    assert!(desk.begin(calls[1]));
    desk.at(1_299);
    assert_eq!(desk.let_through(), []);
    desk.at(1_300);
    assert_eq!(desk.let_through(), [calls[2]], "the silent pilot's turn, after a second");
}

#[test]
fn a_grant_that_a_refusal_without_a_word_overtakes_goes_back() {
    let mut desk = Desk::new(Policy::default());
    let refused = desk.send(get());
    let granted = desk.at(5).call();
    desk.at(10).answer(refused, 429, &[]);
    assert!(!desk.at(20).begin(granted), "the server has spoken since");
    desk.said();
    desk.at(270);
    assert_eq!(desk.let_through(), [refused], "one pilot, the first of them");
}

#[test]
fn refusals_before_anything_was_accepted_teach_no_amount() {
    let mut desk = Desk::new(Policy::default());
    let calls: Vec<_> = (0..4).map(|_| desk.send(get())).collect();
    for id in &calls {
        desk.at(10).answer(*id, 429, &[]);
    }
    desk.said();
    desk.at(270);
    assert_eq!(desk.let_through(), [calls[0]]);
    assert!(desk.begin(calls[0]));
    desk.at(280).accept(calls[0]);
    assert_eq!(desk.let_through(), calls[1..], "somebody else had spent it");
}

#[test]
fn a_caller_that_sleeps_keeps_nobody_waiting() {
    let mut desk = Desk::new(Policy::default());
    let (asleep, awake) = (desk.send(get()), desk.send(get()));
    for id in [asleep, awake] {
        desk.at(10).answer(id, 429, &[("retry-after", "1")]);
    }
    desk.said();
    desk.at(1_010);
    assert_eq!(desk.let_through(), [asleep]);
    desk.at(1_059);
    assert_eq!(desk.let_through(), []);
    desk.at(1_060);
    assert_eq!(desk.let_through(), [awake], "50 ms are enough to begin");
    assert!(desk.begin(awake));
    desk.at(1_070).accept(awake);
    desk.at(10_000);
    assert_eq!(desk.let_through(), [], "nobody calls a caller that does not come");
    assert!(desk.begin(asleep), "now it is here, and nothing stands in the way");
    assert_eq!(desk.let_through(), []);
}

#[test]
fn a_grant_that_is_not_begun_gives_everything_back() {
    let mut desk = Desk::told("1/s + concurrency 1");
    let late = desk.call();
    let next = desk.call();
    assert_eq!(desk.let_through(), [late]);
    desk.at(50);
    assert_eq!(desk.let_through(), [next], "the place and the unit are free again");
    assert!(desk.begin(next));
    assert!(!desk.begin(late));
}

#[test]
fn a_wait_above_max_wait_ends_at_once_with_the_full_time() {
    let mut desk = Desk::new(Policy::default());
    let id = desk.send(within(secs(60)));
    desk.at(10).answer(id, 429, &[("retry-after", "3600")]);
    let given_up = desk.given_up();
    assert!(matches!(&given_up[..], [(_, reason, account)]
        if limited(reason) == Some(secs(3_600)) && account.waited.is_empty() && account.attempts == 1));
    let next = desk.at(1_000).submit(within(secs(60)));
    let given_up = desk.given_up();
    assert!(matches!(&given_up[..], [(id, reason, _)] if *id == next && limited(reason) == Some(millis(3_599_010))));
}

#[test]
fn a_wait_that_nobody_means_is_too_long_even_for_endless_patience() {
    let mut desk = Desk::new(Policy::default());
    let id = desk.send(Call { max_wait: Some(Patience::Endless), ..get() });
    desk.at(10).answer(id, 429, &[("retry-after", "99999999999")]);
    assert!(matches!(&desk.given_up()[..], [(_, reason, _)] if limited(reason) > Some(secs(400 * 86_400))));
    assert_eq!(desk.next_wake(), None);
}

#[test]
fn a_wait_of_exactly_max_wait_is_waited_out_and_then_tried() {
    let mut desk = Desk::new(Policy::default());
    let calls: Vec<_> = (0..3).map(|_| desk.send(within(secs(60)))).collect();
    for (i, id) in calls.iter().enumerate() {
        desk.at(50 + i as u64).answer(*id, 429, &[("retry-after", "60")]);
    }
    desk.said();
    desk.at(60_052);
    assert_eq!(desk.let_through(), [calls[0]]);
    assert!(desk.begin(calls[0]));
    desk.at(61_000).accept(calls[0]);
    assert_eq!(desk.let_through(), calls[1..], "those behind the probe were not sent away while it was out");
}

#[test]
fn patience_counts_from_the_first_refusal_not_from_a_slow_answer() {
    let mut desk = Desk::new(Policy { concurrency: NonZeroU32::MIN, ..Policy::default() });
    let slow = desk.send(within(secs(60)));
    let waiting = desk.submit(within(secs(60)));
    desk.said();
    desk.at(90_000).answer(slow, 429, &[]);
    assert!(desk.given_up().is_empty(), "nobody waited for a limit yet");
    desk.at(90_700).begin(slow);
    desk.at(90_800).accept(slow);
    assert_eq!(desk.let_through(), [slow, waiting]);
}

#[test]
fn patience_of_zero_means_no_wait_at_all_and_does_not_spin() {
    let mut desk = Desk::new(Policy { concurrency: NonZeroU32::MIN, ..Policy::default() });
    let first = desk.send(within(Duration::ZERO));
    let second = desk.submit(within(Duration::ZERO));
    let clock = desk.clock();
    desk.engine.handle(Event::Tick, clock);
    assert!(desk.given_up().is_empty(), "a place in the queue is no limit");
    desk.at(10).answer(first, 429, &[]);
    let gone: Vec<_> = desk.given_up().into_iter().map(|(id, ..)| id).collect();
    assert_eq!(gone, [first, second]);
}

#[test]
fn told_waits_do_not_outlast_patience_together() {
    let mut desk = Desk::new(Policy::default());
    let id = desk.send(within(secs(20)));
    desk.said();
    for now in (10..).step_by(10) {
        if let Some((_, reason, account)) = desk.at(now).given_up().pop() {
            assert!(matches!(reason, GiveUp::Limited { wait: Some(_), .. }), "{reason:?}");
            assert!((4..=5).contains(&account.attempts) && (20_010..=20_060).contains(&now), "{account}, at {now}");
            return;
        }
        if now == 10 || desk.begin(id) {
            desk.at(now).answer(id, 429, &[("retry-after", "5")]);
        }
    }
}

#[test]
fn an_empty_budget_holds_and_one_success_lets_go() {
    let mut desk = Desk::new(Policy { retries: 1_000, ..Policy::default() });
    let id = desk.send(Call { max_wait: Some(Patience::Endless), ..get() });
    let mut now = 0;
    for _ in 0..35 {
        desk.at(now).answer(id, 500, &[]);
        now += 31_000;
        assert!(desk.at(now).begin(id));
    }
    desk.at(now).answer(id, 500, &[]);
    let held = |desk: &Desk| desk.engine.waiting(&key(0)).map(|(why, waiting)| (why.reason, waiting));
    assert_eq!(held(&desk), Some((HELD, 1)), "it stands aside, for others may probe first");
    let other = desk.call();
    assert_eq!(held(&desk), Some((HELD, 2)));
    desk.said();
    let wake = desk.next_wake().unwrap();
    desk.at(wake + 1);
    assert_eq!(desk.let_through(), [other], "one probe");
    assert!(desk.begin(other));
    desk.accept(other);
    desk.at(wake + 2);
    assert_eq!(desk.let_through(), [id]);
}

#[test]
fn a_post_is_not_repeated_after_an_ambiguous_failure() {
    for failure in [Failure::Timeout, Failure::Reset, Failure::Body] {
        let mut desk = Desk::new(Policy::default());
        let id = desk.send(Call::new(key(0), Safety::Unsafe));
        desk.at(10).fail(id, failure);
        assert!(matches!(&desk.given_up()[..], [(_, GiveUp::Unrepeatable(f), _)] if *f == failure));
    }
    for status in [500, 502, 503, 504] {
        let mut desk = Desk::new(Policy::default());
        let id = desk.send(Call::new(key(0), Safety::Unsafe));
        desk.said();
        desk.at(10).answer(id, status, &[]);
        assert_eq!(desk.said(), [Decision::Return { id, verdict: Verdict::Unrepeatable }], "{status}");
    }
}

#[test]
fn a_post_is_repeated_where_the_server_did_not_act() {
    let repeats = |desk: &mut Desk, id| {
        let said = desk.said();
        assert!(said.contains(&Decision::Retry { id }), "{said:?}");
    };
    for (status, fields) in [(429, &[][..]), (429, &[("retry-after", "1")]), (503, &[("retry-after", "1")])] {
        let mut desk = Desk::new(Policy::default());
        let id = desk.send(Call::new(key(0), Safety::Unsafe));
        desk.answer(id, status, fields);
        repeats(&mut desk, id);
    }
    let mut desk = Desk::new(Policy::default());
    let id = desk.send(Call::new(key(0), Safety::Unsafe));
    desk.fail(id, Failure::Connect);
    repeats(&mut desk, id);
}

#[test]
fn a_deadline_ends_a_call_whatever_it_is_doing() {
    let by = |millis: u64| Call { deadline: Some(Instant::from_nanos(millis * MS)), ..get() };
    let mut desk = Desk::told("1/h");
    let flying = desk.send(by(1_000));
    desk.said();
    desk.at(999);
    assert!(desk.given_up().is_empty());
    desk.at(1_000);
    assert!(matches!(&desk.given_up()[..], [(id, GiveUp::Deadline { why: None }, _)] if *id == flying));
    // Its unit is spent, so the next would wait for an hour: it is told at once, not at its deadline.
    let waiting = desk.at(1_001).submit(Call { max_wait: Some(Patience::Endless), ..by(30_000) });
    assert!(matches!(&desk.given_up()[..], [(id, GiveUp::Deadline { why: Some(_) }, _)] if *id == waiting));

    let mut desk = Desk::new(Policy::default());
    let reading = desk.send(by(500));
    desk.at(10).answer(reading, 200, &[]);
    desk.said();
    desk.at(500);
    assert!(matches!(&desk.given_up()[..], [(id, GiveUp::Deadline { why: None }, _)] if *id == reading));
}

#[test]
fn a_redirect_passes_the_gate_of_the_key_that_it_leads_to() {
    let mut desk = Desk::new(Policy::default());
    let there = desk.send(Call::new(key(1), Safety::Idempotent));
    desk.at(10).answer(there, 429, &[("retry-after", "3")]);
    let here = desk.at(20).send(get());
    desk.said();
    desk.at(30).redirect(here, &[], 1, Safety::Idempotent);
    assert_eq!(desk.said(), [Decision::Follow { id: here }]);
    desk.at(3_010);
    assert_eq!(desk.let_through(), [there], "the probe of the other gate, and not the redirected call beside it");
    assert!(desk.begin(there));
    desk.at(3_020).accept(there);
    assert_eq!(desk.let_through(), [here]);
}

#[test]
fn a_redirect_that_says_when_is_followed_then() {
    let mut desk = Desk::new(Policy::default());
    let id = desk.send(within(secs(60)));
    desk.said();
    desk.at(10).redirect(id, &[("retry-after", "7")], 0, Safety::Idempotent);
    assert_eq!(desk.said(), [Decision::Follow { id }]);
    desk.at(7_009);
    assert_eq!(desk.let_through(), []);
    desk.at(7_010);
    assert_eq!(desk.let_through(), [id]);
    assert!(desk.begin(id));
    desk.said();
    desk.redirect(id, &[("retry-after", "61")], 0, Safety::Idempotent);
    assert!(matches!(&desk.said()[..], [Decision::GiveUp { reason, .. }] if limited(reason) == Some(secs(61))));
}

#[test]
fn a_redirect_that_needs_the_body_again_is_returned() {
    let mut desk = Desk::new(Policy::default());
    let id = desk.send(Call::new(key(0), Safety::Once));
    desk.said();
    desk.redirect(id, &[], 1, Safety::Once);
    assert_eq!(desk.said(), [Decision::Return { id, verdict: Verdict::Unrepeatable }]);
}

#[test]
fn cancel_gives_back_what_was_not_sent_and_keeps_what_was() {
    let mut desk = Desk::told("1/s");
    let unsent = desk.call();
    desk.cancel(unsent);
    let sent = desk.send(get());
    desk.at(100).cancel(sent);
    let next = desk.call();
    desk.said();
    // No answer ever told how long the way is, so the server may have counted it a second after it left.
    desk.at(1_999);
    assert_eq!(desk.let_through(), []);
    desk.at(2_000);
    assert_eq!(desk.let_through(), [next]);
}

#[test]
fn what_never_reached_the_server_is_not_spent() {
    for told in ["1/h", "1/h fixed", "1/day at 00:00 UTC", "even 1/h"] {
        let mut desk = Desk::told(told);
        let lost = desk.send(get());
        desk.at(100).fail(lost, Failure::Connect);
        desk.cancel(lost);
        desk.at(102).send(get());
    }
}

#[test]
fn a_wall_clock_that_jumps_changes_no_wait() {
    for by in [-86_400_i64, 86_400] {
        let caller = Caller { max_wait: Some(Patience::Endless), ..Caller::default() };
        let mut policy = Policy::default();
        tell(&mut policy, "2/5s");
        let server = Server::new([Rule::sliding(2, 5 * SEC)]);
        let jumps = vec![(2 * SEC, by * 1_000_000_000)];
        let story = Story { policy, jumps, way: Way::millis(1, 0), ..Story::new(server, vec![caller; 6]) };
        let ending = story.play();
        assert_eq!((ending.ok(), ending.refused()), (6, 0));
        assert_eq!(ending.over, 10 * SEC + 6 * MS, "{by}");
    }
}

#[test]
fn a_wall_clock_that_jumps_ahead_is_noticed_within_a_minute() {
    let caller = |at| Caller { at, max_wait: Some(Patience::Endless), ..Caller::default() };
    let mut policy = Policy::default();
    tell(&mut policy, "1/day at 00:00 UTC");
    let server = Server::new([Rule::clock(1, 86_400 * SEC)]);
    let jumps = vec![(10 * SEC, 86_400_000_000_000)];
    let story = Story { policy, jumps, ..Story::new(server, vec![caller(0), caller(1)]) };
    let ending = story.play();
    assert_eq!((ending.ok(), ending.refused()), (2, 0));
    assert!(ending.over <= 71 * SEC, "{}", ending.over);
}

#[test]
fn who_listens_is_told_when_the_reason_or_the_moment_changes_and_not_else() {
    let listener = || Call { listens: true, max_wait: Some(Patience::Endless), ..get() };
    let mut desk = Desk::new(Policy::default());
    let (refused, sibling) = (desk.send(get()), desk.send(get()));
    let reasons = |desk: &mut Desk| -> Vec<_> {
        desk.waits()
            .into_iter()
            .map(|(id, why)| (id, why.reason.label(), why.until.map(|at| at.as_nanos() / MS)))
            .collect()
    };
    desk.at(10).answer(refused, 429, &[("retry-after", "5")]);
    assert_eq!(reasons(&mut desk), [], "nobody listens");
    let first = desk.at(20).submit(listener());
    let second = desk.at(30).submit(listener());
    assert_eq!(reasons(&mut desk), [(first, "server_wait", Some(5_010)), (second, "server_wait", Some(5_010))]);
    for now in 1..20 {
        desk.at(100 * now).call();
    }
    assert_eq!(reasons(&mut desk), [], "nothing has changed for them");
    desk.at(2_000).answer(sibling, 429, &[("retry-after", "9")]);
    assert_eq!(reasons(&mut desk), [(first, "server_wait", Some(11_000)), (second, "server_wait", Some(11_000))]);
    desk.at(11_000);
    assert_eq!(reasons(&mut desk).iter().map(|(_, label, _)| *label).collect::<Vec<_>>(), ["probe", "probe"]);
}

#[test]
fn who_listens_is_told_of_a_backoff() {
    let mut desk = Desk::new(Policy::default());
    let id = desk.send(Call { listens: true, ..get() });
    desk.said();
    desk.at(10).answer(id, 500, &[]);
    let said = desk.said();
    assert_eq!(said[0], Decision::Retry { id });
    assert!(matches!(said[1], Decision::Wait { why, .. } if why.reason == Reason::Backoff { fault: 1 }), "{said:?}");
}

#[test]
fn a_window_shorter_than_an_answer_does_not_stop_for_ever() {
    for told in ["1/s fixed", "4/s fixed", "1/s fixed-clock", "3/s counter"] {
        let mut policy = Policy::default();
        tell(&mut policy, told);
        let server = Server { service: 1_500 * MS, ..Server::new([Rule::sliding(100, SEC)]) };
        let caller = Caller { max_wait: Some(Patience::Endless), ..Caller::default() };
        let ending = Story { policy, ..Story::new(server, vec![caller; 20]) }.play();
        assert_eq!(ending.ok(), 20, "{told}");
    }
}

#[test]
fn ten_thousand_calls_in_a_pause_cost_nothing_each() {
    let mut desk = Desk::new(Policy { concurrency: NonZeroU32::MIN, ..Policy::default() });
    let first = desk.send(get());
    desk.answer(first, 429, &[("retry-after", "30")]);
    desk.said();
    let clock = desk.clock();
    for i in 0..10_000_u64 {
        let call = Call { deadline: Some(Instant::from_nanos((40_000 + i) * MS)), ..within(millis(30_000 + i)) };
        desk.engine.submit(call, clock);
    }
    let mut wakes = 0;
    while let Some(at) = desk.next_wake().filter(|at| *at <= 30_000) {
        desk.at(at);
        wakes += 1;
    }
    assert_eq!(wakes, 1, "the end of the pause, and nothing before it");
    assert_eq!(desk.let_through(), [first]);
}
