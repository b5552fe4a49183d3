//! What stands there already, and who else may be at it.

use super::*;

#[test]
fn a_complete_pull_is_complete_until_it_is_asked_for_again() {
    let scene = Scene::new();
    scene.complete(3);
    let Opened::Complete { since, totals, .. } = scene.open().unwrap() else { panic!("not complete") };
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
fn a_partial_output_keeps_the_file_that_it_takes_the_name_of() {
    let scene = Scene::new();
    fs::write(scene.name(), "mine").unwrap();
    let fresh = OpenOptions { config: CONFIG, fresh: true, ..OpenOptions::default() };
    let Opened::New(mut sink) = scene.open_with(&fresh).unwrap() else { panic!("not begun") };
    put_all(&mut sink, 0..1);
    sink.fail(1, &failure(1)).unwrap();
    assert_eq!(scene.read(), "mine");
    sink.finish(2, NOW).unwrap();
    assert_eq!(scene.read(), all(0..1));
    assert_eq!(fs::read_to_string(scene.name().with_extension("ndjson.before")).unwrap(), "mine");
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
    let open = |path: &Path| OneFile::open(path, Format::NDJSON, &OpenOptions::default(), NOW);
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
    let open = || {
        OneFile::open(
            &link.join("items.ndjson"),
            Format::NDJSON,
            &OpenOptions { config: CONFIG, ..OpenOptions::default() },
            NOW,
        )
    };
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
    assert_eq!(scene.files(), ["items.ndjson.abide", "items.ndjson.abide-wal", "items.ndjson.part"]);
}
