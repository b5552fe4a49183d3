//! The pull of one endpoint: which page is to be fetched next, what becomes of those that come, and why it ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use abide::Whole;
use abide_core::page::{self, Chain, Pages, Stall};
use abide_core::place::{Path, Place as Where};
use abide_core::time::Wall;
use bytes::Bytes;
use http::StatusCode;
use url::Url;

use super::answers::Reaction;
use super::chain::{self, Chains};
use super::errand::{Errand, Landed};
use super::expect::Expected;
use super::fetch::{self, Content};
use super::journal::digest::Digest;
use super::journal::error::Result;
use super::journal::place::{Failure as Missing, Page, Place, Todo};
use super::journal::state::Ending;
use super::kin;
use super::output::Output;
use super::plan::Plan;
use super::raw;
use super::report::Outcome;
use super::request::{Step, Unsettable};
use super::sink::Sink;
use super::traces::Traces;
use crate::advice;
use crate::screen::{Screen, count};

/// Requests that were passed over which are listed by name.
const LISTED: usize = 20;
/// Pages that may wait on disk for one that comes before them.
const LOOKAHEAD: u64 = 1_000;

/// A pull under way.
pub(super) struct Pull {
    pub(super) plan: Arc<Plan>,
    pub(super) sink: Box<dyn Sink>,
    pub(super) screen: Screen,
    /// How many pages are on their way.
    pub(super) flying: usize,
    /// How many may be, or may have come and wait for one before them in their chain.
    window: usize,
    /// Requests that go once more, with another token.
    again: Vec<Errand>,
    /// Jobs that go on, before new ones begin.
    going_on: VecDeque<Todo>,
    /// Jobs below this one have begun.
    next_job: u64,
    /// Where the records of each job stand, once found.
    found: BTreeMap<u64, Path>,
    /// How far the pages of each job have come.
    chains: Chains,
    /// Why nothing new begins any more.
    pub(super) outcome: Option<Outcome>,
    /// From where records were taken, and on how many pages.
    pub(super) places: BTreeMap<String, u64>,
    /// What the server counts in all, where a single page brought fewer, and how many that brought.
    pub(super) short_of: Option<(u64, u64)>,
    /// Whether a page named a next one that nobody asked to follow.
    pub(super) unfollowed: bool,
    /// What to do about the first page that is missing, where its reason does not say so.
    pub(super) advice: Option<String>,
    /// What this run has left on disk, if there was nothing before.
    traces: Option<Traces>,
    /// From the first request to the last answer.
    pub(super) span: Option<(Instant, Instant)>,
    /// Attempts that were sent for it.
    pub(super) requests: u64,
    /// Those of them that a limit refused, and those that were sent again after a fault.
    pub(super) refused: u64,
    pub(super) retried: u64,
    /// Pages that were asked for in this run.
    asked: u64,
    /// Whether nothing is left to ask for, as far as it is known.
    idle: bool,
    /// What the server says there is, where it was asked for.
    pub(super) expected: Option<Expected>,
    /// Requests that a rule passed over, and the first of them.
    pub(super) skipped: u64,
    pub(super) skips: Vec<String>,
    /// Requests that came to an end, whichever.
    answered: u64,
    failed: u64,
    /// Whether the output has its name already.
    pub(super) finished: bool,
}

impl Pull {
    pub(super) fn new(plan: Plan, sink: Box<dyn Sink>, screen: Screen, window: usize, traces: Option<Traces>) -> Self {
        let expected = plan.expect.clone().map(Expected::new);
        Self {
            plan: Arc::new(plan),
            sink,
            screen,
            flying: 0,
            window,
            again: Vec::new(),
            going_on: VecDeque::new(),
            next_job: 0,
            found: BTreeMap::new(),
            chains: Chains::default(),
            outcome: None,
            places: BTreeMap::new(),
            short_of: None,
            unfollowed: false,
            advice: None,
            traces,
            span: None,
            requests: 0,
            refused: 0,
            retried: 0,
            asked: 0,
            idle: false,
            expected,
            skipped: 0,
            skips: Vec::new(),
            answered: 0,
            failed: 0,
            finished: false,
        }
    }

    /// The next page to fetch, unless there is none just now.
    pub(super) fn next_errand(&mut self, deadline: Option<Duration>) -> Result<Option<Errand>> {
        if self.outcome.is_some() {
            return Ok(None);
        }
        if let Some(errand) = self.again.pop() {
            self.flying += 1;
            return Ok(Some(errand));
        }
        let (todo, is_ahead) = match self.going_on.pop_front() {
            Some(todo) => (todo, false),
            None => match self.foreseen()? {
                Some(todo) => (todo, true),
                None => match self.next_job()? {
                    Some(todo) => (todo, false),
                    None => {
                        self.idle = true;
                        return Ok(None);
                    }
                },
            },
        };
        if deadline.is_some_and(|left| left.is_zero()) {
            self.outcome = Some(Outcome::Late("the deadline passed; allow more with --deadline".to_owned()));
            return Ok(None);
        }
        if let Some(most) = self.plan.most_pages.filter(|most| self.asked >= *most) {
            let why = format!("{} were asked for with --limit-pages", count(most, "page"));
            self.outcome = Some(Outcome::Enough(why));
            return Ok(None);
        }
        self.asked += 1;
        let job = self.plan.input.url(todo.place.job);
        let step = match &todo.url {
            // What the journal holds was a request when it was put there.
            Some(text) => text.parse().unwrap_or_else(|()| Step { url: job.clone(), changes: Vec::new() }),
            None => match self.opening(&job) {
                Ok(step) => step,
                Err(error) => {
                    self.outcome = Some(Outcome::Stalled(format!("{}: {error}", self.redacted(&job))));
                    return Ok(None);
                }
            },
        };
        if !is_ahead && let Some(why) = self.leads_nowhere(&todo, &job, &step)? {
            self.outcome = Some(Outcome::Stalled(why));
            return Ok(None);
        }
        let ahead = if is_ahead { self.chains.launch(todo.place.job) } else { None };
        self.flying += 1;
        let now = Instant::now();
        self.span.get_or_insert((now, now));
        let trusted = step.url.origin() == job.origin() && self.plan.trusts(&job);
        Ok(Some(Errand {
            todo,
            ahead,
            job,
            form: Arc::clone(&self.plan.form),
            step,
            trusted,
            deadline,
            signs: self.plan.signs.clone(),
            token: None,
        }))
    }

    /// A page that need not wait for the one before it. What has come before its turn counts as under way, so that a kill costs no
    /// more than that.
    fn foreseen(&mut self) -> Result<Option<Todo>> {
        if self.flying + self.chains.landed() >= self.window {
            return Ok(None);
        }
        while let Some((place, step)) = self.chains.foresee(&self.plan.form) {
            let url = Some(step.redacted(&self.plan.secret_keys).to_string());
            let (todo, job) = (Todo { place, url }, self.plan.input.url(place.job));
            if self.leads_nowhere(&todo, &job, &step)?.is_none() {
                return Ok(Some(todo));
            }
            self.chains.look_away(place.job);
        }
        Ok(None)
    }

    /// The first request of a job.
    fn opening(&self, job: &Url) -> std::result::Result<Step, Unsettable> {
        self.plan.opening(job, self.sink.increment().and_then(|increment| increment.bound.as_deref()))
    }

    /// The next job that has not begun.
    fn next_job(&mut self) -> Result<Option<Todo>> {
        // Something under way comes before all that waits: it will make room.
        if self.sink.waiting() >= LOOKAHEAD && self.flying > 0 || self.next_job >= self.plan.input.len() {
            return Ok(None);
        }
        let todo = self.sink.todo(self.next_job)?.filter(|todo| todo.place.job < self.plan.input.len());
        self.next_job = todo.as_ref().map_or(self.plan.input.len(), |todo| todo.place.job + 1);
        Ok(todo)
    }

    /// A request that another token may have more luck with.
    pub(super) fn again(&mut self, errand: Errand) {
        self.flying -= 1;
        self.again.push(errand);
    }

    /// Passes on what a step of this pull came to. An error of its output ends it, and no other.
    pub(super) fn note<T>(&mut self, came: Result<T>) -> Option<T> {
        match came {
            Ok(output) => Some(output),
            Err(error) => {
                self.outcome = Some(Outcome::Broken(error));
                None
            }
        }
    }

    /// Takes in what has come.
    pub(super) fn on_landed(&mut self, landed: Vec<Landed>) -> Result<()> {
        let mut pages = Vec::new();
        self.flying -= landed.len();
        if matches!(self.outcome, Some(Outcome::Broken(_))) {
            return Ok(());
        }
        for landed in landed {
            let mut in_turn = self.chains.land(landed);
            while let Some(landed) = in_turn {
                let job = landed.errand.place().job;
                self.take(landed, &mut pages)?;
                in_turn = self.chains.due(job);
            }
        }
        if let Some((_, last)) = &mut self.span {
            *last = Instant::now();
        }
        self.sink.put(&pages)
    }

    fn take(&mut self, landed: Landed, pages: &mut Vec<Page>) -> Result<()> {
        let Landed { errand, answer: Some(answer) } = landed else { return Ok(()) };
        let account = match &answer {
            Ok((whole, _)) => &whole.account,
            Err(error) => error.account(),
        };
        let (attempts, refused) = (u64::from(account.attempts), u64::from(account.refused));
        self.requests += attempts;
        self.refused += refused;
        self.retried += attempts.saturating_sub(refused + 1);
        self.answered += 1;
        self.recall(errand.place())?;
        if let (Some(folder), Ok((whole, bytes))) = (&self.plan.raw, &answer)
            && whole.status.is_success()
        {
            raw::keep(folder, self.plan.name.as_deref(), errand.place(), bytes)?;
        }
        if let Ok((whole, bytes)) = &answer
            && let Some(reaction) = self.plan.rules.of(whole.status, &whole.headers, bytes)
            && self.react(reaction, &errand, whole, pages)?
        {
            return Ok(());
        }
        match answer {
            Ok((whole, bytes)) if whole.status.is_success() => match self.read(&errand, &whole, bytes) {
                Ok((content, later)) => self.keep(&errand, &whole, content, later, pages),
                Err(reason) => self.miss(&errand, Some(whole.status.as_u16()), reason),
            },
            Ok((whole, bytes)) if self.has_expired(&errand, whole.status, &bytes) => {
                self.begin_again(&errand, whole.status);
                Ok(())
            }
            Ok((whole, _)) if self.chains.end_with(errand.place().job, whole.status) => {
                let (page, code) = (errand.place().page + 1, whole.status.as_u16());
                self.screen
                    .note(&format!("page {page} was answered with {code}, which is taken for the end of the pages"));
                self.end(&errand, pages);
                Ok(())
            }
            Ok((whole, _)) => {
                let reason = format!("the server answered {} ({})", whole.status, whole.account);
                self.advice.get_or_insert_with(|| {
                    advice::on_status(whole.status).unwrap_or("the body may say why: abide get shows it").to_owned()
                });
                self.miss(&errand, Some(whole.status.as_u16()), reason)
            }
            Err(error) if error.is_limited() => {
                let why = format!("{error}; {}", advice::on_error(&error));
                self.outcome.get_or_insert(Outcome::Paused { until: error.retry_at(), why });
                Ok(())
            }
            Err(error) if error.is_deadline() => {
                let why = format!("the deadline passed: {error}; {}", advice::on_error(&error));
                self.outcome.get_or_insert(Outcome::Late(why));
                Ok(())
            }
            Err(error) => {
                self.advice.get_or_insert_with(|| advice::on_error(&error));
                let reason = if error.attempts() > 0 {
                    format!("{} ({})", error.reason(), error.account())
                } else {
                    error.reason()
                };
                self.miss(&errand, error.status().map(|status| status.as_u16()), reason)
            }
        }
    }

    /// What a rule makes of an answer. Returns whether that is all there is to it.
    fn react(&mut self, reaction: Reaction, errand: &Errand, whole: &Whole, pages: &mut Vec<Page>) -> Result<bool> {
        let (here, status) = (self.redacted(&errand.step.url), whole.status);
        match reaction {
            Reaction::Skip => {
                self.skipped += 1;
                if self.skips.len() < LISTED {
                    self.skips.push(format!("{here}: {status}"));
                }
                self.end(errand, pages);
            }
            Reaction::Fail => {
                let reason =
                    format!("the server answered {status}, and a rule takes that for a failure ({})", whole.account);
                self.miss(errand, Some(status.as_u16()), reason)?;
            }
            Reaction::Refresh => {
                let reason = format!("the server answered {status}, which asks for another token, and there is none");
                self.miss(errand, Some(status.as_u16()), reason)?;
            }
            Reaction::Restart if errand.place().page > 0 => self.begin_again(errand, status),
            Reaction::Restart => {
                let reason =
                    format!("the server answered {status}, which asks to begin anew, and this was the beginning");
                self.miss(errand, Some(status.as_u16()), reason)?;
            }
            // It did not fit while the call was under way, for the body is too long for a refusal.
            Reaction::Limited => return Ok(false),
        }
        Ok(true)
    }

    /// Learns where the records of a job stand that an earlier run began.
    fn recall(&mut self, place: Place) -> Result<()> {
        if place.page > 0
            && !self.found.contains_key(&place.job)
            && let Some(text) = self.sink.found(place.job)?
            && let Ok(Where::Body(path)) = text.parse()
        {
            self.found.insert(place.job, path);
        }
        Ok(())
    }

    /// What the page holds, and the place that its records and its next page stand at.
    fn read(
        &mut self,
        errand: &Errand,
        whole: &Whole,
        bytes: Bytes,
    ) -> std::result::Result<(Content, Option<Later>), String> {
        let place = errand.place();
        if matches!(self.plan.output, Output::Folder(_)) {
            let leads_on = chain::is_linked(&whole.headers);
            return Ok((Content { bytes, records: 0, step: None, leads_on, found: None, total: None }, None));
        }
        let at = self.plan.records.clone().settled(self.found.get(&place.job));
        let chain = match &self.plan.pages {
            None => None,
            Some(pages) => {
                let first = self.opening(&errand.job).map_err(|e| e.to_string())?;
                // Of one among many jobs nobody knows how much of it an earlier run wrote.
                let before = if self.plan.input.len() == 1 { self.sink.totals().records } else { 0 };
                let begin = || Chain::new(pages.clone(), self.plan.max_pages, place.page, before);
                Some(self.chains.of(place, &first, begin))
            }
        };
        let mut content = fetch::records(whole, &bytes, errand, &at, chain)?;
        if let Some(kept) = usize::try_from(place.job).ok().and_then(|job| self.plan.kept.get(job)) {
            content.bytes = kin::with_kept(&content.bytes, kept, &self.plan.keep)?;
        }
        if let Some(expected) = &mut self.expected {
            expected.on_page(place.job, &whole.headers, &bytes);
        }
        if let Some(found) = &content.found
            && content.records > 0
        {
            *self.places.entry(Where::Body(found.clone()).to_string()).or_default() += 1;
        }
        if let Some(total) = content.total.filter(|total| place.page == 0 && *total > content.records) {
            self.short_of = Some((total, content.records));
        }
        let later = content.found.clone().map(|found| Later { job: place.job, found });
        Ok((content, later))
    }

    fn keep(
        &mut self,
        errand: &Errand,
        whole: &Whole,
        content: Content,
        later: Option<Later>,
        pages: &mut Vec<Page>,
    ) -> Result<()> {
        let place = errand.place();
        let here = self.redacted(&errand.step.url);
        let (onward, as_foreseen) = match content.step {
            None => {
                self.unfollowed |= content.leads_on;
                (None, false)
            }
            Some(Ok(step)) => (step.onward, step.as_foreseen),
            Some(Err(stall)) => {
                let why = format!("{here}: page {}: {stall}; {}", place.page + 1, advised(&stall));
                self.outcome.get_or_insert(Outcome::Stalled(why));
                return Ok(());
            }
        };
        if let Some(pages) = self.chains.discovered(place.job) {
            self.screen.note(&format!("pages go on by {pages}"));
        }
        let base = Url::parse(&whole.url).unwrap_or_else(|_| errand.step.url.clone());
        let next = onward.map(|onward| self.chains.target(place.job, base, &errand.form, &onward)).transpose();
        let next = match next {
            Ok(next) => next.map(|next| next.redacted(&self.plan.secret_keys).to_string()),
            Err(why) => {
                self.outcome.get_or_insert(Outcome::Stalled(format!("{here}: {why}")));
                return Ok(());
            }
        };
        if let Some(before) = self.chains.known(place.job) {
            let known = self.sink.digest(Place { page: before, ..place })?;
            if known == Some(Digest::of(&content.bytes)) {
                self.chains.pass_over(place.job);
                match next {
                    Some(next) => self.going_on.push_back(Todo { place, url: Some(next) }),
                    None => self.end(errand, pages),
                }
                return Ok(());
            }
            if self.plan.key.is_none() {
                self.outcome.get_or_insert(Outcome::Stalled(format!(
                    "{here}: gone through again, page {} is not what it was, so nobody can tell which of its records are there \
                     already; name what tells records apart with --key, and start over with --fresh",
                    before + 1
                )));
                return Ok(());
            }
            self.chains.mix(place.job);
        }
        let found = later.as_ref().filter(|_| place.page == 0 && next.is_some());
        let found = found.map(|later| Where::Body(later.found.clone()).to_string());
        match &next {
            Some(next) => {
                if let Some(later) = later {
                    self.found.entry(later.job).or_insert(later.found);
                }
                if !self.chains.go_on(place.job, as_foreseen) {
                    self.going_on.push_back(Todo { place: place.next_page(), url: Some(next.clone()) });
                }
            }
            None => self.forget(place.job),
        }
        let url = errand.step.redacted(&self.plan.secret_keys).to_string();
        pages.push(Page { place, url, next, found, records: content.records, bytes: content.bytes });
        Ok(())
    }

    /// Whether a later page was refused because of what it was asked for with, and that can be had anew.
    fn has_expired(&self, errand: &Errand, status: StatusCode, body: &[u8]) -> bool {
        let by_token = |pages: &Pages| self.chains.pages(errand.place().job).unwrap_or(pages).goes_by_token();
        errand.place().page > 0 && self.plan.pages.as_ref().is_some_and(by_token) && page::is_expired(status, body)
    }

    /// Goes through the pages of a job from the first again, to get at the one that can't be had otherwise.
    fn begin_again(&mut self, errand: &Errand, status: StatusCode) {
        let (place, here) = (errand.place(), self.redacted(&errand.step.url));
        let pages = self.plan.pages.clone().unwrap_or_default();
        let chain = Chain::new(pages, self.plan.max_pages, 0, 0);
        let first = self.opening(&errand.job);
        let may = first.is_ok_and(|first| self.chains.begin_again(place, first, chain));
        if !may {
            self.outcome.get_or_insert(Outcome::Stalled(format!(
                "{here}: page {} was refused with {} again and again, as having expired, though the pages were gone through \
                 from the first each time; ask for larger pages, or for less at once",
                place.page + 1,
                status.as_u16()
            )));
            return;
        }
        self.screen.note(&format!(
            "page {} was answered with {}: what it is asked for with has expired; going through the pages from the first again",
            place.page + 1,
            status.as_u16()
        ));
        self.going_on.push_back(Todo { place, url: None });
    }

    /// The pages of a job end with one that holds nothing.
    fn end(&mut self, errand: &Errand, pages: &mut Vec<Page>) {
        let (place, url) = (errand.place(), errand.step.redacted(&self.plan.secret_keys).to_string());
        pages.push(Page { place, url, next: None, found: None, records: 0, bytes: Bytes::new() });
        self.forget(place.job);
    }

    fn forget(&mut self, job: u64) {
        self.found.remove(&job);
        self.chains.end(job);
        if let Some(expected) = &mut self.expected {
            expected.on_end(job);
        }
    }

    /// Why a later page must not be fetched. The page before it is kept all the same, and whoever allows it goes on from there.
    fn leads_nowhere(&mut self, todo: &Todo, job: &Url, step: &Step) -> Result<Option<String>> {
        if todo.place.page == 0 {
            return Ok(None);
        }
        let page = todo.place.page + 1;
        let url = &step.url;
        let (first, shown) = (self.redacted(job), step.redacted(&self.plan.secret_keys).to_string());
        if url.origin() != job.origin() && !self.plan.allowed.contains(&url.origin()) {
            let origin = url.origin().ascii_serialization();
            return Ok(Some(format!(
                "{first}: page {page} is at another origin, {shown}; if that is right, allow it with --allow-origin {origin} \
                 (it gets no credential)"
            )));
        }
        if todo.place.page >= self.plan.max_pages {
            return Ok(Some(format!(
                "{first}: page {page} would be {shown}, and {} pages are the most that are fetched; if they are not without \
                 end, allow more with --max-pages",
                self.plan.max_pages
            )));
        }
        if self.chains.goes_over(todo.place.job) {
            return Ok(None);
        }
        Ok(self.sink.seen(todo.place.job, &shown)?.then(|| {
            format!(
                "{first}: page {page} would be {shown}, which was fetched already: the pages lead in a circle; if the next \
                 page is named elsewhere, say where with --pages and start over with --fresh"
            )
        }))
    }

    /// A page is missing for good, as far as this run is concerned.
    fn miss(&mut self, errand: &Errand, status: Option<u16>, reason: String) -> Result<()> {
        let url = self.redacted(&errand.step.url);
        self.forget(errand.place().job);
        self.failed += 1;
        if let Some(most) = self.plan.max_errors.filter(|most| most.is_passed(self.failed, self.answered)) {
            let why =
                format!("{} of {} requests failed, and more than {most} are too many", self.failed, self.answered);
            self.outcome.get_or_insert(Outcome::Failing(why));
        }
        self.sink.fail(errand.place().job, &Missing { url, status, reason })
    }

    fn redacted(&self, url: &Url) -> String {
        // It is a URL already, so it can be read as one.
        abide::redacted(url.as_str(), &self.plan.secret_keys).unwrap_or_default()
    }

    /// Ends a pull that did not finish, and takes away what would be of no use to the next run.
    pub(super) fn close(mut self, ending: Ending) -> Result<()> {
        let traces = self.traces.take().filter(|_| self.is_blank());
        self.sink.close(ending)?;
        if let Some(traces) = traces {
            traces.remove();
        }
        Ok(())
    }

    /// Whether nothing was fetched, in this run or an earlier one.
    pub(super) fn is_blank(&self) -> bool {
        self.sink.totals().pages == 0 && self.sink.waiting() == 0
    }

    /// Whether all that was asked for is there, so that its children can begin.
    pub(super) fn is_complete(&self) -> bool {
        self.idle && self.flying == 0 && self.outcome.is_none() && self.sink.totals().failed == 0
    }

    /// Gives the output its name, before the run is over.
    pub(super) fn finish(&mut self, now: Wall) -> Result<()> {
        if !self.finished {
            self.sink.finish(self.plan.input.len(), now)?;
            self.finished = true;
        }
        Ok(())
    }

    /// How many requests are known to be left to send.
    pub(super) fn jobs_to_send(&self) -> u64 {
        self.plan.input.len().saturating_sub(self.next_job) + self.going_on.len() as u64
    }
}

/// What to do about a chain that does not go on.
fn advised(stall: &Stall) -> &'static str {
    match stall {
        Stall::Repeats { .. } => "say how the pages go on with --pages and start over with --fresh",
        Stall::Empty { .. } => {
            "if that is the end, its records are all there; else say how the pages go on with --pages"
        }
        Stall::NoSuchValue { .. } => "say what names it with --pages",
        _ => "say where the next page's URL is with --pages, or --pages none if this is the only page",
    }
}

/// What a page showed about the later ones of its job.
struct Later {
    job: u64,
    found: Path,
}
