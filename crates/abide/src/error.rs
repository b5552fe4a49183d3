//! The one error of the library: opaque, with questions to ask of it.

use std::fmt;
use std::time::{Duration, SystemTime};

use abide_core::call::Account;
use abide_core::decision::GiveUp;
use abide_core::event::Failure;
use http::StatusCode;

/// Why a call, or the building of a client, did not succeed.
///
/// It never holds a credential: URLs in it are shown without user, password and secret query keys.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    url: Option<String>,
    account: Account,
    status: Option<StatusCode>,
    retry_at: Option<SystemTime>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "client", feature = "blocking")),
    allow(dead_code, reason = "a layer hands bodies over as they are")
)]
pub(crate) enum Kind {
    /// A setting of the client or the request that can't work.
    Setting(String),
    /// The engine ended the call.
    GivenUp(GiveUp),
    /// The body broke off after a part of it was handed over.
    BrokeOff(Failure),
    /// The body is larger than allowed.
    TooLarge(u64),
    /// The body is not what was asked for.
    Decode(String),
    /// No access token could be had.
    Token(String),
    /// Nobody knows where the pages go on, or they lead elsewhere.
    Pages(String),
    /// The status is an error, and was asked to be one.
    Status(StatusCode),
}

/// What every call can say of itself.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Box::new(Inner {
            kind,
            url: None,
            account: Account::default(),
            status: None,
            retry_at: None,
            source: None,
        }))
    }

    pub(crate) fn setting(what: impl Into<String>) -> Self {
        Self::new(Kind::Setting(what.into()))
    }

    pub(crate) fn with_url(mut self, url: String) -> Self {
        self.0.url = Some(url);
        self
    }

    pub(crate) fn with_account(mut self, account: Account) -> Self {
        self.0.account = account;
        self
    }

    pub(crate) fn with_status(mut self, status: Option<StatusCode>) -> Self {
        self.0.status = status;
        self
    }

    pub(crate) fn with_retry_at(mut self, at: Option<SystemTime>) -> Self {
        self.0.retry_at = at;
        self
    }

    pub(crate) fn with_source(mut self, source: Option<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = source;
        self
    }

    /// A wait for a limit is longer than the call's `max_wait`, or its deadline passed while it waited for one.
    pub fn is_limited(&self) -> bool {
        matches!(self.0.kind, Kind::GivenUp(GiveUp::Limited { .. } | GiveUp::Deadline { why: Some(_) }))
    }

    /// When it makes sense to come back, where that is known: the server's full wait, never cut.
    pub fn retry_at(&self) -> Option<SystemTime> {
        self.0.retry_at
    }

    /// The full wait that was too long, from the moment of the error on.
    pub fn wait(&self) -> Option<Duration> {
        match self.0.kind {
            Kind::GivenUp(GiveUp::Limited { wait, .. }) => wait,
            _ => None,
        }
    }

    /// The call's deadline passed.
    pub fn is_deadline(&self) -> bool {
        matches!(self.0.kind, Kind::GivenUp(GiveUp::Deadline { .. }))
    }

    /// The last attempt took too long.
    pub fn is_timeout(&self) -> bool {
        matches!(self.failure(), Some(Failure::Timeout | Failure::ConnectTimeout))
    }

    /// No connection came about: the name, the connection or its security.
    pub fn is_connect(&self) -> bool {
        self.failure().is_some_and(Failure::precedes_sending)
    }

    /// The peer's certificate or protocol was not accepted.
    pub fn is_tls(&self) -> bool {
        self.failure() == Some(Failure::Tls)
    }

    /// The request may have reached the server, and it is not safe to send it twice.
    pub fn is_unrepeatable(&self) -> bool {
        matches!(self.0.kind, Kind::GivenUp(GiveUp::Unrepeatable(_)))
    }

    /// The body is larger than the client takes.
    pub fn is_too_large(&self) -> bool {
        matches!(self.0.kind, Kind::TooLarge(_))
    }

    /// There were more redirects than the client follows.
    pub fn is_redirect(&self) -> bool {
        matches!(self.0.kind, Kind::GivenUp(GiveUp::Redirects(_)))
    }

    /// The body broke off, is too large, or is not what was asked for.
    pub fn is_body(&self) -> bool {
        matches!(self.0.kind, Kind::BrokeOff(_) | Kind::TooLarge(_) | Kind::Decode(_))
            || self.failure() == Some(Failure::Body)
    }

    /// A setting of the client or of the request can't work.
    pub fn is_setting(&self) -> bool {
        matches!(self.0.kind, Kind::Setting(_))
    }

    /// No access token could be had from the token endpoint.
    pub fn is_token(&self) -> bool {
        matches!(self.0.kind, Kind::Token(_))
    }

    /// The pages stalled: a next one is named in a way that can't be followed, at another origin, or was there before.
    pub fn is_pages(&self) -> bool {
        matches!(self.0.kind, Kind::Pages(_))
    }

    /// The status of the last answer, where one came.
    pub fn status(&self) -> Option<StatusCode> {
        match self.0.kind {
            Kind::Status(status) => Some(status),
            _ => self.0.status,
        }
    }

    /// How many attempts were sent.
    pub fn attempts(&self) -> u32 {
        self.0.account.attempts
    }

    /// Attempts, and what was waited for.
    pub fn account(&self) -> &Account {
        &self.0.account
    }

    /// The URL that was asked for, without secrets.
    pub fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    fn failure(&self) -> Option<Failure> {
        match self.0.kind {
            Kind::GivenUp(GiveUp::Failed(failure) | GiveUp::Unrepeatable(failure)) | Kind::BrokeOff(failure) => {
                Some(failure)
            }
            _ => None,
        }
    }

    /// What happened, without the URL and the account.
    pub fn reason(&self) -> String {
        let mut text = match &self.0.kind {
            Kind::Setting(what) | Kind::Decode(what) => what.clone(),
            Kind::Token(why) => format!("no access token: {why}"),
            Kind::Pages(why) => format!("the pages do not go on: {why}"),
            Kind::GivenUp(reason) => reason.to_string(),
            Kind::BrokeOff(failure) => format!("{failure} after a part of it was handed over"),
            Kind::TooLarge(most) => format!("the answer is larger than {most} bytes"),
            Kind::Status(status) => format!("the server answered {status}"),
        };
        let mut source = self.0.source.as_deref().map(|source| source as &dyn std::error::Error);
        while let Some(inner) = source.and_then(std::error::Error::source) {
            source = Some(inner);
        }
        // What lies between says only through which layers the root came.
        if let Some(root) = source.map(ToString::to_string).filter(|root| !text.contains(root)) {
            text = format!("{text}: {root}");
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(url) = &self.0.url {
            write!(f, "{url}: ")?;
        }
        f.write_str(&self.reason())?;
        if self.0.account.attempts > 0 || !self.0.account.waited.is_empty() {
            write!(f, " ({})", self.0.account)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("url", &self.0.url)
            .field("account", &self.0.account)
            .field("status", &self.0.status)
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_words_are_those_of_the_root() {
        let root = io::Error::from_raw_os_error(111);
        let words = root.to_string();
        let wrapped = Box::new(Wrapped(root));
        let error = Error::new(Kind::GivenUp(GiveUp::Failed(Failure::Connect))).with_source(Some(wrapped));
        assert_eq!(error.to_string(), format!("the connection failed: {words}"));
    }

    #[derive(Debug)]
    struct Wrapped(io::Error);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("client error (Connect)")
        }
    }

    impl std::error::Error for Wrapped {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
}
