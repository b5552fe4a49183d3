//! Two processes on one file, with what kills and later versions leave behind.

use abide_core::adapt::End;
use abide_core::time::Wall;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

struct Scene {
    folder: tempfile::TempDir,
    key: Key,
}

fn now(millis: u64) -> Now {
    let mono = time::Instant::ZERO + Duration::from_secs(86_400) + Duration::from_millis(millis);
    Now { mono, wall: Wall::from_millis(1_790_000_000_000 + millis.cast_signed()) }
}

fn left(attempt: u64, millis: u64) -> Deed {
    Deed { attempt, at: now(millis).mono, act: Act::Left { cost: 1, budget: 0 } }
}

fn ended(attempt: u64, millis: u64) -> Deed {
    Deed { attempt, at: now(millis).mono, act: Act::Ended { end: End::Accepted, pause: None } }
}

impl Scene {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), key: Key::new("https://x.test", 0) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("x.limits")
    }

    fn open(&self, who: u64, millis: u64) -> (KeyFile, News) {
        KeyFile::open(self.path(), &self.key, who, now(millis))
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    /// Adds to the file as a process does that is killed over it.
    fn tear(&self, text: &str) {
        let mut file = private().append(true).open(self.path()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}

fn write(file: &mut KeyFile, deeds: &[Deed], millis: u64) -> News {
    assert!(file.lock(now(millis).mono));
    let news = file.read(now(millis));
    file.write(deeds, None, now(millis));
    news
}

fn known() -> Knowledge {
    Knowledge { written: now(0).wall, pause: Some(now(60_000).wall), ..Knowledge::default() }
}

#[test]
fn each_reads_what_the_other_did_and_both_are_told_to_a_third() {
    let scene = Scene::new();
    let ((mut one, _), (mut other, _)) = (scene.open(1, 0), scene.open(2, 0));
    write(&mut one, &[left(7, 10)], 10);
    assert_eq!(write(&mut other, &[left(7, 20)], 20).deeds, [(1, left(7, 10))]);
    assert_eq!(write(&mut one, &[ended(7, 30)], 30).deeds, [(2, left(7, 20))]);
    let (_, news) = scene.open(3, 40);
    assert_eq!(news.deeds, [(1, left(7, 10)), (2, left(7, 20)), (1, ended(7, 30))]);
}

#[test]
fn a_torn_line_is_skipped_and_harms_no_other() {
    let scene = Scene::new();
    let ((mut one, _), (mut other, _)) = (scene.open(1, 0), scene.open(2, 0));
    write(&mut one, &[left(1, 10)], 10);
    scene.tear("3 5 17900000000");
    write(&mut other, &[left(2, 20)], 20);
    assert_eq!(write(&mut one, &[], 30).deeds, [(2, left(2, 20))]);
    assert_eq!(scene.open(4, 40).1.deeds, [(1, left(1, 10)), (2, left(2, 20))]);
}

#[test]
fn what_is_no_file_of_ours_is_begun_anew_and_what_is_of_a_later_version_is_left_alone() {
    for broken in ["", "{\"abide\":1,\"ori", "nonsense\n", "{\"abide\":1}\nx\n"] {
        let scene = Scene::new();
        fs::write(scene.path(), broken).unwrap();
        let (mut file, news) = scene.open(1, 0);
        assert!(news.deeds.is_empty() && news.knowledge.is_none());
        write(&mut file, &[left(1, 10)], 10);
        assert_eq!(scene.open(2, 20).1.deeds, [(1, left(1, 10))], "{broken}");
    }
    let scene = Scene::new();
    let later = "{\"abide\":2,\"more\":true}\n";
    fs::write(scene.path(), later).unwrap();
    let (mut file, _) = scene.open(1, 0);
    assert!(!file.lock(now(10).mono));
    assert_eq!(scene.text(), later);
}

/// Lets a process do so much that the file is begun anew.
fn grow(file: &mut KeyFile, from: u64) {
    for attempt in from..from + MOST_LINES as u64 / 2 {
        write(file, &[left(attempt, attempt), ended(attempt, attempt)], attempt);
    }
    assert!(file.is_long() && file.lock(now(from + 200).mono));
    file.read(now(from + 200));
    file.write(&[left(from + 200, from + 200)], Some(known()), now(from + 200));
    assert!(!file.is_long());
}

#[test]
fn a_file_that_has_grown_is_begun_anew_with_what_is_known_and_nobody_misses_anything() {
    let scene = Scene::new();
    let ((mut one, _), (mut other, _)) = (scene.open(1, 0), scene.open(2, 0));
    write(&mut other, &[left(9, 1)], 1);
    grow(&mut one, 100);
    write(&mut one, &[ended(300, 400)], 400);
    let news = write(&mut other, &[ended(9, 401)], 401);
    assert!(news.knowledge.is_none());
    let last = [(1, left(300, 300)), (2, left(9, 1)), (1, left(300, 300)), (1, ended(300, 400))];
    assert_eq!(news.deeds.len(), MOST_LINES + last.len());
    assert_eq!(news.deeds[MOST_LINES..], last);
    // Who comes now sees what is known, and what was under way.
    let (_, news) = scene.open(3, 402);
    assert_eq!(news.knowledge, Some(known()));
    assert_eq!(news.deeds, [(2, left(9, 1)), (1, left(300, 300)), (1, ended(300, 400)), (2, ended(9, 401))]);
    assert_eq!(fs::read_dir(scene.folder.path()).unwrap().count(), 1);
}

#[test]
fn who_missed_a_whole_file_is_told_what_came_of_it() {
    let scene = Scene::new();
    let ((mut one, _), (mut other, _)) = (scene.open(1, 0), scene.open(2, 0));
    grow(&mut one, 100);
    grow(&mut one, 1_000);
    let news = write(&mut other, &[], 2_000);
    assert_eq!(news.knowledge, Some(known()));
    write(&mut one, &[left(1, 2_001)], 2_001);
    assert_eq!(write(&mut other, &[], 2_002).deeds, [(1, left(1, 2_001))]);
}

#[test]
fn a_process_that_was_killed_while_it_began_a_file_anew_stops_nobody() {
    let scene = Scene::new();
    let ((mut one, _), (mut other, _)) = (scene.open(1, 0), scene.open(2, 0));
    scene.tear("moved\n");
    fs::write(scene.path().with_extension("new"), "{\"abi").unwrap();
    write(&mut one, &[left(1, 10)], 10);
    assert_eq!(write(&mut other, &[], 20).deeds, [(1, left(1, 10))]);
    assert_eq!(scene.open(3, 30).1.deeds, [(1, left(1, 10))]);
    grow(&mut one, 100);
    assert_eq!(scene.open(3, 1_000).1.knowledge, Some(known()));
}

#[test]
fn what_is_forgotten_while_it_is_used_is_used_no_more() {
    let scene = Scene::new();
    let (mut file, _) = scene.open(1, 0);
    forget(&scene.path()).unwrap();
    write(&mut file, &[left(1, 10)], 10);
    assert!(!file.lock(now(20).mono) && file.is_fresh(now(20).mono));
    assert!(!scene.path().exists());
}

#[test]
fn who_is_alone_looks_seldom_and_who_is_not_before_each_attempt() {
    let scene = Scene::new();
    let ((mut one, _), (mut other, _)) = (scene.open(1, 0), scene.open(2, 0));
    let fresh = |file: &KeyFile, millis| file.is_fresh(now(millis).mono);
    assert!(!fresh(&one, 0));
    write(&mut one, &[left(1, 10)], 10);
    assert!(fresh(&one, 11) && !fresh(&one, 60));
    write(&mut other, &[left(1, 70)], 70);
    write(&mut one, &[], 80);
    assert!(!fresh(&one, 81));
    write(&mut one, &[], 70 + 1_001);
    assert!(fresh(&one, 72 + SECOND.as_millis() as u64));
}

#[test]
fn a_file_that_is_locked_for_too_long_is_left_alone_for_a_while() {
    let scene = Scene::new();
    let (mut one, _) = scene.open(1, 0);
    let stopped = File::open(scene.path()).unwrap();
    stopped.lock().unwrap();
    assert!(!one.lock(now(0).mono));
    stopped.unlock().unwrap();
    assert!(!one.lock(now(1_000).mono) && one.is_fresh(now(1_000).mono));
    assert!(!one.is_fresh(now(1_100).mono) && one.lock(now(1_100).mono));
}
