//! A layer around any HTTP service (feature `tower`): what passes it waits for every limit and is sent again where that is safe.
//!
//! ```
//! use abide::tower::Layer;
//! use tower_layer::Layer as _;
//!
//! # fn example<S>(http_client: S) -> Result<(), Box<dyn std::error::Error>> {
//! let layer = Layer::builder("https://api.example.com").limit("50/5s".parse()?).retries(3).build()?;
//! let service = layer.layer(http_client); // any Service<http::Request<B>, Response = http::Response<R>> that can be cloned
//! println!("{}", layer.stats());
//! # Ok(())
//! # }
//! ```
//!
//! It has the settings of [`ClientBuilder`], as far as they do not concern connections, and the loop of the client, but for redirects:
//! they are answers like others here, for what stands above or beneath to follow. What is put on requests by the settings (fields, a
//! bearer token, an API key) goes to the base's origin alone; a request's own fields go before it.
//!
//! **Waiting** is done inside of `call`; `poll_ready` is that of the service beneath. A call's future that is dropped before it was sent
//! leaves no trace. The place in flight is held until the body of the answer ends or is dropped. How the call went is in the answer's
//! extensions: an [`Account`](crate::Account) and [`Limits`](crate::Limits).
//!
//! **Bodies** of requests are kept while they are sent, up to 64 KiB ([`Layer::replay_up_to`]): a request whose body is no longer can
//! be sent again as any other, and what is longer is sent once, which the error says. So the service beneath is given a
//! [`RequestBody`]. With [`Layer::clone_bodies`] it is given the body that came, a clone for each attempt.
//!
//! **Which API** a request is for is what its URI names, or else the base of the settings, or the field `Host`; all that name none
//! share one budget.
//!
//! **Errors** of the service beneath count as a break after sending, unless the error or one of its sources shows that there was no
//! connection; [`Layer::failures`] teaches it others.
//!
//! **Nothing beneath may repeat requests by itself:** what it repeats passes no limit and waits for no pause. No shell can see that from
//! above, since one answer comes for one request. A [`Witness`] at the bottom of the stack sees it, and warns once through `tracing`;
//! a [`Mock`](crate::testing::Mock) does too.

mod layer;
mod replay;
mod service;
mod witness;

pub use layer::Layer;
pub use replay::{Buffered, Cloned, Replay};
pub use service::Service;
pub use witness::{Witness, Witnessing};

pub use crate::ClientBuilder;
pub use crate::body::{RequestBody, ResponseBody};
