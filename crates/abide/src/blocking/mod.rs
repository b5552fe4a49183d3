//! The client for threads, without a runtime (feature `blocking`).
//!
//! ```no_run
//! use abide::blocking::Client;
//!
//! # fn example(token: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let github = Client::builder("https://api.github.com").limit("5000/h".parse()?).bearer(token).build()?;
//! let issues: Vec<serde_json::Value> = github.get("/repos/rust-lang/rust/issues").send()?.json()?;
//! println!("{}", github.stats());
//! # Ok(())
//! # }
//! ```
//!
//! It has the settings of the async [`Client`](crate::ClientBuilder), the same engine and the same loop: a call runs on the thread
//! that makes it and sleeps there while it waits. Nothing runs beside the calls and no thread is started, unless two attempts of a call
//! may be under way at once ([`hedge`](crate::ClientBuilder::hedge)); then each attempt has one. Clones share one budget and one pool
//! of connections, over all threads.
//!
//! The connections are ureq's: HTTP/1.1, gzip, proxies of the environment. A call can't be interrupted while it reads from
//! a socket, so a [`deadline`](crate::ClientBuilder::deadline) bounds that read too. In async code use the async client: this one would
//! block the runtime.

mod calls;
mod pages;

use std::sync::{Arc, OnceLock};

use abide_core::Stats;
use http::Method;

pub use pages::{Items, PageIter};

use crate::client::ground::Ground;
use crate::client::transport::Transport;
use crate::error::Result;
use crate::handle::{Keeper, Waiting};

/// The settings of a [`Client`].
pub type ClientBuilder = crate::ClientBuilder<Client>;
/// A request that can be added to and sent.
pub type Request = crate::Request<Client>;
/// The answer to a call. It holds its place in flight until its body has been read or it is dropped. It can be read from.
pub type Response = crate::Response<Client>;
/// A body that goes on where it breaks off; see `Request::download`.
pub type Download = crate::Download<Client>;

/// Calls an HTTP API within its limits, from threads.
#[derive(Clone, Debug)]
pub struct Client {
    ground: Arc<Ground>,
    transport: Arc<dyn Transport>,
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
    /// [`idempotency_key`](crate::Request::idempotency_key).
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

    /// Goes on with a call on this thread until it is ready.
    fn block_on<F: Future>(&self, call: F) -> F::Output {
        self.ground.handle.block_on(call)
    }
}

impl ClientBuilder {
    /// The client.
    ///
    /// # Errors
    ///
    /// If a setting can't work: a base that is no http or https URL, a header field with characters that it can't hold, a
    /// certificate that can't be read, a concurrency of 0. [`Error::is_setting`](crate::Error::is_setting) is true for all of them.
    pub fn build(mut self) -> Result<Client> {
        let ground = Arc::new(self.ground(Keeper::Threads, true)?);
        let transport = self.transport(|connection| Ok(Arc::new(connection.agent()?)))?;
        Ok(Client { ground, transport })
    }
}

/// Fetches a URL: waits as long as the server asks for, and tries again what may go better the next time.
///
/// All such calls of a process share one [`Client`] with the default settings, so that one that is told to wait holds back the
/// others to the same origin.
///
/// ```no_run
/// # fn example() -> abide::Result<()> {
/// let text = abide::blocking::get("https://api.example.com/users/1")?.error_for_status()?.text()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As `Request::send`.
pub fn get(url: impl AsRef<str>) -> Result<Response> {
    static SHARED: OnceLock<Client> = OnceLock::new();
    let client = match SHARED.get() {
        Some(client) => client,
        None => {
            let client = Client::anywhere().build()?;
            SHARED.get_or_init(|| client)
        }
    };
    client.get(url).send()
}
