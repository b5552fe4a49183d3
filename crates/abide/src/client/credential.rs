//! What identifies the caller to an API, and to whom it may be shown.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use http::header::{
    ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HeaderName, USER_AGENT,
};
use http::{HeaderMap, HeaderValue};
use url::Url;

use super::oauth::Tokens;
use crate::target;

/// Header fields and query pairs that go to one origin and to no other.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) headers: HeaderMap,
    pub(crate) query: Vec<(String, String)>,
    /// Where an access token comes from, if one is fetched.
    pub(super) tokens: Option<Arc<Tokens>>,
}

impl Credentials {
    /// Whether a field that a user sets is taken for a credential: all are, but those that say nothing of who asks.
    pub(crate) fn covers(name: &HeaderName) -> bool {
        const HARMLESS: [HeaderName; 6] =
            [ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, USER_AGENT, CONTENT_TYPE];
        !HARMLESS.contains(name)
    }

    pub(crate) fn insert(&mut self, name: HeaderName, mut value: HeaderValue) {
        value.set_sensitive(true);
        if name == AUTHORIZATION {
            self.tokens = None;
        }
        self.headers.insert(name, value);
    }

    /// The keys of the query that hold secrets.
    pub(crate) fn query_keys(&self) -> Vec<String> {
        self.query.iter().map(|(key, _)| key.clone()).collect()
    }

    /// Puts the query pairs into a URL, in place of pairs with the same keys.
    pub(crate) fn add_to(&self, url: &mut Url) {
        if !self.query.is_empty() {
            target::remove_query_keys(url, &self.query_keys());
            url.query_pairs_mut().extend_pairs(&self.query);
        }
    }

    /// Tells callers apart without holding their credentials; 0 for none. Fields that change from one request to the next say
    /// nothing of who asks: budgets that are shared by mistake cost time, those that are not cost refusals.
    pub(crate) fn hash(&self) -> u64 {
        let mut fields: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .filter(|(name, _)| identifies(name))
            .collect();
        let tokens = self.tokens.as_ref().map(|tokens| tokens.identity());
        if fields.is_empty() && self.query.is_empty() && tokens.is_none() {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        fields.sort_unstable();
        fields.hash(&mut hasher);
        self.query.hash(&mut hasher);
        if let Some(tokens) = tokens {
            tokens.hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// Whether a field says who asks, by its name.
fn identifies(name: &str) -> bool {
    const WORDS: [&str; 8] = ["auth", "cookie", "key", "token", "secret", "session", "account", "tenant"];
    name != "idempotency-key" && WORDS.iter().any(|word| name.contains(word))
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        write!(f, "Credentials({names:?}, {:?})", self.query_keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_not_shown() {
        let mut credentials = Credentials::default();
        credentials.insert(HeaderName::from_static("x-api-key"), HeaderValue::from_static("s3cret"));
        credentials.query.push(("token".to_owned(), "t0ken".to_owned()));
        let shown = format!("{credentials:?}");
        assert!(shown.contains("x-api-key") && !shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    }

    #[test]
    fn what_changes_from_request_to_request_makes_no_other_caller() {
        let hash = |name: &'static str, value: &'static str| {
            let mut credentials = Credentials::default();
            credentials.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            credentials.hash()
        };
        assert_eq!((hash("idempotency-key", "1"), hash("if-none-match", "x"), hash("x-request-id", "7")), (0, 0, 0));
        assert_ne!(hash("x-api-key", "1"), hash("x-api-key", "2"));
        assert_ne!(hash("authorization", "1"), 0);
    }

    #[test]
    fn every_field_but_the_harmless_is_a_credential() {
        assert!(Credentials::covers(&HeaderName::from_static("x-api-key")));
        assert!(Credentials::covers(&http::header::COOKIE));
        assert!(!Credentials::covers(&http::header::ACCEPT_LANGUAGE));
    }
}
