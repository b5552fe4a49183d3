//! Says in one line what a response told: the quota that matters most, and all of them, as numbers.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Amount, Quota, Refusal, Signal, Told, Wait};
use crate::time::Wall;

/// What a response told, seen from the moment at which it came. What the server did not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The request was refused because of a limit.
    pub throttled: bool,
    /// The kind of the refusal: `burst`, `quota`, `concurrency`, `overload` or `unknown`.
    pub kind: Option<&'static str>,
    /// The quota that matters most: of those used up the one that resets last, else the one with the smallest share left.
    pub limit: Option<Amount>,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// Until it resets, by the clock of whoever received the response.
    pub reset_after: Option<Duration>,
    /// The same, counted from the server's `Date`.
    pub reset_after_by_date: Option<Duration>,
    /// The length of its window.
    pub window: Option<Duration>,
    /// What the header fields say about waiting.
    pub retry_after: Option<Duration>,
    /// What the body says about waiting.
    pub retry_after_body: Option<Duration>,
    /// The name of the limit, bucket, policy or reason.
    pub policy_name: Option<String>,
    /// Every quota that was named.
    pub buckets: Vec<Bucket>,
}

/// One quota in a [`Summary`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// The name, given or made of the names of its fields.
    pub name: Option<String>,
    /// How many are allowed a window.
    pub limit: Option<Amount>,
    /// How many are left.
    pub remaining: Option<u64>,
    /// Until the window resets.
    pub reset_after: Option<Duration>,
    /// The length of the window.
    pub window: Option<Duration>,
}

impl Signal {
    /// Sums the signal up for a response that came at `received` and carries `date`.
    pub fn summary(&self, received: Wall, date: Option<Wall>) -> Summary {
        let top = self.top(received).cloned().unwrap_or_default();
        let bucket = Bucket::of(&top, received);
        let policy_name = self.policy.clone().or(top.name.filter(|_| top.named));
        Summary {
            throttled: match self.refusal {
                Some(Refusal::Overload) => self.wait.is_some(),
                Some(Refusal::Unknown) | None => false,
                Some(_) => true,
            },
            kind: self.refusal.map(|refusal| match refusal {
                Refusal::Rate => "burst",
                Refusal::Quota => "quota",
                Refusal::Concurrency => "concurrency",
                Refusal::Overload => "overload",
                Refusal::Unknown => "unknown",
            }),
            limit: bucket.limit,
            remaining: bucket.remaining,
            reset_after: bucket.reset_after,
            reset_after_by_date: top.told_reset.zip(date).map(|(told, date)| told.from(date)),
            window: bucket.window,
            retry_after: self.retry_after.map(|told| told.from(received)),
            retry_after_body: self.retry_after_body.map(|told| told.from(received)),
            policy_name,
            buckets: self.quotas.iter().map(|quota| Bucket::of(quota, received)).collect(),
        }
    }

    /// The quota that matters most: of those used up the one that resets last, else the one with the smallest share left. Of
    /// equals, the first.
    pub fn top(&self, received: Wall) -> Option<&Quota> {
        let reset = |quota: &Quota| quota.told_reset.map(|told| told.from(received));
        let empty = self.quotas.iter().filter(|quota| quota.remaining == Some(0));
        // `max_by` takes the last of equals, and the first is wanted.
        let last_to_reset = empty.rev().max_by_key(|quota| reset(quota));
        let share = |quota: &Quota| Some((quota.remaining?, quota.limit.filter(|limit| *limit > 0)?));
        let smallest_share = || {
            let shares = self.quotas.iter().filter_map(|quota| Some((quota, share(quota)?)));
            // a/b < c/d without fractions.
            let least = shares.min_by(|(_, (a, b)), (_, (c, d))| {
                (u128::from(*a) * u128::from(*d)).cmp(&(u128::from(*c) * u128::from(*b)))
            });
            least.map(|(quota, _)| quota)
        };
        let fewest =
            || self.quotas.iter().filter(|quota| quota.remaining.is_some()).min_by_key(|quota| quota.remaining);
        last_to_reset.or_else(smallest_share).or_else(fewest).or(self.quotas.first())
    }
}

impl Bucket {
    fn of(quota: &Quota, received: Wall) -> Self {
        let believed = |reset: &Duration| *reset <= Wait::LONGEST;
        Self {
            name: quota.name.clone(),
            limit: quota.exact_limit.or(quota.limit.map(Amount::from)),
            remaining: quota.remaining,
            reset_after: quota.told_reset.map(|told: Told| told.from(received)).filter(believed),
            window: quota.window.filter(|_| !quota.implied),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "limit": number(self.limit),
            "remaining": self.remaining,
            "reset_after_s": secs(self.reset_after),
            "window_s": secs(self.window),
        })
    }
}

impl Summary {
    /// The summary as one JSON object: times in seconds, `null` where the server said nothing.
    pub fn to_json(&self) -> Map<String, Value> {
        let object = json!({
            "throttled": self.throttled,
            "kind": self.kind,
            "limit": number(self.limit),
            "remaining": self.remaining,
            "reset_after_s": secs(self.reset_after),
            "reset_after_by_date_s": secs(self.reset_after_by_date),
            "retry_after_s": secs(self.retry_after),
            "retry_after_body_s": secs(self.retry_after_body),
            "window_s": secs(self.window),
            "policy_name": self.policy_name,
            "buckets": self.buckets.iter().map(Bucket::to_json).collect::<Vec<_>>(),
        });
        match object {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }
}

/// A number, a whole one as an integer.
fn number(amount: Option<Amount>) -> Value {
    amount.map_or(Value::Null, |amount| amount.whole().map_or_else(|| json!(amount.as_f64()), |whole| json!(whole)))
}

/// Seconds, whole ones as an integer.
fn secs(duration: Option<Duration>) -> Value {
    match duration {
        None => Value::Null,
        Some(whole) if whole.subsec_nanos() == 0 => json!(whole.as_secs()),
        Some(duration) => json!(duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(name: &str, limit: Option<u64>, remaining: u64, reset: u64) -> Quota {
        let reset = Some(Duration::from_secs(reset));
        Quota {
            name: Some(name.to_owned()),
            limit,
            remaining: Some(remaining),
            reset,
            told_reset: reset.map(Told::After),
            ..Quota::default()
        }
    }

    fn top(quotas: &[Quota]) -> Option<String> {
        let signal = Signal { quotas: quotas.to_vec(), ..Signal::default() };
        signal.top(Wall::from_secs(0)).and_then(|quota| quota.name.clone())
    }

    #[test]
    fn the_quota_that_matters_most_is_on_top() {
        let (a, b, c) = (quota("a", Some(10), 5, 9), quota("b", Some(100), 40, 5), quota("c", None, 1, 1));
        assert_eq!(top(&[a.clone(), b.clone(), c.clone()]).as_deref(), Some("b"), "the smallest share");
        assert_eq!(
            top(&[c.clone(), quota("d", None, 1, 1)]).as_deref(),
            Some("c"),
            "the fewest, and the first of equals"
        );
        let (e, f) = (quota("e", Some(10), 0, 9), quota("f", Some(10), 0, 90));
        assert_eq!(top(&[a, b, c, e.clone(), f.clone()]).as_deref(), Some("f"), "nothing left, and the last to reset");
        assert_eq!(top(&[e.clone(), Quota { name: Some("g".to_owned()), ..e }]).as_deref(), Some("e"));
        assert_eq!(top(&[Quota { limit: Some(0), ..f }]).as_deref(), Some("f"), "no division by zero");
        assert_eq!(top(&[]), None);
    }

    #[test]
    fn what_was_not_said_is_null() {
        let object = Signal::default().summary(Wall::from_secs(0), None).to_json();
        assert_eq!(object["throttled"], json!(false));
        for key in ["kind", "limit", "remaining", "reset_after_s", "retry_after_s", "retry_after_body_s", "window_s"] {
            assert_eq!(object[key], Value::Null, "{key}");
        }
    }

    #[test]
    fn an_overload_without_a_wait_is_no_limit_of_the_callers() {
        let summary = |refusal, wait| {
            Signal { refusal: Some(refusal), wait, ..Signal::default() }.summary(Wall::from_secs(0), None).throttled
        };
        assert!(!summary(Refusal::Overload, None) && !summary(Refusal::Unknown, None));
        assert!(summary(Refusal::Overload, Some(Wait::For(Duration::from_secs(5)))));
    }
}
