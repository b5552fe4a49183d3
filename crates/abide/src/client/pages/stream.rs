//! The pages of an answer as a stream, fetched ahead of whoever reads them.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use abide_core::page::Pages;
use futures_core::Stream;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::task::JoinHandle;

use super::walk::{Arrived, Walker, fetch};
use super::{Page, PageItems, parse_path};
use crate::client::parts::Parts;
use crate::client::{Client, Request};
use crate::error::{Error, Result};

impl Request<Client> {
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
        let Self { client, parts } = self;
        let first = parts.and_then(|parts| Walker::new(&client.ground, *parts, style));
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

/// A page on its way, which ends when nobody waits for it.
#[derive(Debug)]
struct Flight(JoinHandle<Arrived>);

impl Flight {
    fn launch(walker: &Walker, client: &Client, parts: Parts) -> Self {
        let (exchange, client) = (walker.exchange(parts), client.clone());
        Self(tokio::spawn(async move { fetch(exchange, &*client.transport).await }))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Fetches as many pages as are wanted, until they end or nobody listens.
async fn walk(mut walker: Walker, client: Client, demand: Arc<Semaphore>, pages: mpsc::UnboundedSender<Result<Page>>) {
    // Those on their way, the first of them the one in turn.
    let mut flying = VecDeque::new();
    loop {
        if !walker.is_as_foreseen() {
            // They were paid for, and come to nothing.
            demand.add_permits(flying.len());
            flying.clear();
        }
        let asked = match walker.turn() {
            Ok(Some(parts)) => parts,
            Ok(None) => return,
            Err(error) => return drop(pages.send(Err(error))),
        };
        if flying.is_empty() {
            // It is closed by nobody.
            let Ok(permit) = demand.acquire().await else { return };
            permit.forget();
            flying.push_back(Flight::launch(&walker, &client, asked.clone()));
        }
        let arrived = first(&mut flying, &walker, &client, &demand).await;
        let Some(page) = walker.on_page(&asked, arrived).transpose() else { return };
        let is_over = page.is_err();
        if pages.send(page).is_err() || is_over {
            return;
        }
    }
}

/// Waits for the first page on its way, and meanwhile asks for those behind it that can be foreseen and are wanted.
async fn first(flying: &mut VecDeque<Flight>, walker: &Walker, client: &Client, demand: &Semaphore) -> Arrived {
    loop {
        let foreseen = walker.foreseen(flying.len() as u64);
        let Some(first) = flying.front_mut() else { return Err(Error::setting("no page is on its way")) };
        let mut wanted = pin!(demand.acquire());
        let arrived = poll_fn(|cx| match Pin::new(&mut first.0).poll(cx) {
            Poll::Ready(arrived) => Poll::Ready(Some(arrived)),
            Poll::Pending if foreseen.is_some() => wanted.as_mut().poll(cx).map(|permit| {
                // It is closed by nobody.
                let _ = permit.map(SemaphorePermit::forget);
                None
            }),
            Poll::Pending => Poll::Pending,
        });
        match arrived.await {
            Some(arrived) => {
                flying.pop_front();
                // Only what was dropped is cancelled.
                return arrived.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            }
            None => flying.extend(foreseen.map(|parts| Flight::launch(walker, client, parts))),
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
