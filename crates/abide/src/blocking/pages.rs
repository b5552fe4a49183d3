//! The pages of an answer, and the items on them, as iterators.

use abide_core::page::Pages;
use serde::de::DeserializeOwned;

use super::{Client, Request};
use crate::Page;
use crate::client::{PageItems, Walker, parse_path};
use crate::error::Result;

/// The pages of an answer; see `Request::pages`. After an error it ends.
#[derive(Debug)]
#[must_use = "pages are fetched when they are asked for"]
pub struct PageIter {
    client: Client,
    /// `None` after an error.
    walker: Option<Result<Walker>>,
}

impl PageIter {
    pub(super) fn new(request: Request, style: Pages) -> Self {
        let Request { client, parts } = request;
        let walker = parts.and_then(|parts| Walker::new(&client.ground, *parts, style));
        Self { client, walker: Some(walker) }
    }

    /// How many pages there may be, 1,000,000 by default. Should the last of them name one more, there is an error.
    pub fn max_pages(mut self, most: u64) -> Self {
        if let Some(Ok(walker)) = &mut self.walker {
            walker.bound(most);
        }
        self
    }

    /// Lets the pages go on at another origin (`https://api2.example.com`). It gets no credential.
    pub fn allow_origin(mut self, origin: impl AsRef<str>) -> Self {
        self.walker = self.walker.map(|walker| {
            let mut walker = walker?;
            walker.allow(origin.as_ref())?;
            Ok(walker)
        });
        self
    }

    /// The items of all pages, found where APIs use to put them: in a list, or under `items`, `data`, `results`, `records`, `rows` or
    /// `entries`, or in the only array of objects.
    pub fn items<T: DeserializeOwned>(self) -> Items<T> {
        Items { pages: self, items: PageItems::new(None) }
    }

    /// The items of all pages at a place in the bodies (`data.items`).
    ///
    /// # Errors
    ///
    /// If it is not a path.
    pub fn items_at<T: DeserializeOwned>(self, path: &str) -> Result<Items<T>> {
        Ok(Items { pages: self, items: PageItems::new(Some(parse_path(path)?)) })
    }
}

impl Iterator for PageIter {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        let mut walker = match self.walker.take()? {
            Ok(walker) => walker,
            Err(error) => return Some(Err(error)),
        };
        let page = self.client.block_on(walker.page(&*self.client.transport)).transpose()?;
        self.walker = page.is_ok().then_some(Ok(walker));
        Some(page)
    }
}

/// The items of all pages; see [`PageIter::items`]. After an error it ends.
#[derive(Debug)]
pub struct Items<T> {
    pages: PageIter,
    items: PageItems<T>,
}

impl<T: DeserializeOwned> Iterator for Items<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(item) = self.items.next() {
                return Some(Ok(item));
            }
            if let Err(error) = self.pages.next()?.and_then(|page| self.items.read(&page)) {
                self.pages.walker = None;
                return Some(Err(error));
            }
        }
    }
}
