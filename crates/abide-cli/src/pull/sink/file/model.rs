//! The law of the output: whatever order pages arrive in, and however often the process is killed or the power lost, the file
//! becomes that of an uninterrupted run, and no page that was safe is asked for again.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions as FileOptions};
use std::io::{Read, Write};
use std::path::PathBuf;

use abide_core::time::Wall;
use proptest::prelude::*;
use proptest::sample::Index;
use tempfile::TempDir;

use super::format::{Packing, Rows};
use super::*;
use crate::pull::journal::place::Place;
use crate::pull::journal::state::Ending;
use crate::pull::sink::testing::{all_rows, failure, folder, page, rows, url};
use crate::pull::sink::{OpenOptions, Opened};

const NOW: Wall = Wall::from_secs(1_700_000_000);
/// How many pages are in flight.
const WINDOW: usize = 4;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// Some of the pages in flight arrive, in one call.
    Arrive(Vec<usize>),
    /// A page in flight turns out to be missing for good.
    Fail(usize),
    Sync,
    Close,
    /// The process dies, perhaps within a write.
    Kill {
        torn: Vec<u8>,
    },
    /// What was not synced may be gone, from the output and from the journal's log, each from some byte on.
    LosePower {
        output: Index,
        zeros: bool,
        log: Option<Index>,
    },
    /// The process dies at that step of the next finish.
    KillFinish(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => prop::collection::vec(0..WINDOW, 1..4).prop_map(Step::Arrive),
        2 => (0..WINDOW).prop_map(Step::Fail),
        2 => Just(Step::Sync),
        1 => Just(Step::Close),
        2 => prop::collection::vec(any::<u8>(), 0..40).prop_map(|torn| Step::Kill { torn }),
        2 => (any::<Index>(), any::<bool>(), any::<Option<Index>>())
            .prop_map(|(output, zeros, log)| Step::LosePower { output, zeros, log }),
        1 => (1..4u8).prop_map(Step::KillFinish),
    ]
}

/// A pull, and what is known about it without looking at the journal.
struct Pull {
    dir: TempDir,
    format: Format,
    /// Pages of each job.
    jobs: Vec<u64>,
    sink: Option<OneFile>,
    /// The first job that was not asked for in this run.
    from: u64,
    in_flight: Vec<Place>,
    put: BTreeSet<Place>,
    /// Those of them that a loss of power may take.
    unsynced: BTreeSet<Place>,
    /// Those of them that one may have taken.
    lost: BTreeSet<Place>,
    /// How much of the growing file is safe.
    safe: u64,
    kill_finish: Option<u8>,
}

impl Pull {
    fn new(jobs: Vec<u64>, format: Format) -> Self {
        Self {
            dir: folder(),
            format,
            jobs,
            sink: None,
            from: 0,
            in_flight: Vec::new(),
            put: BTreeSet::new(),
            unsynced: BTreeSet::new(),
            lost: BTreeSet::new(),
            safe: 0,
            kill_finish: None,
        }
    }

    fn name(&self) -> PathBuf {
        self.dir.path().join("items.ndjson")
    }

    fn part(&self) -> PathBuf {
        self.dir.path().join("items.ndjson.part")
    }

    fn count(&self) -> u64 {
        self.jobs.len() as u64
    }

    fn sink(&mut self) -> &mut OneFile {
        self.sink.as_mut().expect("it is opened before each step")
    }

    /// Returns false once the pull is complete.
    fn open(&mut self) -> bool {
        if self.sink.is_none() {
            self.from = 0;
            self.in_flight.clear();
            match OneFile::open(&self.name(), self.format, &OpenOptions::default(), NOW).unwrap() {
                Opened::New(sink) | Opened::Resumed(sink, _) => self.sink = Some(sink),
                Opened::Complete { .. } => return false,
            }
            self.count_losses();
        }
        while self.in_flight.len() < WINDOW && self.from < self.count() {
            let from = self.from;
            let Some(todo) = self.sink().todo(from).unwrap() else {
                self.from = self.count();
                break;
            };
            self.from = todo.place.job + 1;
            if todo.place.job < self.count() {
                let Place { job, page } = todo.place;
                assert!(todo.url == (page > 0).then(|| url(job, page)), "{todo:?}");
                self.ask(todo.place);
            }
        }
        true
    }

    /// What a loss of power took is what is to do again, also where it brought back a failure that was forgiven since.
    fn count_losses(&mut self) {
        let failed = self.sink().failures(0, 100).unwrap();
        for job in 0..self.count() {
            let todo = self.sink().todo(job).unwrap().map(|todo| todo.place);
            let mut missing = todo.into_iter().chain(failed.iter().map(|failed| failed.place));
            let Some(missing) = missing.find(|place| place.job == job) else { continue };
            let again: Vec<_> = self.put.range(missing..Place::start_of(job + 1)).copied().collect();
            assert!(again.iter().all(|place| self.lost.contains(place)), "{again:?} were safe and are to do again");
            again.iter().for_each(|place| _ = self.put.remove(place));
            let chain: Vec<_> = (0..missing.page).map(|page| url(job, page)).collect();
            assert!(
                chain.iter().all(|url| self.sink().seen(job, url).unwrap()),
                "a loop through {chain:?} goes unseen"
            );
        }
        self.lost.clear();
    }

    fn ask(&mut self, place: Place) {
        assert!(!self.put.contains(&place), "{place:?} was put and is asked for again");
        self.in_flight.push(place);
    }

    fn arrive(&mut self, chosen: &[usize]) {
        let mut pages = Vec::new();
        for index in chosen {
            if !self.in_flight.is_empty() {
                let place = self.in_flight.swap_remove(index % self.in_flight.len());
                pages.push(page(place.job, place.page, self.jobs[usize::try_from(place.job).unwrap()]));
            }
        }
        self.sink().put(&pages).unwrap();
        for page in pages {
            self.put.insert(page.place);
            self.unsynced.insert(page.place);
            if let Some(next) = &page.next {
                assert!(!self.sink().seen(page.place.job, next).unwrap());
                self.ask(page.place.next_page());
            }
            if page.place.page > 0 || page.next.is_some() {
                assert!(self.sink().seen(page.place.job, &page.url).unwrap());
            }
        }
    }

    fn synced(&mut self) {
        self.unsynced.clear();
        self.safe = fs::metadata(self.part()).map_or(0, |meta| meta.len());
    }

    fn lose_power(&mut self, output: &Index, zeros: bool, log: Option<&Index>) {
        self.sink = None;
        self.lost = self.unsynced.clone();
        let length = fs::metadata(self.part()).unwrap().len();
        let kept = self.safe + output.index(usize::try_from(length - self.safe).unwrap() + 1) as u64;
        let file = FileOptions::new().write(true).open(self.part()).unwrap();
        file.set_len(kept).unwrap();
        if zeros {
            file.set_len(length).unwrap();
        } else if kept == 0 {
            // Not even its name was safe.
            fs::remove_file(self.part()).unwrap();
        }
        let journal = self.dir.path().join("items.ndjson.abide-wal");
        if let (Some(log), Ok(file)) = (log, FileOptions::new().write(true).open(journal)) {
            let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
            file.set_len(log.index(length + 1) as u64).unwrap();
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Arrive(chosen) => self.arrive(chosen),
            Step::Fail(_) if self.in_flight.is_empty() => {}
            Step::Fail(index) => {
                let place = self.in_flight.swap_remove(index % self.in_flight.len());
                self.sink().fail(place.job, &failure(place.job)).unwrap();
            }
            Step::Sync => {
                self.sink().sync().unwrap();
                self.synced();
            }
            Step::Close => {
                Box::new(self.sink.take().unwrap()).close(Ending::Interrupted).unwrap();
                self.synced();
            }
            Step::Kill { torn } => {
                self.sink = None;
                FileOptions::new().append(true).open(self.part()).unwrap().write_all(torn).unwrap();
            }
            Step::LosePower { output, zeros, log } => self.lose_power(output, *zeros, log.as_ref()),
            Step::KillFinish(step) => self.kill_finish = Some(*step),
        }
    }

    fn finish(&mut self) {
        let jobs = self.count();
        let mut sink = self.sink.take().unwrap();
        sink.order.write_all(&sink.journal, &mut sink.part).unwrap();
        let step = self.kill_finish.take().filter(|_| !sink.adds_nothing(jobs));
        match step {
            None => sink.finish(jobs, NOW).unwrap(),
            Some(step) => {
                sink.seal(jobs).unwrap();
                if step == 2 {
                    fs::rename(&sink.paths.part, &sink.paths.name).unwrap();
                }
                if step == 3 {
                    publish(&sink.paths, &sink.state, sink.order.frontier.digest).unwrap();
                }
            }
        }
        drop(sink);
        let complete = !self.open();
        assert_eq!(self.read(), self.rows_put());
        assert_eq!(complete, self.put.len() as u64 == self.jobs.iter().sum::<u64>());
        self.unsynced.clear();
        self.safe = 0;
    }

    /// The rows of the file, as they came.
    fn read(&self) -> String {
        let text = unpack(self.format.packing, &fs::read(self.name()).unwrap());
        match self.format.rows {
            Rows::Ndjson => text,
            Rows::Csv => from_csv(&text),
        }
    }

    /// The rows of the pages that were put, in input order.
    fn rows_put(&self) -> String {
        self.put.iter().map(|place| rows(place.job, place.page)).collect()
    }

    fn is_at_end(&self) -> bool {
        self.in_flight.is_empty() && self.from >= self.count()
    }
}

/// What a packed file holds.
pub(super) fn unpack(packing: Packing, bytes: &[u8]) -> String {
    let mut text = String::new();
    match packing {
        Packing::Plain => return String::from_utf8(bytes.to_vec()).unwrap(),
        Packing::Gzip => _ = flate2::read::MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap(),
        Packing::Zstd => _ = zstd::Decoder::new(bytes).unwrap().read_to_string(&mut text).unwrap(),
    }
    text
}

/// The rows of [`rows`], whose values need no quotes.
fn from_csv(text: &str) -> String {
    let mut lines = text.lines();
    let Some(header) = lines.next() else { return String::new() };
    assert_eq!(header, "job,page,n");
    let row = |line: &str| {
        let values: Vec<&str> = line.split(',').collect();
        format!("{{\"job\":{},\"page\":{},\"n\":{}}}\n", values[0], values[1], values[2])
    };
    lines.map(row).collect()
}

fn format() -> impl Strategy<Value = Format> {
    let rows = prop::sample::select(vec![Rows::Ndjson, Rows::Csv]);
    let packing = prop::sample::select(vec![Packing::Plain, Packing::Gzip, Packing::Zstd]);
    (rows, packing).prop_map(|(rows, packing)| Format { rows, packing })
}

/// The file that a pull makes after these steps, and the rows in it.
fn pulled(jobs: &[u64], format: Format, steps: &[Step]) -> (Vec<u8>, String) {
    let mut pull = Pull::new(jobs.to_vec(), format);
    // After the given steps all goes well.
    let rest = Step::Arrive(vec![0]);
    let mut steps = steps.iter();
    let mut runs = 0;
    while pull.open() {
        if pull.is_at_end() {
            pull.finish();
            runs += 1;
            assert!(runs < 100, "a pull without failures ends");
        } else {
            pull.step(steps.next().unwrap_or(&rest));
        }
    }
    (fs::read(pull.name()).unwrap(), pull.read())
}

proptest! {
    #[test]
    fn the_output_is_that_of_an_uninterrupted_run(
        jobs in prop::collection::vec(1..5u64, 0..10),
        format in format(),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let (bytes, rows) = pulled(&jobs, format, &steps);
        let whole: String = (0..).zip(&jobs).map(|(job, &of)| all_rows(job, of)).collect();
        prop_assert_eq!(rows, whole);
        // A gap ends a member, and what fills it is one of its own.
        if format.packing == Packing::Plain || !steps.iter().any(|step| matches!(step, Step::Fail(_))) {
            prop_assert!(bytes == pulled(&jobs, format, &[]).0);
        }
    }
}
