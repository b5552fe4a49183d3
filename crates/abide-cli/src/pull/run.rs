//! Runs a pull: keeps as many pages under way as may be, puts what comes into the output, and says how it ended.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use abide::Client;
use abide_core::page::Next;
use abide_core::place::{Path, Place as Where};
use abide_core::time::Wall;
use bytes::Bytes;
use tokio::task::JoinSet;
use url::Url;

use super::chain::{self, Chains};
use super::fetch::{self, Content, Errand, Landed, Reading};
use super::journal::error::Error as StoreError;
use super::journal::place::{Failure as Missing, Page, Place, Todo};
use super::journal::state::Ending;
use super::plan::{Output, Plan};
use super::progress;
use super::report::{self, Outcome};
use super::sink::files::Files;
use super::sink::ndjson::Ndjson;
use super::sink::stdout::Stdout;
use super::sink::{IfComplete, OpenOptions, Opened, Sink, Totals};
use super::summary::Summary;
use super::traces::Traces;
use super::urls;
use crate::args::{self, PullArgs};
use crate::exit::{Code, Failure, Result};
use crate::screen::{self, Screen};
use crate::stop::Stop;
use crate::{advice, log};

/// Pages that may wait on disk for one that comes before them.
const LOOKAHEAD: u64 = 1_000;
/// How often what was written is made safe against a loss of power.
const SYNC: Duration = Duration::from_secs(1);

/// A pull under way.
pub(super) struct Pull {
    pub(super) plan: Plan,
    pub(super) client: Client,
    pub(super) sink: Box<dyn Sink>,
    pub(super) screen: Screen,
    pub(super) started: Instant,
    deadline: Option<Instant>,
    concurrency: usize,
    flying: JoinSet<Landed>,
    /// Jobs that go on, before new ones begin.
    going_on: VecDeque<Todo>,
    /// Jobs below this one have begun.
    next_job: u64,
    /// Where the records of each job stand, once found.
    found: BTreeMap<u64, Path>,
    /// How far the pages of each job have come.
    chains: Chains,
    /// Why nothing new begins any more.
    outcome: Option<Outcome>,
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
}

pub(super) async fn pull(plan: Plan, client: Client, args: &PullArgs) -> Result<()> {
    let screen = Screen::new(args.common.quiet);
    log::start(args.common.verbose, screen.lines());
    let traces = Traces::expected(&plan.output);
    let started = Instant::now();
    let sink = match open(&plan, &screen)? {
        Ok(sink) => sink,
        Err(totals) => {
            let elapsed = started.elapsed();
            return Summary { outcome: "complete", totals, client: &client, elapsed }.write(args);
        }
    };
    let mut pull = Pull {
        plan,
        client,
        sink,
        screen,
        started,
        deadline: args.common.deadline.map(|span| started + span.0),
        concurrency: usize::try_from(args.common.concurrency).unwrap_or(usize::MAX),
        flying: JoinSet::new(),
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
    };
    let ran = pull.run().await;
    pull.screen.clear();
    let outcome = match ran {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Broken(error),
    };
    report::end(pull, outcome, args)
}

/// The output as the plan wants it, or what it holds if it is complete already.
fn open(plan: &Plan, screen: &Screen) -> Result<std::result::Result<Box<dyn Sink>, Totals>> {
    let config = plan.config();
    let config: Vec<(&str, &str)> = config.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let if_complete = match plan.if_complete {
        args::IfComplete::Skip => IfComplete::Skip,
        args::IfComplete::Refetch => IfComplete::Refetch,
        args::IfComplete::Fail => IfComplete::Fail,
    };
    let options = OpenOptions { config: &config, fresh: plan.fresh, if_complete };
    match &plan.output {
        Output::Stdout => Ok(Ok(Box::new(Stdout::open().map_err(|e| stored(&e))?))),
        Output::Ndjson(path) => opened(Ndjson::open(path, &options, now()), &path.display().to_string(), screen),
        Output::Folder(path) => {
            let names = plan.names();
            let input = Arc::clone(&plan.input);
            let name = move |job: u64| names.name(usize::try_from(job).unwrap_or(usize::MAX), &input.url(job));
            opened(Files::open(path, plan.input.len(), Box::new(name), &options), &path.display().to_string(), screen)
        }
    }
}

fn opened<S: Sink + 'static>(
    opened: std::result::Result<Opened<S>, StoreError>,
    name: &str,
    screen: &Screen,
) -> Result<std::result::Result<Box<dyn Sink>, Totals>> {
    match opened.map_err(|e| stored(&e))? {
        Opened::New(sink) => Ok(Ok(Box::new(sink))),
        Opened::Resumed(sink, left) => {
            screen.note(&report::resumed(name, &left));
            Ok(Ok(Box::new(sink)))
        }
        Opened::Complete { since, totals } => {
            screen.note(&report::complete(name, since, &totals));
            Ok(Err(totals))
        }
    }
}

impl Pull {
    async fn run(&mut self) -> std::result::Result<Outcome, StoreError> {
        let mut stop = Stop::new();
        let (mut synced, mut drawn) = (Instant::now(), Instant::now());
        loop {
            self.begin()?;
            if self.flying.is_empty() {
                return Ok(self.outcome.take().unwrap_or(Outcome::Finished));
            }
            tokio::select! {
                landed = self.flying.join_next() => self.land(landed)?,
                code = stop.asked() => return Ok(Outcome::Stopped(code)),
                () = tokio::time::sleep(screen::TICK) => {}
            }
            // Pages may come in thousands a second, and nobody reads so fast.
            if drawn.elapsed() >= screen::TICK {
                progress::draw(self);
                drawn = Instant::now();
            }
            if synced.elapsed() >= SYNC {
                self.sink.sync()?;
                synced = Instant::now();
            }
        }
    }

    /// Sends errands until enough are under way, or nothing is left to begin.
    fn begin(&mut self) -> std::result::Result<(), StoreError> {
        while self.outcome.is_none() && self.flying.len() < self.concurrency {
            let Some(todo) = self.next_todo()? else { return Ok(()) };
            if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                self.outcome = Some(Outcome::Late("the deadline passed; allow more with --deadline".to_owned()));
                return Ok(());
            }
            let job = self.plan.input.url(todo.place.job);
            let url = match &todo.url {
                // What the journal holds was a URL when it was put there.
                Some(url) => Url::parse(url).unwrap_or_else(|_| job.clone()),
                None => chain::opened(&job, self.plan.pages.as_ref()),
            };
            if let Some(why) = self.leads_nowhere(&todo, &job, &url)? {
                self.outcome = Some(Outcome::Stalled(why));
                return Ok(());
            }
            let deadline = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let errand = Errand { todo, job, url, deadline };
            self.flying.spawn(errand.run(self.client.clone()));
        }
        Ok(())
    }

    fn next_todo(&mut self) -> std::result::Result<Option<Todo>, StoreError> {
        if let Some(todo) = self.going_on.pop_front() {
            return Ok(Some(todo));
        }
        // Something under way comes before all that waits: it will make room.
        if self.sink.waiting() >= LOOKAHEAD && !self.flying.is_empty() || self.next_job >= self.plan.input.len() {
            return Ok(None);
        }
        let todo = self.sink.todo(self.next_job)?.filter(|todo| todo.place.job < self.plan.input.len());
        self.next_job = todo.as_ref().map_or(self.plan.input.len(), |todo| todo.place.job + 1);
        Ok(todo)
    }

    /// Takes in what has come, together with whatever else is there already.
    fn land(
        &mut self,
        first: Option<std::result::Result<Landed, tokio::task::JoinError>>,
    ) -> std::result::Result<(), StoreError> {
        let mut pages = Vec::new();
        let mut next = first;
        while let Some(joined) = next {
            match joined {
                Ok(landed) => self.take(landed, &mut pages)?,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
            next = self.flying.try_join_next();
        }
        self.sink.put(&pages)
    }

    fn take(&mut self, landed: Landed, pages: &mut Vec<Page>) -> std::result::Result<(), StoreError> {
        let Landed { errand, answer } = landed;
        self.recall(errand.place())?;
        match answer {
            Ok((whole, bytes)) if whole.status.is_success() => match self.read(&errand, &whole, bytes) {
                Ok((content, later)) => self.keep(&errand, &whole, content, later, pages),
                Err(reason) => self.miss(&errand, Some(whole.status.as_u16()), reason),
            },
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

    /// Learns where the records of a job stand that an earlier run began.
    fn recall(&mut self, place: Place) -> std::result::Result<(), StoreError> {
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
        whole: &abide::Whole,
        bytes: Bytes,
    ) -> std::result::Result<(Content, Option<Later>), String> {
        let job = errand.place().job;
        if matches!(self.plan.output, Output::Folder(_)) {
            let next = chain::linked(&whole.headers);
            return Ok((Content { bytes, records: 0, next, found: None, total: None }, None));
        }
        let at = self.plan.records.clone().settled(self.found.get(&job));
        let (pages, before) = self.chains.reading(job, self.plan.pages.as_ref());
        let counts = self.plan.pages.is_some() && errand.place().page == 0;
        let reading = Reading { url: &errand.url, at: &at, pages, before, counts };
        let content = fetch::records(whole, &bytes, &reading)?;
        if let Some(found) = &content.found
            && content.records > 0
        {
            *self.places.entry(Where::Body(found.clone()).to_string()).or_default() += 1;
        }
        if let Some(total) = content.total.filter(|total| *total > content.records) {
            self.short_of = Some((total, content.records));
        }
        let later = content.found.clone().map(|found| Later { job, found });
        Ok((content, later))
    }

    fn keep(
        &mut self,
        errand: &Errand,
        whole: &abide::Whole,
        content: Content,
        later: Option<Later>,
        pages: &mut Vec<Page>,
    ) -> std::result::Result<(), StoreError> {
        let place = errand.place();
        if self.chains.repeats(place.job, &content) {
            let (first, page) = (self.redacted(&errand.job), place.page + 1);
            self.outcome.get_or_insert(Outcome::Stalled(format!(
                "{first}: page {page} holds the very records of the one before it, so the server does not heed what asks for \
                 the next; say how the pages go on with --pages and start over with --fresh"
            )));
            return Ok(());
        }
        let next = match self.next_url(errand, whole, &content.next) {
            Ok(next) => next.map(|next| self.redacted(&next)),
            Err(why) => {
                self.outcome.get_or_insert(Outcome::Stalled(why));
                return Ok(());
            }
        };
        let found = later.as_ref().filter(|_| place.page == 0 && next.is_some());
        let found = found.map(|later| Where::Body(later.found.clone()).to_string());
        match &next {
            Some(next) => {
                if let Some(later) = later {
                    self.found.entry(later.job).or_insert(later.found);
                }
                self.going_on.push_back(Todo { place: place.next_page(), url: Some(next.clone()) });
            }
            None => {
                self.found.remove(&place.job);
                self.chains.end(place.job);
            }
        }
        let url = self.redacted(&errand.url);
        pages.push(Page { place, url, next, found, records: content.records, bytes: content.bytes });
        Ok(())
    }

    /// Where the job goes on; the error says why nobody can know.
    fn next_url(
        &mut self,
        errand: &Errand,
        whole: &abide::Whole,
        next: &Next,
    ) -> std::result::Result<Option<Url>, String> {
        if self.plan.pages.is_none() {
            self.unfollowed |= matches!(next, Next::Page { .. } | Next::Changed { .. });
            return Ok(None);
        }
        let here = self.redacted(&errand.url);
        let (reference, at) = match next {
            Next::Page { reference, at } => (reference, at),
            Next::Changed { changes, by } => {
                if self.chains.goes_on_by(errand.place().job, by) {
                    self.screen.note(&format!("pages go on by {by}"));
                }
                let first = chain::opened(&errand.job, self.plan.pages.as_ref());
                return chain::changed(&first, changes).map(Some).map_err(|slot| {
                    format!("{here}: the next page needs {slot}, and a pull of URLs sends nothing but a URL")
                });
            }
            Next::NoSuchValue { path } => {
                return Err(format!(
                    "{here}: the last record has no text and no number in {path}, so nobody can know where the next page \
                     begins; say what names it with --pages"
                ));
            }
            Next::Token { at, value } => {
                return Err(format!(
                    "{here}: there seems to be a next page, but {at} holds {value}, which is not a URL; say where its URL \
                     is with --pages, or --pages none if this is the only page"
                ));
            }
            Next::Absent { at } if errand.place().page == 0 => {
                return Err(format!(
                    "{here}: the first page has no {at}; say where the next page's URL is with --pages, or --pages none if \
                     there is none"
                ));
            }
            _ => return Ok(None),
        };
        let base = Url::parse(&whole.url).unwrap_or_else(|_| errand.url.clone());
        match urls::resolve(&base, reference) {
            Ok(target) => Ok(Some(target)),
            Err(error) => Err(format!(
                "{here}: the next page in {at} can't be followed: {error}; say where it is with --pages, or --pages none if \
                 this is the only page"
            )),
        }
    }

    /// Why a later page must not be fetched. The page before it is kept all the same, and whoever allows it goes on from there.
    fn leads_nowhere(&mut self, todo: &Todo, job: &Url, url: &Url) -> std::result::Result<Option<String>, StoreError> {
        if todo.place.page == 0 {
            return Ok(None);
        }
        let page = todo.place.page + 1;
        let (first, shown) = (self.redacted(job), self.redacted(url));
        if url.origin() != job.origin() && !self.plan.allowed.contains(&url.origin()) {
            let origin = url.origin().ascii_serialization();
            return Ok(Some(format!(
                "{first}: page {page} is at another origin, {shown}; if that is right, allow it with --allow-origin {origin} \
                 (it gets no credential)"
            )));
        }
        Ok(self.sink.seen(todo.place.job, &shown)?.then(|| {
            format!(
                "{first}: page {page} would be {shown}, which was fetched already: the pages lead in a circle; if the next \
                 page is named elsewhere, say where with --pages and start over with --fresh"
            )
        }))
    }

    /// A page is missing for good, as far as this run is concerned.
    fn miss(&mut self, errand: &Errand, status: Option<u16>, reason: String) -> std::result::Result<(), StoreError> {
        let url = self.redacted(&errand.url);
        self.found.remove(&errand.place().job);
        self.sink.fail(errand.place().job, &Missing { url, status, reason })
    }

    fn redacted(&self, url: &Url) -> String {
        // It is a URL already, so it can be read as one.
        abide::redacted(url.as_str(), &self.plan.secret_keys).unwrap_or_default()
    }

    /// Ends what is under way, and takes away what would be of no use to the next run.
    pub(super) fn close(mut self, ending: Ending) -> std::result::Result<(), StoreError> {
        let traces = self.traces.take().filter(|_| self.is_blank());
        self.flying.abort_all();
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

    /// How many requests are known to be left to send.
    pub(super) fn jobs_to_send(&self) -> u64 {
        self.plan.input.len().saturating_sub(self.next_job) + self.going_on.len() as u64
    }
}

/// What a page showed about the later ones of its job.
struct Later {
    job: u64,
    found: Path,
}

pub(super) fn now() -> Wall {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Wall::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)),
        Err(_) => Wall::from_secs(0),
    }
}

/// What an error of the output means for the exit code.
pub(super) fn stored(error: &StoreError) -> Failure {
    match error.exit_code() {
        0 => Failure::silent(Code::Complete),
        2 => Failure::usage(error),
        _ => Failure::error(error),
    }
}
