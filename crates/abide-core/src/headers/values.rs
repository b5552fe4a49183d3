//! Reads the value of a limit field in whichever shape it stands: a number, a list of a RateLimit draft, `32/40`,
//! `20:1,100:120`, `total=100; remaining=99`, JSON.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value;

use super::few::Few;
use super::grammar::{self, Name, Role};
use super::ratelimit::{self, Member};
use super::units::{self, Decimal, Hint, Scale, Told};
use crate::time::Wall;

/// What one value says about one quota.
#[derive(Clone, Debug, Default)]
pub(super) struct Item<'a> {
    /// The name that the value gives.
    pub(super) name: Option<Cow<'a, str>>,
    /// Where it stands in a list of several quotas.
    pub(super) slot: u8,
    pub(super) limit: Option<Decimal>,
    pub(super) remaining: Option<Decimal>,
    pub(super) used: Option<Decimal>,
    pub(super) reset: Option<Told>,
    pub(super) window: Option<Duration>,
    /// The value states the rule and not the balance.
    pub(super) policy: bool,
}

impl Item<'_> {
    fn set(&mut self, role: Role, number: Decimal) {
        match role {
            Role::Remaining => self.remaining = Some(number),
            Role::Used => self.used = Some(number),
            _ => self.limit = Some(number),
        }
    }

    /// Takes in one named part of a value.
    fn note(&mut self, name: &Name<'_>, value: &str, now: Wall) {
        match name.role {
            Role::Limit | Role::Remaining | Role::Used => {
                if let Some(number) = Decimal::parse(value) {
                    self.set(name.role, number);
                }
            }
            Role::Reset => self.reset = self.reset.or_else(|| units::told(value, name.hint, now)),
            Role::Window => self.window = self.window.or_else(|| window(value, name.hint)),
            _ => {}
        }
    }

    const fn tells(&self, role: Role) -> bool {
        match role {
            Role::Limit => self.limit.is_some(),
            Role::Remaining => self.remaining.is_some(),
            Role::Used => self.used.is_some(),
            Role::Reset => self.reset.is_some(),
            Role::Window => self.window.is_some(),
            _ => false,
        }
    }
}

/// The quotas that one value speaks of, at most eight.
pub(super) type Items<'a> = Few<Item<'a>, 8>;

/// Reads the value of a field that counts and is no plain number; no items if it makes no sense.
pub(super) fn read<'a>(name: &Name<'_>, value: &'a str, now: Wall) -> Items<'a> {
    let value = value.trim();
    if is_boundless(value) {
        return single(Item::default());
    }
    // The fields of the drafts themselves are ignored whole if they are malformed.
    let is_draft =
        name.key.vendor.is_empty() && name.key.spelling == "ratelimit" && (name.bare || name.role == Role::Policy);
    if name.bare
        && let Some(read) = ratelimit::dictionary(value)
    {
        let count = |number: Option<u64>| number.map(Decimal::from);
        return single(Item {
            limit: count(read.limit),
            remaining: count(read.remaining),
            reset: read.reset.map(Told::After),
            ..Item::default()
        });
    }
    if let Some(number) = grouped(value) {
        return one(name.role, number, None);
    }
    if let Some(members) = ratelimit::list(value) {
        return from_members(name, &members);
    }
    if is_draft {
        return Items::default();
    }
    let shapes = [json, pairs, keyed, counted, ratio];
    shapes.iter().map(|shape| shape(name.role, value, now)).find(|items| !items.is_empty()).unwrap_or_default()
}

fn single(item: Item<'_>) -> Items<'_> {
    let mut items = Items::default();
    items.push(item);
    items
}

fn one<'a>(role: Role, number: Decimal, window: Option<Duration>) -> Items<'a> {
    let mut item = Item { window, ..Item::default() };
    item.set(role, number);
    single(item)
}

/// `unlimited`: the quota exists, and no number is known.
fn is_boundless(value: &str) -> bool {
    ["unlimited", "infinite", "infinity", "inf", "none", "nolimit", "disabled"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

fn from_members<'a>(name: &Name<'_>, members: &[Member<'a>]) -> Items<'a> {
    let mut items = Items::default();
    for (member, slot) in members.iter().zip(0..) {
        let known = items.first().and_then(|first: &Item<'_>| first.limit);
        let mut item = Item { name: member.name.clone(), window: member.window, ..Item::default() };
        let number = member.number.map(Decimal::from);
        match (name.role, number) {
            (Role::Policy, _) => {
                item.policy = true;
                item.limit = number.or(member.quota.map(Decimal::from));
            }
            // Drafts 08 to 10: what is left of a named limit.
            (_, None) => {
                item.limit = member.quota.map(Decimal::from);
                item.remaining = member.remaining.map(Decimal::from);
                item.reset = member.reset.map(Told::After);
                if item.name.is_none() || item.limit.is_none() && item.remaining.is_none() && item.reset.is_none() {
                    continue;
                }
            }
            // Draft 03 and Envoy: the limit, then the policies that it comes from.
            (Role::Limit, Some(number)) if slot > 0 && item.window.is_some() => {
                item.policy = true;
                item.limit = Some(number);
            }
            // A proxy that joined two equal lines.
            (Role::Limit, Some(number)) if slot > 0 && known == Some(number) => continue,
            (role, Some(number)) => {
                item.slot = slot;
                item.set(role, number);
            }
        }
        items.push(item);
    }
    items
}

/// `20:1,100:120`: a count and the seconds of its window.
fn pairs(role: Role, value: &str, _: Wall) -> Items<'_> {
    listed(value, |part| {
        let (count, window) = part.split_once(':')?;
        let mut item = Item { window: Some(Decimal::parse(window)?.of(Scale::Seconds)), ..Item::default() };
        item.set(role, Decimal::parse(count)?);
        Some(item)
    })
}

/// `Compute/PutVM3Min;239,Compute/PutVM30Min;1198`: a name and its count.
fn counted(role: Role, value: &str, _: Wall) -> Items<'_> {
    listed(value, |part| {
        let (name, count) = part.rsplit_once(';')?;
        let mut item = Item { name: Some(Cow::Borrowed(name.trim())), ..Item::default() };
        item.set(role, Decimal::parse(count.trim())?);
        Some(item)
    })
}

/// `32/40`: what is used of the limit, or what is left of it; `60/minute`: the limit and its window.
fn ratio(role: Role, value: &str, _: Wall) -> Items<'_> {
    share(role, value).map(single).unwrap_or_default()
}

fn share<'a>(role: Role, value: &str) -> Option<Item<'a>> {
    let (part, whole) = value.split_once('/').or_else(|| value.split_once(" per "))?;
    let part = Decimal::parse(part.trim())?;
    let mut item = Item::default();
    match Decimal::parse(whole.trim()) {
        Some(limit) => {
            item.set(if role == Role::Remaining { role } else { Role::Used }, part);
            item.limit = Some(limit);
        }
        None => {
            item.window = Some(units::span(whole.trim())?);
            item.limit = Some(part);
        }
    }
    Some(item)
}

/// `1,200.00` and `5,000`: a number in groups of three. `600,300` is two numbers, as far as anybody can tell.
fn grouped(value: &str) -> Option<Decimal> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let (head, groups) = whole.split_once(',')?;
    let is_plain = value.len() == whole.len();
    let are_groups = groups.split(',').all(|group| group.len() == 3 && (!is_plain || group.starts_with('0')));
    let is_grouped = (1..=3).contains(&head.len()) && are_groups;
    is_grouped.then(|| Decimal::parse(&format!("{}.{fraction}", whole.replace(',', ""))))?
}

/// `total=100; remaining=99; resets=41`, `user-hour-lim:3500;user-hour-rem:500`, and `api-usage=18/5000`.
fn keyed(role: Role, value: &str, now: Wall) -> Items<'_> {
    let mut items = Items::default();
    for part in value.split([';', ',']) {
        let Some((key, value)) = part.split_once(['=', ':']) else { continue };
        let (key, value) = (key.trim(), value.trim());
        let value = value.split_once('(').map_or(value, |(value, _)| value);
        if let Some(item) = share(role, value) {
            items.push(Item { name: Some(Cow::Borrowed(key)), ..item });
            continue;
        }
        let key = member_name(key);
        let Some(name) = grammar::understand(&key) else { continue };
        let label = name.key.name(0);
        // A role that comes again begins the next quota.
        let free = |item: &&mut Item<'_>| item.name.as_deref() == label.as_deref() && !item.tells(name.role);
        match items.iter_mut().find(free) {
            Some(item) => item.note(&name, value, now),
            None => {
                let slot = u8::try_from(items.len()).unwrap_or(u8::MAX);
                let mut item = Item { name: label.map(Cow::Owned), slot, ..Item::default() };
                item.note(&name, value, now);
                if item.tells(name.role) {
                    items.push(item);
                }
            }
        }
    }
    let tells = |item: &Item<'_>| item.limit.is_some() || item.remaining.is_some() || item.used.is_some();
    if items.iter().all(tells) { items } else { Items::default() }
}

/// The key of a member, spelled like the name of a field. The letters are those of the RateLimit drafts.
fn member_name(key: &str) -> String {
    let key = match key {
        "q" => "limit",
        "r" => "remaining",
        "t" => "reset",
        "w" => "window",
        key => key,
    };
    format!("ratelimit-{}", grammar::kebab(key))
}

/// An object with members such as `limit`, `remaining` and `reset`.
fn json<'a>(_: Role, value: &'a str, now: Wall) -> Items<'a> {
    if !value.starts_with(['{', '[']) {
        return Items::default();
    }
    let Ok(Value::Object(members)) = serde_json::from_str::<Value>(value) else { return Items::default() };
    let mut item = Item::default();
    for (key, value) in &members {
        let text = match value {
            Value::String(text) if key == "name" => {
                item.name = Some(Cow::Owned(text.clone()));
                continue;
            }
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => continue,
        };
        let key = member_name(key);
        if let Some(name) = grammar::understand(&key).filter(|name| name.key.dimensions.is_empty()) {
            item.note(&name, &text, now);
        }
    }
    if item.remaining.is_some() || item.used.is_some() && item.limit.is_some() {
        single(item)
    } else {
        Items::default()
    }
}

fn listed<'a>(value: &'a str, read: impl Fn(&'a str) -> Option<Item<'a>>) -> Items<'a> {
    let mut items = Items::default();
    for (part, slot) in value.split(',').zip(0..) {
        let Some(item) = read(part.trim()) else { return Items::default() };
        items.push(Item { slot, ..item });
    }
    items
}

/// Reads a window: a number of seconds, or with its unit.
pub(super) fn window(value: &str, hint: Hint) -> Option<Duration> {
    match Decimal::parse(value) {
        Some(number) => Some(number.of(hint.scale.unwrap_or(Scale::Seconds))),
        None => units::span(value),
    }
}
