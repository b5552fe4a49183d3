//! A pull that nothing disturbs: order, loops, totals, and what is left on disk.

use super::*;

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

#[test]
fn an_empty_pull_is_an_empty_file() {
    let scene = Scene::new();
    scene.complete(0);
    assert_eq!(scene.read(), "");
    assert!(matches!(scene.open().unwrap(), Opened::Complete { .. }));
}
