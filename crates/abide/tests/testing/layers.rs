//! What a layer around somebody else's client does with bodies, fields, URIs and errors.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use abide::testing::{Mock, MockBody, Reply};
use abide::tower::{Layer, ResponseBody, Service};
use abide::{Account, Limits, middleware};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use tower_layer::Layer as _;

use crate::shapes::reqwest_client;

fn layer(api: &Mock) -> Layer {
    Layer::builder("https://api.test/v1").mock(api).build().unwrap()
}

async fn call<S, B>(service: &mut S, request: Request<B>) -> Result<Response<ResponseBody>, abide::Error>
where
    S: tower_service::Service<Request<B>, Response = Response<ResponseBody>, Error = abide::Error>,
{
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}

fn post<B>(body: B) -> Request<B> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = "https://api.test/orders".parse().unwrap();
    request
}

/// A body that comes in parts, with a field after it.
fn parts(parts: &'static [&'static str]) -> impl http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "7".parse().unwrap());
    let frames = parts.iter().map(|part| Frame::data(Bytes::from_static(part.as_bytes())));
    StreamBody::new(Frames(frames.chain([Frame::trailers(trailers)]).collect::<Vec<_>>().into_iter()))
}

struct Frames(std::vec::IntoIter<Frame<Bytes>>);

impl futures_core::Stream for Frames {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

#[tokio::test]
async fn a_body_in_parts_is_sent_again_from_what_is_kept_or_else_once() {
    let api = Mock::script([Reply::from(429).retry_after(1), Reply::from(200), Reply::from(429), Reply::from(200)]);
    let mut service = layer(&api).layer(api.clone());
    let response = call(&mut service, post(parts(&["one ", "two"]))).await.unwrap();
    assert_eq!(response.extensions().get::<Account>().unwrap().attempts, 2);
    let bodies: Vec<_> = api.requests().iter().map(|request| request.body.clone()).collect();
    assert_eq!(bodies, ["one two", "one two"]);

    let api = Mock::script([Reply::from(429).retry_after(1)]);
    let mut service = layer(&api).replay_up_to(5).layer(api.clone());
    let response = call(&mut service, post(parts(&["one ", "two"]))).await.unwrap();
    assert_eq!(response.status(), 429, "it can't be sent again, so its answer is handed over");

    let api = Mock::script([Reply::reset()]);
    let mut service = layer(&api).replay_up_to(5).layer(api.clone());
    let mut request = post(parts(&["one ", "two"]));
    *request.method_mut() = Method::PUT;
    let error = call(&mut service, request).await.unwrap_err();
    assert!(error.is_unrepeatable() && error.to_string().contains("longer than the 5 bytes"), "{error}");
}

#[tokio::test]
async fn a_clone_is_sent_with_each_attempt_where_that_is_asked_for() {
    let api = Mock::script([Reply::from(429).retry_after(1), Reply::from(200)]);
    let mut service = layer(&api).clone_bodies().layer(api.clone());
    call(&mut service, post(Full::new(Bytes::from("tea")))).await.unwrap();
    assert!(api.requests().iter().all(|request| request.body == "tea"));
}

#[tokio::test]
async fn a_post_is_done_once_unless_it_has_a_key() {
    let send = async |key: Option<&str>| {
        let api = Mock::script([Reply::reset(), Reply::from(200)]);
        let mut service = layer(&api).layer(api.clone());
        let mut request = post(Full::new(Bytes::from("tea")));
        if let Some(key) = key {
            request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        }
        let sent = call(&mut service, request).await.map(|response| response.status());
        (sent, api.requests().len())
    };
    assert!(matches!(send(None).await, (Err(error), 1) if error.is_unrepeatable()));
    assert!(matches!(send(Some("k-1")).await, (Ok(status), 2) if status == 200));
}

#[tokio::test]
async fn an_answer_holds_its_place_and_keeps_what_was_looked_at() {
    let api = Mock::serve(|request| match request.path() {
        "/busy" => Reply::from(403).header("x-ratelimit-remaining", "7").body("one ").body("two"),
        _ => Reply::text("done"),
    });
    let layer = Layer::anywhere().mock(&api).concurrency(1).build().unwrap();
    let mut service = layer.layer(api.clone());
    let get = |path: &str| Request::get(format!("https://api.test{path}")).body(Empty::<Bytes>::new()).unwrap();
    let held = call(&mut service, get("/busy")).await.unwrap();
    assert_eq!(held.extensions().get::<Limits>().unwrap().tightest.as_ref().unwrap().remaining, Some(7));
    let mut next = Box::pin(call(&mut service, get("/")));
    for _ in 0..50 {
        assert!(poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await.is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(held.into_body().collect().await.unwrap().to_bytes(), "one two");
    assert_eq!(next.await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_settings_are_put_on_requests_to_the_base_and_go_after_their_own() {
    let api = Mock::serve(|_| Reply::from(200));
    let layer = Layer::builder("https://api.test/v1")
        .mock(&api)
        .bearer("t0ken")
        .header("accept", "text/plain")
        .query(&[("size", "9")])
        .build()
        .unwrap();
    let mut service = layer.layer(api.clone());
    let get = |uri: &str, fields: &[(&'static str, &str)]| {
        let mut request = Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
        for (name, value) in fields {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        request
    };
    call(
        &mut service,
        get("https://api.test/a%7Eb/../c?q=1", &[("accept", "text/html"), ("cookie", "a"), ("cookie", "b")]),
    )
    .await
    .unwrap();
    call(&mut service, get("https://elsewhere.test/a%7Eb/.", &[])).await.unwrap();
    call(&mut service, get("/v1/x", &[("host", "ignored.test"), ("authorization", "mine")])).await.unwrap();
    let requests = api.requests();
    assert_eq!(requests[0].header("authorization"), Some("Bearer t0ken"));
    assert_eq!(requests[0].header("accept"), Some("text/html"));
    assert_eq!(requests[0].headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a", "b"]);
    assert!(requests[0].url.ends_with("/c?q=1&size=9"), "{}", requests[0].url);
    assert_eq!((requests[1].header("authorization"), requests[1].header("accept")), (None, Some("text/plain")));
    assert_eq!((requests[2].header("authorization"), requests[2].path()), (Some("mine"), "/v1/x?size=9"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_a_slow_attempt_times_out() {
    let api = Mock::script([Reply::redirect("/there"), Reply::silence(), Reply::from(200)]);
    let layer = Layer::anywhere().mock(&api).timeout(Duration::from_secs(3)).build().unwrap();
    let mut service = layer.layer(api.clone());
    let get = || Request::get("https://api.test/").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(call(&mut service, get()).await.unwrap().status(), 302);
    let response = call(&mut service, get()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.extensions().get::<Account>().unwrap().attempts), (200, 2));
    assert!((3..5).contains(&api.clock().elapsed().as_secs()), "{:?}", api.clock().elapsed());
}

/// A service that sends again what is refused, as many do.
#[derive(Clone)]
struct Again(Mock);

impl tower_service::Service<Request<Full<Bytes>>> for Again {
    type Response = Response<MockBody>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Response<MockBody>, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let mut mock = self.0.clone();
        Box::pin(async move {
            let response = mock.call(request.clone()).await?;
            if response.status() == 200 { Ok(response) } else { mock.call(request).await }
        })
    }
}

#[async_trait::async_trait]
impl reqwest_middleware::Middleware for Again {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut http::Extensions,
        next: reqwest_middleware::Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        let again = request.try_clone().unwrap();
        let response = next.clone().run(request, extensions).await?;
        if response.status() == 200 { Ok(response) } else { next.run(again, extensions).await }
    }
}

#[tokio::test]
async fn something_beneath_that_repeats_is_seen_and_what_abide_repeats_is_not_taken_for_that() {
    let api = || Mock::serve(|request| Reply::from(if request.number == 1 { 500 } else { 200 }));
    let get = || Request::get("https://api.test/").body(Full::<Bytes>::default()).unwrap();

    let alone = api();
    let layer = Layer::anywhere().mock(&alone).build().unwrap().clone_bodies();
    call(&mut layer.layer(alone.clone()), get()).await.unwrap();
    assert!(alone.requests().len() == 2 && !layer.saw_repeats());

    let doubled = api();
    let layer = Layer::anywhere().mock(&doubled).build().unwrap().clone_bodies();
    let mut service: Service<_, _> = layer.layer(Again(doubled.clone()));
    let response = call(&mut service, get()).await.unwrap();
    assert_eq!((doubled.requests().len(), response.extensions().get::<Account>().unwrap().attempts), (2, 1));
    assert!(layer.saw_repeats());
    assert!(doubled.requests().iter().all(|request| request.headers.is_empty()), "nothing of it is sent");

    let (alone, doubled) = (api(), api());
    let limits = middleware::Middleware::anywhere().mock(&alone).build().unwrap();
    let client =
        reqwest_middleware::ClientBuilder::new(reqwest_client()).with(limits.clone()).with(alone.clone()).build();
    client.get("https://api.test/").send().await.unwrap();
    assert!(alone.requests().len() == 2 && !limits.saw_repeats());
    let limits = middleware::Middleware::anywhere().mock(&doubled).build().unwrap();
    let chain = reqwest_middleware::ClientBuilder::new(reqwest_client()).with(limits.clone());
    let client = chain.with(Again(doubled.clone())).with(doubled.clone()).build();
    client.get("https://api.test/").send().await.unwrap();
    assert!(doubled.requests().len() == 2 && limits.saw_repeats());
}

#[tokio::test]
async fn a_middleware_keeps_bodies_and_its_errors_can_be_asked() {
    let api = Mock::script([Reply::from(429).retry_after(1), Reply::text("done"), Reply::reset()]);
    let limits = middleware::Middleware::anywhere().mock(&api).build().unwrap();
    let client =
        reqwest_middleware::ClientBuilder::new(reqwest_client()).with(limits.clone()).with(api.clone()).build();
    let stream = reqwest::Body::wrap(parts(&["one ", "two"]));
    let response = client.post("https://api.test/orders").body(stream).send().await.unwrap();
    assert_eq!(response.url().as_str(), "https://api.test/orders");
    assert_eq!(response.extensions().get::<Account>().unwrap().attempts, 2);
    assert_eq!(response.text().await.unwrap(), "done");
    assert!(api.requests().iter().all(|request| request.body == "one two"));

    let error = client.post("https://api.test/orders").body("tea").send().await.unwrap_err();
    let reqwest_middleware::Error::Middleware(error) = error else { panic!("{error}") };
    assert!(error.downcast_ref::<abide::Error>().unwrap().is_unrepeatable(), "{error}");
    assert_eq!(limits.stats().requests, 3);
}
