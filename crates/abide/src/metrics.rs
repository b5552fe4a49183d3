//! What is counted of attempts, through the facade of the crate [`metrics`] (feature `metrics`): install any of its recorders.
//!
//! | name | what | unit | labels |
//! | --- | --- | --- | --- |
//! | `http.client.request.duration` | histogram: an attempt, from its start to the head of its answer or its failure | seconds | `http.request.method`, `server.address`, `server.port`, and `http.response.status_code` or `error.type` |
//! | `abide.attempts` | counter: attempts that have ended | attempts | `server.address`, `outcome` |
//! | `abide.wait.duration` | histogram: what an attempt waited for one reason before it left; its count is the waits, its sum the time waited | seconds | `server.address`, `reason` |
//! | `abide.in_flight` | gauge: attempts under way, until their answers have been read or dropped | attempts | `server.address` |
//! | `abide.queue` | gauge: calls whose next attempt waits to leave | calls | `server.address` |
//! | `abide.limit.size` | gauge: how many a window allows, as the server said it last | requests | `server.address`, `quota` |
//! | `abide.limit.remaining` | gauge: how many were left of that | requests | `server.address`, `quota` |
//!
//! The first has the name and the labels of
//! [OpenTelemetry's conventions](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/). `reason` is one of
//! [`Reason::label`](abide_core::decision::Reason::label): `limit`, `quota`, `server_wait`, `learned`, `probe`, `concurrency`,
//! `hold`, `backoff`. `quota` is the name that the server gave it, and empty where it gave none.
//!
//! | `outcome` | what became of the attempt |
//! | --- | --- |
//! | `answered` | its answer was handed over, and is the server's last word, whatever its status |
//! | `refused` | the server refused it because of a limit |
//! | `fault` | its answer was a fault that may be tried again |
//! | `failed` | no answer came, or not the whole of it; `error.type` says how |
//! | `redirected` | its answer led elsewhere, and was followed |
//! | `unauthorized` | its credential was not accepted, and another is fetched |
//! | `dropped` | nobody waited for it any more: its call was dropped, or another attempt came first |
//!
//! Without the feature nothing of this is compiled. With it, and no recorder, an attempt costs a few lookups of none.

use std::sync::Arc;
use std::time::Duration;

use abide_core::decision::Reason;
use abide_core::time::Instant;
use http::{Method, StatusCode};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use url::Url;

use crate::Limits;
use crate::client::Outcome;
use crate::handle::Handle;

const DURATION: &str = "http.client.request.duration";
const ATTEMPTS: &str = "abide.attempts";
const WAIT: &str = "abide.wait.duration";
const IN_FLIGHT: &str = "abide.in_flight";
const QUEUE: &str = "abide.queue";
const LIMIT_SIZE: &str = "abide.limit.size";
const LIMIT_REMAINING: &str = "abide.limit.remaining";

/// Tells the recorder that is installed what each metric is and its unit, for exporters that show that.
///
/// ```
/// // after a recorder was installed:
/// abide::metrics::describe();
/// ```
pub fn describe() {
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "An attempt, from its start to the head of its answer or its failure."
    );
    describe_counter!(ATTEMPTS, Unit::Count, "Attempts that have ended.");
    describe_histogram!(WAIT, Unit::Seconds, "What an attempt waited for one reason before it left.");
    describe_gauge!(IN_FLIGHT, Unit::Count, "Attempts under way.");
    describe_gauge!(QUEUE, Unit::Count, "Calls whose next attempt waits to leave.");
    describe_gauge!(LIMIT_SIZE, Unit::Count, "How many a window allows, as the server said it last.");
    describe_gauge!(LIMIT_REMAINING, Unit::Count, "How many the server said were left.");
}

/// What is counted of one attempt.
#[derive(Debug)]
pub(crate) struct Meter {
    handle: Handle,
    method: Method,
    host: Arc<str>,
    port: Option<u16>,
    began: Instant,
}

impl Meter {
    pub(crate) fn begin(method: &Method, url: &Url, waits: &[(Reason, Duration)], handle: Handle) -> Self {
        let host = host(url);
        for (reason, time) in waits {
            histogram!(WAIT, "server.address" => Arc::clone(&host), "reason" => reason.label()).record(*time);
        }
        gauge!(IN_FLIGHT, "server.address" => Arc::clone(&host)).increment(1.0);
        let (method, port, began) = (method.clone(), url.port_or_known_default(), handle.now().mono);
        Self { handle, method, host, port, began }
    }

    pub(crate) fn on_head(&self, status: StatusCode) {
        self.took("http.response.status_code", status.as_str().to_owned());
    }

    pub(crate) fn on_failure(&self, kind: &'static str) {
        self.took("error.type", kind.to_owned());
    }

    fn took(&self, label: &'static str, value: String) {
        let took = self.handle.now().mono.since(self.began);
        histogram!(
            DURATION,
            "http.request.method" => self.method.as_str().to_owned(),
            "server.address" => Arc::clone(&self.host),
            "server.port" => self.port.map_or_else(String::new, |port| port.to_string()),
            label => value,
        )
        .record(took);
    }

    pub(crate) fn on_limits(&self, limits: &Limits) {
        for limit in &limits.all {
            let quota: Arc<str> = limit.name.as_deref().unwrap_or_default().into();
            for (name, value) in [(LIMIT_SIZE, limit.limit), (LIMIT_REMAINING, limit.remaining)] {
                if let Some(value) = value {
                    gauge!(name, "server.address" => Arc::clone(&self.host), "quota" => Arc::clone(&quota))
                        .set(value as f64);
                }
            }
        }
    }

    pub(crate) fn end(&self, outcome: Outcome) {
        gauge!(IN_FLIGHT, "server.address" => Arc::clone(&self.host)).decrement(1.0);
        counter!(ATTEMPTS, "server.address" => Arc::clone(&self.host), "outcome" => outcome.label()).increment(1);
    }
}

/// A call whose next attempt waits to leave.
#[derive(Debug)]
pub(crate) struct Queued(Arc<str>);

impl Queued {
    pub(crate) fn new(url: &Url) -> Self {
        let host = host(url);
        gauge!(QUEUE, "server.address" => Arc::clone(&host)).increment(1.0);
        Self(host)
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        gauge!(QUEUE, "server.address" => Arc::clone(&self.0)).decrement(1.0);
    }
}

fn host(url: &Url) -> Arc<str> {
    url.host_str().unwrap_or_default().into()
}
