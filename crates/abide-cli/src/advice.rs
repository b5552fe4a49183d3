//! What to do about a request that did not succeed, in a half sentence behind what happened.

use http::StatusCode;

use crate::screen;

/// After an error of the library.
pub(crate) fn on_error(error: &abide::Error) -> String {
    if error.is_limited() {
        let flag = if error.is_deadline() { "--deadline" } else { "--max-wait" };
        return match error.retry_at() {
            Some(at) => format!("come back at {}, or allow more with {flag}", screen::clock(at)),
            None => format!("nobody said for how long: come back later, or allow more with {flag}"),
        };
    }
    let proxied = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let advice = if error.is_tls() && error.to_string().contains("CaUsedAsEndEntity") {
        "this certificate is marked as an authority's and can't be a server's: make one with basicConstraints=CA:FALSE, or \
         accept any with --insecure"
    } else if error.is_connect() && !error.is_tls() && proxied.iter().any(|name| std::env::var_os(name).is_some()) {
        "check the address, whether the server runs, and the proxy that the environment names (HTTP_PROXY, NO_PROXY)"
    } else if error.is_tls() {
        "check that the server speaks https there; if its certificate is your own, name it with --cacert"
    } else if error.is_deadline() {
        "allow more with --deadline"
    } else if error.is_connect() {
        "check the address, and whether the server runs"
    } else if error.is_timeout() {
        "allow an attempt more with --timeout, or more attempts with --retries"
    } else if error.is_redirect() {
        "the addresses may lead in a circle: name the one that they lead to"
    } else if error.is_too_large() {
        "allow more with --max-body"
    } else {
        "try again later, or allow more attempts with --retries"
    };
    advice.to_owned()
}

/// After an answer that is no success.
pub(crate) fn on_status(status: StatusCode) -> Option<&'static str> {
    Some(match status.as_u16() {
        300..=399 => "abide can't follow where it leads: name the address that it leads to",
        401 | 403 | 407 => "check the credential (--bearer, --basic, --api-key or -H)",
        404 | 410 => "check the address",
        500..=599 | 408 | 425 | 429 => "try again later, or allow more attempts with --retries",
        _ => return None,
    })
}
