//! Knowledge goes to text and back unchanged, whatever stands there is brought within bounds, and runs go on from it.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::adapt::{Controller, End, Learner, Opening, Ticket};
use crate::sim::{Caller, Controlled, Ending, Network, Report, Rule, Server, World};
use crate::time::{Instant, Now, Offset};

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const WRITTEN: Wall = Wall::from_secs(1_790_000_000);

fn before(ago: Duration) -> Wall {
    WRITTEN - Offset::from_nanos(i64::try_from(ago.as_nanos()).unwrap())
}

fn past() -> impl Strategy<Value = Wall> {
    (0..34_000_000_000_000_000_u64).prop_map(|nanos| before(Duration::from_nanos(nanos)))
}

fn period() -> impl Strategy<Value = Duration> {
    (1_000_000..30_000_000_000_000_000_u64).prop_map(Duration::from_nanos)
}

fn shape() -> impl Strategy<Value = Shape> {
    let window =
        (past(), past(), 0..1_000_u64).prop_map(|(a, b, used)| Opened { earliest: a.min(b), latest: a.max(b), used });
    prop_oneof![
        (period(), any::<bool>()).prop_map(|(period, counts_refused)| Shape::Sliding { period, counts_refused }),
        (period(), prop::option::of(window)).prop_map(|(period, window)| Shape::Fixed { period, window }),
        period().prop_map(|period| Shape::Clock { period }),
        (period(), any::<bool>()).prop_map(|(period, counts_refused)| Shape::Counter { period, counts_refused }),
        (period(), past(), past()).prop_map(|(interval, full_early, full_late)| Shape::Bucket {
            interval,
            full_early,
            full_late
        }),
        Just(Shape::Cap),
    ]
}

fn belief() -> impl Strategy<Value = Belief> {
    let micro = 1_000_000_u64..1_000_000_000_000_000;
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (shape(), micro.clone(), prop::option::of(micro), flags).prop_map(|(shape, least, most, flags)| Belief {
        shape,
        least: least as f64 / 1e6,
        most: most.map(|most| most as f64 / 1e6),
        is_second: flags.0,
        is_odd: flags.1,
        is_doubted: flags.2,
    })
}

fn spent() -> impl Strategy<Value = Spent> {
    let fate = prop::sample::select(vec![Fate::Accepted, Fate::Refused, Fate::Unknown]);
    (past(), prop::option::of(period()), 1..1_000_u64, fate).prop_map(|(sent, trip, count, fate)| Spent {
        sent,
        trip,
        count,
        fate,
    })
}

fn knowledge() -> impl Strategy<Value = Knowledge> {
    let drought = (past(), period(), period(), any::<bool>()).prop_map(|(since, tried, refused, is_first)| Drought {
        since,
        tried: (since + tried).min(WRITTEN),
        refused: (since + refused).min(WRITTEN),
        is_first,
    });
    let proof = (0..1_u64 << 53, 0..1_u64 << 53, prop::option::of(past()), prop::option::of(past()))
        .prop_map(|(accepted, refused, confirmed, tested)| Proof { accepted, refused, confirmed, tested });
    let lists = (prop::collection::vec(belief(), 0..8), prop::collection::vec(spent(), 0..20));
    let is_refined = any::<bool>();
    let trips = (prop::option::of(period()), prop::option::of(period()), period());
    (lists, prop::option::of(period()), prop::option::of(drought), trips, proof, is_refined).prop_map(
        |(
            (beliefs, mut spent),
            pause,
            drought,
            (shortest_accepted, shortest_refused, longest_drought),
            proof,
            is_refined,
        )| {
            spent.sort_by_key(|spent| (spent.sent, spent.fate));
            let pause = pause.map(|wait| WRITTEN + wait);
            let written = WRITTEN;
            Knowledge {
                written,
                beliefs,
                spent,
                pause,
                drought,
                is_refined,
                longest_drought,
                shortest_accepted,
                shortest_refused,
                proof,
            }
        },
    )
}

/// Puts something else at the end of a way into an object.
fn alter(json: &mut Value, path: &[prop::sample::Index], wrong: Value) {
    match (json, path) {
        (Value::Array(all), [index, rest @ ..]) if !all.is_empty() => alter(index.get_mut(all), rest, wrong),
        (Value::Object(all), [index, rest @ ..]) if !all.is_empty() => {
            let (_, inner) = {
                let n = index.index(all.len());
                all.iter_mut().nth(n)
            }
            .unwrap();
            alter(inner, rest, wrong);
        }
        (json, _) => *json = wrong,
    }
}

proptest! {
    #[test]
    fn it_reads_back_as_it_was_written(knowledge in knowledge()) {
        // Of equal attempts any order is the same.
        let read: Knowledge = knowledge.to_string().parse().unwrap();
        prop_assert_eq!(read, knowledge);
    }

    #[test]
    fn no_text_is_too_strange(text in ".{0,200}") {
        let _ = text.parse::<Knowledge>();
    }

    /// Any number or kind at any place is an error, or something that a learner can live with.
    #[test]
    fn what_was_altered_harms_nobody(
        knowledge in knowledge(),
        path in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        wrong in prop::sample::select(vec!["null", "-1", "0", "1e300", "18446744073709551615", "\"x\"", "[]", "{}", "true", "1e-9"]),
        wait in 0..10_000_u64,
    ) {
        let mut json = knowledge.to_json();
        alter(&mut json, &path, serde_json::from_str(wrong).unwrap());
        if let Ok(read) = Knowledge::from_json(&json) {
            let mut now = Now { mono: Instant::ZERO + secs(86_400 * 30), wall: read.written + secs(1) };
            let mut learner = Learner::new(1);
            learner.recall(&read, now);
            for _ in 0..20 {
                now = Now { mono: now.mono + Duration::from_millis(wait), wall: now.wall + Duration::from_millis(wait) };
                let _ = learner.opening(1, now);
                let ticket = learner.on_sent(now);
                learner.on_end(ticket, if wait % 3 == 0 { End::Refused(None) } else { End::Accepted }, now);
            }
            if let Some(knowledge) = learner.knowledge(now) {
                prop_assert!(knowledge.to_string().parse::<Knowledge>().is_ok(), "{}", knowledge);
            }
        }
    }
}

#[test]
fn a_later_version_and_a_fragment_are_told_apart_from_knowledge() {
    let text = Knowledge { written: WRITTEN, ..Knowledge::default() }.to_string();
    assert!(text.parse::<Knowledge>().is_ok());
    assert_eq!(
        text.replace("\"version\":1", "\"version\":2").parse::<Knowledge>(),
        Err(KnowledgeError::Version(Some(2)))
    );
    assert!(matches!(text[..text.len() - 1].parse::<Knowledge>(), Err(KnowledgeError::Form(_))));
    let more = text.replacen('{', "{\"later\":[1],", 1);
    assert!(more.parse::<Knowledge>().is_ok());
}

#[test]
fn it_is_trusted_by_its_age() {
    let known = |confirmed, tested| Knowledge {
        written: WRITTEN,
        proof: Proof { confirmed: Some(before(confirmed)), tested: Some(before(tested)), ..Proof::default() },
        ..Knowledge::default()
    };
    let fresh = known(secs(1), secs(60));
    assert_eq!(fresh.trust(WRITTEN), Trust::Fresh);
    assert_eq!(fresh.trust(WRITTEN + secs(2 * 86_400)), Trust::Tested);
    assert_eq!(fresh.trust(WRITTEN + secs(8 * 86_400)), Trust::Hint);
    assert_eq!(fresh.trust(before(secs(3))), Trust::Fresh);
    for wrong in [before(secs(60)), Wall::from_secs(1_000_000), WRITTEN + secs(401 * 86_400)] {
        assert_eq!(fresh.trust(wrong), Trust::Nonsense);
    }
}

#[test]
fn a_belief_reads_as_a_limit() {
    let read = |shape, least| {
        Belief { shape, least, most: None, is_second: false, is_odd: false, is_doubted: false }.to_string()
    };
    let bucket = |interval| Shape::Bucket { interval, full_early: WRITTEN, full_late: WRITTEN };
    assert_eq!(read(bucket(Duration::from_millis(50)), 10.98), "20/s burst 10");
    assert_eq!(read(bucket(secs(2)), 1.0), "even 30/min");
    assert_eq!(read(bucket(Duration::from_nanos(58_823_529)), 13.0), "17/s burst 12");
    assert_eq!(read(Shape::Fixed { period: secs(5), window: None }, 50.0), "50/5s fixed");
    assert_eq!(read(Shape::Cap, 1.0), "a limit of unknown size");
}

/// A learner that is forgotten after each attempt that leaves nothing in flight: what is left is the text of its knowledge.
#[derive(Clone, Debug)]
struct Forgetful {
    learner: Learner,
    flying: u32,
    /// The text is read this much later on a clock that began anew.
    text: Option<String>,
}

impl Forgetful {
    fn learner(&mut self, now: Now) -> &mut Learner {
        if let Some(text) = self.text.take() {
            self.learner = Learner::new(1);
            self.learner.recall(&text.parse().unwrap(), now);
        }
        &mut self.learner
    }
}

impl Forgetful {
    fn new() -> Self {
        Self { learner: Learner::new(1), flying: 0, text: None }
    }
}

impl Controller for Forgetful {
    fn on_sent(&mut self, now: Now) -> Ticket {
        self.flying += 1;
        self.learner(now).on_sent(now)
    }

    fn on_end(&mut self, ticket: Ticket, end: End, now: Now) {
        self.flying -= 1;
        self.learner(now).on_end(ticket, end, now);
        if self.flying == 0 {
            self.text = self.learner.knowledge(now).map(|knowledge| knowledge.to_string());
        }
    }

    fn opening(&mut self, left: u64, now: Now) -> Opening {
        self.learner(now).opening(left, now)
    }
}

fn run(server: &Server, controller: impl Controller, seed: u64, workers: usize) -> Report {
    let network = Network::round_trip(Duration::from_millis(1)).jitter(Duration::from_micros(50));
    let world = World::new(server.clone()).network(network).seed(seed).begins_at(Instant::ZERO + secs(30 * 86_400));
    let report = world.horizon(secs(100_000)).run(Controlled::new(controller), Caller::new(200).workers(workers));
    assert_eq!(report.ending, Ending::Done, "{report}");
    report
}

#[test]
fn a_loop_of_short_runs_goes_on_as_one_long_run_does() {
    let rules =
        [Rule::bucket(20, secs(1), 10), Rule::fixed(50, secs(5)), Rule::sliding(50, secs(5)), Rule::clock(30, secs(1))];
    for rule in rules {
        let server = Server::new(rule);
        for seed in 0..3 {
            let long = run(&server, Learner::new(1), seed, 1);
            let short = run(&server, Forgetful::new(), seed, 1);
            // Chance moves their pilots apart.
            assert!(short.total.refused <= long.total.refused + 1, "{rule}: {short}; {long}");
            assert!(short.time <= long.time + Duration::from_millis(1), "{rule}: {short}; {long}");
        }
    }
}

/// A run of 8 in flight that begins so long after another one, whose knowledge it reads.
fn later_run(earlier: Rule, rule: Rule, after: Duration) -> Report {
    let network = Network::round_trip(Duration::from_millis(1)).jitter(Duration::from_micros(50));
    let start = Instant::ZERO + secs(30 * 86_400);
    let world = |rule| World::new(Server::new(rule)).network(network);
    let mut client = Controlled::new(Learner::new(1));
    let first = world(earlier).begins_at(start).run(&mut client, Caller::new(200).workers(8));
    let now = Now { mono: start + first.time, wall: world(earlier).start().wall + first.time };
    let text = client.into_controller().knowledge(now).unwrap().to_string();
    let mut learner = Learner::new(2);
    // In a process whose clock began anew.
    let later = start + secs(86_400);
    learner.recall(&text.parse().unwrap(), Now { mono: later, wall: now.wall + after });
    let report = world(rule).begins_at(later).run(Controlled::new(learner), Caller::new(400).workers(8));
    assert_eq!(report.ending, Ending::Done, "{report}");
    report
}

const RULES: [Rule; 4] = [
    Rule::bucket(20, Duration::from_secs(1), 10),
    Rule::fixed(50, Duration::from_secs(5)),
    Rule::clock(50, Duration::from_secs(5)),
    Rule::sliding(50, Duration::from_secs(5)).counting_refused(),
];

#[test]
fn a_later_run_that_reads_what_the_first_one_wrote_hits_nothing() {
    for rule in RULES {
        for after in [secs(60), secs(3_600), secs(20 * 3_600)] {
            let report = later_run(rule, rule, after);
            assert_eq!(report.total.refused, 0, "{rule}: {report}");
            assert!(report.ratio() <= 1.015, "{rule}: {report}");
        }
    }
}

const DAY: u64 = 86_400;

#[test]
fn once_a_day_one_attempt_tests_whether_a_limit_was_raised() {
    for days in [2, 8] {
        for rule in RULES {
            let report = later_run(rule, rule, secs(days * DAY));
            assert!(report.total.refused <= 1 && report.ratio() <= 1.015, "{rule}: {report}");
        }
        for (old, new) in [
            (Rule::fixed(50, secs(5)), Rule::fixed(90, secs(5))),
            (Rule::sliding(50, secs(5)), Rule::sliding(100, secs(5))),
            (Rule::bucket(10, secs(1), 10), Rule::bucket(20, secs(1), 10)),
        ] {
            let report = later_run(old, new, secs(days * DAY));
            assert!(report.total.refused <= 1 && report.ratio() <= 1.05, "{old} to {new}: {report}");
        }
    }
}

#[test]
fn a_limit_that_was_lowered_is_found_out() {
    for after in [3_600, 2 * DAY, 8 * DAY] {
        for (old, new) in [
            (Rule::fixed(50, secs(5)), Rule::fixed(25, secs(5))),
            (Rule::bucket(20, secs(1), 10), Rule::bucket(10, secs(1), 10)),
        ] {
            let report = later_run(old, new, secs(after));
            assert!(report.ratio() <= 2.0, "{old} to {new}: {report}");
        }
    }
}
