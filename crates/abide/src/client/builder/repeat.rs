//! The settings of a client that say what is put into requests, which of them may be sent twice, and when an answer is an error.

use abide_core::policy::Repeat;
use http::Method;
use serde::Serialize;

use super::ClientBuilder;

impl<C> ClientBuilder<C> {
    /// Pairs for the query of every request whose target does not have them: a map, a list of pairs, or a struct of plain values.
    /// A client with a base leaves targets alone that are absolute URLs. Links that a server names are followed as they are.
    pub fn query<T: Serialize + ?Sized>(mut self, pairs: &T) -> Self {
        match serde_urlencoded::to_string(pairs) {
            Ok(text) => {
                let pairs = url::form_urlencoded::parse(text.as_bytes());
                self.query.extend(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())));
            }
            Err(error) => self.wrong = Some(format!("the query can't be written: {error}")),
        }
        self
    }

    /// Methods that may be sent twice, beside those of RFC 9110 section 9.2.2 (`GET`, `HEAD`, `PUT`, `DELETE`, `OPTIONS`, `TRACE`).
    /// It is your word that the server does nothing twice.
    pub fn idempotent(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.idempotent.extend(methods);
        self
    }

    /// Gives every request that may not be sent twice a random `Idempotency-Key`, the same for all its attempts, so that it may.
    /// For APIs that heed it.
    pub fn idempotency_keys(mut self) -> Self {
        self.gives_keys = true;
        self
    }

    /// After what a request that is not idempotent is sent again nevertheless: where nothing was sent, after a 429, and after a 503
    /// that says when to come back. All on by default.
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.policy.repeat = repeat;
        self
    }

    /// Whether [`send`](crate::Request::send) takes an answer of 400 or above for an error, when it is not tried again. By default
    /// it is handed over.
    pub fn error_for_status(mut self, is_error: bool) -> Self {
        self.raises = is_error;
        self
    }
}
