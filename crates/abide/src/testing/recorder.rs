//! Writes down every exchange that goes through the sockets, to be replayed.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::cassette::{Cassette, Exchange};
use crate::client::transport::{Arrival, Attempt, Broken, Chunks, Sending, Transport};
use crate::error::{Error, Result};

/// A transport that keeps what comes through it in a file.
pub(crate) struct Recorder {
    inner: Arc<dyn Transport>,
    tape: Arc<Tape>,
}

struct Tape {
    path: PathBuf,
    cassette: Mutex<Cassette>,
}

impl Recorder {
    pub(crate) fn new(inner: Arc<dyn Transport>, path: PathBuf, secret_query_keys: Vec<String>) -> Result<Self> {
        let cassette = Cassette { secret_query_keys, exchanges: Vec::new() };
        cassette
            .write(&path)
            .map_err(|e| Error::setting(format!("nothing can be recorded: {}: {e}", path.display())))?;
        Ok(Self { inner, tape: Arc::new(Tape { path, cassette: Mutex::new(cassette) }) })
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("path", &self.tape.path).finish_non_exhaustive()
    }
}

impl Tape {
    fn push(&self, exchange: Exchange) {
        let mut cassette = self.cassette.lock().unwrap_or_else(PoisonError::into_inner);
        cassette.exchanges.push(exchange);
        if let Err(error) = cassette.write(&self.path) {
            tracing::error!(path = %self.path.display(), %error, "the exchange could not be recorded");
        }
    }
}

impl Transport for Recorder {
    fn send(&self, attempt: Attempt) -> Sending<'_> {
        let (tape, begun) = (Arc::clone(&self.tape), Instant::now());
        let url = tape.cassette.lock().unwrap_or_else(PoisonError::into_inner).shown(&attempt.url);
        let method = attempt.method.to_string();
        let sending = self.inner.send(attempt);
        Box::pin(async move {
            let arrival = sending.await?;
            let exchange = Exchange {
                method,
                url,
                status: arrival.status.as_u16(),
                headers: arrival.headers.clone(),
                body: Bytes::new(),
                took: begun.elapsed(),
            };
            let body = Box::new(Taped { inner: arrival.body, heard: BytesMut::new(), exchange: Some(exchange), tape });
            Ok(Arrival { body, ..arrival })
        })
    }
}

/// A body that is written down as far as it was read, when it is let go. One that breaks off is no exchange to replay.
struct Taped {
    inner: Box<dyn Chunks>,
    heard: BytesMut,
    exchange: Option<Exchange>,
    tape: Arc<Tape>,
}

impl Chunks for Taped {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<std::result::Result<Option<Bytes>, Broken>> {
        let polled = self.inner.poll_chunk(cx);
        match &polled {
            Poll::Ready(Ok(Some(chunk))) => self.heard.extend_from_slice(chunk),
            Poll::Ready(Err(_)) => self.exchange = None,
            Poll::Ready(Ok(None)) | Poll::Pending => {}
        }
        polled
    }
}

impl Drop for Taped {
    fn drop(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            self.tape.push(Exchange { body: self.heard.split().freeze(), ..exchange });
        }
    }
}
