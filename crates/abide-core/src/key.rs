//! Which calls share a budget: those to one origin with one credential, in one bucket where the user has set some apart.

use std::fmt;
use std::sync::Arc;

/// An origin, a credential, and a bucket where one was named. Calls with equal keys pass one gate; calls with different keys know nothing of each other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    origin: Arc<str>,
    credential: u64,
    bucket: Option<Arc<str>>,
}

impl Key {
    /// A key for an origin as RFC 6454 writes it (`https://api.example.com`, with a port where it is not the scheme's own),
    /// and a hash of the credential; 0 where there is none. The credential itself never comes in here.
    pub fn new(origin: impl AsRef<str>, credential: u64) -> Self {
        Self { origin: Arc::from(origin.as_ref().to_ascii_lowercase()), credential, bucket: None }
    }

    /// The same in a bucket of its own, for a part of the API that the server counts apart.
    #[must_use]
    pub fn in_bucket(self, name: impl Into<Arc<str>>) -> Self {
        Self { bucket: Some(name.into()), ..self }
    }

    /// The name of the bucket, if it is in one.
    pub fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The hash of the credential; 0 where there is none.
    pub fn credential(&self) -> u64 {
        self.credential
    }

    /// The host, without scheme and port; an IPv6 literal keeps its brackets.
    pub fn host(&self) -> &str {
        let authority = self.origin.split_once("://").map_or(&*self.origin, |(_, rest)| rest);
        match authority.rfind(':') {
            Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
            _ => authority,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, {:016x}", self.origin, self.credential)?;
        match &self.bucket {
            Some(bucket) => write!(f, ", {bucket})"),
            None => f.write_str(")"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_the_authority_without_its_port() {
        let host = |origin: &str| Key::new(origin, 0).host().to_owned();
        assert_eq!(host("https://API.example.com"), "api.example.com");
        assert_eq!(host("http://127.0.0.1:8080"), "127.0.0.1");
        assert_eq!(host("http://[::1]:8080"), "[::1]");
        assert_eq!(host("http://[::1]"), "[::1]");
    }
}
