//! The pages of an answer as a stream, fetched ahead of whoever reads them.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use abide_core::page::Pages;
use futures_core::Stream;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::walk::Walker;
use super::{Page, PageItems, parse_path};
use crate::client::{Client, Request};
use crate::error::Result;

impl Request<Client> {
    /// The pages of the answer, as a stream. How they follow each other is [`Pages::Auto`]'s to find out, or said in so many words
    /// (`"body.paging.next".parse()?`).
    ///
    /// Nothing is sent before the stream is polled. Each page is a call of its own, by the rules of this request. The page after the
    /// one that is read is fetched meanwhile; [`PageStream::prefetch`] changes that.
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
        let Self { client, parts } = self;
        let first = parts.and_then(|parts| Walker::new(&client.ground, parts, style));
        PageStream { stage: Stage::Waiting(Some(Box::new(first))), client, ahead: 1, wanted: 0 }
    }
}

/// The pages of an answer; see [`Request::pages`]. After an error it ends.
#[derive(Debug)]
#[must_use = "pages are fetched when they are asked for"]
pub struct PageStream {
    stage: Stage,
    client: Client,
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
        ItemStream { pages: self, items: PageItems::new(None) }
    }

    /// The items of all pages at a place in the bodies (`data.items`).
    ///
    /// # Errors
    ///
    /// If it is not a path.
    pub fn items_at<T: DeserializeOwned>(self, path: &str) -> Result<ItemStream<T>> {
        Ok(ItemStream { pages: self, items: PageItems::new(Some(parse_path(path)?)) })
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
        let task = tokio::spawn(walk(walker, self.client.clone(), Arc::clone(&demand), sender));
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

/// Fetches as many pages as are wanted, until they end or nobody listens.
async fn walk(mut walker: Walker, client: Client, demand: Arc<Semaphore>, pages: mpsc::UnboundedSender<Result<Page>>) {
    // It is closed by nobody.
    while let Ok(permit) = demand.acquire().await {
        permit.forget();
        let Some(page) = walker.page(&*client.transport).await.transpose() else { return };
        if pages.send(page).is_err() {
            return;
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

/// The items of all pages; see [`PageStream::items`]. After an error it ends.
pub struct ItemStream<T> {
    pages: PageStream,
    items: PageItems<T>,
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
            if let Some(item) = self.items.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            let Some(page) = ready!(Pin::new(&mut self.pages).poll_next(cx)) else { return Poll::Ready(None) };
            if let Err(error) = page.and_then(|page| self.items.read(&page)) {
                self.pages.stage = Stage::Ended;
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

impl<T> fmt::Debug for ItemStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemStream").field("pages", &self.pages).finish_non_exhaustive()
    }
}
