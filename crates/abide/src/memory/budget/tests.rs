use abide_core::policy::LimitSpecs;
use abide_core::time::Wall;

use super::*;

const ASK: Ask = Ask { count: 1, cost: 1, unused: None, delay: Duration::ZERO };

fn now(millis: u64) -> Now {
    let since = Duration::from_secs(86_400) + Duration::from_millis(millis);
    Now { mono: Instant::ZERO + since, wall: Wall::from_secs(1_790_000_000) + since }
}

struct Scene {
    folder: tempfile::TempDir,
    limits: Arc<[LimitSpec]>,
}

impl Scene {
    fn new(limits: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), limits: limits.parse::<LimitSpecs>().unwrap().0.into() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("x.budget")
    }

    fn process(&self, who: u64) -> BudgetFile {
        BudgetFile::new(self.path(), Arc::clone(&self.limits), who)
    }
}

/// When an attempt may leave, in milliseconds.
fn from(file: &mut BudgetFile, millis: u64) -> u64 {
    match file.lease(ASK, now(millis)).unwrap() {
        Answer::Leased(lease) => u64::try_from(lease.from.since(now(0).mono).as_millis()).unwrap(),
        later => panic!("{later:?}"),
    }
}

#[test]
fn processes_take_turns() {
    let scene = Scene::new("10/s burst 1");
    let (mut one, mut other) = (scene.process(1), scene.process(2));
    let turns = [from(&mut one, 0), from(&mut other, 0), from(&mut one, 0), from(&mut other, 0)];
    assert_eq!(turns, [0, 26, 126, 226]);
    assert_eq!((one.workers, other.workers), (2, 2));
}

#[test]
fn what_was_spent_is_known_to_those_that_come_later_and_after_a_restart_of_the_machine() {
    let scene = Scene::new("2/5s");
    let mut one = scene.process(1);
    assert_eq!([from(&mut one, 0), from(&mut one, 0)], [0, 0]);
    drop(one);
    // Word 4 names the boot.
    let mut bytes = std::fs::read(scene.path()).unwrap();
    let mut words: Vec<u64> = bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
    words[4] ^= 1;
    words[3] = checksum(&words[HEAD - 2..usize::try_from(words[2]).unwrap()]);
    bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    std::fs::write(scene.path(), bytes).unwrap();
    assert_eq!(from(&mut scene.process(2), 100), 5_025);
}

#[test]
fn a_file_that_is_torn_counts_as_spent() {
    let scene = Scene::new("2/5s");
    let mut one = scene.process(1);
    from(&mut one, 0);
    let whole = std::fs::read(scene.path()).unwrap();
    for torn in [&whole[..20], &whole[..60], b"something else that is no budget of anybody"] {
        std::fs::write(scene.path(), torn).unwrap();
        assert_eq!(from(&mut one, 1_000), 6_000);
    }
    let mut changed = whole.clone();
    changed[60] ^= 1;
    std::fs::write(scene.path(), changed).unwrap();
    assert_eq!(from(&mut one, 1_000), 6_000);
}

#[test]
fn a_clock_that_was_set_back_holds_nobody_for_long() {
    let scene = Scene::new("2/5s");
    from(&mut scene.process(1), 3_600_000);
    assert_eq!(from(&mut scene.process(2), 0), 5_000, "as if all was just spent");
}

#[test]
fn a_file_of_a_later_version_is_left_alone_and_each_keeps_to_its_part() {
    let scene = Scene::new("2/5s");
    from(&mut scene.process(1), 0);
    let mut one = scene.process(2);
    from(&mut one, 0);
    let mut bytes = std::fs::read(scene.path()).unwrap();
    bytes[8] = 2;
    std::fs::write(scene.path(), &bytes).unwrap();
    assert_eq!(one.lease(ASK, now(100)), Err(Down { until: now(600).mono, workers: 2 }));
    assert_eq!(std::fs::read(scene.path()).unwrap(), bytes);
    bytes[8] = 1;
    std::fs::write(scene.path(), &bytes).unwrap();
    assert!(one.lease(ASK, now(700)).is_ok(), "it comes back by itself");
}

#[test]
fn a_file_that_was_removed_is_made_anew() {
    let scene = Scene::new("1/min");
    let (mut one, mut other) = (scene.process(1), scene.process(2));
    from(&mut one, 0);
    std::fs::remove_file(scene.path()).unwrap();
    assert_eq!(from(&mut other, 2_000), 2_000);
    assert!(matches!(one.lease(ASK, now(2_000)), Ok(Answer::Later { .. })), "it looks at the same file again");
}

#[test]
fn books_of_thousands_fit() {
    let scene = Scene::new("100000/day");
    let mut one = scene.process(1);
    for i in 0..3_000 {
        assert_eq!(from(&mut one, i * 90_000), i * 90_000);
    }
    assert!(std::fs::metadata(scene.path()).unwrap().len() > LENGTH as u64);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_it_and_it_has_its_length_from_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new("50/5s");
    from(&mut scene.process(1), 0);
    let meta = std::fs::metadata(scene.path()).unwrap();
    assert_eq!((meta.permissions().mode() & 0o777, meta.len()), (0o600, LENGTH as u64));
}
