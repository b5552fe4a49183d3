//! Tickets: through one a call hears its decisions and says what came of them.

use std::task::{Context, Poll};
use std::time::SystemTime;

use abide_core::call::Account;
use abide_core::decision::Why;
use abide_core::{CallId, Decision, Event};

use super::Handle;
use crate::limits::Limits;

/// One call's side of the engine. Dropping it ends the call: what was not sent is given back.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(super) handle: Handle,
    pub(super) id: CallId,
    /// Whether the attempt whose `Send` comes next has begun.
    pub(super) begun: bool,
    /// What is to be done next, before what is in the call's inbox.
    pub(super) next: Option<Decision>,
    /// Whether the call's answer was handed over, so that dropping means that its body was let go.
    pub(super) returned: bool,
    /// What is to be known of the call, once the engine has forgotten it.
    pub(super) ended: Option<Box<(Account, Limits)>>,
}

impl Ticket {
    pub(crate) fn id(&self) -> CallId {
        self.id
    }

    /// The next decision on this call.
    pub(crate) fn poll_decision(&mut self, cx: &mut Context<'_>) -> Poll<Decision> {
        if let Some(decision) = self.next.take() {
            self.returned = matches!(decision, Decision::Return { .. });
            return Poll::Ready(decision);
        }
        let mut state = self.handle.shared.lock();
        let inbox = state.inboxes.entry(self.id).or_default();
        match inbox.decisions.pop_front() {
            Some(decision) => {
                drop(state);
                self.returned = matches!(decision, Decision::Return { .. });
                Poll::Ready(decision)
            }
            None => {
                match &mut inbox.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                self.handle.drive(&mut state);
                Poll::Pending
            }
        }
    }

    /// The granted attempt starts now. `false` if the grant has gone back: another `Send` follows.
    pub(crate) fn begin(&mut self, beside: Option<u32>) -> bool {
        std::mem::take(&mut self.begun) || self.handle.shared.begin(self.id, beside)
    }

    /// Whether that was the refusal of an attempt.
    pub(crate) fn tell(&mut self, event: Event<'_>) -> bool {
        let shared = &self.handle.shared;
        #[cfg(feature = "blocking")]
        if shared.keeper == super::Keeper::Threads {
            // While a thread was busy with its socket, nobody may have watched the clock.
            shared.tick();
        }
        // What was refused is of use to others at once.
        let is_urgent = matches!(event, Event::Head { status, .. } if !status.is_success());
        let mut state = shared.lock();
        // Read under the lock: the engine must see time in the order of its inputs.
        let now = self.handle.now();
        let key = shared.remembered_key(&state, self.id);
        let refused = state.engine.refused();
        state.engine.handle(event, now);
        let was_refused = state.engine.refused() > refused;
        if let Some(key) = &key {
            state.note(key, now.mono);
        }
        let own = self.next.is_none().then_some(self.id);
        let next = shared.settle_for(own, state, now);
        if let Some(key) = key.filter(|_| is_urgent) {
            shared.look(&key);
        }
        self.next = self.next.take().or(next);
        was_refused
    }

    /// The body of the answer that was handed over has ended: its place in flight is free.
    pub(crate) fn finish(&mut self) {
        if self.ended.is_none() {
            self.ended = Some(Box::new((self.account(), self.limits())));
            self.tell(Event::Done { id: self.id });
        }
    }

    /// What the call spent and waited for.
    pub(crate) fn account(&self) -> Account {
        match &self.ended {
            Some(ended) => ended.0.clone(),
            None => self.handle.shared.lock().engine.account(self.id).cloned().unwrap_or_default(),
        }
    }

    /// What the last answer said about limits.
    pub(crate) fn limits(&self) -> Limits {
        match &self.ended {
            Some(ended) => ended.1.clone(),
            None => {
                let state = self.handle.shared.lock();
                state
                    .engine
                    .said(self.id)
                    .map_or_else(Limits::default, |said| Limits::of(said, &self.handle.shared.clock))
            }
        }
    }

    pub(crate) fn until(&self, why: Why) -> Option<SystemTime> {
        why.until.map(|at| self.handle.system_time(at))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.handle.shared.lock();
        let now = self.handle.now();
        let key = self.handle.shared.remembered_key(&state, self.id);
        state.inboxes.remove(&self.id);
        if self.returned {
            state.engine.handle(Event::Done { id: self.id }, now);
        } else {
            state.engine.cancel(self.id, now);
        }
        if let Some(key) = key {
            state.note(&key, now.mono);
        }
        self.handle.shared.settle(state, now);
    }
}
