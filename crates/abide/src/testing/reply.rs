//! What a mock answers to one request: a head and a body, a fault, or silence.

use std::time::Duration;

use abide_core::event::Failure;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

/// An answer to one request, or what comes in its place.
///
/// A number is an answer with that status and nothing else, so `[429, 429, 200]` is a list of three.
#[derive(Clone, Debug)]
#[must_use]
pub struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<Bytes>,
    /// How long it takes to come.
    pub(super) after: Duration,
    pub(super) fault: Option<Fault>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No head comes.
    Head(Failure),
    /// The body ends too early.
    Body,
    /// Nothing comes, ever.
    Silence,
}

impl Reply {
    /// An answer with a status.
    ///
    /// # Panics
    ///
    /// If it is no status: below 100 or above 999.
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).expect("a status has three digits");
        Self { status, headers: HeaderMap::new(), body: Vec::new(), after: Duration::ZERO, fault: None }
    }

    /// A 200 with a JSON body.
    ///
    /// # Panics
    ///
    /// If the value can't be written as JSON.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        let text = serde_json::to_vec(value).expect("a test's value can be written as JSON");
        Self::status(200).header(CONTENT_TYPE, "application/json").body(text)
    }

    /// A 200 with a body of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::status(200).header(CONTENT_TYPE, "text/plain; charset=utf-8").body(text.into())
    }

    /// A 302 to another place.
    ///
    /// # Panics
    ///
    /// If a header field can't hold it.
    pub fn redirect(to: impl AsRef<str>) -> Self {
        Self::status(302).header(LOCATION, to)
    }

    /// No connection comes about: nothing is sent.
    pub fn refused_connection() -> Self {
        Self::status(200).fault(Fault::Head(Failure::Connect))
    }

    /// The connection breaks before the head of the answer: the request may have arrived.
    pub fn reset() -> Self {
        Self::status(200).fault(Fault::Head(Failure::Reset))
    }

    /// Nothing comes. The attempt ends by its own timeout or by the client's idle timeout, which is 30 s by default.
    pub fn silence() -> Self {
        Self::status(200).fault(Fault::Silence)
    }

    /// Adds a header field.
    ///
    /// # Panics
    ///
    /// If a header field can't have the name or hold the value.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name = HeaderName::try_from(name.as_ref()).expect("a test names header fields as they can be named");
        let value = HeaderValue::try_from(value.as_ref()).expect("a test's header fields hold what they can");
        self.headers.append(name, value);
        self
    }

    /// `Retry-After` in seconds.
    pub fn retry_after(self, secs: u64) -> Self {
        self.header(RETRY_AFTER, secs.to_string())
    }

    /// Adds a part to the body; each comes by itself.
    pub fn body(mut self, part: impl Into<Bytes>) -> Self {
        self.body.push(part.into());
        self
    }

    /// Comes so much later.
    pub fn after(mut self, time: Duration) -> Self {
        self.after = time;
        self
    }

    /// The body breaks off after the parts that it has.
    pub fn breaks_off(self) -> Self {
        self.fault(Fault::Body)
    }

    fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }
}

impl From<u16> for Reply {
    fn from(status: u16) -> Self {
        Self::status(status)
    }
}

impl From<StatusCode> for Reply {
    fn from(status: StatusCode) -> Self {
        Self::status(status.as_u16())
    }
}
