//! Watches a story and panics where a law is broken. It keeps its own, simpler books: what a caller and a server can see.

use std::collections::BTreeMap;
use std::time::Duration;

use abide_core::call::{Account, Patience, Safety};
use abide_core::decision::{GiveUp, Reason, Verdict, Why};
use abide_core::event::Failure;
use abide_core::headers::Wait;
use abide_core::policy::{LimitSpec, Policy};
use abide_core::time::{Instant, Now};
use abide_core::{CallId, Engine};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use crate::rules::{MS, SEC};
use crate::silence::Silence;
use crate::stage::{Caller, End, Story};
use crate::world::Saying;

/// The soonest that an attempt gets another beside it.
const LEAST_STALL: u64 = 500 * MS;
/// The soonest that a silent probe hands its turn on.
const HANDS_ON: u64 = SEC;

#[derive(Debug)]
pub(crate) struct Judge {
    policy: Policy,
    cap: usize,
    calls: BTreeMap<CallId, Record>,
    servers: Vec<Shadow>,
    refusals: u64,
    bare: u64,
    hedges: u64,
}

#[derive(Clone, Debug)]
struct Record {
    caller: Caller,
    submitted: u64,
    server: usize,
    state: State,
    begun: u32,
    follows: u32,
    /// Whether the next attempt repeats the last, and how many did.
    repeats: bool,
    repeated: u64,
    sent: u64,
    flown: u64,
    /// The attempts that are under way, with the moment at which they left.
    out: Vec<(u32, u64)>,
    faults: u32,
    bare: u32,
    /// Whether the last attempt may have been answered with a backoff.
    failed: bool,
    /// Whether the server may have acted on an attempt that failed.
    ambiguous: bool,
    told: Option<Why>,
    verdict: Option<Verdict>,
    /// A wait of its own: a redirect came with it.
    not_before: u64,
    landed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    /// In a backoff, or maybe.
    Aside,
    Granted,
    Out,
    Landed,
    Over,
}

/// What everybody who watches a server knows of its pauses.
#[derive(Clone, Debug, Default)]
struct Shadow {
    /// Only told waits are sure: something else may be said that the judge does not read.
    speaks: bool,
    quiet_until: u64,
    /// When a refusal last spoke of waiting.
    told_at: u64,
    event: Option<u64>,
    /// The event may be none, for the judge does not know what the engine made of it.
    unsure: bool,
    /// The first sign of trouble since something was accepted.
    drought: Option<u64>,
    /// The pause is not over: who left since it ended, and how many were accepted.
    paused: bool,
    probe: Option<(CallId, u64)>,
    out: BTreeMap<CallId, u64>,
    accepted: u32,
    busy: usize,
    silence: Silence,
}

impl Judge {
    pub(crate) fn new(story: &Story) -> Self {
        let told = story.policy.limits.iter().filter_map(|rule| match rule.spec {
            LimitSpec::Concurrency(n) => Some(n),
            _ => None,
        });
        let cap = told.chain([story.policy.concurrency.get()]).min().unwrap_or(1) as usize;
        let servers = story
            .servers
            .iter()
            .map(|server| Shadow { speaks: server.quotas, silence: Silence::of(server), ..Shadow::default() })
            .collect();
        Self { policy: story.policy.clone(), cap, calls: BTreeMap::new(), servers, refusals: 0, bare: 0, hedges: 0 }
    }

    pub(crate) fn on_submitted(&mut self, id: CallId, _caller: usize, caller: &Caller, now: u64) {
        let record = Record {
            caller: caller.clone(),
            submitted: now,
            server: caller.server,
            state: State::Ready,
            begun: 0,
            follows: 0,
            repeats: false,
            repeated: 0,
            sent: 0,
            flown: 0,
            out: Vec::new(),
            faults: 0,
            bare: 0,
            failed: false,
            ambiguous: false,
            told: None,
            verdict: None,
            not_before: 0,
            landed: now,
        };
        self.calls.insert(id, record);
    }

    /// Laws 8 and 9.
    pub(crate) fn on_granted(&mut self, id: CallId, attempt: u32, now: u64) {
        let record = &self.calls[&id];
        assert_eq!(attempt, record.begun + 1, "{id} counts its attempts");
        match record.caller.safety {
            Safety::Idempotent => {}
            Safety::Unsafe => assert!(!record.ambiguous, "{id} may do something twice"),
            Safety::Once => assert_eq!(record.begun, 0, "{id} has no body any more"),
        }
        self.assert_in_turn(id, now);
        let record = self.record(id);
        record.state = State::Granted;
        record.told = None;
    }

    fn assert_in_turn(&self, id: CallId, now: u64) {
        let rank = |id: &CallId, record: &Record| (-i16::from(record.caller.priority), *id);
        let mine = rank(&id, &self.calls[&id]);
        let passed = self.calls.iter().find(|(other, record)| {
            record.state == State::Ready && record.server == self.calls[&id].server && rank(other, record) < mine
        });
        assert!(passed.is_none(), "{id} passes {passed:?} at {now}");
    }

    /// A second attempt goes beside one that has stalled, of a call that only reads, in turn, and outside of pauses.
    pub(crate) fn on_hedge_granted(&mut self, id: CallId, attempt: u32, now: u64) {
        let record = &self.calls[&id];
        assert_eq!(attempt, record.begun + 1, "{id} counts its attempts");
        assert!(self.policy.hedge && record.caller.reads && record.caller.safety == Safety::Idempotent, "{record:?}");
        assert!(record.state == State::Out && record.out.len() == 1, "{record:?}");
        assert!(now >= record.out[0].1 + LEAST_STALL, "{id} is hedged at {now}: {record:?}");
        assert!(!self.servers[record.server].paused, "{id} is hedged in a pause");
        self.assert_in_turn(id, now);
    }

    pub(crate) fn on_hedged(&mut self, id: CallId, server: usize, now: u64) {
        self.hedges += 1;
        let cap = self.cap;
        let shadow = &mut self.servers[server];
        assert!(now >= shadow.quiet_until, "{id} leaves at {now} in a pause until {}", shadow.quiet_until);
        assert!(shadow.busy < cap, "{id} is one too many in flight");
        shadow.busy += 1;
        let record = self.record(id);
        record.begun += 1;
        let begun = record.begun;
        record.out.push((begun, now));
    }

    /// An attempt is of no use any more, for the other was answered, or it was not answered with a result itself.
    pub(crate) fn on_dropped(&mut self, id: CallId, attempt: u32) {
        let record = self.record(id);
        record.out.retain(|(out, _)| *out != attempt);
        if !record.out.is_empty() {
            record.state = State::Out;
        }
        let server = record.server;
        self.servers[server].busy -= 1;
    }

    /// An attempt has come back. Returns when it had left, and whether the call's fate hangs on it.
    fn land(&mut self, id: CallId, attempt: u32, is_result: bool, now: u64) -> (u64, bool) {
        let record = self.record(id);
        let sent = record.out.iter().find(|(out, _)| *out == attempt).map_or(record.sent, |(_, sent)| *sent);
        let was_out = !record.out.is_empty();
        record.out.retain(|(out, _)| *out != attempt);
        let decides = is_result || record.out.is_empty();
        if was_out && decides {
            record.flown += now - record.sent;
        }
        record.state = State::Landed;
        record.landed = now;
        (sent, decides)
    }

    pub(crate) fn on_lapsed(&mut self, id: CallId, now: u64) {
        let record = self.record(id);
        record.state = State::Ready;
        record.landed = now;
    }

    /// Laws 1, 4, 5 and 6.
    pub(crate) fn on_begun(&mut self, id: CallId, server: usize, now: u64) {
        let cap = self.cap;
        assert!(now >= self.calls[&id].not_before, "{id} was told to wait");
        let shadow = &mut self.servers[server];
        assert!(now >= shadow.quiet_until, "{id} leaves at {now} in a pause until {}", shadow.quiet_until);
        assert!(shadow.busy < cap, "{id} is one too many in flight");
        shadow.busy += 1;
        shadow.silence.on_begun(id, now);
        if shadow.paused {
            if shadow.accepted == 0 {
                if let Some((probe, since)) = shadow.probe {
                    assert!(now >= since + HANDS_ON, "{id} goes beside the probe {probe}");
                }
                shadow.probe = Some((id, now));
            } else {
                let width = 1_usize << shadow.accepted.min(16);
                assert!(shadow.out.len() < width, "{id} is one too many in a ramp of {width}");
            }
            shadow.out.insert(id, now);
        }
        let record = self.record(id);
        record.state = State::Out;
        record.begun += 1;
        record.repeated += u64::from(record.repeats);
        record.sent = now;
        let begun = record.begun;
        record.out.push((begun, now));
    }

    pub(crate) fn on_answered(
        &mut self,
        id: CallId,
        attempt: u32,
        server: usize,
        status: StatusCode,
        headers: &HeaderMap,
        now: u64,
    ) {
        let (sent, decides) = self.land(id, attempt, !matches!(status.as_u16(), 429 | 500 | 503), now);
        let record = self.record(id);
        let told = headers.get(RETRY_AFTER).and_then(|value| Saying::means(value.to_str().ok()?));
        if status.is_redirection() {
            record.not_before = now.saturating_add(told.unwrap_or(0));
        }
        let shadow = &mut self.servers[server];
        match status.as_u16() {
            429 => {
                shadow.end_of(id, now);
                shadow.drought.get_or_insert(now);
                shadow.silence.on_refused(id, sent, now);
                if let Some(told) = told {
                    shadow.on_told(sent, told, now);
                }
                self.refusals += 1;
                self.record(id).failed = false;
            }
            503 => {
                shadow.silence.on_suspected(id, now);
                shadow.end_of(id, now);
                shadow.drought.get_or_insert(now);
                shadow.on_trouble(now);
                // A pause of its own, maybe, with a ramp of its own.
                shadow.paused = false;
                self.bare += 1;
                let record = self.record(id);
                record.bare += u32::from(decides);
                record.faults += u32::from(decides);
                record.failed = true;
                record.ambiguous = true;
            }
            500 => {
                shadow.end_of(id, now);
                shadow.drought.get_or_insert(now);
                shadow.on_trouble(now);
                let record = self.record(id);
                record.faults += u32::from(decides);
                record.failed = true;
                record.ambiguous = true;
            }
            _ => {
                shadow.silence.on_accepted(id, sent, now);
                shadow.on_accepted(id, self.cap);
            }
        }
    }

    pub(crate) fn on_failed(&mut self, id: CallId, attempt: u32, failure: Failure, now: u64) {
        let (_, decides) = self.land(id, attempt, false, now);
        let record = self.record(id);
        record.faults += u32::from(decides);
        record.failed = true;
        record.ambiguous |= !failure.precedes_sending();
        let server = record.server;
        let shadow = &mut self.servers[server];
        shadow.end_of(id, now);
        shadow.drought.get_or_insert(now);
        shadow.on_trouble(now);
    }

    /// The caller went away, or its call was ended, with something of it under way.
    pub(crate) fn on_lost(&mut self, id: CallId, now: u64) {
        let record = self.record(id);
        let (state, server) = (std::mem::replace(&mut record.state, State::Over), record.server);
        let out = std::mem::take(&mut record.out).len();
        if matches!(state, State::Out | State::Landed) {
            self.servers[server].busy -= out.max(1);
            self.servers[server].end_of(id, now);
        }
    }

    pub(crate) fn on_retry(&mut self, id: CallId, _now: u64) {
        let record = self.record(id);
        record.repeats = true;
        record.state = if record.failed { State::Aside } else { State::Ready };
        let server = record.server;
        self.servers[server].busy -= 1;
    }

    pub(crate) fn on_follow(&mut self, id: CallId, to: usize, now: u64) {
        let record = self.record(id);
        record.follows += 1;
        record.repeats = false;
        record.state = if record.not_before > now { State::Aside } else { State::Ready };
        let from = std::mem::replace(&mut record.server, to);
        self.servers[from].busy -= 1;
    }

    /// Laws 9 and 10.
    pub(crate) fn on_returned(&mut self, id: CallId, verdict: Verdict, now: u64) {
        let retries = self.policy.retries;
        let worn = self.is_worn_out(id, now);
        let record = self.record(id);
        match verdict {
            Verdict::Final => {}
            Verdict::Exhausted => assert!(
                record.faults > retries || record.bare >= 10 || record.caller.deadline.is_some() || worn,
                "{id} has tries left: {record:?}"
            ),
            Verdict::Unrepeatable => assert_ne!(record.caller.safety, Safety::Idempotent, "{id} can be repeated"),
            other => panic!("{other:?} is not part of these stories"),
        }
        record.verdict = Some(verdict);
    }

    pub(crate) fn verdict(&mut self, id: CallId, now: u64) -> Verdict {
        self.on_lost(id, now);
        self.calls[&id].verdict.unwrap_or(Verdict::Final)
    }

    /// Laws 2 and 10: a call ends without an answer only where its caller's own bounds say so.
    pub(crate) fn on_given_up(&mut self, id: CallId, reason: &GiveUp, now: u64) {
        let worn = self.is_worn_out(id, now);
        let record = &self.calls[&id];
        let shadow = &self.servers[record.server];
        let deadline = record.caller.deadline.map(|after| record.submitted + after);
        match reason {
            GiveUp::Limited { why, wait } => {
                let patience = self.patience(record);
                let stated = matches!(why.reason, Reason::ServerWait { .. } | Reason::Quota { .. } | Reason::Limit(_));
                let too_long = stated && wait.is_some_and(|wait| wait > patience.min(Wait::LONGEST));
                assert!(worn || too_long, "{id} is sent away at {now} from {why:?}: {record:?} {shadow:?}");
                if matches!(why.reason, Reason::ServerWait { .. }) && !shadow.speaks {
                    let own = record.not_before > now && record.landed == now;
                    let until = if own { record.not_before } else { shadow.quiet_until };
                    assert!(wait.map(nanos) >= Some(until.saturating_sub(now)), "{id} is not told the full time");
                    // What comes from a backoff of its own is told when that ends.
                    let at_once = [shadow.told_at, record.landed].contains(&now) || record.state == State::Aside;
                    assert!(at_once, "{id} waits at {now} before it is refused");
                }
            }
            GiveUp::Deadline { why } => {
                let stated = why.and_then(|why| why.until).map(Instant::as_nanos);
                assert!(
                    deadline.is_some_and(|deadline| deadline <= now || stated >= Some(deadline)),
                    "{id} has time left: {record:?}"
                );
            }
            GiveUp::Failed(failure) => assert!(
                record.faults > self.policy.retries || !failure.is_transient() || deadline.is_some() || worn,
                "{id} has tries left: {record:?}"
            ),
            GiveUp::Unrepeatable(_) => assert_ne!(record.caller.safety, Safety::Idempotent, "{id} can be repeated"),
            GiveUp::Redirects(most) => assert_eq!(record.follows, *most),
            GiveUp::TooExpensive(_) => assert!(record.caller.cost > 1),
            other => panic!("{other:?} is not part of these stories"),
        }
        self.on_lost(id, now);
    }

    pub(crate) fn on_wait(&mut self, id: CallId, why: Why, now: u64) {
        let record = self.record(id);
        assert!(record.caller.listens, "{id} does not listen");
        let close = |a: Instant, b: Instant| a.since(b).max(b.since(a)) < Duration::from_millis(1);
        let same = record.told.is_some_and(|told| {
            told.reason == why.reason
                && match (told.until, why.until) {
                    (Some(a), Some(b)) => close(a, b),
                    (a, b) => a == b,
                }
        });
        assert!(!same, "{id} is told twice that it waits for {why:?}");
        assert!(why.until.is_none_or(|until| until.as_nanos() > now), "{id} waits for what is over: {why:?}");
        record.told = Some(why);
    }

    pub(crate) fn on_account(&mut self, id: CallId, account: &Account, now: u64) {
        let record = &self.calls[&id];
        assert_eq!(account.attempts, record.begun, "attempts of {id}");
        let most = now - record.submitted - record.flown;
        assert!(nanos(account.total_wait()) <= most, "{id} waited longer than {most}: {account:?}");
    }

    pub(crate) fn end(&self, engine: &Engine, ends: &[(u64, End)], now: Now) {
        let stats = engine.stats(now);
        let begun: u64 = self.calls.values().map(|record| u64::from(record.begun)).sum();
        let again: u64 = self.calls.values().map(|record| record.repeated).sum();
        let ok = ends.iter().filter(|(_, end)| matches!(end, End::Answered(status, _) if status.as_u16() < 400));
        assert_eq!(stats.calls, ends.len() as u64);
        assert_eq!(stats.ok + stats.failed, ends.len() as u64);
        assert_eq!(stats.ok, ok.count() as u64);
        assert_eq!(stats.requests, begun);
        assert_eq!(stats.retries, again);
        assert_eq!(stats.hedges, self.hedges);
        assert!((self.refusals..=self.refusals + self.bare).contains(&stats.rate_limited), "{stats:?}");
        assert!(self.servers.iter().all(|shadow| shadow.busy == 0), "{:?}", self.servers);
    }

    fn patience(&self, record: &Record) -> Duration {
        match record.caller.max_wait.unwrap_or(self.policy.max_wait) {
            Patience::Within(patience) => patience,
            Patience::Endless => Wait::LONGEST,
        }
    }

    /// Whether the server took nothing for as long as the caller allows.
    fn is_worn_out(&self, id: CallId, now: u64) -> bool {
        let record = &self.calls[&id];
        let shadow = &self.servers[record.server];
        // What was learned can hold back everybody while nothing is under way.
        let dry = shadow.drought.into_iter().chain(shadow.silence.idle).min();
        let since = dry.map(|dry| dry.max(record.submitted));
        since.is_some_and(|since| since + nanos(self.patience(record)) <= now)
    }

    fn record(&mut self, id: CallId) -> &mut Record {
        self.calls.get_mut(&id).expect("every call is submitted first")
    }
}

impl Shadow {
    /// Something that may or may not be a congestion event to the engine.
    fn on_trouble(&mut self, now: u64) {
        self.event = Some(now);
        self.unsure = true;
    }

    /// A refusal that spoke of waiting.
    fn on_told(&mut self, sent: u64, wait: u64, now: u64) {
        let fresh = self.event.is_none_or(|event| sent > event);
        if fresh || self.unsure {
            self.event = Some(now);
            self.unsure &= !fresh;
            // If it is an event after all, it has a ramp of its own.
            self.paused &= fresh;
        }
        let until = now.saturating_add(wait);
        if until > self.quiet_until {
            self.told_at = now;
            self.quiet_until = until;
            self.paused = true;
            self.probe = None;
            self.accepted = 0;
            self.out.clear();
        }
    }

    fn on_accepted(&mut self, id: CallId, cap: usize) {
        self.drought = None;
        if self.out.remove(&id).is_some() {
            if self.accepted == 0 {
                // Probes that were silent too long are not counted any more.
                self.out.clear();
            }
            self.accepted += 1;
            self.paused &= (1 << self.accepted.min(16)) < cap;
        }
    }

    /// An attempt ended that says nothing on whether more may go.
    fn end_of(&mut self, id: CallId, now: u64) {
        self.out.remove(&id);
        self.silence.on_lost(id, now);
        if self.probe.is_some_and(|(probe, _)| probe == id) {
            self.probe = None;
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
