//! Finds how many records or pages there are in all, as servers say it.

use http::{HeaderMap, HeaderName};

use super::answer::{Answer, number_at};
use super::catalogue::{self, path};
use super::style::Holder;
use crate::json::Json;
use crate::place::Path;

/// How many records a response says there are in all. Some APIs put the number of this page's records in the same place.
pub fn total(headers: &HeaderMap, body: Option<&Json<'_>>) -> Option<u64> {
    let in_header = || number_in(headers, &catalogue::HEADER_TOTALS).or_else(|| in_range(headers));
    let in_odd_place = |body| catalogue::ODD_TOTALS.iter().find_map(|place| number_at(&path(place), body));
    in_header().or_else(|| in_holders(body?, &catalogue::TOTAL)).or_else(|| in_odd_place(body?))
}

/// How many pages a response says there are.
pub(super) fn pages(answer: &Answer<'_>) -> Option<u64> {
    number_in(answer.headers, &catalogue::HEADER_PAGES).or_else(|| in_holders(answer.body?, &catalogue::PAGES))
}

fn number_in(headers: &HeaderMap, names: &[&'static str]) -> Option<u64> {
    let number = |name| headers.get(HeaderName::from_static(name))?.to_str().ok()?.trim().parse().ok();
    names.iter().find_map(|name| number(name))
}

/// `items 0-24/3573458`: the complete length of RFC 9110, section 14.4.
fn in_range(headers: &HeaderMap) -> Option<u64> {
    headers.get(http::header::CONTENT_RANGE)?.to_str().ok()?.rsplit_once('/')?.1.trim().parse().ok()
}

fn in_holders(body: &Json<'_>, names: &[&str]) -> Option<u64> {
    let holders = std::iter::once(Path::ROOT).chain(catalogue::HOLDERS.iter().cloned());
    holders.map(|path| Holder { path, body }).find_map(|holder| holder.number(names)).map(|(_, number)| number)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::super::testing::answer;
    use super::*;

    #[test]
    fn totals_are_found_in_fields_and_bodies_as_numbers_or_text() {
        let none = HeaderMap::new();
        let in_body = |body: &str| total(&none, Some(&Json::parse(body.as_bytes()).unwrap()));
        for body in [
            r#"{"count": 45}"#,
            r#"{"total": "45"}"#,
            r#"{"meta": {"total": 45}}"#,
            r#"{"meta": {"pagination": {"total": 45}}}"#,
            r#"{"@odata.count": 45}"#,
            r#"{"numberMatched": 45, "numberReturned": 20}"#,
        ] {
            assert_eq!(in_body(body), Some(45), "{body}");
        }
        assert_eq!(in_body(r#"{"items": [], "total": null}"#), None);
        for (name, value) in [("x-total-count", "45"), ("content-range", "items 0-24/45"), ("total-records", "45")] {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            assert_eq!(total(&headers, None), Some(45), "{name}");
        }
    }

    #[test]
    fn pages_are_counted_apart_from_records() {
        let json = Json::parse(br#"{"total": 45, "meta": {"last_page": 5}}"#).unwrap();
        assert_eq!(pages(&answer(&HeaderMap::new(), Some(&json))), Some(5));
        assert_eq!(total(&HeaderMap::new(), Some(&json)), Some(45));
    }
}
