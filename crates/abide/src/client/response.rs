//! An answer, whose body can still be asked for.

#[cfg(feature = "client")]
use std::future::poll_fn;
#[cfg(feature = "client")]
use std::pin::Pin;
#[cfg(feature = "client")]
use std::task::{Context, Poll, ready};

use abide_core::call::Account;
use abide_core::decision::Verdict;
#[cfg(feature = "client")]
use bytes::Bytes;
#[cfg(feature = "client")]
use futures_core::Stream;
use http::{HeaderMap, StatusCode, Version};
#[cfg(feature = "client")]
use serde::de::DeserializeOwned;

#[cfg(feature = "client")]
use super::Client;
use super::Usual;
use super::answered::Answered;
#[cfg(feature = "client")]
use super::answered::Whole;
use crate::error::Result;
use crate::limits::Limits;

/// The answer to a call. It holds its place in flight until its body has been read or it is dropped.
#[derive(Debug)]
pub struct Response<C = Usual> {
    pub(crate) answered: Box<Answered>,
    pub(crate) client: C,
}

impl<C> Response<C> {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.answered.head().status
    }

    /// The version of HTTP that it came in.
    pub fn version(&self) -> Version {
        self.answered.head().version
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.answered.head().headers
    }

    /// The URL that answered, after redirects, without secrets.
    pub fn url(&self) -> String {
        self.answered.url()
    }

    /// How many attempts it took, redirects included.
    pub fn attempts(&self) -> u32 {
        self.account().attempts
    }

    /// Attempts, and what was waited for and why.
    pub fn account(&self) -> Account {
        self.answered.account()
    }

    /// What the answer said about limits: what is left, of how much, until when, and of which quota.
    pub fn limits(&self) -> Limits {
        self.answered.limits()
    }

    /// Why this answer was not tried again.
    pub fn verdict(&self) -> Verdict {
        self.answered.verdict
    }

    /// An error if the status is 400 or above.
    ///
    /// # Errors
    ///
    /// With [`Error::status`](crate::Error::status).
    pub fn error_for_status(self) -> Result<Self> {
        let Self { answered, client } = self;
        Ok(Self { answered: answered.error_for_status()?, client })
    }
}

#[cfg(feature = "client")]
impl Response<Client> {
    /// The next part of the decoded body; `None` at its end, where the place in flight is free again.
    ///
    /// # Errors
    ///
    /// If the body breaks off. The request is not sent again then, for a part of the answer may be in use already; see
    /// [`Request::download`](crate::Request::download) for one that goes on.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.answered.poll_chunk(cx)).await
    }

    /// The decoded body as a stream of its parts. As with [`chunk`](Self::chunk), nothing is sent again.
    pub fn bytes_stream(self) -> BodyStream {
        BodyStream { answered: self.answered, has_ended: false }
    }

    /// The whole decoded body. If it breaks off, the request is sent again as after any other fault, where that is safe.
    ///
    /// # Errors
    ///
    /// If no attempt brought a whole body, or if it is larger than the client allows.
    pub async fn bytes(self) -> Result<Bytes> {
        let (_, body) = self.answered.read(&*self.client.transport).await?;
        Ok(body)
    }

    /// As [`bytes`](Self::bytes), together with the answer that brought it.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub async fn into_whole(self) -> Result<(Whole, Bytes)> {
        self.answered.into_whole(&*self.client.transport).await
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<String> {
        let body = self.bytes().await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and if the body is not JSON or of another shape.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let (answered, body) = self.answered.read(&*self.client.transport).await?;
        answered.json(&body)
    }
}

/// A decoded body as a stream of its parts; see [`Response::bytes_stream`]. After an error it ends.
#[cfg(feature = "client")]
#[derive(Debug)]
#[must_use = "a place in flight is held until the body is read or dropped"]
pub struct BodyStream {
    answered: Box<Answered>,
    has_ended: bool,
}

#[cfg(feature = "client")]
impl Stream for BodyStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let part = ready!(self.answered.poll_chunk(cx));
        self.has_ended = !matches!(part, Ok(Some(_)));
        Poll::Ready(part.transpose())
    }
}
