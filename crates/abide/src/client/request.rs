//! A request before it is sent.

use std::sync::Arc;
use std::time::Duration;

use abide_core::call::{Patience, Safety};
use abide_core::retry::{Meaning, Sign};
use bytes::Bytes;
#[cfg(feature = "client")]
use futures_core::Stream;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use serde::Serialize;
use url::Url;

use super::credential::Credentials;
use super::exchange::Body;
#[cfg(feature = "client")]
use super::exchange::Exchange;
use super::ground::Ground;
use super::parts::{IDEMPOTENCY_KEY, Parts};
#[cfg(feature = "client")]
use super::upload::Upload;
#[cfg(feature = "client")]
use super::{Client, Response};
use super::{Usual, builder};
use crate::error::{Error, Result};

/// A request that can be added to and sent. What is wrong with it is said when it is sent. It is the same for the async client and
/// for [threads](crate#features); `C` is the client that sends it.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request<C = Usual> {
    pub(crate) client: C,
    pub(crate) parts: Result<Box<Parts>>,
}

impl<C> Request<C> {
    pub(crate) fn new(ground: &Ground, client: C, method: Method, target: &str) -> Self {
        let parts = Parts::of_target(ground, method, target).map(|mut parts| {
            // What is named whole under a base is somebody else's, such as a link.
            if ground.rules.base().is_none() || !target.contains("://") {
                parts.add_query(ground);
            }
            Box::new(parts)
        });
        Self { client, parts }
    }

    /// A request without credentials and without what the client puts into queries.
    pub(super) fn bare(ground: &Ground, client: C, method: Method, url: Url) -> Self {
        Self { client, parts: Ok(Box::new(Parts::of_url(ground, method, url))) }.anonymous()
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Parts) -> Result<()>) -> Self {
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
                Arc::make_mut(&mut parts.credentials).insert(name, value);
            } else {
                Arc::make_mut(&mut parts.headers).insert(name, value);
            }
            Ok(())
        })
    }

    /// Sends no credential, neither the client's nor one given before: for a URL that somebody else named.
    pub fn anonymous(self) -> Self {
        self.with(|parts| {
            parts.credentials = Arc::default();
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
            Arc::make_mut(&mut parts.headers).entry(CONTENT_TYPE).or_insert(form);
            Ok(())
        })
    }

    /// A JSON body.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.with(|parts| {
            let text = serde_json::to_vec(value)
                .map_err(|e| Error::setting(format!("the body can't be written as JSON: {e}")))?;
            parts.body = Body::Whole(text.into());
            Arc::make_mut(&mut parts.headers)
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static("application/json"));
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

    /// How many bytes of a streamed body are kept; comes after `body_stream` or `body_reader`.
    pub fn replay_up_to(self, bytes: usize) -> Self {
        self.with(|parts| match &parts.body {
            Body::Stream(upload) => {
                upload.keep(bytes);
                Ok(())
            }
            _ => Err(Error::setting("there is no streamed body to keep: give one before replay_up_to")),
        })
    }

    /// A key by which the server knows the same request again (draft-ietf-httpapi-idempotency-key-header); it makes the request
    /// safe to repeat.
    pub fn idempotency_key(self, key: impl AsRef<str>) -> Self {
        self.with(|parts| {
            let (name, value) = builder::header(IDEMPOTENCY_KEY.as_str(), key.as_ref()).map_err(Error::setting)?;
            Arc::make_mut(&mut parts.headers).insert(name, value);
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

    /// What answers mean, where their status alone does not say it: a limit that is dressed as a 200, a 400 that asks for another
    /// token. The first sign that an answer has counts; a body is looked at up to
    /// [its first 64 KiB](abide_core::retry::SIGN_PREFIX).
    pub fn signs(self, signs: impl Into<Arc<[(Sign, Meaning)]>>) -> Self {
        self.with(|parts| {
            parts.signs = Some(signs.into());
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
}

#[cfg(feature = "client")]
impl Request<Client> {
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

    /// Sends it, as often as needed and allowed, and returns the answer whatever its status, unless the client
    /// [says otherwise](crate::ClientBuilder::error_for_status).
    ///
    /// # Errors
    ///
    /// If the request can't be made as it was described, or if it ends without an answer; see the questions of [`Error`].
    pub async fn send(self) -> Result<Response> {
        let Self { client, parts } = self;
        let parts = parts?;
        let raises = parts.raises;
        let answered = Exchange::start(Arc::clone(&client.ground), parts).answer(&*client.transport).await?;
        let response = Response { answered, client };
        if raises { response.error_for_status() } else { Ok(response) }
    }
}
