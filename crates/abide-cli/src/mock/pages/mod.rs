//! Serves the records of `/items` in any way of paging, with the traps that come with it.

mod pager;
mod request;
mod style;
mod trap;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, HeaderValue, StatusCode};

use self::pager::{Cut, Pager};
use self::request::{Ask, Position};
use self::style::{At, STYLES, Style, Written};
use self::trap::{TRAPS, Trap};
use super::routes::{Answer, READ_ONLY, error, json, write_record};

/// A way to page, as a user states it: its name, and behind commas those of traps.
#[derive(Clone, Debug)]
pub(crate) struct Paging {
    style: &'static Style,
    traps: Vec<Trap>,
    /// How often the tokens have expired; those of before are void.
    expired: Arc<AtomicU64>,
}

impl FromStr for Paging {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut names = text.split(',').map(str::trim);
        let name = names.next().unwrap_or_default();
        let style = STYLES.iter().find(|style| style.name == name);
        let style = style.ok_or_else(|| format!("'{name}' is not a style of paging.\n{}", catalogue()))?;
        let trap = |name: &str| {
            let trap = Trap::named(name).ok_or_else(|| format!("'{name}' is not a trap.\n{}", catalogue()))?;
            if trap.fits(style) {
                return Ok(trap);
            }
            let fitting: Vec<&str> =
                TRAPS.iter().filter(|(trap, ..)| trap.fits(style)).map(|(_, name, _)| *name).collect();
            Err(format!("the trap '{name}' does not go with '{}'; what does: {}", style.name, fitting.join(", ")))
        };
        Ok(Self { style, traps: names.map(trap).collect::<Result<_, _>>()?, expired: Arc::default() })
    }
}

impl fmt::Display for Paging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.style.name)?;
        self.traps.iter().try_for_each(|trap| write!(f, ",{}", trap.name()))
    }
}

/// All ways to page and all traps, a line each.
fn catalogue() -> String {
    let styles = STYLES.iter().map(|style| (style.name, style.about));
    let traps = TRAPS.iter().map(|(_, name, about)| (*name, *about));
    let lines = |rows: &mut dyn Iterator<Item = (&str, &str)>| {
        rows.map(|(name, about)| format!("  {name:<14} {about}\n")).collect::<String>()
    };
    format!("Styles:\n{}Traps:\n{}", lines(&mut styles.into_iter()), lines(&mut traps.into_iter()))
}

/// What an answer says beside its records.
struct Words {
    next: Option<String>,
    last: String,
    rows: [(&'static str, String); 5],
}

impl Paging {
    /// Whether pages are asked for in a body.
    pub(super) fn is_posted(&self) -> bool {
        matches!(self.style.at, At::BodyToken(_))
    }

    /// The methods that are answered.
    pub(super) fn methods(&self) -> &'static str {
        if self.is_posted() { "POST, OPTIONS" } else { READ_ONLY }
    }

    /// The page that a request asks for.
    pub(super) fn answer(&self, records: u64, request: &http::request::Parts, body: &[u8]) -> Answer {
        let ask = Ask { request, body };
        let position = ask.position(self.style.at);
        let size = if let Ok(Position::Token { size, .. }) = position { size } else { ask.size() };
        let pager = Pager { records, size, traps: &self.traps };
        let generation = self.expired.load(Ordering::Relaxed);
        let cut = match position {
            Ok(Position::First) if matches!(self.style.at, At::Start(_) | At::After(_) | At::Range) => pager.from(0),
            Ok(Position::First) => pager.numbered(0, false),
            Ok(Position::Number(number)) => pager.numbered(number, self.style.is_counted()),
            Ok(Position::Start(start)) if self.ends(start, records) => {
                return error(StatusCode::RANGE_NOT_SATISFIABLE, "there is nothing behind the last record");
            }
            Ok(Position::Start(start)) => pager.from(start),
            Ok(Position::Token { generation: of, .. }) if of != generation => return self.refuse_token(),
            Ok(Position::Token { number, .. }) => {
                if self.expires(number, &pager) {
                    return self.refuse_token();
                }
                pager.numbered(number, false)
            }
            Err(why) => return error(StatusCode::BAD_REQUEST, why),
        };
        let words = self.words(&ask, &pager, cut, generation);
        self.write(&pager, cut, &words)
    }

    /// Whether there is no range that begins there.
    fn ends(&self, start: u64, records: u64) -> bool {
        self.style.at == At::Range && start >= records && !self.traps.contains(&Trap::Forever)
    }

    /// Whether the tokens expire with this one, half way and once.
    fn expires(&self, number: u64, pager: &Pager<'_>) -> bool {
        let is_trapped = self.traps.iter().any(|trap| matches!(trap, Trap::Gone | Trap::Invalid));
        let expires = is_trapped && number == pager.pages() / 2;
        expires && self.expired.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn refuse_token(&self) -> Answer {
        match self.traps.contains(&Trap::Gone) {
            true => error(StatusCode::GONE, "what was given to go on with has expired"),
            false => error(StatusCode::BAD_REQUEST, "invalid_cursor"),
        }
    }

    fn words(&self, ask: &Ask<'_>, pager: &Pager<'_>, cut: Cut, generation: u64) -> Words {
        let token = |number: u64| match self.style.at {
            At::Number(_, first) => (number + first).to_string(),
            At::Start(_) => cut.end.to_string(),
            At::After(_) => cut.end.saturating_sub(1).to_string(),
            At::Range => format!("id ]{}..", cut.end.saturating_sub(1)),
            At::Token(_) | At::BodyToken(_) => format!("c{generation}.{number}.{}", pager.size),
        };
        let drops = self.traps.contains(&Trap::Drop);
        let url = |token: &str, written| ask.url(self.style.at, token, written, drops);
        let is_elsewhere = self.traps.contains(&Trap::Origin) && cut.next == Some(2);
        let next = cut.next.map(|number| match self.style.url {
            Some(_) if is_elsewhere => ask.elsewhere(&url(&token(number), Written::Path)),
            Some(written) => url(&token(number), written),
            None => token(number),
        });
        let pages = pager.pages();
        let last = self.style.url.map(|written| url(&token(pages - 1), written)).unwrap_or_default();
        let count = |number: u64| match self.traps.contains(&Trap::Text) {
            true => format!("\"{number}\""),
            false => number.to_string(),
        };
        let number = cut.next.map_or(pages - 1, |next| next - 1);
        let rows = [
            ("{total}", count(pager.records)),
            ("{pages}", count(pages)),
            ("{number}", number.to_string()),
            ("{start}", cut.start.to_string()),
            ("{size}", pager.size.to_string()),
        ];
        Words { next, last, rows }
    }

    fn write(&self, pager: &Pager<'_>, cut: Cut, words: &Words) -> Answer {
        let style = self.style;
        let mut body = style.around.0.as_bytes().to_vec();
        for id in cut.start..cut.end {
            if id > cut.start {
                body.push(b',');
            }
            write_record(&mut body, id);
        }
        body.extend_from_slice(style.around.1.as_bytes());
        let beside = if words.next.is_some() { style.next } else { style.end };
        body.extend_from_slice(words.fill(beside).as_bytes());
        body.extend_from_slice(words.fill(style.always).as_bytes());
        let is_part = style.at == At::Range && (cut.start > 0 || cut.end < pager.records);
        let mut answer = json(if is_part { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }, body);
        let next_field = style.next_field.filter(|_| words.next.is_some());
        for (name, template) in style.field.into_iter().chain(next_field) {
            // A template holds what a field can, and so does a URL.
            if let Ok(value) = HeaderValue::try_from(words.fill(template)) {
                answer.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        answer
    }
}

impl Words {
    fn fill(&self, template: &str) -> String {
        let raw = self.next.as_deref().unwrap_or_default();
        let mut text = template.replace("{next}", &serde_json::Value::from(raw).to_string());
        text = text.replace("{raw}", raw).replace("{last}", &self.last);
        self.rows.iter().fold(text, |text, (word, value)| text.replace(word, value))
    }
}

#[cfg(test)]
mod tests;
