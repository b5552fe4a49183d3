//! A large body that goes on where it breaks off.

use abide_core::rest::{GoesOn, Rest};
use bytes::{Buf, Bytes};
#[cfg(feature = "client")]
use http::header::ACCEPT_ENCODING;

use super::answered::Answered;
use super::transport::{Broken, Transport};
#[cfg(feature = "client")]
use super::{Client, Request};
use super::{Response, Usual};
use crate::error::{Error, Kind, Result};

#[cfg(feature = "client")]
impl Request<Client> {
    /// Sends it for a large body that is read in parts. Where the body breaks off, only what is missing is asked for, if the server
    /// gave the version a strong `ETag` and the version is still the same; each such request is a try like any other. It is asked for
    /// without compression, since only then can the bytes be counted.
    ///
    /// ```no_run
    /// # async fn example(client: abide::Client, mut file: std::fs::File) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut download = client.get("/export.csv").download().await?;
    /// while let Some(part) = download.chunk().await? {
    ///     std::io::Write::write_all(&mut file, &part)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and if the status is not a success.
    pub async fn download(self) -> Result<Download> {
        Ok(Download::new(self.header(ACCEPT_ENCODING, "identity").send().await?.error_for_status()?))
    }
}

/// A body that goes on where it breaks off; see [`Request::download`](crate::Request::download).
#[derive(Debug)]
pub struct Download<C = Usual> {
    /// `None` after an error.
    response: Option<Response<C>>,
    /// How to ask for what is missing; `None` if that can't be done.
    rest: Option<Rest>,
    received: u64,
}

impl<C> Download<C> {
    pub(crate) fn new(response: Response<C>) -> Self {
        Self { rest: Rest::of(response.status(), response.headers(), 0), response: Some(response), received: 0 }
    }

    /// The answer that is being read; `None` after an error.
    pub fn response(&self) -> Option<&Response<C>> {
        self.response.as_ref()
    }

    /// How many bytes were handed over.
    pub fn received(&self) -> u64 {
        self.received
    }

    pub(crate) async fn next(&mut self, transport: impl Fn(&C) -> &dyn Transport) -> Result<Option<Bytes>> {
        let Some(Response { mut answered, client }) = self.response.take() else { return Ok(None) };
        // Bytes that are there already, where the server sends the whole again.
        let mut pass_over = 0;
        loop {
            match answered.part().await? {
                Ok(Some(mut part)) => {
                    let known = usize::try_from(pass_over).unwrap_or(usize::MAX).min(part.len());
                    part.advance(known);
                    pass_over -= known as u64;
                    if part.is_empty() {
                        continue;
                    }
                    self.received += part.len() as u64;
                    self.response = Some(Response { answered, client });
                    return Ok(Some(part));
                }
                Ok(None) => {
                    self.response = Some(Response { answered, client });
                    return Ok(None);
                }
                Err(broken) => (answered, pass_over) = self.go_on(answered, broken, transport(&client)).await?,
            }
        }
    }

    async fn go_on(
        &self,
        answered: Box<Answered>,
        broken: Broken,
        transport: &dyn Transport,
    ) -> Result<(Box<Answered>, u64)> {
        let Some(rest) = self.rest.clone().map(|rest| rest.after(self.received)) else {
            return Err(answered.broke_off(broken));
        };
        tracing::debug!(
            url = answered.url(),
            received = self.received,
            "the body broke off; what is missing is asked for"
        );
        let answered = answered.go_on(broken, rest.clone(), transport).await?;
        match rest.read(answered.head().status, &answered.head().headers) {
            GoesOn::Here => Ok((answered, 0)),
            GoesOn::After(known) => Ok((answered, known)),
            GoesOn::No => {
                let why = "the answer broke off, and what the server has by now is something else; get it again from the start";
                Err(Error::new(Kind::Decode(why.to_owned()))
                    .with_url(answered.url())
                    .with_account(answered.account())
                    .with_status(Some(answered.head().status)))
            }
        }
    }
}

#[cfg(feature = "client")]
impl Download<Client> {
    /// The next part of the body; `None` at its end, and after an error.
    ///
    /// # Errors
    ///
    /// If the body broke off and can't go on: the server gives no strong `ETag`, what it has is another version by now, or all tries
    /// are used up.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.next(|client| &*client.transport).await
    }
}
