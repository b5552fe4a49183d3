//! The spelling of a way to page: a word, a place, or pairs of `key=value`.

use std::fmt;
use std::str::FromStr;

use super::slot::Slot;
use super::style::{Cursor, Last, Number, Offset, Size};
use super::{Format, Pages};
use crate::place::{Path, Place};

/// A way to page that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagesError {
    text: String,
    why: Option<String>,
}

impl fmt::Display for PagesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a way to page", self.text)?;
        if let Some(why) = &self.why {
            write!(f, ": {why}")?;
        }
        f.write_str(
            "; accepted: 'auto', 'none', 'link', 'odata', 'hal', 'jsonapi', 'ogc', 'relay', 'stripe', 'mediawiki', \
             'body.PATH' (as in 'body.paging.next') or 'header.NAME' for the place of the next page's URL, or one of \
             'cursor=body.next_cursor send=query.cursor', 'last=record.id send=query.after', 'page=query.page', \
             'offset=query.offset', 'merge=body.continue'",
        )
    }
}

impl std::error::Error for PagesError {}

impl FromStr for Pages {
    type Err = PagesError;

    fn from_str(text: &str) -> Result<Self, PagesError> {
        let wrong = |why| PagesError { text: text.to_owned(), why };
        Ok(match text {
            "auto" => Self::Auto,
            "none" => Self::None,
            "link" => Self::Next(Place::Link("next".to_owned())),
            "odata" => Self::Format(Format::Odata),
            "hal" => Self::Format(Format::Hal),
            "jsonapi" => Self::Format(Format::JsonApi),
            "ogc" => Self::Format(Format::Ogc),
            "relay" => Self::Relay,
            "stripe" => Self::stripe(),
            "mediawiki" => Self::Merge(Path::ROOT.join("continue")),
            _ if is_pairs(text) => {
                let pairs = text.split_whitespace().map(|pair| pair.split_once('=').unwrap_or((pair, "")));
                return Self::from_pairs(pairs).map_err(|why| wrong(Some(why)));
            }
            _ => Self::Next(url_place(text).map_err(|why| wrong(Some(why)))?),
        })
    }
}

/// Whether the text begins with a key and its sign: a place may hold `=` as well, in brackets.
fn is_pairs(text: &str) -> bool {
    text.find('=').is_some_and(|at| text[..at].bytes().all(|byte| byte.is_ascii_lowercase()))
}

fn url_place(text: &str) -> Result<Place, String> {
    match text.parse().map_err(|e: crate::place::PlaceError| e.to_string())? {
        Place::Body(path) if path == Path::ROOT => Err("a path was expected after 'body'".to_owned()),
        place => Ok(place),
    }
}

impl Pages {
    fn stripe() -> Self {
        Self::Last(Last {
            record: Path::ROOT.join("id"),
            send: Slot::Query("starting_after".to_owned()),
            more: Some(Place::Body(Path::ROOT.join("has_more"))),
        })
    }

    /// A way to page from the keys and values that describe it, as in the table above.
    ///
    /// # Errors
    ///
    /// What is wrong, as a part of a sentence.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut pairs = Pairs(pairs.into_iter().collect());
        let pages = if let Some(place) = pairs.take("next") {
            Self::Next(url_place(place)?)
        } else if let Some(at) = pairs.take("cursor").or_else(|| pairs.take("range")) {
            Self::Cursor(Cursor { at: read(at)?, send: pairs.send()?, more: pairs.place("more")? })
        } else if let Some(last) = pairs.take("last") {
            let path = last.strip_prefix("record.").ok_or_else(|| format!("'{last}' is not 'record.PATH'"))?;
            Self::Last(Last { record: read(path)?, send: pairs.send()?, more: pairs.place("more")? })
        } else if let Some(send) = pairs.take("page") {
            let (pages, total) = (pairs.place("pages")?, pairs.place("total")?);
            Self::Number(Number { send: read(send)?, first: pairs.first(1)?, size: pairs.size()?, pages, total })
        } else if let Some(send) = pairs.take("offset") {
            let total = pairs.place("total")?;
            Self::Offset(Offset { send: read(send)?, first: pairs.first(0)?, size: pairs.size()?, total })
        } else if let Some(at) = pairs.take("merge") {
            let path = at.strip_prefix("body.").ok_or_else(|| format!("'{at}' is not 'body.PATH'"))?;
            Self::Merge(read(path)?)
        } else {
            return Err("one of next, cursor, range, last, page, offset or merge is needed".to_owned());
        };
        match pairs.0.first() {
            None => Ok(pages),
            Some((key, _)) => Err(format!("'{key}' does not go with it")),
        }
    }
}

struct Pairs<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Pairs<'a> {
    fn take(&mut self, key: &str) -> Option<&'a str> {
        let index = self.0.iter().position(|(known, _)| *known == key)?;
        Some(self.0.remove(index).1)
    }

    fn send(&mut self) -> Result<Slot, String> {
        read(self.take("send").ok_or("'send=SLOT' is missing, as in 'send=query.cursor'")?)
    }

    fn place(&mut self, key: &str) -> Result<Option<Place>, String> {
        self.take(key).map(read).transpose()
    }

    fn first(&mut self, usual: u64) -> Result<u64, String> {
        let Some(text) = self.take("first") else { return Ok(usual) };
        text.parse().map_err(|_| format!("first={text} is not a whole number"))
    }

    fn size(&mut self) -> Result<Option<Size>, String> {
        let Some(text) = self.take("size") else { return Ok(None) };
        let wrong = || format!("size={text} is not 'SLOT:NUMBER', as in 'size=query.per_page:100'");
        let (send, count) = text.rsplit_once(':').ok_or_else(wrong)?;
        Ok(Some(Size { send: read(send)?, count: count.parse().map_err(|_| wrong())? }))
    }
}

fn read<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e: T::Err| e.to_string())
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |f: &mut fmt::Formatter<'_>, key: &str, place: &Option<Place>| match place {
            Some(place) => write!(f, " {key}={place}"),
            None => Ok(()),
        };
        let sized = |f: &mut fmt::Formatter<'_>, size: &Option<Size>| match size {
            Some(size) => write!(f, " size={}:{}", size.send, size.count),
            None => Ok(()),
        };
        match self {
            Self::Auto => f.write_str("auto"),
            Self::None => f.write_str("none"),
            Self::Next(Place::Link(rel)) if rel == "next" => f.write_str("link"),
            Self::Next(place) => write!(f, "{place}"),
            Self::Format(Format::Odata) => f.write_str("odata"),
            Self::Format(Format::Hal) => f.write_str("hal"),
            Self::Format(Format::JsonApi) => f.write_str("jsonapi"),
            Self::Format(Format::Ogc) => f.write_str("ogc"),
            Self::Relay => f.write_str("relay"),
            Self::Cursor(Cursor { at, send, more }) => {
                write!(f, "cursor={at} send={send}")?;
                with(f, "more", more)
            }
            stripe if *stripe == Self::stripe() => f.write_str("stripe"),
            Self::Last(Last { record, send, more }) => {
                write!(f, "last=record.{record} send={send}")?;
                with(f, "more", more)
            }
            Self::Number(Number { send, first, size, pages, total }) => {
                write!(f, "page={send} first={first}")?;
                sized(f, size)?;
                with(f, "pages", pages)?;
                with(f, "total", total)
            }
            Self::Offset(Offset { send, first, size, total }) => {
                write!(f, "offset={send} first={first}")?;
                sized(f, size)?;
                with(f, "total", total)
            }
            Self::Merge(path) if *path == Path::ROOT.join("continue") => f.write_str("mediawiki"),
            Self::Merge(path) => write!(f, "merge=body.{path}"),
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
            "body.links[rel=next]",
            "header.next-page",
            "odata",
            "hal",
            "jsonapi",
            "ogc",
            "relay",
            "stripe",
            "mediawiki",
            "cursor=body.next_cursor send=query.cursor more=body.has_more",
            "cursor=header.next-range send=header.range",
            "last=record.id send=query.before",
            "page=query.page first=0 size=query.per_page:100 pages=header.x-total-pages",
            "offset=query.startAt first=0 size=query.maxResults:100 total=body.total",
            "offset=body.from first=1",
            "merge=body.query.continue",
        ] {
            assert_eq!(text.parse::<Pages>().map(|pages| pages.to_string()), Ok(text.to_owned()));
        }
        for (short, long) in [
            ("next=body.a", "body.a"),
            ("link.next", "link"),
            ("range=header.next-range send=header.range", "cursor=header.next-range send=header.range"),
            ("page=query.page", "page=query.page first=1"),
            ("merge=body.continue", "mediawiki"),
            ("last=record.id send=query.starting_after more=body.has_more", "stripe"),
        ] {
            assert_eq!(short.parse::<Pages>(), long.parse());
        }
        assert_eq!(Pages::default(), Pages::Auto);
    }

    #[test]
    fn nonsense_is_named_with_what_is_accepted() {
        let read = |text: &str| text.parse::<Pages>().unwrap_err().to_string();
        for (text, why) in [
            ("all", "'all' is not a place in a response"),
            ("body", "a path was expected after 'body'"),
            ("body.a..b", "'a..b' is not a path into a body"),
            ("link.", "'link.' lacks a relation"),
            ("cursor=body.c", "'send=SLOT' is missing"),
            ("cursor=body.c send=page", "'page' is not a place in a request"),
            ("last=id send=query.after", "'id' is not 'record.PATH'"),
            ("page=query.page first=one", "first=one is not a whole number"),
            ("page=query.page size=query.n:0", "size=query.n:0 is not 'SLOT:NUMBER'"),
            ("page=query.page more=body.m", "'more' does not go with it"),
            ("more=body.m", "one of next, cursor, range, last, page, offset or merge is needed"),
        ] {
            let error = read(text);
            assert!(error.starts_with(&format!("'{text}' is not a way to page: {why}")), "{error}");
            assert!(error.contains("; accepted: 'auto', 'none', 'link'"), "{error}");
        }
    }
}
