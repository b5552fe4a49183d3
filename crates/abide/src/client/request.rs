//! A request before it is sent.

use std::sync::Arc;
use std::time::Duration;

use abide_core::Policy;
use abide_core::call::{Patience, Safety};
use bytes::Bytes;
use futures_core::Stream;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use serde::Serialize;
use url::Url;

use super::credential::Credentials;
use super::exchange::{Body, Exchange, Hop};
use super::response::Response;
use super::upload::Upload;
use super::{Client, builder};
use crate::error::{Error, Result};
use crate::target;

/// The field of draft-ietf-httpapi-idempotency-key-header.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request that can be added to and sent. What is wrong with it is said when it is sent.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    pub(super) client: Client,
    pub(super) parts: Result<Parts>,
}

#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) credentials: Credentials,
    pub(super) body: Body,
    pub(super) safety: Option<Safety>,
    pub(super) timeout: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) patience: Option<Patience>,
    pub(super) priority: i8,
    pub(super) cost: u32,
    /// The rules that it goes by in place of the engine's.
    pub(super) policy: Option<Arc<Policy>>,
    /// The bucket that it was put into by hand.
    pub(super) bucket: Option<Arc<str>>,
    pub(super) gives_keys: bool,
    pub(super) raises: bool,
}

impl Request {
    pub(super) fn new(client: Client, method: Method, target: &str) -> Self {
        let parts = Parts::new(&client, method, target).map(|mut parts| {
            let (rules, trusted) = client.inner.rules.of(&parts.url);
            // What is named whole under a base is somebody else's, such as a link.
            if trusted && (client.inner.rules.base().is_none() || !target.contains("://")) {
                crate::target::add_missing(&mut parts.url, &rules.query);
            }
            parts
        });
        Self { client, parts }
    }

    /// A request without credentials and without what the client puts into queries.
    pub(super) fn bare(client: Client, method: Method, url: &Url) -> Self {
        let parts = Parts::new(&client, method, url.as_str());
        Self { client, parts }.anonymous()
    }

    fn with(mut self, change: impl FnOnce(&mut Parts) -> Result<()>) -> Self {
        if let Ok(parts) = &mut self.parts
            && let Err(error) = change(parts)
        {
            self.parts = Err(error);
        }
        self
    }

    /// Adds pairs to the query: a map, a list of pairs, or a struct of plain values.
    pub fn query<T: Serialize + ?Sized>(self, pairs: &T) -> Self {
        self.with(|parts| {
            let text = serde_urlencoded::to_string(pairs)
                .map_err(|e| Error::setting(format!("the query can't be written: {e}")))?;
            if !text.is_empty() {
                let query = match parts.url.query() {
                    Some(known) if !known.is_empty() => format!("{known}&{text}"),
                    _ => text,
                };
                parts.url.set_query(Some(&query));
            }
            Ok(())
        })
    }

    /// A header field; as a field of the client, it is taken for a credential unless it is harmless.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.with(|parts| {
            let (name, value) = builder::header(name.as_ref(), value.as_ref()).map_err(Error::setting)?;
            if Credentials::covers(&name) {
                parts.credentials.insert(name, value);
            } else {
                parts.headers.insert(name, value);
            }
            Ok(())
        })
    }

    /// Sends no credential, neither the client's nor one given before: for a URL that somebody else named.
    pub fn anonymous(self) -> Self {
        self.with(|parts| {
            parts.credentials = Credentials::default();
            Ok(())
        })
    }

    /// `Authorization: Bearer …` in place of the client's.
    pub fn bearer(self, token: impl AsRef<str>) -> Self {
        self.header(AUTHORIZATION, format!("Bearer {}", token.as_ref()))
    }

    /// `Authorization: Basic …` in place of the client's.
    pub fn basic(self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        self.header(AUTHORIZATION, builder::basic(user.as_ref(), password.as_ref()))
    }

    /// A form as body (`application/x-www-form-urlencoded`): a map, a list of pairs, or a struct of plain values.
    pub fn form<T: Serialize + ?Sized>(self, pairs: &T) -> Self {
        self.with(|parts| {
            let text = serde_urlencoded::to_string(pairs)
                .map_err(|e| Error::setting(format!("the form can't be written: {e}")))?;
            parts.body = Body::Whole(text.into());
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            parts.headers.entry(CONTENT_TYPE).or_insert(form);
            Ok(())
        })
    }

    /// A JSON body.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.with(|parts| {
            let text = serde_json::to_vec(value)
                .map_err(|e| Error::setting(format!("the body can't be written as JSON: {e}")))?;
            parts.body = Body::Whole(text.into());
            parts.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            Ok(())
        })
    }

    /// A body that can be sent again.
    pub fn body(self, bytes: impl Into<Bytes>) -> Self {
        self.with(|parts| {
            parts.body = Body::Whole(bytes.into());
            Ok(())
        })
    }

    /// A body that comes as a stream. Its first 64 KiB are kept, so that a request whose body is no longer can be sent again as any
    /// other. What is longer can be sent once: after a failure that comes later the call ends, and the error says so.
    pub fn body_stream<S, E>(self, stream: S) -> Self
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.with(|parts| {
            parts.body = Body::Stream(Upload::new(stream));
            Ok(())
        })
    }

    /// How many bytes of a [`body_stream`](Self::body_stream) are kept; comes after it.
    pub fn replay_up_to(self, bytes: usize) -> Self {
        self.with(|parts| match &parts.body {
            Body::Stream(upload) => {
                upload.keep(bytes);
                Ok(())
            }
            _ => Err(Error::setting("there is no streamed body to keep: call body_stream before replay_up_to")),
        })
    }

    /// A key by which the server knows the same request again (draft-ietf-httpapi-idempotency-key-header); it makes the request
    /// safe to repeat.
    pub fn idempotency_key(self, key: impl AsRef<str>) -> Self {
        self.with(|parts| {
            let (name, value) = builder::header(IDEMPOTENCY_KEY.as_str(), key.as_ref()).map_err(Error::setting)?;
            parts.headers.insert(name, value);
            parts.safety.get_or_insert(Safety::Idempotent);
            Ok(())
        })
    }

    /// It may be sent twice, by your word: the server does nothing twice.
    pub fn idempotent(self) -> Self {
        self.with(|parts| {
            parts.safety = Some(Safety::Idempotent);
            Ok(())
        })
    }

    /// Puts it into a bucket with the other requests of that bucket to the same origin with the same credential: for a part of an
    /// API that the server counts apart. [`ClientBuilder::bucket`](crate::ClientBuilder::bucket) tells its limits.
    pub fn bucket(self, name: impl Into<Arc<str>>) -> Self {
        self.with(|parts| {
            parts.bucket = Some(name.into());
            Ok(())
        })
    }

    /// Sends it once, whatever comes of it: a refusal or a fault is handed over as it is.
    pub fn once(self) -> Self {
        self.with(|parts| {
            parts.safety = Some(Safety::Once);
            Ok(())
        })
    }

    /// The most that one attempt may take, in place of the client's.
    pub fn timeout(self, most: Duration) -> Self {
        self.with(|parts| {
            parts.timeout = Some(most);
            Ok(())
        })
    }

    /// The most that the call may take, with all waits and attempts.
    pub fn deadline(self, most: Duration) -> Self {
        self.with(|parts| {
            parts.deadline = Some(most);
            Ok(())
        })
    }

    /// How long the call may wait for a limit, in place of the client's.
    pub fn max_wait(self, most: Duration) -> Self {
        self.with(|parts| {
            parts.patience = Some(Patience::Within(most));
            Ok(())
        })
    }

    /// Higher goes first; 0 by default.
    pub fn priority(self, priority: i8) -> Self {
        self.with(|parts| {
            parts.priority = priority;
            Ok(())
        })
    }

    /// What the call spends of limits that count cost; 1 by default.
    pub fn cost(self, cost: u32) -> Self {
        self.with(|parts| {
            parts.cost = cost;
            Ok(())
        })
    }

    /// Sends it, as often as needed and allowed, and returns the answer whatever its status, unless the client
    /// [says otherwise](crate::ClientBuilder::error_for_status).
    ///
    /// # Errors
    ///
    /// If the request can't be made as it was described, or if it ends without an answer; see the questions of [`Error`].
    pub async fn send(self) -> Result<Response> {
        let raises = self.parts.as_ref().is_ok_and(|parts| parts.raises);
        let response = self.send_whatever().await?;
        if raises { response.error_for_status() } else { Ok(response) }
    }

    /// As [`send`](Self::send), but an answer is never an error.
    pub(super) async fn send_whatever(self) -> Result<Response> {
        let parts = self.parts?.finished();
        Exchange::start(self.client, parts).answer().await
    }
}

impl Parts {
    fn new(client: &Client, method: Method, target: &str) -> Result<Self> {
        let book = &client.inner.rules;
        let base = book.base().filter(|_| !target.contains("://"));
        let mut url = match base {
            Some(base) => base
                .join(target.trim_start_matches('/'))
                .map_err(|e| Error::setting(format!("the target can't be put after the base: {e}")))?,
            None => builder::parse_url(target)?,
        };
        url.set_fragment(None);
        let (rules, trusted) = book.of(&url);
        let mut credentials = if trusted { rules.credentials.clone() } else { Credentials::default() };
        if let Some(value) = builder::take_userinfo(&mut url) {
            credentials.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            safety: rules.idempotent.contains(&method).then_some(Safety::Idempotent),
            method,
            url,
            headers: rules.headers.clone(),
            credentials,
            body: Body::Empty,
            timeout: rules.timeout,
            deadline: rules.deadline,
            patience: None,
            priority: 0,
            cost: 1,
            policy: rules.policy.clone(),
            bucket: None,
            gives_keys: rules.gives_keys,
            raises: rules.raises,
        })
    }

    /// Gives it a key of its own if it would be safe to repeat with one.
    pub(super) fn finished(mut self) -> Self {
        if self.gives_keys && self.safety.is_none() && !self.method.is_idempotent() {
            let key = format!("{:032x}", fastrand::u128(..));
            // Hexadecimal digits are what a header field can hold.
            if let Ok(value) = HeaderValue::try_from(key) {
                self.headers.insert(IDEMPOTENCY_KEY, value);
                self.safety = Some(Safety::Idempotent);
            }
        }
        self
    }

    pub(super) fn hop(&self) -> Hop {
        Hop { method: self.method.clone(), url: self.url.clone(), trusted: true }
    }

    /// The URL as it may be shown.
    pub(super) fn shown(&self) -> String {
        target::shown(&self.url, &self.credentials.query_keys())
    }
}
