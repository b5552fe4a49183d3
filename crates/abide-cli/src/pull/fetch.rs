//! Fetches one page, and reads out of it what is to be written and where the pages go on.

use abide::{Client, Whole};
use abide_core::json::Json;
use abide_core::page::{Answer, Asked, Next, Pages, Records};
use abide_core::place::Path;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use std::time::Duration;
use url::Url;

use super::body::Body;
use super::journal::place::{Place, Todo};
use super::records::{Extract, RecordsAt};

/// A page on its way.
pub(crate) struct Errand {
    pub(crate) todo: Todo,
    /// The job's own URL, with whatever user and password it holds.
    pub(crate) job: Url,
    /// What to fetch, without credentials.
    pub(crate) url: Url,
    pub(crate) deadline: Option<Duration>,
}

/// A page that has come, or has not.
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
    pub(crate) next: Next,
    /// Where the records stood.
    pub(crate) found: Option<Path>,
    /// How many there are in all, as the server counts them.
    pub(crate) total: Option<u64>,
}

/// Where servers use to say how many records there are in all.
const TOTALS: [&str; 10] = [
    "count",
    "total",
    "total_count",
    "totalCount",
    "total_results",
    "totalResults",
    "totalItems",
    "meta.total",
    "pagination.total",
    "meta.pagination.total",
];

fn total(headers: &HeaderMap, body: Option<&Json<'_>>) -> Option<u64> {
    let in_header = || headers.get("x-total-count")?.to_str().ok()?.trim().parse().ok();
    let in_body = |body| TOTALS.iter().find_map(|place| place.parse::<Path>().ok()?.find(body)?.text().parse().ok());
    in_header().or_else(|| body.and_then(in_body))
}

/// How a page is to be read.
pub(crate) struct Reading<'a> {
    /// What was fetched.
    pub(crate) url: &'a Url,
    pub(crate) at: &'a RecordsAt,
    pub(crate) pages: &'a Pages,
    /// Records that the earlier pages of its job held.
    pub(crate) before: u64,
    /// Whether the server's own total is of interest.
    pub(crate) counts: bool,
}

/// Takes the records and the next page out of a successful answer, and where asked for the server's own total.
///
/// # Errors
///
/// A sentence for people, if the body is not what records can be taken from.
pub(crate) fn records(whole: &Whole, bytes: &Bytes, reading: &Reading<'_>) -> Result<Content, String> {
    let content_type = whole.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let body = Body::read(whole.status, content_type, bytes).map_err(|e| e.to_string())?;
    let extract = Extract::of(&body, reading.at).map_err(|e| e.to_string())?;
    let query: Vec<(String, String)> = reading.url.query_pairs().into_owned().collect();
    let last = extract.last().and_then(|line| Json::parse(line).ok());
    let next = reading.pages.next(&Answer {
        headers: &whole.headers,
        body: body.json(),
        asked: Asked { query: &query, body: None },
        records: Records { before: reading.before, count: extract.count, last: last.as_ref().map(Json::root) },
    });
    // Only where pages end is it of interest how many records there should be.
    let total = if reading.counts && next == Next::End { total(&whole.headers, body.json()) } else { None };
    Ok(Content { bytes: extract.records.into(), records: extract.count, next, found: extract.found, total })
}
