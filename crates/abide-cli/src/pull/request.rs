//! What is asked for: the request of an endpoint, and in what the request for a page differs from it.

use std::fmt;
use std::str::FromStr;

use abide_core::page::{Change, Pages, Slot, set_in_body};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use crate::args::PullArgs;

/// What all requests of an endpoint have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    pub(crate) method: Method,
    /// Fields of these requests alone, none of them secret.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// JSON.
    pub(crate) body: Option<String>,
}

/// The request for a page: where it goes, and what is set in its fields and its body.
///
/// As text it is the URL, and behind a space the values that are no part of it, as pairs in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) url: Url,
    /// None of them is of the query.
    pub(crate) changes: Vec<Change>,
}

impl Form {
    pub(crate) fn of_flags(args: &PullArgs) -> Self {
        let usual = if args.body.is_some() { Method::POST } else { Method::GET };
        Self { method: args.method.clone().unwrap_or(usual), headers: Vec::new(), body: args.body.clone() }
    }

    /// Tells forms apart.
    pub(crate) fn fingerprint(&self) -> String {
        let headers: Vec<String> =
            self.headers.iter().map(|(name, value)| format!(" {name}: {}", value.to_str().unwrap_or("…"))).collect();
        format!("{}{} {}", self.method, headers.concat(), self.body.as_deref().unwrap_or_default()).trim().to_owned()
    }

    /// The body of a request with these values in it.
    pub(crate) fn body_of(&self, step: &Step) -> Option<String> {
        let in_body = step.changes.iter().any(|change| matches!(change.slot, Slot::Body(_)));
        match &self.body {
            // What can't be set was refused when the step was made.
            Some(body) if in_body => set_in_body(body, &step.changes).ok(),
            body => body.clone(),
        }
    }

    /// The fields of a request with these values in it.
    pub(crate) fn headers_of(&self, step: &Step) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = self.headers.clone();
        if self.body.is_some() && !headers.iter().any(|(name, _)| *name == CONTENT_TYPE) {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        for change in &step.changes {
            if let Slot::Header(name) = &change.slot
                && let Ok(value) = HeaderValue::try_from(change.text())
            {
                headers.retain(|(known, _)| known != name);
                headers.push((name.clone(), value));
            }
        }
        headers
    }

    /// The first request of a job, with the page size that was asked for.
    ///
    /// # Errors
    ///
    /// As [`Self::changed`].
    pub(crate) fn opening(&self, job: &Url, pages: Option<&Pages>) -> Result<Step, Unsettable> {
        let first = Step { url: job.clone(), changes: Vec::new() };
        self.changed(&first, &pages.map(Pages::opening).unwrap_or_default())
    }

    /// A request with these values set.
    ///
    /// # Errors
    ///
    /// If a value has no place in this request: there is no JSON body, or a field can't hold it.
    pub(crate) fn changed(&self, from: &Step, changes: &[Change]) -> Result<Step, Unsettable> {
        let mut step = from.clone();
        let in_query: Vec<(&str, String)> = changes
            .iter()
            .filter_map(|change| match &change.slot {
                Slot::Query(key) => Some((key.as_str(), change.text())),
                _ => None,
            })
            .collect();
        abide::set_in_query(&mut step.url, &in_query);
        for change in changes {
            let can_stand = match &change.slot {
                Slot::Query(_) => continue,
                Slot::Header(_) => HeaderValue::try_from(change.text()).is_ok(),
                Slot::Body(_) => {
                    self.body.as_ref().is_some_and(|body| set_in_body(body, std::slice::from_ref(change)).is_ok())
                }
                _ => false,
            };
            if !can_stand {
                return Err(Unsettable { slot: change.slot.clone() });
            }
            step.changes.retain(|known| known.slot != change.slot);
            step.changes.push(change.clone());
        }
        Ok(step)
    }
}

impl Step {
    /// Without user, password and the query keys that hold secrets.
    pub(crate) fn redacted(&self, secret_keys: &[String]) -> Self {
        // It is a URL already, so it can be read as one.
        let shown = abide::redacted(self.url.as_str(), secret_keys).ok().and_then(|text| Url::parse(&text).ok());
        Self { url: shown.unwrap_or_else(|| self.url.clone()), changes: self.changes.clone() }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())?;
        if self.changes.is_empty() {
            return Ok(());
        }
        let pairs: Vec<[String; 2]> =
            self.changes.iter().map(|change| [change.slot.to_string(), change.value.clone()]).collect();
        write!(f, " {}", serde_json::json!(pairs))
    }
}

impl FromStr for Step {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // A URL holds no space.
        let (url, pairs) = text.split_once(' ').map_or((text, None), |(url, pairs)| (url, Some(pairs)));
        let url = Url::parse(url).map_err(drop)?;
        let pairs: Vec<(String, String)> = match pairs {
            Some(pairs) => serde_json::from_str(pairs).map_err(drop)?,
            None => Vec::new(),
        };
        let change = |(slot, value): (String, String)| Some(Change { slot: slot.parse().ok()?, value });
        let changes = pairs.into_iter().map(change).collect::<Option<_>>().ok_or(())?;
        Ok(Self { url, changes })
    }
}

/// A value that the next request needs, and has no place for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsettable {
    slot: Slot,
}

impl fmt::Display for Unsettable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the next page needs {}, and ", self.slot)?;
        f.write_str(match &self.slot {
            Slot::Body(_) => "the request has no JSON body; give it one with --method POST --body '{…}'",
            _ => "no field can hold what stands there",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(slot: &str, value: &str) -> Change {
        Change { slot: slot.parse().unwrap(), value: value.to_owned() }
    }

    fn job() -> Url {
        Url::parse("https://x.test/a?page=1&q=b%20c").unwrap()
    }

    #[test]
    fn values_are_set_where_they_stand_or_added() {
        let form = Form::default();
        let first = form.opening(&job(), None).unwrap();
        let url = |changes: &[Change]| form.changed(&first, changes).unwrap().to_string();
        assert_eq!(url(&[]), job().as_str());
        assert_eq!(
            url(&[change("query.page", "2"), change("query.n", "\"x&y\"")]),
            "https://x.test/a?page=2&q=b+c&n=x%26y"
        );
        let sized: Pages = "page=query.page size=query.n:50".parse().unwrap();
        assert_eq!(form.opening(&job(), Some(&sized)).unwrap().url.query(), Some("page=1&q=b+c&n=50"));
    }

    #[test]
    fn a_request_reads_back_as_itself() {
        let form = Form { method: Method::POST, body: Some(r#"{"n":1}"#.to_owned()), ..Form::default() };
        let first = form.opening(&job(), None).unwrap();
        let step = form.changed(&first, &[change("body.a.b", "\"c d\""), change("header.range", "\"0-4\"")]).unwrap();
        assert_eq!(step.to_string().parse(), Ok(step.clone()));
        assert_eq!(form.body_of(&step).as_deref(), Some(r#"{"a":{"b":"c d"},"n":1}"#));
        let again = form.changed(&step, &[change("body.a.b", "2")]).unwrap();
        assert_eq!(form.body_of(&again).as_deref(), Some(r#"{"a":{"b":2},"n":1}"#));
        let headers = form.headers_of(&again);
        assert_eq!(headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["content-type", "range"]);
        assert_eq!("https://x.test/ [[\"nowhere\",\"1\"]]".parse::<Step>(), Err(()));
    }

    #[test]
    fn a_value_without_a_place_is_told() {
        let form = Form::default();
        let first = form.opening(&job(), None).unwrap();
        let error = form.changed(&first, &[change("body.a", "1")]).unwrap_err().to_string();
        assert!(error.contains("needs body.a") && error.contains("--method POST"), "{error}");
        assert!(form.changed(&first, &[change("header.range", "\"a\\nb\"")]).is_err());
    }
}
