//! What the first page of an endpoint shows: how its pages go on, where its records are, what names them, and how long it takes.

use std::collections::HashSet;
use std::time::Duration;

use abide::{Client, Limit, LimitSpec, Whole};
use abide_core::json::{Json, Kind};
use abide_core::page::{self, Chain, Onward, Pages};
use abide_core::place::Place as Where;
use abide_core::policy::WindowKind;
use bytes::Bytes;

use crate::exit::{Failure, Result};
use crate::get;
use crate::pull::body::Body;
use crate::pull::errand::{Errand, Landed};
use crate::pull::fetch;
use crate::pull::journal::place::{Place, Todo};
use crate::pull::plan::Plan;
use crate::pull::progress;
use crate::screen::{count, short};

/// What one page showed.
pub(super) struct Finding {
    pub(super) records: u64,
    /// Where they were, if that has a place of its own.
    pub(super) at: Option<String>,
    /// How the pages go on; `None` if there seems to be one.
    pub(super) pages: Option<String>,
    /// Members that tell the records of this page apart, the likeliest first.
    pub(super) keys: Vec<String>,
    /// How many records there are, as the server says.
    total: Option<u64>,
    limits: Vec<Limit>,
    took: Duration,
    url: String,
}

/// Names that keys use to have, the likeliest first.
const NAMES: [&str; 8] = ["id", "uuid", "guid", "key", "_id", "number", "slug", "name"];

impl Finding {
    pub(super) async fn of(plan: &Plan, client: &Client) -> Result<Self> {
        let job = plan.input.url(0);
        let step = plan.opening(&job, plan.start()).map_err(Failure::usage)?;
        let errand = Errand {
            todo: Todo { place: Place::start_of(0), url: None },
            ahead: None,
            trusted: plan.trusts(&job),
            job,
            form: plan.form.clone(),
            step,
            deadline: None,
            signs: plan.signs.clone(),
            token: None,
        };
        let began = std::time::Instant::now();
        let Landed { errand, answer } = errand.run(client.clone()).await;
        let (whole, bytes) = match answer {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => return Err(get::failure(&error)),
            None => return Err(Failure::error("nobody waited for the answer")),
        };
        if !whole.status.is_success() {
            return Err(Failure::error(format!("{} answered {} ({})", whole.url, whole.status, whole.account)));
        }
        Self::read(plan, &errand, &whole, &bytes, began.elapsed()).map_err(Failure::error)
    }

    fn read(
        plan: &Plan,
        errand: &Errand,
        whole: &Whole,
        bytes: &Bytes,
        took: Duration,
    ) -> std::result::Result<Self, String> {
        let style = plan.pages.clone().unwrap_or_default();
        let mut chain = Chain::new(style.clone(), u64::MAX, 0, 0);
        let content = fetch::records(whole, bytes, errand, &plan.records, Some(&mut chain))?;
        let onward = match content.step {
            Some(Ok(step)) => step.onward,
            Some(Err(stall)) => return Err(stall.to_string()),
            None => None,
        };
        let pages = match (onward, style) {
            (Some(Onward::Url { at, .. }), Pages::Auto) => Some(Pages::Next(at).to_string()),
            (Some(_), style) => Some(chain.discovered().unwrap_or(&style).to_string()),
            (None, _) => None,
        };
        let at = content.found.map(Where::Body).map(|place| place.to_string()).filter(|at| at != "body");
        let content_type = whole.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let body = Body::read(whole.status, content_type, bytes).map_err(|e| e.to_string())?;
        Ok(Self {
            records: content.records,
            at,
            pages,
            keys: keys(&content.bytes),
            total: page::total(&whole.headers, body.json()),
            limits: whole.limits.all.clone(),
            took,
            url: whole.url.clone(),
        })
    }

    /// How many requests the whole of it takes, if the server says how many records there are.
    fn requests(&self) -> Option<u64> {
        let per_page = self.records.max(1);
        self.total.filter(|_| self.pages.is_some()).map(|total| total.div_ceil(per_page))
    }

    /// The least time for all of it, by every limit that is known.
    fn least(&self, plan: &Plan) -> Option<(u64, Duration)> {
        let requests = self.requests().unwrap_or(1) * plan.input.len();
        let said = self.limits.iter().filter_map(spec);
        let least = plan.bounds.iter().copied().chain(said).map(|limit| progress::least(&limit, requests)).max();
        let known = self.requests().is_some() || plan.input.len() > 1;
        known.then(|| (requests, least.unwrap_or_default()))
    }

    /// What to tell people.
    pub(super) fn lines(&self, plan: &Plan) -> Vec<String> {
        let mut lines = vec![format!("{}: {} answered in {}", plan.name(), self.url, short(self.took))];
        let at = self.at.as_deref().unwrap_or("the body itself");
        let total = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        lines.push(format!("  records  {}{total} at {at}", self.records));
        lines.push(format!("  pages    {}", self.pages.as_deref().unwrap_or("this one names no next one")));
        let keys =
            if self.keys.is_empty() { "none of the members tells them apart".to_owned() } else { self.keys.join(", ") };
        lines.push(format!("  key      {keys}"));
        let limits: Vec<String> = self.limits.iter().map(ToString::to_string).collect();
        let limits = if limits.is_empty() { "the server says nothing of them".to_owned() } else { limits.join("; ") };
        lines.push(format!("  limits   {limits}"));
        if let Some((requests, least)) = self.least(plan) {
            let time = if least.is_zero() {
                "as fast as the server answers".to_owned()
            } else {
                format!("at least {}", short(least))
            };
            lines.push(format!("  all      {}: {time}", count(requests, "request")));
        }
        lines
    }
}

/// A limit that the server stated, as one of ours.
fn spec(limit: &Limit) -> Option<LimitSpec> {
    let (amount, period) = (limit.limit.filter(|amount| *amount > 0)?, limit.window?);
    format!("{amount}/{}s", period.as_secs().max(1))
        .parse::<abide::LimitSpecs>()
        .ok()?
        .0
        .into_iter()
        .find(|spec| matches!(spec, LimitSpec::Window { kind, .. } if *kind != WindowKind::Hits))
}

/// Members that are there in every record, and different in each.
fn keys(records: &[u8]) -> Vec<String> {
    let parsed: Vec<Json<'_>> =
        records.split(|&byte| byte == b'\n').filter_map(|record| Json::parse(record).ok()).collect();
    let Some(first) = parsed.first().filter(|_| parsed.len() > 1) else { return Vec::new() };
    let names = first.members().filter_map(|(key, _)| key.as_str()).map(|name| name.into_owned());
    let tells_apart = |name: &String| {
        let mut seen = HashSet::new();
        parsed.iter().all(|record| {
            let value = record.member(name).filter(|value| matches!(value.kind(), Kind::String | Kind::Number));
            value.is_some_and(|value| seen.insert(value.text().to_owned()))
        })
    };
    let mut keys: Vec<String> = names.filter(tells_apart).collect();
    let rank = |name: &str| {
        let known = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name));
        let is_id = name.ends_with("_id") || name.ends_with("Id") || name.ends_with("ID");
        known.unwrap_or(if is_id { NAMES.len() } else { NAMES.len() + 1 })
    };
    keys.sort_by_key(|name| rank(name));
    keys.truncate(3);
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_records_apart_is_a_key_and_ids_come_first() {
        assert_eq!(
            keys(b"{\"a\":1,\"user_id\":1,\"id\":\"x\"}\n{\"a\":2,\"user_id\":2,\"id\":\"y\"}\n"),
            ["id", "user_id", "a"]
        );
        assert_eq!(keys(b"{\"id\":1,\"n\":1}\n{\"id\":1,\"n\":2}\n"), ["n"]);
        assert_eq!(keys(b"{\"id\":1}\n{}\n"), Vec::<String>::new());
        assert_eq!(keys(b"{\"id\":1}\n"), Vec::<String>::new(), "one record shows nothing");
    }
}
