//! Stories of single answers: what they do to their call, and to others.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::*;
use crate::call::Safety;
use crate::decision::{GiveUp, Reason, Verdict};
use crate::policy::{LimitRule, LimitSpecs};
use crate::route::Route;
use crate::time::Wall;

/// An engine, its clock in milliseconds, and what a shell would do.
struct Story {
    engine: Engine,
    millis: u64,
}

impl Story {
    fn new(limits: &str) -> Self {
        let specs = if limits.is_empty() { Vec::new() } else { limits.parse::<LimitSpecs>().unwrap().0 };
        let limits = specs.into_iter().map(|spec| LimitRule { host: None, spec }).collect();
        Self { engine: Engine::new(Policy { limits, ..Policy::default() }, 1), millis: 1_000 }
    }

    fn now(&self) -> Now {
        let wall = Wall::from_millis(1_767_225_600_000 + self.millis.cast_signed());
        Now { mono: Instant::ZERO + Duration::from_millis(self.millis), wall }
    }

    fn submit(&mut self, path: &str, change: impl FnOnce(&mut Call)) -> CallId {
        let mut call = Call::new(Key::new("https://api.github.com", 0), Safety::Idempotent);
        call.route = Route::of_path(path);
        change(&mut call);
        let now = self.now();
        let id = self.engine.submit(call, now);
        self.engine.audit().unwrap();
        id
    }

    /// A call that leaves at once.
    fn send(&mut self, path: &str) -> CallId {
        let id = self.submit(path, |_| {});
        assert_eq!(self.sent(), [id]);
        id
    }

    /// The calls that may leave now, and do; other decisions are dropped.
    fn sent(&mut self) -> Vec<CallId> {
        let decisions = self.decisions();
        let granted = |decision: &Decision| matches!(decision, Decision::Send { .. }).then(|| decision.id())?;
        let ids: Vec<CallId> = decisions.iter().filter_map(granted).collect();
        let now = self.now();
        ids.iter().for_each(|id| assert!(self.engine.begin(*id, None, now)));
        ids
    }

    fn decisions(&mut self) -> Vec<Decision> {
        std::iter::from_fn(|| self.engine.poll_decision()).collect()
    }

    fn answer(
        &mut self,
        id: CallId,
        status: u16,
        fields: &[(&'static str, &str)],
        body: Option<&str>,
    ) -> Vec<Decision> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        let body = body.map(str::as_bytes);
        let now = self.now();
        let attempt = self.engine.account(id).map_or(0, |account| account.attempts);
        self.engine.handle(Event::Head { id, attempt, status, headers: &headers, redirect: None, body }, now);
        self.engine.audit().unwrap();
        self.decisions()
    }

    /// A 200 with these fields and a body of no interest, whether it is looked at or not.
    fn succeed(&mut self, id: CallId, fields: &[(&'static str, &str)]) {
        let decisions = self.answer(id, 200, fields, None);
        if matches!(decisions[..], [Decision::Peek { .. }]) {
            self.answer(id, 200, fields, Some("{}"));
        }
    }

    fn done(&mut self, id: CallId) {
        let now = self.now();
        self.engine.handle(Event::Done { id }, now);
        self.engine.audit().unwrap();
    }

    /// To the next wake-up, and who leaves there.
    fn sleep(&mut self) -> Vec<CallId> {
        let at = self.engine.poll_timeout().unwrap();
        self.millis = self.millis.max(at.as_nanos().div_ceil(1_000_000));
        let now = self.now();
        self.engine.handle(Event::Tick, now);
        self.engine.audit().unwrap();
        self.sent()
    }
}

fn quota(name: &'static str, remaining: &'static str, reset: &'static str) -> [(&'static str, &'static str); 4] {
    [
        ("x-ratelimit-resource", name),
        ("x-ratelimit-limit", "30"),
        ("x-ratelimit-remaining", remaining),
        ("x-ratelimit-reset", reset),
    ]
}

/// Sixty seconds after the story's second 1.
const RESET: &str = "1767225661";

#[test]
fn a_quota_that_is_used_up_does_not_hold_back_another() {
    let mut story = Story::new("");
    let search = story.send("/search/code");
    story.succeed(search, &quota("search", "0", RESET));
    let core = story.send("/repos/a/issues");
    story.succeed(core, &quota("core", "20", RESET));
    let waiting = story.submit("/search/users", |_| {});
    assert_eq!(story.sent(), []);
    let passing = story.submit("/repos/b/issues", |_| {});
    assert_eq!(story.sent(), [passing], "it draws on another quota");
    let why = story.engine.waits().next().map(|(_, why, calls)| (why.reason, calls));
    assert_eq!(why, Some((Reason::Quota { limit: Some(30) }, 1)));
    assert_eq!(story.sleep(), [waiting]);
    assert!(story.millis >= 61_000, "{}", story.millis);
}

#[test]
fn a_refusal_for_one_quota_pauses_only_what_draws_on_it() {
    let mut story = Story::new("");
    let core = story.send("/repos/a");
    story.succeed(core, &quota("core", "20", RESET));
    let search = story.send("/search/code");
    let peek = story.answer(search, 403, &quota("search", "0", RESET), None);
    assert!(matches!(peek[..], [Decision::Peek { .. }]), "{peek:?}");
    let retry =
        story.answer(search, 403, &quota("search", "0", RESET), Some(r#"{"message":"API rate limit exceeded"}"#));
    assert!(matches!(retry[..], [Decision::Retry { .. }]), "{retry:?}");
    story.send("/repos/b");
    assert_eq!(story.sleep(), [search]);
    assert!(story.millis >= 61_000);
}

#[test]
fn a_wait_for_one_quota_that_is_too_long_ends_its_calls_alone() {
    let mut story = Story::new("");
    let core = story.send("/repos/a");
    story.succeed(core, &quota("core", "20", RESET));
    let search = story.send("/search/code");
    story.succeed(search, &quota("search", "0", "1767232801"));
    let impatient = story.submit("/search/users", |_| {});
    let decisions = story.decisions();
    let [Decision::GiveUp { id, reason: GiveUp::Limited { wait: Some(wait), .. }, .. }] = decisions[..] else {
        panic!("{decisions:?}")
    };
    assert_eq!((id, wait.as_secs()), (impatient, 7_200));
    story.send("/repos/b");
}

#[test]
fn the_body_of_a_refusal_is_looked_at_before_it_is_judged() {
    let mut story = Story::new("");
    let id = story.send("/user");
    let fields = [("content-type", "application/json")];
    let peek = story.answer(id, 403, &fields, None);
    assert!(matches!(peek[..], [Decision::Peek { bytes: 1.., .. }]), "{peek:?}");
    let body = r#"{"message":"You have exceeded a secondary rate limit. Please wait a few minutes."}"#;
    let retry = story.answer(id, 403, &fields, Some(body));
    assert!(matches!(retry[..], [Decision::Retry { .. }]), "{retry:?}");
    assert_eq!(story.sleep(), [id]);
    assert!(story.millis >= 61_000, "GitHub asks for a minute: {}", story.millis);
    story.answer(id, 403, &fields, None);
    let other = story.answer(id, 403, &fields, Some(r#"{"message":"Resource not accessible"}"#));
    assert!(matches!(other[..], [Decision::Return { verdict: Verdict::Final, .. }]), "{other:?}");
}

#[test]
fn what_a_call_turned_out_to_cost_is_counted() {
    let mut story = Story::new("100/min by cost");
    let id = story.submit("/graphql", |call| call.cost = 10);
    assert_eq!(story.sent(), [id]);
    let fields = [("x-complexity", "95")];
    let host = |call: &mut Call| call.key = Key::new("https://api.linear.app", 0);
    story.succeed(id, &fields);
    story.done(id);
    // Only Linear's dialect knows that field; here it says nothing, so the estimate holds.
    assert_eq!(story.submit("/graphql", |call| call.cost = 90), story.sent()[0]);
    let id = story.submit("/graphql", |call| {
        host(call);
        call.cost = 10;
    });
    assert_eq!(story.sent(), [id]);
    story.succeed(id, &fields);
    story.done(id);
    story.submit("/graphql", |call| {
        host(call);
        call.cost = 6;
    });
    assert_eq!(story.sent(), [], "95 are spent, not 10");
    story.submit("/graphql", |call| {
        host(call);
        call.cost = 5;
    });
    assert_eq!(story.sent(), [], "in turn: the heavier call came first");
}

#[test]
fn too_many_in_flight_means_fewer_in_flight_and_no_pause() {
    let mut story = Story::new("");
    let stripe = |call: &mut Call| call.key = Key::new("https://api.stripe.com", 0);
    let ids: Vec<CallId> = (0..8).map(|_| story.submit("/v1/charges", stripe)).collect();
    assert_eq!(story.sent(), ids);
    let fields = [("stripe-rate-limited-reason", "global-concurrency")];
    story.answer(ids[7], 429, &fields, None);
    let retry = story.answer(ids[7], 429, &fields, Some("{}"));
    assert!(matches!(retry[..], [Decision::Retry { .. }]), "{retry:?}");
    assert_eq!(story.engine.waits().next().map(|(_, why, _)| why.reason), Some(Reason::Concurrency(7)));
    story.succeed(ids[0], &[]);
    story.done(ids[0]);
    assert_eq!(story.sent(), [ids[7]], "an answer makes room");
}

#[test]
fn a_server_that_says_not_to_retry_is_believed() {
    let mut story = Story::new("");
    let id = story.send("/v1/charges");
    let fields = [("x-should-retry", "false")];
    story.answer(id, 500, &fields, None);
    let decisions = story.answer(id, 500, &fields, Some(""));
    assert!(matches!(decisions[..], [Decision::Return { verdict: Verdict::Final, .. }]), "{decisions:?}");
}

#[test]
fn a_unit_that_was_set_by_hand_is_kept() {
    let units = vec![(HeaderName::from_static("x-ratelimit-reset"), crate::headers::Scale::Millis)];
    let mut story = Story::new("");
    story.engine = Engine::new(Policy { units, ..Policy::default() }, 1);
    let host = |call: &mut Call| call.key = Key::new("https://api.example.com", 0);
    let id = story.submit("/x", host);
    assert_eq!(story.sent(), [id]);
    story.succeed(id, &[("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "3000")]);
    story.done(id);
    let next = story.submit("/x", host);
    assert_eq!(story.sent(), []);
    assert_eq!(story.sleep(), [next]);
    assert_eq!(story.millis, 4_000, "3 s, and not 50 min");
}

#[test]
fn a_401_asks_once_for_another_credential_and_holds_nothing_meanwhile() {
    let mut story = Story::new("concurrency 1");
    let first = story.submit("/a", |call| (call.renews, call.safety) = (true, Safety::Unsafe));
    assert_eq!(story.sent(), [first]);
    let second = story.submit("/b", |_| {});
    let decisions = story.answer(first, 401, &[], None);
    assert_eq!(decisions[0], Decision::Renew { id: first });
    assert!(matches!(decisions[1], Decision::Send { id, .. } if id == second), "{decisions:?}");
    let now = story.now();
    assert!(story.engine.begin(second, None, now));
    story.engine.handle(Event::Renewed { id: first }, now);
    assert_eq!(story.sent(), [], "the only place is taken");
    story.succeed(second, &[]);
    story.engine.handle(Event::Done { id: second }, now);
    assert_eq!(story.sent(), [first]);
    let refused = story.answer(first, 401, &[], None);
    assert_eq!(refused, [Decision::Return { id: first, verdict: Verdict::Final }]);
    assert_eq!(story.engine.stats(now).retries, 1);
}

#[test]
fn a_call_goes_by_its_own_rules() {
    let mut story = Story::new("");
    let mut rules = Policy { retries: 0, busy: vec![StatusCode::CONFLICT], ..Policy::default() };
    rules.max_wait = crate::call::Patience::Within(Duration::from_secs(1));
    let rules = Arc::new(rules);
    let own = |call: &mut Call| call.rules = Some(Arc::clone(&rules));
    let call = story.submit("/a", own);
    assert_eq!(story.sent(), [call]);
    let decisions = story.answer(call, 500, &[], Some(""));
    assert_eq!(decisions, [Decision::Return { id: call, verdict: Verdict::Exhausted }]);
    let (mine, other) = (story.submit("/a", own), story.submit("/a", |_| {}));
    assert_eq!(story.sent(), [mine, other]);
    assert!(matches!(story.answer(other, 409, &[], None)[..], [Decision::Return { .. }]));
    let decisions = story.answer(mine, 409, &[("retry-after", "2")], None);
    assert!(matches!(decisions[..], [Decision::Retry { .. }, Decision::GiveUp { .. }]), "{decisions:?}");
}

#[test]
fn a_bucket_has_limits_of_its_own() {
    let mut story = Story::new("1/h");
    let limits = "2/h".parse::<LimitSpecs>().unwrap().0;
    let limits = limits.into_iter().map(|spec| LimitRule { host: None, spec }).collect();
    let bucket = Arc::new(Policy { limits, ..Policy::default() });
    let mut policy = (*story.engine.policy).clone();
    policy.buckets.insert("search".into(), bucket);
    story.engine = Engine::new(policy, 1);
    let search = |call: &mut Call| call.key = call.key.clone().in_bucket("search");
    let first = story.submit("/a", |_| {});
    let [second, third] = [(); 2].map(|()| story.submit("/search", search));
    assert_eq!(story.sent(), [first, second, third]);
    story.submit("/search", search);
    story.submit("/a", |_| {});
    assert_eq!(story.sent(), []);
}

#[test]
fn a_request_whose_body_is_gone_is_not_sent_again() {
    let mut story = Story::new("");
    let id = story.send("/a");
    let now = story.now();
    story.engine.handle(Event::Spent { id }, now);
    assert_eq!(story.answer(id, 429, &[], Some("")), [Decision::Return { id, verdict: Verdict::Unrepeatable }]);
}

#[test]
fn answers_that_nobody_reads_are_named_once_when_they_hold_every_place() {
    let mut story = Story::new("concurrency 2");
    let held = [story.send("/a"), story.send("/b")];
    held.iter().for_each(|id| story.succeed(*id, &[]));
    let waiting = story.submit("/c", |_| {});
    assert_eq!(story.decisions(), []);
    let tick = |story: &mut Story| {
        let at = story.engine.poll_timeout().unwrap();
        story.millis = at.as_nanos().div_ceil(1_000_000);
        let now = story.now();
        story.engine.handle(Event::Tick, now);
        story.engine.audit().unwrap();
        story.decisions()
    };
    assert_eq!(tick(&mut story), [Decision::Unread { id: waiting, holders: held.to_vec() }]);
    assert_eq!(story.millis, 11_000);
    assert_eq!(story.engine.poll_timeout(), None);
    story.done(held[0]);
    assert_eq!(story.sent(), [waiting]);
}

#[test]
fn a_place_that_becomes_free_in_time_is_no_news() {
    let mut story = Story::new("concurrency 1");
    let first = story.send("/a");
    story.succeed(first, &[]);
    let second = story.submit("/b", |_| {});
    story.submit("/c", |_| {});
    story.millis += 9_000;
    story.done(first);
    assert_eq!(story.sent(), [second]);
    story.millis += 9_000;
    let now = story.now();
    story.engine.handle(Event::Tick, now);
    assert_eq!(story.decisions(), [], "the second is not answered, so it is not the caller that is slow");
}

#[test]
fn a_call_that_is_cancelled_in_its_backoff_gives_its_retry_back() {
    let mut story = Story::new("");
    let id = story.send("/a");
    story.answer(id, 500, &[], Some(""));
    assert_ne!(story.engine.gates[0].budget, crate::retry::Budget::default());
    let now = story.now();
    story.engine.cancel(id, now);
    assert_eq!(story.engine.gates[0].budget, crate::retry::Budget::default());
    assert!(story.engine.calls.is_empty());
}
