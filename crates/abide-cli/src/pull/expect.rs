//! Compares what came with what the server says there is.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use abide_core::json::Json;
use abide_core::place::Place;
use http::HeaderMap;

/// What the server says there is, as far as it was heard.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    place: Place,
    /// Of jobs that have not ended: a later page knows better.
    open: BTreeMap<u64, u64>,
    /// Of the others, and how many they are.
    ended: u64,
    jobs: u64,
}

impl Expected {
    pub(super) fn new(place: Place) -> Self {
        Self { place, open: BTreeMap::new(), ended: 0, jobs: 0 }
    }

    pub(super) fn on_page(&mut self, job: u64, headers: &HeaderMap, body: &[u8]) {
        let number = match &self.place {
            Place::Header(name) => headers.get(name).and_then(|value| value.to_str().ok()?.trim().parse().ok()),
            Place::Body(path) => Json::parse(body).ok().and_then(|json| {
                let value = path.find(&json)?;
                value.as_str().map_or_else(|| value.text().parse().ok(), |text| text.trim().parse().ok())
            }),
            _ => None,
        };
        if let Some(number) = number {
            self.open.insert(job, number);
        }
    }

    pub(super) fn on_end(&mut self, job: u64) {
        if let Some(number) = self.open.remove(&job) {
            self.ended += number;
            self.jobs += 1;
        }
    }

    /// How many records there are in all, if every one of the jobs has said it.
    pub(super) fn total(&self, jobs: u64) -> Option<u64> {
        let known = self.jobs + self.open.len() as u64;
        (known == jobs).then(|| self.ended + self.open.values().sum::<u64>())
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

/// How many requests may be given up before a pull ends: a number, or a share of those that were answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum MaxErrors {
    Count(u64),
    /// In percent.
    Share(f64),
}

impl MaxErrors {
    /// A share is of something from so many requests on.
    const ENOUGH: u64 = 20;

    pub(super) fn is_passed(self, failed: u64, answered: u64) -> bool {
        match self {
            Self::Count(most) => failed > most,
            Self::Share(percent) => answered >= Self::ENOUGH && failed as f64 * 100.0 > percent * answered as f64,
        }
    }
}

impl FromStr for MaxErrors {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("'{text}' is not a number of requests such as 20, or a share of them such as 1%");
        match text.strip_suffix('%') {
            Some(share) => {
                let share: f64 = share.trim().parse().map_err(|_| expected())?;
                if (0.0..=100.0).contains(&share) { Ok(Self::Share(share)) } else { Err(expected()) }
            }
            None => text.parse().map(Self::Count).map_err(|_| expected()),
        }
    }
}

impl fmt::Display for MaxErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(most) => write!(f, "{most}"),
            Self::Share(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_added_up_over_jobs_and_the_last_page_knows_best() {
        let mut expected = Expected::new("body.n".parse().unwrap());
        let none = HeaderMap::new();
        expected.on_page(0, &none, br#"{"n": "5"}"#);
        expected.on_page(0, &none, br#"{"n": 6}"#);
        expected.on_page(0, &none, br#"{}"#);
        assert_eq!((expected.total(1), expected.total(2)), (Some(6), None));
        expected.on_end(0);
        expected.on_page(1, &none, br#"{"n": 1}"#);
        assert_eq!(expected.total(2), Some(7));
    }

    #[test]
    fn a_share_of_errors_is_taken_of_enough_requests() {
        let most = |text: &str| text.parse::<MaxErrors>().unwrap();
        assert!(!most("1%").is_passed(19, 19) && most("1%").is_passed(1, 99) && !most("1%").is_passed(1, 100));
        assert!(!most("2").is_passed(2, 2) && most("2").is_passed(3, 3) && most("0").is_passed(1, 1));
        for wrong in ["x", "-1", "101%", "%"] {
            assert!(wrong.parse::<MaxErrors>().unwrap_err().contains("1%"), "{wrong}");
        }
    }
}
