//! Who goes through a gate now, who is sent away, and when to look again.

use std::time::Duration;

use super::flight::{Beside, Grant};
use super::{CallState, Engine, Phase};
use crate::call::CallId;
use crate::decision::{Decision, GiveUp, Reason, Why};
use crate::gate::GRANT_LIFE;
use crate::headers::Wait;
use crate::policy::{LimitSpec, WindowKind};
use crate::time::{Instant, Now};

/// The wall clock may jump while a limit that hangs on it is waited for, so it is looked at this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

fn hangs_on_the_wall(reason: Reason) -> bool {
    matches!(reason, Reason::Limit(LimitSpec::Window { kind: WindowKind::Clock { .. } | WindowKind::Counter, .. }))
}

/// A grant lives twice as long after each that was too short, up to 1.6 s.
const LONGER: u32 = 5;

impl Engine {
    /// Puts a call into the queue of its gate, at its place.
    pub(super) fn make_ready(&mut self, id: CallId, now: Now) {
        let Some(state) = self.calls.get_mut(&id) else { return };
        let gate = &mut self.gates[state.gate];
        state.phase = Phase::Ready { since: gate.ledger.mark(now.mono) };
        gate.queue.push(&state.seat);
        gate.untold |= state.seat.listens;
    }

    /// Takes a call out of the queue until its backoff ends.
    pub(super) fn set_aside(&mut self, id: CallId, until: Instant, reason: Reason, now: Now) {
        let Some(state) = self.calls.get_mut(&id) else { return };
        state.why = Why { reason, until: Some(until) };
        state.phase = Phase::Aside { since: now.mono, until };
        self.gates[state.gate].queue.push_aside(id, until);
    }

    /// Tells a call that stands aside what it waits for, if it listens.
    pub(super) fn tell_aside(&mut self, id: CallId) {
        if let Some(state) = self.calls.get_mut(&id)
            && state.seat.listens
        {
            state.told = Some(state.why);
            self.decisions.push_back(Decision::Wait { id, why: state.why });
        }
    }

    /// Lets through whoever may go, and notes when to look again. To be called after anything that may have changed a gate.
    pub(super) fn advance(&mut self, index: usize, now: Now) {
        self.catch_up(index, now);
        let before = self.gates[index].blocked;
        let blocked = self.admit(index, before, now);
        if blocked.is_none() {
            // Nobody is left who would be overtaken.
            self.hedge(index, now);
        }
        let gate = &mut self.gates[index];
        if blocked.is_some_and(|why| gate.asks_budget(&why)) {
            // It answers at once, and then it shows what is waited for.
            gate.blocked = before.map(|why| Why { until: None, ..why }).or(blocked);
            gate.untold = true;
        } else {
            gate.blocked = blocked;
            gate.ledger.switch(blocked.map(|why| why.reason), now.mono);
            if blocked != before || gate.untold {
                self.tell_listeners(index);
            }
        }
        self.watch_unread(index, now);
        self.ask_lease(index);
        self.schedule(index, now);
    }

    /// Takes in at a gate what time alone has changed, and lets those through that go before the queue.
    pub(super) fn catch_up(&mut self, index: usize, now: Now) {
        self.gates[index].quotas.turn(now.mono);
        self.gates[index].expire_others(now);
        self.end_backoffs(index, now);
        self.lapse_grants(index, now);
        self.end_overdue(index, now);
        self.hedge(index, now);
    }

    /// Grants in order of the queue until something stands in the way of its head, and returns that.
    fn admit(&mut self, index: usize, before: Option<Why>, now: Now) -> Option<Why> {
        loop {
            let gate = &mut self.gates[index];
            let id = gate.queue.head()?;
            let call = &self.calls.get(&id)?.call;
            match gate.blocker(call, now) {
                Err(spec) => self.give_up(id, GiveUp::TooExpensive(spec), now),
                Ok(None) => self.grant(id, before, now),
                // Others may go that draw on other quotas.
                Ok(Some(Why { reason: reason @ Reason::Quota { .. }, until: Some(until) }))
                    if gate.quotas.divides(&call.route) =>
                {
                    match self.too_long_for(id, Why { reason, until: Some(until) }, now) {
                        Some(reason) => self.give_up(id, reason, now),
                        None => self.step_aside(id, until, reason, now),
                    }
                }
                Ok(Some(why)) => {
                    gate.on_blocked(why, now.mono);
                    match self.impatient(index, id, why, now) {
                        Some((id, reason)) => self.give_up(id, reason, now),
                        None => return Some(why),
                    }
                }
            }
        }
    }

    fn grant(&mut self, id: CallId, before: Option<Why>, now: Now) {
        let Some(state) = self.calls.get_mut(&id) else { return };
        let gate = &mut self.gates[state.gate];
        if let Phase::Ready { since } = &state.phase
            && gate.ledger.charge(&mut state.account, since, now.mono)
            && let Some(why) = before
        {
            state.why = why;
        }
        gate.queue.remove(&state.seat);
        state.told = None;
        // Slow callers would otherwise take turns for ever in being late.
        let back_at = gate.lapses_at(now.mono + GRANT_LIFE * (1 << state.lapses.min(LONGER)));
        let pass = gate.take(id, &state.call, back_at, now);
        gate.grants.insert((back_at, id));
        state.phase = Phase::Granted(Grant { pass, back_at });
        let attempt = state.account.attempts + 1;
        self.decisions.push_back(Decision::Send { id, attempt, beside: None, why: state.why });
    }

    /// Out of the queue until a quota opens that only some calls draw on.
    fn step_aside(&mut self, id: CallId, until: Instant, reason: Reason, now: Now) {
        self.release(id, now);
        self.set_aside(id, until, reason, now);
        self.tell_aside(id);
    }

    /// Why a call does not wait until a moment that was told or said, if that is too long for it.
    pub(super) fn too_long_for(&self, id: CallId, why: Why, now: Now) -> Option<GiveUp> {
        let seat = self.calls.get(&id)?.seat;
        let wait = why.stated_wait(now.mono)?;
        // Nobody means a wait above the longest, so it is too long for everybody.
        if wait > seat.patience.unwrap_or(Wait::LONGEST).min(Wait::LONGEST) {
            return Some(GiveUp::Limited { why, wait: Some(wait) });
        }
        seat.deadline.filter(|deadline| *deadline <= now.mono + wait).map(|_| GiveUp::Deadline { why: Some(why) })
    }

    /// A call for which this wait is too long, with the reason: the head, or else one behind it, for nobody behind goes sooner
    /// as long as the head stays.
    fn impatient(&self, index: usize, head: CallId, why: Why, now: Now) -> Option<(CallId, GiveUp)> {
        let gate = &self.gates[index];
        let bounds = gate.queue.bounds();
        let seat = self.calls.get(&head)?.seat;
        let limited = |id| Some((id, GiveUp::Limited { why, wait: why.until.map(|until| until.since(now.mono)) }));
        if let Some((drought, by)) = gate.patience_span(why.reason, now.mono) {
            if seat.patience.is_some_and(|patience| drought.max(seat.submitted) + patience <= by) {
                return limited(head);
            }
            if let Some(id) = bounds.worn_out(drought, by) {
                return limited(id);
            }
        }
        if let Some(reason) = self.too_long_for(head, why, now) {
            return Some((head, reason));
        }
        let wait = why.stated_wait(now.mono)?;
        match bounds.shorter_than(wait) {
            Some(id) => limited(id),
            None => Some((bounds.due_by(now.mono + wait)?, GiveUp::Deadline { why: Some(why) })),
        }
    }

    /// Tells those who listen what is waited for, where they have not been told the same.
    fn tell_listeners(&mut self, index: usize) {
        let gate = &mut self.gates[index];
        gate.untold = false;
        let Some(why) = gate.blocked else { return };
        for id in gate.queue.listeners() {
            if let Some(state) = self.calls.get_mut(&id)
                && state.told.is_none_or(|told| !told.is_about(&why))
            {
                state.told = Some(why);
                self.decisions.push_back(Decision::Wait { id, why });
            }
        }
    }

    fn end_backoffs(&mut self, index: usize, now: Now) {
        while let Some(id) = self.gates[index].queue.pop_aside(now.mono) {
            if let Some(CallState { phase: Phase::Aside { since, .. }, account, why, .. }) = self.calls.get_mut(&id) {
                let waited = now.mono.since(*since);
                account.add(why.reason, waited);
                self.aside.add(why.reason, waited);
            }
            self.make_ready(id, now);
        }
    }

    /// Takes back the grants that were not begun in time, or that the server has overtaken. Such a call stands nowhere until its
    /// caller shows that it is still there: one that is asleep must not take turn after turn.
    pub(super) fn lapse_grants(&mut self, index: usize, now: Now) {
        let shut = self.gates[index].has_overtaken(now);
        while let Some((_, id)) = self.gates[index].grants.first().copied().filter(|(at, _)| shut || *at <= now.mono) {
            let Some(state) = self.calls.get_mut(&id) else { return };
            if let Phase::Flying { beside, .. } = &mut state.phase {
                std::mem::replace(beside, Beside::Lapsed).give_back(&mut self.gates[index], id, now);
            } else {
                self.release(id, now);
                if let Some(state) = self.calls.get_mut(&id) {
                    state.phase = Phase::Lapsed;
                    state.lapses = state.lapses.saturating_add(1);
                }
            }
        }
    }

    /// The caller is here whose grant has gone back: its call gets another when its turn comes. `false` if there is none such.
    pub(super) fn takes_up_again(&mut self, id: CallId, beside: Option<u32>, now: Now) -> bool {
        match (self.calls.get_mut(&id), beside) {
            (Some(CallState { phase: Phase::Lapsed, .. }), None) => {
                self.make_ready(id, now);
                true
            }
            (
                Some(CallState { gate, phase: Phase::Flying { flight, beside: beside @ Beside::Lapsed }, .. }),
                Some(first),
            ) if flight.attempt == first => {
                *beside = Beside::Nobody;
                self.gates[*gate].watched.insert((flight.alone, id));
                true
            }
            _ => false,
        }
    }

    /// Ends the calls whose deadline has passed.
    fn end_overdue(&mut self, index: usize, now: Now) {
        while let Some((_, id)) = self.gates[index].deadlines.first().copied().filter(|(at, _)| *at <= now.mono) {
            let Some(state) = self.calls.get(&id) else { return };
            let why = match &state.phase {
                Phase::Ready { .. } => self.gates[index].blocked,
                Phase::Aside { .. } => Some(state.why),
                Phase::Granted(_) | Phase::Lapsed | Phase::Renewing | Phase::Flying { .. } | Phase::Returned { .. } => {
                    None
                }
            };
            self.give_up(id, GiveUp::Deadline { why }, now);
        }
    }

    pub(super) fn schedule(&mut self, index: usize, now: Now) {
        let gate = &mut self.gates[index];
        let wake = [
            gate.blocked.and_then(|why| {
                let sleep = if hangs_on_the_wall(why.reason) { LONGEST_SLEEP } else { Duration::MAX };
                Some(why.until?.min(now.mono + sleep))
            }),
            gate.blocked.and_then(|why| gate.patience_ends(why.reason)),
            gate.queue.next_aside(),
            gate.grants.first().map(|(at, _)| *at),
            gate.others.expires(),
            gate.leases.as_ref().and_then(|leases| leases.wakes_at()),
            gate.deadlines.first().map(|(at, _)| *at),
            gate.stalls_at,
            gate.unread.tells_at(),
        ]
        .into_iter()
        .flatten()
        .min()
        .filter(|at| *at < Instant::NEVER);
        if gate.wake != wake {
            if let Some(old) = gate.wake {
                self.wakes.remove(&(old, index));
            }
            if let Some(new) = wake {
                self.wakes.insert((new, index));
            }
            gate.wake = wake;
        }
    }
}
