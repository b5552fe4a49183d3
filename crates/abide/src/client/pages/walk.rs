//! The walk from one page to the next: does what the core reads out of each, and stops where that leads nowhere.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use abide_core::json::{Json, Kind as JsonKind, Value};
use abide_core::page::{self, Answer, Asked, Change, Next, Pages, Records, Slot};
use abide_core::place::Path;
use bytes::Bytes;
use http::HeaderValue;
use url::{Origin, Url};

use super::Page;
use crate::client::builder;
use crate::client::credential::Credentials;
use crate::client::exchange::{Body, Exchange};
use crate::client::ground::Ground;
use crate::client::parts::Parts;
use crate::client::transport::Transport;
use crate::error::{Error, Kind, Result};
use crate::target;

/// Goes from one page to the next.
#[derive(Debug)]
pub(crate) struct Walker {
    ground: Arc<Ground>,
    /// The request for the first page. Those for the others differ from it in a few places.
    first: Parts,
    /// How the pages go on, as far as it is known.
    style: Pages,
    /// Every page that was asked for.
    seen: HashSet<u64>,
    allowed: Vec<Origin>,
    /// Records of the pages so far, and where they stand.
    records: u64,
    at: Option<Path>,
    /// The body of the last page.
    last: Bytes,
    /// The request for the next page, or why there can be none.
    next: Result<Option<Parts>>,
    number: u64,
}

impl Walker {
    pub(crate) fn new(ground: &Arc<Ground>, parts: Parts, style: Pages) -> Result<Self> {
        let allowed = vec![parts.url.origin()];
        let first = changed(parts, &style.opening())?;
        let (seen, last, next) = (HashSet::new(), Bytes::new(), Ok(Some(first.clone())));
        let ground = Arc::clone(ground);
        Ok(Self { ground, first, style, seen, allowed, records: 0, at: None, last, next, number: 0 })
    }

    pub(crate) fn allow(&mut self, origin: &str) -> Result<()> {
        self.allowed.push(builder::parse_url(origin)?.origin());
        Ok(())
    }

    /// The next page; `None` after the last, and after an error.
    pub(crate) async fn page(&mut self, transport: &dyn Transport) -> Result<Option<Page>> {
        let Some(parts) = std::mem::replace(&mut self.next, Ok(None))? else { return Ok(None) };
        self.number += 1;
        let asked = parts.clone();
        let page = self.fetch(parts, transport).await?;
        self.next = self.after(&page, &asked);
        Ok(Some(page))
    }

    async fn fetch(&mut self, mut parts: Parts, transport: &dyn Transport) -> Result<Page> {
        if parts.url.origin() != self.first.url.origin() {
            parts.credentials = Credentials::default();
        }
        self.seen.insert(mark(&parts));
        let answered = Exchange::start(Arc::clone(&self.ground), parts.finished()).answer(transport).await?;
        let (whole, body) = answered.error_for_status()?.into_whole(transport).await?;
        Ok(Page { number: self.number, whole, body })
    }

    /// The request for the page after this one; the error says why nobody can know.
    fn after(&mut self, page: &Page, asked: &Parts) -> Result<Option<Parts>> {
        let stalled = |why: String| {
            Err(Error::new(Kind::Pages(format!("after page {}: {why}", page.number)))
                .with_url(page.whole.url.clone())
                .with_account(page.whole.account.clone()))
        };
        let (next, stands_still) = self.read(page, asked);
        let parts = match next {
            Next::Changed { .. } if stands_still => {
                let why = "it holds the very records of the page before it, so the server does not heed what asks for the next";
                return stalled(format!("{why}; say how the pages go on, or Pages::None"));
            }
            Next::End => return Ok(None),
            Next::Page { reference, at } => {
                let here = Url::parse(&page.whole.url).unwrap_or_else(|_| asked.url.clone());
                match here.join(&reference) {
                    Ok(mut url) if matches!(url.scheme(), "http" | "https") => {
                        url.set_fragment(None);
                        Parts { url, ..self.first.clone() }
                    }
                    _ => return stalled(format!("what stands in {at} is no URL to follow")),
                }
            }
            Next::Changed { changes, by } => {
                self.style = by;
                changed(self.first.clone(), &changes)?
            }
            Next::Token { at, value } => {
                return stalled(format!(
                    "there seems to be a next page, but {at} holds {value}, which is not a URL; say how the pages go on \
                     (\"cursor={at} send=query.KEY\".parse()), or Pages::None if this is the only page"
                ));
            }
            Next::Absent { at } if page.number == 1 => {
                return stalled(format!(
                    "it has no {at}; say how the pages go on, or Pages::None if this is the only page"
                ));
            }
            Next::NoSuchValue { path } => {
                return stalled(format!("the last record has no text and no number in {path}"));
            }
            _ => return Ok(None),
        };
        let shown = target::shown(&parts.url, &parts.credentials.query_keys());
        if !self.allowed.contains(&parts.url.origin()) {
            let origin = target::origin(&parts.url);
            return stalled(format!(
                "the next is at another origin, {origin}; if that is right, allow_origin allows it"
            ));
        }
        if self.seen.contains(&mark(&parts)) {
            return stalled(format!(
                "the next would be {shown}, which was fetched already: the pages lead in a circle"
            ));
        }
        Ok(Some(parts))
    }

    /// What the page says about the one after it, and whether it holds what the one before it held.
    fn read(&mut self, page: &Page, asked: &Parts) -> (Next, bool) {
        let json = Json::parse(&page.body).ok();
        let at = json.as_ref().map(|json| self.at.clone().unwrap_or_else(|| page::records(json)));
        let value = json.as_ref().zip(at.as_ref()).and_then(|(json, at)| at.find(json));
        let (count, last) = count(value);
        let stands_still = count > 0 && self.last == page.body;
        self.last = page.body.clone();
        let query: Vec<(String, String)> = asked.url.query_pairs().into_owned().collect();
        let body = match &asked.body {
            Body::Whole(bytes) => Json::parse(bytes).ok(),
            _ => None,
        };
        let answer = Answer {
            headers: &page.whole.headers,
            body: json.as_ref(),
            asked: Asked { query: &query, body: body.as_ref() },
            records: Records { before: self.records, count, last },
        };
        let next = self.style.next(&answer);
        self.records += count;
        if count > 0 && at.as_ref().is_some_and(|at| *at != Path::ROOT) {
            // A later page without records may look like a record.
            self.at = at;
        }
        (next, stands_still)
    }
}

/// How many records stand in a value, and the last of them.
fn count(value: Option<Value<'_>>) -> (u64, Option<Value<'_>>) {
    match value {
        None => (0, None),
        Some(list) if list.kind() == JsonKind::Array => {
            list.elements().fold((0, None), |(count, _), element| (count + 1, Some(element)))
        }
        Some(null) if null.kind() == JsonKind::Null => (0, None),
        Some(one) => (1, Some(one)),
    }
}

/// Tells one page's request from another's, without holding its secrets.
fn mark(parts: &Parts) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.shown().hash(&mut hasher);
    for (name, value) in &parts.headers {
        (name.as_str(), value.as_bytes()).hash(&mut hasher);
    }
    if let Body::Whole(bytes) = &parts.body {
        bytes.hash(&mut hasher);
    }
    hasher.finish()
}

/// A request with these values set.
fn changed(mut parts: Parts, changes: &[Change]) -> Result<Parts> {
    let in_query: Vec<(&str, String)> = changes
        .iter()
        .filter_map(|change| match &change.slot {
            Slot::Query(key) => Some((key.as_str(), change.text())),
            _ => None,
        })
        .collect();
    target::set_in_query(&mut parts.url, &in_query);
    for change in changes {
        if let Slot::Header(name) = &change.slot {
            let value = HeaderValue::try_from(change.text())
                .map_err(|_| Error::setting(format!("what goes into the header field '{name}' can't stand there")))?;
            parts.headers.insert(name.clone(), value);
        }
    }
    if changes.iter().any(|change| matches!(change.slot, Slot::Body(_))) {
        let text = match &parts.body {
            Body::Empty => "",
            Body::Whole(bytes) => std::str::from_utf8(bytes).unwrap_or("?"),
            Body::Stream(_) => return Err(Error::setting("pages can't be asked for in a streamed body")),
        };
        let body = page::set_in_body(text, changes)
            .map_err(|e| Error::setting(format!("pages are asked for in the body, which is not JSON: {e}")))?;
        parts.body = Body::Whole(body.into());
    }
    Ok(parts)
}
