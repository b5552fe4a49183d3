//! Kills, loss of power and full disks, at each point where they could do harm.

use super::*;

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
fn a_kill_at_any_step_of_finishing_is_recovered_from() {
    for (step, partial) in (0..4).flat_map(|step| [(step, false), (step, true)]) {
        let scene = Scene::new();
        fs::write(scene.name(), "old").unwrap();
        let Opened::New(mut sink) = scene.open_fresh().unwrap() else { panic!("not new") };
        put_all(&mut sink, 0..2);
        if partial {
            sink.fail(2, &failure(2)).unwrap();
        } else {
            put_all(&mut sink, [2]);
        }
        put_all(&mut sink, [3]);
        if step >= 1 {
            sink.seal(4).unwrap();
        }
        if step >= 2 {
            if partial {
                keep_earlier(&sink.paths, &sink.state).unwrap();
            }
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
        let mut files = vec!["items.ndjson", "items.ndjson.abide"];
        if partial {
            files.push("items.ndjson.before");
            assert_eq!(fs::read_to_string(scene.name().with_extension("ndjson.before")).unwrap(), "old");
        }
        assert_eq!(scene.files(), files, "step {step}");
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
