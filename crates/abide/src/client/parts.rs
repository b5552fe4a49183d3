//! What a request asks for, and by which rules.

use std::sync::Arc;
use std::time::Duration;

use abide_core::Policy;
use abide_core::call::{Patience, Safety};
use abide_core::retry::{Meaning, Sign};
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use url::Url;

use super::builder;
use super::credential::Credentials;
use super::exchange::Body;
use super::ground::Ground;
use crate::error::{Error, Result};
use crate::target;

/// The field of draft-ietf-httpapi-idempotency-key-header.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Arc<HeaderMap>,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) body: Body,
    pub(crate) safety: Option<Safety>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(super) patience: Option<Patience>,
    pub(super) priority: i8,
    pub(super) cost: u32,
    /// The rules that it goes by in place of the engine's.
    pub(super) policy: Option<Arc<Policy>>,
    /// What answers to it mean, decided by hand.
    pub(super) signs: Option<Arc<[(Sign, Meaning)]>>,
    /// The bucket that it was put into by hand.
    pub(super) bucket: Option<Arc<str>>,
    pub(super) gives_keys: bool,
    pub(crate) raises: bool,
}

impl Parts {
    /// A request for a path under the base, or for an absolute URL.
    pub(super) fn of_target(ground: &Ground, method: Method, target: &str) -> Result<Self> {
        let book = &ground.rules;
        let base = book.base().filter(|_| !target.contains("://"));
        let url = match base {
            Some(base) => base
                .join(target.trim_start_matches('/'))
                .map_err(|e| Error::setting(format!("the target can't be put after the base: {e}")))?,
            None => builder::parse_url(target)?,
        };
        Ok(Self::of_url(ground, method, url))
    }

    pub(crate) fn of_url(ground: &Ground, method: Method, mut url: Url) -> Self {
        url.set_fragment(None);
        let (rules, trusted) = ground.rules.of(&url);
        let mut credentials = if trusted { Arc::clone(&rules.credentials) } else { Arc::default() };
        if let Some(value) = builder::take_userinfo(&mut url) {
            Arc::make_mut(&mut credentials).insert(AUTHORIZATION, value);
        }
        Self {
            safety: rules.idempotent.contains(&method).then_some(Safety::Idempotent),
            method,
            url,
            headers: Arc::clone(&rules.headers),
            credentials,
            body: Body::Empty,
            timeout: rules.timeout,
            deadline: rules.deadline,
            patience: None,
            priority: 0,
            cost: 1,
            policy: rules.policy.clone(),
            signs: None,
            bucket: None,
            gives_keys: rules.gives_keys,
            raises: rules.raises,
        }
    }

    /// Puts what the rules have for queries into the URL, where it does not have it.
    pub(crate) fn add_query(&mut self, ground: &Ground) {
        let (rules, trusted) = ground.rules.of(&self.url);
        if trusted {
            target::add_missing(&mut self.url, &rules.query);
        }
    }

    /// Takes what somebody else put on the request; it goes before the rules'.
    #[cfg(feature = "_bodies")]
    pub(crate) fn take_headers(&mut self, headers: HeaderMap) {
        if headers.contains_key(IDEMPOTENCY_KEY) {
            self.safety.get_or_insert(Safety::Idempotent);
        }
        let (mut open, mut secret) = (HeaderMap::new(), HeaderMap::new());
        let mut last = None;
        for (name, value) in headers {
            // A further value of a field comes without its name.
            last = name.or(last);
            let Some(name) = &last else { continue };
            if Credentials::covers(name) { &mut secret } else { &mut open }.append(name, value);
        }
        // An extension puts a field with all its values in the place of what is there.
        if !open.is_empty() {
            Arc::make_mut(&mut self.headers).extend(open);
        }
        if !secret.is_empty() {
            Arc::make_mut(&mut self.credentials).headers.extend(secret);
        }
    }

    /// Gives it a key of its own if it would be safe to repeat with one.
    pub(crate) fn finish(&mut self) {
        if self.gives_keys && self.safety.is_none() && !self.method.is_idempotent() {
            let key = format!("{:032x}", fastrand::u128(..));
            // Hexadecimal digits are what a header field can hold.
            if let Ok(value) = HeaderValue::try_from(key) {
                Arc::make_mut(&mut self.headers).insert(IDEMPOTENCY_KEY, value);
                self.safety = Some(Safety::Idempotent);
            }
        }
    }

    /// The URL as it may be shown.
    pub(crate) fn shown(&self) -> String {
        target::shown(&self.url, &self.credentials.query_keys())
    }
}
