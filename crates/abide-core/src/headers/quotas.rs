//! Puts the limit fields of one response together into quotas.

use std::borrow::Cow;
use std::time::Duration;

use super::few::Few;
use super::grammar::{Key, Name, Role};
use super::units::{Decimal, Scale, Told};
use super::values::{self, Item, Items};
use super::{Quota, Wait};
use crate::time::Wall;

/// Two readings of one reset differ by less than this: most servers send whole seconds.
const RESET_TOLERANCE: Duration = Duration::from_millis(1_500);

/// One quota under construction.
#[derive(Clone, Debug, Default)]
struct Draft<'a> {
    key: Key<'a>,
    slot: u8,
    name: Option<Cow<'a, str>>,
    weak: bool,
    limit: Option<Decimal>,
    remaining: Option<Decimal>,
    used: Option<Decimal>,
    reset: Option<Told>,
    rolling: bool,
    window: Option<Duration>,
}

impl<'a> Draft<'a> {
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

    fn note(&mut self, role: Role, number: Decimal) {
        let place = match role {
            Role::Remaining => &mut self.remaining,
            Role::Used => &mut self.used,
            _ => &mut self.limit,
        };
        *place = place.or(Some(number));
    }

    fn take(&mut self, item: &Item<'a>) {
        self.limit = self.limit.or(item.limit);
        self.remaining = self.remaining.or(item.remaining);
        self.used = self.used.or(item.used);
        self.window = self.window.or(item.window);
        if let Some(told) = item.reset {
            self.tell_reset(told, false);
        }
    }

    /// A distance is better than a moment, for it needs no clock.
    fn tell_reset(&mut self, told: Told, rolling: bool) {
        if self.reset.is_none() || matches!((self.reset, told), (Some(Told::At(_)), Told::After(_))) {
            self.reset = Some(told);
            self.rolling = rolling;
        }
    }

    /// Whether both can be tellings of one quota: they agree wherever both speak.
    fn agrees_with(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        self.key.is_akin(&other.key)
            && self.slot == other.slot
            && agree(&self.name, &other.name)
            && agree(&self.limit, &other.limit)
            && agree(&self.remaining, &other.remaining)
            && agree(&self.used, &other.used)
            && agree(&self.window, &other.window)
    }

    fn absorb(&mut self, other: &mut Self) {
        self.weak &= other.weak;
        self.name = self.name.take().or(other.name.take());
        self.limit = self.limit.or(other.limit);
        self.remaining = self.remaining.or(other.remaining);
        self.used = self.used.or(other.used);
        self.window = self.window.or(other.window);
        if let Some(told) = other.reset {
            self.tell_reset(told, other.rolling);
        }
    }

    /// A name for a quota whose first name is taken: by how its fields are spelled, by its window, or by its place.
    fn second_name(&self, first: Option<&str>, place: usize) -> String {
        let first = first.map(|name| format!("{name}-")).unwrap_or_default();
        match (self.key.spelling, self.window) {
            ("", Some(window)) => format!("{first}{}s~{place}", window.as_secs()),
            (spelling, _) => format!("{first}{spelling}~{place}"),
        }
    }

    fn finish(&mut self, now: Wall) -> Quota {
        let named = self.name.is_some();
        let name = match self.name.take() {
            Some(name) => Some(name.into_owned()),
            None => self.key.name(self.slot),
        };
        // A negative limit is a way to say that there is none, and a fraction of one is a pace a second.
        let boundless = self.limit.is_some_and(Decimal::is_negative);
        let pace = self.limit.filter(|limit| limit.is_fraction());
        let limit = self.limit.filter(|_| !boundless).map(|limit| if pace.is_some() { 1 } else { limit.count() });
        let used = self.used.map(Decimal::count);
        let remaining = self.remaining.filter(|left| !(boundless && left.is_negative())).map(Decimal::count);
        let reset = self.reset.filter(|told| told.from(now) <= Wait::LONGEST);
        let window = self.window.or(pace.map(Decimal::second_over)).map(|window| (window, self.window.is_none()));
        let window = window.or(self.key.span.map(|span| (span.length, !span.stated)));
        let window = window.filter(|(window, _)| *window <= Wait::LONGEST && !window.is_zero());
        Quota {
            name,
            named,
            limit,
            exact_limit: self.limit.map(Decimal::amount).filter(|limit| !boundless && limit.whole().is_none()),
            remaining: remaining.or_else(|| Some(limit?.saturating_sub(used?))),
            used,
            reset: reset.map(|told| told.from(now)),
            told_reset: reset,
            rolling: self.rolling,
            window: window.map(|(window, _)| window),
            implied: window.is_some_and(|(_, implied)| implied),
        }
    }
}

/// The quotas of one response, in the order in which they were first named.
#[derive(Debug)]
pub(super) struct Drafts<'a> {
    drafts: Few<Draft<'a>, 12>,
    policies: Items<'a>,
    label: Option<&'a str>,
    windows: &'static [(&'static str, Duration)],
    now: Wall,
}

impl<'a> Drafts<'a> {
    /// None yet; `now` is the server's clock.
    pub(super) fn new(now: Wall) -> Self {
        Self { drafts: Few::default(), policies: Few::default(), label: None, windows: &[], now }
    }

    /// Takes in a field that counts. A value that makes no sense is left out.
    pub(super) fn count(&mut self, name: &Name<'a>, value: &'a str) {
        // Nearly all values are a number, and need no list to hold what they say.
        if let Some(number) = Decimal::parse(value.trim()) {
            if let Some(draft) = self.draft(name, 0, None) {
                draft.note(name.role, number);
            }
            return;
        }
        let items = values::read(name, value, self.now);
        self.take(name, &items);
    }

    /// Takes in what was read of a field's value, or of a body.
    pub(super) fn take(&mut self, name: &Name<'a>, items: &[Item<'a>]) {
        for item in items {
            if item.policy {
                self.policies.push(item.clone());
            } else if let Some(draft) = self.draft(name, item.slot, item.name.clone()) {
                draft.take(item);
            }
        }
    }

    /// Takes in when a quota resets, and whether it is known to be a rolling window.
    pub(super) fn reset(&mut self, name: &Name<'a>, slot: u8, told: Told, rolling: bool) {
        if let Some(draft) = self.draft(name, slot, None) {
            draft.tell_reset(told, rolling);
        }
    }

    /// Takes in the length of a window.
    pub(super) fn window(&mut self, name: &Name<'a>, value: &str) {
        let Some(window) = values::window(value.trim(), name.hint) else { return };
        if let Some(draft) = self.draft(name, 0, None) {
            draft.window = draft.window.or(Some(window));
        }
    }

    /// Takes in the rules that quotas come from; says whether the value is such a list.
    pub(super) fn policy(&mut self, name: &Name<'a>, value: &'a str) -> bool {
        let items = values::read(name, value, self.now);
        self.take(name, &items);
        items.iter().any(|item| item.limit.is_some())
    }

    /// Gives the quota without a name and a dimension the name that the server gives in a field of its own.
    pub(super) fn label(&mut self, label: &'a str) {
        self.label = self.label.or(Some(label));
    }

    /// Says over which windows the places of a list count.
    pub(super) fn windows_are(&mut self, windows: &'static [(&'static str, Duration)]) {
        self.windows = windows;
    }

    /// The draft of the bucket that `name` belongs to; none if there are too many.
    fn draft(&mut self, name: &Name<'a>, slot: u8, label: Option<Cow<'a, str>>) -> Option<&mut Draft<'a>> {
        let is_it = |draft: &Draft<'_>| draft.name == label && draft.slot == slot && draft.key == name.key;
        let index = match self.drafts.iter().position(is_it) {
            Some(index) => index,
            None => {
                let draft = Draft { key: name.key.clone(), slot, name: label, weak: true, ..Draft::default() };
                self.drafts.push(draft).then(|| self.drafts.len() - 1)?
            }
        };
        let draft = &mut self.drafts[index];
        draft.weak &= name.weak;
        Some(draft)
    }

    /// The quotas, complete.
    pub(super) fn finish(&mut self, quotas: &mut Vec<Quota>) {
        self.merge();
        self.join_halves();
        self.share_orphans();
        self.apply_policies();
        self.merge_twins();
        self.mend_units();
        self.name();
        quotas.reserve_exact(self.drafts.iter().filter(|draft| draft.is_meant()).count());
        for draft in self.drafts.iter_mut().filter(|draft| draft.is_meant()) {
            let mut quota = draft.finish(self.now);
            // Names tell quotas apart, so two of one response never share one.
            if quotas.iter().any(|known| known.name == quota.name) {
                quota.name = Some(draft.second_name(quota.name.as_deref(), quotas.len()));
            }
            quotas.push(quota);
        }
    }

    /// Names what has no name of its own.
    fn name(&mut self) {
        let Self { drafts, label, windows, .. } = self;
        for index in 0..drafts.len() {
            let is_listed = drafts.iter().any(|other| other.slot > 0 && other.key == drafts[index].key);
            let draft = &mut drafts[index];
            if let Some((window, length)) = windows.get(usize::from(draft.slot)).filter(|_| is_listed) {
                draft.key.suggest(window, *length);
            }
        }
        let plain = |draft: &&mut Draft<'_>| draft.name.is_none() && draft.key.dimensions.is_empty() && draft.counts();
        let mut unnamed = drafts.iter_mut().filter(plain);
        if let (Some(draft), None) = (unnamed.next(), unnamed.next()) {
            draft.name = label.map(Cow::Borrowed);
        }
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

    /// A limit without a balance and a balance without a limit, of one vendor and the only ones, are one quota if one of
    /// the two says nothing about what it counts (`DailyLimit` and `Remaining`).
    fn join_halves(&mut self) {
        let is_half = |draft: &Draft<'_>| draft.name.is_none() && draft.counts() && draft.slot == 0;
        let has_balance = |draft: &Draft<'_>| draft.remaining.is_some() || draft.used.is_some();
        let mut limits = (0..self.drafts.len()).filter(|at| {
            is_half(&self.drafts[*at]) && self.drafts[*at].limit.is_some() && !has_balance(&self.drafts[*at])
        });
        let mut balances = (0..self.drafts.len()).filter(|at| {
            is_half(&self.drafts[*at]) && self.drafts[*at].limit.is_none() && has_balance(&self.drafts[*at])
        });
        let (Some(limit), None, Some(balance), None) = (limits.next(), limits.next(), balances.next(), balances.next())
        else {
            return;
        };
        let (a, b) = (&self.drafts[limit].key, &self.drafts[balance].key);
        if a.vendor != b.vendor || !(a.dimensions.is_empty() || b.dimensions.is_empty()) {
            return;
        }
        let mut half = self.drafts.remove(limit);
        let whole = &mut self.drafts[if limit < balance { balance - 1 } else { balance }];
        whole.absorb(&mut half);
        whole.key.span = whole.key.span.or(half.key.span);
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
            self.drafts.remove(at);
        }
    }

    /// Completes the quotas by the policies that they come from. A policy that belongs to none is a quota of its own.
    fn apply_policies(&mut self) {
        let Self { drafts, policies, .. } = self;
        for policy in policies.iter_mut() {
            let bears_name = |draft: &Draft<'_>| policy.name.is_some() && draft.name == policy.name;
            let has_limit = |draft: &Draft<'_>| {
                let free = draft.window.is_none_or(|known| Some(known) == policy.window);
                draft.name.is_none() && policy.limit.is_some() && draft.limit == policy.limit && free
            };
            let home = drafts.iter().position(bears_name).or_else(|| drafts.iter().position(has_limit));
            if let Some(home) = home {
                drafts[home].name = drafts[home].name.take().or(policy.name.take());
                drafts[home].take(policy);
            } else if policy.limit.is_some() {
                let mut draft = Draft { name: policy.name.take(), ..Draft::default() };
                draft.take(policy);
                drafts.push(draft);
            }
        }
    }

    /// A server that sends old and new fields states one quota with a name and without: they tell the same numbers.
    fn merge_twins(&mut self) {
        let now = self.now;
        let is_near = |a: Option<Told>, b: Option<Told>| match a.zip(b) {
            Some((a, b)) => a.from(now).abs_diff(b.from(now)) <= RESET_TOLERANCE,
            None => true,
        };
        let is_plain = |draft: &Draft<'_>| draft.name.is_none() && draft.key.is_plain() && draft.remaining.is_some();
        let Some(plain) = self.drafts.iter().position(is_plain) else { return };
        let known = &self.drafts[plain];
        let is_twin = |draft: &Draft<'_>| {
            draft.name.is_some()
                && (draft.limit, draft.remaining) == (known.limit, known.remaining)
                && is_near(draft.reset, known.reset)
        };
        if let Some(named) = self.drafts.iter().position(is_twin) {
            let mut plain_one = self.drafts.remove(plain);
            let twin = if plain < named { named - 1 } else { named };
            self.drafts[twin].absorb(&mut plain_one);
        }
    }

    /// A reset that lies beyond its own window was told in milliseconds, if that brings it inside.
    fn mend_units(&mut self) {
        for draft in self.drafts.iter_mut() {
            let (Some(Told::After(reset)), Some(window)) = (draft.reset, draft.window) else { continue };
            if reset > window
                && !window.is_zero()
                && reset / 1_000 <= window
                && reset.subsec_nanos() == 0
                && reset > window * 2
            {
                draft.reset = Some(Told::After(reset / 1_000));
            }
        }
    }
}

impl<'a> Name<'a> {
    /// A name made for what stands in a body or is known of a vendor.
    pub(super) fn made(role: Role, dimension: &'a str) -> Self {
        let mut key = Key::default();
        if !dimension.is_empty() {
            key.count(dimension);
        }
        Self { role, key, ..Self::default() }
    }
}

impl Decimal {
    /// One second divided by this rate.
    fn second_over(self) -> Duration {
        self.inverse_of(Scale::Seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::grammar;

    const NOW: Wall = Wall::from_secs(1_767_225_600);

    fn read(fields: &[(&'static str, &'static str)]) -> Vec<Quota> {
        let mut drafts = Drafts::new(NOW);
        for (name, value) in fields {
            let name = grammar::understand(name).unwrap();
            match name.role {
                Role::Window => drafts.window(&name, value),
                Role::Reset => {
                    drafts.reset(&name, 0, super::super::units::told(value, name.hint, NOW).unwrap(), false);
                }
                _ => drafts.count(&name, value),
            }
        }
        let mut quotas = Vec::new();
        drafts.finish(&mut quotas);
        quotas
    }

    fn counts(fields: &[(&'static str, &'static str)]) -> Vec<(Option<u64>, Option<u64>, Option<u64>)> {
        let window = |quota: &Quota| quota.window.map(|window| window.as_secs());
        read(fields).iter().map(|quota| (quota.limit, quota.remaining, window(quota))).collect()
    }

    #[test]
    fn a_ratio_is_what_is_used_or_what_is_left() {
        assert_eq!(counts(&[("x-shop-call-limit", "32/40")]), [(Some(40), Some(8), None)]);
        assert_eq!(counts(&[("x-ratelimit", "32/40")]), [(Some(40), Some(8), None)]);
        assert_eq!(counts(&[("x-ratelimit-remaining", "32/40")]), [(Some(40), Some(32), None)]);
    }

    #[test]
    fn lists_of_one_length_are_one_quota_a_place() {
        let fields = [("x-ratelimit-limit", "600,30000"), ("x-ratelimit-usage", "120,4000")];
        assert_eq!(counts(&fields), [(Some(600), Some(480), None), (Some(30_000), Some(26_000), None)]);
        let pairs = [("x-app-rate-limit", "20:1,100:120"), ("x-app-rate-limit-count", "1:1,100:120")];
        assert_eq!(counts(&pairs), [(Some(20), Some(19), Some(1)), (Some(100), Some(0), Some(120))]);
    }

    #[test]
    fn other_shapes_are_known_by_their_punctuation() {
        let keyed = [("vendor-ratelimit-exports", "total=10; remaining=1; resets=2")];
        assert_eq!(counts(&keyed), [(Some(10), Some(1), None)]);
        assert_eq!(read(&keyed)[0].reset, Some(Duration::from_secs(2)));
        assert_eq!(counts(&[("vendor-quota-info", "api-usage=18/5000")]), [(Some(5000), Some(4982), None)]);
        assert_eq!(
            counts(&[("x-ratelimit-remaining-resource", "A/B3Min;239,A/B30Min;0")]),
            [(None, Some(239), None), (None, Some(0), None)]
        );
        assert_eq!(counts(&[("x-ratelimit-remaining", "1,200.00")]), [(None, Some(1200), None)]);
        assert_eq!(counts(&[("x-ratelimit-limit", "60/minute")]), [(Some(60), None, Some(60))]);
        let json = [("x-ratelimit", "{\"limit\":100,\"remaining\":99,\"resetMs\":2500}")];
        assert_eq!(counts(&json), [(Some(100), Some(99), None)]);
        assert_eq!(read(&json)[0].reset, Some(Duration::from_millis(2_500)));
    }

    #[test]
    fn no_limit_is_no_number() {
        let fields = [("x-ratelimit-limit", "-1"), ("x-ratelimit-remaining", "-1")];
        assert_eq!(counts(&fields), [(None, None, None)]);
        assert_eq!(counts(&[("x-ratelimit-limit", "unlimited")]), [(None, None, None)]);
        assert_eq!(
            counts(&[("x-ratelimit-limit", "60"), ("x-ratelimit-remaining", "-534")]),
            [(Some(60), Some(0), None)]
        );
    }

    #[test]
    fn a_fraction_of_a_request_is_a_pace() {
        assert_eq!(counts(&[("x-amzn-ratelimit-limit", "0.0167")]), [(Some(1), None, Some(59))]);
    }

    #[test]
    fn a_reset_beyond_its_window_is_in_milliseconds() {
        let fields = [("x-ratelimit-limit", "9"), ("x-ratelimit-reset", "29984"), ("x-ratelimit-period", "30")];
        assert_eq!(read(&fields)[0].reset, Some(Duration::from_millis(29_984)));
    }

    #[test]
    fn windows_come_from_words_and_are_marked_where_they_are_only_implied() {
        let window = |name: &'static str| {
            let quota = read(&[(name, "5")]).remove(0);
            (quota.window.map(|window| window.as_secs()), quota.implied)
        };
        assert_eq!(window("x-ratelimit-limit-minute"), (Some(60), false));
        assert_eq!(window("x-ratelimit-daily"), (Some(86_400), true));
        assert_eq!(window("x-ratelimit-used-10s"), (Some(10), true));
        assert_eq!(window("x-ratelimit-limit"), (None, false));
    }
}
