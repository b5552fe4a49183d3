//! Failed jobs: passed over, and put in their place by a later run.

use super::*;

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
