//! Fetches one page, and reads out of it what is to be written and where the pages go on.

use abide::{Client, Whole};
use abide_core::json::Json;
use abide_core::page::{self, Asked, Came, Chain, Stall, Step};
use abide_core::place::Path;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use std::time::Duration;
use url::Url;

use super::body::Body;
use super::chain::leads_on;
use super::journal::place::{Place, Todo};
use super::records::{Extract, RecordsAt};

/// A page on its way.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) todo: Todo,
    /// What it is known by, if it was asked for ahead of its turn.
    pub(crate) ticket: Option<u64>,
    /// The job's own URL, with whatever user and password it holds.
    pub(crate) job: Url,
    /// What to fetch, without credentials.
    pub(crate) url: Url,
    pub(crate) deadline: Option<Duration>,
}

/// A page that has come, or has not.
#[derive(Debug)]
pub(crate) struct Landed {
    pub(crate) errand: Errand,
    pub(crate) answer: abide::Result<(Whole, Bytes)>,
}

impl Errand {
    pub(crate) fn place(&self) -> Place {
        self.todo.place
    }

    pub(crate) async fn run(self, client: Client) -> Landed {
        let mut url = self.url.clone();
        let trusted = url.origin() == self.job.origin();
        if trusted {
            // Fails only for URLs without a host, and ours is http.
            let _ = (url.set_username(self.job.username()), url.set_password(self.job.password()));
        }
        let mut request = client.get(&url);
        if !trusted {
            request = request.anonymous();
        }
        if let Some(deadline) = self.deadline {
            request = request.deadline(deadline);
        }
        let answer = match request.send().await {
            Ok(response) => response.into_whole().await,
            Err(error) => Err(error),
        };
        Landed { errand: self, answer }
    }
}

/// What a page holds.
pub(crate) struct Content {
    pub(crate) bytes: Bytes,
    pub(crate) records: u64,
    /// Where it leads; nothing where pages are not followed.
    pub(crate) step: Option<Result<Step, Stall>>,
    /// Whether it names a next page that is not followed.
    pub(crate) leads_on: bool,
    /// Where the records stood.
    pub(crate) found: Option<Path>,
    /// How many there are in all, as the server counts them, where it names no next page.
    pub(crate) total: Option<u64>,
}

/// Takes the records out of a successful answer, and tells the chain that the page belongs to, if any.
///
/// # Errors
///
/// A sentence for people, if the body is not what records can be taken from.
pub(crate) fn records(
    whole: &Whole,
    bytes: &Bytes,
    url: &Url,
    at: &RecordsAt,
    chain: Option<&mut Chain>,
) -> Result<Content, String> {
    let content_type = whole.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let body = Body::read(whole.status, content_type, bytes).map_err(|e| e.to_string())?;
    let extract = Extract::of(&body, at).map_err(|e| e.to_string())?;
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let last = extract.last().and_then(|line| Json::parse(line).ok());
    let came = Came {
        headers: &whole.headers,
        body: body.json(),
        asked: Asked { query: &query, body: None },
        count: extract.count,
        text: &extract.records,
        last: last.as_ref().map(Json::root),
    };
    let leads_on = chain.is_none() && leads_on(&came);
    let step = chain.map(|chain| chain.on_page(&came));
    let is_end = matches!(&step, Some(Ok(step)) if step.onward.is_none());
    let total = if is_end { page::total(&whole.headers, body.json()) } else { None };
    drop(last);
    Ok(Content { bytes: extract.records.into(), records: extract.count, step, leads_on, found: extract.found, total })
}
