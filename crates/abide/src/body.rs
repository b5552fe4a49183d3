//! Bodies of the kind of http-body: an answer's, which holds its place in flight, and a request's, which may be sent again.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use abide_core::event::Failure;
use bytes::{Buf, Bytes};
use futures_core::Stream;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use crate::client::Answered;
use crate::client::exchange;
use crate::client::transport::{BoxError, Broken, Chunks, Payload, PayloadStream};
use crate::client::upload::Upload;
use crate::error::Error;

/// The body of an answer that came through a layer. Its place in flight is held until it ends or is dropped.
#[derive(Debug)]
#[must_use = "a place in flight is held until the body is read or dropped"]
pub struct ResponseBody {
    answered: Box<Answered>,
    has_ended: bool,
}

impl ResponseBody {
    pub(crate) fn new(answered: Box<Answered>) -> Self {
        Self { answered, has_ended: false }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let part = ready!(self.answered.poll_chunk(cx));
        self.has_ended = !matches!(part, Ok(Some(_)));
        Poll::Ready(match part.transpose() {
            Some(part) => Some(part.map(Frame::data)),
            None => self.answered.head_mut().body.take_trailers().map(|fields| Ok(Frame::trailers(fields))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended || (self.answered.peeked() == 0 && self.answered.head().body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let (seen, rest) = (self.answered.peeked(), self.answered.head().body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + seen);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + seen);
        }
        hint
    }
}

/// The body of somebody else's answer. No two read at once: the lock is there to say so.
pub(crate) struct Foreign<B> {
    body: Mutex<Pin<Box<B>>>,
    trailers: Option<HeaderMap>,
    /// Ends when the attempt has taken too long.
    timeout: Option<Mutex<Timeout>>,
}

/// When an attempt has taken too long.
pub(crate) type Timeout = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<B> Foreign<B> {
    pub(crate) fn new(body: B, timeout: Option<Timeout>) -> Self {
        Self { body: Mutex::new(Box::pin(body)), trailers: None, timeout: timeout.map(Mutex::new) }
    }
}

impl<B> Chunks for Foreign<B>
where
    B: Body + Send,
    B::Error: Into<BoxError>,
{
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Broken>> {
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        loop {
            let frame = match body.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(Broken { failure: Failure::Body, cause: Some(error.into()) }));
                }
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                Poll::Pending => break,
            };
            match frame.into_data() {
                Ok(data) if !data.has_remaining() => {}
                Ok(mut data) => return Poll::Ready(Ok(Some(data.copy_to_bytes(data.remaining())))),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
        let Some(timeout) = &mut self.timeout else { return Poll::Pending };
        ready!(timeout.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx));
        Poll::Ready(Err(Broken { failure: Failure::Timeout, cause: None }))
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.trailers.is_none() && self.body.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }
}

/// The body of a request on its way out: what was kept of the caller's, and then the rest of it.
pub struct RequestBody {
    parts: PayloadStream,
    left: SizeHint,
    trailers: Trailers,
    has_ended: bool,
}

/// The fields that came after a request's body, once it was read to its end.
type Trailers = Arc<Mutex<Option<HeaderMap>>>;

/// What is known of a request's body that is kept while it is sent.
#[derive(Debug)]
pub struct Kept {
    size: SizeHint,
    trailers: Trailers,
}

impl Kept {
    /// Keeps so many bytes of a body.
    pub(crate) fn new<B>(body: B, most: usize) -> (Self, exchange::Body)
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let kept = Self { size: body.size_hint(), trailers: Trailers::default() };
        if body.is_end_stream() {
            return (kept, exchange::Body::Empty);
        }
        let upload = Upload::new(Frames { body: Box::pin(body), trailers: Arc::clone(&kept.trailers) });
        upload.keep(most);
        (kept, exchange::Body::Stream(upload))
    }

    /// The body for one attempt.
    pub(crate) fn send(&self, payload: Payload) -> RequestBody {
        let (parts, left): (PayloadStream, _) = match payload {
            Payload::Stream(parts) => (parts, self.size),
            Payload::Whole(bytes) => (Box::pin(Once(Some(bytes))), self.size),
            Payload::Empty => (Box::pin(Once(None)), SizeHint::with_exact(0)),
        };
        let has_ended = left.exact() == Some(0);
        RequestBody { parts, left, trailers: Arc::clone(&self.trailers), has_ended }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let part = ready!(self.parts.as_mut().poll_next(cx));
        self.has_ended = !matches!(part, Some(Ok(_)));
        Poll::Ready(match part {
            Some(Ok(part)) => {
                let (lower, upper, len) = (self.left.lower(), self.left.upper(), part.len() as u64);
                self.left = SizeHint::new();
                self.left.set_lower(lower.saturating_sub(len));
                if let Some(upper) = upper {
                    self.left.set_upper(upper.saturating_sub(len));
                }
                Some(Ok(Frame::data(part)))
            }
            Some(Err(error)) => Some(Err(error)),
            None => {
                let trailers = self.trailers.lock().unwrap_or_else(PoisonError::into_inner).clone();
                trailers.map(|fields| Ok(Frame::trailers(fields)))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }

    fn size_hint(&self) -> SizeHint {
        self.left
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").field("left", &self.left).finish_non_exhaustive()
    }
}

/// The data of a body as a stream; the fields after it are put aside.
struct Frames<B> {
    body: Pin<Box<B>>,
    trailers: Trailers,
}

impl<B: Body> Stream for Frames<B> {
    type Item = Result<Bytes, B::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = match ready!(self.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            };
            match frame.into_data() {
                Ok(mut data) => return Poll::Ready(Some(Ok(data.copy_to_bytes(data.remaining())))),
                Err(frame) => {
                    *self.trailers.lock().unwrap_or_else(PoisonError::into_inner) = frame.into_trailers().ok();
                }
            }
        }
    }
}

/// A body in one part, or in none.
struct Once(Option<Bytes>);

impl Stream for Once {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}
