//! An answer that was handed over, and the call behind it, which may still be sent again.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use abide_core::call::Account;
use abide_core::decision::Verdict;
use abide_core::rest::Rest;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::exchange::Exchange;
use super::race::Answer;
use super::transport::{Arrival, Broken, Transport};
use crate::error::{Error, Kind, Result};
use crate::limits::Limits;

#[derive(Debug)]
pub(crate) struct Answered {
    answer: Answer,
    exchange: Box<Exchange>,
    pub(crate) verdict: Verdict,
    /// Whether a part of the body was handed over, so that another attempt can't stand in for this one.
    handed_over: bool,
    has_ended: bool,
}

impl Answered {
    /// It is on the heap, for it is handed on more often than looked at.
    pub(super) fn new(answer: Answer, exchange: Box<Exchange>, verdict: Verdict) -> Box<Self> {
        Box::new(Self { answer, exchange, verdict, handed_over: false, has_ended: false })
    }

    pub(crate) fn head(&self) -> &Arrival {
        &self.answer.head
    }

    #[cfg(feature = "_bodies")]
    pub(crate) fn head_mut(&mut self) -> &mut Arrival {
        &mut self.answer.head
    }

    pub(crate) fn url(&self) -> String {
        self.exchange.shown_url()
    }

    pub(crate) fn account(&self) -> Account {
        self.exchange.account()
    }

    pub(crate) fn limits(&self) -> Limits {
        self.exchange.limits()
    }

    /// An error if the status is 400 or above.
    pub(crate) fn error_for_status(self: Box<Self>) -> Result<Box<Self>> {
        let status = self.answer.head.status;
        if status.is_client_error() || status.is_server_error() {
            return Err(self.exchange.error(Kind::Status(status)));
        }
        Ok(self)
    }

    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        Poll::Ready(ready!(self.poll_part(cx)).and_then(|part| part.map_err(|broken| self.broke_off(broken))))
    }

    /// The next part, or how the body broke off; an error if the engine ends the call.
    pub(super) fn poll_part(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<std::result::Result<Option<Bytes>, Broken>>> {
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
            Err(broken) => self.answer.flight.on_failure(broken.failure),
        }
        Poll::Ready(Ok(part))
    }

    /// How many bytes were looked at that are still to be handed over.
    #[cfg(feature = "_bodies")]
    pub(crate) fn peeked(&self) -> u64 {
        self.answer.peeked.iter().map(|part| part.len() as u64).sum()
    }

    /// Asks for what is missing.
    pub(super) async fn go_on(
        self: Box<Self>,
        broken: Broken,
        rest: Rest,
        transport: &dyn Transport,
    ) -> Result<Box<Self>> {
        self.exchange.go_on(broken, rest, transport).await
    }

    /// The body broke off, and nobody can go on.
    pub(super) fn broke_off(&self, broken: Broken) -> Error {
        self.exchange.error(Kind::BrokeOff(broken.failure)).with_source(broken.cause)
    }

    /// The whole decoded body. If it breaks off, the request is sent again as after any other fault, where that is safe.
    pub(crate) async fn into_whole(self: Box<Self>, transport: &dyn Transport) -> Result<(Whole, Bytes)> {
        let (answered, body) = self.read(transport).await?;
        Ok((answered.whole(), body))
    }

    /// The same with the answer as it is, for most ask for the body alone.
    pub(crate) async fn read(mut self: Box<Self>, transport: &dyn Transport) -> Result<(Box<Self>, Bytes)> {
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
                        return self.within(chunk, most);
                    }
                    Ok(Some(chunk)) => {
                        if (body.len() + chunk.len()) as u64 > most {
                            return Err(self.exchange.error(Kind::TooLarge(most)));
                        }
                        body.extend_from_slice(&chunk);
                    }
                    Ok(None) => return self.within(body.freeze(), most),
                    Err(broken) => break broken,
                }
            };
            self.answer.flight.on_failure(broken.failure);
            if self.handed_over {
                return Err(self.broke_off(broken));
            }
            let Self { answer, exchange, .. } = *self;
            drop(answer);
            self = Box::pin(exchange.again(broken, transport)).await?;
        }
    }

    /// The length of the decoded body, where it was announced.
    fn announced(&self) -> Option<u64> {
        self.answer.head.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    fn within(self: Box<Self>, body: Bytes, most: u64) -> Result<(Box<Self>, Bytes)> {
        if body.len() as u64 > most {
            return Err(self.exchange.error(Kind::TooLarge(most)));
        }
        Ok((self, body))
    }

    fn whole(self: Box<Self>) -> Whole {
        Whole {
            status: self.answer.head.status,
            url: self.url(),
            account: self.account(),
            limits: self.limits(),
            headers: self.answer.head.headers,
        }
    }

    /// The whole body, read as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T> {
        serde_json::from_slice(body).map_err(|e| {
            Error::new(Kind::Decode(format!("the answer is not the JSON that was expected: {e}")))
                .with_url(self.url())
                .with_account(self.account())
                .with_status(Some(self.answer.head.status))
        })
    }

    /// The next part of a body that goes on where it breaks off.
    pub(super) async fn part(&mut self) -> Result<std::result::Result<Option<Bytes>, Broken>> {
        poll_fn(|cx| self.poll_part(cx)).await
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
