//! Reads recorded responses: as `curl -i` prints them, one after the other, or as JSON lines.

use std::io::BufRead;

use abide_core::time::Wall;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// A response at hand.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    /// What its source calls it; null if nothing.
    pub(super) id: Value,
    pub(super) host: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// When it came, where that is known.
    pub(super) received: Option<Wall>,
}

/// The responses of an input, in order.
pub(super) struct Exchanges<R> {
    input: R,
    host: String,
    line: Vec<u8>,
    /// Number of the line, from 1.
    number: u64,
    /// Whether `line` was read and not used.
    pending: bool,
    ended: bool,
}

impl<R: BufRead> Exchanges<R> {
    /// `host` answered where a response does not say who did.
    pub(super) fn new(input: R, host: String) -> Self {
        Self { input, host, line: Vec::new(), number: 0, pending: false, ended: false }
    }

    /// Reads the next line with its end; `false` at the end of the input.
    fn advance(&mut self) -> Result<bool, String> {
        if std::mem::take(&mut self.pending) {
            return Ok(true);
        }
        self.line.clear();
        self.number += 1;
        let read = self.input.read_until(b'\n', &mut self.line).map_err(|e| format!("line {}: {e}", self.number))?;
        if self.number == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
            self.line.drain(..3);
        }
        Ok(read > 0)
    }

    fn next_exchange(&mut self) -> Result<Option<Exchange>, String> {
        while self.advance()? {
            let text = self.line.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let read = if text.starts_with(b"{") {
                from_json(text, &self.host)
            } else if let Some(status) = status_line(text) {
                return self.raw(status).map(Some);
            } else {
                Err("neither a status line such as 'HTTP/1.1 200 OK' nor a JSON object".to_owned())
            };
            return read.map(Some).map_err(|e| format!("line {}: {e}", self.number));
        }
        Ok(None)
    }

    /// The response that began with a status line.
    fn raw(&mut self, status: StatusCode) -> Result<Exchange, String> {
        let mut headers = HeaderMap::new();
        while self.advance()? {
            let line = self.line.trim_ascii();
            if line.is_empty() {
                break;
            }
            let wrong = || format!("line {}: not a header field 'Name: value'", self.number);
            let colon = line.iter().position(|b| *b == b':').ok_or_else(wrong)?;
            let name = HeaderName::from_bytes(&line[..colon]).map_err(|_| wrong())?;
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).map_err(|_| wrong())?;
            headers.append(name, value);
        }
        let announced: Option<usize> =
            headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|value| value.parse().ok());
        let mut body = Vec::new();
        // A body ends where it was announced to end, or where the next response begins.
        while announced.is_none_or(|length| body.len() < length) && self.advance()? {
            if status_line(self.line.trim_ascii()).is_some() {
                self.pending = true;
                break;
            }
            body.extend_from_slice(&self.line);
        }
        if let Some(length) = announced.filter(|length| *length < body.len()) {
            // The body had no line end of its own: what follows on its last line is the next response.
            self.line = body.split_off(length);
            self.pending = !self.line.trim_ascii().is_empty();
        }
        Ok(Exchange { id: Value::Null, host: self.host.clone(), status, headers, body: body.into(), received: None })
    }
}

impl<R: BufRead> Iterator for Exchanges<R> {
    type Item = Result<Exchange, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_exchange().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

fn status_line(line: &[u8]) -> Option<StatusCode> {
    let mut words = str::from_utf8(line.strip_prefix(b"HTTP/")?).ok()?.split_whitespace();
    words.next().filter(|version| version.starts_with(|c: char| c.is_ascii_digit()))?;
    words.next()?.parse().ok()
}

/// A response as an object with `host`, `status`, `headers` and, if wanted, `body`, `received_at` and `id`.
fn from_json(text: &[u8], host: &str) -> Result<Exchange, String> {
    let object: Value = serde_json::from_slice(text).map_err(|e| format!("not JSON: {e}"))?;
    let status = object["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok()).ok_or("'status' is not a status code")?;
    let mut headers = HeaderMap::new();
    match &object["headers"] {
        Value::Object(fields) => {
            for (name, value) in fields {
                let values = match value {
                    Value::Array(values) => values.as_slice(),
                    value => std::slice::from_ref(value),
                };
                for value in values {
                    append(&mut headers, name, value)?;
                }
            }
        }
        Value::Null => {}
        _ => return Err("'headers' is not an object".to_owned()),
    }
    let body = match &object["body"] {
        Value::Null => Bytes::new(),
        Value::String(text) => Bytes::copy_from_slice(text.as_bytes()),
        other => other.to_string().into(),
    };
    let received = match &object["received_at"] {
        Value::Null => None,
        Value::String(text) => Some(moment(text)?),
        _ => return Err("'received_at' is not a time such as \"2026-01-31T09:30:00Z\"".to_owned()),
    };
    let host = object["host"].as_str().unwrap_or(host).to_owned();
    Ok(Exchange { id: object["id"].clone(), host, status, headers, body, received })
}

fn append(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null => return Ok(()),
        _ => return Err(format!("the value of the field '{name}' is not text")),
    };
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("'{name}' is not the name of a field"))?;
    let value = HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| format!("the value of the field '{name}' holds characters that it can't"))?;
    headers.append(name, value);
    Ok(())
}

fn moment(text: &str) -> Result<Wall, String> {
    let moment: jiff::Timestamp =
        text.parse().map_err(|_| format!("'{text}' is not a time such as 2026-01-31T09:30:00Z"))?;
    i64::try_from(moment.as_nanosecond()).map(Wall::from_nanos).map_err(|_| format!("'{text}' is too far away"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Exchange>, String> {
        Exchanges::new(text.as_bytes(), "x.test".to_owned()).collect()
    }

    #[test]
    fn responses_as_curl_prints_them_follow_each_other() {
        let text = "HTTP/1.1 301 Moved\r\nLocation: /b\r\n\r\nHTTP/2 429 \r\ncontent-length: 6\r\nretry-after: 3\r\n\r\nslowerHTTP/1.1 200 OK\r\n\r\na\nb\n";
        let all = read(text).unwrap();
        let told: Vec<_> = all.iter().map(|e| (e.status.as_u16(), e.headers.len(), &e.body[..])).collect();
        assert_eq!(told, [(301, 1, &b""[..]), (429, 2, b"slower"), (200, 0, b"a\nb\n")]);
        assert_eq!(all[1].host, "x.test");
    }

    #[test]
    fn json_lines_name_their_parts() {
        let text = r#"{"id":"a/1","host":"h.test","status":200,"headers":{"X-A":["1","2"],"n":5},"body":{"b":1},"received_at":"2026-01-01T00:00:00Z"}
{"status":204}"#;
        let all = read(text).unwrap();
        assert_eq!((all[0].id.as_str(), all[0].host.as_str()), (Some("a/1"), "h.test"));
        assert_eq!(all[0].headers.get_all("x-a").iter().count(), 2);
        assert_eq!((&all[0].body[..], all[0].received), (&br#"{"b":1}"#[..], Some(Wall::from_secs(1_767_225_600))));
        assert_eq!((all[1].status.as_u16(), all[1].received), (204, None));
    }

    #[test]
    fn what_is_neither_is_named_with_its_line() {
        let wrong = |text| read(text).unwrap_err();
        assert!(wrong("\n\nhello").starts_with("line 3: neither a status line"));
        assert!(wrong("{\"status\":").starts_with("line 1: not JSON"));
        assert!(wrong("{\"status\":\"x\"}").contains("'status' is not a status code"));
        assert!(wrong("HTTP/1.1 200 OK\nno colon\n\n").starts_with("line 2: not a header field"));
        assert!(wrong("{\"status\":200,\"received_at\":\"noon\"}").contains("'noon' is not a time"));
        assert!(read("").unwrap().is_empty());
    }
}
