//! Opening an output of one file: what stands there decides whether a pull begins, goes on, repairs, or is done.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

use abide_core::time::Wall;

use super::format::Format;
use super::part::Part;
use super::{OneFile, Paths, keep_earlier, publish, published, settle};
use crate::pull::journal::disk::{self, Found, Stamp};
use crate::pull::journal::error::{Error, Result};
use crate::pull::journal::place::Frontier;
use crate::pull::journal::state::{Ending, Phase, State};
use crate::pull::journal::{Contents, Journal};
use crate::pull::sink::order::{Order, Splice};
use crate::pull::sink::shape::Shape;
use crate::pull::sink::{IfComplete, OpenOptions, Opened, Resumed, Sink, Totals};

impl OneFile {
    /// Opens the output `name`, and its journal beside it. Nothing is touched if the answer is an error.
    ///
    /// `now` becomes the time of completion if an earlier run was killed while it finished.
    pub(crate) fn open(name: &Path, format: Format, options: &OpenOptions<'_>, now: Wall) -> Result<Opened<Self>> {
        let paths = Paths::of(name, format)?;
        if options.fresh {
            let old = disk::plain_file(&paths.name)?.map(|meta| Stamp::of(&meta, None));
            disk::plain_file(&paths.part)?;
            let journal = Journal::open_fresh(&paths.journal)?;
            return begin(journal, paths, options, old);
        }
        if disk::plain_file(&paths.journal)?.is_none() {
            paths.vacant()?;
        }
        let (journal, contents) = Journal::open(&paths.journal)?;
        if contents == Contents::Nothing {
            paths.vacant()?;
            return begin(journal, paths, options, None);
        }
        let state = journal.state()?;
        match state.phase {
            Phase::Pulling => {
                check_config(&journal, options)?;
                resume(journal, paths, options, state)
            }
            Phase::Finishing => {
                check_config(&journal, options)?;
                let state = resume_finish(&journal, &paths, &state, now)?;
                reopen(journal, paths, options, state)
            }
            Phase::Complete => reopen(journal, paths, options, state),
        }
    }
}

/// Starts from nothing; `old` is what the new output may replace.
fn begin(journal: Journal, paths: Paths, options: &OpenOptions<'_>, old: Option<Stamp>) -> Result<Opened<OneFile>> {
    let state = State::new(old);
    // The journal first: should the process die here, the next run cuts an old `NAME.part` to nothing.
    journal.start(options.config, &state)?;
    disk::remove(&paths.part)?;
    let part = grow(&paths, options, 0)?;
    let order = Order::new(&journal, Frontier::START, None)?;
    Ok(Opened::New(OneFile { journal, paths, state, order, part, dirty: true, named: false }))
}

/// Goes on with a pull that was not finished.
fn resume(journal: Journal, paths: Paths, options: &OpenOptions<'_>, mut state: State) -> Result<Opened<OneFile>> {
    let found = match &state.name {
        Some(stamp) => stamp.compare(&paths.name)?,
        None => disk::plain_file(&paths.name)?.map_or(Found::Absent, |_| Found::Changed),
    };
    match found {
        Found::Changed | Found::Absent if state.splice => return Err(Error::SourceLost { path: paths.name }),
        Found::Changed => return Err(Error::Appeared { path: paths.name }),
        Found::Same | Found::Absent => {}
    }
    let (frontier, mark) = last_good_mark(&journal, &paths.part)?;
    let ending = state.ending.take();
    let mut batch = journal.begin()?;
    if let Some(id) = mark {
        batch.fall_back(id, &frontier)?;
    }
    batch.forgive_from(frontier.place.job)?;
    batch.save(&state)?;
    batch.commit()?;
    let part = grow(&paths, options, frontier.offset)?;
    opened(journal, paths, state, frontier, part, ending)
}

/// What to do with a finished output.
fn reopen(journal: Journal, paths: Paths, options: &OpenOptions<'_>, state: State) -> Result<Opened<OneFile>> {
    let (Some(stamp), Some(since), Some(jobs)) = (state.name, state.since, state.jobs) else {
        let why = "it calls the output complete, but does not say which".to_owned();
        return Err(Error::BrokenJournal { journal: journal.path().to_owned(), why });
    };
    match stamp.compare(&paths.name)? {
        Found::Same => {}
        Found::Changed => return Err(Error::Changed { path: paths.name, since: Some(since) }),
        // Moved away by its owner: the journal guards nothing any more.
        Found::Absent => return begin(journal, paths, options, None),
    }
    check_config(&journal, options)?;
    let last = journal.last_mark()?;
    if journal.failure_count()? > 0 {
        return repair(journal, paths, options, jobs, stamp);
    }
    match options.if_complete {
        IfComplete::Skip => {
            journal.settle()?;
            let totals = Totals { records: last.records, pages: last.pages, bytes: stamp.size, failed: 0 };
            Ok(Opened::Complete { since, totals, increment: None })
        }
        IfComplete::Refetch => begin(journal, paths, options, Some(stamp)),
        IfComplete::Fail => Err(Error::AlreadyComplete { path: paths.name, since }),
    }
}

/// Begins a run that fills the gaps of a finished, partial output.
fn repair(
    journal: Journal,
    paths: Paths,
    options: &OpenOptions<'_>,
    jobs: u64,
    stamp: Stamp,
) -> Result<Opened<OneFile>> {
    let last = journal.last_mark()?;
    let state = State { jobs: Some(jobs), splice: true, ..State::new(Some(stamp)) };
    let mut batch = journal.begin()?;
    batch.begin_splice()?;
    let splice = Splice { jobs, length: stamp.size, header: journal.earlier_header()? };
    let frontier = Order::at_first_gap(&journal, &last, splice)?;
    batch.mark(&frontier)?;
    batch.save(&state)?;
    batch.commit()?;
    let part = grow(&paths, options, 0)?;
    opened(journal, paths, state, frontier, part, None)
}

/// The growing file, which is cut to `length`.
fn grow(paths: &Paths, options: &OpenOptions<'_>, length: u64) -> Result<Part> {
    Part::open(&paths.part, length, Shape::new(paths.format.rows, options), paths.format.packing)
}

fn opened(
    journal: Journal,
    paths: Paths,
    state: State,
    frontier: Frontier,
    part: Part,
    ending: Option<Ending>,
) -> Result<Opened<OneFile>> {
    let splice = splice_of(&journal, &state)?;
    let mut part = if splice.is_some() { part.with_source(&paths.name)? } else { part };
    let mut order = Order::new(&journal, frontier, splice)?;
    order.catch_up(&journal, &mut part)?;
    let missing = if splice.is_some() { journal.gap_count(order.job())? } else { 0 };
    let passed = splice.map_or(order.job(), |splice| splice.jobs);
    let (jobs, waiting) = (passed - missing - order.failures, order.waiting);
    let sink = OneFile { journal, paths, state, order, part, dirty: true, named: false };
    let resumed = Resumed { totals: sink.totals(), jobs, waiting, missing, ending };
    Ok(Opened::Resumed(sink, resumed))
}

/// Goes on with a finish that was cut short.
fn resume_finish(journal: &Journal, paths: &Paths, state: &State, now: Wall) -> Result<State> {
    let last = journal.last_mark()?;
    let name = match disk::plain_file(&paths.part)? {
        Some(part) if part.len() == last.offset => {
            if journal.failure_count()? > 0 {
                keep_earlier(paths, state)?;
            }
            publish(paths, state, last.digest)?
        }
        Some(part) => {
            return Err(Error::Damaged { path: paths.part.clone(), length: part.len(), needed: last.offset });
        }
        None => {
            // Its time is not known, so that it is read.
            let sealed = Stamp { size: last.offset, modified: i64::MIN, digest: Some(last.digest) };
            if sealed.compare(&paths.name)? != Found::Same {
                return Err(Error::Lost { path: paths.name.clone() });
            }
            published(paths, last.digest)?
        }
    };
    settle(journal, &last, state.jobs.unwrap_or(last.place.job), name, now)
}

/// The last mark whose bytes are in the file, with its id if later ones are not. After a loss of power those may be gone: the
/// system writes the journal and the output in an order of its own.
fn last_good_mark(journal: &Journal, part: &Path) -> Result<(Frontier, Option<i64>)> {
    let length = disk::plain_file(part)?.map_or(0, |meta| meta.len());
    let mut file = None;
    let mut good: Option<(i64, Frontier)> = None;
    let mut fell_back = false;
    journal.marks(|id, mark| {
        let Some((_, last)) = &good else {
            if mark.offset > length {
                return Err(Error::Damaged { path: part.to_owned(), length, needed: mark.offset });
            }
            good = Some((id, mark));
            return Ok(true);
        };
        if mark.offset > length {
            fell_back = true;
            return Ok(false);
        }
        let mut digest = last.digest;
        if mark.offset > last.offset {
            let reader = match &mut file {
                Some(reader) => reader,
                None => file.insert(reader_at(part, last.offset)?),
            };
            digest.update_from(reader, mark.offset - last.offset).map_err(Error::io("read", part))?;
        }
        fell_back = digest != mark.digest;
        if !fell_back {
            good = Some((id, mark));
        }
        Ok(!fell_back)
    })?;
    match good {
        Some((id, frontier)) => Ok((frontier, fell_back.then_some(id))),
        None => {
            let why = "it does not say how far the output has come".to_owned();
            Err(Error::BrokenJournal { journal: journal.path().to_owned(), why })
        }
    }
}

fn reader_at(path: &Path, offset: u64) -> Result<BufReader<File>> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    file.seek(SeekFrom::Start(offset)).map_err(Error::io("read", path))?;
    Ok(BufReader::with_capacity(64 * 1024, file))
}

fn splice_of(journal: &Journal, state: &State) -> Result<Option<Splice>> {
    match (state.jobs, state.name) {
        (Some(jobs), Some(name)) if state.splice => {
            Ok(Some(Splice { jobs, length: name.size, header: journal.earlier_header()? }))
        }
        _ => Ok(None),
    }
}

fn check_config(journal: &Journal, options: &OpenOptions<'_>) -> Result<()> {
    match journal.differences(options.config)? {
        differences if differences.is_empty() => Ok(()),
        differences => Err(Error::OtherPull { journal: journal.path().to_owned(), differences }),
    }
}
