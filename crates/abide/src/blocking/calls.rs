//! What a thread asks of requests and answers: each call sleeps until there is something to hand over.

use std::future::poll_fn;
use std::io::{self, Read};
use std::sync::Arc;

use abide_core::page::Pages;
use bytes::Bytes;
use http::header::ACCEPT_ENCODING;
use serde::de::DeserializeOwned;

use super::{Client, Download, PageIter, Request, Response};
use crate::client::Whole;
use crate::client::exchange::{Body, Exchange};
use crate::client::upload::{ReadParts, Upload};
use crate::error::Result;

impl Request {
    /// A body that is read while it is sent. Its first 64 KiB are kept, so that a request whose body is no longer can be sent again as
    /// any other. What is longer can be sent once: after a failure that comes later the call ends, and the error says so.
    pub fn body_reader(self, reader: impl Read + Send + Unpin + 'static) -> Self {
        self.with(|parts| {
            parts.body = Body::Stream(Upload::new(ReadParts(reader)));
            Ok(())
        })
    }

    /// Sends it, as often as needed and allowed, and returns the answer whatever its status, unless the client
    /// [says otherwise](crate::ClientBuilder::error_for_status).
    ///
    /// # Errors
    ///
    /// If the request can't be made as it was described, or if it ends without an answer; see the questions of
    /// [`Error`](crate::Error).
    pub fn send(self) -> Result<Response> {
        let Self { client, parts } = self;
        let parts = parts?;
        let raises = parts.raises;
        let exchange = Exchange::start(Arc::clone(&client.ground), parts);
        let answered = client.block_on(exchange.answer(&*client.transport))?;
        let response = Response { answered, client };
        if raises { response.error_for_status() } else { Ok(response) }
    }

    /// Sends it for a large body that is read in parts. Where the body breaks off, only what is missing is asked for, if the server
    /// gave the version a strong `ETag` and the version is still the same; each such request is a try like any other. It is asked for
    /// without compression, since only then can the bytes be counted.
    ///
    /// ```no_run
    /// # fn example(client: abide::blocking::Client, mut file: std::fs::File) -> Result<(), Box<dyn std::error::Error>> {
    /// std::io::copy(&mut client.get("/export.csv").download()?.into_reader(), &mut file)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and if the status is not a success.
    pub fn download(self) -> Result<Download> {
        Ok(Download::new(self.header(ACCEPT_ENCODING, "identity").send()?.error_for_status()?))
    }

    /// The pages of the answer, one after the other. How they follow each other is [`Pages::Auto`]'s to find out, or said in so many
    /// words (`"body.paging.next".parse()?`). Each is a call of its own, by the rules of this request, made when it is asked for.
    ///
    /// ```no_run
    /// use abide::Pages;
    ///
    /// # fn example(github: abide::blocking::Client) -> abide::Result<()> {
    /// for page in github.get("/repos/rust-lang/rust/issues").pages(Pages::Auto) {
    ///     println!("{} bytes", page?.body().len());
    /// }
    /// let issues: Vec<serde_json::Value> = github.get("/issues").pages(Pages::Auto).items().collect::<Result<_, _>>()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pages(self, style: Pages) -> PageIter {
        PageIter::new(self, style)
    }
}

impl Response {
    /// The next part of the decoded body; `None` at its end, where the place in flight is free again.
    ///
    /// # Errors
    ///
    /// If the body breaks off. The request is not sent again then, for a part of the answer may be in use already; see
    /// [`download`](Request::download) for one that goes on.
    pub fn chunk(&mut self) -> Result<Option<Bytes>> {
        let Self { answered, client } = self;
        client.block_on(poll_fn(|cx| answered.poll_chunk(cx)))
    }

    /// The whole decoded body. If it breaks off, the request is sent again as after any other fault, where that is safe.
    ///
    /// # Errors
    ///
    /// If no attempt brought a whole body, or if it is larger than the client allows.
    pub fn bytes(self) -> Result<Bytes> {
        let Self { answered, client } = self;
        let (_, body) = client.block_on(answered.read(&*client.transport))?;
        Ok(body)
    }

    /// As [`bytes`](Self::bytes), together with the answer that brought it.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub fn into_whole(self) -> Result<(Whole, Bytes)> {
        let Self { answered, client } = self;
        client.block_on(answered.into_whole(&*client.transport))
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub fn text(self) -> Result<String> {
        let body = self.bytes()?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and if the body is not JSON or of another shape.
    pub fn json<T: DeserializeOwned>(self) -> Result<T> {
        let Self { answered, client } = self;
        let (answered, body) = client.block_on(answered.read(&*client.transport))?;
        answered.json(&body)
    }

    /// The decoded body, to be read from. As with [`chunk`](Self::chunk), nothing is sent again.
    pub fn into_reader(self) -> impl Read {
        Reader { next: move |response: &mut Self| response.chunk(), source: self, part: Bytes::new() }
    }
}

impl Download {
    /// The next part of the body; `None` at its end, and after an error.
    ///
    /// # Errors
    ///
    /// If the body broke off and can't go on: the server gives no strong `ETag`, what it has is another version by now, or all tries
    /// are used up.
    pub fn chunk(&mut self) -> Result<Option<Bytes>> {
        let Some(client) = self.response().map(|response| response.client.clone()) else { return Ok(None) };
        client.block_on(self.next(|client: &Client| &*client.transport))
    }

    /// The body, to be read from.
    pub fn into_reader(self) -> impl Read {
        Reader { next: move |download: &mut Self| download.chunk(), source: self, part: Bytes::new() }
    }
}

/// Reads from something that gives parts.
struct Reader<S, F> {
    source: S,
    next: F,
    part: Bytes,
}

impl<S, F: FnMut(&mut S) -> Result<Option<Bytes>>> Read for Reader<S, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match (self.next)(&mut self.source).map_err(io::Error::other)? {
                Some(part) => self.part = part,
                None => return Ok(0),
            }
        }
        let len = buffer.len().min(self.part.len());
        buffer[..len].copy_from_slice(&self.part.split_to(len));
        Ok(len)
    }
}
