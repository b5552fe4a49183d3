//! Reads out of an answer what is to be written and where the pages go on.

use abide::Whole;
use abide_core::json::Json;
use abide_core::page::{Answer, Asked, Next, Pages, Records};
use abide_core::place::Path;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::body::Body;
use super::records::{Extract, RecordsAt};
use super::request::{Form, Step};

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
    /// What was asked for.
    pub(crate) form: &'a Form,
    pub(crate) step: &'a Step,
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
    let query: Vec<(String, String)> = reading.step.url.query_pairs().into_owned().collect();
    let sent = reading.form.body_of(reading.step);
    let sent = sent.as_ref().and_then(|sent| Json::parse(sent.as_bytes()).ok());
    let last = extract.last().and_then(|line| Json::parse(line).ok());
    let next = reading.pages.next(&Answer {
        headers: &whole.headers,
        body: body.json(),
        asked: Asked { query: &query, body: sent.as_ref() },
        records: Records { before: reading.before, count: extract.count, last: last.as_ref().map(Json::root) },
    });
    // Only where pages end is it of interest how many records there should be.
    let total = if reading.counts && next == Next::End { total(&whole.headers, body.json()) } else { None };
    Ok(Content { bytes: extract.records.into(), records: extract.count, next, found: extract.found, total })
}
