//! The service: each call is one exchange, whose attempts are calls of the service beneath.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use abide_core::decision::GiveUp;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{Extensions, HeaderMap, Request, Response, Uri, Version};
use http_body::Body;
use url::Url;

use super::replay::{Load, Plan};
use super::{Buffered, Layer, Replay, ResponseBody};
use crate::beneath;
use crate::body::Foreign;
use crate::client::ground::Ground;
use crate::client::transport::{Arrival, Attempt, BoxError, Broken, Sending, Transport};
use crate::error::{Error, Kind, Result};

/// An HTTP service under the limits of its API; see the [module](crate::tower).
#[derive(Clone, Debug)]
pub struct Service<S, K = Buffered> {
    inner: S,
    layer: Layer<K>,
}

impl<S, K> Service<S, K> {
    pub(super) fn new(inner: S, layer: Layer<K>) -> Self {
        Self { inner, layer }
    }
}

impl<S, K, B, R> tower_service::Service<Request<B>> for Service<S, K>
where
    K: Replay<B>,
    S: tower_service::Service<Request<K::Sent>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(cx).map_err(|error| {
            let Broken { failure, cause } = self.layer.broken(error);
            Error::new(Kind::GivenUp(GiveUp::Failed(failure))).with_source(cause)
        })
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that said that it is ready is the one to call.
        let next = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, next.clone());
        let layer = self.layer.clone();
        let (head, body) = request.into_parts();
        let (kept, Plan(body)) = layer.bodies.keep(body);
        Box::pin(async move {
            let ground = layer.ground.clone();
            let url = url(&ground, &head.uri, &head.headers)?;
            let parts = beneath::parts(&ground, head.method, url.clone(), head.headers, body);
            let beneath = Beneath {
                layer,
                ready: Mutex::new(Some(ready)),
                service: Mutex::new(next),
                url,
                uri: head.uri,
                version: head.version,
                extensions: head.extensions,
                kept,
                send: |kept: &K::Kept, load| K::send(kept, load),
            };
            beneath::send(ground, parts, &beneath).await
        })
    }
}

/// The URL that a request asks for; see "which API" in the module's words.
fn url(ground: &Ground, uri: &Uri, headers: &HeaderMap) -> Result<Url> {
    let wrong = |e: url::ParseError| Error::setting(format!("the URI of the request can't be read as a URL: {e}"));
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    match (uri.scheme(), uri.authority(), ground.base()) {
        (Some(_), Some(_), _) => Url::parse(&uri.to_string()).map_err(wrong),
        (_, Some(authority), _) => Url::parse(&format!("http://{authority}{path}")).map_err(wrong),
        (_, None, Some(base)) => base.join(path).map_err(wrong),
        (_, None, None) => {
            let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
            Url::parse(&format!("http://{host}{path}")).map_err(wrong)
        }
    }
}

/// The service beneath, for one call.
struct Beneath<S, K, T, F> {
    layer: Layer<K>,
    /// The one that is ready, until the first attempt.
    ready: Mutex<Option<S>>,
    service: Mutex<S>,
    /// What the URI reads as.
    url: Url,
    uri: Uri,
    version: Version,
    extensions: Extensions,
    kept: T,
    send: F,
}

impl<S, K, T, F> Beneath<S, K, T, F> {
    fn request<B>(&self, attempt: Attempt) -> Request<B>
    where
        F: Fn(&T, Load) -> B,
    {
        let mut request = Request::new((self.send)(&self.kept, Load(attempt.body)));
        *request.uri_mut() = self.uri(&attempt.url);
        *request.method_mut() = attempt.method;
        *request.version_mut() = self.version;
        *request.headers_mut() = attempt.headers;
        *request.extensions_mut() = self.extensions.clone();
        request.extensions_mut().insert(self.layer.witnessed.asked());
        request
    }

    /// As it came, unless the settings put something into it; then of the same form.
    fn uri(&self, url: &Url) -> Uri {
        let changed = if *url == self.url {
            None
        } else if self.uri.authority().is_some() {
            url.as_str().parse().ok()
        } else {
            url[url::Position::BeforePath..url::Position::AfterQuery].parse().ok()
        };
        changed.unwrap_or_else(|| self.uri.clone())
    }
}

impl<S, K, T, F, B, R> Transport for Beneath<S, K, T, F>
where
    K: Send + Sync,
    T: Send + Sync,
    F: Fn(&T, Load) -> B + Send + Sync,
    S: tower_service::Service<Request<B>, Response = Response<R>> + Clone + Send,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Send + 'static,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    fn send(&self, attempt: Attempt) -> Sending<'_> {
        let mut timeout = beneath::timeout(&self.layer.ground, attempt.timeout);
        let request = self.request(attempt);
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner).take();
        let is_ready = ready.is_some();
        let mut service = ready.unwrap_or_else(|| self.service.lock().unwrap_or_else(PoisonError::into_inner).clone());
        Box::pin(async move {
            let answer = beneath::in_time(&mut timeout, async {
                if !is_ready {
                    poll_fn(|cx| service.poll_ready(cx)).await.map_err(|error| self.layer.broken(error))?;
                }
                service.call(request).await.map_err(|error| self.layer.broken(error))
            })
            .await?;
            let (head, body) = answer.into_parts();
            let body = Box::new(Foreign::new(body, timeout));
            let mut arrival = Arrival::new(head.status, head.version, head.headers, body);
            arrival.extensions = head.extensions;
            Ok(arrival)
        })
    }
}

impl<S, K, T, F> fmt::Debug for Beneath<S, K, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beneath").finish_non_exhaustive()
    }
}
