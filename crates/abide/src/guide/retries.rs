//! Retries: what is sent again, when, and what never is.
//!
//! # Calls of a client
//!
//! A refusal is not a failed try. A 429 moves the gate for all calls of its key; one attempt goes first when the wait is over, then a
//! few, then all. Nobody's tries are used up by that, so a call is lost only by bounds that you set.
//!
//! | what came | what follows |
//! | --- | --- |
//! | 429, or a 503 that says when to come back | waits as long as was asked for, never less; no try is used up |
//! | a bare 503 | a refusal, until a trial at half the pace shows that it is a fault |
//! | 5xx, a timeout, a broken connection | again after a backoff, 5 times: 0.5 s doubling to 30 s, with full jitter |
//! | another 4xx | handed over: asking again would not change it |
//! | a certificate that is not accepted | an error at once |
//!
//! Only what is safe is sent again: GET, HEAD, OPTIONS, PUT and DELETE (RFC 9110 section 9.2.2), and any method with an
//! `Idempotency-Key`, after nothing was sent, or after an answer that says that the server did not act. A POST that may have
//! reached the server is not sent twice.
//!
//! ```no_run
//! use std::time::Duration;
//! use abide::Client;
//! use abide::retry::exponential;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("https://api.example.com")
//!     .retries(3)
//!     .backoff(exponential(Duration::from_secs(1)).max(Duration::from_secs(60)).full_jitter())
//!     .idempotency_keys() // each POST and PATCH gets a key of its own, and may be repeated
//!     .build()?;
//! client.post("/orders").json(&["tea"]).send().await?;
//! client.get("/probe").once().send().await?; // whatever comes of it
//! # Ok(())
//! # }
//! ```
//!
//! Retries are paid for from a budget that all calls of a key share, so a server in trouble sees its usual load and a little more.
//! When it is empty, calls are held and one probes.
//!
//! Most of this can be decided by hand: [`busy`](crate::ClientBuilder::busy) and [`fault`](crate::ClientBuilder::fault) say what a
//! status means, [`idempotent`](crate::Request::idempotent) that a request does nothing twice.
//!
//! # Anything else
//!
//! [`Retry`](crate::Retry) tries any operation again, async or not. Conditions combine by `|`, `&` and `!`, look at errors or at
//! results, and an error may say how long to wait:
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//! use abide::retry::{Retry, error_is, exponential, value};
//!
//! # fn poll_job() -> io::Result<&'static str> { Ok("done") }
//! let retry = Retry::new()
//!     .attempts(5)
//!     .backoff(exponential(Duration::from_millis(100)).full_jitter())
//!     .when(error_is::<io::Error>() | value(|state: &&str| *state == "pending"));
//! assert_eq!(retry.run_blocking(poll_job).unwrap(), "done");
//! ```
//!
//! The attribute [`#[abide::retry]`](macro@crate::retry) is the same around a function.
