//! Decides what a response body is: nothing, one JSON value, or one value a line.

use std::fmt;

use abide_core::json::{Json, JsonError};
use http::StatusCode;

/// A response body, as far as records are concerned.
#[derive(Clone, Debug)]
pub(crate) enum Body<'a> {
    /// Status 204 says that there is none.
    Nothing,
    /// One JSON value.
    Value(Json<'a>),
    /// JSON values, one a line (NDJSON, also called JSON Lines), not yet looked at.
    Lines(&'a [u8]),
}

impl<'a> Body<'a> {
    /// Reads a decoded body. The content type decides only between one value and lines of them.
    ///
    /// # Errors
    ///
    /// If it is neither; an empty body is not, where the status is not 204.
    pub(crate) fn read(status: StatusCode, content_type: Option<&str>, bytes: &'a [u8]) -> Result<Self, NotJson> {
        if status == StatusCode::NO_CONTENT {
            return Ok(Self::Nothing);
        }
        let format = content_type.map_or(Format::Unsaid, Format::of);
        if format == Format::Lines {
            return Ok(Self::Lines(bytes));
        }
        match Json::parse(bytes) {
            Ok(json) => Ok(Self::Value(json)),
            // Files of lines often come as text/plain or application/octet-stream.
            Err(JsonError::Trailing { at }) if format == Format::Unsaid && begins_line(bytes, at) => {
                Ok(Self::Lines(bytes))
            }
            Err(why) => Err(NotJson::new(why, content_type, bytes)),
        }
    }

    /// The body, where it is one JSON value.
    pub(crate) fn json(&self) -> Option<&Json<'a>> {
        match self {
            Self::Value(json) => Some(json),
            Self::Nothing | Self::Lines(_) => None,
        }
    }
}

/// What a content type promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// One JSON value.
    Value,
    /// One JSON value a line.
    Lines,
    /// Neither.
    Unsaid,
}

impl Format {
    fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let subtype = essence.split_once('/').map_or("", |(_, subtype)| subtype);
        match subtype.strip_prefix("x-").unwrap_or(subtype) {
            "ndjson" | "jsonl" | "jsonlines" | "json-lines" | "json-seq" | "stream+json" => Self::Lines,
            "json" => Self::Value,
            other if other.ends_with("+json") => Self::Value,
            _ => Self::Unsaid,
        }
    }
}

/// Whether a line break stands between the byte at `at` and what is before it.
fn begins_line(bytes: &[u8], at: usize) -> bool {
    bytes[..at].iter().rev().take_while(|c| c.is_ascii_whitespace()).any(|&c| c == b'\n')
}

/// A body that is not JSON, with as much of it as helps to see what it is instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotJson {
    why: JsonError,
    content_type: Option<String>,
    /// The beginning of the body, escaped.
    beginning: String,
}

impl NotJson {
    /// How many characters of the body are shown.
    const SHOWN: usize = 60;

    fn new(why: JsonError, content_type: Option<&str>, body: &[u8]) -> Self {
        // A character has at most four bytes, and one more shows whether anything was left out.
        let head = String::from_utf8_lossy(&body[..body.len().min(4 * (Self::SHOWN + 1))]);
        let mut beginning: String = head.chars().take(Self::SHOWN).flat_map(char::escape_debug).collect();
        if head.chars().nth(Self::SHOWN).is_some() {
            beginning.push('…');
        }
        Self { why, content_type: content_type.map(|text| text.escape_debug().to_string()), beginning }
    }
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body is not JSON: {}", self.why)?;
        match &self.content_type {
            Some(content_type) => write!(f, "; its content type is '{content_type}'")?,
            None => f.write_str("; it has no content type")?,
        }
        if self.why != JsonError::Empty {
            write!(f, " and it begins with \"{}\"", self.beginning)?;
        }
        f.write_str("; `abide get URL` shows all of it, and with `-o NAME/` bodies are kept as they are")
    }
}

impl std::error::Error for NotJson {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(content_type: &str, body: &'a [u8]) -> Result<Body<'a>, String> {
        Body::read(StatusCode::OK, Some(content_type), body).map_err(|e| e.to_string())
    }

    #[test]
    fn status_204_needs_no_body() {
        for body in [&b""[..], b"no"] {
            assert!(matches!(Body::read(StatusCode::NO_CONTENT, None, body), Ok(Body::Nothing)));
        }
    }

    #[test]
    fn json_is_json_whatever_it_is_called() {
        for content_type in ["application/json", "application/vnd.api+json; charset=utf-8", "text/html", ""] {
            assert!(matches!(read(content_type, b"\xef\xbb\xbf [1] \n"), Ok(Body::Value(_))), "{content_type}");
        }
        assert!(matches!(Body::read(StatusCode::OK, None, b"{}"), Ok(Body::Value(_))));
    }

    #[test]
    fn lines_are_told_by_the_content_type_or_by_themselves() {
        for content_type in
            ["application/x-ndjson", "application/NDJSON; charset=utf-8", "application/jsonl", "application/json-seq"]
        {
            assert!(matches!(read(content_type, b"{}"), Ok(Body::Lines(_))), "{content_type}");
        }
        for content_type in ["text/plain", "application/octet-stream", ""] {
            assert!(matches!(read(content_type, b"{\"a\":1}\r\n{\"a\":2}\r\n"), Ok(Body::Lines(_))), "{content_type}");
            assert!(read(content_type, b"404 not found\n1").is_err(), "{content_type}");
        }
        assert!(
            read("application/json", b"{}\n{}\n")
                .unwrap_err()
                .starts_with("the body is not JSON: a whole value is followed")
        );
    }

    #[test]
    fn what_came_instead_is_shown_without_control_characters() {
        assert_eq!(
            read("text/html", b"<!DOCTYPE html>\n\x1b[31m\xffred").unwrap_err(),
            "the body is not JSON: it is not UTF-8 at byte 21; its content type is 'text/html' and it begins with \
             \"<!DOCTYPE html>\\n\\u{1b}[31m\u{fffd}red\"; `abide get URL` shows all of it, and with `-o NAME/` bodies are \
             kept as they are"
        );
        let long = "é".repeat(100);
        let message = Body::read(StatusCode::OK, None, long.as_bytes()).unwrap_err().to_string();
        assert!(
            message.contains(&format!("it has no content type and it begins with \"{}…\"", "é".repeat(60))),
            "{message}"
        );
    }

    #[test]
    fn an_empty_body_is_not_json() {
        for body in ["", " \r\n", "\u{feff}"] {
            let message = read("application/json", body.as_bytes()).unwrap_err();
            assert!(
                message.starts_with(
                    "the body is not JSON: it is empty; its content type is 'application/json'; `abide get"
                )
            );
        }
    }
}
