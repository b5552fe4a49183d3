//! Reads which page a request wants, and writes the URL of another one.

use http::header::{HOST, RANGE};

use super::super::routes::Query;
use super::style::{At, Written};

/// How many records a page holds where nobody asks for fewer or more.
const SIZE: u64 = 20;
/// The most that can be asked for.
const LARGEST: u64 = 100;
/// The keys that ask for it.
const SIZES: [&str; 5] = ["limit", "per_page", "page_size", "maxResults", "n"];

/// A request for a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub(super) request: &'a http::request::Parts,
    pub(super) body: &'a [u8],
}

/// What it says about which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    First,
    /// The page with this number, counted from 0.
    Number(u64),
    /// The page that begins with this record.
    Start(u64),
    /// The page with this number and size, by a token that was given after others had expired so often.
    Token {
        generation: u64,
        number: u64,
        size: u64,
    },
}

impl Ask<'_> {
    fn query(&self) -> Query<'_> {
        Query::of(&self.request.uri)
    }

    /// How many records the page may hold.
    pub(super) fn size(&self) -> u64 {
        let asked = SIZES.iter().find_map(|key| self.query().value(key)?.parse().ok());
        asked.unwrap_or(SIZE).clamp(1, LARGEST)
    }

    /// Which page is wanted.
    ///
    /// # Errors
    ///
    /// What is wrong with what says so.
    pub(super) fn position(&self, at: At) -> Result<Position, &'static str> {
        let in_query = |key| self.query().value(key);
        let number = |text: &str| text.parse::<u64>().map_err(|_| "what says which page is wanted is no whole number");
        match at {
            At::Token(key) => in_query(key).map_or(Ok(Position::First), |text| token(&text)),
            At::BodyToken(pointer) => {
                let body: serde_json::Value = serde_json::from_slice(self.body).map_err(|_| "the body is not JSON")?;
                match body.pointer(pointer) {
                    None | Some(serde_json::Value::Null) => Ok(Position::First),
                    Some(value) => token(value.as_str().unwrap_or_default()),
                }
            }
            At::Number(key, first) => match in_query(key) {
                None => Ok(Position::First),
                Some(text) => {
                    let index = number(&text)?.checked_sub(first).ok_or("there is no page before the first")?;
                    Ok(Position::Number(index))
                }
            },
            At::Start(key) => in_query(key).map_or(Ok(Position::First), |text| number(&text).map(Position::Start)),
            At::After(key) => {
                in_query(key).map_or(Ok(Position::First), |text| number(&text).map(|id| Position::Start(id + 1)))
            }
            At::Range => match self.request.headers.get(RANGE).and_then(|value| value.to_str().ok()) {
                None => Ok(Position::First),
                Some(text) => {
                    let id = text.strip_prefix("id ]").and_then(|rest| rest.strip_suffix(".."));
                    id.ok_or("the range is not of the form 'id ]19..'")
                        .and_then(number)
                        .map(|id| Position::Start(id + 1))
                }
            },
        }
    }

    /// The URL of the page with this token.
    pub(super) fn url(&self, at: At, token: &str, written: Written, drops: bool) -> String {
        let (At::Token(key) | At::Number(key, _) | At::Start(key) | At::After(key)) = at else { return String::new() };
        let rest = if drops { String::new() } else { self.query().without(&[key, &encoded(key)]) };
        let path = format!("{}?{rest}{}={token}", self.request.uri.path(), encoded(key));
        match written {
            Written::Whole => format!("http://{}{path}", self.host()),
            Written::Path => path,
            Written::Relative => path.trim_start_matches('/').to_owned(),
        }
    }

    /// The same path at another origin, which is served by the mock as well.
    pub(super) fn elsewhere(&self, path: &str) -> String {
        let (name, port) = self.host().rsplit_once(':').unwrap_or((self.host(), "80"));
        let other = if name == "localhost" { "127.0.0.1" } else { "localhost" };
        format!("http://{other}:{port}{path}")
    }

    fn host(&self) -> &str {
        self.request.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1")
    }
}

fn token(text: &str) -> Result<Position, &'static str> {
    let mut parts = text.strip_prefix('c').into_iter().flat_map(|rest| rest.split('.'));
    let mut part = || parts.next()?.parse().ok();
    match (part(), part(), part()) {
        (Some(generation), Some(number), Some(size @ 1..)) => Ok(Position::Token { generation, number, size }),
        _ => Err("that token was never given"),
    }
}

/// A key as it stands in a query.
fn encoded(key: &str) -> String {
    key.replace('[', "%5B").replace(']', "%5D")
}
