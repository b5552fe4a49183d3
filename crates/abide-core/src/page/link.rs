//! Reads the `Link` header field (RFC 8288), by the lenient algorithm of its appendix B.

use http::HeaderMap;
use http::header::LINK;

/// One link of a `Link` field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The target, as the server wrote it; it may be relative to the address of the response.
    pub uri: String,
    /// The relations, in lower case.
    pub rels: Vec<String>,
    /// All other parameters in their order: names in lower case, values without quotes; those of names that end in `*`
    /// decoded (RFC 8187). A parameter without a value has an empty one.
    pub params: Vec<(String, String)>,
}

impl Link {
    /// The value of the first parameter with this name, which is in lower case.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether this link says of the response itself that it has this relation, which is in lower case.
    ///
    /// A link with an `anchor` speaks of something else.
    pub fn has_rel(&self, rel: &str) -> bool {
        self.rels.iter().any(|r| r == rel) && self.param("anchor").is_none()
    }
}

/// The links of some `Link` field lines, in their order. From where a line cannot be read on, it is ignored.
pub fn links<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Link> {
    let mut links = Vec::new();
    for line in lines {
        let mut rest = line;
        while let Some(link) = link(&mut rest) {
            links.push(link);
        }
    }
    links
}

/// The target of the first link of a response with this relation, which is in lower case, as the server wrote it.
pub fn target(headers: &HeaderMap, rel: &str) -> Option<String> {
    let lines: Vec<_> = headers.get_all(LINK).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    links(lines.iter().map(AsRef::as_ref)).into_iter().find(|link| link.has_rel(rel)).map(|link| link.uri)
}

/// The target of the first link of a response that says `rel=next`, as the server wrote it.
pub fn next(headers: &HeaderMap) -> Option<String> {
    target(headers, "next")
}

/// Takes one link, and the comma after it, from the beginning of a line (appendix B.2).
fn link(line: &mut &str) -> Option<Link> {
    let start = line.trim_start_matches([' ', '\t', ',']);
    let (uri, mut rest) = start.strip_prefix('<')?.split_once('>')?;
    let mut link = Link { uri: uri.to_owned(), ..Link::default() };
    let mut rel = None;
    while let Some((name, value)) = param(&mut rest) {
        match name.as_str() {
            "" => {}
            // Only the first counts (section 3.3).
            "rel" => _ = rel.get_or_insert(value),
            extended if extended.ends_with('*') => link.params.extend(decode(&value).map(|value| (name, value))),
            _ => link.params.push((name, value)),
        }
    }
    link.rels = rel.unwrap_or_default().split_ascii_whitespace().map(str::to_ascii_lowercase).collect();
    *line = rest.split_once(',').map_or("", |(_, after)| after);
    Some(link)
}

/// Takes one parameter, with the semicolon before it, from the beginning of a line (appendix B.3).
fn param(line: &mut &str) -> Option<(String, String)> {
    let start = trim(line).strip_prefix(';')?;
    let (name, rest) = split_before(start, &[';', ',', '=']);
    let (value, rest) = match rest.strip_prefix('=').map(trim) {
        None => (String::new(), rest),
        Some(value) => match value.strip_prefix('"') {
            Some(inner) => quoted(inner),
            None => {
                let (value, rest) = split_before(value, &[';', ',']);
                (trim(value).to_owned(), rest)
            }
        },
    };
    *line = rest;
    Some((trim(name).to_ascii_lowercase(), value))
}

fn split_before<'a>(text: &'a str, ends: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Reads a quoted string behind its first quote; one that is not closed runs to the end (appendix B.4).
fn quoted(inner: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => value.extend(chars.next()),
            c => value.push(c),
        }
    }
    (value, chars.as_str())
}

/// Decodes `charset'language'percent-encoded` (RFC 8187, section 3.2.1); nothing if it is malformed.
fn decode(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let bytes = percent_decode(encoded)?;
    if charset.eq_ignore_ascii_case("utf-8") {
        return String::from_utf8(bytes).ok();
    }
    charset.eq_ignore_ascii_case("iso-8859-1").then(|| bytes.into_iter().map(char::from).collect())
}

pub(super) fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|d| u8::try_from(d).ok());
                digit()? * 16 + digit()?
            }
            byte => byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        lines.iter().map(|line| (LINK, HeaderValue::from_bytes(line).unwrap())).collect()
    }

    #[test]
    fn the_first_next_of_several_lines_is_taken() {
        let headers = headers(&[
            b"</other>; rel=next; anchor=\"#part\", </a>; rel=\"last\"",
            b"",
            b", ,</b>; rel=\"prev NEXT\"; rel=last, </c>; rel=next",
        ]);
        assert_eq!(next(&headers).as_deref(), Some("/b"));
        assert_eq!(target(&headers, "last").as_deref(), Some("/a"));
        assert_eq!(target(&headers, "first"), None);
    }

    #[test]
    fn bytes_that_are_not_text_do_not_hide_a_link() {
        assert_eq!(next(&headers(&[b"</a>; title=\"caf\xe9\"; rel=next"])).as_deref(), Some("/a"));
    }

    #[test]
    fn what_does_not_belong_behind_a_link_is_passed_over() {
        assert_eq!(next(&headers(&[b"</a> what; ever, </b>; rel=next"])).as_deref(), Some("/b"));
        assert_eq!(next(&headers(&[b"</a>; rel=last what, </b>; rel=\"next\" what"])).as_deref(), Some("/b"));
    }

    #[test]
    fn an_extended_parameter_that_is_malformed_is_left_out() {
        for value in ["UTF-8'en'%E2", "UTF-8'en'%zz", "UTF-8'en'%a", "UTF-8", "KOI8-R''a"] {
            let links = links([format!("</a>; title*={value}; rel=x").as_str()]);
            assert_eq!(links[0].param("title*"), None, "{value}");
            assert_eq!(links[0].rels, ["x"], "{value}");
        }
        assert_eq!(links(["</a>; title*=iso-8859-1''caf%e9"])[0].param("title*"), Some("café"));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(uri in "[a-z/?=&,; \"%]{0,12}", rel in "[a-z]{1,6}", title in "[a-z\"\\\\;,<>= ]{0,12}") {
            let quoted = title.replace('\\', "\\\\").replace('"', "\\\"");
            let line = format!("<{uri}>; title=\"{quoted}\" ; rel={rel} , <end>; rel=last");
            let first = Link { uri, rels: vec![rel], params: vec![("title".to_owned(), title)] };
            let last = Link { uri: "end".to_owned(), rels: vec!["last".to_owned()], params: Vec::new() };
            prop_assert_eq!(links([line.as_str()]), [first, last]);
        }

        #[test]
        fn any_text_is_read_without_a_panic(line in "[<>;,=\"\\\\ \ta*'%é]{0,30}") {
            for link in links([line.as_str()]) {
                prop_assert!(line.contains(&link.uri));
            }
        }
    }
}
