//! What is counted, as a recorder in memory has it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use abide::Client;
use abide::testing::{Mock, Reply};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

/// Each metric, by its name with its labels, with its values: of a counter and a gauge all that it ever was.
#[derive(Clone, Default)]
struct Memory {
    values: Arc<Mutex<BTreeMap<String, Vec<f64>>>>,
    described: Arc<Mutex<Vec<String>>>,
}

struct Metric(String, Memory);

impl Memory {
    fn metric(&self, key: &Key) -> Arc<Metric> {
        let mut labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        labels.sort();
        Arc::new(Metric(format!("{}{{{}}}", key.name(), labels.join(",")), self.clone()))
    }

    fn of(&self, name: &str) -> Vec<f64> {
        self.values.lock().unwrap().get(name).cloned().unwrap_or_default()
    }

    fn last(&self, name: &str) -> Option<f64> {
        self.of(name).last().copied()
    }

    fn describe(&self, name: &KeyName) {
        self.described.lock().unwrap().push(name.as_str().to_owned());
    }
}

impl Metric {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut values = self.1.values.lock().unwrap();
        let values = values.entry(self.0.clone()).or_default();
        let next = change(values.last().copied().unwrap_or_default());
        values.push(next);
    }
}

impl CounterFn for Metric {
    fn increment(&self, value: u64) {
        self.change(|old| old + value as f64);
    }

    fn absolute(&self, value: u64) {
        self.change(|_| value as f64);
    }
}

impl GaugeFn for Metric {
    fn increment(&self, value: f64) {
        self.change(|old| old + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|old| old - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

impl HistogramFn for Metric {
    fn record(&self, value: f64) {
        self.change(|_| value);
    }
}

impl Recorder for Memory {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&key);
    }

    fn describe_gauge(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&key);
    }

    fn describe_histogram(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&key);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.metric(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.metric(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.metric(key))
    }
}

/// What is recorded of what is done.
fn recorded(act: impl AsyncFnOnce()) -> Memory {
    let memory = Memory::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    metrics::with_local_recorder(&memory, || runtime.block_on(act()));
    memory
}

#[test]
fn attempts_are_counted_by_what_became_of_them_and_waits_by_their_reason() {
    let memory = recorded(async || {
        let quota = Reply::from(200).header("ratelimit-limit", "50").header("ratelimit-remaining", "41");
        let api =
            Mock::script([Reply::from(429).retry_after(2), Reply::reset(), quota.header("ratelimit-reset", "60")]);
        let client = Client::builder("https://api.test").mock(&api).build().unwrap();
        client.get("/a").send().await.unwrap().bytes().await.unwrap();
    });
    for outcome in ["refused", "failed", "answered"] {
        assert_eq!(
            memory.of(&format!("abide.attempts{{outcome={outcome},server.address=api.test}}")),
            [1.0],
            "{outcome}"
        );
    }
    assert_eq!(memory.of("abide.wait.duration{reason=server_wait,server.address=api.test}"), [2.0]);
    assert_eq!(memory.of("abide.wait.duration{reason=backoff,server.address=api.test}").len(), 1);
    assert_eq!(memory.of("abide.in_flight{server.address=api.test}"), [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    assert_eq!(memory.of("abide.queue{server.address=api.test}"), [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    assert_eq!(memory.last("abide.limit.size{quota=,server.address=api.test}"), Some(50.0));
    assert_eq!(memory.last("abide.limit.remaining{quota=,server.address=api.test}"), Some(41.0));
    let took = |last: &str| format!("http.client.request.duration{{{last}}}");
    for labels in [
        "http.request.method=GET,http.response.status_code=200,server.address=api.test,server.port=443",
        "http.request.method=GET,http.response.status_code=429,server.address=api.test,server.port=443",
        "error.type=reset,http.request.method=GET,server.address=api.test,server.port=443",
    ] {
        assert_eq!(memory.of(&took(labels)).len(), 1, "{labels}");
    }
}

#[test]
fn what_is_dropped_leaves_no_gauge_behind() {
    let memory = recorded(async || {
        let api = Mock::script([Reply::silence(), Reply::from(200)]);
        let client = Client::builder("https://api.test").concurrency(1).mock(&api).build().unwrap();
        let mut first = Box::pin(client.get("/a").send());
        let mut second = Box::pin(client.get("/b").send());
        for call in [&mut first, &mut second] {
            let once = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_pending()));
            assert!(once.await, "neither is answered yet");
        }
        drop((first, second));
    });
    assert_eq!(memory.of("abide.in_flight{server.address=api.test}"), [1.0, 0.0]);
    assert_eq!(memory.of("abide.queue{server.address=api.test}"), [1.0, 0.0, 1.0, 0.0]);
    assert_eq!(memory.of("abide.attempts{outcome=dropped,server.address=api.test}"), [1.0]);
}

/// The table in the documentation is what users build on.
#[test]
fn every_metric_stands_in_the_table_and_is_described() {
    let source = include_str!("../../src/metrics.rs");
    let rows = source.lines().filter_map(|line| line.strip_prefix("//! | `")?.split_once('`'));
    let mut listed: Vec<&str> = rows.map(|(name, _)| name).filter(|name| name.contains('.')).collect();
    let memory = Memory::default();
    metrics::with_local_recorder(&memory, abide::metrics::describe);
    let mut described = memory.described.lock().unwrap().clone();
    listed.sort_unstable();
    described.sort_unstable();
    assert_eq!(described, listed);
    let names = source.lines().filter_map(|line| line.strip_prefix("const ")?.split('"').nth(1));
    assert!(names.clone().count() == listed.len() && names.clone().all(|name| listed.contains(&name)));
}
