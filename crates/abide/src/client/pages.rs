//! The pages of an answer, one after the other, fetched ahead of whoever reads them.

mod walk;

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use abide_core::json::Json;
use abide_core::page::{self, Pages};
use abide_core::place::{Path, Place};
use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use self::walk::Walker;
use super::{Request, Whole};
use crate::error::{Error, Kind, Result};

/// Nobody has so many pages, unless they lead in a circle.
const MOST_PAGES: u64 = 1_000_000;

impl Request {
    /// The pages of the answer, as a stream. How they follow each other is [`Pages::Auto`]'s to find out, or said in so many words
    /// (`"body.paging.next".parse()?`).
    ///
    /// Nothing is sent before the stream is polled. Each page is a call of its own, by the rules of this request. The page after the
    /// one that is read is fetched meanwhile; [`PageStream::prefetch`] changes that. Where the requests for later pages can be
    /// foreseen (numbers, offsets, a link to the last page, a total), those that are fetched ahead are fetched side by side.
    ///
    /// ```no_run
    /// use abide::Pages;
    /// # #[derive(serde::Deserialize)] struct Issue;
    /// # impl Issue { fn new() {} }
    /// # async fn example(github: abide::Client) -> abide::Result<()> {
    /// let mut pages = github.get("/repos/rust-lang/rust/issues").pages(Pages::Auto);
    /// while let Some(page) = pages.next().await {
    ///     println!("{} bytes from {}", page?.body().len(), github.stats());
    /// }
    /// let titles: Vec<serde_json::Value> = github.get("/issues").pages(Pages::Auto).items().all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pages(self, style: Pages) -> PageStream {
        let first = self.parts.and_then(|parts| Walker::new(self.client, parts, style, MOST_PAGES));
        PageStream { stage: Stage::Waiting(Some(Box::new(first))), ahead: 1, wanted: 0 }
    }
}

/// The pages of an answer; see [`Request::pages`]. After an error it ends.
#[derive(Debug)]
#[must_use = "pages are fetched when they are asked for"]
pub struct PageStream {
    stage: Stage,
    /// How many pages are fetched before they are asked for.
    ahead: usize,
    /// How many pages the walk was asked for that have not come.
    wanted: usize,
}

#[derive(Debug)]
enum Stage {
    Waiting(Option<Box<Result<Walker>>>),
    Walking { pages: mpsc::UnboundedReceiver<Result<Page>>, demand: Arc<Semaphore>, task: JoinHandle<()> },
    Ended,
}

impl PageStream {
    /// How many pages may be fetched before they are asked for; 1 by default, and 0 fetches each when it is.
    pub fn prefetch(mut self, pages: usize) -> Self {
        self.ahead = pages;
        self
    }

    /// How many pages there may be, 1,000,000 by default. Should the last of them name one more, the stream ends with an error: a
    /// server that names a next page for ever is never followed for ever.
    pub fn max_pages(mut self, most: u64) -> Self {
        if let Stage::Waiting(Some(walker)) = &mut self.stage
            && let Ok(first) = walker.as_mut()
        {
            first.bound(most);
        }
        self
    }

    /// Lets the pages go on at another origin (`https://api2.example.com`). It gets no credential.
    pub fn allow_origin(mut self, origin: impl AsRef<str>) -> Self {
        if let Stage::Waiting(Some(walker)) = &mut self.stage
            && let Ok(first) = walker.as_mut()
            && let Err(error) = first.allow(origin.as_ref())
        {
            **walker = Err(error);
        }
        self
    }

    /// The items of all pages, found where APIs use to put them: in a list, or under `items`, `data`, `results`, `records`, `rows` or
    /// `entries`, or in the only array of objects.
    pub fn items<T: DeserializeOwned>(self) -> ItemStream<T> {
        ItemStream { pages: self, at: None, left: Vec::new().into_iter(), item: PhantomData }
    }

    /// The items of all pages at a place in the bodies (`data.items`).
    ///
    /// # Errors
    ///
    /// If it is not a path.
    pub fn items_at<T: DeserializeOwned>(self, path: &str) -> Result<ItemStream<T>> {
        let path = path.parse().map_err(|e: abide_core::place::PlaceError| Error::setting(e.to_string()))?;
        Ok(ItemStream { at: Some(path), ..self.items() })
    }

    /// The next page; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<Page>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn start(&mut self) -> Result<()> {
        let Stage::Waiting(walker) = &mut self.stage else { return Ok(()) };
        let walker = walker.take().map(|walker| *walker);
        self.stage = Stage::Ended;
        let Some(walker) = walker.transpose()? else { return Ok(()) };
        let (sender, pages) = mpsc::unbounded_channel();
        let demand = Arc::new(Semaphore::new(0));
        let task = tokio::spawn(walker.walk(Arc::clone(&demand), sender));
        self.stage = Stage::Walking { pages, demand, task };
        Ok(())
    }

    /// Asks for so many pages that this many are on their way.
    fn want(&mut self, pages: usize) {
        if let Stage::Walking { demand, .. } = &self.stage {
            demand.add_permits(pages.saturating_sub(self.wanted));
            self.wanted = self.wanted.max(pages);
        }
    }
}

impl Stream for PageStream {
    type Item = Result<Page>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Err(error) = self.start() {
            return Poll::Ready(Some(Err(error)));
        }
        let ahead = self.ahead;
        self.want(ahead.max(1));
        let Stage::Walking { pages, .. } = &mut self.stage else { return Poll::Ready(None) };
        let page = ready!(pages.poll_recv(cx));
        self.wanted -= usize::from(page.is_some());
        self.want(ahead);
        Poll::Ready(page)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Self::Walking { task, .. } = self {
            task.abort();
        }
    }
}

/// One page.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page {
    /// Its number, from 1.
    pub number: u64,
    /// The answer that brought it.
    pub whole: Whole,
    body: Bytes,
}

impl Page {
    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.whole.headers
    }

    /// The decoded body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or of another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|e| self.error(format!("page {}: {e}", self.number)))
    }

    /// The items of this page, found as [`PageStream::items`] says.
    ///
    /// # Errors
    ///
    /// If the body is not JSON, or an item is of another shape.
    pub fn items<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        self.items_in(None).map(|(items, _)| items)
    }

    /// The items, and where they stood.
    fn items_in<T: DeserializeOwned>(&self, at: Option<&Path>) -> Result<(Vec<T>, Path)> {
        let wrong = |why: String| self.error(format!("page {}: {why}", self.number));
        let json = Json::parse(&self.body).map_err(|e| wrong(format!("the body is not JSON: {e}")))?;
        let path = at.cloned().unwrap_or_else(|| page::records(&json));
        let place = Place::Body(path.clone());
        let value = path.find(&json).ok_or_else(|| wrong(format!("there is no {place}")))?;
        let read = |text: &str| serde_json::from_str(text).map_err(|e| wrong(format!("an item in {place}: {e}")));
        let items = match value.kind() {
            abide_core::json::Kind::Array => value.elements().map(|item| read(item.text())).collect::<Result<_>>()?,
            abide_core::json::Kind::Null => Vec::new(),
            _ => vec![read(value.text())?],
        };
        Ok((items, path))
    }

    fn error(&self, why: String) -> Error {
        Error::new(Kind::Decode(why))
            .with_url(self.whole.url.clone())
            .with_account(self.whole.account.clone())
            .with_status(Some(self.whole.status))
    }
}

/// The items of all pages; see [`PageStream::items`]. After an error it ends.
pub struct ItemStream<T> {
    pages: PageStream,
    at: Option<Path>,
    left: std::vec::IntoIter<T>,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> ItemStream<T> {
    /// The next item; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<T>>
    where
        T: Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// All items that are left.
    ///
    /// # Errors
    ///
    /// The first error of a page; what was fetched before it is dropped.
    pub async fn all(mut self) -> Result<Vec<T>>
    where
        T: Unpin,
    {
        let mut all = Vec::new();
        while let Some(item) = self.next().await {
            all.push(item?);
        }
        Ok(all)
    }
}

impl<T: DeserializeOwned + Unpin> Stream for ItemStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.left.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            let Some(page) = ready!(Pin::new(&mut self.pages).poll_next(cx)) else { return Poll::Ready(None) };
            match page.and_then(|page| page.items_in(self.at.as_ref())) {
                Ok((items, found)) => {
                    // A later page without items may look like an item.
                    if found != Path::ROOT && !items.is_empty() {
                        self.at.get_or_insert(found);
                    }
                    self.left = items.into_iter();
                }
                Err(error) => {
                    self.pages.stage = Stage::Ended;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl<T> fmt::Debug for ItemStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemStream").field("pages", &self.pages).field("at", &self.at).finish_non_exhaustive()
    }
}
