//! What an attempt's end means: for its call, and for the gate it went through.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::{Engine, Flight, Phase, Said};
use crate::adapt::{End, Ticket};
use crate::call::{CallId, Safety};
use crate::decision::{Decision, GiveUp, Reason, Verdict, Why};
use crate::event::{Failure, Redirect};
use crate::gate::Flown;
use crate::headers::{Refusal, Response, Signal, Wait};
use crate::limit::pause::Round;
use crate::retry::classify::Cause;
use crate::retry::sign::{meaning, wants_body};
use crate::retry::{Meaning, Outcome, SIGN_PREFIX, classify, may_repeat};
use crate::time::Now;

/// The head of an answer, and the beginning of its body where that was asked for.
pub(super) struct Head<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Option<&'a [u8]>,
}

/// An attempt that has come back.
#[derive(Clone, Copy)]
struct Landed {
    id: CallId,
    gate: usize,
    safety: Safety,
    sent: Now,
    round: Option<Round>,
    /// Whether what becomes of the call hangs on it, and not on another attempt that is out.
    decides: bool,
}

/// The answer to an attempt.
struct Answer {
    status: StatusCode,
    signal: Signal,
    /// When its head came, and what the learner calls the attempt.
    received: Now,
    ticket: Ticket,
}

impl Engine {
    pub(super) fn on_head(&mut self, id: CallId, attempt: u32, head: &Head<'_>, redirect: Option<Redirect>, now: Now) {
        let rules = self.rules(id);
        let Some(state) = self.calls.get_mut(&id) else { return };
        let Some(flight) = state.phase.flight_mut(attempt) else { return };
        let (sent, received) = (flight.sent, *flight.peeked.get_or_insert(now));
        let gate = &mut self.gates[state.gate];
        let &Head { status, headers, body } = head;
        let response = Response { host: &gate.host, status, headers, body, sent, received };
        let signs = state.call.signs.as_deref().unwrap_or_default();
        if body.is_none() {
            let bytes = gate.reader.peek(&response);
            let bytes = if wants_body(signs, status, headers) { bytes.max(SIGN_PREFIX) } else { bytes };
            if bytes > 0 {
                self.decisions.push_back(Decision::Peek { id, attempt, bytes });
                return;
            }
        }
        let meaning = meaning(signs, status, headers, body);
        let signal = gate.reader.read(&response);
        let ticket = gate.settle(&state.call, &flight.pass, Flown { sent, received, now }, &signal);
        let mut outcome = match meaning {
            Some(Meaning::Limited) => {
                Outcome::Refused(signal.refusal.filter(|kind| *kind != Refusal::Unknown).unwrap_or(Refusal::Rate))
            }
            Some(Meaning::Renew | Meaning::Final) => Outcome::Accepted,
            None => classify(&rules, status, &signal),
        };
        let asks_renewal = meaning.map_or(status == StatusCode::UNAUTHORIZED, |meaning| meaning == Meaning::Renew);
        match outcome {
            Outcome::Accepted => {
                gate.end(ticket, End::Accepted, None, received);
                gate.tail.on_answer(received.mono.since(sent.mono));
            }
            // Only what stands around it tells what a refusal shows.
            Outcome::Refused(_) => {}
            // No limit lets up if nobody asks again.
            Outcome::Suspected if signal.should_retry != Some(false) => {
                gate.end(ticket, End::Suspected, None, received);
                if gate.learner.is_fault() {
                    outcome = Outcome::Fault;
                }
            }
            Outcome::Suspected | Outcome::Fault => gate.end(ticket, End::Unknown, None, received),
        }
        let (gate, safety, round) = (state.gate, state.call.safety, flight.pass.round);
        let decides = self.land(id, attempt, status.as_u16(), outcome == Outcome::Accepted, now);
        let landed = Landed { id, gate, safety, sent, round, decides };
        let answer = Answer { status, signal, received, ticket };
        if matches!(outcome, Outcome::Refused(_) | Outcome::Suspected)
            && let Some(state) = self.calls.get_mut(&id)
        {
            state.account.refused += 1;
        }
        match outcome {
            Outcome::Accepted => {
                self.on_accepted(landed, now);
                match redirect {
                    _ if asks_renewal && self.renew(landed, now) => {}
                    Some(Redirect { safety: Safety::Once, .. }) => {
                        self.decisions.push_back(Decision::Return { id, verdict: Verdict::Unrepeatable });
                    }
                    Some(redirect) => self.follow(id, redirect, answer.signal.wait, now),
                    None => self.decisions.push_back(Decision::Return { id, verdict: Verdict::Final }),
                }
            }
            Outcome::Refused(kind) => self.on_refused(landed, kind, &answer, now),
            Outcome::Suspected | Outcome::Fault if answer.signal.should_retry == Some(false) => {
                self.gates[landed.gate].pause.on_lost(id, landed.round, now.mono);
                if landed.decides {
                    self.decisions.push_back(Decision::Return { id, verdict: Verdict::Final });
                }
            }
            Outcome::Suspected => self.on_suspected(landed, now),
            Outcome::Fault => self.on_fault_answer(landed, now),
        }
        if let Some(state) = self.calls.get_mut(&id) {
            let Answer { signal, received, .. } = answer;
            let says = !signal.quotas.is_empty() || signal.retry_after.is_some();
            state.said = says.then(|| Box::new(Said { signal, received }));
        }
        self.advance(landed.gate, now);
    }

    pub(super) fn on_failed(&mut self, id: CallId, attempt: u32, failure: Failure, now: Now) {
        let Some(state) = self.calls.get_mut(&id) else { return };
        let (sent, round, cause) = match &mut state.phase {
            // The answer broke off after it was handed over.
            Phase::Returned { attempt: returned, .. } if *returned == attempt => (now, None, Cause::Fault),
            phase => {
                let Some(Flight { pass, sent, .. }) = phase.flight_mut(attempt) else { return };
                let gate = &mut self.gates[state.gate];
                let cause = if failure.precedes_sending() {
                    gate.undo(id, pass, now);
                    Cause::Unsent
                } else {
                    gate.tail.on_unanswered(now.mono.since(sent.mono));
                    gate.abandon(id, pass, *sent, now);
                    Cause::Fault
                };
                (*sent, pass.round, cause)
            }
        };
        let (gate, safety) = (state.gate, state.call.safety);
        let decides = self.land(id, attempt, 0, false, now);
        let landed = Landed { id, gate, safety, sent, round, decides };
        if !decides {
            // The other attempt may still bring an answer.
        } else if !failure.is_transient() {
            self.give_up(id, GiveUp::Failed(failure), now);
        } else if !may_repeat(self.rules(id).repeat, landed.safety, cause) {
            self.give_up(id, GiveUp::Unrepeatable(failure), now);
        } else if !self.try_again(landed, Some(failure), now) {
            self.give_up(id, GiveUp::Failed(failure), now);
        }
        self.advance(landed.gate, now);
    }

    fn on_accepted(&mut self, landed: Landed, now: Now) {
        let gate = &mut self.gates[landed.gate];
        gate.drought = None;
        gate.accepted = Some(now.mono);
        gate.held = false;
        gate.pause.on_accepted(landed.round, gate.slots.cap());
        gate.slots.on_accepted();
        let paid = self.calls.get_mut(&landed.id).and_then(|state| state.paid.take());
        gate.budget.on_success(paid);
    }

    /// A refusal is no failed try: it moves the gate, and the call goes back to its place.
    fn on_refused(&mut self, landed: Landed, kind: Refusal, answer: &Answer, now: Now) {
        self.stats.rate_limited += 1;
        let signal = &answer.signal;
        let gate = &mut self.gates[landed.gate];
        let wait = signal.wait.or(signal.told_wait).map(|(Wait::For(wait) | Wait::Absurd(wait))| now.mono + wait);
        let emptied = gate.quotas.empty_until(now.mono);
        let told = wait.or(emptied);
        let is_for_all = signal.scope.as_deref() == Some("global");
        let route = self.calls.get(&landed.id).map(|state| &state.call.route);
        let mut pause = None;
        let end = if !is_for_all && route.is_some_and(|route| gate.quotas.hold(route, wait, now.mono)) {
            // Whoever draws on that quota waits for it. The others do not.
            gate.pause.on_lost(landed.id, landed.round, now.mono);
            End::Unknown
        } else if kind == Refusal::Concurrency && told.is_none() && gate.slots.on_crowded() {
            // An answer to one of those in flight makes room.
            gate.pause.on_lost(landed.id, landed.round, now.mono);
            End::Unknown
        } else if let Some(until) = told {
            gate.drought.get_or_insert(now.mono);
            gate.pause.on_told(landed.id, landed.sent.mono, until, now.mono);
            pause = Some(until);
            let is_explained = emptied.is_some() || kind == Refusal::Concurrency;
            if is_explained && gate.pause.is_believed() {
                End::Unknown
            } else {
                End::Refused(Some(until.since(now.mono)))
            }
        } else {
            gate.on_silent(landed.id, landed.round, now.mono);
            End::Refused(None)
        };
        gate.end(answer.ticket, end, pause, answer.received);
        if !landed.decides {
            return;
        }
        if signal.should_retry == Some(false) {
            self.decisions.push_back(Decision::Return { id: landed.id, verdict: Verdict::Final });
        } else if may_repeat(self.rules(landed.id).repeat, landed.safety, Cause::Refused(answer.status)) {
            self.go_back(landed.id, now);
        } else {
            self.decisions.push_back(Decision::Return { id: landed.id, verdict: Verdict::Unrepeatable });
        }
    }

    /// A refusal that does not say why moves the gate and costs no try, until it is shown to be a fault.
    fn on_suspected(&mut self, landed: Landed, now: Now) {
        self.stats.rate_limited += 1;
        let gate = &mut self.gates[landed.gate];
        gate.on_silent(landed.id, landed.round, now.mono);
        let Some(state) = self.calls.get_mut(&landed.id).filter(|_| landed.decides) else { return };
        if !gate.learner.blames_limit() {
            state.suspicion.on_refused(gate.accepted, now.mono);
        }
        let verdict = if state.suspicion.is_certain(now.mono) {
            Verdict::Exhausted
        } else if may_repeat(self.rules(landed.id).repeat, landed.safety, Cause::Fault) {
            return self.go_back(landed.id, now);
        } else {
            Verdict::Unrepeatable
        };
        self.decisions.push_back(Decision::Return { id: landed.id, verdict });
    }

    fn on_fault_answer(&mut self, landed: Landed, now: Now) {
        self.gates[landed.gate].pause.on_lost(landed.id, landed.round, now.mono);
        if !landed.decides {
            return;
        }
        let verdict = if !may_repeat(self.rules(landed.id).repeat, landed.safety, Cause::Fault) {
            Verdict::Unrepeatable
        } else if self.try_again(landed, None, now) {
            return;
        } else {
            Verdict::Exhausted
        };
        self.decisions.push_back(Decision::Return { id: landed.id, verdict });
    }

    /// Asks for another credential, once a call, where one can be had: with a 401 the server says that it did not act (RFC 9110
    /// section 15.5.2). The call holds nothing until its caller has one.
    fn renew(&mut self, landed: Landed, now: Now) -> bool {
        let Some(state) = self.calls.get(&landed.id) else { return false };
        if !state.call.renews || state.renewed || landed.safety == Safety::Once {
            return false;
        }
        self.release(landed.id, now);
        if let Some(state) = self.calls.get_mut(&landed.id) {
            state.renewed = true;
            state.repeats = true;
            state.phase = Phase::Renewing;
        }
        self.decisions.push_back(Decision::Renew { id: landed.id });
        true
    }

    /// Sends a call into its backoff after a fault. `false` if its tries are used up or its deadline would pass.
    fn try_again(&mut self, landed: Landed, last: Option<Failure>, now: Now) -> bool {
        let (stretch, rules) = (self.stretch(), self.rules(landed.id));
        let Some(state) = self.calls.get_mut(&landed.id) else { return false };
        let gate = &mut self.gates[landed.gate];
        // While retries are held back a probe tests the server, not the call.
        let counts = !(gate.held && landed.round.is_some());
        if counts {
            if state.faults >= rules.retries {
                return false;
            }
            state.faults += 1;
        }
        let paid = if counts { gate.budget.take_retry(last) } else { None };
        let (until, reason) = if paid.is_some() {
            state.backoff = rules.backoff.draw(state.faults, state.backoff, &mut self.rng);
            (now.mono + state.backoff, Reason::Backoff { fault: state.faults })
        } else {
            gate.held = true;
            let drought = (*gate.drought.get_or_insert(now.mono)).max(state.seat.submitted);
            if state.seat.patience.is_some_and(|patience| drought + patience <= now.mono) {
                return false;
            }
            gate.pause.hold(landed.sent.mono, last, stretch, now.mono);
            // Somebody else may probe first: the server may only dislike this call.
            let after = gate.pause.until().unwrap_or(now.mono) + Duration::from_millis(1);
            (after, Reason::Hold { last })
        };
        if state.call.deadline.is_some_and(|deadline| until >= deadline) {
            gate.budget.give(paid.unwrap_or_default());
            return false;
        }
        state.paid = paid;
        state.repeats = true;
        gate.slots.used -= 1;
        self.set_aside(landed.id, until, reason, now);
        self.decisions.push_back(Decision::Retry { id: landed.id });
        self.tell_aside(landed.id);
        true
    }

    /// Back to the call's place in the queue of its gate.
    fn go_back(&mut self, id: CallId, now: Now) {
        let Some(state) = self.calls.get_mut(&id) else { return };
        state.repeats = true;
        self.gates[state.gate].slots.used -= 1;
        self.make_ready(id, now);
        self.decisions.push_back(Decision::Retry { id });
    }

    /// On to where the answer leads, after the wait that came with it (RFC 9110 section 10.2.3).
    fn follow(&mut self, id: CallId, redirect: Redirect, wait: Option<Wait>, now: Now) {
        let most = self.rules(id).redirects;
        match self.calls.get_mut(&id) {
            Some(state) if state.redirects < most => state.redirects += 1,
            Some(_) => return self.give_up(id, GiveUp::Redirects(most), now),
            None => return,
        }
        self.release(id, now);
        self.forget_deadline(id);
        let to = self.gate(&redirect.key);
        let Some(state) = self.calls.get_mut(&id) else { return };
        state.gate = to;
        // Credentials go to no other origin.
        state.call.renews &= state.call.key.origin() == redirect.key.origin();
        state.why = Why::FREE;
        state.repeats = false;
        state.call.key = redirect.key;
        state.call.route = redirect.route;
        state.call.safety = redirect.safety;
        self.expect_deadline(id);
        match wait {
            None => {
                self.make_ready(id, now);
                self.decisions.push_back(Decision::Follow { id });
            }
            Some(Wait::For(wait) | Wait::Absurd(wait)) => {
                let (until, reason) = (now.mono + wait, Reason::ServerWait { told: id });
                let why = Why { reason, until: Some(until) };
                self.set_aside(id, until, reason, now);
                if let Some(reason) = self.too_long_for(id, why, now) {
                    self.give_up(id, reason, now);
                } else {
                    self.decisions.push_back(Decision::Follow { id });
                    self.tell_aside(id);
                }
            }
        }
        self.advance(to, now);
    }

    fn stretch(&mut self) -> u8 {
        u8::try_from(self.rng.below(256)).unwrap_or(u8::MAX)
    }
}
