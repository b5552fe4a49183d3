//! The seam below the client: what sends one attempt and brings its answer, be it sockets or something that stands in for them.

#[cfg(feature = "blocking")]
pub(crate) mod agent;
pub(crate) mod connection;
#[cfg(feature = "client")]
pub(crate) mod sockets;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use abide_core::event::Failure;
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, Method, StatusCode, Version};
use url::Url;

/// Sends attempts. When, whether and how often is decided above it.
pub(crate) trait Transport: fmt::Debug + Send + Sync {
    /// Sends an attempt. Dropping the future takes it back as far as that is still possible.
    fn send(&self, attempt: Attempt) -> Sending<'_>;
}

/// An attempt on its way.
pub(crate) type Sending<'t> = Pin<Box<dyn Future<Output = Result<Arrival, Broken>> + Send + 't>>;

/// A request as it goes out, with every credential in it.
pub(crate) struct Attempt {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Payload,
    /// The most that it may take, to the end of the answer's body.
    pub(crate) timeout: Option<Duration>,
    /// What is left of the call's deadline, for transports that can't be interrupted.
    #[cfg(feature = "blocking")]
    pub(crate) left: Option<Duration>,
    /// Whether another attempt may go beside it, so that it must not keep the call from going on.
    #[cfg(feature = "blocking")]
    pub(crate) apart: bool,
}

/// What an attempt carries.
pub(crate) enum Payload {
    Empty,
    Whole(Bytes),
    Stream(PayloadStream),
}

/// A body that comes in parts.
pub(crate) type PayloadStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send + Sync>>;

/// Any error.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The head of an answer, and the way to its body.
pub(crate) struct Arrival {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    #[cfg(feature = "_bodies")]
    pub(crate) extensions: http::Extensions,
    pub(crate) body: Box<dyn Chunks>,
}

impl Arrival {
    pub(crate) fn new(status: StatusCode, version: Version, headers: HeaderMap, body: Box<dyn Chunks>) -> Self {
        Self {
            status,
            version,
            headers,
            #[cfg(feature = "_bodies")]
            extensions: http::Extensions::new(),
            body,
        }
    }

    /// The next part of the decoded body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        poll_fn(|cx| self.body.poll_chunk(cx)).await
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A decoded body that comes in parts.
pub(crate) trait Chunks: Send + Sync {
    /// The next part; `None` at the end.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Broken>>;

    /// The fields that came after the body, once it has ended.
    #[cfg(feature = "_bodies")]
    fn take_trailers(&mut self) -> Option<HeaderMap> {
        None
    }

    /// How long what is still to come is, as far as that is known.
    #[cfg(feature = "_bodies")]
    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::default()
    }

    /// Whether nothing is still to come; it may be so though nobody knows it.
    #[cfg(feature = "_bodies")]
    fn is_end_stream(&self) -> bool {
        false
    }
}

/// An attempt without a whole answer.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) failure: Failure,
    /// What was said of it, without the URL.
    pub(crate) cause: Option<BoxError>,
}
