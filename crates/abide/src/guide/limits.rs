//! Limits: what is told, what is said, what is learned.
//!
//! Three sources say when an attempt may leave, and abide asks all three for every attempt, first or repeated:
//!
//! | source | example | how it is taken |
//! | --- | --- | --- |
//! | told by you | `.limit("50/5s".parse()?)` | exact: nothing leaves that would pass it |
//! | said by the server | `Retry-After`, `X-RateLimit-*`, `RateLimit` | believed, and it may tighten what was told |
//! | learned | 50 went through, and the 51st was refused | tested with one attempt, then kept to |
//!
//! So a limit that nobody told costs a few refusals once. Tell it where you know it.
//!
//! # How a limit is spelt
//!
//! | [`LimitSpec`](crate::LimitSpec) | holds |
//! | --- | --- |
//! | `50/5s` | at most 50 in any 5 seconds, which every kind of window accepts |
//! | `50/5s fixed`, `50/5s fixed-clock`, `1000/day at 00:00 UTC` | 50 a window that begins with its first request, on the clock, at midnight |
//! | `20/s burst 10` | a bucket: 20 a second, and 10 more at once |
//! | `even 20/s` | one each 50 ms |
//! | `concurrency 4` | 4 in flight, until their bodies have been read |
//! | `1000/min by cost` | counts [`Request::cost`](crate::Request::cost) |
//! | `5000/h + 10/s` | both: all are taken together or none is |
//!
//! The units are `ms`, `s`, `min`, `h` and `day`; a lone `m` is refused, since half of all people mean the other thing.
//!
//! ```
//! use abide::{Client, Pace};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("https://api.example.com")
//!     .limit("5000/h + 10/s".parse()?)
//!     .limit_for("uploads.example.com", "1/s".parse()?)
//!     .bucket("search", "30/min".parse()?) // counted apart, for requests with .bucket("search")
//!     .share_of("80%".parse()?) // a fifth is left to others with the same key
//!     .pace(Pace::Even) // spread over the window, not as soon as possible
//!     .build()?;
//! # drop(client);
//! # Ok(())
//! # }
//! ```
//!
//! Limits hold for a *key*: an origin (scheme, host, port) and a credential. Two credentials have two budgets, as they have at most
//! servers.
//!
//! # What is left
//!
//! ```no_run
//! # async fn example(client: abide::Client) -> abide::Result<()> {
//! let response = client.get("/items").send().await?;
//! for limit in &response.limits().all {
//!     println!("{limit}"); // 41 of 50 left (daily), resets in 1m00s
//! }
//! println!("{}", response.account()); // waited 2.0s for the limit 50/5s that was told; 1 attempt
//! # Ok(())
//! # }
//! ```
//!
//! # How long a call may wait
//!
//! [`max_wait`](crate::ClientBuilder::max_wait) is 60 s. A call that was told or said to wait longer ends at once, without sleeping
//! first, with an [`Error`](crate::Error) that knows when to come back:
//!
//! ```no_run
//! # async fn example(client: abide::Client) {
//! match client.get("/items").send().await {
//!     Ok(response) => println!("{}", response.status()),
//!     Err(error) if error.is_limited() => println!("come back at {:?}: {error}", error.retry_at()),
//!     Err(error) => println!("{error}"),
//! }
//! # }
//! ```
//!
//! Standing in a queue that moves does not count. [`wait_for_ever`](crate::ClientBuilder::wait_for_ever) has no bound, and
//! [`deadline`](crate::ClientBuilder::deadline) bounds a call with all its waits and attempts.
//!
//! # Limits for anything else
//!
//! [`Throttle`](crate::Throttle) takes the same spellings for what is not HTTP, in tasks and in threads, in the order of arrival.
