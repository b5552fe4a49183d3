//! Opening a table: what the journal and the target say decides whether a pull begins, goes on, repairs, or is done.

use std::path::Path;

use abide_core::time::Wall;

use super::error::TableError;
use super::target::{Begin, Rows, Standing, Target};
use super::{Table, splice_of};
use crate::pull::journal::error::{Difference, Error, Result};
use crate::pull::journal::place::Frontier;
use crate::pull::journal::state::{Phase, State};
use crate::pull::journal::{Contents, Journal, disk};
use crate::pull::sink::order::{Order, Splice};
use crate::pull::sink::{IfComplete, OpenOptions, Opened, Resumed, Sink, Totals};

impl<T: Target> Table<T> {
    /// Opens the target with the journal at `path`. Nothing is touched if the answer is an error.
    pub(crate) fn open(mut target: T, path: &Path, options: &OpenOptions<'_>, now: Wall) -> Result<Opened<Self>> {
        if options.fresh {
            let journal = Journal::open_fresh(path)?;
            return begin(journal, target, options, now, Begin::Replace);
        }
        if disk::plain_file(path)?.is_none() {
            vacant(&mut target, path)?;
        }
        let (journal, contents) = Journal::open(path)?;
        if contents == Contents::Nothing {
            vacant(&mut target, path)?;
            return begin(journal, target, options, now, Begin::New);
        }
        let state = journal.state()?;
        let began = state.run.ok_or_else(|| journal.broken("it does not say when its run began"))?;
        let Some(known) = target.take_up(began)? else {
            return match state.phase {
                // Dropped by its owner: the journal guards nothing any more.
                Phase::Complete => {
                    vacant(&mut target, path)?;
                    begin(journal, target, options, now, Begin::New)
                }
                _ => Err(lost(&target)),
            };
        };
        match journal.differences(options.config)? {
            differences if differences.is_empty() => {}
            differences if follows(options, &differences) && is_whole(&journal, &state)? => {
                return begin(journal, target, options, now, Begin::Next);
            }
            differences => return Err(Error::OtherPull { journal: path.to_owned(), differences }),
        }
        let mut state = state;
        if state.phase != Phase::Complete {
            let order = align(&journal, known.frontier, splice_of(&state))?;
            if !known.has_ended {
                return resume(journal, target, state, order);
            }
            let jobs = order.job();
            state = settle(&journal, &order.frontier, &state, jobs, now)?;
        }
        reopen(journal, target, options, state, now)
    }
}

/// An error if there is anything where a new pull would write.
fn vacant(target: &mut impl Target, journal: &Path) -> Result<()> {
    let at = target.name();
    match target.standing()? {
        Standing::Nothing => Ok(()),
        Standing::Foreign => Err(TableError::Occupied { at }.into()),
        Standing::Ours => Err(TableError::Leftover { at, journal: journal.display().to_string() }.into()),
    }
}

pub(super) fn lost(target: &impl Target) -> Error {
    TableError::Lost { at: target.name() }.into()
}

/// Whether nothing but what is asked for differs, and that is to follow another endpoint's records.
fn follows(options: &OpenOptions<'_>, differences: &[Difference]) -> bool {
    options.follows && differences.iter().all(|known| ["input", "keep", "parent"].contains(&known.name.as_str()))
}

fn is_whole(journal: &Journal, state: &State) -> Result<bool> {
    Ok(state.phase == Phase::Complete && journal.failure_count()? == 0)
}

/// Begins a run; one that replaces what is there only does so if there is anything.
fn begin<T: Target>(
    journal: Journal,
    mut target: T,
    options: &OpenOptions<'_>,
    now: Wall,
    how: Begin,
) -> Result<Opened<Table<T>>> {
    let how = match how {
        Begin::Replace if target.standing()? == Standing::Nothing => Begin::New,
        how => how,
    };
    // The target first: a journal speaks only of what is there.
    target.begin(now, how, source_of(options), &Frontier::START)?;
    let state = State { run: Some(now), ..State::new(None) };
    journal.start(options.config, &state)?;
    let order = Order::new(&journal, Frontier::START, None)?;
    Ok(Opened::New(table(journal, target, state, order)))
}

/// What is pulled, without credentials.
fn source_of<'a>(options: &OpenOptions<'a>) -> &'a str {
    options.config.iter().find(|(name, _)| *name == "input").map_or("", |(_, value)| value)
}

fn table<T: Target>(journal: Journal, target: T, state: State, order: Order) -> Table<T> {
    let rows = Rows::new(target, order.frontier.place);
    Table { journal, state, order, rows, away: None, dirty: true, has_unsafe_failures: true, note: None }
}

/// Brings the journal to where the target is.
///
/// It is ahead if the process died between the two commits, and behind if the target lost what it had said to be safe.
pub(super) fn align(journal: &Journal, frontier: Frontier, splice: Option<Splice>) -> Result<Order> {
    let mut batch = journal.begin()?;
    batch.follow(&frontier)?;
    batch.commit()?;
    Order::new(journal, frontier, splice)
}

/// Goes on with a pull that was not finished.
fn resume<T: Target>(journal: Journal, target: T, mut state: State, mut order: Order) -> Result<Opened<Table<T>>> {
    let ending = state.ending.take();
    let mut batch = journal.begin()?;
    batch.forgive_from(order.frontier.place.job)?;
    batch.save(&state)?;
    batch.commit()?;
    order = Order::new(&journal, order.frontier, splice_of(&state))?;
    let mut table = table(journal, target, state, order);
    table.write(false)?;
    let splice = splice_of(&table.state);
    let missing = if splice.is_some() { table.journal.gap_count(table.order.job())? } else { 0 };
    let passed = splice.map_or(table.order.job(), |splice| splice.jobs);
    let jobs = passed - missing - table.order.failures;
    let resumed = Resumed { totals: table.totals(), jobs, waiting: table.order.waiting, missing, ending };
    Ok(Opened::Resumed(table, resumed))
}

/// What to do with a finished table.
fn reopen<T: Target>(
    journal: Journal,
    mut target: T,
    options: &OpenOptions<'_>,
    state: State,
    now: Wall,
) -> Result<Opened<Table<T>>> {
    let (Some(since), Some(jobs)) = (state.since, state.jobs) else {
        return Err(journal.broken("it calls the output complete, but does not say which"));
    };
    let last = journal.last_mark()?;
    if journal.failure_count()? > 0 {
        let splice = Splice { jobs, length: 0, header: 0 };
        let mut batch = journal.begin()?;
        batch.begin_splice()?;
        let frontier = Order::at_first_gap(&journal, &last, splice)?;
        batch.mark(&frontier)?;
        target.begin(now, Begin::Add, source_of(options), &frontier)?;
        let state = State { jobs: Some(jobs), splice: true, run: Some(now), ..State::new(None) };
        batch.save(&state)?;
        batch.commit()?;
        let order = Order::new(&journal, frontier, Some(splice))?;
        return resume(journal, target, state, order);
    }
    match options.if_complete {
        IfComplete::Skip if options.goes_on => begin(journal, target, options, now, Begin::Next),
        IfComplete::Skip => {
            journal.settle()?;
            let totals = Totals { records: last.records, pages: last.pages, bytes: 0, failed: 0 };
            Ok(Opened::Complete { since, totals, increment: target.increment().cloned() })
        }
        IfComplete::Refetch => begin(journal, target, options, now, Begin::Replace),
        IfComplete::Fail => Err(Error::AlreadyComplete { path: target.name().into(), since }),
    }
}

/// Last step of finishing: the journal knows the table as complete.
pub(super) fn settle(journal: &Journal, last: &Frontier, state: &State, jobs: u64, now: Wall) -> Result<State> {
    let state =
        State { jobs: Some(jobs), since: Some(now), phase: Phase::Complete, run: state.run, ..State::new(None) };
    let mut batch = journal.begin()?;
    batch.reclaim(last)?;
    batch.save(&state)?;
    batch.commit()?;
    journal.shrink()?;
    journal.settle()?;
    Ok(state)
}
