//! What the shells around somebody else's client have in common: how its requests are read, and its errors.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use abide_core::event::Failure;
use http::{HeaderMap, Method, Response};
use url::Url;

use crate::body::{ResponseBody, Timeout};
use crate::client::Answered;
use crate::client::exchange::{Body, Exchange};
use crate::client::ground::Ground;
use crate::client::parts::Parts;
use crate::client::transport::{BoxError, Broken, Transport};
use crate::error::Result;

/// A request that is to be sent by what stands beneath.
pub(crate) fn parts(ground: &Ground, method: Method, url: Url, headers: HeaderMap, body: Body) -> Parts {
    let mut parts = Parts::of_url(ground, method, url);
    parts.add_query(ground);
    parts.take_headers(headers);
    parts.body = body;
    parts
}

/// Sends it as often as needed and allowed, and hands its answer over.
pub(crate) async fn send(
    ground: Arc<Ground>,
    parts: Parts,
    transport: &dyn Transport,
) -> Result<Response<ResponseBody>> {
    let raises = parts.raises;
    let answered = Exchange::start(ground, parts).answer(transport).await?;
    let answered = if raises { answered.error_for_status()? } else { answered };
    Ok(response(answered))
}

/// An answer as others have it. Its extensions hold what the call spent and what was said about limits.
fn response(mut answered: Box<Answered>) -> Response<ResponseBody> {
    let (account, limits) = (answered.account(), answered.limits());
    let head = answered.head_mut();
    let (status, version) = (head.status, head.version);
    let (headers, mut extensions) = (std::mem::take(&mut head.headers), std::mem::take(&mut head.extensions));
    extensions.insert(account);
    extensions.insert(limits);
    let mut response = Response::new(ResponseBody::new(answered));
    (*response.status_mut(), *response.version_mut()) = (status, version);
    (*response.headers_mut(), *response.extensions_mut()) = (headers, extensions);
    response
}

/// When an attempt that begins now has taken too long.
pub(crate) fn timeout(ground: &Ground, most: Option<Duration>) -> Option<Timeout> {
    most.map(|most| -> Timeout { Box::pin(ground.handle.sleep(most)) })
}

/// What is waited for, unless it takes too long.
pub(crate) async fn in_time<T>(
    timeout: &mut Option<Timeout>,
    future: impl Future<Output = std::result::Result<T, Broken>>,
) -> std::result::Result<T, Broken> {
    let mut future = pin!(future);
    poll_fn(|cx| match (future.as_mut().poll(cx), timeout.as_mut()) {
        (Poll::Pending, Some(timeout)) => {
            timeout.as_mut().poll(cx).map(|()| Err(Broken { failure: Failure::Timeout, cause: None }))
        }
        (polled, _) => polled,
    })
    .await
}

/// What an error of something beneath means. Where it is not known that nothing was sent, the server may have acted.
pub(crate) fn failure(error: &(dyn StdError + 'static)) -> Failure {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(Faked(failure)) = error.downcast_ref() {
            return *failure;
        }
        match error.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => return Failure::Connect,
            Some(io::ErrorKind::TimedOut) => return Failure::Timeout,
            _ => {}
        }
        // hyper-util names its own kinds of error only in words.
        match error.to_string().as_str() {
            "dns error" => return Failure::Resolve,
            "client error (Connect)" if error.source().is_none_or(|source| failure(source) == Failure::Reset) => {
                return Failure::Connect;
            }
            _ => {}
        }
        cause = error.source();
    }
    Failure::Reset
}

pub(crate) fn broken(error: impl Into<BoxError>) -> Broken {
    let error = error.into();
    Broken { failure: failure(&*error), cause: Some(error) }
}

/// A failure that is known for what it is.
#[derive(Debug)]
pub(crate) struct Faked(pub(crate) Failure);

impl fmt::Display for Faked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Faked {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_precede_sending_is_said_to() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let wrapped: BoxError = Box::new(io::Error::other("no"));
        assert_eq!(failure(&refused), Failure::Connect);
        assert_eq!(failure(&io::Error::from(io::ErrorKind::ConnectionReset)), Failure::Reset);
        assert_eq!(failure(&*wrapped), Failure::Reset);
        assert_eq!(failure(&Faked(Failure::Tls)), Failure::Tls);
    }
}
