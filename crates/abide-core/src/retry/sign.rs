//! Answers whose status does not say what they mean: by which signs a user knows them, and what they mean instead.

use http::{HeaderMap, HeaderName, StatusCode};

use crate::json::{Json, Value};
use crate::place::Path;

/// The most bytes of a body that signs are looked for in, while the call is under way. A body that is longer fits none of them.
pub const SIGN_PREFIX: usize = 64 * 1024;

/// By what an answer is known. All that is named has to fit; where nothing is named, every answer does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sign {
    /// One of these statuses; any, if there is none.
    pub status: Vec<StatusCode>,
    /// A header field, and what stands there; `None` for anything.
    pub header: Option<(HeaderName, Option<String>)>,
    /// A place in a JSON body, and what stands there: a text, or anything else as JSON writes it. `None` for anything but null.
    pub body: Option<(Path, Option<String>)>,
}

/// What an answer means that has a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The server did not act because of a limit.
    Limited,
    /// The credential has to be renewed, if it can be; else the answer is handed over.
    Renew,
    /// The answer is the result, whatever its status says.
    Final,
}

impl Sign {
    /// Whether an answer has it. A body that is not JSON, or not whole, has none.
    pub fn fits(&self, status: StatusCode, headers: &HeaderMap, body: Option<&Json<'_>>) -> bool {
        self.may_fit(status, headers)
            && self.body.as_ref().is_none_or(|(path, wanted)| {
                let found = body.and_then(|body| path.find(body));
                found.is_some_and(|found| match wanted {
                    Some(wanted) => means(found, wanted),
                    None => found.text() != "null",
                })
            })
    }

    /// Whether an answer may have it, as far as its head says.
    fn may_fit(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let in_header = |(name, wanted): &(HeaderName, Option<String>)| {
            let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.any(|value| wanted.as_ref().is_none_or(|wanted| value.trim().eq_ignore_ascii_case(wanted)))
        };
        (self.status.is_empty() || self.status.contains(&status)) && self.header.as_ref().is_none_or(in_header)
    }
}

fn means(found: Value<'_>, wanted: &str) -> bool {
    found.as_str().map_or_else(|| found.text() == wanted, |text| text == wanted)
}

/// Whether the body has to be looked at before the meaning of an answer is known.
pub(crate) fn wants_body(signs: &[(Sign, Meaning)], status: StatusCode, headers: &HeaderMap) -> bool {
    let first = signs.iter().find(|(sign, _)| sign.may_fit(status, headers));
    first.is_some_and(|(sign, _)| sign.body.is_some())
}

/// What an answer means by the first sign that it has.
pub(crate) fn meaning(
    signs: &[(Sign, Meaning)],
    status: StatusCode,
    headers: &HeaderMap,
    body: Option<&[u8]>,
) -> Option<Meaning> {
    if signs.is_empty() {
        return None;
    }
    let json = body.and_then(|body| Json::parse(body).ok());
    signs.iter().find(|(sign, _)| sign.fits(status, headers, json.as_ref())).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(status: &[u16], header: Option<(&str, Option<&str>)>, body: Option<(&str, Option<&str>)>) -> Sign {
        Sign {
            status: status.iter().map(|status| StatusCode::from_u16(*status).unwrap()).collect(),
            header: header.map(|(name, is)| (name.parse().unwrap(), is.map(str::to_owned))),
            body: body.map(|(path, is)| (path.parse().unwrap(), is.map(str::to_owned))),
        }
    }

    #[test]
    fn all_that_is_named_has_to_fit() {
        let headers = HeaderMap::from_iter([("x-error".parse().unwrap(), "Slow".parse().unwrap())]);
        let body = Json::parse(br#"{"error": {"code": "rate_limited", "n": 7, "none": null}}"#).unwrap();
        let fits = |sign: &Sign| sign.fits(StatusCode::OK, &headers, Some(&body));
        for (status, header, place, expected) in [
            (&[][..], None, None, true),
            (&[200, 404], Some(("x-error", None)), Some(("error.code", Some("rate_limited"))), true),
            (&[], Some(("x-error", Some("slow"))), Some(("error.n", Some("7"))), true),
            (&[404], None, None, false),
            (&[], Some(("x-other", None)), None, false),
            (&[], Some(("x-error", Some("fast"))), None, false),
            (&[], None, Some(("error.code", Some("rate"))), false),
            (&[], None, Some(("error.code", None)), true),
            (&[], None, Some(("error.none", None)), false),
            (&[], None, Some(("other", None)), false),
        ] {
            assert_eq!(fits(&sign(status, header, place)), expected, "{status:?} {header:?} {place:?}");
        }
        assert!(!sign(&[], None, Some(("error", None))).fits(StatusCode::OK, &headers, None));
    }

    #[test]
    fn the_first_that_fits_counts() {
        let signs = [
            (sign(&[200], None, Some(("error", Some("x")))), Meaning::Limited),
            (sign(&[200, 500], None, None), Meaning::Final),
        ];
        let headers = HeaderMap::new();
        let of = |status: u16, body: &[u8]| {
            let status = StatusCode::from_u16(status).unwrap();
            (wants_body(&signs, status, &headers), meaning(&signs, status, &headers, Some(body)))
        };
        assert_eq!(of(200, br#"{"error": "x"}"#), (true, Some(Meaning::Limited)));
        assert_eq!(of(200, br#"{"error": "#), (true, Some(Meaning::Final)));
        assert_eq!(of(500, b""), (false, Some(Meaning::Final)));
        assert_eq!(of(404, b""), (false, None));
    }
}
