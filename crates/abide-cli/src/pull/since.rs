//! What is new of an endpoint: the greatest value of a field that complete runs saw is what the next one asks from.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use abide_core::json::{Json, Kind};
use abide_core::page::{Change, Slot};
use abide_core::place::Path;
use abide_core::time::Wall;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// How far the server's clock may be behind ours.
const SKEW_SECONDS: i64 = 60;

/// Where a record says when it changed, and where a request says from when on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) field: Path,
    send: Slot,
    /// What the first run asks from, as JSON; all there is if it is not said.
    pub(crate) start: Option<String>,
}

/// How far a run asks, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Increment {
    /// What is asked from, as JSON.
    pub(crate) bound: Option<String>,
    /// The greatest value that was seen, as the server wrote it.
    greatest: Option<String>,
    /// When it began, in nanoseconds since 1970. Who fills the gaps of a run goes on with the run's own.
    began: i64,
}

impl Since {
    /// # Errors
    ///
    /// With what is wrong about it.
    pub(crate) fn new(field: &str, send: &str, start: Option<String>) -> Result<Self, String> {
        let field = field.strip_prefix("record.").unwrap_or(field);
        let field = field.parse().map_err(|e| format!("field: {e}"))?;
        let send = send.parse().map_err(|e| format!("send: {e}"))?;
        if start.as_deref().is_some_and(|start| Mark::of(start).is_none()) {
            return Err("start: a text or a number is needed".to_owned());
        }
        Ok(Self { field, send, start })
    }

    /// As a file has it.
    pub(crate) fn table(&self) -> String {
        // A text or a number is written in TOML as it is in JSON.
        let quoted = |text: String| serde_json::Value::from(text).to_string();
        let (field, send) = (quoted(self.field.to_string()), quoted(self.send.to_string()));
        let start = self.start.as_ref().map(|start| format!(", start = {start}")).unwrap_or_default();
        format!("{{ field = {field}, send = {send}{start} }}")
    }

    /// What of a request is set so that it asks from there.
    pub(crate) fn change(&self, bound: &str) -> Change {
        Change { slot: self.send.clone(), value: bound.to_owned() }
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field={} send={}", self.field, self.send)?;
        self.start.as_ref().map_or(Ok(()), |start| write!(f, " start={start}"))
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut field, mut send, mut start) = (None, None, None);
        for pair in text.split_whitespace() {
            match pair.split_once('=') {
                Some(("field", value)) => field = Some(value),
                Some(("send", value)) => send = Some(value),
                Some(("start", value)) => {
                    let is_number = Json::parse(value.as_bytes()).is_ok_and(|json| json.root().kind() == Kind::Number);
                    let quoted = || serde_json::Value::from(value).to_string();
                    start = Some(if is_number { value.to_owned() } else { quoted() });
                }
                _ => return Err(format!("'{pair}' is not one of field=, send= and start=")),
            }
        }
        match (field, send) {
            (Some(field), Some(send)) => Self::new(field, send, start),
            _ => Err("field and send are needed, as field=updated_at send=query.since".to_owned()),
        }
    }
}

impl Increment {
    /// Of the first run.
    pub(crate) fn first(since: &Since, now: Wall) -> Self {
        Self { bound: since.start.clone(), greatest: None, began: now.as_nanos() }
    }

    /// Of the run after this one, which is complete.
    ///
    /// While a run goes on, records change that it has read already. So where the field holds moments, the next run asks from the
    /// beginning of this one, unless what this one saw is older; and never from before what this one asked from.
    pub(crate) fn next(&self, now: Wall) -> Self {
        let seen = self.greatest.as_ref().map(|greatest| match Mark::of(greatest) {
            Some(Mark::Time { at, has_zone: true }) => match self.horizon().filter(|horizon| *horizon < at) {
                Some(horizon) => serde_json::Value::from(horizon.to_string()).to_string(),
                None => greatest.clone(),
            },
            _ => greatest.clone(),
        });
        let bound = match (seen, self.bound.clone()) {
            (Some(seen), Some(bound)) => Some(if is_greater(&seen, &bound) { seen } else { bound }),
            (seen, bound) => seen.or(bound),
        };
        Self { bound, greatest: None, began: now.as_nanos() }
    }

    /// Takes note of a record.
    pub(crate) fn on_record(&mut self, record: &Json<'_>, field: &Path) {
        let Some(value) = field.find(record) else { return };
        let is_news = match &self.greatest {
            Some(greatest) => is_greater(value.text(), greatest),
            None => Mark::of(value.text()).is_some(),
        };
        if is_news {
            self.greatest = Some(value.text().to_owned());
        }
    }

    /// What tells it from those before and after it.
    pub(crate) fn id(&self) -> String {
        self.began.to_string()
    }

    /// What changed before this moment was so when the run read it, whole seconds and the clocks' difference put aside.
    fn horizon(&self) -> Option<Timestamp> {
        Timestamp::from_second(Wall::from_nanos(self.began).as_secs().checked_sub(SKEW_SECONDS)?).ok()
    }
}

/// Whether a value is greater than another; never if it is no value that could be sent.
fn is_greater(a: &str, b: &str) -> bool {
    Mark::of(a).is_some_and(|a| Mark::of(b).is_none_or(|b| a.compare(&b) == Ordering::Greater))
}

/// A value by which records are in order: moments as such, numbers as such, whether they stand in quotes or not, and all other
/// texts by their characters. Where a field holds several kinds, moments come last, and numbers before them.
#[derive(Clone, Debug, PartialEq)]
enum Mark {
    Text(String),
    Number { whole: Option<i128>, near: f64 },
    Time { at: Timestamp, has_zone: bool },
}

impl Mark {
    /// Reads JSON; nothing if it is neither a text nor a number.
    fn of(json: &str) -> Option<Self> {
        let json = Json::parse(json.as_bytes()).ok()?;
        let value = json.root();
        match value.as_str() {
            Some(text) => Some(Self::of_text(&text)),
            None if value.kind() == Kind::Number => Self::number(value.text()),
            None => None,
        }
    }

    fn of_text(text: &str) -> Self {
        let is_number = text.contains(|c: char| c.is_ascii_digit())
            && text.strip_prefix('-').unwrap_or(text).chars().all(|c| c.is_ascii_digit() || c == '.');
        if let Some(number) = Self::number(text).filter(|_| is_number) {
            return number;
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Self::Time { at, has_zone: true };
        }
        // Without a zone, only their order counts.
        match text.parse::<DateTime>().and_then(|at| Offset::UTC.to_timestamp(at)) {
            Ok(at) => Self::Time { at, has_zone: false },
            Err(_) => Self::Text(text.to_owned()),
        }
    }

    fn number(text: &str) -> Option<Self> {
        Some(Self::Number { whole: text.parse().ok(), near: text.parse().ok()? })
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number { whole: Some(a), .. }, Self::Number { whole: Some(b), .. }) => a.cmp(b),
            (Self::Number { near: a, .. }, Self::Number { near: b, .. }) => a.total_cmp(b),
            (Self::Time { at: a, .. }, Self::Time { at: b, .. }) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Number { .. } => 1,
            Self::Time { .. } => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn since(start: &str) -> Since {
        format!("field=record.at send=query.since{start}").parse().unwrap()
    }

    /// What the run after one asks from that began on the tenth day of 1970 and saw these values.
    fn after(start: &str, values: &[&str]) -> Option<String> {
        let since = since(start);
        let mut run = Increment::first(&since, Wall::from_secs(9 * DAY));
        for value in values {
            let record = format!("{{\"at\":{value}}}");
            run.on_record(&Json::parse(record.as_bytes()).unwrap(), &since.field);
        }
        run.next(Wall::from_secs(20 * DAY)).bound
    }

    #[test]
    fn the_greatest_value_is_asked_from_as_it_was_written() {
        assert_eq!(after("", &["9", "10", "2"]).as_deref(), Some("10"));
        assert_eq!(after("", &[r#""9""#, r#""10""#]).as_deref(), Some(r#""10""#));
        assert_eq!(after("", &["9007199254740993", "9007199254740992"]).as_deref(), Some("9007199254740993"));
        assert_eq!(after("", &["1.5", "1.25"]).as_deref(), Some("1.5"));
        assert_eq!(after("", &[r#""b""#, r#""a""#]).as_deref(), Some(r#""b""#));
        let zones = [r#""1970-01-02T01:00:00+02:00""#, r#""1970-01-01T23:30:00Z""#];
        assert_eq!(after("", &zones).as_deref(), Some(zones[1]), "moments are not compared as texts");
        assert_eq!(
            after("", &[r#""1970-01-02""#, r#""1970-01-02 10:00:00""#]).as_deref(),
            Some(r#""1970-01-02 10:00:00""#)
        );
    }

    #[test]
    fn what_has_no_value_changes_nothing() {
        assert_eq!(after("", &[]), None);
        assert_eq!(after(" start=5", &["null", "{}", "true", "[9]"]).as_deref(), Some("5"));
        assert_eq!(
            after(" start=5", &["3"]).as_deref(),
            Some("5"),
            "a server that does not heed it can't turn it back"
        );
        assert_eq!(
            after("", &[r#""1970-01-02T00:00:00Z""#, r#""never""#, "7"]).as_deref(),
            Some(r#""1970-01-02T00:00:00Z""#)
        );
    }

    #[test]
    fn what_changed_while_a_run_read_is_asked_for_again() {
        let beginning = r#""1970-01-09T23:59:00Z""#;
        for late in [r#""1970-01-10T00:00:05Z""#, r#""9999-01-01T00:00:00Z""#] {
            assert_eq!(after("", &[r#""1970-01-02T00:00:00Z""#, late]).as_deref(), Some(beginning));
        }
        let start = " start=1970-01-10T00:00:01Z";
        assert_eq!(after(start, &[r#""1970-01-10T00:00:05Z""#]).as_deref(), Some(r#""1970-01-10T00:00:01Z""#));
    }

    #[test]
    fn what_is_no_place_or_no_value_is_refused() {
        for wrong in ["field=a", "field=a send=body", "field=a send=query.b from=1", "send=query.b"] {
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
        assert!(Since::new("a", "query.b", Some("[]".to_owned())).unwrap_err().contains("start"));
        assert_eq!(since(" start=7").to_string(), "field=at send=query.since start=7");
    }
}
