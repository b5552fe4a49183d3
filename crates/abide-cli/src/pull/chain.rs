//! The chains of pages of a run: what is asked for ahead of its turn, and what waits for it.

use std::collections::{BTreeMap, VecDeque};

use abide_core::page::{Asked, Came, Chain, Change, Onward, Pages, Slot};
use http::{HeaderMap, StatusCode};
use tokio::task::AbortHandle;
use url::Url;

use super::fetch::Landed;
use super::journal::place::Place;
use super::urls;

/// The chains that have begun and not ended, by their jobs.
#[derive(Debug, Default)]
pub(super) struct Chains {
    runs: BTreeMap<u64, Run>,
    /// The last that was given to a page that is asked for ahead of its turn.
    ticket: u64,
}

/// A chain as far as this run has seen it.
#[derive(Debug)]
struct Run {
    chain: Chain,
    /// The request for the first page.
    first: Url,
    /// What the last page's address was, which the next ones may be relative to.
    base: Url,
    /// The page whose turn it is.
    turn: u64,
    /// That page and those after it that were asked for.
    asked: VecDeque<Ask>,
    /// Nothing is foreseen any more: it would lead where this run may not go.
    blind: bool,
}

/// A page that was asked for.
#[derive(Debug)]
enum Ask {
    /// In its turn.
    InTurn,
    /// Ahead of its turn.
    Ahead { ticket: u64, flight: AbortHandle },
    /// Ahead of its turn, and it has come.
    Landed(Box<Landed>),
}

impl Chains {
    /// The chain that a page in turn belongs to; `begin` makes it where the run sees its first page.
    pub(super) fn of(
        &mut self,
        place: Place,
        first: impl FnOnce() -> Url,
        begin: impl FnOnce() -> Chain,
    ) -> &mut Chain {
        let run = self.runs.entry(place.job).or_insert_with(|| {
            let first = first();
            let asked = VecDeque::from([Ask::InTurn]);
            Run { chain: begin(), base: first.clone(), first, turn: place.page, asked, blind: false }
        });
        &mut run.chain
    }

    /// How the pages of a job go on, once, when a page has shown it.
    pub(super) fn discovered(&mut self, job: u64) -> Option<&Pages> {
        self.runs.get_mut(&job)?.chain.discovered()
    }

    /// The URL of the page after the one that came from `base`.
    ///
    /// # Errors
    ///
    /// A clause that says why there is none.
    pub(super) fn target(&mut self, job: u64, base: Url, onward: &Onward) -> Result<Url, String> {
        let Some(run) = self.runs.get_mut(&job) else { return Err("its first page has not come".to_owned()) };
        run.base = base;
        target(onward, &run.first, &run.base)
    }

    /// The page whose turn it is leads on. Returns whether the next one was asked for already; what was asked for in vain is dropped.
    pub(super) fn go_on(&mut self, job: u64, as_foreseen: bool) -> bool {
        let Some(run) = self.runs.get_mut(&job) else { return false };
        run.asked.pop_front();
        run.turn += 1;
        if as_foreseen && !run.asked.is_empty() {
            return true;
        }
        run.drop_asked();
        run.asked.push_back(Ask::InTurn);
        false
    }

    /// A page that can be asked for ahead of its turn, and where it is.
    pub(super) fn foresee(&self) -> Option<(Place, Url)> {
        self.runs.iter().filter(|(_, run)| !run.blind).find_map(|(job, run)| {
            let beyond = run.asked.len() as u64;
            let url = target(&run.chain.foreseen(beyond)?, &run.first, &run.base).ok()?;
            Some((Place { job: *job, page: run.turn + beyond }, url))
        })
    }

    /// What was foreseen leads where this run may not go. Should a page name it in its turn, that will be said.
    pub(super) fn look_away(&mut self, job: u64) {
        if let Some(run) = self.runs.get_mut(&job) {
            run.blind = true;
        }
    }

    /// A number that tells a page that is asked for ahead of its turn from one that was dropped.
    pub(super) fn ticket(&mut self) -> u64 {
        self.ticket += 1;
        self.ticket
    }

    /// The page that [`Self::foresee`] gave is on its way.
    pub(super) fn launch(&mut self, job: u64, ticket: u64, flight: AbortHandle) {
        if let Some(run) = self.runs.get_mut(&job) {
            run.asked.push_back(Ask::Ahead { ticket, flight });
        }
    }

    /// Takes a page that has come. Returns it if its turn has come as well; if it was dropped, nobody wants it.
    pub(super) fn land(&mut self, landed: Landed) -> Option<Landed> {
        let Some(ticket) = landed.errand.ticket else { return Some(landed) };
        let run = self.runs.get_mut(&landed.errand.place().job)?;
        let is_it = |ask: &Ask| matches!(ask, Ask::Ahead { ticket: other, .. } if *other == ticket);
        let index = run.asked.iter().position(is_it)?;
        if index == 0 {
            run.asked[0] = Ask::InTurn;
            return Some(landed);
        }
        run.asked[index] = Ask::Landed(Box::new(landed));
        None
    }

    /// The page whose turn it is, if it has come before.
    pub(super) fn due(&mut self, job: u64) -> Option<Landed> {
        let front = self.runs.get_mut(&job)?.asked.front_mut()?;
        match std::mem::replace(front, Ask::InTurn) {
            Ask::Landed(landed) => Some(*landed),
            other => {
                *front = other;
                None
            }
        }
    }

    /// How many pages have come ahead of their turn.
    pub(super) fn landed(&self) -> usize {
        let asks = self.runs.values().flat_map(|run| &run.asked);
        asks.filter(|ask| matches!(ask, Ask::Landed(_))).count()
    }

    /// Whether the refusal of a page is the end of its job's pages.
    pub(super) fn end_with(&self, job: u64, status: StatusCode) -> bool {
        self.runs.get(&job).is_some_and(|run| run.chain.ends_with(status))
    }

    pub(super) fn end(&mut self, job: u64) {
        if let Some(mut run) = self.runs.remove(&job) {
            run.drop_asked();
        }
    }
}

impl Run {
    fn drop_asked(&mut self) {
        for ask in self.asked.drain(..) {
            if let Ask::Ahead { flight, .. } = ask {
                flight.abort();
            }
        }
    }
}

/// Whether a response names a next page in its fields alone.
pub(super) fn is_linked(headers: &HeaderMap) -> bool {
    let came = Came { headers, body: None, asked: Asked::default(), count: 0, text: b"", last: None };
    leads_on(&came)
}

/// Whether a page names a next one that can be followed.
pub(super) fn leads_on(came: &Came<'_>) -> bool {
    Chain::new(Pages::Auto, u64::MAX, 0, 0).on_page(came).is_ok_and(|step| step.onward.is_some())
}

/// The first request of a job, with the page size that was asked for.
pub(super) fn opened(job: &Url, pages: Option<&Pages>) -> Url {
    let changes = pages.map(Pages::opening).unwrap_or_default();
    // What is no part of a URL is nothing that a pull of URLs sends; the next page will say so.
    changed(job, &changes).unwrap_or_else(|_| job.clone())
}

fn target(onward: &Onward, first: &Url, base: &Url) -> Result<Url, String> {
    match onward {
        Onward::Url { reference, at } => {
            urls::resolve(base, reference).map_err(|e| format!("the next page in {at} can't be followed: {e}"))
        }
        Onward::Changed(changes) => changed(first, changes)
            .map_err(|slot| format!("the next page needs {slot}, and a pull of URLs sends nothing but a URL")),
        _ => Err("the next page is asked for in a way that a pull does not know".to_owned()),
    }
}

/// The URL of a job with these values in its query.
///
/// # Errors
///
/// The first slot that is no part of a URL.
fn changed<'a>(job: &Url, changes: &'a [Change]) -> Result<Url, &'a Slot> {
    let pair = |change: &'a Change| match &change.slot {
        Slot::Query(key) => Ok((key.as_str(), change.text())),
        other => Err(other),
    };
    let pairs: Vec<(&str, String)> = changes.iter().map(pair).collect::<Result<_, _>>()?;
    let mut url = job.clone();
    abide::set_in_query(&mut url, &pairs);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(slot: &str, value: &str) -> Change {
        Change { slot: slot.parse().unwrap(), value: value.to_owned() }
    }

    #[test]
    fn values_are_set_where_they_stand_or_added() {
        let job = Url::parse("https://x.test/a?page=1&q=b%20c").unwrap();
        let url = |changes: &[Change]| changed(&job, changes).map(String::from).map_err(ToString::to_string);
        assert_eq!(url(&[]).unwrap(), job.as_str());
        assert_eq!(
            url(&[change("query.page", "2"), change("query.n", "\"x&y\"")]).unwrap(),
            "https://x.test/a?page=2&q=b+c&n=x%26y"
        );
        assert_eq!(url(&[change("header.range", "1")]), Err("header.range".to_owned()));
        let sized: Pages = "page=query.page size=query.n:50".parse().unwrap();
        assert_eq!(opened(&job, Some(&sized)).query(), Some("page=1&q=b+c&n=50"));
        assert_eq!(opened(&job, None), job);
    }
}
