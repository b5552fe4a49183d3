//! A request's body that comes as a stream: kept as far as a bound allows, so that the request can be sent again.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

#[cfg(feature = "blocking")]
use super::transport::PayloadStream;
use super::transport::{BoxError, Payload};

/// How much of a stream is kept unless the caller says otherwise.
pub(crate) const KEPT: usize = 64 * 1024;

type Source = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

#[derive(Clone)]
pub(crate) struct Upload(Arc<Mutex<State>>);

struct State {
    /// What was not read yet; `None` once it has ended.
    source: Option<Source>,
    /// What was read, from the beginning on.
    kept: Vec<Bytes>,
    len: usize,
    most: usize,
    /// More came than may be kept, so that the beginning is gone.
    gone: bool,
    /// The number of the attempt that may read.
    reader: u64,
}

impl Upload {
    pub(crate) fn new<S, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let source: Source = Box::pin(Erased(Box::pin(stream)));
        let state = State { source: Some(source), kept: Vec::new(), len: 0, most: KEPT, gone: false, reader: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn keep(&self, most: usize) {
        self.lock().most = most;
    }

    /// The body for one more attempt; the one before can't read on.
    pub(crate) fn payload(&self) -> Payload {
        let mut state = self.lock();
        state.reader += 1;
        let reader = state.reader;
        drop(state);
        Payload::Stream(Box::pin(Reader { upload: self.clone(), reader, at: 0 }))
    }

    /// Whether its beginning is gone: more was read than may be kept, and how much that was.
    pub(crate) fn gone(&self) -> Option<usize> {
        let state = self.lock();
        state.gone.then_some(state.most)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upload")
    }
}

/// What one attempt reads.
struct Reader {
    upload: Upload,
    reader: u64,
    /// How many of the parts that were kept it has read.
    at: usize,
}

impl Stream for Reader {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let upload = self.upload.clone();
        let mut state = upload.lock();
        if state.reader != self.reader {
            return Poll::Ready(Some(Err("another attempt sends this body".into())));
        }
        if let Some(part) = state.kept.get(self.at) {
            self.at += 1;
            return Poll::Ready(Some(Ok(part.clone())));
        }
        let Some(source) = &mut state.source else { return Poll::Ready(None) };
        match ready!(source.as_mut().poll_next(cx)) {
            Some(Ok(part)) => {
                state.len += part.len();
                if state.len > state.most {
                    state.gone = true;
                    state.kept = Vec::new();
                }
                if !state.gone {
                    state.kept.push(part.clone());
                    self.at += 1;
                }
                Poll::Ready(Some(Ok(part)))
            }
            Some(Err(error)) => {
                // Nobody can say what a source gives after an error.
                (state.source, state.gone) = (None, true);
                Poll::Ready(Some(Err(error)))
            }
            None => {
                state.source = None;
                Poll::Ready(None)
            }
        }
    }
}

/// Why a request with a streamed body was not sent again.
#[derive(Debug)]
pub(crate) struct BodyGone {
    /// How many bytes were to be kept.
    pub(crate) kept: usize,
    /// What went wrong with the attempt.
    pub(crate) cause: Option<BoxError>,
}

impl fmt::Display for BodyGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cause) = &self.cause {
            write!(f, "{cause}; ")?;
        }
        write!(f, "its body is longer than the {} bytes that were kept of it (replay_up_to keeps more)", self.kept)
    }
}

// What it has of the cause it says itself: the words of an error are those of its root.
impl std::error::Error for BodyGone {}

/// A stream whose errors are of any kind.
struct Erased<S>(Pin<Box<S>>);

impl<S, E> Stream for Erased<S>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<BoxError>,
{
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx).map(|part| part.map(|part| part.map_err(Into::into)))
    }
}

/// A body of threads, read as a stream that is never pending.
#[cfg(feature = "blocking")]
pub(crate) struct ReadParts<R>(pub(crate) R);

#[cfg(feature = "blocking")]
impl<R: std::io::Read + Unpin> Stream for ReadParts<R> {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut part = vec![0; 16 * 1024];
        loop {
            match self.0.read(&mut part) {
                Ok(0) => return Poll::Ready(None),
                Ok(len) => {
                    part.truncate(len);
                    return Poll::Ready(Some(Ok(part.into())));
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

/// The other way round: such a stream, read by a thread.
#[cfg(feature = "blocking")]
pub(crate) struct PartReader {
    stream: PayloadStream,
    part: Bytes,
}

#[cfg(feature = "blocking")]
impl PartReader {
    pub(crate) fn new(stream: PayloadStream) -> Self {
        Self { stream, part: Bytes::new() }
    }
}

#[cfg(feature = "blocking")]
impl std::io::Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.part.is_empty() {
            match self.stream.as_mut().poll_next(&mut Context::from_waker(std::task::Waker::noop())) {
                Poll::Ready(Some(Ok(part))) => self.part = part,
                Poll::Ready(Some(Err(error))) => return Err(std::io::Error::other(error)),
                Poll::Ready(None) => return Ok(0),
                Poll::Pending => return Err(std::io::Error::other("a body of a thread does not wait")),
            }
        }
        let len = buffer.len().min(self.part.len());
        buffer[..len].copy_from_slice(&self.part.split_to(len));
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::Waker;

    use super::*;

    struct Parts(Vec<&'static str>);

    impl Stream for Parts {
        type Item = Result<Bytes, Infallible>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            let next = (!self.0.is_empty()).then(|| self.0.remove(0));
            Poll::Ready(next.map(|part| Ok(Bytes::from_static(part.as_bytes()))))
        }
    }

    fn read(payload: &mut Payload, parts: usize) -> Vec<String> {
        let Payload::Stream(stream) = payload else { panic!("no stream") };
        let mut cx = Context::from_waker(Waker::noop());
        let mut next = || match stream.as_mut().poll_next(&mut cx) {
            Poll::Ready(Some(Ok(part))) => Some(String::from_utf8_lossy(&part).into_owned()),
            Poll::Ready(Some(Err(error))) => Some(format!("error: {error}")),
            Poll::Ready(None) | Poll::Pending => None,
        };
        (0..parts).map_while(|_| next()).collect()
    }

    #[test]
    fn what_is_kept_is_read_again_by_the_next_attempt() {
        let upload = Upload::new(Parts(vec!["a", "b", "c"]));
        assert_eq!(read(&mut upload.payload(), 2), ["a", "b"]);
        assert_eq!(read(&mut upload.payload(), 9), ["a", "b", "c"]);
        assert_eq!(read(&mut upload.payload(), 9), ["a", "b", "c"]);
        assert_eq!(upload.gone(), None);
    }

    #[test]
    fn what_is_longer_than_the_bound_can_be_read_once() {
        let upload = Upload::new(Parts(vec!["aa", "bb", "cc"]));
        upload.keep(3);
        assert_eq!(read(&mut upload.payload(), 9), ["aa", "bb", "cc"]);
        assert_eq!(upload.gone(), Some(3));
    }

    #[test]
    fn an_attempt_that_was_given_up_takes_nothing_from_the_next() {
        let upload = Upload::new(Parts(vec!["a", "b"]));
        let (mut old, mut new) = (upload.payload(), upload.payload());
        assert_eq!(read(&mut old, 1), ["error: another attempt sends this body"]);
        assert_eq!(read(&mut new, 9), ["a", "b"]);
    }
}
