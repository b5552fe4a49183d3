//! One call on its way: does what the engine decides, attempt by attempt, hop by hop.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::Poll;

use abide_core::call::{Account, Safety};
use abide_core::decision::{GiveUp, Reason};
use abide_core::event::{Failure, Redirect};
use abide_core::time::Human;
use abide_core::{Call, Decision, Event, Key, Route};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, TRANSFER_ENCODING};
use http::{Method, StatusCode};
use url::Url;

use super::request::Parts;
use super::response::Response;
use super::{Client, transport};
use crate::error::{Error, Kind, Result};
use crate::handle::Ticket;
use crate::target;

/// A request's body.
#[derive(Debug, Default)]
pub(super) enum Body {
    #[default]
    Empty,
    /// Can be sent any number of times.
    Whole(Bytes),
    /// Can be sent once.
    Once(Mutex<Option<reqwest::Body>>),
}

impl Body {
    pub(super) fn once(body: reqwest::Body) -> Self {
        Self::Once(Mutex::new(Some(body)))
    }
}

/// Where the next attempt goes.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    /// Whether the credentials may go there.
    pub(super) trusted: bool,
}

/// A call and all that is needed to send it again.
#[derive(Debug)]
pub(super) struct Exchange {
    client: Client,
    parts: Parts,
    hop: Hop,
    /// Where a redirect leads, until the engine says whether to follow.
    next: Option<Hop>,
    ticket: Ticket,
    /// The number of the last attempt.
    attempt: u32,
    status: Option<StatusCode>,
    /// What the last failed attempt said of itself.
    cause: Option<reqwest::Error>,
    /// What it was last said to wait for. The end of a wait may move often, and is not worth a word each time.
    said: Option<Reason>,
}

/// An answer on its way to the caller, with what was read of its body already.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: reqwest::Response,
    /// Parts of the decoded body that were looked at, in order; the rest is still to be read.
    pub(super) peeked: VecDeque<Bytes>,
}

impl Exchange {
    pub(super) fn start(client: Client, parts: Parts) -> Self {
        let hop = parts.hop();
        let handle = &client.inner.handle;
        let key = Key::new(target::origin(&hop.url), parts.credentials.hash());
        let mut call = Call::new(key, parts.safety.unwrap_or_else(|| Safety::of(&hop.method)));
        call.route = Route::of_path(hop.url.path());
        call.cost = parts.cost;
        call.priority = parts.priority;
        call.max_wait = parts.patience;
        call.deadline = parts.deadline.map(|most| handle.now().mono + most);
        call.listens = tracing::enabled!(tracing::Level::DEBUG);
        let ticket = handle.submit(call);
        Self { client, parts, hop, next: None, ticket, attempt: 0, status: None, cause: None, said: None }
    }

    /// Goes on until there is an answer to hand over.
    pub(super) async fn answer(mut self) -> Result<Response> {
        let mut answer = None;
        loop {
            let decision = self.ticket.decision().await;
            self.log(&decision);
            match decision {
                Decision::Send { attempt, beside, .. } => {
                    drop(answer.take());
                    if self.ticket.begin(beside) {
                        self.attempt = attempt;
                        answer = self.attempt().await?;
                    }
                }
                Decision::Peek { bytes, .. } => {
                    if let Some(seen) = answer.take() {
                        answer = self.peek(seen, bytes).await?;
                    }
                }
                Decision::Follow { .. } => {
                    answer = None;
                    if let Some(next) = self.next.take() {
                        self.hop = next;
                    }
                }
                Decision::Retry { .. } => answer = None,
                Decision::Return { verdict, .. } => {
                    // The engine returns an answer only after it was told of one, and it is dropped only on Retry and Follow.
                    if let Some(answer) = answer.take() {
                        return Ok(Response::new(answer, self, verdict));
                    }
                }
                Decision::GiveUp { reason, account, .. } => return Err(self.given_up(reason, account)),
                _ => {}
            }
        }
    }

    /// Says what the engine decided and why, at the level `debug`, and the whole of it at `trace`.
    fn log(&mut self, decision: &Decision) {
        let call = self.ticket.id().as_u64();
        tracing::trace!(call, ?decision);
        match decision {
            Decision::Send { attempt, why, .. } => {
                self.said = None;
                tracing::debug!(call, attempt, url = self.shown_url(), waited_for = %why.reason, "send");
            }
            Decision::Wait { why, .. } if self.said != Some(why.reason) => {
                self.said = Some(why.reason);
                let until = why.until.map(|at| Human(self.client.inner.handle.until(at)));
                tracing::debug!(call, reason = %why.reason, left = until.map(tracing::field::display), "wait");
            }
            Decision::Retry { .. } => tracing::debug!(call, account = %self.account(), "again"),
            Decision::Follow { .. } => {
                let to = self.next.as_ref().map(|next| target::origin(&next.url));
                tracing::debug!(call, to, "follow the redirect");
            }
            Decision::Return { verdict, .. } => tracing::debug!(call, ?verdict, "return"),
            _ => {}
        }
    }

    /// Sends one attempt and tells the engine how it went. The answer is kept until the engine has decided.
    async fn attempt(&mut self) -> Result<Option<Answer>> {
        let request = self.request();
        let sending = self.client.inner.http.execute(request);
        match unless_given_up(&mut self.ticket, sending).await {
            Ok(Ok(head)) => {
                self.status = Some(head.status());
                tracing::debug!(call = self.ticket.id().as_u64(), status = head.status().as_u16(), "answer");
                self.tell_head(&head, None);
                Ok(Some(Answer { head, peeked: VecDeque::new() }))
            }
            Ok(Err(error)) => {
                self.fail(error);
                Ok(None)
            }
            Err((reason, account)) => Err(self.given_up(reason, account)),
        }
    }

    fn tell_head(&mut self, head: &reqwest::Response, body: Option<&[u8]>) {
        let (status, redirect) = (head.status(), self.redirect(head));
        let (id, attempt) = (self.ticket.id(), self.attempt);
        self.ticket.tell(Event::Head { id, attempt, status, headers: head.headers(), redirect, body });
    }

    /// Reads so much of the body, and tells the engine. What was read is handed over with the rest.
    async fn peek(&mut self, mut answer: Answer, bytes: usize) -> Result<Option<Answer>> {
        let mut seen = BytesMut::new();
        while seen.len() < bytes {
            match self.wait_for(answer.head.chunk()).await? {
                Ok(Some(chunk)) => {
                    seen.extend_from_slice(&chunk);
                    answer.peeked.push_back(chunk);
                }
                Ok(None) => break,
                Err(error) => {
                    self.fail(error);
                    return Ok(None);
                }
            }
        }
        seen.truncate(bytes);
        self.tell_head(&answer.head, Some(&seen));
        Ok(Some(answer))
    }

    fn request(&self) -> reqwest::Request {
        let mut url = self.hop.url.clone();
        let mut headers = self.parts.headers.clone();
        if self.hop.trusted {
            self.parts.credentials.add_to(&mut url);
            headers.extend(self.parts.credentials.headers.clone());
        }
        let keeps_body = self.hop.method == self.parts.method;
        if !keeps_body {
            for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING] {
                headers.remove(name);
            }
        }
        let mut request = reqwest::Request::new(self.hop.method.clone(), url);
        *request.headers_mut() = headers;
        *request.timeout_mut() = self.parts.timeout;
        *request.body_mut() = match &self.parts.body {
            Body::Whole(bytes) if keeps_body => Some(bytes.clone().into()),
            Body::Once(body) if keeps_body => body.lock().ok().and_then(|mut body| body.take()),
            _ => None,
        };
        request
    }

    /// Tells the engine of a failed attempt, and keeps what it said for the error that may follow.
    pub(super) fn fail(&mut self, error: reqwest::Error) {
        let failure = transport::failure(&error);
        let error = error.without_url();
        tracing::debug!(call = self.ticket.id().as_u64(), ?failure, %error, "failed");
        self.cause = Some(error);
        self.ticket.tell(Event::Failed { id: self.ticket.id(), attempt: self.attempt, failure });
    }

    /// The answer that was handed over broke off: asks the engine for another one.
    pub(super) async fn again(mut self, error: reqwest::Error) -> Result<Response> {
        self.fail(error);
        self.answer().await
    }

    /// Where an answer sends us, by RFC 9110 section 15.4: 303 turns into GET, 301 and 302 turn POST into GET as all clients do.
    fn redirect(&mut self, answer: &reqwest::Response) -> Option<Redirect> {
        let status = answer.status();
        let method = match status.as_u16() {
            303 if self.hop.method != Method::HEAD => Method::GET,
            301 | 302 if self.hop.method == Method::POST => Method::GET,
            301 | 302 | 303 | 307 | 308 => self.hop.method.clone(),
            _ => return None,
        };
        let location = answer.headers().get(LOCATION)?;
        let mut url = self.hop.url.join(std::str::from_utf8(location.as_bytes()).ok()?).ok()?;
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        url.set_fragment(None);
        // What a server puts there as user and password is no credential of ours.
        let _ = (url.set_username(""), url.set_password(None));
        let trusted = self.hop.trusted && url.origin() == self.hop.url.origin();
        let safety = match self.parts.safety {
            Some(safety) if method == self.parts.method => safety,
            _ => Safety::of(&method),
        };
        let credential = if trusted { self.parts.credentials.hash() } else { 0 };
        let key = Key::new(target::origin(&url), credential);
        let route = Route::of_path(url.path());
        self.next = Some(Hop { method, url, trusted });
        Some(Redirect { key, route, safety })
    }

    fn given_up(&mut self, reason: GiveUp, account: Account) -> Error {
        tracing::debug!(call = self.ticket.id().as_u64(), %reason, %account, "give up");
        let retry_at = match reason {
            GiveUp::Limited { why, .. } | GiveUp::Deadline { why: Some(why) } => self.ticket.until(why),
            _ => None,
        };
        let cause = match reason {
            GiveUp::Failed(_) | GiveUp::Unrepeatable(_) => self.cause.take(),
            _ => None,
        };
        Error::new(Kind::GivenUp(reason))
            .with_url(self.parts.shown())
            .with_account(account)
            .with_status(self.status)
            .with_retry_at(retry_at)
            .with_source(cause.map(|cause| Box::new(cause) as _))
    }

    /// An error of the caller's side of the answer: too large, not JSON, an unwanted status.
    pub(super) fn error(&self, kind: Kind) -> Error {
        Error::new(kind).with_url(self.parts.shown()).with_account(self.ticket.account()).with_status(self.status)
    }

    /// Waits for something of the answer, unless the engine ends the call first.
    pub(super) async fn wait_for<T>(&mut self, future: impl Future<Output = T>) -> Result<T> {
        unless_given_up(&mut self.ticket, future).await.map_err(|(reason, account)| self.given_up(reason, account))
    }

    pub(super) fn account(&self) -> Account {
        self.ticket.account()
    }

    pub(super) fn max_body(&self) -> u64 {
        self.client.inner.max_body
    }

    /// The URL that answered, as it may be shown.
    pub(super) fn shown_url(&self) -> String {
        let keys = self.parts.credentials.query_keys();
        target::shown(&self.hop.url, &keys)
    }

    pub(super) fn failure(error: &reqwest::Error) -> Failure {
        transport::failure(error)
    }
}

/// The future's output, or why the engine ended the call before it came.
async fn unless_given_up<T>(
    ticket: &mut Ticket,
    future: impl Future<Output = T>,
) -> std::result::Result<T, (GiveUp, Account)> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        // While an attempt is under way the engine has nothing else to say to it.
        loop {
            match ticket.poll_decision(cx) {
                Poll::Ready(Decision::GiveUp { reason, account, .. }) => return Poll::Ready(Err((reason, account))),
                Poll::Ready(_) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}
