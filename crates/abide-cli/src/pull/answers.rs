//! What answers mean where their status alone does not say it: the rules of `on`.

use std::str::FromStr;
use std::sync::Arc;

use abide_core::json::Json;
use abide_core::place::Place;
use abide_core::retry::{Meaning, Sign};
use http::{HeaderMap, StatusCode};

/// What is done about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// There is nothing to be had; that is counted and listed.
    Skip,
    /// A limit refused it.
    Limited,
    /// The pages have to be begun anew.
    Restart,
    /// Another access token is needed.
    Refresh,
    /// It is missing.
    Fail,
}

/// A rule of `on`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) sign: Sign,
    pub(crate) reaction: Reaction,
}

/// All rules of an endpoint; the first that fits counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules(pub(crate) Vec<Rule>);

impl FromStr for Reaction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "skip" => Self::Skip,
            "limited" => Self::Limited,
            "restart" => Self::Restart,
            "refresh" => Self::Refresh,
            "fail" => Self::Fail,
            _ => return Err(format!("'{text}' is none of skip, limited, restart, refresh, fail")),
        })
    }
}

/// As on the command line: `status=404,410 do=skip`, `body.error.code=rate_limited do=limited`.
impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut sign, mut reaction) = (Sign::default(), None);
        for pair in text.split_whitespace() {
            let (key, value) = pair.split_once('=').map_or((pair, None), |(key, value)| (key, Some(value.to_owned())));
            match (key, value) {
                ("do", Some(value)) => reaction = Some(value.parse()?),
                ("status", Some(value)) => {
                    let status =
                        |code: &str| code.parse().map_err(|_| format!("'{code}' is not the status of an answer"));
                    sign.status = value.split(',').map(status).collect::<Result<_, _>>()?;
                }
                (place, value) => match place.parse() {
                    Ok(Place::Body(path)) => sign.body = Some((path, value)),
                    Ok(Place::Header(name)) => sign.header = Some((name, value)),
                    _ => return Err(format!("'{place}' is none of status, header.NAME, body.PATH, do")),
                },
            }
        }
        let reaction = reaction.ok_or("it lacks do=skip, limited, restart, refresh or fail")?;
        Self::new(sign, reaction)
    }
}

impl Rule {
    /// # Errors
    ///
    /// If it would fit every answer.
    pub(crate) fn new(sign: Sign, reaction: Reaction) -> Result<Self, String> {
        if sign == Sign::default() {
            return Err("it names no status, header or body, so it would fit every answer".to_owned());
        }
        Ok(Self { sign, reaction })
    }
}

impl Rules {
    /// As the engine has to know them, while a call is under way.
    pub(crate) fn signs(&self) -> Option<Arc<[(Sign, Meaning)]>> {
        let meaning = |rule: &Rule| {
            let meaning = match rule.reaction {
                Reaction::Limited => Meaning::Limited,
                Reaction::Refresh => Meaning::Renew,
                Reaction::Skip | Reaction::Restart | Reaction::Fail => Meaning::Final,
            };
            (rule.sign.clone(), meaning)
        };
        (!self.0.is_empty()).then(|| self.0.iter().map(meaning).collect())
    }

    pub(crate) fn of(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Reaction> {
        if self.0.is_empty() {
            return None;
        }
        let json = Json::parse(body).ok();
        let rule = self.0.iter().find(|rule| rule.sign.fits(status, headers, json.as_ref()));
        rule.map(|rule| rule.reaction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_the_first_that_fits_counts() {
        let rules = Rules(
            ["status=404,410 do=skip", "body.error.code=rate_limited do=limited", "status=400 header.x-a do=fail"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
        );
        let of = |status: u16, body: &str| {
            rules.of(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
        };
        assert_eq!(of(404, "gone"), Some(Reaction::Skip));
        assert_eq!(of(200, r#"{"error": {"code": "rate_limited"}}"#), Some(Reaction::Limited));
        assert_eq!((of(200, "{}"), of(400, "{}")), (None, None));
        assert_eq!(rules.signs().unwrap()[1].1, Meaning::Limited);
        assert!(Rules::default().signs().is_none());
    }

    #[test]
    fn a_rule_that_can_not_be_meant_is_refused() {
        for (text, why) in [
            ("do=skip", "would fit every answer"),
            ("status=404", "lacks do="),
            ("status=4x do=skip", "'4x' is not the status"),
            ("status=404 do=jump", "'jump' is none of"),
            ("stat=404 do=skip", "'stat' is none of status"),
        ] {
            let error = text.parse::<Rule>().unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
