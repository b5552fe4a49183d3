//! The connections below the client: how they are made, and what their failures mean.

use std::error::Error as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use abide_core::event::Failure;
use bytes::Bytes;
use futures_core::Stream;

use super::connection::Connection;
use super::{Arrival, Attempt, Broken, Chunks, Payload, Sending, Transport};
use crate::error::{Error, Result};

impl Connection {
    pub(crate) fn sockets(&self) -> Result<Sockets> {
        // Somebody else may have installed one already, and theirs is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            // One layer decides: no retries and no redirects below the engine.
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.idle_timeout);
        if has_no_proxy() {
            // Else each request would be looked at for whether it goes through one.
            builder = builder.no_proxy();
        }
        for pem in &self.ca_certificates {
            let certificates = reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|e| Error::setting(format!("the certificates can't be read as PEM: {}", e.without_url())))?;
            if certificates.is_empty() {
                return Err(Error::setting("there is no certificate in the PEM text"));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        if self.insecure {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        builder
            .build()
            .map(Sockets)
            .map_err(|e| Error::setting("the client can't be set up").with_source(Some(Box::new(e.without_url()))))
    }
}

/// Whether it is certain that no proxy is set: where a system has settings of its own, they are reqwest's to read.
fn has_no_proxy() -> bool {
    let names_proxy = |name: &std::ffi::OsStr| name.to_string_lossy().to_ascii_lowercase().ends_with("_proxy");
    cfg!(not(any(target_vendor = "apple", windows))) && !std::env::vars_os().any(|(name, _)| names_proxy(&name))
}

/// A pool of connections.
#[derive(Clone, Debug)]
pub(crate) struct Sockets(reqwest::Client);

impl Transport for Sockets {
    fn send(&self, attempt: Attempt) -> Sending<'_> {
        let mut request = reqwest::Request::new(attempt.method, attempt.url);
        *request.headers_mut() = attempt.headers;
        // To say that there is none takes room in the request, too.
        if attempt.timeout.is_some() {
            *request.timeout_mut() = attempt.timeout;
        }
        *request.body_mut() = match attempt.body {
            Payload::Empty => None,
            Payload::Whole(bytes) => Some(bytes.into()),
            Payload::Stream(stream) => Some(reqwest::Body::wrap_stream(stream)),
        };
        let sending = self.0.execute(request);
        Box::pin(async move {
            let mut response = sending.await?;
            let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
            let version = response.version();
            Ok(Arrival::new(status, version, headers, Box::new(SocketBody(response.bytes_stream()))))
        })
    }
}

struct SocketBody<S>(S);

impl<S: Stream<Item = reqwest::Result<Bytes>> + Unpin + Send + Sync> Chunks for SocketBody<S> {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<std::result::Result<Option<Bytes>, Broken>> {
        Poll::Ready(ready!(Pin::new(&mut self.0).poll_next(cx)).transpose().map_err(Broken::from))
    }
}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        Self { failure: failure(&error), cause: Some(Box::new(error.without_url())) }
    }
}

/// What a failure of an attempt means.
fn failure(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        Failure::Request
    } else if error.is_connect() {
        match (error.is_timeout(), connect_cause(error)) {
            (true, _) => Failure::ConnectTimeout,
            (false, cause) => cause,
        }
    } else if error.is_timeout() {
        Failure::Timeout
    } else if error.is_body() || error.is_decode() {
        Failure::Body
    } else {
        Failure::Reset
    }
}

fn connect_cause(error: &reqwest::Error) -> Failure {
    let mut cause = error.source();
    while let Some(error) = cause {
        if is_tls(error) {
            return Failure::Tls;
        }
        // hyper-util names its own kind of error only in words.
        if error.to_string() == "dns error" {
            return Failure::Resolve;
        }
        cause = error.source();
    }
    Failure::Connect
}

/// Whether this is TLS's own error, however often it was wrapped. An I/O error passes over what it holds when it is asked for its
/// source.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || held.is_some_and(|held| is_tls(held))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_of_tls_is_found_inside_of_io_errors() {
        let tls = || rustls::Error::General("no".to_owned());
        assert!(is_tls(&tls()));
        assert!(is_tls(&io::Error::other(io::Error::other(tls()))));
        assert!(!is_tls(&io::Error::other("no")) && !is_tls(&io::Error::from_raw_os_error(111)));
    }
}
