//! The text of knowledge: one JSON object, versioned. Whatever is read is brought into its bounds, for a file can say anything.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Belief, Drought, Fate, Knowledge, LONGEST, Opened, Proof, Shape, Spent};
use crate::time::{Offset, Wall, nanos};

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;
/// More than this of anything is not kept.
const MOST_BELIEFS: usize = 1_024;
const MOST_SPENT: usize = 4_096;
const MOST_AMOUNT: f64 = 1e9;
const MOST_COUNT: u64 = 1_000_000_000;
const MOST_PROOF: u64 = 1 << 53;
/// The shortest window, and the shortest time in which one comes back.
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);
const SHORTEST_INTERVAL: Duration = Duration::from_nanos(100);

/// Why a text is not knowledge.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KnowledgeError {
    /// It is not a JSON object.
    Form(String),
    /// Another version wrote it.
    Version(Option<u64>),
    /// This part is missing or of another kind.
    Part(&'static str),
}

impl fmt::Display for KnowledgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(why) => write!(f, "it is not a JSON object: {why}"),
            Self::Version(Some(version)) => write!(f, "it has version {version}, and only {VERSION} is understood"),
            Self::Version(None) => f.write_str("it does not name its version"),
            Self::Part(part) => write!(f, "'{part}' is missing or not what it should be"),
        }
    }
}

impl std::error::Error for KnowledgeError {}

impl Knowledge {
    /// One JSON object.
    pub fn to_json(&self) -> Value {
        let moment = |moment: Wall| json!(moment_text(moment));
        let spent = |fate| -> Vec<Value> {
            let all = self.spent.iter().filter(|spent| spent.fate == fate);
            all.map(|spent| json!([self.ago(spent.sent), spent.trip.map(nanos), spent.count])).collect()
        };
        let mut object = json!({
            "version": VERSION,
            "written": moment(self.written),
            "limits": self.beliefs.iter().map(|belief| self.belief_json(belief)).collect::<Vec<_>>(),
            "accepted": spent(Fate::Accepted),
            "refused": spent(Fate::Refused),
            "unknown": spent(Fate::Unknown),
            "proof": {
                "accepted": self.proof.accepted,
                "refused": self.proof.refused,
                "confirmed": self.proof.confirmed.map(moment),
                "tested": self.proof.tested.map(moment),
            },
            "refined": self.is_refined,
            "longest_drought_ns": nanos(self.longest_drought),
            "shortest_ns": [self.shortest_accepted.map(nanos), self.shortest_refused.map(nanos)],
        });
        if let Some(pause) = self.pause {
            object["pause"] = moment(pause);
        }
        if let Some(Drought { since, tried, refused, is_first }) = self.drought {
            object["drought"] = json!({ "since": moment(since), "tried": moment(tried), "refused": moment(refused), "first": is_first });
        }
        object
    }

    fn belief_json(&self, belief: &Belief) -> Value {
        let period = |kind: &str, period: Duration| json!({ "kind": kind, "period_ns": nanos(period) });
        let mut object = match belief.shape {
            Shape::Sliding { period: length, counts_refused: false } => period("sliding", length),
            Shape::Sliding { period: length, counts_refused: true } => period("hits", length),
            Shape::Fixed { period: length, window } => {
                let mut object = period("fixed", length);
                if let Some(Opened { earliest, latest, used }) = window {
                    object["window"] = json!([self.ago(earliest), self.ago(latest), used]);
                }
                object
            }
            Shape::Clock { period: length } => period("fixed-clock", length),
            Shape::Counter { period: length, counts_refused: false } => period("counter", length),
            Shape::Counter { period: length, counts_refused: true } => period("counter-hits", length),
            Shape::Bucket { interval, full_early, full_late } => json!({
                "kind": "bucket",
                "interval_ns": nanos(interval),
                "full": [self.ago(full_early), self.ago(full_late)],
            }),
            Shape::Cap => json!({ "kind": "concurrency" }),
        };
        object["limit"] = json!(belief.to_string());
        object["least"] = json!(belief.least);
        if let Some(most) = belief.most {
            object["most"] = json!(most);
        }
        for (name, flag) in [("second", belief.is_second), ("odd", belief.is_odd), ("doubted", belief.is_doubted)] {
            if flag {
                object[name] = json!(true);
            }
        }
        object
    }

    /// Nanoseconds from a moment until this was written; negative for one that is still to come.
    fn ago(&self, moment: Wall) -> i64 {
        self.written.offset_from(moment).as_nanos()
    }

    /// Reads what [`Knowledge::to_json`] gave. Numbers and times beyond reason are brought back within it; fields that nobody
    /// knows are ignored.
    ///
    /// # Errors
    ///
    /// If it is not an object of this version, or a part of it is of another kind than it should be.
    pub fn from_json(value: &Value) -> Result<Self, KnowledgeError> {
        let object = value.as_object().ok_or_else(|| KnowledgeError::Form("something else stands there".to_owned()))?;
        match object.get("version").map(Value::as_u64) {
            Some(Some(VERSION)) => {}
            version => return Err(KnowledgeError::Version(version.flatten())),
        }
        let part = Part { written: moment(object.get("written")).ok_or(KnowledgeError::Part("written"))? };
        let mut knowledge = Self {
            written: part.written,
            pause: optional(object, "pause", |value| part.moment(value))?,
            drought: optional(object, "drought", |value| part.drought(value))?,
            is_refined: object.get("refined").and_then(Value::as_bool).unwrap_or(false),
            longest_drought: object.get("longest_drought_ns").and_then(Value::as_u64).map_or(Duration::ZERO, length),
            proof: object.get("proof").and_then(|value| part.proof(value)).ok_or(KnowledgeError::Part("proof"))?,
            ..Self::default()
        };
        for belief in list(object, "limits")?.iter().take(MOST_BELIEFS) {
            knowledge.beliefs.extend(part.belief(belief)?);
        }
        for (name, fate) in [("accepted", Fate::Accepted), ("refused", Fate::Refused), ("unknown", Fate::Unknown)] {
            let all = list(object, name)?;
            for spent in &all[all.len().saturating_sub(MOST_SPENT)..] {
                knowledge.spent.push(part.spent(spent, fate).ok_or(KnowledgeError::Part(name))?);
            }
        }
        knowledge.spent.sort_by_key(|spent| (spent.sent, spent.fate));
        let shortest = list(object, "shortest_ns")?;
        let [accepted, refused] = shortest.as_slice() else { return Err(KnowledgeError::Part("shortest_ns")) };
        knowledge.shortest_accepted = accepted.as_u64().map(length);
        knowledge.shortest_refused = refused.as_u64().map(length);
        Ok(knowledge)
    }
}

impl fmt::Display for Knowledge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}

impl std::str::FromStr for Knowledge {
    type Err = KnowledgeError;

    fn from_str(text: &str) -> Result<Self, KnowledgeError> {
        let value: Value = serde_json::from_str(text).map_err(|e| KnowledgeError::Form(e.to_string()))?;
        Self::from_json(&value)
    }
}

/// Reads the parts of knowledge that was written at one moment.
struct Part {
    written: Wall,
}

impl Part {
    /// No moment is further away than anything that matters.
    fn near(&self, moment: Wall) -> Wall {
        let longest = i64::try_from(nanos(LONGEST)).unwrap_or(i64::MAX);
        let away = moment.offset_from(self.written).as_nanos().clamp(-longest, longest);
        self.written + Offset::from_nanos(away)
    }

    fn moment(&self, value: &Value) -> Option<Wall> {
        moment(Some(value)).map(|moment| self.near(moment))
    }

    fn ago(&self, value: &Value) -> Option<Wall> {
        Some(self.near(self.written - Offset::from_nanos(value.as_i64()?)))
    }

    /// The same, but not still to come.
    fn past(&self, value: &Value) -> Option<Wall> {
        Some(self.ago(value)?.min(self.written))
    }

    fn drought(&self, value: &Value) -> Option<Drought> {
        let past = |name: &str| Some(self.moment(value.get(name)?)?.min(self.written));
        let since = past("since")?;
        Some(Drought {
            since,
            tried: past("tried")?.max(since),
            refused: past("refused")?.max(since),
            is_first: value.get("first")?.as_bool()?,
        })
    }

    fn proof(&self, value: &Value) -> Option<Proof> {
        let past = |name: &str| Some(self.moment(value.get(name)?)?.min(self.written));
        Some(Proof {
            accepted: value.get("accepted")?.as_u64()?.min(MOST_PROOF),
            refused: value.get("refused")?.as_u64()?.min(MOST_PROOF),
            confirmed: past("confirmed"),
            tested: past("tested"),
        })
    }

    fn spent(&self, value: &Value, fate: Fate) -> Option<Spent> {
        let [ago, trip, count] = value.as_array()?.as_slice() else { return None };
        Some(Spent {
            sent: self.past(ago)?,
            trip: trip.as_u64().map(length),
            count: count.as_u64()?.clamp(1, MOST_COUNT),
            fate,
        })
    }

    /// `None` for a kind that is not known.
    fn belief(&self, value: &Value) -> Result<Option<Belief>, KnowledgeError> {
        let wrong = KnowledgeError::Part("limits");
        let kind = value.get("kind").and_then(Value::as_str).ok_or(wrong.clone())?;
        let period = || {
            let nanos = value.get("period_ns").and_then(Value::as_u64).ok_or(wrong.clone())?;
            Ok(length(nanos).max(SHORTEST_PERIOD))
        };
        let shape = match kind {
            "sliding" | "hits" => Shape::Sliding { period: period()?, counts_refused: kind == "hits" },
            "fixed" => Shape::Fixed { period: period()?, window: value.get("window").and_then(|w| self.window(w)) },
            "fixed-clock" => Shape::Clock { period: period()? },
            "counter" | "counter-hits" => Shape::Counter { period: period()?, counts_refused: kind == "counter-hits" },
            "bucket" => self.bucket(value).ok_or(wrong.clone())?,
            "concurrency" => Shape::Cap,
            _ => return Ok(None),
        };
        let least = value.get("least").and_then(Value::as_f64).ok_or(wrong)?.clamp(1.0, MOST_AMOUNT);
        let flag = |name: &str| value.get(name).and_then(Value::as_bool).unwrap_or(false);
        Ok(Some(Belief {
            shape,
            least,
            most: value.get("most").and_then(Value::as_f64).map(|most| most.clamp(0.0, MOST_AMOUNT)),
            is_second: flag("second"),
            is_odd: flag("odd"),
            is_doubted: flag("doubted"),
        }))
    }

    fn window(&self, value: &Value) -> Option<Opened> {
        let [earliest, latest, used] = value.as_array()?.as_slice() else { return None };
        let latest = self.past(latest)?;
        Some(Opened { earliest: self.past(earliest)?.min(latest), latest, used: used.as_u64()?.min(MOST_COUNT) })
    }

    fn bucket(&self, value: &Value) -> Option<Shape> {
        let [early, late] = value.get("full")?.as_array()?.as_slice() else { return None };
        Some(Shape::Bucket {
            interval: length(value.get("interval_ns")?.as_u64()?).max(SHORTEST_INTERVAL),
            full_early: self.ago(early)?,
            full_late: self.ago(late)?,
        })
    }
}

fn length(nanos: u64) -> Duration {
    Duration::from_nanos(nanos).min(LONGEST)
}

fn moment_text(moment: Wall) -> String {
    jiff::Timestamp::from_nanosecond(moment.as_nanos().into()).unwrap_or_default().to_string()
}

fn moment(value: Option<&Value>) -> Option<Wall> {
    let moment: jiff::Timestamp = value?.as_str()?.parse().ok()?;
    i64::try_from(moment.as_nanosecond()).ok().map(Wall::from_nanos)
}

/// A part that may be missing, but not be something else.
fn optional<T>(
    object: &Map<String, Value>,
    name: &'static str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, KnowledgeError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).ok_or(KnowledgeError::Part(name)),
    }
}

fn list<'a>(object: &'a Map<String, Value>, name: &'static str) -> Result<&'a Vec<Value>, KnowledgeError> {
    object.get(name).and_then(Value::as_array).ok_or(KnowledgeError::Part(name))
}
