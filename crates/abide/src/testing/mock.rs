//! A stand-in for the network: answers from a script, a closure or a simulated server, in virtual time.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use abide_core::decision::{Decision, Reason};
use abide_core::event::Failure;
use abide_core::time::{Human, Instant};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};

use super::reply::Fault;
use super::{Reply, Story, VirtualClock};
use crate::client::transport::{Arrival, Attempt, Broken, Chunks, Payload, Sending, Transport};

/// Stands in for the network below a client, with a clock of its own.
///
/// ```
/// use std::time::Duration;
/// use abide::Client;
/// use abide::testing::{Mock, Reply};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> abide::Result<()> {
/// let api = Mock::script([Reply::from(429).retry_after(2), Reply::json(&["tea"])]);
/// let client = Client::builder("https://api.example.com").mock(&api).build()?;
///
/// let orders: Vec<String> = client.get("/orders").send().await?.json().await?;
///
/// assert_eq!(orders, ["tea"]);
/// assert_eq!(api.requests().len(), 2);
/// assert_eq!(api.clock().elapsed(), Duration::from_secs(2)); // and it took no time at all
/// api.assert_waited(Duration::from_secs(2), "server_wait"); // because the server asked for it
/// # Ok(())
/// # }
/// ```
///
/// Clones are one mock. Clients over the same mock have one clock.
#[derive(Clone)]
pub struct Mock(Arc<Inner>);

struct Inner {
    answers: Box<dyn Answers>,
    clock: VirtualClock,
    story: Story,
    requests: Mutex<Vec<Received>>,
}

/// Decides what is answered.
pub(super) trait Answers: Send + Sync {
    fn answer(&self, request: &Received, now: Instant) -> Reply;
}

/// A request as the mock received it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Received {
    /// Its number, from 1.
    pub number: usize,
    /// How much time had passed on the virtual clock.
    pub at: Duration,
    /// The method.
    pub method: Method,
    /// The URL, with the query, as it went out.
    pub url: String,
    /// The header fields that the client set itself.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Received {
    /// The value of a header field, where it is there once at least and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The path and query of the URL.
    pub fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        rest.find('/').map_or("/", |slash| &rest[slash..])
    }
}

struct Script(Mutex<VecDeque<Reply>>);

impl Answers for Script {
    fn answer(&self, request: &Received, _: Instant) -> Reply {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.unwrap_or_else(|| {
            panic!("the script has no reply left for request {}: {} {}", request.number, request.method, request.url)
        })
    }
}

struct Served<F>(F);

impl<F: Fn(&Received) -> Reply + Send + Sync> Answers for Served<F> {
    fn answer(&self, request: &Received, _: Instant) -> Reply {
        (self.0)(request)
    }
}

impl Mock {
    /// Answers in this order, whatever is asked. A request beyond the last reply is a panic that names it.
    pub fn script<R: Into<Reply>>(replies: impl IntoIterator<Item = R>) -> Self {
        Self::on(Script(Mutex::new(replies.into_iter().map(Into::into).collect())), VirtualClock::new())
    }

    /// Answers as the closure says.
    pub fn serve(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(Served(answer), VirtualClock::new())
    }

    pub(super) fn on(answers: impl Answers + 'static, clock: VirtualClock) -> Self {
        let (story, requests) = (Story::default(), Mutex::default());
        Self(Arc::new(Inner { answers: Box::new(answers), clock, story, requests }))
    }

    /// The clock of all clients over this mock.
    pub fn clock(&self) -> &VirtualClock {
        &self.0.clock
    }

    /// What was decided, over all clients.
    pub fn story(&self) -> &Story {
        &self.0.story
    }

    /// Every request that came, the first first.
    pub fn requests(&self) -> Vec<Received> {
        self.0.requests().clone()
    }

    /// Asserts that some call was made to wait so long for a reason, which is named as
    /// [`Reason::label`] does (`server_wait`, `limit`, `quota`, `backoff`, …). Waits are compared to the millisecond.
    ///
    /// # Panics
    ///
    /// If there was no such wait; the message has all that was decided.
    #[track_caller]
    pub fn assert_waited(&self, time: Duration, reason: &str) {
        let is_it = |at: Duration, why: abide_core::decision::Why| {
            let left = why.until.map(|until| until.since(Instant::ZERO).saturating_sub(at));
            why.reason.label() == reason && left.is_some_and(|left| left.as_millis() == time.as_millis())
        };
        let waited = self.0.story.decisions().into_iter().any(|decided| match decided.decision {
            Decision::Wait { why, .. } => is_it(decided.at, why),
            _ => false,
        });
        assert!(waited, "no call waited {} for {reason}; what was decided:\n{}", Human(time), self.0.story);
    }

    /// Asserts that no call waited for anything but a place in flight.
    ///
    /// # Panics
    ///
    /// If one did; the message has all that was decided.
    #[track_caller]
    pub fn assert_did_not_wait(&self) {
        let waited = self.0.story.decisions().into_iter().any(|decided| {
            matches!(decided.decision, Decision::Wait { why, .. } if !matches!(why.reason, Reason::Concurrency(_)))
        });
        assert!(!waited, "a call waited; what was decided:\n{}", self.0.story);
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock").field("requests", &self.0.requests().len()).field("clock", &self.0.clock).finish()
    }
}

impl Inner {
    fn requests(&self) -> MutexGuard<'_, Vec<Received>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receive(&self, attempt: &Attempt, body: Bytes) -> Reply {
        let now = self.clock.now().mono;
        let mut requests = self.requests();
        let request = Received {
            number: requests.len() + 1,
            at: now.since(Instant::ZERO),
            method: attempt.method.clone(),
            url: attempt.url.to_string(),
            headers: attempt.headers.clone(),
            body,
        };
        requests.push(request.clone());
        drop(requests);
        self.answers.answer(&request, now)
    }
}

/// A client's way to a mock.
#[derive(Debug)]
pub(crate) struct Line {
    mock: Mock,
    /// How long an attempt may pass without a byte of its answer.
    idle_timeout: Duration,
}

impl Mock {
    pub(crate) fn line(self, idle_timeout: Duration) -> Line {
        Line { mock: self, idle_timeout }
    }
}

impl Transport for Line {
    fn send(&self, mut attempt: Attempt) -> Sending<'_> {
        let inner = Arc::clone(&self.mock.0);
        let idle_timeout = self.idle_timeout;
        Box::pin(async move {
            let payload = std::mem::replace(&mut attempt.body, Payload::Empty);
            let body = collect(payload).await?;
            let sent = inner.clock.now().mono;
            let reply = inner.receive(&attempt, body);
            let until = sent + attempt.timeout.map_or(idle_timeout, |most| most.min(idle_timeout));
            let comes = if reply.fault == Some(Fault::Silence) { Instant::NEVER } else { sent + reply.after };
            if comes > sent {
                inner.clock.sleep_until(comes.min(until)).await;
            }
            if comes >= until {
                return Err(broken(Failure::Timeout));
            }
            match reply.fault {
                Some(Fault::Head(failure)) => Err(broken(failure)),
                fault => {
                    let body = Box::new(Parts { parts: reply.body.into(), breaks_off: fault == Some(Fault::Body) });
                    Ok(Arrival::new(reply.status, http::Version::HTTP_11, reply.headers, body))
                }
            }
        })
    }
}

fn broken(failure: Failure) -> Broken {
    Broken { failure, cause: None }
}

async fn collect(payload: Payload) -> Result<Bytes, Broken> {
    let mut stream = match payload {
        Payload::Empty => return Ok(Bytes::new()),
        Payload::Whole(bytes) => return Ok(bytes),
        Payload::Stream(stream) => stream,
    };
    let mut body = BytesMut::new();
    loop {
        match std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            Some(Ok(part)) => body.extend_from_slice(&part),
            // As sockets have it: the request was on its way.
            Some(Err(error)) => return Err(Broken { failure: Failure::Reset, cause: Some(error) }),
            None => return Ok(body.freeze()),
        }
    }
}

/// The parts of a body that are still to come.
struct Parts {
    parts: VecDeque<Bytes>,
    breaks_off: bool,
}

impl Chunks for Parts {
    fn poll_chunk(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Broken>> {
        Poll::Ready(match self.parts.pop_front() {
            None if self.breaks_off => Err(broken(Failure::Body)),
            part => Ok(part),
        })
    }
}
