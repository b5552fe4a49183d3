//! Decides where the next page of a response is: in a `Link` field, in another header field, or in the body.
//!
//! ```
//! use abide_core::json::Json;
//! use abide_core::page::{Next, Pages};
//!
//! let body = Json::parse(br#"{"items": [1, 2], "paging": {"next": "/items?page=2"}}"#)?;
//! let Next::Page { reference, at } = Pages::Auto.next(&http::HeaderMap::new(), Some(&body)) else { panic!() };
//! assert_eq!(reference, "/items?page=2");
//! assert_eq!(at.to_string(), "body.paging.next");
//! # Ok::<(), abide_core::json::JsonError>(())
//! ```

mod catalogue;
pub mod link;
mod next;
mod records;

use std::fmt;
use std::str::FromStr;

pub use self::next::Next;
pub use self::records::records;
use crate::place::{Path, Place, PlaceError};

/// How the pages of an API follow each other, as a user states it.
///
/// | spelling | meaning |
/// | --- | --- |
/// | `auto` | found in each response: `Link`, the usual header fields, the usual places in a body |
/// | `none` | there is one page |
/// | `link` | the `Link` field says `rel=next`; `link.REL` for another relation |
/// | `body.PATH`, `next=body.PATH` | the body holds the URL there, or an object with an `href`, `url` or `link` |
/// | `header.NAME` | a header field holds the URL |
///
/// A URL may be relative to the address of the response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pages {
    /// Found in each response.
    #[default]
    Auto,
    /// There is one page.
    None,
    /// The URL of the next page stands at this place; the last page lacks it, or it is empty or null there.
    Next(Place),
}

/// A way to page that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagesError {
    text: String,
    place: PlaceError,
}

impl fmt::Display for PagesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a way to page; accepted: 'auto', 'none', 'link', ", self.text)?;
        f.write_str("'body.PATH' (as in 'body.paging.next') or 'header.NAME' for the place of the next page's URL")?;
        match &self.place {
            PlaceError::Source(_) => Ok(()),
            PlaceError::Path(path) => write!(f, "; '{path}' is not such a path"),
            PlaceError::Header(name) => write!(f, "; '{name}' is not the name of a header field"),
            PlaceError::Link => f.write_str("; a relation was expected after 'link.'"),
        }
    }
}

impl std::error::Error for PagesError {}

impl FromStr for Pages {
    type Err = PagesError;

    fn from_str(text: &str) -> Result<Self, PagesError> {
        let wrong = |place| PagesError { text: text.to_owned(), place };
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            "link" => Ok(Self::Next(Place::Link("next".to_owned()))),
            _ => match text.strip_prefix("next=").unwrap_or(text).parse().map_err(wrong)? {
                Place::Body(path) if path == Path::ROOT => Err(wrong(PlaceError::Path(String::new()))),
                place => Ok(Self::Next(place)),
            },
        }
    }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::None => f.write_str("none"),
            Self::Next(Place::Link(rel)) if rel == "next" => f.write_str("link"),
            Self::Next(place) => write!(f, "{place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_back_as_itself() {
        for text in [
            "auto",
            "none",
            "link",
            "link.successor",
            "body.paging.next",
            "body[\"@odata.nextLink\"]",
            "header.next-page",
        ] {
            assert_eq!(text.parse::<Pages>().map(|pages| pages.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("next=body.a".parse::<Pages>(), "body.a".parse());
        assert_eq!("link.next".parse::<Pages>(), "link".parse());
        assert_eq!(Pages::default(), Pages::Auto);
    }

    #[test]
    fn nonsense_is_named_with_what_is_accepted() {
        let read = |text: &str| text.parse::<Pages>().unwrap_err().to_string();
        let accepted = "is not a way to page; accepted: 'auto', 'none', 'link', 'body.PATH' (as in 'body.paging.next') or \
                        'header.NAME' for the place of the next page's URL";
        assert_eq!(read("all"), format!("'all' {accepted}"));
        assert_eq!(read("next"), format!("'next' {accepted}"));
        assert_eq!(read("body.a..b"), format!("'body.a..b' {accepted}; 'a..b' is not such a path"));
        assert_eq!(read("body"), format!("'body' {accepted}; '' is not such a path"));
        assert_eq!(read("link."), format!("'link.' {accepted}; a relation was expected after 'link.'"));
    }
}
