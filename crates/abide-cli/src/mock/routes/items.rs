//! Serves made-up records, the same in every run: one by one, and in pages that link to the next.

use std::io::Write;

use http::header::LINK;
use http::{HeaderValue, StatusCode};

use super::{Answer, Query, error, json};

const PAGE: u64 = 20;

/// Names that tell whether a reader keeps text as it was.
const PLACES: [&str; 6] = ["Zürich", "São Paulo", "Αθήνα", "東京", "Kraków \\u2013 \\\"Rynek\\\"", "Kourou 🚀"];

/// A page of the records: `{"items":[…],"next":"/items?page=2"}`, and the next page as `Link` too.
pub(super) fn page(records: u64, query: Query<'_>) -> Answer {
    let page = query.value("page").map_or(Ok(1), |page| page.parse::<u64>());
    let Ok(page @ 1..) = page else {
        return error(StatusCode::BAD_REQUEST, "page is a whole number from 1 on");
    };
    let first = (page - 1).saturating_mul(PAGE).min(records);
    let end = first.saturating_add(PAGE).min(records);
    let mut body = Vec::with_capacity(64 + 192 * PAGE as usize);
    body.extend_from_slice(b"{\"items\":[");
    for id in first..end {
        if id > first {
            body.push(b',');
        }
        write_record(&mut body, id);
    }
    body.extend_from_slice(b"],\"next\":");
    if end == records {
        body.extend_from_slice(b"null}");
        return json(StatusCode::OK, body);
    }
    let next = format!("/items?{}page={}", query.without(&["page"]), page + 1);
    // A URI holds no control characters, but it may hold quotes and backslashes.
    body.extend_from_slice(serde_json::Value::from(next.as_str()).to_string().as_bytes());
    body.push(b'}');
    let mut answer = json(StatusCode::OK, body);
    if let Ok(link) = HeaderValue::try_from(format!("<{next}>; rel=\"next\"")) {
        answer.headers_mut().insert(LINK, link);
    }
    answer
}

/// One record.
pub(super) fn one(records: u64, id: &str) -> Answer {
    match id.parse() {
        Ok(id) if id < records => {
            let mut body = Vec::with_capacity(192);
            write_record(&mut body, id);
            json(StatusCode::OK, body)
        }
        _ => error(
            StatusCode::NOT_FOUND,
            &format!("there is no item '{id}': they are numbered from 0, and there are {records}"),
        ),
    }
}

/// Writes a record. Its serial passes 2^53 and its price keeps its zeros, which a reader that turns numbers into floats
/// loses.
pub(in super::super) fn write_record(body: &mut Vec<u8>, id: u64) {
    // Writing to a Vec cannot fail.
    let _ = write!(
        body,
        "{{\"id\":{id},\"name\":\"item-{id:05}\",\"price\":{}.{:02},\"serial\":{},\"in_stock\":{},\"place\":\"{}\",\
         \"updated\":\"2025-{:02}-{:02}T{:02}:00:00Z\",\"discount\":null}}",
        id % 90 * 7 % 90 + 1,
        id % 10 * 30 % 100,
        u128::from(id) + (1 << 53) + 1,
        !id.is_multiple_of(3),
        PLACES[(id % PLACES.len() as u64) as usize],
        id % 12 + 1,
        id % 28 + 1,
        id % 24,
    );
}

#[cfg(test)]
mod tests {
    use super::super::Site;
    use super::super::tests::get;
    use serde_json::json;

    const SITE: Site = Site { records: 45, like: None, pages: None };

    #[test]
    fn pages_link_to_the_next_until_there_is_none() {
        let mut seen = Vec::new();
        let mut next = Some("/items".to_owned());
        while let Some(uri) = next {
            let page = get(SITE, &uri);
            seen.extend(page.json()["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()));
            next = page.json()["next"].as_str().map(str::to_owned);
            assert_eq!(
                page.field("link"),
                next.as_ref().map_or(String::new(), |next| format!("<{next}>; rel=\"next\""))
            );
        }
        assert_eq!(seen, (0..45).collect::<Vec<_>>());
    }

    #[test]
    fn a_page_has_exactly_two_members() {
        let body = get(Site { records: 21, ..SITE }, "/items?page=2").body;
        assert!(body.starts_with("{\"items\":[{\"id\":20,") && body.ends_with("}],\"next\":null}"), "{body}");
        assert!(get(SITE, "/items").body.ends_with("}],\"next\":\"/items?page=2\"}"));
        assert_eq!(get(Site { records: 0, ..SITE }, "/items").body, "{\"items\":[],\"next\":null}");
        assert_eq!(get(Site { records: 20, ..SITE }, "/items").json()["next"], json!(null));
        assert_eq!(get(SITE, "/items?page=18446744073709551615").body, "{\"items\":[],\"next\":null}");
    }

    #[test]
    fn the_next_page_keeps_the_other_parameters() {
        assert_eq!(get(SITE, "/items?cost=5&page=2&q=%22").json()["next"], "/items?cost=5&q=%22&page=3");
    }

    #[test]
    fn a_page_that_is_no_number_is_a_mistake() {
        for uri in ["/items?page=0", "/items?page=-1", "/items?page=two", "/items?page="] {
            assert_eq!(get(SITE, uri).status, 400, "{uri}");
        }
    }

    #[test]
    fn records_are_numbered_from_zero_and_always_the_same() {
        let record = get(SITE, "/items/4");
        assert_eq!(record.status, 200);
        assert_eq!(
            record.body,
            "{\"id\":4,\"name\":\"item-00004\",\"price\":29.20,\"serial\":9007199254740997,\"in_stock\":true,\
             \"place\":\"Kraków \\u2013 \\\"Rynek\\\"\",\"updated\":\"2025-05-05T04:00:00Z\",\"discount\":null}"
        );
        assert!((0..45).all(|id| get(SITE, &format!("/items/{id}")).json()["id"] == id));
        for uri in ["/items/45", "/items/-1", "/items/x", "/items/", "/items/1/2"] {
            let told = get(SITE, uri);
            assert_eq!(told.status, 404, "{uri}");
            assert!(told.json()["error"].is_string());
        }
    }
}
