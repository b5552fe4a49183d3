//! The layer: what all services under it share.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use abide_core::Stats;
use abide_core::event::Failure;

use super::{Buffered, ClientBuilder, Cloned, Service};
use crate::beneath;
use crate::client::ground::Ground;
use crate::client::transport::{BoxError, Broken};
use crate::error::Result;
use crate::handle::{Keeper, Waiting};
use crate::witness::Witnessed;

/// Puts HTTP services under the limits of their APIs; see the [module](crate::tower). All services under clones of one layer share one
/// budget.
#[derive(Clone)]
pub struct Layer<K = Buffered> {
    pub(super) ground: Arc<Ground>,
    pub(super) bodies: K,
    failures: Option<Arc<Failures>>,
    pub(super) witnessed: Witnessed,
}

type Failures = dyn Fn(&(dyn StdError + 'static)) -> Option<Failure> + Send + Sync;

impl Layer {
    /// A layer for the API under `base`.
    pub fn builder(base: impl AsRef<str>) -> ClientBuilder<Self> {
        ClientBuilder::new(Some(base.as_ref()))
    }

    /// A layer for any APIs.
    pub fn anywhere() -> ClientBuilder<Self> {
        ClientBuilder::new(None)
    }

    /// How many bytes of a request's body are kept, so that it can be sent again; 64 KiB by default.
    #[must_use]
    pub fn replay_up_to(self, bytes: usize) -> Self {
        Self { bodies: Buffered(bytes), ..self }
    }

    /// Sends a clone of the body with each attempt in place of a [`RequestBody`](super::RequestBody): for services that take one kind
    /// of body alone, and for bodies that are held in memory anyway.
    pub fn clone_bodies(self) -> Layer<Cloned> {
        let Self { ground, failures, witnessed, .. } = self;
        Layer { ground, bodies: Cloned, failures, witnessed }
    }
}

impl<K> Layer<K> {
    /// Teaches it what errors of the service beneath mean; `None` leaves that to what the layer knows itself. An error that says that
    /// nothing was sent is repeated with any method, so it has to be true.
    #[must_use]
    pub fn failures(self, mean: impl Fn(&(dyn StdError + 'static)) -> Option<Failure> + Send + Sync + 'static) -> Self {
        Self { failures: Some(Arc::new(mean)), ..self }
    }

    /// What happened so far, over all services under it.
    pub fn stats(&self) -> Stats {
        self.ground.handle.stats()
    }

    /// The quotas that servers named so far, each as its size and, in brackets, its name.
    pub fn quotas(&self) -> Vec<String> {
        self.ground.handle.quotas()
    }

    /// What is being waited for now, an entry an origin and credential with calls waiting.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.ground.handle.waiting()
    }

    /// Whether a [`Witness`](super::Witness) beneath saw an attempt leave more than once.
    pub fn saw_repeats(&self) -> bool {
        self.witnessed.saw_repeats()
    }

    pub(super) fn broken(&self, error: impl Into<BoxError>) -> Broken {
        let error = error.into();
        match self.failures.as_ref().and_then(|mean| mean(&*error)) {
            Some(failure) => Broken { failure, cause: Some(error) },
            None => beneath::broken(error),
        }
    }
}

impl<S, K: Clone> tower_layer::Layer<S> for Layer<K> {
    type Service = Service<S, K>;

    fn layer(&self, inner: S) -> Service<S, K> {
        Service::new(inner, self.clone())
    }
}

impl ClientBuilder<Layer> {
    /// The layer.
    ///
    /// # Errors
    ///
    /// If a setting can't work: a base that is no http or https URL, a header field with characters that it can't hold, a concurrency
    /// of 0. [`Error::is_setting`](crate::Error::is_setting) is true for all of them.
    pub fn build(mut self) -> Result<Layer> {
        let ground = Arc::new(self.ground(Keeper::Task, false)?);
        Ok(Layer { ground, bodies: Buffered::default(), failures: None, witnessed: Witnessed::default() })
    }
}

impl<K: fmt::Debug> fmt::Debug for Layer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").field("bodies", &self.bodies).field("ground", &self.ground).finish_non_exhaustive()
    }
}
