//! Decides whether an answer says that a token for a page is no longer accepted.

use http::StatusCode;

/// The words by which APIs name what they give to ask for the next page with.
const NAMES: [&str; 8] =
    ["cursor", "page_token", "pagetoken", "page token", "continue", "continuation", "scroll", "next_token"];

/// The words by which they say that it is not accepted any more.
const REFUSALS: [&str; 8] =
    ["expired", "invalid", "too old", "no longer", "not valid", "unknown", "not found", "stale"];

/// How much of a body is looked at.
const LOOKED_AT: usize = 4_096;

/// Whether the answer to a request for a later page says that what the page was asked for with is no longer accepted: 410, or a
/// refusal of the request with words such as `invalid_cursor`. From the first page on it is given anew.
pub fn is_expired(status: StatusCode, body: &[u8]) -> bool {
    match status {
        StatusCode::GONE => true,
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            let text = String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]).to_ascii_lowercase();
            let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
            has(&NAMES) && has(&REFUSALS)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_token_is_told_from_a_request_that_is_wrong() {
        for (status, body, expired) in [
            (410, "", true),
            (400, r#"{"code": "invalid_cursor"}"#, true),
            (400, r#"{"error": {"errors": [{"reason": "EXPIRED_PAGE_TOKEN"}]}}"#, true),
            (400, r#"{"message": "The provided continue parameter is too old"}"#, true),
            (404, r#"{"error": "No search context found for id; scroll not found"}"#, true),
            (400, r#"{"error": "invalid filter"}"#, false),
            (400, r#"{"error": "cursor and page go not together"}"#, false),
            (404, "", false),
            (500, "cursor expired", false),
        ] {
            assert_eq!(is_expired(StatusCode::from_u16(status).unwrap(), body.as_bytes()), expired, "{status} {body}");
        }
    }
}
