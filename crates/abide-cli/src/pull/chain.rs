//! The chains of pages of a run: what is asked for ahead of its turn, and what waits for it.

use std::collections::{BTreeMap, VecDeque};

use abide_core::page::{Asked, Came, Chain, Onward, Pages};
use http::{HeaderMap, StatusCode};
use tokio::sync::oneshot;
use url::Url;

use super::errand::{Landed, Wanted};
use super::journal::place::Place;
use super::request::{Form, Step};
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
    first: Step,
    /// What the last page's address was, which the next ones may be relative to.
    base: Url,
    /// The page whose turn it is.
    turn: u64,
    /// That page and those after it that were asked for.
    asked: VecDeque<Ask>,
    /// Nothing is foreseen any more: it would lead where this run may not go.
    blind: bool,
    /// How often the chain was begun again.
    begun_again: u32,
    /// Where it leads through pages that were there before.
    over: Over,
}

/// How a chain that was begun again stands to the pages that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// It has left them behind, or was never begun again.
    New,
    /// This is the next of them that is expected.
    Known(u64),
    /// The pages are others, and their records have keys by which those that are known are left out.
    Mixed,
}

/// How often a chain may be begun again.
const AGAIN: u32 = 3;

/// A page that was asked for.
#[derive(Debug)]
enum Ask {
    /// In its turn.
    InTurn,
    /// Ahead of its turn. Dropped, it ends the page's flight.
    Ahead { ticket: u64, _wanted: oneshot::Sender<()> },
    /// Ahead of its turn, and it has come.
    Landed(Box<Landed>),
}

impl Chains {
    /// The chain that a page in turn belongs to; `begin` makes it where the run sees its first page.
    pub(super) fn of(&mut self, place: Place, first: &Step, begin: impl FnOnce() -> Chain) -> &mut Chain {
        let run = self.runs.entry(place.job).or_insert_with(|| Run::new(begin(), first.clone(), place.page));
        &mut run.chain
    }

    /// The pages of a job are gone through from the first again, since its page at `place` can't be had by what it was to be asked
    /// for with. False if that was so too often.
    pub(super) fn begin_again(&mut self, place: Place, first: Step, chain: Chain) -> bool {
        let begun_again = self.runs.remove(&place.job).map_or(0, |run| run.begun_again) + 1;
        let over = Over::Known(0);
        self.runs.insert(place.job, Run { begun_again, over, blind: true, ..Run::new(chain, first, place.page) });
        begun_again <= AGAIN
    }

    /// How the pages of a job go on, as far as this run has seen it.
    pub(super) fn pages(&self, job: u64) -> Option<&Pages> {
        Some(self.runs.get(&job)?.chain.pages())
    }

    /// Which page of before the one that has come should be, where the chain was begun again.
    pub(super) fn known(&self, job: u64) -> Option<u64> {
        match self.runs.get(&job)?.over {
            Over::Known(page) => Some(page),
            Over::New | Over::Mixed => None,
        }
    }

    /// It is that page.
    pub(super) fn pass_over(&mut self, job: u64) {
        if let Some(run) = self.runs.get_mut(&job)
            && let Over::Known(page) = run.over
        {
            run.over = if page + 1 < run.turn { Over::Known(page + 1) } else { Over::New };
        }
    }

    /// It is another, and so may be all after it.
    pub(super) fn mix(&mut self, job: u64) {
        if let Some(run) = self.runs.get_mut(&job) {
            run.over = Over::Mixed;
        }
    }

    /// Whether the next page may have been fetched before.
    pub(super) fn goes_over(&self, job: u64) -> bool {
        self.runs.get(&job).is_some_and(|run| run.over != Over::New)
    }

    /// How the pages of a job go on, once, when a page has shown it.
    pub(super) fn discovered(&mut self, job: u64) -> Option<&Pages> {
        self.runs.get_mut(&job)?.chain.discovered()
    }

    /// The request for the page after the one that came from `base`.
    ///
    /// # Errors
    ///
    /// A clause that says why there is none.
    pub(super) fn target(&mut self, job: u64, base: Url, form: &Form, onward: &Onward) -> Result<Step, String> {
        let Some(run) = self.runs.get_mut(&job) else { return Err("its first page has not come".to_owned()) };
        run.base = base;
        run.target(form, onward)
    }

    /// The page whose turn it is leads on. Returns whether the next one was asked for already; what was asked for in vain is dropped.
    pub(super) fn go_on(&mut self, job: u64, as_foreseen: bool) -> bool {
        let Some(run) = self.runs.get_mut(&job) else { return false };
        run.asked.pop_front();
        run.turn += 1;
        if as_foreseen && !run.asked.is_empty() {
            return true;
        }
        run.asked.clear();
        run.asked.push_back(Ask::InTurn);
        false
    }

    /// A page that can be asked for ahead of its turn, and how.
    pub(super) fn foresee(&self, form: &Form) -> Option<(Place, Step)> {
        self.runs.iter().filter(|(_, run)| !run.blind).find_map(|(job, run)| {
            let beyond = run.asked.len() as u64;
            let step = run.target(form, &run.chain.foreseen(beyond)?).ok()?;
            Some((Place { job: *job, page: run.turn + beyond }, step))
        })
    }

    /// What was foreseen leads where this run may not go. Should a page name it in its turn, that will be said.
    pub(super) fn look_away(&mut self, job: u64) {
        if let Some(run) = self.runs.get_mut(&job) {
            run.blind = true;
        }
    }

    /// The page that [`Self::foresee`] gave is asked for.
    pub(super) fn launch(&mut self, job: u64) -> Option<Wanted> {
        let run = self.runs.get_mut(&job)?;
        self.ticket += 1;
        let (ticket, (sender, gone)) = (self.ticket, oneshot::channel());
        run.asked.push_back(Ask::Ahead { ticket, _wanted: sender });
        Some(Wanted { ticket, gone })
    }

    /// Takes a page that has come. Returns it if its turn has come as well; if it was dropped, nobody wants it.
    pub(super) fn land(&mut self, landed: Landed) -> Option<Landed> {
        let Some(ticket) = landed.errand.ahead.as_ref().map(|wanted| wanted.ticket) else { return Some(landed) };
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
        self.runs.remove(&job);
    }
}

impl Run {
    fn new(chain: Chain, first: Step, turn: u64) -> Self {
        let (base, asked) = (first.url.clone(), VecDeque::from([Ask::InTurn]));
        Self { chain, first, base, turn, asked, blind: false, begun_again: 0, over: Over::New }
    }

    fn target(&self, form: &Form, onward: &Onward) -> Result<Step, String> {
        match onward {
            Onward::Url { reference, at } => match urls::resolve(&self.base, reference) {
                Ok(url) => Ok(Step { url, changes: Vec::new() }),
                Err(error) => Err(format!(
                    "the next page in {at} can't be followed: {error}; say where it is with --pages, or --pages none if this \
                     is the only page"
                )),
            },
            Onward::Changed(changes) => form.changed(&self.first, changes).map_err(|e| e.to_string()),
            _ => Err("the next page is asked for in a way that a pull does not know".to_owned()),
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
