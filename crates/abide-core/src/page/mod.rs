//! Decides where the next page of a response is: at a URL that it names, or at the same one with a token, a number or an offset.
//!
//! ```
//! use abide_core::json::Json;
//! use abide_core::page::{Answer, Asked, Next, Pages, Records};
//!
//! let body = Json::parse(br#"{"items": [1, 2], "paging": {"next": "/items?page=2"}}"#)?;
//! let headers = http::HeaderMap::new();
//! let answer = Answer { headers: &headers, body: Some(&body), asked: Asked::default(), records: Records::default() };
//! let Next::Page { reference, at } = Pages::Auto.next(&answer) else { panic!() };
//! assert_eq!(reference, "/items?page=2");
//! assert_eq!(at.to_string(), "body.paging.next");
//! # Ok::<(), abide_core::json::JsonError>(())
//! ```

mod ahead;
mod answer;
mod catalogue;
mod chain;
mod expired;
mod guess;
pub mod link;
mod onward;
mod records;
mod reference;
mod slot;
mod spelling;
mod style;
mod total;

pub use self::answer::{Answer, Asked, Records};
pub use self::chain::{Came, Chain, Step};
pub use self::expired::is_expired;
pub use self::onward::{Onward, Stall};
pub use self::records::records;
pub use self::slot::{Change, Slot, SlotError, set_in_body};
pub use self::spelling::PagesError;
pub use self::style::{Cursor, Last, Number, Offset, Size};
pub use self::total::total;
use crate::place::{Path, Place};

/// How the pages of an API follow each other, as a user states it.
///
/// | spelling | meaning |
/// | --- | --- |
/// | `auto` | found in each response: `Link`, the usual header fields, the usual places in a body |
/// | `none` | there is one page |
/// | `link` | the `Link` field says `rel=next`; `link.REL` for another relation |
/// | `odata`, `hal`, `jsonapi`, `ogc` | the body holds the URL where these formats put it |
/// | `relay` | GraphQL: `pageInfo.endCursor` goes into `variables.after` |
/// | `stripe` | while `has_more`, the last record's `id` goes into `starting_after` |
/// | `mediawiki` | the members of `continue` go into the query |
/// | `body.PATH`, `next=body.PATH` | the body holds the URL there, or an object with an `href`, `url` or `link` |
/// | `header.NAME` | a header field holds the URL |
/// | `cursor=PLACE send=SLOT more=PLACE` | a token goes into the next request; `range=` means the same |
/// | `last=record.PATH send=SLOT more=PLACE` | a value of the last record does |
/// | `page=SLOT first=1 size=SLOT:N pages=PLACE total=PLACE` | the pages have numbers |
/// | `offset=SLOT first=0 size=SLOT:N total=PLACE` | the pages begin at a record |
/// | `merge=body.PATH` | the members of an object go into the query |
///
/// A [`Place`] is where a value stands in a response, a [`Slot`] where it goes in a request. All keys but the first may be left
/// out; `send` may not. A URL may be relative to the address of the response. Pages end, the safest sign first: where the
/// response says so, when as many records have come as there are, with an empty page. A short page is no end.
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
    /// The URL of the next page stands where a format puts it.
    Format(Format),
    /// A token goes into the next request.
    Cursor(Cursor),
    /// A value of the last record goes into the next request.
    Last(Last),
    /// The pages have numbers.
    Number(Number),
    /// The pages begin at a record.
    Offset(Offset),
    /// The members of an object go into the query.
    Merge(Path),
    /// GraphQL's cursor connections.
    Relay,
}

/// A format that says where the URL of the next page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// OData 2 to 4.
    Odata,
    /// HAL.
    Hal,
    /// JSON:API.
    JsonApi,
    /// OGC API, STAC, FHIR.
    Ogc,
}

/// What a response says about the page after it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// There is none.
    End,
    /// There is one.
    Page {
        /// Its URL as the server wrote it; it may be relative to the address of the response, or even empty.
        reference: String,
        /// Where it stands. [`Pages::Next`] with this place reads later pages in the same way.
        at: Place,
    },
    /// There is one: the first request of the chain again, with these values set.
    Changed {
        /// What is set.
        changes: Vec<Change>,
        /// What reads later pages in the same way.
        by: Pages,
    },
    /// There seems to be one, but what stands there is a token, a number or a flag and not a URL to follow with GET.
    Token {
        /// Where it stands.
        at: Place,
        /// What stands there; JSON, for a place in the body.
        value: String,
    },
    /// The response lacks the place that the user named. Many APIs end like that; on a first page the name may be wrong.
    Absent {
        /// The place that was looked for.
        at: Place,
    },
    /// The last record has no text and no number there, so nobody can know where the next page begins.
    NoSuchValue {
        /// Where it was looked for in the record.
        path: Path,
    },
}

impl Pages {
    /// Whether later pages are asked for with what the server gave, which it may come to refuse; numbers and offsets stay good.
    pub fn goes_by_token(&self) -> bool {
        !matches!(self, Self::None | Self::Number(_) | Self::Offset(_))
    }

    /// Where the page after this response is.
    pub fn next(&self, answer: &Answer<'_>) -> Next {
        match self {
            Self::Auto => match reference::auto(answer.headers, answer.body) {
                page @ Next::Page { .. } => page,
                other if answer.body.and_then(reference::more).is_some_and(|(more, _)| !more) => other,
                other => guess::guess(answer).unwrap_or(other),
            },
            Self::None => Next::End,
            Self::Next(place) => reference::named(place, answer.headers, answer.body),
            Self::Format(format) => format.next(answer),
            Self::Cursor(style) => style.next(answer),
            Self::Last(style) => style.next(answer),
            Self::Number(style) => style.next(answer),
            Self::Offset(style) => style.next(answer),
            Self::Merge(path) => style::merge(path, answer),
            Self::Relay => style::relay(answer),
        }
    }
}

impl Format {
    /// A last page lacks the place, so absence is the end.
    fn next(self, answer: &Answer<'_>) -> Next {
        let read = |place| reference::named(&Place::Body(catalogue::path(place)), answer.headers, answer.body);
        let found = self.places().iter().map(|place| read(place)).find(|next| !matches!(next, Next::Absent { .. }));
        found.unwrap_or(Next::End)
    }

    const fn places(self) -> &'static [&'static str] {
        match self {
            Self::Odata => &["[\"@odata.nextLink\"]", "[\"odata.nextLink\"]", "d.__next"],
            Self::Hal => &["_links.next"],
            Self::JsonApi => &["links.next"],
            Self::Ogc => &["links[rel=next]", "link[relation=next]"],
        }
    }
}

#[cfg(test)]
mod testing {
    use http::HeaderMap;

    use super::{Answer, Asked, Records};
    use crate::json::Json;

    /// An answer to a request of which nothing is known.
    pub(super) fn answer<'a>(headers: &'a HeaderMap, body: Option<&'a Json<'a>>) -> Answer<'a> {
        Answer { headers, body, asked: Asked::default(), records: Records::default() }
    }
}
