//! Reads out of an answer what is to be written and where the pages go on.

use abide::Whole;
use abide_core::json::Json;
use abide_core::page::{self, Asked, Came, Chain, Stall};
use abide_core::place::Path;
use bytes::Bytes;
use http::header::CONTENT_TYPE;

use super::body::Body;
use super::chain::leads_on;
use super::errand::Errand;
use super::records::{Extract, RecordsAt};

/// What a page holds.
pub(crate) struct Content {
    pub(crate) bytes: Bytes,
    pub(crate) records: u64,
    /// Where it leads; nothing where pages are not followed.
    pub(crate) step: Option<Result<page::Step, Stall>>,
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
    errand: &Errand,
    at: &RecordsAt,
    chain: Option<&mut Chain>,
) -> Result<Content, String> {
    let content_type = whole.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let body = Body::read(whole.status, content_type, bytes).map_err(|e| e.to_string())?;
    let extract = Extract::of(&body, at).map_err(|e| e.to_string())?;
    let query: Vec<(String, String)> = errand.step.url.query_pairs().into_owned().collect();
    let sent = errand.form.body_of(&errand.step);
    let sent = sent.as_ref().and_then(|sent| Json::parse(sent.as_bytes()).ok());
    let last = extract.last().and_then(|line| Json::parse(line).ok());
    let came = Came {
        headers: &whole.headers,
        body: body.json(),
        asked: Asked { query: &query, body: sent.as_ref() },
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
