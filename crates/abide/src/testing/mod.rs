//! Tests without a network: a scripted or simulated API, virtual time, and every decision to assert on (feature `testing`).
//!
//! ```
//! use abide::Client;
//! use abide::testing::Mock;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> abide::Result<()> {
//! let api = Mock::script([429, 429, 200]);
//! let client = Client::builder("https://api.example.com").mock(&api).build()?;
//! assert_eq!(client.get("/").send().await?.attempts(), 3);
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "_bodies")]
mod beneath;
mod cassette;
mod clock;
mod mock;
mod recorder;
mod reply;
#[cfg(feature = "sim")]
mod simulated;
mod story;

#[cfg(feature = "_bodies")]
pub use beneath::MockBody;
#[cfg(feature = "blocking")]
pub use clock::Hold;
pub use clock::VirtualClock;
pub use mock::{Mock, Received};
pub(crate) use recorder::Recorder;
pub use reply::Reply;
pub use story::{Decided, Story};
