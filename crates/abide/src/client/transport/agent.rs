//! Connections of threads, over ureq: an attempt blocks whoever polls it, and what its failures mean.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use abide_core::event::Failure;
use bytes::{Bytes, BytesMut};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, SendBody, Timeout};

use super::connection::Connection;
use super::{Arrival, Attempt, Broken, Chunks, Payload, Sending, Transport};
use crate::client::upload::PartReader;
use crate::error::{Error, Result};

/// How much of a body is read at once.
const PART: usize = 16 * 1024;

impl Connection {
    pub(crate) fn agent(&self) -> Result<Pool> {
        // Somebody else may have installed one already, and theirs is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = TlsConfig::builder().root_certs(self.roots()?).disable_verification(self.insecure).build();
        let config = Agent::config_builder()
            // One layer decides: no redirects below the engine, and a status is no error.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .tls_config(tls)
            .timeout_resolve(Some(self.connect_timeout))
            .timeout_connect(Some(self.connect_timeout))
            .timeout_per_read(Some(self.idle_timeout))
            .timeout_per_write(Some(self.idle_timeout))
            .max_idle_connections_per_host(64)
            .max_idle_connections(256)
            .build();
        Ok(Pool(config.into()))
    }

    /// The system's certificates and the user's own.
    fn roots(&self) -> Result<RootCerts> {
        let mut roots = Vec::new();
        for pem in &self.ca_certificates {
            let before = roots.len();
            for item in parse_pem(pem) {
                let item = item.map_err(|e| Error::setting(format!("the certificates can't be read as PEM: {e}")))?;
                if let PemItem::Certificate(certificate) = item {
                    roots.push(certificate);
                }
            }
            if roots.len() == before {
                return Err(Error::setting("there is no certificate in the PEM text"));
            }
        }
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::debug!(%error, "some of the system's certificates can't be read");
        }
        roots.extend(system.certs.iter().map(|der| Certificate::from_der(der).to_owned()));
        Ok(RootCerts::new_with_certs(&roots))
    }
}

/// A pool of connections.
#[derive(Clone, Debug)]
pub(crate) struct Pool(Agent);

impl Transport for Pool {
    fn send(&self, attempt: Attempt) -> Sending<'_> {
        if !attempt.apart {
            return Box::pin(async move { send(&self.0, attempt) });
        }
        // Another attempt may have to go beside this one, so this one must not block the call.
        let (arrival, agent) = (Arc::new(Slot::default()), self.0.clone());
        let there = Arc::clone(&arrival);
        let begun = thread::Builder::new().spawn(move || there.fill(send(&agent, attempt)));
        if let Err(error) = begun {
            arrival.fill(Err(Broken { failure: Failure::Connect, cause: Some(Box::new(error)) }));
        }
        Box::pin(std::future::poll_fn(move |cx| arrival.poll(cx)))
    }
}

/// Where a thread puts what came of its attempt.
#[derive(Default)]
struct Slot(Mutex<(Option<Outcome>, Option<Waker>)>);

type Outcome = std::result::Result<Arrival, Broken>;

impl Slot {
    fn fill(&self, outcome: Outcome) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.0 = Some(outcome);
        let waker = slot.1.take();
        drop(slot);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = slot.0.take() {
            return Poll::Ready(outcome);
        }
        slot.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

fn send(agent: &Agent, attempt: Attempt) -> Outcome {
    // The engine is to see first that the deadline has passed.
    let left = attempt.left.map(|left| left + Duration::from_millis(1));
    let most = attempt.timeout.into_iter().chain(left).min();
    let mut request = http::Request::new(());
    *request.method_mut() = attempt.method;
    *request.uri_mut() = attempt
        .url
        .as_str()
        .parse()
        .map_err(|e: http::uri::InvalidUri| Broken { failure: Failure::Request, cause: Some(Box::new(e)) })?;
    *request.headers_mut() = attempt.headers;
    let (head, ()) = request.into_parts();
    let answer = match attempt.body {
        Payload::Empty => run(agent, head, (), most),
        Payload::Whole(bytes) => run(agent, head, &bytes[..], most),
        Payload::Stream(stream) => run(agent, head, SendBody::from_owned_reader(PartReader::new(stream)), most),
    };
    let (head, body) = answer.map_err(broken)?.into_parts();
    let body = Box::new(Source(Mutex::new(Some(Box::new(body.into_reader())))));
    Ok(Arrival::new(head.status, head.version, head.headers, body))
}

fn run(
    agent: &Agent,
    head: http::request::Parts,
    body: impl ureq::AsSendBody,
    most: Option<Duration>,
) -> std::result::Result<http::Response<ureq::Body>, ureq::Error> {
    let request = http::Request::from_parts(head, body);
    match most {
        Some(most) => agent.run(agent.configure_request(request).timeout_global(Some(most)).build()),
        None => agent.run(request),
    }
}

/// A body that blocks while it is read. No two read at once: the lock is there to say so.
struct Source(Mutex<Option<Box<dyn Read + Send>>>);

impl Chunks for Source {
    fn poll_chunk(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<Option<Bytes>, Broken>> {
        let source = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(reader) = source else { return Poll::Ready(Ok(None)) };
        let mut part = BytesMut::zeroed(PART);
        Poll::Ready(match read(reader, &mut part) {
            Ok(0) => {
                *source = None;
                Ok(None)
            }
            Ok(len) => {
                part.truncate(len);
                Ok(Some(part.freeze()))
            }
            Err(error) => {
                *source = None;
                Err(match error.downcast::<ureq::Error>() {
                    Ok(error) => match broken(error) {
                        // The answer had begun.
                        Broken { failure: Failure::Reset, cause } => Broken { failure: Failure::Body, cause },
                        broken => broken,
                    },
                    Err(error) => Broken { failure: Failure::Body, cause: Some(Box::new(error)) },
                })
            }
        })
    }
}

fn read(reader: &mut impl Read, part: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(part) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

fn broken(error: ureq::Error) -> Broken {
    Broken { failure: failure(&error), cause: Some(Box::new(error)) }
}

/// What a failure of an attempt means.
fn failure(error: &ureq::Error) -> Failure {
    match error {
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => Failure::ConnectTimeout,
        ureq::Error::Timeout(_) => Failure::Timeout,
        ureq::Error::HostNotFound => Failure::Resolve,
        ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => Failure::Connect,
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => Failure::Connect,
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => Failure::Timeout,
        ureq::Error::Io(error) if is_tls(error) => Failure::Tls,
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::TlsRequired => Failure::Tls,
        ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl => Failure::Request,
        ureq::Error::Decompress(..) => Failure::Body,
        _ => Failure::Reset,
    }
}

/// Whether an I/O error holds one of TLS.
fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|held| held.is::<rustls::Error>())
}
