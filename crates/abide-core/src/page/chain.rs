//! Follows one chain of pages: where each page leads, what is foreseen behind it, and when the chain stands still.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use http::{HeaderMap, StatusCode};

use super::ahead::{Ahead, is_counted};
use super::answer::{Answer, Asked, Records};
use super::onward::{Onward, Stall};
use super::{Next, Pages, total};
use crate::json::{Json, Value};
use crate::place::Place;

/// Empty pages in a row after which a server that merely counts on is not followed: it would for ever.
const EMPTY_COUNTED: u64 = 3;
/// The same for one that gives a new token with each. Filters that are applied after paging make nearly all pages empty.
const EMPTY: u64 = 1_000;
/// With fewer pages left they are asked for one after the other: there is little to gain, and small servers may not stand more.
const FEW: u64 = 8;
/// How often what was foreseen may turn out wrong before nothing is foreseen any more.
const WRONG: u32 = 3;

/// A chain of pages, told of each page in turn.
///
/// ```
/// use abide_core::json::Json;
/// use abide_core::page::{Asked, Came, Chain, Onward, Pages};
///
/// let mut chain = Chain::new(Pages::Auto, u64::MAX, 0, 0);
/// let body = Json::parse(br#"{"items": [1, 2], "next": "/items?page=2", "total": 18}"#)?;
/// let headers = http::HeaderMap::new();
/// let came =
///     Came { headers: &headers, body: Some(&body), asked: Asked::default(), count: 2, text: b"[1,2]", last: None };
/// let step = chain.on_page(&came).unwrap();
/// assert!(matches!(step.onward, Some(Onward::Url { reference, .. }) if reference == "/items?page=2"));
/// // The third page is known before the second has come.
/// assert!(matches!(chain.foreseen(1), Some(Onward::Url { reference, .. }) if reference == "/items?page=3"));
/// // The fourth as well, but that is not trusted before another page has shown that the numbers count.
/// assert_eq!(chain.foreseen(2), None);
/// # Ok::<(), abide_core::json::JsonError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chain {
    pages: Pages,
    /// Whether a page has shown it, and nobody was told.
    is_new: bool,
    most: u64,
    /// Pages that came.
    count: u64,
    /// Records that came.
    records: u64,
    /// Empty pages since the last that was not.
    empty: u64,
    /// What each page held that was not empty, and its number from 1.
    held: BTreeMap<u64, u64>,
    ahead: Option<Ahead>,
    wrong: u32,
}

/// A page that came.
#[derive(Clone, Copy, Debug)]
pub struct Came<'a> {
    /// The header fields of the response.
    pub headers: &'a HeaderMap,
    /// Its body; none where it holds no single JSON value.
    pub body: Option<&'a Json<'a>>,
    /// What was asked for.
    pub asked: Asked<'a>,
    /// How many records it held.
    pub count: u64,
    /// Their text, by which a page that comes again is known.
    pub text: &'a [u8],
    /// The last of them.
    pub last: Option<Value<'a>>,
}

/// Where a page leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The request for the next page; none after the last.
    pub onward: Option<Onward>,
    /// Whether it was foreseen. If not, whatever was fetched ahead is of no use.
    pub as_foreseen: bool,
}

impl Chain {
    /// A chain whose pages follow each other like this, of which `count` pages with `records` records came before, and which may
    /// have `most` pages.
    pub fn new(pages: Pages, most: u64, count: u64, records: u64) -> Self {
        let held = BTreeMap::new();
        Self { pages, is_new: false, most, count, records, empty: 0, held, ahead: None, wrong: 0 }
    }

    /// How the pages go on, as far as it is known.
    pub fn pages(&self) -> &Pages {
        &self.pages
    }

    /// How many pages came.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Allows so many pages in all.
    pub fn bound(&mut self, most: u64) {
        self.most = most;
    }

    /// Takes in the next page, in turn.
    ///
    /// # Errors
    ///
    /// Why the chain does not go on, though it has not ended.
    pub fn on_page(&mut self, came: &Came<'_>) -> Result<Step, Stall> {
        let answer = Answer {
            headers: came.headers,
            body: came.body,
            asked: came.asked,
            records: Records { before: self.records, count: came.count, last: came.last },
        };
        let next = self.pages.next(&answer);
        let ahead = Ahead::of(&self.pages, &answer, &next, self.count).filter(|ahead| ahead.has_left(FEW));
        let is_counted = matches!(&next, Next::Page { reference, .. } if is_counted(reference, &answer));
        self.count += 1;
        self.repeated(came)?;
        let onward = self.onward(next)?;
        let is_all = came.count == 0 && self.records > 0 && total(came.headers, came.body) == Some(self.records);
        self.records += came.count;
        self.empty = if came.count == 0 { self.empty + 1 } else { 0 };
        let Some(onward) = onward.filter(|_| !is_all) else {
            self.ahead = None;
            return Ok(Step { onward: None, as_foreseen: false });
        };
        if self.empty >= if is_counted { EMPTY_COUNTED } else { EMPTY } {
            return Err(Stall::Empty { pages: self.empty });
        }
        let foreseen = self.ahead.take();
        let as_foreseen = foreseen.as_ref().and_then(|ahead| ahead.page(0)).as_ref() == Some(&onward);
        if foreseen.is_some() && !as_foreseen {
            self.wrong += 1;
        }
        self.ahead = match (foreseen, ahead) {
            (Some(foreseen), _) if as_foreseen => foreseen.further(),
            // A page that is short is more often an exception than a new rule.
            (Some(foreseen), Some(ahead)) if self.wrong == 1 => ahead.in_steps_of(&foreseen).further(),
            (_, ahead) => ahead.filter(|_| self.wrong < WRONG).and_then(|ahead| ahead.further()),
        };
        Ok(Step { onward: Some(onward), as_foreseen })
    }

    /// The request for the page that comes `n` pages after the next, if that can be known; the next one is page 0.
    pub fn foreseen(&self, n: u64) -> Option<Onward> {
        let ahead = self.ahead.as_ref()?;
        // It is trusted as far as it has proved right: a server that does not heed the number is found out before much is asked for.
        // Where nobody says which is the last, a quarter of all requests at most ask for pages that are not there.
        let reach = if ahead.is_bounded() { self.count } else { self.count / 4 };
        if n == 0 || n > reach || self.count.saturating_add(n) >= self.most {
            return None;
        }
        ahead.page(n - 1)
    }

    /// Whether it has as many pages as it may have. Who asks for one more would follow a server that never ends.
    pub fn is_full(&self) -> bool {
        self.count >= self.most
    }

    /// Whether the answer with this status is the end of the pages: the one after the last of those that are counted, where nothing
    /// says how many there are.
    pub fn ends_with(&self, status: StatusCode) -> bool {
        let is_refused =
            matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::RANGE_NOT_SATISFIABLE);
        let is_counted = match &self.pages {
            Pages::Number(number) => number.pages.is_none() && number.total.is_none(),
            Pages::Offset(offset) => offset.total.is_none(),
            Pages::Cursor(_) => status == StatusCode::RANGE_NOT_SATISFIABLE,
            _ => false,
        };
        self.count > 0 && is_refused && is_counted
    }

    /// How the pages go on, once, when a page has shown it.
    pub fn discovered(&mut self) -> Option<&Pages> {
        std::mem::take(&mut self.is_new).then_some(&self.pages)
    }

    fn onward(&mut self, next: Next) -> Result<Option<Onward>, Stall> {
        match next {
            Next::End => Ok(None),
            Next::Page { reference, at } => Ok(Some(Onward::Url { reference, at })),
            Next::Changed { changes, by } => {
                self.is_new |= self.pages != by;
                self.pages = by;
                Ok(Some(Onward::Changed(changes)))
            }
            Next::Token { at, value } => Err(Stall::Token { at, value }),
            // Who pages by links names none where there is but one page, so this tells nothing of a wrong name.
            Next::Absent { at: Place::Link(rel) } if rel == "next" => Ok(None),
            // Later pages end like that.
            Next::Absent { at } if self.count == 1 => Err(Stall::Absent { at }),
            Next::Absent { .. } => Ok(None),
            Next::NoSuchValue { path } => Err(Stall::NoSuchValue { path }),
        }
    }

    fn repeated(&mut self, came: &Came<'_>) -> Result<(), Stall> {
        if came.count == 0 {
            return Ok(());
        }
        let mut hasher = DefaultHasher::new();
        came.text.hash(&mut hasher);
        match self.held.insert(hasher.finish(), self.count) {
            Some(page) => Err(Stall::Repeats { page }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A page that came: the numbers that it holds, and what the body says beside them.
    fn page(
        chain: &mut Chain,
        query: &[(String, String)],
        ids: std::ops::Range<u64>,
        beside: &str,
    ) -> Result<Step, Stall> {
        let list = ids.clone().map(|id| id.to_string()).collect::<Vec<_>>().join(",");
        let text = format!("{{\"items\":[{list}]{beside}}}");
        let body = Json::parse(text.as_bytes()).unwrap();
        chain.on_page(&Came {
            headers: &HeaderMap::new(),
            body: Some(&body),
            asked: Asked { query, body: None },
            count: ids.end - ids.start,
            text: list.as_bytes(),
            last: None,
        })
    }

    fn next(step: &Step) -> Option<String> {
        match step.onward.as_ref()? {
            Onward::Url { reference, .. } => Some(reference.clone()),
            Onward::Changed(changes) => Some(changes[0].text()),
        }
    }

    #[test]
    fn an_only_page_without_a_link_is_the_last_and_one_without_a_named_member_stalls() {
        let first = |pages: &str| page(&mut Chain::new(pages.parse().unwrap(), u64::MAX, 0, 0), &[], 0..2, "");
        assert_eq!(first("link").unwrap().onward, None);
        assert!(matches!(first("body.next"), Err(Stall::Absent { .. })));
    }

    #[test]
    fn a_page_that_comes_again_stalls_the_chain_however_long_the_circle() {
        let mut chain = Chain::new(Pages::Auto, u64::MAX, 0, 0);
        let mut seen = |ids, token: &str| page(&mut chain, &[], ids, &format!(",\"next_cursor\":\"{token}\""));
        for (ids, token) in [(0..2, "a"), (2..4, "b"), (4..4, "c"), (4..4, "d"), (4..5, "e")] {
            assert_eq!(next(&seen(ids, token).unwrap()).as_deref(), Some(token));
        }
        assert_eq!(seen(2..4, "f"), Err(Stall::Repeats { page: 2 }));
    }

    #[test]
    fn empty_pages_are_followed_by_a_token_and_not_for_ever_by_a_number() {
        let mut by_token = Chain::new(Pages::Auto, u64::MAX, 0, 0);
        for n in 1..EMPTY {
            assert!(page(&mut by_token, &[], 0..0, &format!(",\"next_cursor\":\"{n}\"")).unwrap().onward.is_some());
        }
        let stall = page(&mut by_token, &[], 0..0, ",\"next_cursor\":\"x\"");
        assert_eq!(stall, Err(Stall::Empty { pages: EMPTY }));

        let mut by_number = Chain::new(Pages::Auto, u64::MAX, 0, 0);
        let mut asked = |n: u64, ids| {
            let query = [("page".to_owned(), n.to_string())];
            page(&mut by_number, &query, ids, &format!(",\"next\":\"?page={}\"", n + 1)).map(|step| next(&step))
        };
        assert_eq!(asked(1, 0..2), Ok(Some("?page=2".to_owned())));
        assert_eq!(asked(2, 0..0), Ok(Some("?page=3".to_owned())));
        assert_eq!(asked(3, 2..3), Ok(Some("?page=4".to_owned())));
        assert_eq!([asked(4, 0..0), asked(5, 0..0)].map(|next| next.is_ok()), [true, true]);
        assert_eq!(asked(6, 0..0), Err(Stall::Empty { pages: 3 }));
    }

    #[test]
    fn an_empty_page_ends_the_chain_once_all_that_there_are_have_come() {
        let mut chain = Chain::new(Pages::Auto, u64::MAX, 0, 0);
        let mut seen = |ids| page(&mut chain, &[], ids, ",\"next\":\"?since=x\",\"total\":2").unwrap();
        assert!(seen(0..2).onward.is_some());
        assert_eq!(seen(2..2).onward, None);
    }

    #[test]
    fn nothing_is_foreseen_behind_the_most_pages() {
        let mut chain = Chain::new(Pages::Auto, 2, 0, 0);
        assert!(page(&mut chain, &[], 0..2, ",\"next\":\"?page=2\",\"total\":99").unwrap().onward.is_some());
        assert_eq!((chain.foreseen(1), chain.is_full()), (None, false));
        let query = [("page".to_owned(), "2".to_owned())];
        page(&mut chain, &query, 2..4, ",\"next\":\"?page=3\"").unwrap();
        assert!(chain.is_full());
    }

    #[test]
    fn a_few_pages_are_not_worth_foreseeing() {
        let foreseen = |total: u64| {
            let mut chain = Chain::new(Pages::Auto, u64::MAX, 0, 0);
            page(&mut chain, &[], 0..2, &format!(",\"next\":\"?page=2\",\"total\":{total}")).unwrap();
            chain.foreseen(1).is_some()
        };
        assert_eq!([foreseen(16), foreseen(17)], [false, true]);
    }

    #[test]
    fn one_short_page_is_an_exception_and_several_are_a_reason_to_wait() {
        let foreseen = |sizes: &[(u64, bool)]| {
            let mut chain = Chain::new("offset=query.o total=body.total".parse().unwrap(), u64::MAX, 0, 0);
            let mut at = 0;
            for (size, as_foreseen) in sizes {
                let query = [("o".to_owned(), at.to_string())];
                let step = page(&mut chain, &query, at..at + size, ",\"total\":900").unwrap();
                at += size;
                assert_eq!((next(&step), step.as_foreseen), (Some(at.to_string()), *as_foreseen), "{at}");
            }
            chain.foreseen(1).is_some()
        };
        assert!(foreseen(&[(10, false), (10, true), (7, false), (10, true), (10, true)]));
        assert!(foreseen(&[(10, false), (10, true), (5, false), (5, false), (5, true)]));
        assert!(!foreseen(&[(10, false), (9, false), (8, false), (7, false), (7, false)]));
    }

    #[test]
    fn the_answer_behind_the_last_counted_page_is_an_end_and_any_other_a_fault() {
        let ends = |pages: &str, count, status| {
            let chain = Chain::new(pages.parse().unwrap(), u64::MAX, count, 0);
            chain.ends_with(StatusCode::from_u16(status).unwrap())
        };
        assert!(ends("page=query.p", 3, 404) && ends("offset=query.o", 3, 400));
        assert!(ends("range=header.next-range send=header.range", 3, 416));
        for (pages, count, status) in [
            ("page=query.p", 0, 404),
            ("page=query.p", 3, 500),
            ("page=query.p pages=body.pages", 3, 404),
            ("offset=query.o total=body.total", 3, 404),
            ("link", 3, 404),
            ("cursor=body.c send=query.c", 3, 404),
        ] {
            assert!(!ends(pages, count, status), "{pages} {count} {status}");
        }
    }

    /// Takes a chain to its end on a server with so many records, and returns how many requests were foreseen.
    fn walk(pages: &str, records: u64, size: u64, totals: bool) -> u64 {
        let by_number = pages.starts_with("page");
        let mut chain = Chain::new(pages.parse().unwrap(), u64::MAX, 0, 0);
        let (mut at, mut known, mut seen, mut foreseen) = (u64::from(by_number), None, 0, 0);
        loop {
            let begin = if by_number { (at - 1) * size } else { at }.min(records);
            let end = (begin + size).min(records);
            assert_eq!(begin, seen, "no record is left out and none comes twice");
            let beside = if totals { format!(",\"total\":{records}") } else { String::new() };
            let step = page(&mut chain, &[("n".to_owned(), at.to_string())], begin..end, &beside).unwrap();
            seen = end;
            let Some(onward) = step.onward else { break };
            // A last page that is short may show that what was foreseen behind it is wrong.
            assert!(known.is_none() || step.as_foreseen == (known.as_ref() == Some(&onward)), "{known:?} {onward:?}");
            foreseen += u64::from(known.is_some());
            known = chain.foreseen(1);
            let Onward::Changed(changes) = onward else { panic!("{onward:?}") };
            at = changes[0].text().parse().unwrap();
        }
        assert_eq!(seen, records);
        foreseen
    }

    proptest! {
        #[test]
        fn counted_pages_bring_every_record_once_and_most_of_them_are_foreseen(
            records in 0..120u64, size in 1..12u64, by_number: bool, totals: bool
        ) {
            let style = if by_number { "page=query.n" } else { "offset=query.n" };
            let pages = if totals { format!("{style} total=body.total") } else { style.to_owned() };
            let foreseen = walk(&pages, records, size, totals);
            // A last page that is short is no end unless the total says so, so one more may be asked for.
            let requests = records.div_ceil(size);
            let most = if requests <= FEW { 0 } else { requests };
            prop_assert!(foreseen + if totals { 2 } else { 6 } >= most, "{foreseen} of {requests}");
        }
    }
}
