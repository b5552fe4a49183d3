//! What is said: help, decisions, and nothing where nothing is wanted.

use crate::support::{Home, Mock};

#[test]
fn each_help_is_one_screen() {
    let home = Home::new();
    for args in [
        &["--help"][..],
        &["get", "--help"],
        &["pull", "--help"],
        &["limits", "--help"],
        &["mock", "--help"],
        &["demo", "--help"],
    ] {
        let help = home.run(args).expect(0).stdout;
        assert!(help.lines().count() <= 40 && help.lines().all(|line| line.chars().count() <= 110), "{args:?}\n{help}");
    }
    let pull = home.run(&["pull", "--help"]).expect(0).stdout;
    assert!(pull.contains("Examples:") && pull.contains("--max-wait"), "{pull}");
    assert!(home.run(&["--help"]).expect(0).stdout.contains("75 paused"));
}

#[test]
fn decisions_are_told_with_their_reasons() {
    let (home, mock) = (Home::new(), Mock::start(&["--script", "429,503", "--retry-after", "text:1"]));
    let url = mock.url("/items/{0..2}");
    let flags = ["--concurrency", "1", "--limit", "2/1s", "-o", "x.ndjson"];
    let run = home.run(&[&["pull", &url], &flags[..], &["-v"]].concat()).expect(0);
    let run = run.says(&[
        "send call=1 attempt=1",
        "waited_for=the pause that call 1 was told",
        "answer call=1 attempt=1 status=429",
        "wait call=1 reason=",
        "the limit 2/s that was told",
        "return call=3",
    ]);
    assert!(!run.stderr.contains('\u{1b}') && !run.stderr.contains("Decision"), "{}", run.stderr);
    assert!(!run.stderr.contains("hyper") && !run.stderr.contains("reqwest"), "{}", run.stderr);
    // However often the end of a wait moves, what is waited for is said once.
    let told = |line: &&str| line.contains("wait call=1 reason=the pause that call 1 was told");
    assert_eq!(run.stderr.lines().filter(told).count(), 1, "{}", run.stderr);
    let all = home.run(&["get", &mock.url("/items/1"), "-vv"]).expect(0);
    all.says(&["decision=Send"]);
}

#[test]
fn quiet_is_quiet_and_stdout_is_for_data() {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "3"]));
    let run = home.run(&["pull", &mock.url("/items"), "-q"]).expect(0);
    assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (3, ""));
    let run = home.run(&["pull", &mock.url("/items"), "-o", "x.ndjson"]).expect(0);
    assert_eq!(run.stdout, "");
    assert_eq!(run.stderr.lines().count(), 1);
    assert!(
        run.stderr.starts_with("complete: 3 records in ") && run.stderr.ends_with(" -> x.ndjson\n"),
        "{}",
        run.stderr
    );
    let run = home.run(&["get", &mock.url("/items/1")]).expect(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn an_error_that_nobody_reads_still_has_its_exit_code() {
    let home = Home::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = home.command(&["pull", "http://h x/"]);
    assert_eq!(command.stderr(writer).status().unwrap().code(), Some(2));

    let mock = Mock::start(&["--records", "3"]);
    for (path, code) in [("/items/{0..2}", 0), ("/items/{2..4}", 3), ("/items/9", 1)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = home.command(&["pull", &mock.url(path), "-v"]);
        assert_eq!(
            command.stderr(writer).stdout(std::process::Stdio::null()).status().unwrap().code(),
            Some(code),
            "{path}"
        );
    }
}
