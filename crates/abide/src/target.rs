//! URLs as far as budgets and secrets are concerned: origins, and what may be shown of a URL.

use url::{Position, Url};

use crate::error::{Error, Result};

/// A URL without user, password, the named query keys, and fragment: what may stand in a log or a file. Giving it to a client
/// that holds the credentials asks for the same thing.
///
/// # Errors
///
/// If it is not a URL.
pub fn redacted(url: &str, secret_query_keys: &[String]) -> Result<String> {
    let url = Url::parse(url).map_err(|e| Error::setting(format!("this is not a URL: {e}")))?;
    Ok(shown(&url, secret_query_keys))
}

/// Scheme, host and port, as RFC 6454 writes them.
pub(crate) fn origin(url: &Url) -> String {
    if !matches!(url.scheme(), "http" | "https") {
        return url.origin().ascii_serialization();
    }
    // So a parsed URL writes them already: the host in ASCII, and no port where it is the scheme's own.
    [&url[..Position::BeforeUsername], &url[Position::BeforeHost..Position::AfterPort]].concat()
}

/// Whether that is the origin of an http or https URL.
pub(crate) fn has_origin(url: &Url, origin: &str) -> bool {
    let rest = || origin.strip_prefix(&url[..Position::BeforeUsername]);
    url[..Position::AfterPort] == *origin || rest() == Some(&url[Position::BeforeHost..Position::AfterPort])
}

/// Whether two http or https URLs have scheme, host and port in common.
pub(crate) fn is_same_origin(a: &Url, b: &Url) -> bool {
    // Most often both have no user, or the same.
    a[..Position::AfterPort] == b[..Position::AfterPort]
        || a[..Position::BeforeUsername] == b[..Position::BeforeUsername]
            && a[Position::BeforeHost..Position::AfterPort] == b[Position::BeforeHost..Position::AfterPort]
}

/// The URL without user, password, the named query keys, and fragment: what may stand in a log, an error or a file.
pub(crate) fn shown(url: &Url, secret_keys: &[String]) -> String {
    let mut shown = url.clone();
    // Fails only for URLs that have no host, which have no user either.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_fragment(None);
    if !secret_keys.is_empty() {
        remove_query_keys(&mut shown, secret_keys);
    }
    shown.into()
}

/// Takes every pair with one of these keys out of the query, and leaves the spelling of the others as it is.
pub(crate) fn remove_query_keys(url: &mut Url, keys: &[String]) {
    let Some(query) = url.query() else { return };
    let named = |pair: &&str| {
        let key = pair.split('=').next().unwrap_or_default();
        url::form_urlencoded::parse(key.as_bytes()).next().is_some_and(|(key, _)| keys.iter().any(|k| *k == key))
    };
    let kept: Vec<&str> = query.split('&').filter(|pair| !named(pair)).collect();
    let kept = kept.join("&");
    url.set_query((!kept.is_empty()).then_some(&kept));
}

/// Adds the pairs to the query whose keys are not there.
pub(crate) fn add_missing(url: &mut Url, pairs: &[(String, String)]) {
    let is_missing = |key: &str| url.query_pairs().all(|(known, _)| known != key);
    let missing: Vec<_> = pairs.iter().filter(|(key, _)| is_missing(key)).collect();
    if !missing.is_empty() {
        url.query_pairs_mut().extend_pairs(missing);
    }
}

/// Sets pairs of a URL's query: where the key stands, or else at the end.
pub fn set_in_query(url: &mut Url, pairs: &[(&str, String)]) {
    if pairs.is_empty() {
        return;
    }
    let mut known: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    for (key, value) in pairs {
        match known.iter_mut().find(|(name, _)| name == key) {
            Some(pair) => pair.1.clone_from(value),
            None => known.push(((*key).to_owned(), value.clone())),
        }
    }
    url.query_pairs_mut().clear().extend_pairs(known);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_url_has_no_secret() {
        let url = Url::parse("https://ann:pw@x.test:8443/a?api%5Fkey=s3cret&q=a%20b&&api_key=t#frag").unwrap();
        assert_eq!(shown(&url, &["api_key".to_owned()]), "https://x.test:8443/a?q=a%20b&");
        assert_eq!(origin(&url), "https://x.test:8443");
        let bare = Url::parse("http://[::1]:80/?k=v").unwrap();
        assert_eq!(shown(&bare, &["k".to_owned()]), "http://[::1]/");
        assert_eq!(origin(&bare), "http://[::1]");
    }

    #[test]
    fn origins_are_those_of_rfc_6454() {
        let url = |text: &str| Url::parse(text).unwrap();
        let texts = [
            "https://x.test/a",
            "https://ann:pw@x.test:443/b",
            "https://x.test:8443/?q",
            "http://x.test",
            "http://X.TEST:80/#f",
            "http://bücher.test/",
            "http://xn--bcher-kva.test:80/y",
            "http://[0:0::1]:9/",
            "http://127.1/",
        ];
        for a in texts.map(url) {
            assert_eq!(origin(&a), a.origin().ascii_serialization());
            for b in texts.map(url) {
                assert_eq!(has_origin(&a, &origin(&b)), a.origin() == b.origin(), "{a} {b}");
                assert_eq!(is_same_origin(&a, &b), a.origin() == b.origin(), "{a} {b}");
            }
        }
    }
}
