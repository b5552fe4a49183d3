//! What a dialect is: the facts about one vendor's limits that the grammar of names and values can't know, as data.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::Refusal;
use super::dialects::DIALECTS;
use super::few::Few;
use super::grammar;
use super::units::{Hint, Scale};

/// One vendor's, or one product's, way to speak of limits.
#[derive(Debug)]
pub(super) struct Dialect {
    pub(super) name: &'static str,
    /// The hosts that speak it, and all below them. Without any, the fields and the shape of the body decide.
    pub(super) hosts: &'static [&'static str],
    pub(super) rules: &'static [Rule],
    /// Where the facts come from.
    pub(super) source: &'static str,
}

/// One fact.
#[derive(Debug)]
pub(super) enum Rule {
    /// The numbers of this field are in a unit that its name does not tell.
    Unit(&'static str, Scale),
    /// The numbers of this field are moments in seconds since the epoch, also where they look like a distance.
    Epoch(&'static str),
    /// This field is to be read as if it had the other name.
    Alias(&'static str, &'static str),
    /// This field holds an error code.
    CodeField(&'static str),
    /// This field says nothing about limits.
    Ignore(&'static str),
    /// A list in fields like this one counts over these windows, in this order.
    Windows(&'static str, &'static [(&'static str, Duration)]),
    /// This field lists waits by category: `60:transaction:key, 2700:default`.
    Categories(&'static str),
    /// This field is JSON, and a member of that name, at any depth, is a wait.
    WaitInJson(&'static str, &'static str, Scale),
    /// One of these values in this place is a refusal of this kind.
    Code(Place, &'static [&'static str], Refusal),
    /// This status is a refusal of this kind.
    Status(u16, Refusal),
    /// This status with this text in its body is a refusal of this kind.
    Text(u16, &'static str, Refusal),
    /// The text of a refusal names a wait after these words.
    WaitInText(&'static str),
    /// The body names a wait at this pointer. It is an order with any status.
    Wait(&'static str, Scale),
    /// The body names the limit at this pointer.
    Policy(&'static str),
    /// The body tells a quota: its name, and the pointers to its numbers.
    Quota(&'static str, Pointers),
    /// The request's cost stands here.
    Cost(Place),
    /// A refusal without a wait asks, by the vendor's documentation, for this one.
    Pause(Duration),
    /// Zero in `limit` is not a quota: too many requests were in flight.
    ZeroIsConcurrency,
}

/// Where in a response a value stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In this field.
    Field(&'static str),
    /// In the body, at this JSON pointer; `*` is any place of a list.
    Body(&'static str),
}

/// JSON pointers to the numbers of a quota; empty ones are not told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pointers {
    pub(super) limit: &'static str,
    pub(super) remaining: &'static str,
    pub(super) used: &'static str,
    pub(super) reset: &'static str,
}

/// The dialects that apply to one response, and what of them is asked at every answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Spoken {
    dialects: Few<Option<&'static Dialect>, 24>,
    /// The fields that their rules look for.
    fields: Vec<&'static str>,
    /// Whether a success of this host may carry an error, or limits, in its body.
    has_bodies: bool,
}

impl Spoken {
    /// The dialects of `host`, and those that are known by their shape.
    pub(super) fn by(host: &str) -> Self {
        let mut spoken = Self::default();
        for dialect in DIALECTS.iter().filter(|dialect| dialect.speaks(host)) {
            spoken.dialects.push(Some(dialect));
            spoken.has_bodies |= !dialect.hosts.is_empty() && dialect.rules.iter().any(Rule::is_about_bodies);
        }
        spoken.fields = spoken.rules().filter_map(Rule::field).collect();
        spoken
    }

    /// Whether an answer that has this field may have something to say of limits.
    pub(super) fn heeds(&self, field: &str) -> bool {
        grammar::may_matter(field) || self.fields.contains(&field)
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &'static Rule> {
        self.dialects.iter().flatten().flat_map(|dialect| dialect.rules)
    }

    /// Whether a dialect reads this field in its own way, or not at all.
    pub(super) fn claim(&self, field: &str) -> bool {
        self.rules().any(|rule| {
            matches!(rule,
                Rule::Alias(name, _) | Rule::CodeField(name) | Rule::Ignore(name) | Rule::Categories(name)
                | Rule::WaitInJson(name, ..) if *name == field)
        })
    }

    /// Completes what the name of a field says about its numbers by what is known of it.
    pub(super) fn hint(&self, field: &str, hint: &mut Hint) {
        for rule in self.rules() {
            match rule {
                Rule::Unit(name, scale) if *name == field => hint.scale = Some(*scale),
                Rule::Epoch(name) if *name == field => hint.absolute = true,
                _ => {}
            }
        }
    }

    /// The windows over which the places of a list in this field count.
    pub(super) fn windows(&self, field: &str) -> Option<&'static [(&'static str, Duration)]> {
        self.rules().find_map(|rule| match rule {
            Rule::Windows(part, windows) if field.contains(part) => Some(*windows),
            _ => None,
        })
    }

    /// Whether a success of this host may carry an error, or limits, in its body.
    pub(super) fn has_bodies(&self) -> bool {
        self.has_bodies
    }
}

impl Rule {
    /// Whether the rule looks for an error in a field.
    pub(super) const fn is_about_errors(&self) -> bool {
        matches!(self, Self::CodeField(_) | Self::Code(Place::Field(_), ..))
    }

    /// Whether the rule looks into the body of a success.
    fn is_about_bodies(&self) -> bool {
        match self {
            Self::Code(Place::Body(_), ..) | Self::Wait(..) | Self::Quota(..) | Self::Cost(Place::Body(_)) => true,
            Self::Text(status, ..) => *status == StatusCode::OK,
            _ => false,
        }
    }

    /// The field that the rule looks for.
    const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Alias(field, _)
            | Self::CodeField(field)
            | Self::Categories(field)
            | Self::WaitInJson(field, ..)
            | Self::Code(Place::Field(field), ..)
            | Self::Cost(Place::Field(field)) => Some(field),
            _ => None,
        }
    }
}

impl Dialect {
    fn speaks(&self, host: &str) -> bool {
        let is_or_below =
            |known: &&str| host.strip_suffix(*known).is_some_and(|above| above.is_empty() || above.ends_with('.'));
        self.hosts.is_empty() || self.hosts.iter().any(is_or_below)
    }
}

/// The line of `HEADERS.md` for this dialect.
impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = if self.hosts.is_empty() { "any".to_owned() } else { self.hosts.join(", ") };
        let rules: Vec<_> = self.rules.iter().map(ToString::to_string).collect();
        write!(f, "| {} | {hosts} | {} | {} |", self.name, rules.join("; "), self.source)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit(field, scale) => write!(f, "`{field}` counts {}", scale.plural()),
            Self::Epoch(field) => write!(f, "`{field}` is always an epoch"),
            Self::Alias(field, name) => write!(f, "`{field}` means `{name}`"),
            Self::CodeField(field) => write!(f, "`{field}` is an error code"),
            Self::Ignore(field) => write!(f, "`{field}` is no limit"),
            Self::Windows(field, windows) => {
                let names: Vec<_> = windows.iter().map(|(name, _)| *name).collect();
                write!(f, "a list in `{field}` is by {}", names.join(", "))
            }
            Self::Categories(field) => write!(f, "`{field}` lists waits by category"),
            Self::WaitInJson(field, member, scale) => {
                write!(f, "`{member}` in `{field}` is a wait in {}", scale.plural())
            }
            Self::Code(place, values, refusal) => write!(f, "{place} `{}` is {refusal:?}", values.join("`, `")),
            Self::Status(status, refusal) => write!(f, "{status} is {refusal:?}"),
            Self::Text(status, text, refusal) => write!(f, "{status} with \"{text}\" is {refusal:?}"),
            Self::WaitInText(words) => write!(f, "a wait follows \"{}\"", words.trim()),
            Self::Wait(pointer, scale) => write!(f, "`{pointer}` is a wait in {}", scale.plural()),
            Self::Policy(pointer) => write!(f, "`{pointer}` names the limit"),
            Self::Quota(name, pointers) => write!(f, "{name}: {pointers}"),
            Self::Cost(place) => write!(f, "{place} is the cost"),
            Self::Pause(pause) => write!(f, "without a wait {} s are asked for", pause.as_secs()),
            Self::ZeroIsConcurrency => f.write_str("a limit of 0 is Concurrency"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) | Self::Body(name) => write!(f, "`{name}`"),
        }
    }
}

impl fmt::Display for Pointers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [("limit", self.limit), ("remaining", self.remaining), ("used", self.used), ("reset", self.reset)];
        let told: Vec<_> =
            all.iter().filter(|(_, at)| !at.is_empty()).map(|(role, at)| format!("{role} `{at}`")).collect();
        f.write_str(&told.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_is_spoken_by_its_hosts_and_what_is_below_them() {
        let dialect = Dialect { name: "a", hosts: &["example.com"], rules: &[], source: "" };
        assert!(dialect.speaks("example.com") && dialect.speaks("api.example.com"));
        assert!(!dialect.speaks("notexample.com") && !dialect.speaks("example.com.evil.test") && !dialect.speaks(""));
    }

    #[test]
    fn there_is_room_for_every_dialect_of_a_host() {
        let shapes = DIALECTS.iter().filter(|dialect| dialect.hosts.is_empty()).count();
        for dialect in DIALECTS {
            for host in dialect.hosts {
                let spoken = Spoken::by(host);
                assert!(spoken.dialects.len() <= shapes + 3 && spoken.dialects.len() < 24, "{host}");
            }
        }
    }
    #[test]
    fn no_rule_takes_a_success_for_a_refusal_by_its_status_alone() {
        let statuses = DIALECTS.iter().flat_map(|dialect| dialect.rules).filter_map(|rule| match rule {
            Rule::Status(status, _) => Some(*status),
            _ => None,
        });
        assert!(statuses.min() >= Some(400), "an answer that says nothing is not looked at closely");
    }
}
