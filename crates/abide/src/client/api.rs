//! The async client: one engine and one connection pool, shared by all clones.

use std::sync::Arc;

use abide_core::Stats;
use http::Method;

use super::ground::Ground;
use super::transport::Transport;
use super::{ClientBuilder, Request};
use crate::error::Result;
use crate::handle::Waiting;

/// Calls an HTTP API within its limits.
///
/// Clones share one budget and one pool of connections. Must be used within a Tokio runtime with time and I/O enabled.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) ground: Arc<Ground>,
    pub(super) transport: Arc<dyn Transport>,
}

impl Client {
    /// A client for the API under `base`; paths of requests are put after it.
    pub fn builder(base: impl AsRef<str>) -> ClientBuilder {
        ClientBuilder::connecting(Some(base.as_ref()))
    }

    /// A client for any URLs.
    pub fn anywhere() -> ClientBuilder {
        ClientBuilder::connecting(None)
    }

    /// A request with any method. `target` is a path under the base (`/users/1`, `users?page=2`) or an absolute URL. A wrong one
    /// is an error when it is sent.
    pub fn request(&self, method: Method, target: impl AsRef<str>) -> Request {
        Request::new(&self.ground, self.clone(), method, target.as_ref())
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
        self.ground.handle.stats()
    }

    /// The quotas that servers named so far, each as its size and, in brackets, its name.
    pub fn quotas(&self) -> Vec<String> {
        self.ground.handle.quotas()
    }

    /// What is being waited for now, an entry an origin and credential with calls waiting.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.ground.handle.waiting()
    }
}

impl ClientBuilder<Client> {
    /// The client.
    ///
    /// # Errors
    ///
    /// If a setting can't work: a base that is no http or https URL, a header field with characters that it can't hold, a
    /// certificate that can't be read, a concurrency of 0. [`Error::is_setting`](crate::Error::is_setting) is true for all of them.
    pub fn build(mut self) -> Result<Client> {
        let ground = Arc::new(self.ground(crate::handle::Keeper::Task, true)?);
        let transport = self.transport(|connection| Ok(Arc::new(connection.sockets()?)))?;
        Ok(Client { ground, transport })
    }
}
