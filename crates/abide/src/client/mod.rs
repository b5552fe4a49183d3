//! The async client: one engine and one connection pool, shared by all clones.

mod builder;
mod credential;
mod download;
mod exchange;
mod oauth;
mod pages;
mod quick;
mod race;
mod request;
mod response;
mod rules;
pub(crate) mod transport;
mod upload;

use std::sync::Arc;

use abide_core::Stats;
use http::Method;

pub use builder::ClientBuilder;
pub use download::Download;
pub use oauth::OAuth2;
pub use pages::{ItemStream, Page, PageStream};
pub use quick::get;
pub use request::Request;
pub use response::{BodyStream, Response, Whole};

use crate::handle::{Handle, Waiting};
use rules::RuleBook;
use transport::Transport;

/// Calls an HTTP API within its limits.
///
/// Clones share one budget and one pool of connections. Must be used within a Tokio runtime with time and I/O enabled.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    transport: Arc<dyn Transport>,
    handle: Handle,
    rules: RuleBook,
    max_body: u64,
}

impl Client {
    /// A client for the API under `base`; paths of requests are put after it.
    pub fn builder(base: impl AsRef<str>) -> ClientBuilder {
        ClientBuilder::new(Some(base.as_ref()))
    }

    /// A client for any URLs.
    pub fn anywhere() -> ClientBuilder {
        ClientBuilder::new(None)
    }

    /// A request with any method. `target` is a path under the base (`/users/1`, `users?page=2`) or an absolute URL. A wrong one
    /// is an error when it is sent.
    pub fn request(&self, method: Method, target: impl AsRef<str>) -> Request {
        Request::new(self.clone(), method, target.as_ref())
    }

    /// A GET request.
    pub fn get(&self, target: impl AsRef<str>) -> Request {
        self.request(Method::GET, target)
    }

    /// A HEAD request.
    pub fn head(&self, target: impl AsRef<str>) -> Request {
        self.request(Method::HEAD, target)
    }

    /// A POST request. It is not sent twice after a failure that may have reached the server, unless it has an
    /// [`idempotency_key`](Request::idempotency_key).
    pub fn post(&self, target: impl AsRef<str>) -> Request {
        self.request(Method::POST, target)
    }

    /// A PUT request.
    pub fn put(&self, target: impl AsRef<str>) -> Request {
        self.request(Method::PUT, target)
    }

    /// A PATCH request; as careful with repeating as POST.
    pub fn patch(&self, target: impl AsRef<str>) -> Request {
        self.request(Method::PATCH, target)
    }

    /// A DELETE request.
    pub fn delete(&self, target: impl AsRef<str>) -> Request {
        self.request(Method::DELETE, target)
    }

    /// What happened so far, over all clones.
    pub fn stats(&self) -> Stats {
        self.inner.handle.stats()
    }

    /// The quotas that servers named so far, each as its size and, in brackets, its name.
    pub fn quotas(&self) -> Vec<String> {
        self.inner.handle.quotas()
    }

    /// What is being waited for now, an entry an origin and credential with calls waiting.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.inner.handle.waiting()
    }
}
