//! The walk from one page to the next: does what the core reads out of each, and stops where that leads nowhere.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use abide_core::json::{Json, Kind as JsonKind, Value};
use abide_core::page::{self, Asked, Came, Chain, Change, Onward, Pages, Slot, Stall, Step};
use abide_core::place::Path;
use bytes::Bytes;
use http::HeaderValue;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use url::{Origin, Url};

use super::Page;
use crate::client::credential::Credentials;
use crate::client::exchange::{Body, Exchange};
use crate::client::request::Parts;
use crate::client::{Client, Whole, builder};
use crate::error::{Error, Kind, Result};
use crate::target;

/// Goes from one page to the next.
#[derive(Debug)]
pub(super) struct Walker {
    client: Client,
    /// The request for the first page. Those for the others differ from it in a few places.
    first: Parts,
    chain: Chain,
    /// Every page that was asked for in its turn.
    seen: HashSet<u64>,
    allowed: Vec<Origin>,
    /// Where the items stand.
    at: Option<Path>,
    /// What the last page's address was.
    base: Url,
}

/// A page on its way, which ends when nobody waits for it.
#[derive(Debug)]
struct Flight(JoinHandle<Result<(Whole, Bytes)>>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Walker {
    pub(super) fn new(client: Client, parts: Parts, style: Pages, most: u64) -> Result<Self> {
        let allowed = vec![parts.url.origin()];
        let first = changed(parts, &style.opening())?;
        let (chain, base) = (Chain::new(style, most, 0, 0), first.url.clone());
        Ok(Self { client, first, chain, seen: HashSet::new(), allowed, at: None, base })
    }

    pub(super) fn allow(&mut self, origin: &str) -> Result<()> {
        self.allowed.push(builder::parse_url(origin)?.origin());
        Ok(())
    }

    pub(super) fn bound(&mut self, most: u64) {
        self.chain.bound(most);
    }

    /// Fetches as many pages as are wanted, until they end or nobody listens.
    pub(super) async fn walk(mut self, demand: Arc<Semaphore>, pages: mpsc::UnboundedSender<Result<Page>>) {
        let mut next = Some(self.first.clone());
        // Pages on their way, the first of them in turn.
        let mut flying = VecDeque::new();
        while let Some(asked) = next {
            if flying.is_empty() {
                // It is closed by nobody.
                let Ok(permit) = demand.acquire().await else { return };
                permit.forget();
                flying.push_back(self.launch(asked.clone()));
            }
            self.seen.insert(mark(&asked));
            let came = self.await_first(&mut flying, &demand).await;
            let (whole, body) = match came {
                Ok(came) => came,
                Err(error) if error.status().is_some_and(|status| self.chain.ends_with(status)) => return,
                Err(error) => return drop(pages.send(Err(error))),
            };
            let page = Page { number: self.chain.count() + 1, whole, body };
            let step = self.read(&page, &asked);
            let repeats = matches!(step, Err(Stall::Repeats { .. }));
            let after = self.after(&page, &asked, step);
            // What came before is not handed over again.
            if !repeats && pages.send(Ok(page)).is_err() {
                return;
            }
            next = match after {
                Ok((after, as_foreseen)) => {
                    if !as_foreseen {
                        demand.add_permits(flying.len());
                        flying.clear();
                    }
                    after
                }
                Err(error) => return drop(pages.send(Err(error))),
            };
        }
    }

    /// Waits for the page in turn, and meanwhile asks for those that can be foreseen and are wanted.
    async fn await_first(&self, flying: &mut VecDeque<Flight>, demand: &Semaphore) -> Result<(Whole, Bytes)> {
        loop {
            let foreseen = self.foreseen(flying.len() as u64);
            let Some(first) = flying.front_mut() else { return Err(Error::setting("no page is on its way")) };
            tokio::select! {
                biased;
                came = &mut first.0 => {
                    flying.pop_front();
                    // Only what was dropped is cancelled.
                    return came.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
                }
                Ok(permit) = demand.acquire(), if foreseen.is_some() => {
                    permit.forget();
                    flying.extend(foreseen.map(|parts| self.launch(parts)));
                }
            }
        }
    }

    /// The request for a page so far behind the one in turn, if it can be known and may be sent.
    fn foreseen(&self, behind: u64) -> Option<Parts> {
        // The chain has not been told of the page in turn yet, so that is the next from where it stands.
        let parts = self.target(&self.chain.foreseen(behind)?).ok()?;
        let may = self.allowed.contains(&parts.url.origin()) && !self.seen.contains(&mark(&parts));
        may.then_some(parts)
    }

    fn launch(&self, mut parts: Parts) -> Flight {
        if parts.url.origin() != self.first.url.origin() {
            parts.credentials = Credentials::default();
        }
        let client = self.client.clone();
        Flight(tokio::spawn(async move {
            let response = Exchange::start(client, parts.finished()).answer().await?;
            response.error_for_status()?.into_whole().await
        }))
    }

    /// The request for the page after this one, and whether it was foreseen; the error says why nobody can know.
    fn after(
        &mut self,
        page: &Page,
        asked: &Parts,
        step: std::result::Result<Step, Stall>,
    ) -> Result<(Option<Parts>, bool)> {
        let stalled = |why: String| {
            Err(Error::new(Kind::Pages(format!("after page {}: {why}", page.number)))
                .with_url(page.whole.url.clone())
                .with_account(page.whole.account.clone()))
        };
        self.base = Url::parse(&page.whole.url).unwrap_or_else(|_| asked.url.clone());
        let Step { onward, as_foreseen } = match step {
            Ok(step) => step,
            Err(stall) => return stalled(format!("{stall}{}", advice(&stall))),
        };
        let Some(onward) = onward else { return Ok((None, false)) };
        let parts = match self.target(&onward) {
            Ok(parts) => parts,
            Err(Target::NoUrl(why)) => return stalled(why),
            Err(Target::Unsettable(error)) => return Err(error),
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
        if self.chain.is_full() {
            return stalled(format!(
                "the next would be {shown}, and no more pages may be fetched; max_pages allows more"
            ));
        }
        Ok((Some(parts), as_foreseen))
    }

    fn target(&self, onward: &Onward) -> std::result::Result<Parts, Target> {
        match onward {
            Onward::Url { reference, at } => match self.base.join(reference) {
                Ok(mut url) if matches!(url.scheme(), "http" | "https") => {
                    url.set_fragment(None);
                    Ok(Parts { url, ..self.first.clone() })
                }
                _ => Err(Target::NoUrl(format!("what stands in {at} is no URL to follow"))),
            },
            Onward::Changed(changes) => changed(self.first.clone(), changes).map_err(Target::Unsettable),
            _ => Err(Target::NoUrl("the next page is asked for in a way that is not known here".to_owned())),
        }
    }

    /// What the page says about the one after it.
    fn read(&mut self, page: &Page, asked: &Parts) -> std::result::Result<Step, Stall> {
        let json = Json::parse(&page.body).ok();
        let at = json.as_ref().map(|json| self.at.clone().unwrap_or_else(|| page::records(json)));
        let value = json.as_ref().zip(at.as_ref()).and_then(|(json, at)| at.find(json));
        let (count, last) = count(value);
        let query: Vec<(String, String)> = asked.url.query_pairs().into_owned().collect();
        let body = match &asked.body {
            Body::Whole(bytes) => Json::parse(bytes).ok(),
            _ => None,
        };
        let step = self.chain.on_page(&Came {
            headers: &page.whole.headers,
            body: json.as_ref(),
            asked: Asked { query: &query, body: body.as_ref() },
            count,
            text: value.map_or(&[], |value| value.text().as_bytes()),
            last,
        });
        if count > 0 && at.as_ref().is_some_and(|at| *at != Path::ROOT) {
            // A later page without records may look like a record.
            self.at = at;
        }
        step
    }
}

/// Why there is no request for the next page.
enum Target {
    NoUrl(String),
    Unsettable(Error),
}

/// What to do about a chain that does not go on.
fn advice(stall: &Stall) -> String {
    match stall {
        Stall::Token { at, .. } => format!(
            "; say how the pages go on (\"cursor={at} send=query.KEY\".parse()), or Pages::None if this is the only page"
        ),
        Stall::Repeats { .. } | Stall::Absent { .. } => {
            "; say how the pages go on, or Pages::None if this is the only page".to_owned()
        }
        _ => String::new(),
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
