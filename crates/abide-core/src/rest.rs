//! Decides whether an answer that broke off can go on where it stopped, how to ask for that, and whether that is what came.

use http::header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};

/// What is missing of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// How many bytes are there.
    from: u64,
    /// The version of which they are.
    etag: HeaderValue,
}

/// What an answer to the request for the rest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoesOn {
    /// The rest.
    Here,
    /// The whole of the same version: what is there has to be passed over.
    After(u64),
    /// Something else, such as another version.
    No,
}

impl Rest {
    /// What is missing of an answer with these fields after so many bytes, if it can be asked for: only a strong validator says that
    /// the bytes are the same, and only without an encoding are they the bytes that were counted (RFC 9110 sections 8.8.3 and 14.2).
    pub fn of(status: StatusCode, headers: &HeaderMap, from: u64) -> Option<Self> {
        let etag = headers.get(ETAG).filter(|etag| etag.as_bytes().starts_with(b"\""))?;
        let is_plain = headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
        let has_ranges = headers.get(ACCEPT_RANGES).is_none_or(|unit| unit != "none");
        let is_whole = status == StatusCode::OK;
        (is_whole && is_plain && has_ranges).then(|| Self { from, etag: etag.clone() })
    }

    /// The same after so many bytes.
    #[must_use]
    pub fn after(self, from: u64) -> Self {
        Self { from, ..self }
    }

    /// Puts what asks for the rest into a request, on the condition that the version is still the same (RFC 9110 section 13.1.5).
    pub fn ask(&self, headers: &mut HeaderMap) {
        if self.from > 0
            && let Ok(range) = HeaderValue::try_from(format!("bytes={}-", self.from))
        {
            headers.insert(RANGE, range);
            headers.insert(IF_RANGE, self.etag.clone());
        }
    }

    /// What an answer to that is.
    pub fn read(&self, status: StatusCode, headers: &HeaderMap) -> GoesOn {
        let same = headers.get(ETAG) == Some(&self.etag);
        let is_plain = headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
        match status {
            // A 206 may leave the ETag out only if it is the one of If-Range (RFC 9110 section 15.3.7).
            StatusCode::PARTIAL_CONTENT if same || !headers.contains_key(ETAG) => {
                let from = headers.get(CONTENT_RANGE).and_then(|range| start(range.to_str().ok()?));
                if is_plain && from == Some(self.from) { GoesOn::Here } else { GoesOn::No }
            }
            StatusCode::OK if same && is_plain => GoesOn::After(self.from),
            _ => GoesOn::No,
        }
    }
}

/// Where a `Content-Range` begins (RFC 9110 section 14.4).
fn start(range: &str) -> Option<u64> {
    let (unit, range) = range.trim().split_once(' ')?;
    let (start, _) = range.split_once('-')?;
    unit.eq_ignore_ascii_case("bytes").then(|| start.trim().parse().ok())?
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn only_a_strong_version_without_an_encoding_can_go_on() {
        let rest = |fields: &[_]| Rest::of(StatusCode::OK, &headers(fields), 3).is_some();
        assert!(rest(&[("etag", "\"a\"")]));
        assert!(rest(&[("etag", "\"a\""), ("content-encoding", "identity"), ("accept-ranges", "bytes")]));
        assert!(!rest(&[]) && !rest(&[("etag", "W/\"a\"")]) && !rest(&[("last-modified", "now")]));
        assert!(!rest(&[("etag", "\"a\""), ("content-encoding", "gzip")]));
        assert!(!rest(&[("etag", "\"a\""), ("accept-ranges", "none")]));
        assert!(Rest::of(StatusCode::PARTIAL_CONTENT, &headers(&[("etag", "\"a\"")]), 3).is_none());
    }

    #[test]
    fn the_rest_is_asked_for_on_the_condition_that_nothing_changed() {
        let rest = Rest::of(StatusCode::OK, &headers(&[("etag", "\"a\"")]), 0).unwrap();
        let mut asked = HeaderMap::new();
        rest.ask(&mut asked);
        assert!(asked.is_empty(), "from the beginning, it is an ordinary request");
        rest.after(7).ask(&mut asked);
        assert_eq!(asked, headers(&[("range", "bytes=7-"), ("if-range", "\"a\"")]));
    }

    #[test]
    fn what_came_is_told_apart() {
        let rest = Rest::of(StatusCode::OK, &headers(&[("etag", "\"a\"")]), 7).unwrap();
        let read = |status: u16, fields: &[_]| rest.read(StatusCode::from_u16(status).unwrap(), &headers(fields));
        assert_eq!(read(206, &[("etag", "\"a\""), ("content-range", "bytes 7-9/10")]), GoesOn::Here);
        assert_eq!(read(206, &[("content-range", "Bytes 7-9/*")]), GoesOn::Here);
        assert_eq!(read(206, &[("content-range", "bytes 6-9/10")]), GoesOn::No);
        assert_eq!(read(206, &[("etag", "\"b\""), ("content-range", "bytes 7-9/10")]), GoesOn::No);
        assert_eq!(read(206, &[]), GoesOn::No);
        assert_eq!(read(200, &[("etag", "\"a\"")]), GoesOn::After(7));
        assert_eq!(read(200, &[("etag", "\"b\"")]), GoesOn::No);
        assert_eq!(read(416, &[]), GoesOn::No);
    }
}
