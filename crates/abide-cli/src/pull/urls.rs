//! Decides what counts as a URL to fetch: on the command line, in a list of them, and in a reference to the next page.

use std::fmt;
use std::io::{self, BufRead};

use url::Url;

/// Reads an absolute `http` or `https` URL.
///
/// # Errors
///
/// If it is not one. White space within is refused, for the URL standard would drop a tab and join what it parted.
pub(crate) fn parse(text: &str) -> Result<Url, UrlError> {
    let wrong = |why| Err(UrlError { text: shown(text), why });
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return wrong(Why::Space);
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) if text.contains("://") => wrong(Why::Scheme),
        // `localhost:8080/x` reads as the scheme `localhost`.
        Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase) => wrong(Why::NoScheme),
        Err(why) => wrong(Why::Syntax(why)),
    }
}

/// Resolves what a response at `base` names as the next page.
///
/// # Errors
///
/// If it is no reference, or one to something other than `http` and `https`.
pub(crate) fn resolve(base: &Url, reference: &str) -> Result<Url, UrlError> {
    let wrong = |why| Err(UrlError { text: shown(reference), why });
    match base.join(reference) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) => wrong(Why::Scheme),
        Err(why) => wrong(Why::Syntax(why)),
    }
}

/// A text that is not a URL to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UrlError {
    /// The text without what may be secret in it.
    text: String,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Space,
    NoScheme,
    Scheme,
    Syntax(url::ParseError),
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a URL to fetch: ", self.text)?;
        match self.why {
            Why::Space => f.write_str("it holds white space or a control character; write a space as %20"),
            Why::NoScheme => f.write_str("it does not begin with https:// or http://"),
            Why::Scheme => f.write_str("only http and https are spoken"),
            Why::Syntax(why) => write!(f, "{why}"),
        }
    }
}

impl std::error::Error for UrlError {}

/// As much of a text that should be a URL as can be shown: neither user nor password nor query, and not without end.
fn shown(text: &str) -> String {
    const LEN: usize = 80;
    let public = text.find(['?', '#']).map_or(text, |end| &text[..end]);
    let (scheme, rest) =
        public.split_once("://").map_or(("", public), |(_, rest)| public.split_at(public.len() - rest.len()));
    let host = rest.rfind('@').map_or(0, |at| at + 1);
    let mut chars = scheme.chars().chain(rest[host..].chars());
    let mut shown: String = chars.by_ref().take(LEN).flat_map(char::escape_debug).collect();
    if public.len() < text.len() || chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Reads a list of URLs, one a line, without holding it.
///
/// Blank lines and lines that begin with `#` are passed over, as are white space around a URL, a byte order mark at the
/// beginning and carriage returns at the ends. Braces are not expanded.
#[derive(Debug)]
pub(crate) struct UrlList<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    /// Nothing more can be read.
    ended: bool,
}

impl<R: BufRead> UrlList<R> {
    /// The longest line that is read, in bytes.
    const LONGEST: usize = 64 * 1024;

    pub(crate) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0, ended: false }
    }

    /// Reads one line with a URL on it; nothing at the end of the input.
    fn read(&mut self) -> Result<Option<Url>, Fault> {
        loop {
            self.line.clear();
            self.number += 1;
            let limit = Self::LONGEST as u64 + 1;
            let read = io::Read::take(&mut self.input, limit).read_until(b'\n', &mut self.line).map_err(Fault::Read)?;
            if read == 0 {
                return Ok(None);
            }
            if read > Self::LONGEST {
                return Err(Fault::Long);
            }
            let mut text = str::from_utf8(&self.line).map_err(|_| Fault::Utf8)?;
            if self.number == 1 {
                text = text.strip_prefix('\u{feff}').unwrap_or(text);
            }
            text = text.trim();
            if !text.is_empty() && !text.starts_with('#') {
                return parse(text).map(Some).map_err(Fault::Url);
            }
        }
    }
}

impl<R: BufRead> Iterator for UrlList<R> {
    type Item = Result<Url, UrlListError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let url = self.read();
        self.ended = matches!(url, Ok(None) | Err(Fault::Read(_) | Fault::Long));
        url.map_err(|fault| UrlListError { line: self.number, fault }).transpose()
    }
}

/// A line of a list that is not a URL, or the failure to read on.
#[derive(Debug)]
pub(crate) struct UrlListError {
    line: u64,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Read(io::Error),
    Long,
    Utf8,
    Url(UrlError),
}

impl fmt::Display for UrlListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.fault {
            Fault::Read(error) => write!(f, "the list cannot be read: {error}"),
            Fault::Long => {
                write!(f, "it is longer than {} bytes; a list has one URL a line", UrlList::<io::Empty>::LONGEST)
            }
            Fault::Utf8 => f.write_str("it is not UTF-8; a list has one URL a line"),
            Fault::Url(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for UrlListError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    fn list(text: &[u8]) -> Vec<Result<String, String>> {
        UrlList::new(text).map(|url| url.map(String::from).map_err(|e| e.to_string())).collect()
    }

    #[test]
    fn urls_keep_what_they_were_written_with() {
        for text in ["http://[::1]:8080/a%20b?c=%7Bd%7D", "https://user:pw@h/a;b=c", "http://h/%2e%2E/100%25"] {
            assert!(parse(text).is_ok(), "{text}");
        }
        assert_eq!(parse("http://[::1]:8080/a%20b?c=%7Bd%7D").unwrap().as_str(), "http://[::1]:8080/a%20b?c=%7Bd%7D");
    }

    #[test]
    fn what_is_no_url_to_fetch_says_why() {
        assert_eq!(
            message("api.example/a"),
            "'api.example/a' is not a URL to fetch: it does not begin with https:// or http://"
        );
        assert!(message("localhost:8080/a").ends_with("it does not begin with https:// or http://"));
        assert!(message("ftp://h/a").ends_with("only http and https are spoken"));
        assert!(message("http://h/a b").ends_with("write a space as %20"));
        assert_eq!(
            message("http://h/a\tname"),
            "'http://h/a\\tname' is not a URL to fetch: it holds white space or a control character; write a space as %20"
        );
        assert_eq!(message("https://"), "'https://' is not a URL to fetch: empty host");
        assert_eq!(message("http://h:99999/"), "'http://h:99999/' is not a URL to fetch: invalid port number");
    }

    #[test]
    fn errors_hold_no_credential() {
        for text in
            ["http://u:secret@h :1/", "u:secret@h/a", "http://u:secret@h:x/?key=secret", "h/a?key=secret", "h#secret"]
        {
            let message = message(text);
            assert!(!message.contains("secret") && message.contains('h'), "{message}");
        }
        assert!(message(&"é".repeat(1_000)).len() < 300);
    }

    #[test]
    fn a_list_has_one_url_a_line() {
        let text = "\u{feff}http://h/1\r\n\r\n# a comment\n  http://h/{2}?a=b#c \n\t\nhttp://h/3";
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(list(text.as_bytes()), [ok("http://h/1"), ok("http://h/%7B2%7D?a=b#c"), ok("http://h/3")]);
        assert_eq!(list(b""), []);
        assert_eq!(list(b"\xef\xbb\xbf# only a comment"), []);
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        let read = list(b"http://h/1\n\nh/2\nhttp://h/\xff\nhttp://h/5 http://h/6\n");
        let start = |i: usize| read[i].clone().unwrap_err();
        assert!(start(1).starts_with("line 3: 'h/2' is not a URL to fetch: it does not begin"), "{}", start(1));
        assert_eq!(start(2), "line 4: it is not UTF-8; a list has one URL a line");
        assert!(start(3).starts_with("line 5: 'http://h/5 http://h/6' is not a URL to fetch: it holds white space"));
        assert_eq!(read.len(), 4);
    }

    #[test]
    fn a_line_without_end_is_not_held() {
        let mut urls = UrlList::new(io::BufReader::new(io::repeat(b'a')));
        assert_eq!(
            urls.next().unwrap().unwrap_err().to_string(),
            "line 1: it is longer than 65536 bytes; a list has one URL a line"
        );
        assert!(urls.next().is_none());
        assert!(urls.line.capacity() <= 2 * (UrlList::<io::Empty>::LONGEST + 1));
    }

    #[test]
    fn references_are_resolved_as_the_corpus_has_them() {
        let cases = include_str!("../../../abide-core/tests/data/link.jsonl").lines();
        let cases = cases.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let mut seen = 0;
        for case in cases.filter(|case| case["input"]["base"].is_string()) {
            let base = parse(case["input"]["base"].as_str().unwrap()).unwrap();
            let lines = case["input"]["value"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str);
            let links = abide_core::page::link::links(lines);
            let next = links.iter().find(|link| link.has_rel("next")).unwrap();
            let resolved = resolve(&base, &next.uri).unwrap();
            assert_eq!(Some(resolved.as_str()), case["expect"]["next"].as_str(), "{}", case["id"]);
            seen += 1;
        }
        assert_eq!(seen, 3);
    }

    #[test]
    fn a_reference_to_another_scheme_is_refused() {
        let base = parse("https://h/a").unwrap();
        assert!(resolve(&base, "file:///etc/passwd").is_err());
        assert!(resolve(&base, "javascript:alert(1)").is_err());
        assert!(resolve(&base, "http://[::1/").is_err());
        assert_eq!(resolve(&base, "Books?$skip=2").unwrap().as_str(), "https://h/Books?$skip=2");
    }
}
