//! Rules that hold for a part of what a client asks for, and what a client makes of them when it is built.

use std::collections::BTreeMap;
use std::sync::Arc;

use abide_core::Policy;
use abide_core::policy::{LimitRule, LimitSpecs};
use url::Url;

use super::ClientBuilder;
use crate::client::credential::Credentials;
use crate::client::rules::{Prefix, RuleBook, Rules};
use crate::error::{Error, Result};

impl<C> ClientBuilder<C> {
    /// Rules for the URLs under a prefix: an absolute URL without a query (`https://api.example.com/search`), a path under the
    /// base (`/search`), or a scheme (`https://`). The longest prefix wins, compared by whole segments of the path.
    ///
    /// `change` is given all that was set on this builder so far and changes it, except that no limits are told yet. Where it
    /// tells limits, or another concurrency, the requests under the prefix have a budget of their own; else they share that of
    /// their origin. At another origin than the base's it begins without credentials. What concerns connections can't be changed.
    ///
    /// ```
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let (core, search) = ("5000/h".parse()?, "30/min".parse()?);
    /// let github = abide::Client::builder("https://api.github.com")
    ///     .limit(core)
    ///     .mount("/search", |rules| rules.limit(search).retries(1))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn mount(mut self, prefix: impl Into<String>, change: impl FnOnce(Self) -> Self) -> Self {
        let prefix = prefix.into();
        let mut bare = self.clone();
        bare.policy.limits.clear();
        bare.mounts.clear();
        if self.is_elsewhere(&prefix) {
            // The credentials so far are the base's.
            bare.credentials = Credentials::default();
        }
        self.mounts.push((prefix, change(bare)));
        self
    }

    /// Limits for the requests that are put [into the bucket](crate::Request::bucket) of this name, which share nothing else
    /// with those of their origin. Adds to those told before.
    pub fn bucket(mut self, name: impl Into<Arc<str>>, limits: LimitSpecs) -> Self {
        let bucket = self.policy.buckets.entry(name.into()).or_default();
        let rules = limits.0.into_iter().map(|spec| LimitRule { host: None, spec });
        Arc::make_mut(bucket).limits.extend(rules);
        self
    }

    /// Whether a prefix leads away from the origin of the base.
    fn is_elsewhere(&self, prefix: &str) -> bool {
        let base = self.base.as_deref().and_then(|base| Url::parse(base).ok());
        let origin = Url::parse(prefix).ok().map(|prefix| prefix.origin());
        base.zip(origin).is_some_and(|(base, origin)| base.origin() != origin)
    }

    /// The policy of the engine, and the rules of the requests.
    pub(super) fn rule_book(&mut self, base: Option<Url>) -> Result<(Policy, RuleBook)> {
        let mut policy = self.policy.clone();
        let mut mounts = Vec::new();
        for (prefix, mut settings) in std::mem::take(&mut self.mounts) {
            if let Some(wrong) = settings.wrong.take() {
                return Err(Error::setting(wrong));
            }
            let prefix = Prefix::parse(&prefix, base.as_ref()).map_err(Error::setting)?;
            mounts.push((prefix.clone(), settings.mounted(&prefix, &mut policy)));
        }
        let root = self.clone().rules();
        // Those of a bucket that was told limits alone.
        let named: Vec<Arc<str>> = self.policy.buckets.keys().cloned().collect();
        for name in named {
            if let Some(bucket) = policy.buckets.get_mut(&name) {
                let limits = bucket.limits.clone();
                *bucket = Arc::new(Policy { limits, buckets: BTreeMap::new(), ..self.policy.clone() });
            }
        }
        Ok((policy, RuleBook::new(base, root, mounts)))
    }

    /// The rules of a mount. What its requests are limited by goes into the engine's policy.
    fn mounted(self, prefix: &Prefix, root: &mut Policy) -> Rules {
        let has_own_budget = !self.policy.limits.is_empty() || self.policy.concurrency != root.concurrency;
        let policy = Arc::new(Policy { buckets: BTreeMap::new(), ..self.policy.clone() });
        let bucket: Option<Arc<str>> = has_own_budget.then(|| prefix.name().into());
        if let Some(name) = &bucket {
            root.buckets.insert(Arc::clone(name), Arc::clone(&policy));
        }
        Rules { policy: Some(policy), bucket, ..self.rules() }
    }

    fn rules(self) -> Rules {
        Rules {
            policy: None,
            bucket: None,
            key: None,
            credentials: Arc::new(self.credentials),
            headers: Arc::new(self.headers),
            query: self.query,
            timeout: self.timeout,
            deadline: self.deadline,
            idempotent: self.idempotent,
            gives_keys: self.gives_keys,
            raises: self.raises,
        }
    }
}
