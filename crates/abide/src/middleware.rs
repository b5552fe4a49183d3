//! A middleware of reqwest-middleware (feature `reqwest-middleware`): what passes it waits for every limit and is sent again where that
//! is safe.
//!
//! ```
//! use abide::middleware::Middleware;
//!
//! # fn example(http: reqwest::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let limits = Middleware::anywhere().limit("50/5s".parse()?).retries(3).build()?;
//! let client = reqwest_middleware::ClientBuilder::new(http).with(limits.clone()).build();
//! println!("{}", limits.stats());
//! # Ok(())
//! # }
//! ```
//!
//! It has the settings of [`ClientBuilder`], as far as they do not concern connections, and the loop of the client. It takes the place of
//! reqwest-retry, reqwest-retry-after and reqwest-ratelimit: take these out, for what they repeat beneath it passes no limit. A
//! [`Witness`] that is added last sees such repeats, and warns once through `tracing`; a [`Mock`](crate::testing::Mock) does too.
//! reqwest's own are seen by nobody: build its client with `.retry(reqwest::retry::never())`. Redirects are reqwest's affair, by default
//! without passing a limit; with `.redirect(Policy::none())` they are answers.
//!
//! Middlewares that are added after it see every attempt, those before it each call once. How a call went is in the extensions of its
//! answer: an [`Account`](crate::Account) and [`Limits`](crate::Limits). Its errors come as `reqwest_middleware::Error::Middleware`,
//! in which an [`abide::Error`](crate::Error) is found by `downcast_ref`. A streamed body is kept up to 64 KiB while it is sent; what is
//! longer is sent once, which the error says.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use abide_core::Stats;
use async_trait::async_trait;
use http::Extensions;
use reqwest::{Body, Request, Response, ResponseBuilderExt};
use reqwest_middleware::{Error, Next, Result};

pub use crate::ClientBuilder;
use crate::beneath;
use crate::body::{Foreign, Kept};
use crate::client::exchange;
use crate::client::ground::Ground;
use crate::client::transport::{Arrival, Attempt, Broken, Sending, Transport};
use crate::client::upload::KEPT;
use crate::handle::{Keeper, Waiting};
use crate::witness::{Asked, Witnessed};

/// Puts a reqwest client under the limits of its APIs; see the [module](crate::middleware). Clones share one budget.
#[derive(Clone, Debug)]
pub struct Middleware {
    ground: Arc<Ground>,
    witnessed: Witnessed,
}

impl Middleware {
    /// A middleware for the API under `base`: what the settings put on requests goes to its origin alone.
    pub fn builder(base: impl AsRef<str>) -> ClientBuilder<Self> {
        ClientBuilder::new(Some(base.as_ref()))
    }

    /// A middleware for any APIs.
    pub fn anywhere() -> ClientBuilder<Self> {
        ClientBuilder::new(None)
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

    /// Whether a [`Witness`] beneath saw an attempt leave more than once.
    pub fn saw_repeats(&self) -> bool {
        self.witnessed.saw_repeats()
    }
}

impl ClientBuilder<Middleware> {
    /// The middleware.
    ///
    /// # Errors
    ///
    /// If a setting can't work: a base that is no http or https URL, a header field with characters that it can't hold, a concurrency
    /// of 0. [`Error::is_setting`](crate::Error::is_setting) is true for all of them.
    pub fn build(mut self) -> crate::Result<Middleware> {
        let ground = Arc::new(self.ground(Keeper::Task, false)?);
        Ok(Middleware { ground, witnessed: Witnessed::default() })
    }
}

#[async_trait]
impl reqwest_middleware::Middleware for Middleware {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        let headers = std::mem::take(request.headers_mut());
        let (method, url) = (request.method().clone(), request.url().clone());
        let (timeout, version) = (request.timeout().copied(), request.version());
        let (kept, body) = Keeping::new(request);
        let mut parts = beneath::parts(&self.ground, method, url, headers, body);
        parts.timeout = timeout.or(parts.timeout);
        let beneath = Beneath {
            next,
            version,
            extensions: Mutex::new(std::mem::take(extensions)),
            kept,
            witnessed: &self.witnessed,
        };
        let response = beneath::send(Arc::clone(&self.ground), parts, &beneath).await;
        *extensions = beneath.extensions.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(response.map_err(Error::middleware)?.map(Body::wrap).into())
    }
}

/// The rest of the chain, for one call.
struct Beneath<'a> {
    next: Next<'a>,
    version: http::Version,
    /// What the caller gave, and then what the attempt that ended last made of it.
    extensions: Mutex<Extensions>,
    kept: Keeping,
    witnessed: &'a Witnessed,
}

impl Transport for Beneath<'_> {
    fn send(&self, attempt: Attempt) -> Sending<'_> {
        let mut extensions = self.extensions.lock().unwrap_or_else(PoisonError::into_inner).clone();
        extensions.insert(self.witnessed.asked());
        let mut request = self.kept.request(attempt);
        *request.version_mut() = self.version;
        let next = self.next.clone();
        Box::pin(async move {
            let response = next.run(request, &mut extensions).await;
            extensions.remove::<Asked>();
            *self.extensions.lock().unwrap_or_else(PoisonError::into_inner) = extensions;
            let response = response.map_err(broken)?;
            let mut extensions = url_extension(response.url());
            let (head, body) = http::Response::from(response).into_parts();
            extensions.extend(head.extensions);
            let mut arrival = Arrival::new(head.status, head.version, head.headers, Box::new(Foreign::new(body, None)));
            arrival.extensions = extensions;
            Ok(arrival)
        })
    }
}

/// What a response of reqwest's reads its URL from when it is made.
fn url_extension(url: &reqwest::Url) -> Extensions {
    let response = http::Response::builder().url(url.clone()).body(());
    response.map(|response| response.into_parts().0.extensions).unwrap_or_default()
}

fn broken(error: Error) -> Broken {
    match error {
        Error::Reqwest(error) => Broken::from(error),
        Error::Middleware(error) => beneath::broken(error),
    }
}

impl fmt::Debug for Beneath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beneath").finish_non_exhaustive()
    }
}

/// How a request without its fields is kept.
enum Keeping {
    /// Whole: clones share its body.
    Clones(Box<Mutex<Request>>),
    /// But for its body, which comes in parts.
    Buffered(Kept),
}

impl Keeping {
    fn new(mut request: Request) -> (Self, exchange::Body) {
        if request.body().is_none_or(|body| body.as_bytes().is_some()) {
            return (Self::Clones(Box::new(Mutex::new(request))), exchange::Body::Empty);
        }
        let (kept, body) = Kept::new(request.body_mut().take().unwrap_or_default(), KEPT);
        (Self::Buffered(kept), body)
    }

    fn request(&self, attempt: Attempt) -> Request {
        let mut request = match self {
            Self::Clones(request) => request.lock().unwrap_or_else(PoisonError::into_inner).try_clone(),
            Self::Buffered(_) => None,
        }
        .unwrap_or_else(|| Request::new(attempt.method.clone(), attempt.url.clone()));
        if let Self::Buffered(kept) = self {
            *request.body_mut() = Some(Body::wrap(kept.send(attempt.body)));
        }
        *request.method_mut() = attempt.method;
        *request.url_mut() = attempt.url;
        *request.headers_mut() = attempt.headers;
        *request.timeout_mut() = attempt.timeout;
        request
    }
}

/// A middleware to be added last: it sees whether one between abide's and it repeats requests, and warns once through `tracing`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Witness;

#[async_trait]
impl reqwest_middleware::Middleware for Witness {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        Asked::on_send(extensions);
        next.run(request, extensions).await
    }
}
