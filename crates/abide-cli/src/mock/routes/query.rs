//! Reads the query of a request.

use std::borrow::Cow;

use http::Uri;
use url::form_urlencoded;

/// The query of one request.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(in super::super) fn of(uri: &'a Uri) -> Self {
        Self(uri.query().unwrap_or_default())
    }

    /// Names and values, decoded, in the order of the query.
    pub(super) fn pairs(self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        form_urlencoded::parse(self.0.as_bytes())
    }

    /// The first value of a name.
    pub(in super::super) fn value(self, name: &str) -> Option<Cow<'a, str>> {
        self.pairs().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The query as it came, without the parameters of these names, and with a `&` behind each that is left.
    pub(in super::super) fn without(self, names: &[&str]) -> String {
        let mut rest = String::new();
        for pair in self.0.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split_once('=').map_or(pair, |(name, _)| name);
            if !names.contains(&name) {
                rest.extend([pair, "&"]);
            }
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_the_rest_is_kept_as_it_came() {
        let uri = Uri::from_static("/items?q=a%20b&page=2&q=c&&flag");
        let query = Query::of(&uri);
        assert_eq!(query.value("q").as_deref(), Some("a b"));
        assert_eq!(query.value("none"), None);
        assert_eq!(query.without(&["page"]), "q=a%20b&q=c&flag&");
        assert_eq!(Query::of(&Uri::from_static("/items")).without(&["page"]), "");
    }
}
