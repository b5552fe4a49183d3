//! One story through every shape: the same decisions at the same moments.

use std::fmt;
use std::future::poll_fn;
use std::sync::Mutex;
use std::time::Duration;

use abide::testing::{Mock, Reply};
use abide::{ClientBuilder, Throttle, blocking, middleware, tower};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use tower_layer::Layer as _;
use tower_service::Service as _;

const CALLS: usize = 5;
const LIMITS: &str = "4/5s + 7/min";

/// Two refusals, one that may be load, a broken connection, and then all is well.
fn api() -> Mock {
    Mock::serve(|request| match request.number {
        1 => Reply::from(429).retry_after(2),
        2 => Reply::from(429).retry_after(3),
        3 => Reply::from(503).retry_after(4),
        4 => Reply::reset(),
        _ => Reply::text("done"),
    })
}

fn rules<C>(builder: ClientBuilder<C>, api: &Mock) -> ClientBuilder<C> {
    let backoff = abide::retry::fixed(Duration::from_secs(1));
    builder.mock(api).limit(LIMITS.parse().unwrap()).backoff(backoff).max_wait(Duration::from_secs(300))
}

/// What was decided, and when each request left.
fn told(api: &Mock) -> (String, Vec<Duration>) {
    (api.story().to_string(), api.requests().iter().map(|request| request.at).collect())
}

async fn client(api: &Mock) {
    let client = rules(abide::Client::builder("https://api.test"), api).build().unwrap();
    for _ in 0..CALLS {
        assert_eq!(client.get("/").send().await.unwrap().text().await.unwrap(), "done");
    }
}

fn threads(api: &Mock) {
    let client = rules(blocking::Client::builder("https://api.test"), api).build().unwrap();
    for _ in 0..CALLS {
        assert_eq!(client.get("/").send().unwrap().text().unwrap(), "done");
    }
}

async fn layer(api: &Mock) {
    let layer = rules(tower::Layer::builder("https://api.test"), api).build().unwrap();
    let mut service = layer.layer(api.clone());
    for _ in 0..CALLS {
        poll_fn(|cx| tower_service::Service::<Request<Full<Bytes>>>::poll_ready(&mut service, cx)).await.unwrap();
        let request = Request::get("https://api.test/").body(Full::<Bytes>::default()).unwrap();
        let response = service.call(request).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "done");
    }
}

async fn middlewares(api: &Mock) {
    let limits = rules(middleware::Middleware::builder("https://api.test"), api).build().unwrap();
    let client = reqwest_middleware::ClientBuilder::new(reqwest_client()).with(limits).with(api.clone()).build();
    for _ in 0..CALLS {
        assert_eq!(client.get("https://api.test/").send().await.unwrap().text().await.unwrap(), "done");
    }
}

/// It is never called; it only has to be there.
pub(crate) fn reqwest_client() -> reqwest::Client {
    abide::Client::anywhere().build().unwrap(); // installs what TLS needs
    reqwest::Client::new()
}

#[tokio::test]
async fn every_shape_decides_the_same() {
    let first = api();
    client(&first).await;
    let (story, left) = told(&first);
    for reason in ["server_wait", "backoff", "limit"] {
        let waited = |decision: &abide::abide_core::Decision| match decision {
            abide::abide_core::Decision::Wait { why, .. } => why.reason.label() == reason,
            _ => false,
        };
        assert!(first.story().decisions().iter().any(|decided| waited(&decided.decision)), "no {reason} in\n{story}");
    }
    assert_eq!(left.len(), CALLS + 4);

    let second = api();
    tokio::task::spawn_blocking({
        let second = second.clone();
        move || threads(&second)
    })
    .await
    .unwrap();
    assert_eq!(told(&second), (story.clone(), left.clone()), "threads");

    let third = api();
    layer(&third).await;
    assert_eq!(told(&third), (story.clone(), left.clone()), "tower");

    let fourth = api();
    middlewares(&fourth).await;
    assert_eq!(told(&fourth), (story, left), "reqwest-middleware");
}

/// What a function of one's own makes of an answer.
#[derive(Debug)]
struct Refused(Option<Duration>);

impl Refused {
    fn wait(&self) -> Option<Duration> {
        self.0
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused for {:?}", self.0)
    }
}

impl std::error::Error for Refused {}

#[abide::retry(attempts = 6, backoff = "fixed 1s", wait_from = Refused::wait, max_wait = "5min")]
async fn fetch(
    throttle: &Throttle,
    left: &Mutex<Vec<Duration>>,
    start: tokio::time::Instant,
) -> Result<&'static str, Refused> {
    let _permit = throttle.acquire().await;
    let number = {
        let mut left = left.lock().unwrap();
        left.push(start.elapsed());
        left.len()
    };
    match number {
        1 => Err(Refused(Some(Duration::from_secs(2)))),
        2 => Err(Refused(Some(Duration::from_secs(3)))),
        3 => Err(Refused(Some(Duration::from_secs(4)))),
        4 => Err(Refused(None)),
        _ => Ok("done"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_with_the_attribute_and_a_throttle_leaves_at_the_same_moments() {
    let api = api();
    client(&api).await;
    let (_, expected) = told(&api);
    let (throttle, left) = (Throttle::new(LIMITS.parse().unwrap()), Mutex::default());
    let start = tokio::time::Instant::now();
    for _ in 0..CALLS {
        assert_eq!(fetch(&throttle, &left, start).await.unwrap(), "done");
    }
    let left = left.into_inner().unwrap();
    assert_eq!(left.len(), expected.len());
    for (ours, theirs) in left.iter().zip(&expected) {
        // Timers of the runtime count whole milliseconds.
        assert!(ours.abs_diff(*theirs) <= Duration::from_millis(5), "{left:?}\n{expected:?}");
    }
}
