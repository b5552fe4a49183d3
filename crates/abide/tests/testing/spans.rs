//! Each attempt as a span, with the fields that OpenTelemetry names and the reasons of its waits.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Once;

use abide::Client;
use abide::testing::{Mock, Reply};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

type Fields = BTreeMap<&'static str, String>;

thread_local! {
    /// The number and the fields of each span of this crate, in the order in which they were opened.
    static SPANS: RefCell<Vec<(u64, Fields)>> = const { RefCell::new(Vec::new()) };
}

/// One for all threads, each of which sees its own: of several subscribers, one that comes late may not be asked.
struct Spans;

struct Writer<'a>(&'a mut Fields);

impl Visit for Writer<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if attributes.metadata().target().starts_with("abide") {
            let mut fields = Fields::from([("name", attributes.metadata().name().to_owned())]);
            attributes.record(&mut Writer(&mut fields));
            SPANS.with_borrow_mut(|spans| spans.push((id.into_u64(), fields)));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        // Numbers of closed spans are given out again: the last one is meant.
        SPANS.with_borrow_mut(|spans| {
            if let Some((_, fields)) = spans.iter_mut().rev().find(|(known, _)| *known == id.into_u64()) {
                values.record(&mut Writer(fields));
            }
        });
    }
}

/// The spans of what is done.
fn spans(act: impl AsyncFnOnce()) -> Vec<Fields> {
    static SUBSCRIBED: Once = Once::new();
    SUBSCRIBED.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(LevelFilter::INFO).with(Spans);
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
    SPANS.take();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(act());
    SPANS.take().into_iter().map(|(_, fields)| fields).collect()
}

fn fields<const N: usize>(pairs: [(&'static str, &str); N]) -> Fields {
    pairs.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

#[test]
fn each_attempt_is_a_span_that_says_what_it_waited_for_and_what_became_of_it() {
    let spans = spans(async || {
        let api = Mock::script([Reply::from(429).retry_after(2), Reply::reset(), Reply::from(200)]);
        let client =
            Client::builder("https://api.test:8443/v1").api_key_query("key", "s3cret").mock(&api).build().unwrap();
        let response = client.get("/items?page=2").send().await.unwrap();
        assert_eq!(response.attempts(), 3);
    });
    let common = fields([
        ("name", "attempt"),
        ("otel.name", "GET"),
        ("otel.kind", "client"),
        ("http.request.method", "GET"),
        ("server.address", "api.test"),
        ("server.port", "8443"),
        ("url.full", "https://api.test:8443/v1/items?page=2"),
        ("abide.call", "1"),
    ]);
    let with = |own: Fields| common.clone().into_iter().chain(own).collect::<Fields>();
    let mut backoff = spans[2].clone();
    let waited = backoff.remove("abide.waits").unwrap();
    assert!(waited.ends_with(" for the backoff after a fault"), "{waited}");
    assert_eq!(
        spans[..2],
        [
            with(fields([
                ("http.response.status_code", "429"),
                ("error.type", "429"),
                ("otel.status_code", "ERROR"),
                ("abide.outcome", "refused"),
            ])),
            with(fields([
                ("http.request.resend_count", "1"),
                ("error.type", "reset"),
                ("otel.status_code", "ERROR"),
                ("abide.waits", "2.0s for the pause that call 1 was told"),
                ("abide.outcome", "failed"),
            ])),
        ]
    );
    assert_eq!(
        backoff,
        with(fields([
            ("http.request.resend_count", "2"),
            ("http.response.status_code", "200"),
            ("abide.outcome", "answered"),
        ]))
    );
}

#[test]
fn no_span_holds_a_secret() {
    let spans = spans(async || {
        let api = Mock::script([Reply::from(302).header("location", "/b?page=1"), Reply::from(200)]);
        let client = Client::builder("https://ann:pa55@api.test").api_key_query("key", "s3cret").bearer("t0ken");
        client.mock(&api).build().unwrap().get("/a").send().await.unwrap();
    });
    assert_eq!(
        spans.iter().map(|span| span["url.full"].as_str()).collect::<Vec<_>>(),
        ["https://api.test/a", "https://api.test/b?page=1"]
    );
    assert_eq!(spans[0]["abide.outcome"], "redirected");
    let shown = format!("{spans:?}");
    assert!(["pa55", "s3cret", "t0ken"].iter().all(|secret| !shown.contains(secret)), "{shown}");
}
