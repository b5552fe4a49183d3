//! A mock at the bottom of somebody else's stack: as a tower service, and as a middleware that asks nobody further.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, Method, Response};
use http_body::{Body, Frame};
use url::Url;

use super::Mock;
use crate::beneath::Faked;
use crate::client::transport::{Attempt, BoxError, Broken, Chunks, Payload, Transport};
use crate::witness::Asked;

/// How long a mock that stands in for somebody else's client keeps silent before that one gives up.
const IDLE: Duration = Duration::from_secs(30);

/// The body of a mock's answer.
pub struct MockBody(Box<dyn Chunks>);

impl Body for MockBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(match ready!(self.0.poll_chunk(cx)) {
            Ok(part) => part.map(|part| Ok(Frame::data(part))),
            Err(broken) => Some(Err(error(broken))),
        })
    }
}

impl std::fmt::Debug for MockBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MockBody")
    }
}

fn error(Broken { failure, cause }: Broken) -> BoxError {
    cause.unwrap_or_else(|| Box::new(Faked(failure)))
}

impl Mock {
    /// Answers a request that came all the way down.
    async fn answer<B>(
        self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Option<B>,
    ) -> Result<Response<MockBody>, BoxError>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let body = match body {
            Some(body) => Payload::Whole(collect(body).await?),
            None => Payload::Empty,
        };
        let attempt = Attempt {
            method,
            url,
            headers,
            body,
            timeout: None,
            #[cfg(feature = "blocking")]
            left: None,
            #[cfg(feature = "blocking")]
            apart: false,
        };
        let line = self.line(IDLE);
        let arrival = line.send(attempt).await.map_err(error)?;
        let mut response = Response::new(MockBody(arrival.body));
        (*response.status_mut(), *response.headers_mut()) = (arrival.status, arrival.headers);
        Ok(response)
    }
}

async fn collect<B>(body: B) -> Result<Bytes, BoxError>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let mut bytes = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(mut data) = frame.map_err(Into::into)?.into_data() {
            bytes.extend_from_slice(&data.copy_to_bytes(data.remaining()));
        }
    }
    Ok(bytes.freeze())
}

/// Stands in for an HTTP client at the bottom of a stack. It sees whether something beneath a [`Layer`](crate::tower::Layer) repeats
/// requests by itself, as a [`Witness`](crate::tower::Witness) does.
#[cfg(feature = "tower")]
impl<B> tower_service::Service<http::Request<B>> for Mock
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<MockBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<MockBody>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        Asked::on_send(request.extensions());
        let mock = self.clone();
        let (head, body) = request.into_parts();
        Box::pin(async move {
            let url = match head.uri.authority() {
                Some(_) => Url::parse(&head.uri.to_string())?,
                None => Url::parse(&format!("http://localhost{}", head.uri))?,
            };
            mock.answer(head.method, url, head.headers, Some(body)).await
        })
    }
}

/// Stands in for the network: add it last, and nothing is sent. It sees whether something beneath abide's
/// [`Middleware`](crate::middleware::Middleware) repeats requests by itself.
#[cfg(feature = "reqwest-middleware")]
#[async_trait::async_trait]
impl reqwest_middleware::Middleware for Mock {
    async fn handle(
        &self,
        mut request: reqwest::Request,
        extensions: &mut http::Extensions,
        _: reqwest_middleware::Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        use reqwest::ResponseBuilderExt;

        Asked::on_send(extensions);
        let (method, url) = (request.method().clone(), request.url().clone());
        let (headers, body) = (std::mem::take(request.headers_mut()), request.body_mut().take());
        let answer = self.clone().answer(method, url.clone(), headers, body).await;
        let (head, body) = answer.map_err(|error| reqwest_middleware::Error::middleware(Carried(error)))?.into_parts();
        let response = http::Response::builder().url(url).body(reqwest::Body::wrap(body));
        let mut response = response.expect("a response without fields can be built");
        (*response.status_mut(), *response.headers_mut()) = (head.status, head.headers);
        Ok(response.into())
    }
}

/// An error that was boxed, as one that can be boxed again.
#[cfg(feature = "reqwest-middleware")]
#[derive(Debug)]
struct Carried(BoxError);

#[cfg(feature = "reqwest-middleware")]
impl std::fmt::Display for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(feature = "reqwest-middleware")]
impl std::error::Error for Carried {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}
