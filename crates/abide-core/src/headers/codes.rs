//! Recognises the error codes by which APIs say in a body that a limit refused.

use super::Refusal;

/// Whether a member of this name holds an error code.
pub(super) fn is_key(key: &str) -> bool {
    const KEYS: [&str; 16] = [
        "code",
        "error",
        "errors",
        "errorcode",
        "errortype",
        "errorname",
        "errcode",
        "errorkey",
        "type",
        "reason",
        "status",
        "title",
        "name",
        "key",
        "category",
        "label",
    ];
    KEYS.contains(&letters(key).as_str())
}

/// Longer values are sentences, and sentences are not codes.
const LONGEST: usize = 120;

/// What a code means, if it is about a limit.
pub(super) fn meaning(code: &str) -> Option<Refusal> {
    if code.len() > LONGEST {
        return None;
    }
    let word = letters(code);
    let has = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    if word.starts_with("429") && word.len() <= 6 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Refusal::Rate);
    }
    if has(&["concurren"]) && has(&["limit", "exceed", "toomany"]) {
        return Some(Refusal::Concurrency);
    }
    // Of a size, a length or a store a limit is the request's own fault.
    let of_a_thing =
        ["size", "length", "storage", "file", "upload", "item", "member", "seat", "field", "depth", "char"];
    if has(&of_a_thing) {
        return None;
    }
    if is_unpaid(code) || has(&["quota", "daily", "monthly"]) && has(&["exceed", "limit", "exhaust", "reach", "over"]) {
        return Some(Refusal::Quota);
    }
    if has(&[
        "ratelimit",
        "ratelimited",
        "limitrate",
        "throttl",
        "toomanyrequest",
        "toomanycalls",
        "requestlimit",
        "slowdown",
        "resourceexhausted",
        "throughputexceeded",
        "ratexceeded",
        "rateexceeded",
        "exceededrate",
        "calllimit",
        "apilimit",
        "bandwidthlimit",
        "usagelimit",
        "overqps",
        "overrate",
        "toofast",
        "flood",
        "floodwait",
        "toomanyattempts",
        "priorrequestnotcomplete",
        "transactioninprogress",
    ]) {
        return Some(Refusal::Rate);
    }
    if has(&["limitexceeded", "limitreached", "exceededlimit"]) {
        return Some(Refusal::Rate);
    }
    has(&["overloaded", "serverbusy"]).then_some(Refusal::Overload)
}

/// Whether the code says that more must be paid for, and not that more time must pass.
pub(super) fn is_unpaid(code: &str) -> bool {
    let word = letters(code);
    ["insufficientquota", "insufficientcredit", "creditsexhausted", "outofcredits"]
        .iter()
        .any(|part| word.contains(part))
}

/// The letters and digits of a text, in lower case: `RATE_LIMITED`, `rateLimited` and `rate limited` are one word.
fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_known_in_any_spelling() {
        for (code, refusal) in [
            ("ratelimited", Refusal::Rate),
            ("RATE_LIMIT_EXCEEDED", Refusal::Rate),
            ("userRateLimitExceeded", Refusal::Rate),
            ("ThrottlingException", Refusal::Rate),
            ("com.example#TooManyRequestsException", Refusal::Rate),
            ("429", Refusal::Rate),
            ("429000", Refusal::Rate),
            ("quotaExceeded", Refusal::Quota),
            ("dailyLimitExceeded", Refusal::Quota),
            ("insufficient_quota", Refusal::Quota),
            ("CONCURRENT_LIMIT_EXCEEDED", Refusal::Concurrency),
            ("overloaded_error", Refusal::Overload),
        ] {
            assert_eq!(meaning(code), Some(refusal), "{code}");
        }
    }

    #[test]
    fn other_errors_are_not_about_limits() {
        for code in [
            "ValidationException",
            "forbidden",
            "4290000",
            "not_found",
            "FileSizeLimitExceeded",
            "invalid_grant",
            "limit",
            "400",
            "",
        ] {
            assert_eq!(meaning(code), None, "{code}");
        }
    }
}
