//! A layer for the bottom of a stack, which sees whether something between abide and it repeats requests.

use std::task::{Context, Poll};

use http::Request;

use crate::witness::Asked;

/// Stands beneath all that may repeat requests by itself, and warns once through `tracing` if something does; see the
/// [module](crate::tower). It sees only what keeps the extensions of a request when it sends it again, as clones do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Witness;

impl<S> tower_layer::Layer<S> for Witness {
    type Service = Witnessing<S>;

    fn layer(&self, inner: S) -> Witnessing<S> {
        Witnessing(inner)
    }
}

/// A service whose requests are counted; see [`Witness`].
#[derive(Clone, Debug)]
pub struct Witnessing<S>(S);

impl<S: tower_service::Service<Request<B>>, B> tower_service::Service<Request<B>> for Witnessing<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        Asked::on_send(request.extensions());
        self.0.call(request)
    }
}
