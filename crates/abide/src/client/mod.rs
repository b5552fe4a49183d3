//! Calls of an HTTP API, whatever sends them: what they ask for, the rules they go by, and the loop that does what the engine decides.

#![cfg_attr(
    not(any(feature = "client", feature = "blocking")),
    allow(dead_code, reason = "a layer asks less of a call than a client does")
)]

mod answered;
#[cfg(feature = "client")]
mod api;
mod builder;
mod credential;
#[cfg(any(feature = "client", feature = "blocking"))]
mod download;
pub(crate) mod exchange;
mod flight;
pub(crate) mod ground;
mod oauth;
#[cfg(any(feature = "client", feature = "blocking"))]
mod pages;
pub(crate) mod parts;
#[cfg(feature = "client")]
mod quick;
mod race;
mod request;
#[cfg(any(feature = "client", feature = "blocking"))]
mod response;
mod rules;
pub(crate) mod transport;
pub(crate) mod upload;

#[cfg(feature = "_bodies")]
pub(crate) use answered::Answered;
pub use answered::Whole;
#[cfg(feature = "client")]
pub use api::Client;
pub use builder::ClientBuilder;
#[cfg(any(feature = "client", feature = "blocking"))]
pub use download::Download;
#[cfg(feature = "metrics")]
pub(crate) use flight::Outcome;
pub use oauth::OAuth2;
#[cfg(any(feature = "client", feature = "blocking"))]
pub use pages::Page;
#[cfg(feature = "client")]
pub use pages::{ItemStream, PageStream};
#[cfg(feature = "blocking")]
pub(crate) use pages::{PageItems, parse_path, walk::Walker};
#[cfg(feature = "client")]
pub use quick::get;
pub use request::Request;
#[cfg(feature = "client")]
pub use response::BodyStream;
#[cfg(any(feature = "client", feature = "blocking"))]
pub use response::Response;

/// What requests and builders are for unless it is said: the async client, where there is one.
#[cfg(feature = "client")]
type Usual = Client;
#[cfg(not(feature = "client"))]
type Usual = ();
