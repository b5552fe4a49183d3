//! Call rate-limited HTTP APIs as fast as the API allows, and lose nothing.
//!
//! ```no_run
//! # async fn example(token: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let github = abide::Client::builder("https://api.github.com").limit("5000/h".parse()?).bearer(token).build()?;
//! let issues: Vec<serde_json::Value> = github.get("/repos/rust-lang/rust/issues").send().await?.json().await?;
//! println!("{}", github.stats());
//! # Ok(())
//! # }
//! ```
//!
//! Every attempt, first or repeated, passes one gate a key (an origin and a credential). The gate knows the limits that you told,
//! what the server said, and what went wrong, and it decides when the attempt may leave. [`abide_core`] holds these decisions;
//! this crate holds the clocks and sockets.
//!
//! # What you want, what to write
//!
//! | you want | write |
//! | --- | --- |
//! | one call that survives a 429 | [`abide::get(url).await?`](get()) |
//! | a client that keeps to a limit | `Client::builder(base).limit("50/5s".parse()?).build()?` ([`guide::limits`]) |
//! | to know what is left | [`response.limits()`](Response::limits) |
//! | other rules on retries | `.retries(3).backoff(exponential(secs(1)))`, [`busy`](ClientBuilder::busy), [`fault`](ClientBuilder::fault) ([`guide::retries`]) |
//! | a POST that is made once | `.post(path).idempotency_key(key)` |
//! | a token that is renewed by itself | [`.oauth2(OAuth2::client_credentials(..))`](OAuth2) |
//! | all pages, or all items | `.get(path).pages(Pages::Auto).items::<T>()` ([`guide::pages`]) |
//! | a large file, whatever breaks | [`.get(path).download()`](Request::download) |
//! | rules for a part of an API | [`.mount("/search", \|rules\| rules.limit(..))`](ClientBuilder::mount) |
//! | one budget for several programs, and for the next run | [`.memory(Memory::at(folder))`](ClientBuilder::memory) ([`guide::sharing`]) |
//! | any operation tried again | [`Retry::new().attempts(5).run(\|\| ..)`](Retry), or [`#[abide::retry]`](macro@retry) |
//! | anything kept to a rate | [`Throttle::new("20/s burst 10".parse()?)`](Throttle) |
//! | calls from threads, without a runtime | `blocking::Client::builder(base)`: the same settings (feature `blocking`) |
//! | limits around a tower stack, or a chain of reqwest-middleware | `tower::Layer`, `middleware::Middleware` (features) |
//! | tests that neither wait nor reach the network | [`Client::builder(base).mock(&api)`](ClientBuilder::mock) ([`guide::testing`]) |
//! | to see what happens | [`client.stats()`](Client::stats), `tracing`, feature `metrics` ([below](#what-is-shown)) |
//! | something else | [`guide::elsewhere`] |
//!
//! # What is shown
//!
//! [`Client::stats`] is plain data, a line with `{}` and a table with `{:#}`. [`Client::waiting`] is what is waited for now.
//!
//! Each attempt is a `tracing` span `attempt` at the level `info`, with the fields that
//! [OpenTelemetry](https://opentelemetry.io/docs/specs/semconv/http/http-spans/) names for HTTP clients (`http.request.method`,
//! `server.address`, `server.port`, `url.full` without secrets, `http.request.resend_count`, `http.response.status_code`, `error.type`),
//! with `abide.waits`, what the attempt waited for and how long, and `abide.outcome`, what became of it. What is decided about a call
//! is an event at `debug`. Without a subscriber nothing of this is formatted. The feature `metrics` counts ([`metrics`]).
//!
//! # Features
//!
//! | feature | what it brings | without it |
//! | --- | --- | --- |
//! | `client` (default) | [`Client`], over reqwest and rustls; needs `tokio` | [`Retry`] and [`Throttle`] alone |
//! | `blocking` | `blocking`: the client for threads, over ureq; neither Tokio nor reqwest | the async client |
//! | `tower` | `tower`: a layer around any HTTP service; needs `tokio` | [`Client`] alone |
//! | `reqwest-middleware` | `middleware`: a middleware of that crate; needs `client` | [`Client`] alone |
//! | `tokio` (with `client`) | [`Retry::run`] and [`Throttle::acquire`], on Tokio's clock | the blocking halves, without a runtime |
//! | `metrics` | [`metrics`]: counters, gauges and histograms of attempts, waits and limits, for any recorder of that facade | none |
//! | `testing` | [`testing`]: scripted replies, virtual time, every decision to assert on | tests against a socket |
//! | `sim` (with `testing`) | `testing::Mock::simulate`: servers with true limits | scripts and closures |
//! | `macros` (default) | the attribute [`#[abide::retry]`](macro@retry) | [`Retry`] as a value |

#[cfg(feature = "_bodies")]
mod beneath;
#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "_bodies")]
mod body;
#[cfg(feature = "_calls")]
mod client;
#[cfg(feature = "_calls")]
mod clock;
#[cfg(feature = "_calls")]
mod error;
#[cfg(any(doc, doctest))]
pub mod guide;
#[cfg(feature = "_calls")]
mod handle;
#[cfg(feature = "_calls")]
mod limits;
#[cfg(feature = "_calls")]
mod memory;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "reqwest-middleware")]
pub mod middleware;
pub mod retry;
mod stopwatch;
#[cfg(feature = "_calls")]
mod target;
#[cfg(feature = "testing")]
pub mod testing;
pub mod throttle;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "_calls")]
mod turns;
#[cfg(feature = "_bodies")]
mod witness;

pub use abide_core;
pub use abide_core::Stats;
pub use abide_core::call::Account;
pub use abide_core::page::Pages;
pub use abide_core::policy::{LimitSpec, LimitSpecs, Pace, Share};
#[cfg(feature = "client")]
pub use client::{BodyStream, Client, ItemStream, PageStream, get};
#[cfg(feature = "_calls")]
pub use client::{ClientBuilder, OAuth2, Request, Whole};
#[cfg(any(feature = "client", feature = "blocking"))]
pub use client::{Download, Page, Response};
#[cfg(feature = "_calls")]
pub use error::{Error, Result};
#[cfg(feature = "_calls")]
pub use handle::Waiting;
#[cfg(feature = "_calls")]
pub use limits::{Limit, Limits};
#[cfg(feature = "_calls")]
pub use memory::{Memory, Remembered};
pub use retry::{Retry, RetryError};
#[cfg(feature = "_calls")]
pub use target::{redacted, set_in_query};
pub use throttle::Throttle;

/// The README's code compiles.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// And so does that of the guides.
#[cfg(all(doctest, feature = "client", feature = "macros"))]
mod guides {
    #[doc = include_str!("../../../docs/from-python.md")]
    struct FromPython;
    #[doc = include_str!("../../../docs/from-rust.md")]
    struct FromRust;
}

/// Tries a function or a method again, sync or async, until it succeeds or is given up: [`Retry`] as an attribute.
///
/// The function returns a `Result`, and goes on doing so: the last attempt's outcome comes out as it is. Each attempt but the last has
/// a clone of each argument; the last one has the arguments themselves. `self` is borrowed by each attempt.
///
/// | option | meaning |
/// | --- | --- |
/// | `attempts = 5` | [`Retry::attempts`] |
/// | `elapsed = "45s"` | [`Retry::stop_before`] |
/// | `backoff = "exponential 1s max 30s full jitter"` | [`Retry::backoff`]; also `fixed 1s`, `random 1s 5s`, `linear 1s step 2s`, with `min`, `max`, `factor` and `full`, `equal` or `decorrelated jitter`; or an expression |
/// | `when = is_transient` | [`Retry::when`] |
/// | `wait_from = Error::retry_after` | [`Retry::wait_from`] |
/// | `max_wait = "5min"` | [`Retry::max_wait`] |
/// | `on_wait = note` | [`Retry::on_wait`] |
/// | `on_give_up = note` | [`Retry::on_give_up`] |
///
/// A duration is a number with a unit (`500ms`, `1.5s`, `2min`, `1h`), or an expression.
///
/// ```
/// use std::io;
///
/// fn is_transient(error: &io::Error) -> bool {
///     error.kind() == io::ErrorKind::ConnectionReset
/// }
///
/// #[abide::retry(attempts = 5, backoff = "exponential 100ms max 2s full jitter", when = is_transient)]
/// fn read(path: &str) -> io::Result<String> {
///     std::fs::read_to_string(path)
/// }
///
/// assert!(read("/no/such/file").is_err());
/// ```
///
/// An argument that can't be cloned is named by the compiler:
///
/// ```compile_fail
/// struct Token; // not Clone: "`#[abide::retry]` clones the argument `token`, and `Token` is not `Clone`"
///
/// #[abide::retry(attempts = 5)]
/// fn send(token: Token) -> Result<(), String> {
///     Ok(drop(token))
/// }
/// ```
#[cfg(feature = "macros")]
#[doc(inline)]
pub use abide_macros::retry;
