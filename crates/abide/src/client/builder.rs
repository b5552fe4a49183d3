//! The settings of a client, checked when it is built.

mod auth;
mod mount;
mod repeat;

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use abide_core::Policy;
use abide_core::call::Patience;
use abide_core::headers::Scale;
use abide_core::policy::{LimitRule, LimitSpec, LimitSpecs, Pace, Share};
use abide_core::retry::Backoff;
use http::header::{AUTHORIZATION, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use url::Url;

use super::Usual;
use super::credential::Credentials;
use super::ground::Ground;
use super::transport::Transport;
use super::transport::connection::{Connection, Connects};
use crate::error::{Error, Result};
use crate::handle::{Handle, Keeper};
use crate::memory::{Link, Memory};
use crate::target::redacted;

/// What the requests of clients say of their sender unless they are told otherwise.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("abide/", env!("CARGO_PKG_VERSION")));

/// Collects the settings of a client, or of whatever else `C` is: all are built from the same settings. What can't work is said by
/// `build`.
#[must_use]
pub struct ClientBuilder<C = Usual> {
    base: Option<String>,
    policy: Policy,
    credentials: Credentials,
    headers: HeaderMap,
    connection: Connection,
    timeout: Option<Duration>,
    deadline: Option<Duration>,
    query: Vec<(String, String)>,
    idempotent: Vec<Method>,
    gives_keys: bool,
    raises: bool,
    mounts: Vec<(String, Self)>,
    max_body: u64,
    seed: Option<u64>,
    #[cfg(feature = "testing")]
    mock: Option<crate::testing::Mock>,
    #[cfg(feature = "testing")]
    record: Option<std::path::PathBuf>,
    memory: Option<Memory>,
    wrong: Option<String>,
    builds: PhantomData<fn() -> C>,
}

impl<C> ClientBuilder<C> {
    pub(crate) fn new(base: Option<&str>) -> Self {
        Self {
            base: base.map(str::to_owned),
            policy: Policy::default(),
            credentials: Credentials::default(),
            headers: HeaderMap::new(),
            connection: Connection::default(),
            timeout: None,
            deadline: None,
            query: Vec::new(),
            idempotent: Vec::new(),
            gives_keys: false,
            raises: false,
            mounts: Vec::new(),
            max_body: 256 * 1024 * 1024,
            seed: None,
            #[cfg(feature = "testing")]
            mock: None,
            #[cfg(feature = "testing")]
            record: None,
            memory: None,
            wrong: None,
            builds: PhantomData,
        }
    }

    /// Limits that hold for each origin by itself. Adds to those told before; all hold at once.
    pub fn limit(mut self, limits: LimitSpecs) -> Self {
        self.policy.limits.extend(limits.0.into_iter().map(|spec| LimitRule { host: None, spec }));
        self
    }

    /// Limits that hold for one host.
    pub fn limit_for(mut self, host: &str, limits: LimitSpecs) -> Self {
        let host = Some(host.to_ascii_lowercase());
        self.policy.limits.extend(limits.0.into_iter().map(|spec| LimitRule { host: host.clone(), spec }));
        self
    }

    /// When requests leave that every limit allows: as soon as they may, or spread evenly; [`Pace::Eager`] by default.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.policy.pace = pace;
        self
    }

    /// The rate to begin with at each origin, as long as nothing is known: it doubles after every few requests that the server takes,
    /// and ends with the first that it refuses. None by default.
    pub fn start(mut self, rate: LimitSpec) -> Self {
        self.policy.start = Some(rate);
        self
    }

    /// The share of every limit that is used, be it told, said or learned: the rest is left to others on the same key. All of it
    /// by default.
    pub fn share_of(mut self, share: Share) -> Self {
        self.policy.share = share;
        self
    }

    /// The most attempts in flight to an origin; 8 by default.
    pub fn concurrency(mut self, most: u32) -> Self {
        match NonZeroU32::new(most) {
            Some(most) => self.policy.concurrency = most,
            None => self.wrong = Some("a concurrency of 0 would never send anything".to_owned()),
        }
        self
    }

    /// How often a call is tried again after a fault; 5 by default. Waiting for a limit is no try.
    pub fn retries(mut self, most: u32) -> Self {
        self.policy.retries = most;
        self
    }

    /// The wait before a call is tried again after a fault; 0.5 s doubling to 30 s with full jitter by default.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy.backoff = backoff;
        self
    }

    /// How long a call may wait for a limit; 60 s by default. A longer wait that was told or said ends the call at once.
    pub fn max_wait(mut self, most: Duration) -> Self {
        self.policy.max_wait = Patience::Within(most);
        self
    }

    /// Calls wait for limits without end.
    pub fn wait_for_ever(mut self) -> Self {
        self.policy.max_wait = Patience::Endless;
        self
    }

    /// Whether a safe request (GET, HEAD, OPTIONS) is sent again beside the first when its answer is late beyond reason: after at
    /// least 500 ms and ten times what 19 of 20 answers of its server take. The first answer counts and the other attempt is
    /// dropped. A second attempt waits for every limit and is paid from the budget of retries; off by default.
    pub fn hedge(mut self, hedge: bool) -> Self {
        self.policy.hedge = hedge;
        self
    }

    /// Statuses that always mean "too fast".
    pub fn busy(mut self, statuses: impl IntoIterator<Item = StatusCode>) -> Self {
        self.policy.busy.extend(statuses);
        self
    }

    /// Statuses that always mean a fault that may go better next time.
    pub fn fault(mut self, statuses: impl IntoIterator<Item = StatusCode>) -> Self {
        self.policy.fault.extend(statuses);
        self
    }

    /// The unit that the numbers of a header field count in, whatever the answers show: for a server that is read wrongly.
    pub fn header_unit(mut self, field: impl AsRef<str>, unit: Scale) -> Self {
        match HeaderName::try_from(field.as_ref()) {
            Ok(field) => self.policy.units.push((field, unit)),
            Err(_) => self.wrong = Some(format!("'{}' is not the name of a header field", field.as_ref())),
        }
        self
    }

    /// The most that one attempt may take, from its start to the end of its body; no bound by default.
    pub fn timeout(mut self, most: Duration) -> Self {
        self.timeout = Some(most);
        self
    }

    /// The most that a call may take, with all waits and attempts; no bound by default.
    pub fn deadline(mut self, most: Duration) -> Self {
        self.deadline = Some(most);
        self
    }

    /// The seed of jitter, for runs that are to be repeated; drawn at random by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Puts a mock in place of the network and the clock. Jitter then comes from the seed 0, unless another is given.
    #[cfg(feature = "testing")]
    pub fn mock(mut self, mock: &crate::testing::Mock) -> Self {
        self.mock = Some(mock.clone());
        self
    }

    /// Keeps what is learned of servers, and what was spent, in a folder: for later runs, and for others that run at the same
    /// time and share limits with this one. Nothing is kept by default. A folder that can't be used is no error; the log says so
    /// at the level `debug`.
    pub fn memory(mut self, memory: Memory) -> Self {
        self.memory = Some(memory);
        self
    }

    /// What all calls share.
    pub(crate) fn ground(&mut self, keeper: Keeper, follows: bool) -> Result<Ground> {
        if let Some(wrong) = self.wrong.take() {
            return Err(Error::setting(wrong));
        }
        let base = self.base.as_deref().map(parse_base).transpose()?;
        let base = base.map(|mut base| {
            if let Some(value) = take_userinfo(&mut base) {
                self.credentials.insert(AUTHORIZATION, value);
            }
            base
        });
        #[cfg(feature = "blocking")]
        let hedges = self.policy.hedge || self.mounts.iter().any(|(_, rules)| rules.policy.hedge);
        let (policy, rules) = self.rule_book(base)?;
        let handle = self.handle(policy, keeper);
        Ok(Ground {
            handle,
            rules,
            max_body: self.max_body,
            follows,
            #[cfg(feature = "blocking")]
            hedges,
        })
    }

    /// The engine with its clock.
    fn handle(&self, policy: Policy, keeper: Keeper) -> Handle {
        let memory = self.memory.as_ref().and_then(Link::new);
        #[cfg(feature = "testing")]
        if let Some(mock) = &self.mock {
            let (clock, story) = (mock.clock().clone(), mock.story().clone());
            return Handle::told(policy, self.seed.unwrap_or(0), memory, keeper, clock, story);
        }
        Handle::new(policy, self.seed.unwrap_or_else(|| fastrand::u64(..)), memory, keeper)
    }
}

/// Settings of clients that make their own connections.
impl<C: Connects> ClientBuilder<C> {
    pub(crate) fn connecting(base: Option<&str>) -> Self {
        let mut builder = Self::new(base);
        builder.headers.insert(USER_AGENT, AGENT);
        builder
    }

    /// How many redirects a call follows; 10 by default, each through the gate of its origin.
    pub fn redirects(mut self, most: u32) -> Self {
        self.policy.redirects = most;
        self
    }

    /// The most that a connection may take to come about; 10 s by default.
    pub fn connect_timeout(mut self, most: Duration) -> Self {
        self.connection.connect_timeout = most;
        self
    }

    /// How long an attempt may pass without a byte of its answer; 30 s by default.
    pub fn idle_timeout(mut self, most: Duration) -> Self {
        self.connection.idle_timeout = most;
        self
    }

    /// The most bytes of a decoded body that are held; 256 MiB by default.
    pub fn max_body(mut self, bytes: u64) -> Self {
        self.max_body = bytes;
        self
    }

    /// Certificates in PEM form that are trusted beside the system's.
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.connection.ca_certificates.push(pem.into());
        self
    }

    /// Accepts any certificate: anybody in between can read and change everything.
    pub fn insecure(mut self) -> Self {
        self.connection.insecure = true;
        self
    }

    /// Writes every exchange into a JSON file, to be [replayed](crate::testing::Mock::replay) without the network. Header fields
    /// and bodies of requests are not written, nor the secret keys of a query, cookies, and the tokens of a token endpoint. An
    /// earlier file of this name is written over.
    #[cfg(feature = "testing")]
    pub fn record(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.record = Some(path.into());
        self
    }

    /// What sends: connections of the client's own, unless a test stands in for them.
    pub(crate) fn transport(
        &mut self,
        connect: impl FnOnce(&Connection) -> Result<Arc<dyn Transport>>,
    ) -> Result<Arc<dyn Transport>> {
        #[cfg(feature = "testing")]
        if let Some(mock) = self.mock.take() {
            return Ok(Arc::new(mock.line(self.connection.idle_timeout)));
        }
        let connections = connect(&self.connection)?;
        #[cfg(feature = "testing")]
        if let Some(path) = self.record.take() {
            let recorder = crate::testing::Recorder::new(connections, path, self.credentials.query_keys())?;
            return Ok(Arc::new(recorder));
        }
        Ok(connections)
    }
}

impl<C> Clone for ClientBuilder<C> {
    fn clone(&self) -> Self {
        Self {
            base: self.base.clone(),
            policy: self.policy.clone(),
            credentials: self.credentials.clone(),
            headers: self.headers.clone(),
            connection: self.connection.clone(),
            timeout: self.timeout,
            deadline: self.deadline,
            query: self.query.clone(),
            idempotent: self.idempotent.clone(),
            gives_keys: self.gives_keys,
            raises: self.raises,
            mounts: self.mounts.clone(),
            max_body: self.max_body,
            seed: self.seed,
            #[cfg(feature = "testing")]
            mock: self.mock.clone(),
            #[cfg(feature = "testing")]
            record: self.record.clone(),
            memory: self.memory.clone(),
            wrong: self.wrong.clone(),
            builds: PhantomData,
        }
    }
}

impl<C> fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("base", &self.base.as_deref().map(|base| redacted(base, &[]).ok()))
            .field("policy", &self.policy)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

fn parse_base(text: &str) -> Result<Url> {
    let mut base = parse_url(text)?;
    // `users` under `https://host/api` is `https://host/api/users`.
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    Ok(base)
}

/// An absolute http or https URL.
pub(super) fn parse_url(text: &str) -> Result<Url> {
    // What was given is not repeated: it may hold a password.
    let url = Url::parse(text).map_err(|e| {
        Error::setting(format!("this is not a URL: {e}; write it whole, as https://api.example.com/items"))
    })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(Error::setting(format!("'{other}' is not a scheme that abide speaks: use http or https"))),
    }
}

/// Takes user and password out of a URL, as the value of an `Authorization` field.
pub(super) fn take_userinfo(url: &mut Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decode = |text: &str| percent_decode(text);
    let value = basic(&decode(url.username()), &decode(url.password().unwrap_or_default()));
    // Fails only for URLs without a host, and ours has a user, so it has one.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    HeaderValue::try_from(value).ok()
}

fn percent_decode(text: &str) -> String {
    // A '+' stands for itself outside of a query.
    let text = text.replace('+', "%2B");
    url::form_urlencoded::parse(text.as_bytes()).map(|(key, _)| key.into_owned()).collect()
}

pub(super) fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

pub(super) fn header(name: &str, value: &str) -> std::result::Result<(HeaderName, HeaderValue), String> {
    let name = HeaderName::try_from(name).map_err(|_| format!("'{name}' is not the name of a header field"))?;
    let value = HeaderValue::try_from(value)
        .map_err(|_| format!("the value of the header field '{name}' holds characters that it can't"))?;
    Ok((name, value))
}

#[cfg(all(test, feature = "client"))]
mod tests {
    use super::*;
    use crate::Client;

    #[test]
    fn user_and_password_leave_the_url() {
        let mut url = Url::parse("https://ann%40x:p%3Aw+@x.test/").unwrap();
        assert_eq!(take_userinfo(&mut url).unwrap(), &basic("ann@x", "p:w+"));
        assert_eq!(url.as_str(), "https://x.test/");
        assert_eq!(take_userinfo(&mut url), None);
    }

    #[test]
    fn what_can_not_work_is_said() {
        let wrong = |builder: ClientBuilder| builder.build().unwrap_err();
        assert!(wrong(Client::builder("ftp://x.test")).to_string().contains("use http or https"));
        assert!(wrong(Client::builder("nonsense")).is_setting());
        assert!(!wrong(Client::builder("https://ann:s3cret@x test/")).to_string().contains("s3cret"));
        assert!(wrong(Client::anywhere().concurrency(0)).is_setting());
        let secret = wrong(Client::anywhere().header("X-Key", "s3cret\n"));
        assert!(!format!("{secret:?}{secret}").contains("s3cret"));
    }
}
