//! The pages of an answer, and the items on them.

#[cfg(feature = "client")]
mod stream;
pub(crate) mod walk;

use abide_core::json::Json;
use abide_core::page;
use abide_core::place::{Path, Place};
use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;

#[cfg(feature = "client")]
pub use self::stream::{ItemStream, PageStream};
use super::Whole;
use crate::error::{Error, Kind, Result};

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

    /// The items of this page, found as [`PageStream::items`](crate::PageStream::items) says.
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

/// Reads the items out of one page after another: where they stood in one, they stand in the next.
#[derive(Debug)]
pub(crate) struct PageItems<T> {
    at: Option<Path>,
    left: std::vec::IntoIter<T>,
}

impl<T: DeserializeOwned> PageItems<T> {
    pub(crate) fn new(at: Option<Path>) -> Self {
        Self { at, left: Vec::new().into_iter() }
    }

    pub(crate) fn next(&mut self) -> Option<T> {
        self.left.next()
    }

    pub(crate) fn read(&mut self, page: &Page) -> Result<()> {
        let (items, found) = page.items_in(self.at.as_ref())?;
        // A later page without items may look like an item.
        if found != Path::ROOT && !items.is_empty() {
            self.at.get_or_insert(found);
        }
        self.left = items.into_iter();
        Ok(())
    }
}

/// A path to items, as it is written.
pub(crate) fn parse_path(path: &str) -> Result<Path> {
    path.parse().map_err(|e: abide_core::place::PlaceError| Error::setting(e.to_string()))
}
