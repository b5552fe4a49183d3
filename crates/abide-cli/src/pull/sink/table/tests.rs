//! The law of a table: whatever order pages arrive in, however often the process is killed between any two commits, and whatever
//! the database or the journal loses, the rows become those of an uninterrupted run.

use std::fs;
use std::path::PathBuf;

use abide_core::time::Wall;
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::sql::Sql;
use super::*;
use crate::pull::journal::place::Place;
use crate::pull::sink::database::sqlite::{self, Sqlite};
use crate::pull::sink::testing::{all_rows, failure, folder, page};
use crate::pull::sink::{OpenOptions, Opened};

const WINDOW: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Arrive(Vec<usize>),
    Fail(usize),
    Sync,
    Close,
    Kill,
    /// What was committed to the journal since the step before is gone, as if the process had died between the commits.
    LoseJournal,
    /// What was committed to the database since the step before is gone.
    LoseRows,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => prop::collection::vec(0..WINDOW, 1..4).prop_map(Step::Arrive),
        2 => (0..WINDOW).prop_map(Step::Fail),
        2 => Just(Step::Sync),
        1 => Just(Step::Close),
        2 => Just(Step::Kill),
        2 => Just(Step::LoseJournal),
        2 => Just(Step::LoseRows),
    ]
}

struct Pull {
    dir: TempDir,
    jobs: Vec<u64>,
    sink: Option<Table<Sql<Sqlite>>>,
    from: u64,
    in_flight: Vec<Place>,
    /// The files as they were before the last step that wrote.
    before: Vec<(PathBuf, Option<Vec<u8>>)>,
    clock: i64,
}

impl Pull {
    fn new(jobs: Vec<u64>) -> Self {
        Self { dir: folder(), jobs, sink: None, from: 0, in_flight: Vec::new(), before: Vec::new(), clock: 1 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn count(&self) -> u64 {
        self.jobs.len() as u64
    }

    fn now(&mut self) -> Wall {
        self.clock += 1;
        Wall::from_secs(self.clock)
    }

    fn sink(&mut self) -> &mut Table<Sql<Sqlite>> {
        self.sink.as_mut().expect("it is opened before each step")
    }

    /// Returns false once the pull is complete.
    fn open(&mut self) -> bool {
        if self.sink.is_none() {
            self.from = 0;
            self.in_flight.clear();
            let now = self.now();
            match sqlite::open(&self.path("x.sqlite"), &OpenOptions::default(), now).unwrap() {
                Opened::New(sink) | Opened::Resumed(sink, _) => self.sink = Some(sink),
                Opened::Complete { .. } => return false,
            }
            self.remember();
        }
        while self.in_flight.len() < WINDOW && self.from < self.count() {
            let from = self.from;
            let Some(todo) = self.sink().todo(from).unwrap() else {
                self.from = self.count();
                break;
            };
            self.from = todo.place.job + 1;
            if todo.place.job < self.count() {
                self.in_flight.push(todo.place);
            }
        }
        true
    }

    fn remember(&mut self) {
        let names = ["x.sqlite", "x.sqlite.records.abide", "x.sqlite.records.abide-wal"];
        self.before = names.map(|name| (self.path(name), fs::read(self.path(name)).ok())).into();
    }

    /// Puts back the files whose names are like this.
    fn restore(&mut self, wanted: impl Fn(&str) -> bool) {
        self.sink = None;
        for (path, bytes) in &self.before {
            if wanted(path.to_str().unwrap()) {
                match bytes {
                    Some(bytes) => fs::write(path, bytes).unwrap(),
                    None => _ = fs::remove_file(path),
                }
            }
        }
    }

    fn arrive(&mut self, chosen: &[usize]) {
        let mut pages = Vec::new();
        for index in chosen {
            if !self.in_flight.is_empty() {
                let place = self.in_flight.swap_remove(index % self.in_flight.len());
                pages.push(page(place.job, place.page, self.jobs[usize::try_from(place.job).unwrap()]));
            }
        }
        self.remember();
        self.sink().put(&pages).unwrap();
        let next = pages.iter().filter(|page| page.next.is_some()).map(|page| page.place.next_page());
        self.in_flight.extend(next);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Arrive(chosen) => self.arrive(chosen),
            Step::Fail(_) if self.in_flight.is_empty() => {}
            Step::Fail(index) => {
                let place = self.in_flight.swap_remove(index % self.in_flight.len());
                self.remember();
                self.sink().fail(place.job, &failure(place.job)).unwrap();
            }
            Step::Sync => {
                self.remember();
                self.sink().sync().unwrap();
            }
            Step::Close => Box::new(self.sink.take().unwrap()).close(Ending::Interrupted).unwrap(),
            Step::Kill => self.sink = None,
            Step::LoseJournal => self.restore(|path| path.contains("abide")),
            Step::LoseRows => self.restore(|path| path.ends_with(".sqlite")),
        }
    }

    /// The rows in the order in which they came, as the records that they were.
    fn rows(&self, order: &str) -> String {
        let conn = Connection::open(self.path("x.sqlite")).unwrap();
        if conn.query_row("SELECT 1 FROM sqlite_schema WHERE name = 'records'", [], |_| Ok(())).is_err() {
            return String::new();
        }
        let mut select = conn.prepare(&format!("SELECT job, page, n FROM records ORDER BY {order}")).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            let [job, page, n] = [0, 1, 2].map(|at| row.get::<_, i64>(at).unwrap());
            Ok(format!("{{\"job\":{job},\"page\":{page},\"n\":{n}}}\n"))
        };
        select.query_map([], row).unwrap().map(Result::unwrap).collect()
    }
}

use std::result::Result;

proptest! {
    #[test]
    fn the_rows_are_those_of_an_uninterrupted_run(
        jobs in prop::collection::vec(1..5u64, 0..10),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut pull = Pull::new(jobs.clone());
        let rest = Step::Arrive(vec![0]);
        let mut given = steps.iter();
        let mut runs = 0;
        while pull.open() {
            if !pull.in_flight.is_empty() || pull.from < pull.count() {
                pull.step(given.next().unwrap_or(&rest));
                continue;
            }
            let (now, count) = (pull.now(), pull.count());
            pull.sink.take().unwrap().finish(count, now).unwrap();
            runs += 1;
            prop_assert!(runs < 100, "a pull without failures ends");
        }
        let whole: String = (0..).zip(&jobs).map(|(job, &of)| all_rows(job, of)).collect();
        prop_assert_eq!(pull.rows("job, page, n"), whole.clone());
        if !steps.iter().any(|step| matches!(step, Step::Fail(_))) {
            prop_assert_eq!(pull.rows("rowid"), whole);
        }
    }
}
