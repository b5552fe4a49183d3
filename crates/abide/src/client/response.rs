//! An answer, whose body can still be asked for.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use abide_core::call::Account;
use abide_core::decision::Verdict;
use abide_core::rest::Rest;
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::exchange::Exchange;
use super::race::Answer;
use super::transport::Broken;
use crate::error::{Error, Kind, Result};
use crate::limits::Limits;

/// The answer to a call. It holds its place in flight until its body has been read or it is dropped.
#[derive(Debug)]
pub struct Response {
    answer: Answer,
    exchange: Exchange,
    verdict: Verdict,
    /// Whether a part of the body was handed over, so that another attempt can't stand in for this one.
    handed_over: bool,
    has_ended: bool,
}

impl Response {
    pub(super) fn new(answer: Answer, exchange: Exchange, verdict: Verdict) -> Self {
        Self { answer, exchange, verdict, handed_over: false, has_ended: false }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.answer.head.status
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.answer.head.headers
    }

    /// The URL that answered, after redirects, without secrets.
    pub fn url(&self) -> String {
        self.exchange.shown_url()
    }

    /// How many attempts it took, redirects included.
    pub fn attempts(&self) -> u32 {
        self.account().attempts
    }

    /// Attempts, and what was waited for and why.
    pub fn account(&self) -> Account {
        self.exchange.account()
    }

    /// What the answer said about limits: what is left, of how much, until when, and of which quota.
    pub fn limits(&self) -> Limits {
        self.exchange.limits()
    }

    /// Why this answer was not tried again.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// An error if the status is 400 or above.
    ///
    /// # Errors
    ///
    /// With [`Error::status`].
    pub fn error_for_status(self) -> Result<Self> {
        let status = self.status();
        if status.is_client_error() || status.is_server_error() {
            return Err(self.exchange.error(Kind::Status(status)));
        }
        Ok(self)
    }

    /// The next part of the decoded body; `None` at its end, where the place in flight is free again.
    ///
    /// # Errors
    ///
    /// If the body breaks off. The request is not sent again then, for a part of the answer may be in use already; see
    /// [`Request::download`](crate::Request::download) for one that goes on.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// The decoded body as a stream of its parts. As with [`chunk`](Self::chunk), nothing is sent again.
    pub fn bytes_stream(self) -> BodyStream {
        BodyStream { response: self, has_ended: false }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        Poll::Ready(ready!(self.poll_part(cx)).and_then(|part| part.map_err(|broken| self.broke_off(broken))))
    }

    /// The next part, or how the body broke off; an error if the engine ends the call.
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<std::result::Result<Option<Bytes>, Broken>>> {
        let part = match self.answer.peeked.pop_front() {
            Some(part) => Ok(Some(part)),
            None if self.has_ended => Ok(None),
            None => match self.answer.head.body.poll_chunk(cx) {
                Poll::Ready(part) => part,
                Poll::Pending => return self.exchange.poll_given_up(cx).map(Err),
            },
        };
        match &part {
            Ok(Some(_)) => self.handed_over = true,
            Ok(None) => {
                self.has_ended = true;
                self.exchange.finish();
            }
            Err(_) => {}
        }
        Poll::Ready(Ok(part))
    }

    /// The next part of a body that goes on where it breaks off.
    pub(super) async fn part(&mut self) -> Result<std::result::Result<Option<Bytes>, Broken>> {
        poll_fn(|cx| self.poll_part(cx)).await
    }

    /// Asks for what is missing.
    pub(super) async fn go_on(self, broken: Broken, rest: Rest) -> Result<Self> {
        self.exchange.go_on(broken, rest).await
    }

    /// The body broke off, and nobody can go on.
    pub(super) fn broke_off(&self, broken: Broken) -> Error {
        self.exchange.error(Kind::BrokeOff(broken.failure)).with_source(broken.cause)
    }

    /// The whole decoded body. If it breaks off, the request is sent again as after any other fault, where that is safe.
    ///
    /// # Errors
    ///
    /// If no attempt brought a whole body, or if it is larger than the client allows.
    pub async fn bytes(self) -> Result<Bytes> {
        let (_, body) = self.into_whole().await?;
        Ok(body)
    }

    /// As [`bytes`](Self::bytes), together with the answer that brought it.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub async fn into_whole(mut self) -> Result<(Whole, Bytes)> {
        loop {
            let most = self.exchange.max_body();
            let mut body = BytesMut::new();
            let broken = loop {
                let next = match self.answer.peeked.pop_front() {
                    Some(chunk) => Ok(Some(chunk)),
                    None => self.exchange.wait_for(self.answer.head.chunk()).await?,
                };
                match next {
                    // The usual small body is one chunk: it need not be copied.
                    Ok(Some(chunk)) if body.is_empty() && self.announced() == Some(chunk.len() as u64) => {
                        return self.whole(chunk, most);
                    }
                    Ok(Some(chunk)) => {
                        if (body.len() + chunk.len()) as u64 > most {
                            return Err(self.exchange.error(Kind::TooLarge(most)));
                        }
                        body.extend_from_slice(&chunk);
                    }
                    Ok(None) => return self.whole(body.freeze(), most),
                    Err(broken) if self.handed_over => return Err(self.broke_off(broken)),
                    Err(broken) => break broken,
                }
            };
            self = Box::pin(self.exchange.again(broken)).await?;
        }
    }

    /// The length of the decoded body, where it was announced.
    fn announced(&self) -> Option<u64> {
        self.answer.head.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    fn whole(self, body: Bytes, most: u64) -> Result<(Whole, Bytes)> {
        if body.len() as u64 > most {
            return Err(self.exchange.error(Kind::TooLarge(most)));
        }
        let whole = Whole {
            status: self.answer.head.status,
            url: self.url(),
            account: self.account(),
            limits: self.limits(),
            headers: self.answer.head.headers.clone(),
        };
        Ok((whole, body))
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
        let (whole, body) = self.into_whole().await?;
        serde_json::from_slice(&body).map_err(|e| {
            Error::new(Kind::Decode(format!("the answer is not the JSON that was expected: {e}")))
                .with_url(whole.url)
                .with_account(whole.account)
                .with_status(Some(whole.status))
        })
    }
}

/// A decoded body as a stream of its parts; see [`Response::bytes_stream`]. After an error it ends.
#[derive(Debug)]
#[must_use = "a place in flight is held until the body is read or dropped"]
pub struct BodyStream {
    response: Response,
    has_ended: bool,
}

impl Stream for BodyStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let part = ready!(self.response.poll_chunk(cx));
        self.has_ended = !matches!(part, Ok(Some(_)));
        Poll::Ready(part.transpose())
    }
}

/// An answer whose body has been read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Whole {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The URL that answered, after redirects, without secrets.
    pub url: String,
    /// Attempts, and what was waited for.
    pub account: Account,
    /// What it said about limits.
    pub limits: Limits,
}
