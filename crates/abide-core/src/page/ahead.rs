//! Foresees the pages after the next one, where their requests differ by a number that counts on.
//!
//! What is foreseen is a guess until the page before it names the same, so a wrong one costs a request and never a record.

use std::num::NonZeroU64;

use super::answer::Answer;
use super::catalogue;
use super::onward::Onward;
use super::reference;
use super::slot::{Change, Slot};
use super::style::{Number, Offset};
use super::{Next, Pages, total};
use crate::place::Place;

/// The pages behind one, each a number further than the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ahead {
    form: Form,
    /// The number in the request for the next page.
    next: u64,
    /// How much each page after it adds.
    step: NonZeroU64,
    /// The last page has this number or a smaller one, where the server says how many there are.
    last: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// The number goes here in the first request of the chain.
    Slot(Slot),
    /// The number stands between these two.
    Url { before: String, after: String, at: Place },
}

/// A number that stands in a query.
struct Counter<'a> {
    key: String,
    before: &'a str,
    number: u64,
    after: &'a str,
}

impl Ahead {
    /// What this page and the next that it names say about the pages after that; `count` is how many pages came before this one.
    pub(super) fn of(style: &Pages, answer: &Answer<'_>, next: &Next, count: u64) -> Option<Self> {
        match (next, style) {
            (Next::Changed { by: Pages::Number(number), .. }, _) => Self::by_number(number, answer),
            (Next::Changed { by: Pages::Offset(offset), .. }, _) => Self::by_offset(offset, answer),
            (Next::Page { reference, at }, _) => Self::by_url(reference, at, answer, count),
            _ => None,
        }
    }

    fn by_number(style: &Number, answer: &Answer<'_>) -> Option<Self> {
        let next = answer.asked.number(&style.send).unwrap_or(style.first).checked_add(1)?;
        let pages = style.pages.as_ref().and_then(|place| answer.number(place));
        let total = style.total.as_ref().and_then(|place| answer.number(place));
        let by_pages = pages.and_then(|pages| (style.first.checked_add(pages)?).checked_sub(1));
        let last = by_pages.or_else(|| last_by_total(next, NonZeroU64::MIN, total?, answer));
        Some(Self { form: Form::Slot(style.send.clone()), next, step: NonZeroU64::MIN, last })
    }

    fn by_offset(style: &Offset, answer: &Answer<'_>) -> Option<Self> {
        let step = NonZeroU64::new(answer.records.count)?;
        let next = answer.asked.number(&style.send).unwrap_or(style.first).checked_add(step.get())?;
        let total = style.total.as_ref().and_then(|place| answer.number(place));
        let last = total.and_then(|total| style.first.checked_add(total)?.checked_sub(1));
        Some(Self { form: Form::Slot(style.send.clone()), next, step, last })
    }

    /// A URL tells its number by its key, or by a link to the last page that differs from it there.
    fn by_url(reference: &str, at: &Place, answer: &Answer<'_>, count: u64) -> Option<Self> {
        let last_url = last_reference(at, answer);
        let by_last = last_url.as_deref().and_then(|last| differing(reference, last));
        let (counter, last) = match by_last {
            Some((counter, last)) => (counter, Some(last)),
            None => (counters(reference).find(|counter| step(counter, answer).is_some())?, None),
        };
        let step = step(&counter, answer)?;
        let records = || total(answer.headers, answer.body).filter(|total| *total > answer.records.count);
        let by_pages = || {
            let first = (step == NonZeroU64::MIN).then(|| counter.number.checked_sub(count + 1))??;
            first.checked_add(total::pages(answer)?)?.checked_sub(1)
        };
        // Whoever names each page may end without a number, so it takes one to look further than to the next.
        let last = last.or_else(by_pages).or_else(|| last_by_total(counter.number, step, records()?, answer))?;
        let (before, after) = (counter.before.to_owned(), counter.after.to_owned());
        Some(Self { form: Form::Url { before, after, at: at.clone() }, next: counter.number, step, last: Some(last) })
    }

    /// The request for the page that comes `n` pages after the next.
    pub(super) fn page(&self, n: u64) -> Option<Onward> {
        let number = self.next.checked_add(self.step.get().checked_mul(n)?)?;
        if self.last.is_some_and(|last| number > last) {
            return None;
        }
        Some(match &self.form {
            Form::Slot(slot) => Onward::Changed(vec![Change::new(slot, number)]),
            Form::Url { before, after, at } => {
                Onward::Url { reference: format!("{before}{number}{after}"), at: at.clone() }
            }
        })
    }

    /// The same, seen from the page after.
    pub(super) fn further(&self) -> Option<Self> {
        Some(Self { next: self.next.checked_add(self.step.get())?, ..self.clone() })
    }

    /// The same with the distances of another.
    pub(super) fn in_steps_of(self, other: &Self) -> Self {
        Self { step: other.step, ..self }
    }

    /// Whether so many pages are left, or nobody says how many.
    pub(super) fn has_left(&self, pages: u64) -> bool {
        self.last.is_none_or(|last| last.checked_sub(self.next).is_some_and(|left| left / self.step + 1 >= pages))
    }

    /// Whether the server says which page is the last.
    pub(super) fn is_bounded(&self) -> bool {
        self.last.is_some()
    }
}

/// No page behind `next` has a larger number, if all are as full as this one and the total is right.
fn last_by_total(next: u64, step: NonZeroU64, total: u64, answer: &Answer<'_>) -> Option<u64> {
    let size = NonZeroU64::new(answer.records.count)?;
    let left = total.checked_sub(answer.records.before)?.checked_sub(size.get())?;
    next.checked_add(left.checked_mul(step.get())?.div_ceil(size.get()).checked_sub(1)?)
}

/// What stands where the last page is named, if the next one is named at `at`: the two have like names everywhere.
fn last_reference(at: &Place, answer: &Answer<'_>) -> Option<String> {
    let (text, next) = (at.to_string(), at.to_string().rfind("next")?);
    let last: Place = format!("{}last{}", &text[..next], &text[next + 4..]).parse().ok()?;
    match reference::named(&last, answer.headers, answer.body) {
        Next::Page { reference, .. } => Some(reference),
        _ => None,
    }
}

/// The one number in which two URLs differ, where it stands in the first, and what it is in the second.
fn differing<'a>(reference: &'a str, last: &str) -> Option<(Counter<'a>, u64)> {
    counters(reference).find_map(|counter| {
        let number = last.strip_prefix(counter.before)?.strip_suffix(counter.after)?;
        Some((counter, number.parse().ok()?))
    })
}

/// Whether the reference asks for the page after this one by its number.
pub(super) fn is_counted(reference: &str, answer: &Answer<'_>) -> bool {
    counters(reference).any(|counter| step(&counter, answer).is_some())
}

/// How far it is from one page to the next, where the number counts pages or the records before them.
fn step(counter: &Counter<'_>, answer: &Answer<'_>) -> Option<NonZeroU64> {
    let (key, number, records) = (counter.key.as_str(), counter.number, answer.records.count);
    let asked = answer.asked.number(&Slot::Query(key.to_owned()));
    if catalogue::OFFSET_KEYS.contains(&key) {
        let step = number.checked_sub(asked.unwrap_or(0))?;
        return NonZeroU64::new(records).filter(|size| size.get() == step);
    }
    let is_next = asked.map_or(number == 1 || number == 2, |asked| asked.checked_add(1) == Some(number));
    (catalogue::PAGE_KEYS.contains(&key) && is_next).then_some(NonZeroU64::MIN)
}

/// The whole numbers in the query of a reference.
fn counters(reference: &str) -> impl Iterator<Item = Counter<'_>> {
    let end = reference.find('#').unwrap_or(reference.len());
    let query = reference[..end].find('?').map_or(end, |at| at + 1);
    let mut pair_ends = query;
    reference[query..end].split('&').filter_map(move |pair| {
        pair_ends += pair.len();
        let value_ends = pair_ends;
        pair_ends += 1;
        let (key, value) = pair.split_once('=')?;
        let number: u64 = value.parse().ok()?;
        let (before, after) = (&reference[..value_ends - value.len()], &reference[value_ends..]);
        // What is written in another way, as 007, could not be counted on in the same way.
        (number.to_string() == value).then(|| Counter { key: decoded(key), before, number, after })
    })
}

/// A key of a query as it is meant.
fn decoded(key: &str) -> String {
    let bytes = super::link::percent_decode(&key.replace('+', " "));
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::super::{Asked, Records};
    use super::*;
    use crate::json::Json;

    /// The requests for the pages after the next, where this query was asked and brought ten records in a first page.
    fn foreseen(query: &str, link: &str, body: &str) -> Vec<String> {
        let json = Json::parse(body.as_bytes()).unwrap();
        let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        let query: Vec<_> = query.split('&').filter_map(pair).collect();
        let mut headers = HeaderMap::new();
        headers.insert(header::LINK, HeaderValue::from_str(link).unwrap());
        let records = Records { before: 0, count: 10, last: None };
        let answer =
            Answer { headers: &headers, body: Some(&json), asked: Asked { query: &query, body: None }, records };
        let next = Pages::Auto.next(&answer);
        let ahead = Ahead::of(&Pages::Auto, &answer, &next, 0).and_then(|ahead| ahead.further());
        let shown = |onward| match onward {
            Onward::Url { reference, .. } => reference,
            Onward::Changed(changes) => format!("{}={}", changes[0].slot, changes[0].text()),
        };
        ahead.map_or(Vec::new(), |ahead| (0..9).map_while(|n| ahead.page(n)).map(shown).collect())
    }

    #[test]
    fn a_link_to_the_last_page_shows_all_between() {
        let link = "</7/issues?per_page=10&page=2>; rel=\"next\", </7/issues?per_page=10&page=4>; rel=\"last\"";
        assert_eq!(
            foreseen("per_page=10", link, "[]"),
            ["/7/issues?per_page=10&page=3", "/7/issues?per_page=10&page=4"]
        );
        let body = r#"{"links": {"next": "/a?page%5Bnumber%5D=2&x", "last": "/a?page%5Bnumber%5D=3&x"}}"#;
        assert_eq!(foreseen("", "", body), ["/a?page%5Bnumber%5D=3&x"]);
    }

    #[test]
    fn a_total_shows_how_many_numbered_pages_follow() {
        let body = r#"{"count": "31", "next": "http://h/a?page=2&x=9", "results": []}"#;
        assert_eq!(foreseen("x=9", "", body), ["http://h/a?page=3&x=9", "http://h/a?page=4&x=9"]);
        let body = r#"{"count": 31, "next": "?limit=10&offset=10"}"#;
        assert_eq!(foreseen("", "", body), ["?limit=10&offset=20", "?limit=10&offset=30"]);
        assert_eq!(foreseen("offset=10", "", r#"{"total": 35, "next": "?offset=20"}"#), ["?offset=30", "?offset=40"]);
        let body = r#"{"next": "?page=1", "total_pages": 3}"#;
        assert_eq!(foreseen("", "", body), ["?page=2"]);
        assert_eq!(foreseen("", "", r#"{"startAt": 0, "maxResults": 50, "total": 30}"#), ["query.startAt=20"]);
        assert_eq!(foreseen("", "", r#"{"page": 1, "total_pages": 4}"#), ["query.page=3", "query.page=4"]);
    }

    #[test]
    fn nothing_is_foreseen_where_numbers_may_be_tokens_or_the_end_is_not_known() {
        for body in [
            r#"{"next": "?page=2"}"#,
            r#"{"count": 10, "next": "?page=2"}"#,
            r#"{"count": 31, "next": "?_next=10"}"#,
            r#"{"count": 31, "next": "?page=abc"}"#,
            r#"{"count": 31, "next": "?page=02"}"#,
            r#"{"count": 31, "next": "?page=7"}"#,
            r#"{"count": 31, "next": "?offset=9"}"#,
            r#"{"count": 31, "next_cursor": "2"}"#,
        ] {
            assert!(foreseen("", "", body).is_empty(), "{body}");
        }
    }
}
