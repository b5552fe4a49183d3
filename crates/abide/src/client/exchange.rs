//! One call on its way: does what the engine decides, attempt by attempt, hop by hop.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use abide_core::call::{Account, Safety};
use abide_core::decision::{GiveUp, Reason, Verdict};
use abide_core::event::Redirect;
use abide_core::rest::Rest;
use abide_core::time::Human;
use abide_core::{Call, Decision, Event, Key, Route};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::answered::Answered;
use super::flight::{self, Departure, Flight, Outcome};
use super::ground::Ground;
use super::oauth::Token;
use super::parts::Parts;
use super::race::{Came, Race};
use super::transport::{Arrival, Attempt, BoxError, Broken, Payload, Transport};
use super::upload::{BodyGone, Upload};
use crate::error::{Error, Kind, Result};
use crate::handle::Ticket;
use crate::limits::Limits;
use crate::target;

/// A request's body.
#[derive(Clone, Debug, Default)]
pub(crate) enum Body {
    #[default]
    Empty,
    /// Can be sent any number of times.
    Whole(Bytes),
    /// Can be sent again as far as it is kept.
    Stream(Upload),
}

impl Body {
    fn is_gone(&self) -> bool {
        matches!(self, Self::Stream(upload) if upload.gone().is_some())
    }
}

/// Where a redirect leads.
#[derive(Debug)]
struct Hop {
    method: Method,
    url: Url,
    /// Whether the credentials may go there.
    trusted: bool,
}

/// A call and all that is needed to send it again.
#[derive(Debug)]
pub(crate) struct Exchange {
    ground: Arc<Ground>,
    parts: Box<Parts>,
    /// Where redirects led to, if there were any.
    hop: Option<Hop>,
    /// Where a redirect leads, until the engine says whether to follow.
    next: Option<Hop>,
    ticket: Ticket,
    #[cfg(feature = "blocking")]
    deadline: Option<abide_core::time::Instant>,
    /// The attempt whose answer was handed over.
    attempt: u32,
    status: Option<StatusCode>,
    /// What the last failed attempt said of itself.
    cause: Option<BoxError>,
    /// What is missing of the answer, if a part of it was handed over.
    rest: Option<Rest>,
    /// The access token of the attempt under way.
    token: Option<Token>,
    /// What it was last said to wait for. The end of a wait may move often, and is not worth a word each time.
    said: Option<Reason>,
    /// What was shown of its waits so far.
    shown: Account,
    #[cfg(feature = "metrics")]
    queued: Option<crate::metrics::Queued>,
}

/// What a call goes on with.
enum Step {
    Decided(Decision),
    Came(u32, Came),
}

impl Exchange {
    /// A call whose answer is waited for from now on. It is on the heap, for it is handed on more often than looked at.
    pub(crate) fn start(ground: Arc<Ground>, parts: impl Into<Box<Parts>>) -> Box<Self> {
        Self::new(ground, parts.into(), true)
    }

    /// A call whose answer will be waited for by somebody else.
    pub(super) fn stand_by(ground: Arc<Ground>, parts: impl Into<Box<Parts>>) -> Box<Self> {
        Self::new(ground, parts.into(), false)
    }

    fn new(ground: Arc<Ground>, mut parts: Box<Parts>, is_waited_for: bool) -> Box<Self> {
        parts.finish();
        let handle = &ground.handle;
        let key = key(&ground, &parts, &parts.url, true);
        let mut call = Call::new(key, parts.safety.unwrap_or_else(|| Safety::of(&parts.method)));
        call.route = Route::of_path(parts.url.path());
        call.reads = parts.method.is_safe() && !matches!(parts.body, Body::Stream(_));
        call.cost = parts.cost;
        call.priority = parts.priority;
        call.max_wait = parts.patience;
        let deadline = parts.deadline.map(|most| handle.now().mono + most);
        call.deadline = deadline;
        call.rules = parts.policy.clone();
        call.signs = parts.signs.clone();
        call.renews = parts.credentials.tokens.is_some();
        call.listens = handle.is_told();
        // Whoever has to fetch a token first does not send at once.
        let sends_at_once = is_waited_for && !call.renews;
        let ticket = handle.submit(call, sends_at_once, || parts.shown());
        Box::new(Self {
            #[cfg(feature = "metrics")]
            queued: Some(crate::metrics::Queued::new(&parts.url)),
            ground,
            parts,
            hop: None,
            next: None,
            ticket,
            #[cfg(feature = "blocking")]
            deadline,
            attempt: 0,
            status: None,
            cause: None,
            rest: None,
            token: None,
            said: None,
            shown: Account::default(),
        })
    }

    /// Goes on until there is an answer to hand over.
    pub(crate) async fn answer(mut self: Box<Self>, transport: &dyn Transport) -> Result<Box<Answered>> {
        let mut race = Race::default();
        loop {
            let decision = match self.step(&mut race).await {
                Step::Decided(decision) => decision,
                Step::Came(attempt, came) => {
                    self.tell(attempt, came, &mut race);
                    continue;
                }
            };
            self.log(&decision);
            match decision {
                Decision::Send { attempt, beside, .. } => {
                    if beside.is_none() {
                        race.end_all(Outcome::Fault);
                        self.authorize(None, transport).await?;
                    }
                    if self.ticket.begin(beside) {
                        let flight = self.depart(attempt);
                        let sending = flight.in_scope(|| transport.send(self.request()));
                        race.start(attempt, flight, sending);
                    }
                }
                Decision::Renew { id } => {
                    race.end_all(Outcome::Unauthorized);
                    self.stand_in_line();
                    let refused = self.token.as_ref().map(Token::number);
                    self.authorize(refused, transport).await?;
                    self.ticket.tell(Event::Renewed { id });
                }
                Decision::Peek { attempt, bytes, .. } => race.peek(attempt, bytes),
                Decision::Drop { attempt, .. } => race.end(attempt, Outcome::Fault),
                Decision::Follow { .. } => {
                    race.end_all(Outcome::Redirected);
                    self.hop = self.next.take().or(self.hop.take());
                    self.stand_in_line();
                }
                Decision::Retry { .. } => {
                    race.end_all(Outcome::Fault);
                    self.stand_in_line();
                }
                Decision::Return { verdict, .. } => {
                    // The engine returns an answer only after it was told of one, and has every other dropped before.
                    if let Some((attempt, mut answer)) = race.take_answer() {
                        self.attempt = attempt;
                        let is_last_word = matches!(verdict, Verdict::Final);
                        answer.flight.settle(if is_last_word { Outcome::Answered } else { Outcome::Fault });
                        return Ok(Answered::new(answer, self, verdict));
                    }
                }
                Decision::GiveUp { reason, account, .. } => return Err(self.given_up(reason, account)),
                _ => {}
            }
        }
    }

    /// The next decision, or else what comes of an attempt: what was decided on the last thing that came goes first.
    async fn step(&mut self, race: &mut Race<'_>) -> Step {
        std::future::poll_fn(|cx| match self.ticket.poll_decision(cx) {
            Poll::Ready(decision) => Poll::Ready(Step::Decided(decision)),
            Poll::Pending => race.poll(cx).map(|(attempt, came)| Step::Came(attempt, came)),
        })
        .await
    }

    /// An attempt begins, and whoever watches is told what it waited for.
    fn depart(&mut self, attempt: u32) -> Flight {
        #[cfg(feature = "metrics")]
        drop(self.queued.take());
        let mut waits = Vec::new();
        if Flight::is_watched() {
            let account = self.account();
            waits = flight::waits_since(&self.shown, &account);
            self.shown = account;
        }
        let departure = Departure {
            call: self.ticket.id().as_u64(),
            attempt,
            method: self.method(),
            url: self.url(),
            shown: &|| self.shown_url(),
            waits: &waits,
        };
        Flight::begin(&departure, &self.ground.handle)
    }

    /// Another attempt follows when its turn comes.
    #[cfg_attr(not(feature = "metrics"), expect(clippy::unused_self, reason = "for metrics alone"))]
    fn stand_in_line(&mut self) {
        #[cfg(feature = "metrics")]
        if self.queued.is_none() {
            self.queued = Some(crate::metrics::Queued::new(self.url()));
        }
    }

    /// Tells the engine what came of an attempt. An answer is kept until the engine has decided.
    fn tell(&mut self, attempt: u32, came: Came, race: &mut Race<'_>) {
        let was_refused = match (came, race.head(attempt)) {
            (Came::Broken(broken), _) => {
                if race.is_over() {
                    self.stand_in_line();
                }
                return self.fail(attempt, broken);
            }
            (Came::Head, Some(head)) => {
                self.status = Some(head.status);
                let (call, status) = (self.ticket.id().as_u64(), head.status.as_u16());
                tracing::debug!(call, attempt, status, "answer");
                self.tell_head(attempt, head, None)
            }
            (Came::Body(seen), Some(head)) => self.tell_head(attempt, head, Some(&seen)),
            // What came is there until the engine has decided on it.
            (Came::Head | Came::Body(_), None) => return,
        };
        if let Some(flight) = race.flight(attempt).filter(|_| was_refused) {
            flight.settle(Outcome::Refused);
        }
        #[cfg(feature = "metrics")]
        if let Some(flight) = race.flight(attempt) {
            flight.on_limits(&self.limits());
        }
    }

    /// Says what the engine decided and why, at the level `debug`, and the whole of it at `trace`.
    fn log(&mut self, decision: &Decision) {
        let call = self.ticket.id().as_u64();
        tracing::trace!(call, ?decision);
        match decision {
            Decision::Send { attempt, beside: Some(beside), .. } => {
                tracing::debug!(
                    call,
                    attempt,
                    url = self.shown_url(),
                    beside,
                    "send again beside one that has stalled"
                );
            }
            Decision::Send { attempt, why, .. } => {
                self.said = None;
                tracing::debug!(call, attempt, url = self.shown_url(), waited_for = %why.reason, "send");
            }
            Decision::Wait { why, .. } if self.said != Some(why.reason) => {
                self.said = Some(why.reason);
                let until = why.until.map(|at| Human(self.ground.handle.until(at)));
                tracing::debug!(call, reason = %why.reason, left = until.map(tracing::field::display), "wait");
            }
            Decision::Drop { attempt, .. } => tracing::debug!(call, attempt, "drop"),
            Decision::Retry { .. } => tracing::debug!(call, account = %self.account(), "again"),
            Decision::Follow { .. } => {
                let to = self.next.as_ref().map(|next| target::origin(&next.url));
                tracing::debug!(call, to, "follow the redirect");
            }
            Decision::Renew { .. } => tracing::debug!(call, "renew the access token"),
            Decision::Return { verdict, .. } => tracing::debug!(call, ?verdict, "return"),
            _ => {}
        }
    }

    /// Sees to it that there is an access token, where one is used; another than the one that was refused. Most often it is there.
    async fn authorize(&mut self, refused: Option<u64>, transport: &dyn Transport) -> Result<()> {
        let Some(tokens) = self.parts.credentials.tokens.clone().filter(|_| self.is_trusted()) else { return Ok(()) };
        let ground = Arc::clone(&self.ground);
        let token = match tokens.current(&ground, refused) {
            Some(token) => token,
            // The request for a token is a call as well.
            None => self.wait_for(Box::pin(tokens.fetch(&ground, transport, refused))).await??,
        };
        self.token = Some(token);
        Ok(())
    }

    /// Whether the engine takes the answer for a refusal.
    fn tell_head(&mut self, attempt: u32, head: &Arrival, body: Option<&[u8]>) -> bool {
        self.tell_spent();
        let redirect = self.redirect(head);
        let (id, status, headers) = (self.ticket.id(), head.status, &head.headers);
        self.ticket.tell(Event::Head { id, attempt, status, headers, redirect, body })
    }

    /// Says so if the request's body was sent and could not be kept.
    fn tell_spent(&mut self) {
        if self.parts.body.is_gone() {
            self.ticket.tell(Event::Spent { id: self.ticket.id() });
        }
    }

    fn request(&self) -> Attempt {
        let mut url = self.url().clone();
        let mut headers = HeaderMap::clone(&self.parts.headers);
        if self.is_trusted() {
            self.parts.credentials.add_to(&mut url);
            if !self.parts.credentials.headers.is_empty() {
                headers.extend(self.parts.credentials.headers.clone());
            }
            if let Some(token) = &self.token {
                headers.insert(AUTHORIZATION, token.value());
            }
        }
        if let Some(rest) = &self.rest {
            rest.ask(&mut headers);
        }
        let keeps_body = *self.method() == self.parts.method;
        if !keeps_body {
            for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING] {
                headers.remove(name);
            }
        }
        let body = match &self.parts.body {
            Body::Whole(bytes) if keeps_body => Payload::Whole(bytes.clone()),
            Body::Stream(body) if keeps_body => body.payload(),
            _ => Payload::Empty,
        };
        Attempt {
            method: self.method().clone(),
            url,
            headers,
            body,
            timeout: self.parts.timeout,
            #[cfg(feature = "blocking")]
            left: self.deadline.map(|at| self.ground.handle.until(at)),
            #[cfg(feature = "blocking")]
            apart: self.ground.hedges && self.method().is_safe(),
        }
    }

    /// Tells the engine of a failed attempt, and keeps what it said for the error that may follow.
    fn fail(&mut self, attempt: u32, Broken { failure, cause }: Broken) {
        let error = cause.as_ref().map(tracing::field::display);
        tracing::debug!(call = self.ticket.id().as_u64(), attempt, ?failure, error, "failed");
        self.cause = cause;
        self.tell_spent();
        self.ticket.tell(Event::Failed { id: self.ticket.id(), attempt, failure });
    }

    /// The answer that was handed over broke off: asks the engine for another one.
    pub(super) async fn again(mut self: Box<Self>, error: Broken, transport: &dyn Transport) -> Result<Box<Answered>> {
        self.stand_in_line();
        self.fail(self.attempt, error);
        self.answer(transport).await
    }

    /// The same for what is missing of it.
    pub(super) async fn go_on(
        mut self: Box<Self>,
        broken: Broken,
        rest: Rest,
        transport: &dyn Transport,
    ) -> Result<Box<Answered>> {
        self.rest = Some(rest);
        self.again(broken, transport).await
    }

    fn method(&self) -> &Method {
        self.hop.as_ref().map_or(&self.parts.method, |hop| &hop.method)
    }

    fn url(&self) -> &Url {
        self.hop.as_ref().map_or(&self.parts.url, |hop| &hop.url)
    }

    /// Whether the credentials may go there.
    fn is_trusted(&self) -> bool {
        self.hop.as_ref().is_none_or(|hop| hop.trusted)
    }

    /// Where an answer sends us, by RFC 9110 section 15.4: 303 turns into GET, 301 and 302 turn POST into GET as all clients do.
    fn redirect(&mut self, answer: &Arrival) -> Option<Redirect> {
        let method = match answer.status.as_u16() {
            _ if !self.ground.follows => return None,
            303 if *self.method() != Method::HEAD => Method::GET,
            301 | 302 if *self.method() == Method::POST => Method::GET,
            301 | 302 | 303 | 307 | 308 => self.method().clone(),
            _ => return None,
        };
        let location = answer.headers.get(LOCATION)?;
        let mut url = self.url().join(std::str::from_utf8(location.as_bytes()).ok()?).ok()?;
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        url.set_fragment(None);
        // What a server puts there as user and password is no credential of ours.
        let _ = (url.set_username(""), url.set_password(None));
        let trusted = self.is_trusted() && target::is_same_origin(&url, self.url());
        let safety = match self.parts.safety {
            _ if method == self.parts.method && self.parts.body.is_gone() => Safety::Once,
            Some(safety) if method == self.parts.method => safety,
            _ => Safety::of(&method),
        };
        let route = Route::of_path(url.path());
        let key = key(&self.ground, &self.parts, &url, trusted);
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
        let cause = match (&self.parts.body, reason) {
            (Body::Stream(upload), GiveUp::Unrepeatable(_)) => match upload.gone() {
                Some(kept) => Some(BodyGone { kept, cause }.into()),
                None => cause,
            },
            _ => cause,
        };
        Error::new(Kind::GivenUp(reason))
            .with_url(self.parts.shown())
            .with_account(account)
            .with_status(self.status)
            .with_retry_at(retry_at)
            .with_source(cause)
    }

    /// An error of the caller's side of the answer: too large, not JSON, an unwanted status.
    pub(super) fn error(&self, kind: Kind) -> Error {
        Error::new(kind).with_url(self.parts.shown()).with_account(self.ticket.account()).with_status(self.status)
    }

    /// Waits for something of the answer, unless the engine ends the call first.
    pub(super) async fn wait_for<T>(&mut self, future: impl Future<Output = T>) -> Result<T> {
        unless_given_up(&mut self.ticket, future).await.map_err(|(reason, account)| self.given_up(reason, account))
    }

    /// The error of a call that the engine ends while its answer is waited for.
    pub(super) fn poll_given_up(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let (reason, account) = ready!(poll_given_up(&mut self.ticket, cx));
        Poll::Ready(self.given_up(reason, account))
    }

    pub(super) fn account(&self) -> Account {
        self.ticket.account()
    }

    pub(super) fn limits(&self) -> Limits {
        self.ticket.limits()
    }

    /// The body that was handed over has ended.
    pub(super) fn finish(&mut self) {
        self.ticket.finish();
    }

    pub(super) fn max_body(&self) -> u64 {
        self.ground.max_body
    }

    /// The URL that answered, as it may be shown.
    pub(super) fn shown_url(&self) -> String {
        let keys = self.parts.credentials.query_keys();
        target::shown(self.url(), &keys)
    }
}

/// The budget that an attempt at a URL spends.
fn key(ground: &Ground, parts: &Parts, url: &Url, trusted: bool) -> Key {
    let rules = ground.rules.of(url).0;
    if let Some(known) = &rules.key
        && trusted
        && parts.bucket.is_none()
        && Arc::ptr_eq(&parts.credentials, &rules.credentials)
        && target::has_origin(url, known.origin())
    {
        return known.clone();
    }
    let credential = if trusted { parts.credentials.hash() } else { 0 };
    let key = Key::new(target::origin(url), credential);
    let by_hand = parts.bucket.as_ref().filter(|_| target::is_same_origin(url, &parts.url));
    match by_hand.or(rules.bucket.as_ref()) {
        Some(bucket) => key.in_bucket(Arc::clone(bucket)),
        None => key,
    }
}

/// The future's output, or why the engine ended the call before it came.
async fn unless_given_up<T>(
    ticket: &mut Ticket,
    future: impl Future<Output = T>,
) -> std::result::Result<T, (GiveUp, Account)> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => poll_given_up(ticket, cx).map(Err),
    })
    .await
}

/// Why the engine ends the call, once it does. To a call whose answer was handed over it has nothing else to say.
fn poll_given_up(ticket: &mut Ticket, cx: &mut Context<'_>) -> Poll<(GiveUp, Account)> {
    loop {
        if let Decision::GiveUp { reason, account, .. } = ready!(ticket.poll_decision(cx)) {
            return Poll::Ready((reason, account));
        }
    }
}
