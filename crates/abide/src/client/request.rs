//! A request before it is sent.

use std::time::Duration;

use abide_core::call::{Patience, Safety};
use bytes::Bytes;
use futures_core::Stream;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
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

/// A request that can be added to and sent. What is wrong with it is said when it is sent.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    client: Client,
    parts: Result<Parts>,
}

#[derive(Debug)]
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
}

impl Request {
    pub(super) fn new(client: Client, method: Method, target: &str) -> Self {
        let parts = Parts::new(&client, method, target);
        Self { client, parts }
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
        self.header("idempotency-key", key).with(|parts| {
            parts.safety.get_or_insert(Safety::Idempotent);
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

    /// Sends it, as often as needed and allowed, and returns the answer whatever its status.
    ///
    /// # Errors
    ///
    /// If the request can't be made as it was described, or if it ends without an answer; see the questions of [`Error`].
    pub async fn send(self) -> Result<Response> {
        let parts = self.parts?;
        Exchange::start(self.client, parts).answer().await
    }
}

impl Parts {
    fn new(client: &Client, method: Method, target: &str) -> Result<Self> {
        let inner = &client.inner;
        let mut url = match &inner.base {
            Some(base) if !target.contains("://") => base
                .join(target.trim_start_matches('/'))
                .map_err(|e| Error::setting(format!("the target can't be put after the base: {e}")))?,
            _ => builder::parse_url(target)?,
        };
        url.set_fragment(None);
        // The client's credentials belong to its base, or without one to whatever its user names.
        let trusted = inner.base.as_ref().is_none_or(|base| base.origin() == url.origin());
        let mut credentials = if trusted { inner.credentials.clone() } else { Credentials::default() };
        if let Some(value) = builder::take_userinfo(&mut url) {
            credentials.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            method,
            url,
            headers: inner.headers.clone(),
            credentials,
            body: Body::Empty,
            safety: None,
            timeout: inner.timeout,
            deadline: inner.deadline,
            patience: None,
            priority: 0,
            cost: 1,
        })
    }

    pub(super) fn hop(&self) -> Hop {
        Hop { method: self.method.clone(), url: self.url.clone(), trusted: true }
    }

    /// The URL as it may be shown.
    pub(super) fn shown(&self) -> String {
        target::shown(&self.url, &self.credentials.query_keys())
    }
}
