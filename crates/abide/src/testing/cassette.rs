//! Exchanges with a real API in a JSON file, without secrets: how they are written down, and how they are read.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use abide_core::time::Instant;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{HeaderName, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};
use url::Url;

use super::mock::{Answers, Received};
use super::{Mock, Reply, VirtualClock};
use crate::error::{Error, Result};
use crate::target;

/// What stands where a secret stood.
const REDACTED: &str = "redacted";
/// The members of a JSON body that hold secrets: those of a token's answer (RFC 6749 section 5.1).
const SECRETS: [&str; 3] = ["access_token", "refresh_token", "id_token"];

/// One request and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) method: String,
    /// Without user, password and secret query keys.
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) took: Duration,
}

/// All exchanges of a file, in the order in which they ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Cassette {
    pub(super) secret_query_keys: Vec<String>,
    pub(super) exchanges: Vec<Exchange>,
}

impl Cassette {
    pub(super) fn shown(&self, url: &Url) -> String {
        target::shown(url, &self.secret_query_keys)
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let exchanges: Vec<Value> = self.exchanges.iter().map(Exchange::to_json).collect();
        let mut text = serde_json::to_vec_pretty(&json!({
            "secret_query_keys": self.secret_query_keys,
            "exchanges": exchanges,
        }))?;
        text.push(b'\n');
        // A test run that is stopped leaves a whole file.
        let part = path.with_extension("part");
        fs::write(&part, text)?;
        fs::rename(&part, path)
    }

    fn read(path: &Path) -> Result<Self> {
        let wrong = |why: String| Error::setting(format!("{} can't be replayed: {why}", path.display()));
        let text = fs::read(path).map_err(|e| wrong(format!("{e}; record it first with ClientBuilder::record")))?;
        let value: Value = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        Self::from_json(&value).ok_or_else(|| wrong("it is not what ClientBuilder::record writes".to_owned()))
    }

    fn from_json(value: &Value) -> Option<Self> {
        let texts = |value: &Value| -> Option<Vec<String>> {
            value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
        };
        Some(Self {
            secret_query_keys: texts(&value["secret_query_keys"])?,
            exchanges: value["exchanges"].as_array()?.iter().map(Exchange::from_json).collect::<Option<_>>()?,
        })
    }
}

impl Exchange {
    fn to_json(&self) -> Value {
        let headers: Vec<Value> = self.headers.iter().filter_map(header_to_json).collect();
        let (name, body) = match serde_json::from_slice::<Map<String, Value>>(&self.body) {
            Ok(mut members) if SECRETS.iter().any(|name| members.contains_key(*name)) => {
                for name in SECRETS {
                    members.entry(name).and_modify(|value| *value = REDACTED.into());
                }
                ("body", Value::Object(members).to_string())
            }
            _ => match std::str::from_utf8(&self.body) {
                Ok(text) => ("body", text.to_owned()),
                Err(_) => ("body_base64", STANDARD.encode(&self.body)),
            },
        };
        json!({
            "method": self.method,
            "url": self.url,
            "status": self.status,
            "headers": headers,
            name: body,
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let mut headers = HeaderMap::new();
        for pair in value["headers"].as_array()? {
            let name = HeaderName::try_from(pair[0].as_str()?).ok()?;
            headers.append(name, HeaderValue::try_from(pair[1].as_str()?).ok()?);
        }
        let body = match value["body_base64"].as_str() {
            Some(text) => STANDARD.decode(text).ok()?.into(),
            None => value["body"].as_str()?.to_owned().into(),
        };
        Some(Self {
            method: value["method"].as_str()?.to_owned(),
            url: value["url"].as_str()?.to_owned(),
            status: u16::try_from(value["status"].as_u64()?).ok()?,
            headers,
            body,
            took: Duration::from_millis(value["took_ms"].as_u64()?),
        })
    }
}

/// Name and value; nothing for what is not text.
fn header_to_json((name, value): (&HeaderName, &HeaderValue)) -> Option<Value> {
    let value = if *name == SET_COOKIE { REDACTED } else { value.to_str().ok()? };
    Some(json!([name.as_str(), value]))
}

/// Gives what was recorded for a request, each exchange once.
struct Replay {
    cassette: Cassette,
    left: Mutex<VecDeque<Exchange>>,
}

impl Answers for Replay {
    fn answer(&self, request: &Received, _: Instant) -> Reply {
        let url = Url::parse(&request.url).map_or_else(|_| request.url.clone(), |url| self.cassette.shown(&url));
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let place = left.iter().position(|one| one.method == request.method.as_str() && one.url == url);
        let Some(one) = place.and_then(|place| left.remove(place)) else {
            panic!("no exchange is left in the recording for request {}: {} {url}", request.number, request.method)
        };
        let mut reply = Reply::status(one.status).body(one.body).after(one.took);
        reply.headers = one.headers;
        reply
    }
}

impl Mock {
    /// Answers with what [`ClientBuilder::record`](crate::ClientBuilder::record) wrote down, in virtual time. A request gets the
    /// first exchange of its method and URL that is left; one for which there is none is a panic that names it.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or is not such a recording.
    pub fn replay(path: impl AsRef<Path>) -> Result<Self> {
        let cassette = Cassette::read(path.as_ref())?;
        let left = Mutex::new(cassette.exchanges.iter().cloned().collect());
        Ok(Self::on(Replay { cassette, left }, VirtualClock::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_without_secrets() {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-remaining", HeaderValue::from_static("3"));
        headers.insert("set-cookie", HeaderValue::from_static("session=s3cret"));
        let exchange = |body: &[u8]| Exchange {
            method: "GET".to_owned(),
            url: "https://api.test/a".to_owned(),
            status: 200,
            headers: headers.clone(),
            body: Bytes::copy_from_slice(body),
            took: Duration::from_millis(12),
        };
        let exchanges = vec![exchange(br#"{"access_token":"s3cret","expires_in":60}"#), exchange(&[0xff, 0xfe])];
        let cassette = Cassette { secret_query_keys: vec!["key".to_owned()], exchanges };
        let path = std::env::temp_dir().join(format!("abide-cassette-{}.json", std::process::id()));
        cassette.write(&path).unwrap();
        let (text, read) = (fs::read_to_string(&path).unwrap(), Cassette::read(&path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!text.contains("s3cret"), "{text}");
        assert_eq!(read.secret_query_keys, ["key"]);
        assert_eq!(read.exchanges[0].headers["x-ratelimit-remaining"], "3");
        assert_eq!(read.exchanges[0].body, r#"{"access_token":"redacted","expires_in":60}"#);
        assert_eq!(
            (&read.exchanges[1].body[..], read.exchanges[1].took),
            (&[0xff, 0xfe][..], Duration::from_millis(12))
        );
    }

    #[test]
    fn what_is_no_recording_is_named() {
        let error = Mock::replay("/nowhere/at/all.json").unwrap_err().to_string();
        assert!(error.contains("all.json can't be replayed") && error.contains("record it first"), "{error}");
    }
}
