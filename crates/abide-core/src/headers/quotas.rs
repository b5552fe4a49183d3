//! Puts the limit fields of one response together into quotas.

use std::borrow::Cow;
use std::time::Duration;

use super::few::Few;
use super::grammar::{Key, Name, Role};
use super::ratelimit::{self, Member};
use super::units::{self, Decimal, Told};
use super::{Quota, Wait};
use crate::time::Wall;

/// One quota under construction.
#[derive(Clone, Debug, Default)]
struct Draft<'a> {
    key: Key<'a>,
    name: Option<Cow<'a, str>>,
    weak: bool,
    limit: Option<u64>,
    remaining: Option<u64>,
    used: Option<u64>,
    reset: Option<Told>,
    window: Option<Duration>,
}

impl Draft<'_> {
    const fn counts(&self) -> bool {
        self.limit.is_some() || self.remaining.is_some() || self.used.is_some()
    }

    /// Whether a name that alone says little is confirmed by the others of its bucket.
    fn is_meant(&self) -> bool {
        let balance = self.remaining.is_some() || self.used.is_some();
        !self.weak
            || balance && (self.limit.is_some() || self.reset.is_some() || !self.key.dimensions.is_empty())
            || self.limit.is_some() && self.reset.is_some()
    }

    /// Whether both can be tellings of one quota: they agree wherever both speak.
    fn agrees_with(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        self.key.is_akin(&other.key)
            && agree(&self.name, &other.name)
            && agree(&self.limit, &other.limit)
            && agree(&self.remaining, &other.remaining)
            && agree(&self.used, &other.used)
            && agree(&self.window, &other.window)
    }

    fn absorb(&mut self, other: &mut Self) {
        self.weak &= other.weak;
        self.limit = self.limit.or(other.limit);
        self.remaining = self.remaining.or(other.remaining);
        self.used = self.used.or(other.used);
        self.window = self.window.or(other.window);
        if let Some(told) = other.reset {
            self.tell_reset(told);
        }
    }

    /// A distance is better than a moment, for it needs no clock.
    const fn tell_reset(&mut self, told: Told) {
        if self.reset.is_none() || matches!((self.reset, told), (Some(Told::At(_)), Told::After(_))) {
            self.reset = Some(told);
        }
    }

    fn finish(self, now: Wall) -> Quota {
        let name = match self.name {
            Some(name) => Some(name.into_owned()),
            None => (!self.key.dimensions.is_empty()).then(|| self.key.dimensions.join("-")),
        };
        let left = || Some(self.limit?.saturating_sub(self.used?));
        Quota {
            name,
            limit: self.limit,
            remaining: self.remaining.or_else(left),
            reset: self.reset.map(|told| told.from(now)).filter(|reset| *reset <= Wait::LONGEST),
            window: self.window.filter(|window| *window <= Wait::LONGEST),
        }
    }
}

/// The quotas of one response, in the order in which they were first named.
#[derive(Debug)]
pub(super) struct Drafts<'a> {
    drafts: Few<Draft<'a>, 16>,
    policies: ratelimit::Members<'a>,
    now: Wall,
}

impl<'a> Drafts<'a> {
    /// None yet; `now` is the server's clock.
    pub(super) fn new(now: Wall) -> Self {
        Self { drafts: Few::default(), policies: Few::default(), now }
    }

    /// Takes one field in. `value` is not malformed as a whole, or it is left out as a whole.
    pub(super) fn note(&mut self, name: Name<'a>, value: &'a str) {
        let value = value.trim();
        match name.role {
            Role::Limit => self.note_limit(name, value),
            Role::Remaining | Role::Used => {
                // `20;w=21600`: what remains, and over which window.
                let (number, window) = match Decimal::parse(value) {
                    Some(number) => (Some(number.count()), None),
                    None => match ratelimit::list(value).as_deref() {
                        Some([Member { number: Some(number), window, .. }]) => (Some(*number), *window),
                        _ => (None, None),
                    },
                };
                if number.is_none() && !is_word(value) {
                    return;
                }
                let role = name.role;
                let Some(draft) = self.draft(name) else { return };
                let place = if role == Role::Used { &mut draft.used } else { &mut draft.remaining };
                *place = place.or(number);
                draft.window = draft.window.or(window);
            }
            Role::Reset => {
                let Some(told) = units::told(value, name.hint, self.now) else { return };
                if let Some(draft) = self.draft(name) {
                    draft.tell_reset(told);
                }
            }
            Role::Window => {
                let Some(Told::After(window)) = units::told(value, name.hint, self.now) else { return };
                if let Some(draft) = self.draft(name) {
                    draft.window = draft.window.or(Some(window));
                }
            }
            Role::Policy => {
                if let Some(members) = ratelimit::list(value) {
                    self.note_policies(&members);
                }
            }
            Role::RetryAfter | Role::Cost | Role::Scope | Role::Name(_) => {}
        }
    }

    fn note_limit(&mut self, name: Name<'a>, value: &'a str) {
        if let Some(number) = Decimal::parse(value) {
            if let Some(draft) = self.draft(name) {
                draft.limit = draft.limit.or(Some(number.count()));
            }
        } else if let Some(members) = ratelimit::list(value).filter(|members| members[0].number.is_some()) {
            // Draft 03 and Envoy: the limit, then the policies that it comes from.
            let first = &members[0];
            if let Some(draft) = self.draft(name) {
                draft.limit = draft.limit.or(first.number);
                draft.window = draft.window.or(first.window);
            }
            self.note_policies(&members[1..]);
        } else if name.bare
            && let Some(read) = ratelimit::dictionary(value)
        {
            if let Some(draft) = self.draft(name) {
                draft.limit = draft.limit.or(read.limit);
                draft.remaining = draft.remaining.or(read.remaining);
                if let Some(reset) = read.reset {
                    draft.tell_reset(Told::After(reset));
                }
            }
        } else if name.bare
            && let Some(members) = ratelimit::list(value).filter(|members| members[0].is_balance())
        {
            for member in members.iter() {
                let draft = Draft {
                    key: name.key.clone(),
                    name: member.name.clone(),
                    remaining: member.remaining,
                    reset: member.reset.map(Told::After),
                    ..Draft::default()
                };
                self.drafts.push(draft);
            }
        } else if is_word(value) && !name.bare {
            self.draft(name);
        }
    }

    fn note_policies(&mut self, members: &[Member<'a>]) {
        for member in members {
            self.policies.push(member.clone());
        }
    }

    /// The draft of the bucket that `name` belongs to; none if there are too many.
    fn draft(&mut self, name: Name<'a>) -> Option<&mut Draft<'a>> {
        let known = self.drafts.iter().position(|draft| draft.name.is_none() && draft.key == name.key);
        let index = match known {
            Some(index) => index,
            None => {
                let draft = Draft { key: name.key, weak: true, ..Draft::default() };
                self.drafts.push(draft).then(|| self.drafts.len() - 1)?
            }
        };
        let draft = &mut self.drafts[index];
        draft.weak &= name.weak;
        Some(draft)
    }

    /// The quotas, complete.
    pub(super) fn finish(mut self, quotas: &mut Vec<Quota>) {
        self.merge();
        self.share_orphans();
        self.apply_policies();
        let Self { drafts, now, .. } = self;
        let count = drafts.iter().filter(|draft| draft.is_meant()).count();
        quotas.reserve_exact(count);
        let mut drafts = drafts;
        quotas
            .extend(drafts.iter_mut().filter(|draft| draft.is_meant()).map(|draft| std::mem::take(draft).finish(now)));
    }

    /// Makes one quota of two that are spelled differently and do not contradict each other.
    fn merge(&mut self) {
        let mut kept = 0;
        for index in 0..self.drafts.len() {
            let (before, rest) = self.drafts.split_at_mut(index);
            let twin = before[..kept].iter_mut().find(|known| known.agrees_with(&rest[0]));
            match twin {
                Some(twin) => twin.absorb(&mut rest[0]),
                None => {
                    self.drafts.swap(kept, index);
                    kept += 1;
                }
            }
        }
        self.drafts.truncate(kept);
    }

    /// A reset or a window that stands alone, beside buckets with dimensions, holds for all of the same vendor.
    fn share_orphans(&mut self) {
        let orphan = |draft: &Draft<'_>| !draft.counts() && draft.name.is_none() && draft.key.dimensions.is_empty();
        let Some(at) = self.drafts.iter().position(orphan) else { return };
        let (vendor, reset, window) = (self.drafts[at].key.vendor, self.drafts[at].reset, self.drafts[at].window);
        let mut taken = false;
        for draft in self.drafts.iter_mut().filter(|draft| draft.counts() && draft.key.vendor == vendor) {
            taken |= draft.reset.is_none() && reset.is_some() || draft.window.is_none() && window.is_some();
            draft.reset = draft.reset.or(reset);
            draft.window = draft.window.or(window);
        }
        if taken {
            self.drafts[at..].rotate_left(1);
            let last = self.drafts.len() - 1;
            self.drafts.truncate(last);
        }
    }

    /// Completes the quotas by the policies that they come from. A policy that belongs to none is a quota of its own.
    fn apply_policies(&mut self) {
        for at in 0..self.policies.len() {
            let policy = std::mem::take(&mut self.policies[at]);
            let (limit, window) = (policy.number.or(policy.quota), policy.window);
            let fits = |draft: &&mut Draft<'_>| match (&policy.name, &draft.name) {
                (Some(policy), Some(draft)) => policy == draft,
                (None, None) => draft.limit == limit && draft.window.is_none_or(|known| Some(known) == window),
                _ => false,
            };
            if let Some(draft) = self.drafts.iter_mut().find(fits) {
                draft.limit = draft.limit.or(limit);
                draft.window = draft.window.or(window);
            } else if limit.is_some() {
                self.drafts.push(Draft { name: policy.name, limit, window, ..Draft::default() });
            }
        }
    }
}

impl Member<'_> {
    /// Whether the member states what is left of a named limit (drafts 08 to 10).
    const fn is_balance(&self) -> bool {
        self.name.is_some() && (self.remaining.is_some() || self.reset.is_some())
    }
}

/// `unlimited`, `none`: the bucket exists, and no number is known.
fn is_word(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphabetic())
}
