//! Stories and the law of a folder of files.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::pull::sink::testing::{all_rows, failure, folder, page, rows, url};
use crate::pull::sink::{IfComplete, OpenOptions, Opened, Resumed};

const CONFIG: &[(&str, &str)] = &[("input", "http://127.0.0.1/{0..9}")];
const NOW: Wall = Wall::from_secs(1_700_000_000);

/// A folder within a folder.
struct Scene {
    dir: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { dir: folder() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("items")
    }

    fn file(&self, job: u64) -> PathBuf {
        self.path().join(name_of(job))
    }

    fn open_with(&self, jobs: u64, options: &OpenOptions<'_>) -> Result<Opened<Files>> {
        Files::open(&self.path(), jobs, Box::new(name_of), options)
    }

    fn open(&self, jobs: u64) -> Result<Opened<Files>> {
        self.open_with(jobs, &OpenOptions { config: CONFIG, ..OpenOptions::default() })
    }

    fn open_fresh(&self, jobs: u64) -> Result<Opened<Files>> {
        self.open_with(jobs, &OpenOptions { config: CONFIG, fresh: true, ..OpenOptions::default() })
    }

    fn begin(&self, jobs: u64) -> Files {
        match self.open(jobs).unwrap() {
            Opened::New(sink) => sink,
            _ => panic!("expected a new pull"),
        }
    }

    fn resume(&self, jobs: u64) -> (Files, Resumed) {
        match self.open(jobs).unwrap() {
            Opened::Resumed(sink, resumed) => (sink, resumed),
            _ => panic!("expected a resumed pull"),
        }
    }

    fn complete(&self, jobs: u64) {
        let mut sink = self.begin(jobs);
        put_all(&mut sink, 0..jobs);
        sink.finish(jobs, NOW).unwrap();
    }

    /// Names and contents, without the journal.
    fn files(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<_> = entries
            .filter(|name| !name.starts_with(".abide") || name.ends_with(".part"))
            .map(|name| (fs::read_to_string(self.path().join(&name)).unwrap(), name))
            .map(|(content, name)| (name, content))
            .collect();
        files.sort();
        files
    }
}

fn name_of(job: u64) -> String {
    format!("{job}.json")
}

fn put_all(sink: &mut Files, jobs: impl IntoIterator<Item = u64>) {
    jobs.into_iter().for_each(|job| sink.put(&[page(job, 0, 1)]).unwrap());
}

fn all(jobs: impl IntoIterator<Item = u64>) -> Vec<(String, String)> {
    jobs.into_iter().map(|job| (name_of(job), rows(job, 0))).collect()
}

fn todo(sink: &mut Files, from: u64) -> Option<(u64, u64)> {
    sink.todo(from).unwrap().map(|todo| (todo.place.job, todo.place.page))
}

#[test]
fn each_job_has_its_file_once_it_is_whole_and_synced() {
    let scene = Scene::new();
    let mut sink = scene.begin(3);
    sink.put(&[page(2, 0, 1), page(1, 0, 2)]).unwrap();
    sink.sync().unwrap();
    assert_eq!(scene.files(), all([2]));
    sink.put(&[page(1, 1, 2), page(0, 0, 1)]).unwrap();
    sink.sync().unwrap();
    let whole = [(name_of(0), rows(0, 0)), (name_of(1), all_rows(1, 2)), (name_of(2), rows(2, 0))];
    assert_eq!(scene.files(), whole);
    assert_eq!(sink.journal.waiting(Place::default()).unwrap().0, 0, "nothing is kept of what is in the files");
    sink.finish(3, NOW).unwrap();
    let Totals { pages, bytes, .. } = sink.totals();
    assert_eq!((pages, bytes), (4, whole.iter().map(|(_, content)| content.len() as u64).sum()));
    drop(sink);
    assert!(matches!(scene.open(3).unwrap(), Opened::Complete { since: NOW, totals: Totals { pages: 4, .. }, .. }));
}

#[test]
fn a_killed_pull_asks_only_for_what_is_missing() {
    let scene = Scene::new();
    let mut sink = scene.begin(6);
    sink.put(&[page(0, 0, 1), page(1, 0, 3), page(3, 0, 1)]).unwrap();
    sink.fail(2, &failure(2)).unwrap();
    assert_eq!((todo(&mut sink, 0), todo(&mut sink, 2)), (Some((1, 1)), Some((4, 0))));
    drop(sink);
    let (mut sink, resumed) = scene.resume(6);
    assert_eq!((resumed.jobs, resumed.waiting, resumed.missing), (2, 1, 1));
    assert_eq!((todo(&mut sink, 0), todo(&mut sink, 2)), (Some((1, 1)), Some((2, 0))));
    assert_eq!((todo(&mut sink, 3), todo(&mut sink, 6)), (Some((4, 0)), None));
    assert_eq!(sink.todo(0).unwrap().unwrap().url, Some(url(1, 1)));
    assert!(sink.seen(1, &url(1, 0)).unwrap());
    sink.put(&[page(1, 1, 3), page(1, 2, 3), page(0, 0, 1)]).unwrap();
    sink.sync().unwrap();
    assert_eq!(fs::read_to_string(scene.file(1)).unwrap(), all_rows(1, 3));
}

#[test]
fn what_failed_is_tried_again_by_the_next_run() {
    let scene = Scene::new();
    let mut sink = scene.begin(3);
    put_all(&mut sink, [0, 2]);
    assert!(matches!(sink.finish(3, NOW), Err(Error::Unfinished { job: 1, jobs: 3 })));
    sink.fail(1, &failure(1)).unwrap();
    sink.finish(3, NOW).unwrap();
    assert_eq!(sink.failures(0, 9).unwrap()[0].failure, failure(1));
    drop(sink);
    let (mut sink, resumed) = scene.resume(3);
    assert_eq!((resumed.jobs, resumed.missing, todo(&mut sink, 0)), (2, 1, Some((1, 0))));
    put_all(&mut sink, [1]);
    sink.finish(3, NOW).unwrap();
    assert_eq!(scene.files(), all(0..3));
}

#[test]
fn a_foreign_file_with_a_needed_name_is_refused_before_the_first_request() {
    let scene = Scene::new();
    fs::create_dir(scene.path()).unwrap();
    fs::write(scene.file(2), "mine").unwrap();
    fs::write(scene.path().join("other"), "mine").unwrap();
    let Err(Error::Occupied { path }) = scene.open(3) else { panic!("not refused") };
    assert_eq!(path, scene.file(2));
    assert!(!scene.path().join(".abide").exists());
    drop(scene.begin(2));
    assert!(matches!(
        scene.open_with(3, &OpenOptions { config: CONFIG, ..OpenOptions::default() }),
        Err(Error::Appeared { .. })
    ));
    assert_eq!(fs::read_to_string(scene.file(2)).unwrap(), "mine");
}

#[test]
fn a_foreign_file_that_appears_is_not_overwritten_and_nothing_is_fetched_again() {
    let scene = Scene::new();
    let mut sink = scene.begin(2);
    fs::write(scene.file(1), "mine").unwrap();
    sink.put(&[page(1, 0, 1), page(0, 0, 1)]).unwrap();
    assert!(matches!(sink.sync(), Err(Error::Appeared { .. })));
    drop(sink);
    assert!(matches!(scene.open(2), Err(Error::Appeared { .. })));
    assert_eq!(fs::read_to_string(scene.file(1)).unwrap(), "mine");
    fs::remove_file(scene.file(1)).unwrap();
    let (mut sink, _) = scene.resume(2);
    assert_eq!(todo(&mut sink, 0), None);
    sink.finish(2, NOW).unwrap();
    assert_eq!(scene.files(), all(0..2));
}

#[test]
fn a_name_that_is_free_again_lets_the_same_run_go_on() {
    let scene = Scene::new();
    let mut sink = scene.begin(2);
    fs::write(scene.file(0), "mine").unwrap();
    sink.put(&[page(0, 0, 1)]).unwrap();
    assert!(sink.sync().is_err());
    fs::remove_file(scene.file(0)).unwrap();
    sink.put(&[page(0, 0, 1), page(1, 0, 1)]).unwrap();
    sink.finish(2, NOW).unwrap();
    assert_eq!(scene.files(), all(0..2));
}

#[test]
fn fresh_replaces_each_file_when_its_new_one_is_whole() {
    let scene = Scene::new();
    fs::create_dir(scene.path()).unwrap();
    (0..3).for_each(|job| fs::write(scene.file(job), "mine").unwrap());
    let Opened::New(mut sink) = scene.open_fresh(3).unwrap() else { panic!("not new") };
    put_all(&mut sink, [1]);
    sink.sync().unwrap();
    drop(sink);
    let mine = |job| (name_of(job), "mine".to_owned());
    assert_eq!(scene.files(), [mine(0), (name_of(1), rows(1, 0)), mine(2)]);
    let (mut sink, _) = scene.resume(3);
    assert_eq!((todo(&mut sink, 0), todo(&mut sink, 1)), (Some((0, 0)), Some((2, 0))));
    put_all(&mut sink, [0, 2]);
    fs::write(scene.file(2), "changed").unwrap();
    assert!(matches!(sink.sync(), Err(Error::Appeared { .. })));
    drop(sink);
    assert!(matches!(scene.open(3), Err(Error::Appeared { .. })), "that is not what was to be replaced");
    fs::remove_file(scene.file(2)).unwrap();
    let (mut sink, _) = scene.resume(3);
    assert_eq!(todo(&mut sink, 0), None);
    sink.finish(3, NOW).unwrap();
    assert_eq!(scene.files(), all(0..3));
}

#[test]
fn a_complete_folder_is_complete_until_it_is_asked_for_again() {
    let scene = Scene::new();
    scene.complete(2);
    let with = |if_complete| scene.open_with(2, &OpenOptions { config: CONFIG, if_complete, ..OpenOptions::default() });
    assert!(matches!(with(IfComplete::Skip), Ok(Opened::Complete { since: NOW, .. })));
    assert!(matches!(with(IfComplete::Fail), Err(Error::AlreadyComplete { .. })));
    let Opened::New(mut sink) = with(IfComplete::Refetch).unwrap() else { panic!("not refetched") };
    assert_eq!((scene.files(), todo(&mut sink, 0)), (all(0..2), Some((0, 0))));
    put_all(&mut sink, 0..2);
    sink.finish(2, NOW).unwrap();
    assert_eq!(scene.files(), all(0..2));
}

#[test]
fn a_file_changed_by_its_owner_is_not_ours_and_one_removed_is_fetched_again() {
    let scene = Scene::new();
    scene.complete(3);
    fs::write(scene.file(1), "edited").unwrap();
    assert!(matches!(scene.open(3), Err(Error::Changed { since: Some(NOW), .. })));
    assert_eq!(fs::read_to_string(scene.file(1)).unwrap(), "edited");
    fs::remove_file(scene.file(1)).unwrap();
    let (mut sink, _) = scene.resume(3);
    assert_eq!((todo(&mut sink, 0), todo(&mut sink, 2)), (Some((1, 0)), None));
    put_all(&mut sink, [1]);
    sink.finish(3, NOW).unwrap();
    assert_eq!(scene.files(), all(0..3));
}

#[test]
fn a_kill_at_any_step_of_naming_loses_nothing() {
    for step in 0..3 {
        let scene = Scene::new();
        let mut sink = scene.begin(2);
        sink.put(&[page(0, 0, 1), page(1, 0, 1)]).unwrap();
        if step > 0 {
            sink.folder.publish(1, None).unwrap();
        }
        if step > 1 {
            sink.folder.publish(0, None).unwrap();
        }
        drop(sink);
        let (mut sink, resumed) = scene.resume(2);
        assert_eq!((resumed.jobs, todo(&mut sink, 0)), (2, None));
        assert_eq!(sink.journal.files().unwrap().of(1).unwrap().named, step > 0);
        sink.finish(2, NOW).unwrap();
        assert_eq!(scene.files(), all(0..2));
    }
}

#[test]
fn a_file_edited_right_after_a_kill_is_not_ours_any_more() {
    let scene = Scene::new();
    let mut sink = scene.begin(2);
    put_all(&mut sink, [1]);
    sink.folder.publish(1, None).unwrap();
    drop(sink);
    fs::write(scene.file(1), "edited").unwrap();
    assert!(matches!(scene.open(2), Err(Error::Changed { .. })));
    assert_eq!(fs::read_to_string(scene.file(1)).unwrap(), "edited");
}

#[test]
fn a_half_written_file_of_a_killed_run_is_removed() {
    let scene = Scene::new();
    let sink = scene.begin(2);
    fs::write(sink.folder.part(1), "half").unwrap();
    drop(sink);
    drop(scene.resume(2));
    assert_eq!(scene.files(), []);
}

#[test]
fn names_and_folders_that_cannot_be_written_are_refused() {
    let scene = Scene::new();
    for name in ["", ".", "..", "a/b", "../a", "/a", "a/", ".abide", ".abide-1.part"] {
        let refused = Files::open(&scene.path(), 1, Box::new(|_| name.to_owned()), &OpenOptions::default());
        assert!(matches!(refused, Err(Error::BadName { .. })), "{name:?}");
    }
    let open = |path: &Path| Files::open(path, 1, Box::new(name_of), &OpenOptions::default());
    assert!(matches!(open(&scene.path().join("missing")), Err(Error::NoFolder { .. })));
    fs::write(scene.path(), "mine").unwrap();
    assert!(matches!(open(&scene.path()), Err(Error::WrongKind { is_folder: false, .. })));
}

#[test]
fn another_pull_and_a_second_one_are_refused() {
    let scene = Scene::new();
    let sink = scene.begin(1);
    assert!(matches!(scene.open(1), Err(Error::InUse { .. })));
    drop(sink);
    let other = OpenOptions { config: &[("input", "other")], ..OpenOptions::default() };
    assert!(matches!(scene.open_with(1, &other), Err(Error::OtherPull { .. })));
}

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    Arrive(Vec<usize>),
    Fail(usize),
    Sync,
    Close,
    Kill,
    /// Each file that was not synced may be cut, gone or full of zeros, and the journal's log be cut.
    LosePower {
        keep: Vec<u8>,
        log: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(0..4usize, 1..4).prop_map(Step::Arrive),
        1 => (0..4usize).prop_map(Step::Fail),
        1 => Just(Step::Sync),
        1 => Just(Step::Close),
        1 => Just(Step::Kill),
        2 => (prop::collection::vec(any::<u8>(), 1..4), any::<u8>()).prop_map(|(keep, log)| Step::LosePower { keep, log }),
    ]
}

/// Every place from which a job of this run may go on.
fn todos(sink: &mut Files) -> Vec<Place> {
    let mut todos = Vec::new();
    let mut from = 0;
    while let Some(todo) = sink.todo(from).unwrap() {
        from = todo.place.job + 1;
        todos.push(todo.place);
    }
    todos
}

proptest! {
    #[test]
    fn the_folder_is_that_of_an_uninterrupted_run(
        jobs in prop::collection::vec(1..4u64, 0..7),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let scene = Scene::new();
        let count = jobs.len() as u64;
        let (mut put, mut unsynced, mut lost) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::<Place>::new());
        let mut steps = steps.into_iter();
        let mut complete = false;
        for _ in 0..100 {
            let mut sink = match scene.open(count).unwrap() {
                Opened::New(sink) | Opened::Resumed(sink, _) => sink,
                Opened::Complete { .. } => break,
            };
            for place in todos(&mut sink) {
                let again: Vec<_> = put.range(place..Place::start_of(place.job + 1)).copied().collect();
                prop_assert!(again.iter().all(|place| lost.contains(place)), "{again:?} were safe and are to do again");
                again.iter().for_each(|place| _ = put.remove(place));
            }
            lost.clear();
            loop {
                let open = todos(&mut sink);
                if open.is_empty() {
                    sink.finish(count, NOW).unwrap();
                    complete = sink.totals().failed == 0;
                    unsynced.clear();
                    break;
                }
                match steps.next().unwrap_or(Step::Arrive(vec![0])) {
                    Step::Arrive(chosen) => {
                        let places: BTreeSet<_> = chosen.iter().map(|index| open[index % open.len()]).collect();
                        let pages: Vec<_> =
                            places.iter().map(|place| page(place.job, place.page, jobs[place.job as usize])).collect();
                        sink.put(&pages).unwrap();
                        put.extend(&places);
                        unsynced.extend(&places);
                    }
                    Step::Fail(index) => {
                        let job = open[index % open.len()].job;
                        sink.fail(job, &failure(job)).unwrap();
                    }
                    Step::Sync => {
                        sink.sync().unwrap();
                        unsynced.clear();
                    }
                    Step::Close => {
                        Box::new(sink).close(Ending::Interrupted).unwrap();
                        unsynced.clear();
                        break;
                    }
                    Step::Kill => break,
                    Step::LosePower { keep, log } => {
                        let parts: Vec<_> = sink.unnamed.iter().map(|file| sink.folder.part(file.job)).collect();
                        drop(sink);
                        for (path, keep) in parts.iter().zip(keep.iter().cycle()) {
                            let mut file = File::options().write(true).open(path).unwrap();
                            let meta = file.metadata().unwrap();
                            match keep % 3 {
                                0 => file.set_len(meta.len() * u64::from(*keep) / 255).unwrap(),
                                1 => fs::remove_file(path).unwrap(),
                                _ => file.write_all(&[0; 5][..meta.len().min(5) as usize]).unwrap(),
                            }
                            file.set_modified(meta.modified().unwrap()).unwrap();
                        }
                        if let Ok(file) = File::options().write(true).open(scene.path().join(".abide-wal")) {
                            file.set_len(file.metadata().unwrap().len() * u64::from(log) / 255).unwrap();
                        }
                        lost = unsynced.clone();
                        break;
                    }
                }
            }
        }
        prop_assert!(complete || count == 0, "a pull without failures ends");
        let whole: Vec<_> = (0..).zip(&jobs).map(|(job, &of)| (name_of(job), all_rows(job, of))).collect();
        prop_assert_eq!(scene.files(), whole);
    }
}
