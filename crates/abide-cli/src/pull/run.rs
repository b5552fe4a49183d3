//! Runs the pulls of one or several endpoints side by side, each in its turn, until nothing is left to do or somebody says stop.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use abide::Client;
use abide_core::place::Path;
use abide_core::time::Wall;
use tokio::task::{JoinError, JoinSet};
use url::Origin;

use super::endpoint::Pull;
use super::errand::Landed;
use super::journal::error::Error as StoreError;
use super::journal::state::Ending;
use super::kin::{self, Parent};
use super::output::Output;
use super::plan::Plan;
use super::progress;
use super::report::{self, Outcome};
use super::since::Increment;
#[cfg(feature = "postgres")]
use super::sink::database::postgres;
use super::sink::database::sqlite;
use super::sink::file::OneFile;
use super::sink::files::Files;
use super::sink::stdout::Stdout;
use super::sink::{IfComplete, OpenOptions, Opened, Sink, Totals, tee};
use super::spec::{Endpoint, Target};
use super::tokens::Tokens;
use super::traces::Traces;
use crate::args::{self, PullArgs};
use crate::connect;
use crate::exit::{Code, Failure, Result};
use crate::log;
use crate::screen::{self, Screen, count};
use crate::stop::Stop;

/// How often what was written is made safe against a loss of power.
const SYNC: Duration = Duration::from_secs(1);

/// All pulls of one command.
pub(super) struct Run {
    pub(super) client: Client,
    pub(super) screen: Screen,
    pub(super) pulls: Vec<Pull>,
    /// Endpoints that were complete before.
    pub(super) complete: Vec<(String, Totals)>,
    /// Endpoints whose parents are not complete.
    pub(super) waiting: Vec<Child>,
    /// Of endpoints that could not begin.
    pub(super) failures: Vec<(String, Failure)>,
    /// What is to be told of outputs that were opened.
    said: Vec<String>,
    pub(super) started: Instant,
    deadline: Option<Instant>,
    flying: JoinSet<(usize, Landed)>,
    /// Where requests take several in turn.
    tokens: Tokens,
    /// The most pages under way, and the most of an endpoint's.
    most: usize,
    window: usize,
    /// Whose turn it is, among those that have equally many pages under way.
    turn: usize,
}

/// An endpoint that is asked for the records of another, once those are there.
#[derive(Clone)]
pub(super) struct Child {
    pub(super) endpoint: Endpoint,
    pub(super) output: Output,
    /// The one origin that the credentials are for.
    pub(super) home: Option<Origin>,
    pub(super) parent: Parent,
    /// What of the child's own records its children need.
    pub(super) rows: Vec<Path>,
}

pub(super) async fn pull(plans: Vec<Plan>, waiting: Vec<Child>, client: Client, args: &PullArgs) -> Result<()> {
    let screen = Screen::new(args.common.quiet);
    log::start(args.common.verbose, screen.lines());
    let origins: BTreeSet<Option<String>> = plans.iter().map(Plan::origin).collect();
    let concurrency = usize::try_from(connect::concurrency(&args.common)).unwrap_or(usize::MAX);
    let tokens = Tokens::new(connect::tokens(&args.common)?);
    let started = Instant::now();
    let mut run = Run {
        client,
        screen,
        pulls: Vec::new(),
        complete: Vec::new(),
        waiting,
        failures: Vec::new(),
        said: Vec::new(),
        started,
        deadline: args.common.deadline.map(|span| started + span.0),
        flying: JoinSet::new(),
        most: concurrency.saturating_mul(origins.len().max(1)).saturating_mul(tokens.len().max(1)),
        window: concurrency,
        tokens,
        turn: 0,
    };
    for plan in plans {
        if let Err(failure) = run.open(plan, args) {
            run.pulls.into_iter().try_for_each(|pull| pull.close(Ending::Interrupted)).map_err(|e| stored(&e))?;
            return Err(failure);
        }
    }
    run.say();
    run.go(args).await;
    run.screen.clear();
    report::end(run, args)
}

/// The output as the plan wants it, with the rows beside it that children need. One that is complete is followed by a run for
/// what is new if it `goes_on`.
fn open(plan: &Plan, goes_on: bool) -> Result<Opened<Box<dyn Sink>>> {
    let config = plan.config();
    let config: Vec<(&str, &str)> = config.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let if_complete = match plan.if_complete {
        args::IfComplete::Skip => IfComplete::Skip,
        args::IfComplete::Refetch => IfComplete::Refetch,
        args::IfComplete::Fail => IfComplete::Fail,
    };
    let options = OpenOptions {
        config: &config,
        fresh: plan.fresh,
        if_complete,
        key: plan.key.as_ref(),
        table: Some(&plan.table),
        since: plan.since.as_ref(),
        goes_on,
        follows: plan.follows.is_some(),
        columns: plan.columns.as_deref(),
    };
    let main = match &plan.output {
        Output::Stdout => Stdout::open(&options).map(|sink| Opened::New(Box::new(sink) as Box<dyn Sink>)),
        Output::File(path, format) => OneFile::open(path, *format, &options, now()).map(boxed),
        Output::Sqlite(path) => sqlite::open(path, &options, now()).map(boxed),
        #[cfg(feature = "postgres")]
        Output::Postgres(address) => postgres::open(address, &options, now()).map(boxed),
        #[cfg(not(feature = "postgres"))]
        Output::Postgres(_) => unreachable!("no such output is made without the feature"),
        Output::Folder(path) => {
            let names = plan.names();
            let input = Arc::clone(&plan.input);
            let name = move |job: u64| names.name(usize::try_from(job).unwrap_or(usize::MAX), &input.url(job));
            Files::open(path, plan.input.len(), Box::new(name), &options).map(boxed)
        }
    };
    let main = main.map_err(|e| stored(&e))?;
    let Some(file) = plan.rows_file() else { return Ok(main) };
    let rows = tee::Rows { file: &file, places: &plan.rows };
    tee::open(main, &rows, &config, now()).map_err(|e| stored(&e))?.ok_or_else(|| {
        Failure::usage(format!(
            "{} is complete, but was pulled without what its children need; start over with --fresh",
            plan.output
        ))
    })
}

fn boxed<S: Sink + 'static>(opened: Opened<S>) -> Opened<Box<dyn Sink>> {
    match opened {
        Opened::New(sink) => Opened::New(Box::new(sink)),
        Opened::Resumed(sink, left) => Opened::Resumed(Box::new(sink), left),
        Opened::Complete { since, totals, increment } => Opened::Complete { since, totals, increment },
    }
}

impl Run {
    /// Opens the output of an endpoint, and its children's if it is complete already.
    fn open(&mut self, plan: Plan, args: &PullArgs) -> Result<()> {
        let (traces, name) = (Traces::expected(&plan.output, &plan.table), plan.output.to_string());
        // A folder that a file names for its endpoints is ours to make.
        if let Some(folder) = plan.output.path().and_then(std::path::Path::parent).filter(|_| plan.name.is_some()) {
            std::fs::create_dir_all(folder)
                .map_err(|e| Failure::error(format!("the folder {} can't be made: {e}", folder.display())))?;
        }
        let is_alone = plan.rows.is_empty();
        let mut opened = open(&plan, plan.since.is_some() && is_alone)?;
        if let Opened::Complete { since, totals, increment } = &opened {
            let before = (self.pulls.len(), self.failures.len(), self.complete.len(), self.said.len());
            let waiting = self.waiting.clone();
            self.said.push(report::complete(&name, *since, totals));
            self.complete.push((plan.name(), *totals));
            self.open_children(&plan, increment.as_ref(), args);
            // What is new is asked for when the children have all of what was new before.
            let are_settled = (self.pulls.len(), self.failures.len()) == (before.0, before.1);
            if plan.since.is_none() || !are_settled || plan.if_complete != args::IfComplete::Skip {
                return Ok(());
            }
            self.complete.truncate(before.2);
            self.said.truncate(before.3);
            self.waiting = waiting;
            opened = open(&plan, true)?;
        }
        let sink = match opened {
            Opened::New(sink) => sink,
            Opened::Resumed(sink, left) => {
                self.said.push(report::resumed(&name, &left));
                sink
            }
            // It was told to go on.
            Opened::Complete { .. } => return Ok(()),
        };
        if let Some(bound) = sink.increment().and_then(|increment| increment.bound.as_deref()) {
            self.said.push(format!("{}: asking for what is new since {bound}", plan.name()));
        }
        self.pulls.push(Pull::new(plan, sink, self.screen.clone(), self.window, traces));
        Ok(())
    }

    /// Tells what was found when outputs were opened.
    fn say(&mut self) {
        self.said.drain(..).for_each(|line| self.screen.note(&line));
    }

    /// The endpoint is complete: whatever is asked for its records can begin.
    fn open_children(&mut self, parent: &Plan, increment: Option<&Increment>, args: &PullArgs) {
        let Some(rows) = parent.rows_file() else { return };
        let is_child = |child: &mut Child| Some(&child.parent.name) == parent.name.as_ref();
        let follows = increment.map(Increment::id).or_else(|| parent.follows.clone());
        let children: Vec<Child> = self.waiting.extract_if(.., is_child).collect();
        for child in children {
            let name = child.endpoint.name.clone().unwrap_or_default();
            let opened = child.plan(&rows, &parent.rows, args).and_then(|(mut plan, without)| {
                plan.follows.clone_from(&follows);
                if without > 0 {
                    self.said.push(format!("{name}: {} have nothing to ask for it with", count(without, "parent")));
                }
                self.open(plan, args)
            });
            if let Err(failure) = opened {
                self.failures.push((format!("{name}: "), failure));
            }
        }
    }

    /// Lets the children of those begin that have become complete. Returns whether there is anything new.
    fn adopt(&mut self, args: &PullArgs) -> bool {
        let is_due = |pull: &Pull| !pull.finished && !pull.plan.rows.is_empty() && pull.is_complete();
        let Some(index) = self.pulls.iter().position(is_due) else { return false };
        let pull = &mut self.pulls[index];
        let done = pull.finish(now());
        if pull.note(done).is_some() {
            let plan = Arc::clone(&pull.plan);
            let increment = pull.sink.increment().cloned();
            self.open_children(&plan, increment.as_ref(), args);
            self.say();
        }
        true
    }

    async fn go(&mut self, args: &PullArgs) {
        let mut stop = Stop::new();
        let (mut synced, mut drawn) = (Instant::now(), Instant::now());
        loop {
            self.begin();
            while self.adopt(args) {
                self.begin();
            }
            if self.flying.is_empty() {
                return;
            }
            tokio::select! {
                landed = self.flying.join_next() => self.land(landed),
                code = stop.asked() => return self.stop(code),
                () = tokio::time::sleep(screen::TICK) => {}
            }
            // Pages may come in thousands a second, and nobody reads so fast.
            if drawn.elapsed() >= screen::TICK {
                progress::draw(self);
                drawn = Instant::now();
            }
            if synced.elapsed() >= SYNC {
                for pull in self.pulls.iter_mut().filter(|pull| !pull.finished) {
                    let done = pull.sink.sync();
                    pull.note(done);
                    if let Some(note) = pull.sink.poll_note() {
                        self.screen.note(&note);
                    }
                }
                synced = Instant::now();
            }
        }
    }

    /// Sends errands until enough are under way, or nothing is left to begin.
    fn begin(&mut self) {
        while self.flying.len() < self.most {
            let deadline = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let Some((index, mut errand)) = self.in_turn().into_iter().find_map(|index| {
                let pull = &mut self.pulls[index];
                let errand = pull.next_errand(deadline);
                Some((index, pull.note(errand)??))
            }) else {
                return;
            };
            self.turn = index + 1;
            errand.token = self.tokens.choose(SystemTime::now());
            let client = self.client.clone();
            self.flying.spawn(async move { (index, errand.run(client).await) });
        }
    }

    /// The endpoints, those first that have the fewest pages under way: so none is starved, and a chain of pages that can have only
    /// one at a time is not left behind by lists that can have many.
    fn in_turn(&self) -> Vec<usize> {
        let count = self.pulls.len();
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|index| (self.pulls[*index].flying, (index + count - self.turn % count) % count));
        order
    }

    /// Takes in what has come, together with whatever else is there already.
    fn land(&mut self, first: Option<std::result::Result<(usize, Landed), JoinError>>) {
        let mut landed: Vec<Vec<Landed>> = self.pulls.iter().map(|_| Vec::new()).collect();
        let mut next = first;
        while let Some(joined) = next {
            match joined {
                Ok((index, page)) => {
                    if let Some(page) = self.look_for_another_token(index, page) {
                        landed[index].push(page);
                    }
                }
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
            next = self.flying.try_join_next();
        }
        for (pull, landed) in self.pulls.iter_mut().zip(landed) {
            if !landed.is_empty() {
                let done = pull.on_landed(landed);
                pull.note(done);
            }
        }
    }

    /// The page, unless its token was all that stood in its way.
    fn look_for_another_token(&mut self, index: usize, page: Landed) -> Option<Landed> {
        let Some(token) = &page.errand.token else { return Some(page) };
        self.tokens.on_landed(token);
        if let Some(Err(error)) = &page.answer
            && error.is_limited()
            && self.tokens.on_limited(token, error.retry_at(), SystemTime::now())
        {
            self.pulls[index].again(page.errand);
            return None;
        }
        Some(page)
    }

    fn stop(&mut self, code: Code) {
        self.flying.abort_all();
        for pull in self.pulls.iter_mut().filter(|pull| !pull.finished) {
            pull.outcome = Some(Outcome::Stopped(code));
        }
    }
}

impl Child {
    /// What it asks for, now that the rows of its parent are there, and how many of them it can't ask for.
    fn plan(self, file: &std::path::Path, places: &[Path], args: &PullArgs) -> Result<(Plan, u64)> {
        let requests = kin::requests(file, places, &self.parent).map_err(Failure::error)?;
        let without = requests.without;
        let endpoint = Endpoint { target: Target::Requests(Box::new(requests)), ..self.endpoint };
        let mut plan = Plan::new(endpoint, self.output, self.home, args)?;
        plan.keep = self.parent.keep;
        plan.rows = self.rows;
        Ok((plan, without))
    }
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
