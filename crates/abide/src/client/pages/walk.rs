//! The walk from one page to the next: does what the core reads out of each, and stops where that leads nowhere.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use abide_core::json::{Json, Kind as JsonKind, Value};
use abide_core::page::{self, Asked, Came, Chain, Change, Onward, Pages, Slot, Stall, Step};
use abide_core::place::Path;
use bytes::Bytes;
use http::HeaderValue;
use url::{Origin, Url};

use super::Page;
use crate::client::Whole;
use crate::client::builder;
use crate::client::exchange::{Body, Exchange};
use crate::client::ground::Ground;
use crate::client::parts::Parts;
use crate::client::transport::Transport;
use crate::error::{Error, Kind, Result};
use crate::target;

/// Nobody has so many pages, unless they lead in a circle.
const MOST_PAGES: u64 = 1_000_000;

/// Goes from one page to the next.
#[derive(Debug)]
pub(crate) struct Walker {
    ground: Arc<Ground>,
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
    /// The request for the next page, or why there can be none.
    next: Result<Option<Parts>>,
    /// Whether that was foreseen.
    #[cfg(feature = "client")]
    as_foreseen: bool,
}

/// The answer to the request for a page.
pub(crate) type Arrived = Result<(Whole, Bytes)>;

/// Sends the request for a page.
pub(crate) async fn fetch(exchange: Box<Exchange>, transport: &dyn Transport) -> Arrived {
    exchange.answer(transport).await?.error_for_status()?.into_whole(transport).await
}

impl Walker {
    pub(crate) fn new(ground: &Arc<Ground>, parts: Parts, style: Pages) -> Result<Self> {
        let allowed = vec![parts.url.origin()];
        let first = changed(parts, &style.opening())?;
        let (next, base) = (Ok(Some(first.clone())), first.url.clone());
        Ok(Self {
            ground: Arc::clone(ground),
            first,
            chain: Chain::new(style, MOST_PAGES, 0, 0),
            seen: HashSet::new(),
            allowed,
            at: None,
            base,
            next,
            #[cfg(feature = "client")]
            as_foreseen: false,
        })
    }

    pub(crate) fn allow(&mut self, origin: &str) -> Result<()> {
        self.allowed.push(builder::parse_url(origin)?.origin());
        Ok(())
    }

    pub(crate) fn bound(&mut self, most: u64) {
        self.chain.bound(most);
    }

    /// Fetches the next page; `None` after the last, and after an error.
    #[cfg(feature = "blocking")]
    pub(crate) async fn page(&mut self, transport: &dyn Transport) -> Result<Option<Page>> {
        let Some(parts) = self.turn()? else { return Ok(None) };
        let arrived = fetch(self.exchange(parts.clone()), transport).await;
        self.on_page(&parts, arrived)
    }

    /// The request for the page whose turn it is; `None` after the last, and after an error.
    pub(crate) fn turn(&mut self) -> Result<Option<Parts>> {
        std::mem::replace(&mut self.next, Ok(None))
    }

    /// Whether the page whose turn it is was foreseen. If not, what was fetched ahead is of no use.
    #[cfg(feature = "client")]
    pub(crate) fn is_as_foreseen(&self) -> bool {
        self.as_foreseen
    }

    /// The request for a page so far behind the one in turn, if it can be known and may be sent.
    #[cfg(feature = "client")]
    pub(crate) fn foreseen(&self, behind: u64) -> Option<Parts> {
        let parts = self.target(&self.chain.foreseen(behind)?).ok()?;
        let may = self.allowed.contains(&parts.url.origin()) && !self.seen.contains(&mark(&parts));
        may.then_some(parts)
    }

    pub(crate) fn exchange(&self, mut parts: Parts) -> Box<Exchange> {
        if parts.url.origin() != self.first.url.origin() {
            parts.credentials = Arc::default();
        }
        Exchange::stand_by(Arc::clone(&self.ground), parts)
    }

    /// Takes in the page whose turn it was.
    pub(crate) fn on_page(&mut self, asked: &Parts, arrived: Arrived) -> Result<Option<Page>> {
        self.seen.insert(mark(asked));
        let (whole, body) = match arrived {
            Ok(arrived) => arrived,
            Err(error) if error.status().is_some_and(|status| self.chain.ends_with(status)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let page = Page { number: self.chain.count() + 1, whole, body };
        let step = self.read(&page, asked);
        // What came before is not handed over again.
        let repeats = matches!(step, Err(Stall::Repeats { .. }));
        match self.after(&page, asked, step) {
            Err(error) if repeats => Err(error),
            after => {
                #[cfg(feature = "client")]
                {
                    self.as_foreseen = matches!(&after, Ok((_, true)));
                }
                self.next = after.map(|(parts, _)| parts);
                Ok(Some(page))
            }
        }
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
    for (name, value) in &*parts.headers {
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
            Arc::make_mut(&mut parts.headers).insert(name.clone(), value);
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
