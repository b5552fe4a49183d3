//! Stories of one output file, each with the end that it must have.

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

    fn open_with(&self, options: &OpenOptions<'_>) -> Result<Opened<Ndjson>> {
        Ndjson::open(&self.name(), options, NOW)
    }

    fn open(&self) -> Result<Opened<Ndjson>> {
        self.open_with(&OpenOptions { config: CONFIG, ..OpenOptions::default() })
    }

    fn open_fresh(&self) -> Result<Opened<Ndjson>> {
        self.open_with(&OpenOptions { config: CONFIG, fresh: true, ..OpenOptions::default() })
    }

    fn begin(&self) -> Ndjson {
        match self.open().unwrap() {
            Opened::New(sink) => sink,
            other => panic!("expected a new pull, got {other:?}"),
        }
    }

    fn resume(&self) -> (Ndjson, Resumed) {
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

fn put_all(sink: &mut Ndjson, jobs: impl IntoIterator<Item = u64>) {
    jobs.into_iter().for_each(|job| sink.put(&[page(job, 0, 1)]).unwrap());
}

fn all(jobs: impl IntoIterator<Item = u64>) -> String {
    jobs.into_iter().map(|job| rows(job, 0)).collect()
}

fn todo(sink: &mut Ndjson, from: u64) -> (u64, u64) {
    let place = sink.todo(from).unwrap().unwrap().place;
    (place.job, place.page)
}

#[test]
fn pages_that_come_in_any_order_leave_in_input_order() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    sink.put(&[page(2, 0, 1)]).unwrap();
    sink.put(&[page(1, 0, 2), page(1, 1, 2)]).unwrap();
    assert_eq!(sink.waiting(), 3);
    assert_eq!(fs::read_to_string(scene.part()).unwrap(), "");
    sink.put(&[page(0, 0, 1), page(3, 0, 1)]).unwrap();
    assert_eq!(sink.waiting(), 0);
    sink.finish(4, NOW).unwrap();
    let expected = rows(0, 0) + &all_rows(1, 2) + &rows(2, 0) + &rows(3, 0);
    assert_eq!(scene.read(), expected);
    let Totals { pages, bytes, failed, .. } = sink.totals();
    assert_eq!((pages, bytes, failed), (5, expected.len() as u64, 0));
}

#[test]
fn an_orderly_end_leaves_the_output_and_one_journal() {
    let scene = Scene::new();
    scene.complete(5);
    assert_eq!(scene.files(), ["items.ndjson", "items.ndjson.abide"]);

    let scene = Scene::new();
    let mut sink = scene.begin();
    sink.put(&[page(0, 0, 1)]).unwrap();
    Box::new(sink).close(Ending::Paused { until: NOW }).unwrap();
    assert_eq!(scene.files(), ["items.ndjson.abide", "items.ndjson.part"]);
    assert_eq!(scene.resume().1.ending, Some(Ending::Paused { until: NOW }));
    assert_eq!(scene.resume().1.ending, None, "the second run was killed");
}

#[test]
fn a_killed_pull_asks_only_for_what_is_missing() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    sink.put(&[page(0, 0, 1), page(1, 0, 3), page(3, 0, 2), page(4, 0, 1)]).unwrap();
    drop(sink);
    let (mut sink, resumed) = scene.resume();
    assert_eq!((resumed.jobs, resumed.waiting, resumed.totals.pages), (1, 2, 2));
    assert_eq!(todo(&mut sink, 0), (1, 1));
    assert_eq!(sink.todo(1).unwrap().unwrap().url, Some(url(1, 1)));
    assert_eq!(sink.todo(2).unwrap().unwrap().url, None);
    assert_eq!(todo(&mut sink, 3), (3, 1));
    assert_eq!(todo(&mut sink, 4), (5, 0), "job 4 waits and is not fetched again");
    sink.put(&[page(1, 1, 3), page(1, 2, 3), page(2, 0, 1), page(3, 1, 2)]).unwrap();
    sink.finish(5, NOW).unwrap();
    assert_eq!(scene.read(), rows(0, 0) + &all_rows(1, 3) + &rows(2, 0) + &all_rows(3, 2) + &rows(4, 0));
}

#[test]
fn a_tail_that_no_commit_speaks_of_is_cut_off() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    put_all(&mut sink, 0..2);
    drop(sink);
    let mut torn = fs::read(scene.part()).unwrap();
    torn.extend_from_slice(b"{\"job\":2,\"pa");
    fs::write(scene.part(), torn).unwrap();
    let (mut sink, _) = scene.resume();
    assert_eq!(todo(&mut sink, 0), (2, 0));
    put_all(&mut sink, 2..4);
    sink.finish(4, NOW).unwrap();
    assert_eq!(scene.read(), all(0..4));
}

#[test]
fn a_page_put_twice_is_written_once() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    sink.put(&[page(1, 0, 1), page(1, 0, 1), page(0, 0, 1), page(0, 0, 1)]).unwrap();
    sink.put(&[page(1, 0, 1)]).unwrap();
    assert_eq!((sink.waiting(), sink.totals().pages), (0, 2));
    sink.finish(2, NOW).unwrap();
    assert_eq!(scene.read(), all(0..2));
}

#[test]
fn a_failed_job_is_passed_over_and_repaired_in_its_place() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    // Job 1 fails before its turn, job 3 after its first page.
    sink.fail(1, &failure(1)).unwrap();
    sink.put(&[page(3, 0, 2), page(0, 0, 1), page(2, 0, 1), page(4, 0, 1)]).unwrap();
    sink.fail(3, &failure(3)).unwrap();
    sink.put(&[page(5, 0, 1)]).unwrap();
    sink.finish(6, NOW).unwrap();
    assert_eq!(sink.totals().failed, 2);
    let failed = sink.failures(0, 10).unwrap();
    assert_eq!(failed.iter().map(|f| (f.place.job, f.place.page)).collect::<Vec<_>>(), [(1, 0), (3, 1)]);
    assert_eq!(failed[0].failure, failure(1));
    drop(sink);
    assert_eq!(scene.read(), all([0, 2, 3, 4, 5]), "the rows that came are there");

    let (mut sink, resumed) = scene.resume();
    assert_eq!((resumed.jobs, resumed.missing, resumed.totals.failed), (4, 2, 0));
    assert_eq!((todo(&mut sink, 0), todo(&mut sink, 2)), ((1, 0), (3, 1)));
    assert_eq!(sink.todo(4).unwrap(), None);
    sink.put(&[page(3, 1, 2)]).unwrap();
    assert_eq!(scene.read(), all([0, 2, 3, 4, 5]), "the partial output stays until the whole one is there");
    sink.put(&[page(1, 0, 1)]).unwrap();
    sink.finish(6, NOW).unwrap();
    let whole = all(0..3) + &all_rows(3, 2) + &all(4..6);
    assert_eq!(scene.read(), whole);
    assert_eq!(sink.totals().bytes, whole.len() as u64);
    drop(sink);
    assert!(matches!(scene.open().unwrap(), Opened::Complete { .. }));
}

#[test]
fn a_repair_that_mends_only_some_keeps_the_places_of_the_rest() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    for job in 0..8 {
        if job % 2 == 0 { sink.fail(job, &failure(job)).unwrap() } else { put_all(&mut sink, [job]) }
    }
    sink.finish(8, NOW).unwrap();
    drop(sink);
    let mut there = vec![1, 3, 5, 7];
    for mended in [4, 0, 6, 2] {
        let (mut sink, _) = scene.resume();
        for job in (0..8).filter(|job| !there.contains(job)) {
            if job == mended { put_all(&mut sink, [job]) } else { sink.fail(job, &failure(job)).unwrap() }
        }
        sink.finish(8, NOW).unwrap();
        there.push(mended);
        there.sort();
        assert_eq!(scene.read(), all(there.clone()));
        assert_eq!(sink.totals().pages, there.len() as u64);
    }
    assert!(matches!(scene.open().unwrap(), Opened::Complete { .. }));
}

#[test]
fn a_repair_that_adds_nothing_leaves_the_file_alone() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    put_all(&mut sink, [0]);
    sink.fail(1, &failure(1)).unwrap();
    put_all(&mut sink, [2]);
    sink.finish(3, NOW).unwrap();
    drop(sink);
    let before = fs::metadata(scene.name()).unwrap().modified().unwrap();
    let (mut sink, _) = scene.resume();
    sink.fail(1, &failure(1)).unwrap();
    sink.finish(3, NOW).unwrap();
    let totals = sink.totals();
    assert_eq!((totals.bytes, totals.failed), (all([0, 2]).len() as u64, 1));
    drop(sink);
    assert_eq!(fs::metadata(scene.name()).unwrap().modified().unwrap(), before);
    assert_eq!(scene.files(), ["items.ndjson", "items.ndjson.abide"]);
    let (mut sink, resumed) = scene.resume();
    assert_eq!(resumed.missing, 1);
    put_all(&mut sink, [1]);
    sink.finish(3, NOW).unwrap();
    assert_eq!(scene.read(), all(0..3));
}

#[test]
fn a_failure_whose_turn_had_not_come_is_tried_again_by_the_next_run() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    sink.fail(1, &failure(1)).unwrap();
    assert_eq!(todo(&mut sink, 1), (2, 0), "this run does not");
    drop(sink);
    let (mut sink, _) = scene.resume();
    assert_eq!((todo(&mut sink, 1), sink.totals().failed), ((1, 0), 0));
}

#[test]
fn a_complete_pull_is_complete_until_it_is_asked_for_again() {
    let scene = Scene::new();
    scene.complete(3);
    let Opened::Complete { since, totals } = scene.open().unwrap() else { panic!("not complete") };
    assert_eq!((since, totals.pages, totals.bytes), (NOW, 3, all(0..3).len() as u64));
    let with = |if_complete| scene.open_with(&OpenOptions { config: CONFIG, if_complete, ..OpenOptions::default() });
    assert!(matches!(with(IfComplete::Fail), Err(Error::AlreadyComplete { .. })));
    let Opened::New(mut sink) = with(IfComplete::Refetch).unwrap() else { panic!("not refetched") };
    assert_eq!(scene.read(), all(0..3), "the old file stays");
    put_all(&mut sink, 0..2);
    sink.finish(2, NOW).unwrap();
    assert_eq!(scene.read(), all(0..2));
}

#[test]
fn a_file_that_abide_did_not_write_is_never_touched() {
    let scene = Scene::new();
    fs::write(scene.name(), "mine").unwrap();
    assert!(matches!(scene.open(), Err(Error::Occupied { .. })));
    assert_eq!(scene.files(), ["items.ndjson"]);

    let scene = Scene::new();
    fs::write(scene.part(), "mine").unwrap();
    assert!(matches!(scene.open(), Err(Error::Leftover { .. })));
    assert_eq!(scene.files(), ["items.ndjson.part"]);

    // One that comes while the pull is under way.
    let scene = Scene::new();
    let mut sink = scene.begin();
    put_all(&mut sink, 0..2);
    fs::write(scene.name(), "mine").unwrap();
    assert!(matches!(sink.finish(2, NOW), Err(Error::Appeared { .. })));
    drop(sink);
    assert!(matches!(scene.open(), Err(Error::Appeared { .. })));
    assert_eq!(scene.read(), "mine");
    fs::remove_file(scene.name()).unwrap();
    assert!(matches!(scene.open().unwrap(), Opened::Complete { .. }), "nothing has to be fetched again");
    assert_eq!(scene.read(), all(0..2));
}

#[test]
fn an_output_changed_since_it_was_complete_is_not_ours_any_more() {
    let scene = Scene::new();
    scene.complete(2);
    fs::write(scene.name(), "edited").unwrap();
    assert!(matches!(scene.open(), Err(Error::Changed { since: Some(NOW), .. })));
    assert_eq!(scene.read(), "edited");
    // The same bytes under another time, as after a copy, are ours.
    fs::write(scene.name(), all(0..2)).unwrap();
    assert!(matches!(scene.open().unwrap(), Opened::Complete { .. }));
    // Moved away, it leaves the name free.
    fs::remove_file(scene.name()).unwrap();
    assert!(matches!(scene.open().unwrap(), Opened::New(_)));
}

#[test]
fn a_partial_output_that_changed_is_not_repaired() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    sink.fail(0, &failure(0)).unwrap();
    put_all(&mut sink, [1]);
    sink.finish(2, NOW).unwrap();
    drop(sink);
    drop(scene.resume());
    fs::write(scene.name(), "edited").unwrap();
    assert!(matches!(scene.open(), Err(Error::SourceLost { .. })));
    assert_eq!(scene.read(), "edited");
}

#[test]
fn fresh_replaces_a_foreign_file_only_when_the_new_one_is_complete() {
    let scene = Scene::new();
    fs::write(scene.name(), "mine").unwrap();
    let Opened::New(mut sink) = scene.open_fresh().unwrap() else { panic!("not new") };
    put_all(&mut sink, 0..2);
    drop(sink);
    assert_eq!(scene.read(), "mine");
    let (mut sink, resumed) = scene.resume();
    assert_eq!(resumed.jobs, 2, "the killed fresh run goes on without --fresh");
    put_all(&mut sink, 2..3);
    sink.finish(3, NOW).unwrap();
    assert_eq!(scene.read(), all(0..3));
}

#[test]
fn fresh_allows_only_the_file_that_stood_there() {
    let scene = Scene::new();
    fs::write(scene.name(), "mine").unwrap();
    drop(scene.open_fresh().unwrap());
    fs::write(scene.name(), "another").unwrap();
    assert!(matches!(scene.open(), Err(Error::Appeared { .. })));
    assert_eq!(scene.read(), "another");
}

#[test]
fn fresh_starts_again_whatever_the_journal_holds() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    put_all(&mut sink, 0..3);
    sink.put(&[page(9, 0, 1)]).unwrap();
    drop(sink);
    let Opened::New(mut sink) = scene.open_fresh().unwrap() else { panic!("not new") };
    assert_eq!((todo(&mut sink, 0), sink.waiting(), sink.totals()), ((0, 0), 0, Totals::default()));
    assert_eq!(fs::metadata(scene.part()).unwrap().len(), 0);
}

#[test]
fn another_pull_is_refused_and_told_what_differs() {
    let scene = Scene::new();
    drop(scene.begin());
    let other = &[("input", "http://127.0.0.1/{0..9}"), ("records", "body.items"), ("pages", "link")];
    let refused = scene.open_with(&OpenOptions { config: other, ..OpenOptions::default() });
    let Err(Error::OtherPull { differences, .. }) = refused else { panic!("not refused") };
    let told: Vec<_> = differences.iter().map(|d| (&*d.name, d.then.as_deref(), d.now.as_deref())).collect();
    assert_eq!(told, [("records", Some("auto"), Some("body.items")), ("pages", None, Some("link"))]);
}

#[test]
fn a_second_pull_on_the_same_output_is_refused_at_once() {
    let scene = Scene::new();
    let sink = scene.begin();
    assert!(matches!(scene.open(), Err(Error::InUse { .. })));
    assert!(matches!(scene.open_fresh(), Err(Error::InUse { .. })));
    drop(sink);
    drop(scene.resume());
}

#[test]
fn a_refusal_leaves_every_file_as_it_was() {
    let scene = Scene::new();
    scene.complete(2);
    let other = OpenOptions { config: &[("input", "other")], ..OpenOptions::default() };
    let state = || (digest_of(&scene.journal()).unwrap(), scene.files());
    let before = state();
    assert!(matches!(scene.open_with(&other), Err(Error::OtherPull { .. })));
    assert_eq!(state(), before);
    // And so it is with the journal of a killed run, whose log is part of it.
    drop(scene.open_fresh().unwrap());
    put_all(&mut scene.resume().0, 0..2);
    let before = state();
    assert!(matches!(scene.open_with(&other), Err(Error::OtherPull { .. })));
    assert_eq!(state(), before);
}

#[test]
fn a_broken_journal_is_refused_and_kept_aside_by_fresh() {
    let scene = Scene::new();
    fs::write(scene.journal(), "this is not a database, and long enough to be read as one".repeat(20)).unwrap();
    let refused = scene.open();
    assert!(matches!(refused, Err(Error::BrokenJournal { .. })), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("--fresh"));
    assert!(fs::read_to_string(scene.journal()).unwrap().starts_with("this is not"));
    assert!(matches!(scene.open_fresh().unwrap(), Opened::New(_)));
    assert!(scene.files().contains(&"items.ndjson.abide.broken".to_owned()));
}

#[test]
fn a_journal_of_a_newer_version_is_refused() {
    let scene = Scene::new();
    scene.complete(1);
    let newer = rusqlite::Connection::open(scene.journal()).unwrap();
    newer.execute_batch("PRAGMA user_version = 7; CREATE TABLE unheard_of (x)").unwrap();
    drop(newer);
    let before = digest_of(&scene.journal()).unwrap();
    assert!(matches!(scene.open(), Err(Error::OtherVersion { version: 7, .. })));
    assert_eq!(digest_of(&scene.journal()).unwrap(), before);
    assert!(matches!(scene.open_fresh().unwrap(), Opened::New(_)));
}

#[test]
fn the_database_of_another_program_is_not_taken_for_a_journal() {
    let scene = Scene::new();
    rusqlite::Connection::open(scene.journal()).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    assert!(matches!(scene.open(), Err(Error::ForeignJournal { .. })));
    assert!(matches!(scene.open_fresh(), Err(Error::ForeignJournal { .. })), "not even with --fresh");
}

#[test]
fn names_that_cannot_be_written_are_refused_before_anything_is_made() {
    let scene = Scene::new();
    let open = |path: &Path| Ndjson::open(path, &OpenOptions::default(), NOW);
    let missing = scene.dir.path().join("missing/items.ndjson");
    assert!(matches!(open(&missing), Err(Error::NoFolder { .. })));
    let refused = open(scene.dir.path()).unwrap_err();
    assert!(matches!(refused, Error::WrongKind { is_folder: true, .. }));
    assert_eq!(refused.exit_code(), 1);
    assert!(matches!(open(Path::new("/dev/null")), Err(Error::NotAFile { .. })));
    assert!(scene.files().is_empty());
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let target = folder();
    let precious = target.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    for place in [Scene::name, Scene::part, Scene::journal] {
        let scene = Scene::new();
        symlink(&precious, place(&scene)).unwrap();
        assert!(matches!(scene.open(), Err(Error::NotAFile { .. })));
        assert!(matches!(scene.open_fresh(), Err(Error::NotAFile { .. })));
        // And one that is put in place while the pull is under way.
        let scene = Scene::new();
        drop(scene.begin());
        let _ = fs::remove_file(place(&scene));
        symlink(&precious, place(&scene)).unwrap();
        assert!(matches!(scene.open(), Err(Error::NotAFile { .. })));
    }
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
}

#[cfg(unix)]
#[test]
fn a_folder_reached_by_a_link_is_as_good_as_any() {
    let scene = Scene::new();
    let link = scene.dir.path().join("link");
    std::os::unix::fs::symlink(scene.dir.path(), &link).unwrap();
    let open =
        || Ndjson::open(&link.join("items.ndjson"), &OpenOptions { config: CONFIG, ..OpenOptions::default() }, NOW);
    let sink = open().unwrap();
    assert!(matches!(scene.open(), Err(Error::InUse { .. })), "and it is the same output");
    drop(sink);
}

#[cfg(unix)]
#[test]
fn journal_and_log_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let mut sink = scene.begin();
    put_all(&mut sink, 0..2);
    let log = scene.dir.path().join("items.ndjson.abide-wal");
    for path in [scene.journal(), log] {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    assert!(!scene.files().contains(&"items.ndjson.abide-shm".to_owned()));
}

#[test]
fn a_loop_is_seen_also_after_a_resume() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    sink.put(&[page(0, 0, 9), page(1, 0, 9), page(0, 1, 9)]).unwrap();
    sink.sync().unwrap();
    sink.put(&[page(0, 2, 9)]).unwrap();
    for _ in 0..2 {
        assert!((0..3).all(|page| sink.seen(0, &url(0, page)).unwrap()));
        assert!(!sink.seen(0, &url(0, 3)).unwrap(), "it is known as the next, but was not fetched");
        assert!(sink.seen(1, &url(1, 0)).unwrap(), "also while it waits");
        assert!(!sink.seen(1, &url(0, 0)).unwrap(), "another job's chain is another chain");
        drop(sink);
        sink = scene.resume().0;
    }
}

#[test]
fn a_chain_is_remembered_for_its_repair_and_then_forgotten() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    sink.put(&[page(0, 0, 3), page(0, 1, 3)]).unwrap();
    sink.fail(0, &failure(0)).unwrap();
    sink.finish(1, NOW).unwrap();
    drop(sink);
    let (mut sink, _) = scene.resume();
    assert!(sink.seen(0, &url(0, 1)).unwrap());
    sink.put(&[page(0, 2, 3)]).unwrap();
    sink.sync().unwrap();
    assert!(!sink.seen(0, &url(0, 1)).unwrap());
}

#[test]
fn finishing_needs_every_job() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    put_all(&mut sink, [0, 2]);
    assert!(matches!(sink.finish(3, NOW), Err(Error::Unfinished { job: 1, jobs: 3 })));
    sink.fail(1, &failure(1)).unwrap();
    sink.finish(3, NOW).unwrap();
    drop(sink);
    let (mut sink, _) = scene.resume();
    assert!(matches!(sink.finish(3, NOW), Err(Error::Unfinished { job: 1, jobs: 3 })), "also for a repair");
    put_all(&mut sink, [1]);
    sink.finish(3, NOW).unwrap();
    assert_eq!(scene.read(), all(0..3));
}

#[test]
fn a_kill_at_any_step_of_finishing_is_recovered_from() {
    for (step, partial) in (0..4).flat_map(|step| [(step, false), (step, true)]) {
        let scene = Scene::new();
        fs::write(scene.name(), "old").unwrap();
        let Opened::New(mut sink) = scene.open_fresh().unwrap() else { panic!("not new") };
        put_all(&mut sink, 0..2);
        if partial {
            sink.fail(2, &failure(2)).unwrap()
        } else {
            put_all(&mut sink, [2])
        }
        put_all(&mut sink, [3]);
        if step >= 1 {
            sink.seal(4).unwrap();
        }
        if step >= 2 {
            fs::rename(&sink.paths.part, &sink.paths.name).unwrap();
        }
        if step >= 3 {
            published(&sink.paths, sink.order.frontier.digest).unwrap();
        }
        drop(sink);
        match scene.open().unwrap() {
            Opened::Complete { .. } if step > 0 && !partial => {}
            Opened::Resumed(mut sink, _) if step == 0 || partial => {
                if let Some(todo) = sink.todo(0).unwrap().filter(|todo| todo.place.job < 4) {
                    assert_eq!((todo.place.job, partial && step > 0), (2, true));
                    put_all(&mut sink, [2]);
                }
                sink.finish(4, NOW).unwrap();
            }
            other => panic!("step {step}: {other:?}"),
        }
        if partial && step == 0 {
            let (mut sink, _) = scene.resume();
            put_all(&mut sink, [2]);
            sink.finish(4, NOW).unwrap();
        }
        assert_eq!(scene.read(), all(0..4), "step {step}");
        assert_eq!(scene.files(), ["items.ndjson", "items.ndjson.abide"]);
    }
}

#[test]
fn an_output_lost_on_its_way_to_its_name_is_reported() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    put_all(&mut sink, 0..2);
    sink.seal(2).unwrap();
    drop(sink);
    fs::write(scene.part(), "short").unwrap();
    assert!(matches!(scene.open(), Err(Error::Damaged { length: 5, .. })));
    fs::remove_file(scene.part()).unwrap();
    assert!(matches!(scene.open(), Err(Error::Lost { .. })));
}

#[test]
fn an_output_shorter_than_what_was_safe_is_reported_and_left_alone() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    put_all(&mut sink, 0..4);
    sink.sync().unwrap();
    drop(sink);
    fs::write(scene.part(), "short").unwrap();
    assert!(matches!(scene.open(), Err(Error::Damaged { length: 5, .. })));
    assert_eq!(fs::read_to_string(scene.part()).unwrap(), "short");
}

#[test]
fn a_page_that_waited_waits_again_if_its_bytes_did_not_reach_the_disk() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    sink.put(&[page(1, 0, 1), page(2, 0, 1)]).unwrap();
    sink.sync().unwrap();
    put_all(&mut sink, [0]);
    drop(sink);
    // The journal's last commit survived the loss of power, the output's bytes did not.
    fs::write(scene.part(), "").unwrap();
    let (mut sink, _) = scene.resume();
    assert_eq!(todo(&mut sink, 0), (3, 0), "page 0 has no rows to lose, and the others are still in the journal");
    sink.finish(3, NOW).unwrap();
    assert_eq!(scene.read(), all(0..3));
}

#[test]
fn waiting_pages_leave_no_large_journal_behind() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    for job in 1..200 {
        sink.put(&[Page { bytes: vec![b'x'; 20_000].into(), ..page(job, 0, 1) }]).unwrap();
    }
    put_all(&mut sink, [0]);
    sink.finish(200, NOW).unwrap();
    drop(sink);
    assert_eq!(fs::metadata(scene.name()).unwrap().len(), 199 * 20_000);
    assert!(fs::metadata(scene.journal()).unwrap().len() < 100_000);
}

/// Every length to which a loss of power may cut what was not synced.
#[test]
fn a_resumed_pull_goes_on_behind_the_last_page_whose_bytes_are_there() {
    let scene = Scene::new();
    let mut sink = scene.begin();
    put_all(&mut sink, 0..4);
    sink.sync().unwrap();
    let safe = all(0..4).len();
    put_all(&mut sink, 4..12);
    drop(sink);
    let (whole, log) = (all(0..12), fs::read(scene.dir.path().join("items.ndjson.abide-wal")).unwrap());
    for kept in safe..=whole.len() {
        fs::write(scene.part(), &whole[..kept]).unwrap();
        fs::write(scene.dir.path().join("items.ndjson.abide-wal"), &log).unwrap();
        let (mut sink, resumed) = scene.resume();
        let there = (4..=12).rev().find(|&job| all(0..job).len() <= kept).unwrap();
        assert_eq!((todo(&mut sink, 0), resumed.jobs), ((there, 0), there), "{kept} bytes");
        assert_eq!(resumed.totals.bytes, all(0..there).len() as u64);
    }
}

/// A small file system of its own, if this process may have one.
#[cfg(target_os = "linux")]
struct SmallDisk {
    scene: Scene,
}

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn new() -> Option<Self> {
        let scene = Scene::new();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(scene.dir.path())
            .output()
            .is_ok_and(|done| done.status.success());
        if !mounted {
            eprintln!("skipped: mounting a small file system is not allowed here");
        }
        mounted.then_some(Self { scene })
    }

    /// Leaves `room` bytes free.
    fn fill(&self, room: usize) {
        let ballast = self.scene.dir.path().join("ballast");
        let mut file = fs::File::create(&ballast).unwrap();
        while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
        let length = file.metadata().unwrap().len();
        file.set_len(length - room as u64).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.scene.dir.path().join("ballast")).unwrap();
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.scene.dir.path()).output();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let large = |job| Page { bytes: format!("{job:020000}\n").into(), ..page(job, 0, 1) };
    let whole: String = (0..20).map(|job| format!("{job:020000}\n")).collect();
    // The output runs full, or, of pages out of turn, the journal. Either the same run goes on or the next.
    for (out_of_turn, reopen) in [(false, false), (false, true), (true, false), (true, true)] {
        let Some(disk) = SmallDisk::new() else { return };
        let scene = &disk.scene;
        let mut sink = scene.begin();
        disk.fill(200_000);
        let mut left: Vec<_> = if out_of_turn { (0..20).rev().collect() } else { (0..20).collect() };
        let full = loop {
            match sink.put(&[large(left[0])]) {
                Ok(()) => drop(left.remove(0)),
                Err(error) => break error,
            }
        };
        assert!(matches!(full, Error::DiskFull { .. }), "{full:?}");
        assert!(full.to_string().contains("free some space and run the same command again"));
        assert!(left.len() < 19, "some were taken before");
        disk.free();
        if reopen {
            drop(sink);
            sink = scene.resume().0;
            let mut todos = Vec::new();
            while let Some(todo) =
                sink.todo(todos.last().map_or(0, |job| job + 1)).unwrap().filter(|t| t.place.job < 20)
            {
                todos.push(todo.place.job);
            }
            left.sort();
            assert_eq!(todos, left, "what was taken is not asked for again");
        }
        left.into_iter().for_each(|job| sink.put(&[large(job)]).unwrap());
        sink.finish(20, NOW).unwrap();
        drop(sink);
        assert!(scene.read() == whole);
    }
}

#[test]
fn an_empty_pull_is_an_empty_file() {
    let scene = Scene::new();
    scene.complete(0);
    assert_eq!(scene.read(), "");
    assert!(matches!(scene.open().unwrap(), Opened::Complete { .. }));
}
