//! One page on its way: sends its request, and keeps credentials from origins that are not theirs.

use std::sync::Arc;
use std::time::Duration;

use abide::{Client, Whole};
use abide_core::retry::{Meaning, Sign};
use bytes::Bytes;
use tokio::sync::oneshot;
use url::Url;

use super::journal::place::{Place, Todo};
use super::request::{Form, Step};
use super::tokens::Chosen;

/// A page on its way.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) todo: Todo,
    /// If it was asked for ahead of its turn, what it is known by.
    pub(crate) ahead: Option<Wanted>,
    /// The job's own URL, with whatever user and password it holds.
    pub(crate) job: Url,
    /// What all requests of the endpoint have in common.
    pub(crate) form: Arc<Form>,
    /// What to fetch, without credentials.
    pub(crate) step: Step,
    /// Whether it may have the credentials.
    pub(crate) trusted: bool,
    pub(crate) deadline: Option<Duration>,
    pub(crate) signs: Option<Arc<[(Sign, Meaning)]>>,
    /// The token that it goes with, where there are several.
    pub(super) token: Option<Chosen>,
}

/// What a page is known by that was asked for ahead of its turn.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) ticket: u64,
    /// Ends when nobody waits for the page any more.
    pub(crate) gone: oneshot::Receiver<()>,
}

/// A page that has come, or has not.
#[derive(Debug)]
pub(crate) struct Landed {
    pub(crate) errand: Errand,
    /// Nothing, if nobody waited for it any more.
    pub(crate) answer: Option<abide::Result<(Whole, Bytes)>>,
}

impl Errand {
    pub(crate) fn place(&self) -> Place {
        self.todo.place
    }

    pub(crate) async fn run(mut self, client: Client) -> Landed {
        let request = self.request(&client);
        let fetch = async {
            match request.send().await {
                Ok(response) => response.into_whole().await,
                Err(error) => Err(error),
            }
        };
        let answer = match &mut self.ahead {
            None => Some(fetch.await),
            Some(Wanted { gone, .. }) => tokio::select! {
                answer = fetch => Some(answer),
                _ = gone => None,
            },
        };
        Landed { errand: self, answer }
    }

    fn request(&self, client: &Client) -> abide::Request {
        let mut url = self.step.url.clone();
        if self.trusted {
            // Fails only for URLs without a host, and ours is http.
            let _ = (url.set_username(self.job.username()), url.set_password(self.job.password()));
        }
        let mut request = client.request(self.form.method.clone(), &url);
        if !self.form.method.is_safe() {
            // What a pull sends reads, whatever its method is called.
            request = request.idempotent();
        }
        if !self.trusted {
            request = request.anonymous();
        }
        if let Some(token) = self.token.as_ref().filter(|_| self.trusted) {
            request = request.bearer(&*token.text);
            if let Some(max_wait) = token.max_wait {
                request = request.max_wait(max_wait);
            }
        }
        for (name, value) in self.form.headers_of(&self.step) {
            // They are made of text, in the file and in the answer before this page.
            request = request.header(name, value.to_str().unwrap_or_default());
        }
        if let Some(signs) = &self.signs {
            request = request.signs(Arc::clone(signs));
        }
        if let Some(body) = self.form.body_of(&self.step) {
            request = request.body(body);
        }
        match self.deadline {
            Some(deadline) => request.deadline(deadline),
            None => request,
        }
    }
}
