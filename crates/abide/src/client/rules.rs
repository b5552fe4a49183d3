//! Which rules a request goes by: the client's, or those that are mounted at the longest prefix of its URL.

use std::sync::Arc;
use std::time::Duration;

use abide_core::{Key, Policy};
use http::{HeaderMap, Method};
use url::{Origin, Url};

use super::credential::Credentials;
use crate::target;

/// What holds for requests of one kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// In place of the engine's own.
    pub(super) policy: Option<Arc<Policy>>,
    /// The bucket that they share, if it is not that of their origin.
    pub(super) bucket: Option<Arc<str>>,
    pub(super) credentials: Arc<Credentials>,
    /// Whose budget is spent with these credentials, where that is known before a request is.
    pub(super) key: Option<Key>,
    /// Header fields that are no credentials: they go to every origin.
    pub(super) headers: Arc<HeaderMap>,
    /// Pairs for the query of targets that do not have them.
    pub(super) query: Vec<(String, String)>,
    pub(super) timeout: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    /// Methods that may be sent twice, by the user's word.
    pub(super) idempotent: Vec<Method>,
    /// Whether requests that may not be sent twice get an idempotency key.
    pub(super) gives_keys: bool,
    /// Whether an answer of 400 or above is an error.
    pub(super) raises: bool,
}

impl Rules {
    fn key_at(&self, origin: &str) -> Key {
        let key = Key::new(origin, self.credentials.hash());
        match &self.bucket {
            Some(bucket) => key.in_bucket(Arc::clone(bucket)),
            None => key,
        }
    }
}

/// All rules of a client.
#[derive(Debug)]
pub(super) struct RuleBook {
    base: Option<Url>,
    root: Rules,
    /// The longest prefix first.
    mounts: Vec<(Prefix, Rules)>,
}

/// The beginning of URLs: a scheme, or an origin and the first segments of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Scheme(String),
    Path { origin: Origin, path: String },
}

impl RuleBook {
    pub(super) fn new(base: Option<Url>, mut root: Rules, mut mounts: Vec<(Prefix, Rules)>) -> Self {
        let origin = base.as_ref().map(target::origin);
        root.key = origin.as_deref().map(|origin| root.key_at(origin));
        for (prefix, rules) in &mut mounts {
            rules.key = match prefix {
                Prefix::Path { origin, .. } => Some(rules.key_at(&origin.ascii_serialization())),
                Prefix::Scheme(_) => origin.as_deref().map(|origin| rules.key_at(origin)),
            };
        }
        mounts.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Self { base, root, mounts }
    }

    pub(super) fn base(&self) -> Option<&Url> {
        self.base.as_ref()
    }

    /// The rules for a URL, and whether their credentials may go there.
    pub(super) fn of(&self, url: &Url) -> (&Rules, bool) {
        match self.mounts.iter().find(|(prefix, _)| prefix.covers(url)) {
            // Whoever mounts rules at an origin means that origin.
            Some((Prefix::Path { .. }, rules)) => (rules, true),
            Some((Prefix::Scheme(_), rules)) => (rules, self.trusts(url)),
            None => (&self.root, self.trusts(url)),
        }
    }

    /// The client's credentials belong to its base, or without one to whatever its user names.
    fn trusts(&self, url: &Url) -> bool {
        self.base.as_ref().is_none_or(|base| target::is_same_origin(base, url))
    }
}

impl Prefix {
    /// `https://`, a URL, or a path under the base.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for people.
    pub(super) fn parse(text: &str, base: Option<&Url>) -> Result<Self, String> {
        if matches!(text, "http://" | "https://") {
            return Ok(Self::Scheme(text.trim_end_matches("://").to_owned()));
        }
        let url = match base {
            Some(base) if !text.contains("://") => base.join(text.trim_start_matches('/')),
            _ => Url::parse(text),
        };
        let wrong = |why: String| format!("rules can't be mounted at '{text}': {why}");
        let url = url.map_err(|e| wrong(format!("{e}; write a URL, or a path under the client's base")))?;
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it is to be an origin and a path, without a query, a fragment or a user".to_owned()));
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("only http and https are spoken".to_owned()));
        }
        Ok(Self::Path { origin: url.origin(), path: url.path().trim_end_matches('/').to_owned() })
    }

    /// As it names a bucket.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Scheme(scheme) => format!("{scheme}://"),
            Self::Path { origin, path } => format!("{}{path}", origin.ascii_serialization()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Scheme(_) => 0,
            Self::Path { path, .. } => 1 + path.len(),
        }
    }

    fn covers(&self, url: &Url) -> bool {
        match self {
            Self::Scheme(scheme) => url.scheme() == scheme,
            Self::Path { origin, path } => {
                // By whole segments: what is mounted at /search is not for /searches.
                let rest = url.path().strip_prefix(path.as_str());
                *origin == url.origin() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_longest_prefix_wins_by_whole_segments() {
        let base = url("https://api.test/v1/");
        let rules = |secs| Rules { timeout: Some(Duration::from_secs(secs)), ..Rules::default() };
        let mount = |text, secs| (Prefix::parse(text, Some(&base)).unwrap(), rules(secs));
        let mounts =
            vec![mount("https://", 1), mount("https://api.test", 2), mount("/search", 3), mount("/search/x", 4)];
        let book = RuleBook::new(Some(base.clone()), rules(0), mounts);
        let of = |text| book.of(&url(text)).0.timeout.unwrap().as_secs();
        assert_eq!(of("https://api.test/v1/search/x/y?q=1"), 4);
        assert_eq!(of("https://api.test/v1/search?q=1"), 3);
        assert_eq!(of("https://api.test/v1/searches"), 2);
        assert_eq!(of("https://api.test.evil.test/v1/search"), 1);
        assert_eq!(of("http://api.test/v1/search"), 0);
        assert!(!book.of(&url("https://api.test.evil.test/")).1, "no credential goes there");
    }

    #[test]
    fn what_is_no_prefix_is_named() {
        for (text, why) in [
            ("/search", "a path under the client's base"),
            ("ftp://x.test/", "only http and https"),
            ("https://x.test/?q=1", "without a query"),
        ] {
            let wrong = Prefix::parse(text, None).unwrap_err();
            assert!(wrong.contains(text) && wrong.contains(why), "{wrong}");
        }
    }
}
