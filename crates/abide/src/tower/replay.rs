//! How the body of a request is kept, so that it can be sent again.

use std::sync::{Mutex, PoisonError};

use http_body::Body;

use crate::body::{Kept, RequestBody};
use crate::client::exchange;
use crate::client::transport::{BoxError, Payload};
use crate::client::upload::KEPT;

/// How a layer keeps bodies of the kind `B`: [`Buffered`] or [`Cloned`].
pub trait Replay<B>: sealed::Keeps<B> {}

impl<B, K: sealed::Keeps<B>> Replay<B> for K {}

/// Keeps the beginning of each body, up to a bound, while it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Buffered(pub(super) usize);

impl Default for Buffered {
    fn default() -> Self {
        Self(KEPT)
    }
}

/// Keeps the body that came, and sends clones of it.
#[derive(Clone, Copy, Debug)]
pub struct Cloned;

/// What the call is told of its body.
pub struct Plan(pub(crate) exchange::Body);

/// What the call sends as body.
pub struct Load(pub(crate) Payload);

mod sealed {
    use super::{Load, Plan};

    pub trait Keeps<B>: Clone + Send + Sync + 'static {
        /// What the service beneath is given.
        type Sent: Send + 'static;
        type Kept: Send + Sync + 'static;

        fn keep(&self, body: B) -> (Self::Kept, Plan);
        fn send(kept: &Self::Kept, load: Load) -> Self::Sent;
    }
}

impl<B> sealed::Keeps<B> for Buffered
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Sent = RequestBody;
    type Kept = Kept;

    fn keep(&self, body: B) -> (Kept, Plan) {
        let (kept, body) = Kept::new(body, self.0);
        (kept, Plan(body))
    }

    fn send(kept: &Kept, load: Load) -> RequestBody {
        kept.send(load.0)
    }
}

impl<B: Clone + Send + 'static> sealed::Keeps<B> for Cloned {
    type Sent = B;
    type Kept = Mutex<B>;

    fn keep(&self, body: B) -> (Mutex<B>, Plan) {
        (Mutex::new(body), Plan(exchange::Body::Empty))
    }

    fn send(kept: &Mutex<B>, _: Load) -> B {
        kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
