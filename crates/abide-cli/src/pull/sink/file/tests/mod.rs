//! Stories of one output file, each with the end that it must have.

mod opening;
mod pulling;
mod recovering;
mod repairing;

use std::fs;
use std::path::{Path, PathBuf};

use abide_core::time::Wall;
use tempfile::TempDir;

use super::*;
use crate::pull::journal::disk::digest_of;
use crate::pull::journal::state::Ending;
use crate::pull::sink::testing::{all_rows, failure, folder, page, rows, url};
use crate::pull::sink::{IfComplete, OpenOptions, Opened, Resumed};

const CONFIG: &[(&str, &str)] = &[("input", "http://127.0.0.1/{0..9}"), ("records", "auto")];
const NOW: Wall = Wall::from_secs(1_700_000_000);

/// A folder with an output in it.
struct Scene {
    dir: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { dir: folder() }
    }

    fn name(&self) -> PathBuf {
        self.dir.path().join("items.ndjson")
    }

    fn part(&self) -> PathBuf {
        self.dir.path().join("items.ndjson.part")
    }

    fn journal(&self) -> PathBuf {
        self.dir.path().join("items.ndjson.abide")
    }

    fn open_with(&self, options: &OpenOptions<'_>) -> Result<Opened<OneFile>> {
        OneFile::open(&self.name(), Format::NDJSON, options, NOW)
    }

    fn open(&self) -> Result<Opened<OneFile>> {
        self.open_with(&OpenOptions { config: CONFIG, ..OpenOptions::default() })
    }

    fn open_fresh(&self) -> Result<Opened<OneFile>> {
        self.open_with(&OpenOptions { config: CONFIG, fresh: true, ..OpenOptions::default() })
    }

    fn begin(&self) -> OneFile {
        match self.open().unwrap() {
            Opened::New(sink) => sink,
            other => panic!("expected a new pull, got {other:?}"),
        }
    }

    fn resume(&self) -> (OneFile, Resumed) {
        match self.open().unwrap() {
            Opened::Resumed(sink, resumed) => (sink, resumed),
            other => panic!("expected a resumed pull, got {other:?}"),
        }
    }

    fn read(&self) -> String {
        fs::read_to_string(self.name()).unwrap()
    }

    /// Pulls `jobs` jobs of one page each, to the end.
    fn complete(&self, jobs: u64) {
        let mut sink = self.begin();
        put_all(&mut sink, 0..jobs);
        sink.finish(jobs, NOW).unwrap();
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn put_all(sink: &mut OneFile, jobs: impl IntoIterator<Item = u64>) {
    jobs.into_iter().for_each(|job| sink.put(&[page(job, 0, 1)]).unwrap());
}

fn all(jobs: impl IntoIterator<Item = u64>) -> String {
    jobs.into_iter().map(|job| rows(job, 0)).collect()
}

fn todo(sink: &mut OneFile, from: u64) -> (u64, u64) {
    let place = sink.todo(from).unwrap().unwrap().place;
    (place.job, place.page)
}
