//! What one run learns the next one knows, and runs at the same time keep to one limit.

use std::fs;
use std::process::Command;
use std::thread;

use crate::support::{Home, Mock, Run, Running, Server, json, reply};

const N: usize = 40;

/// Gets so many URLs in runs of their own, `side_by_side` at a time, and returns how many requests were refused.
fn get_in_a_loop(home: &Home, mock: &Mock, side_by_side: usize, status: u16) -> usize {
    let get = |id: usize| home.run(&["get", &mock.url(&format!("/items/{id}"))]);
    let check = |id: usize, run: Run| assert!(run.expect(0).stdout.starts_with(&format!("{{\"id\":{id},")));
    thread::scope(|scope| {
        for first in 0..side_by_side {
            scope.spawn(move || (first..N).step_by(side_by_side).for_each(|id| check(id, get(id))));
        }
    });
    mock.log().iter().filter(|(answer, _)| *answer == status).count()
}

#[test]
fn a_loop_of_gets_learns_a_limit_that_nobody_stated() {
    for (status, code) in [("429", 429), ("503", 503)] {
        let (home, mock) = (Home::new(), Mock::start(&["--limit", "20/s burst 10", "--status", status]));
        let refused = get_in_a_loop(&home, &mock, 1, code);
        assert!(refused <= 6, "{refused} refused with {status}");
    }
}

#[test]
fn gets_side_by_side_learn_it_together() {
    let (home, mock) = (Home::new(), Mock::start(&["--limit", "20/s burst 10"]));
    let refused = get_in_a_loop(&home, &mock, 8, 429);
    assert!(refused <= 14, "{refused} refused");
}

#[test]
fn gets_side_by_side_keep_to_a_told_limit_together() {
    let (home, mock) = (Home::new(), Mock::start(&["--limit", "10/500ms fixed"]));
    thread::scope(|scope| {
        for first in 0..4 {
            let (home, mock) = (&home, &mock);
            scope.spawn(move || {
                for id in (first..N).step_by(4) {
                    home.run(&["get", "--limit", "10/500ms fixed", &mock.url(&format!("/items/{id}"))]).expect(0);
                }
            });
        }
    });
    assert_eq!((mock.refused(), mock.log().len()), (0, N));
}

#[test]
fn what_is_remembered_is_told_and_can_be_forgotten() {
    let (home, mock) = (Home::new(), Mock::start(&["--limit", "5/s burst 2"]));
    let url = mock.url("/items/1");
    let host = url.trim_start_matches("http://").split('/').next().unwrap();
    assert_eq!(home.run(&["limits", host]).expect(0).stdout, format!("nothing of {host} is remembered\n"));
    for _ in 0..4 {
        home.run(&["get", &url]).expect(0);
    }
    let told = home.run(&["limits", "127.0.0.1"]).expect(0).stdout;
    assert!(told.starts_with(&format!("http://{host}, remembered, written ")), "{told}");
    assert!(told.contains(": 4 accepted, ") && told.contains(" refused, last confirmed "), "{told}");
    let json: serde_json::Value =
        serde_json::from_str(&home.run(&["limits", host, "--json"]).expect(0).stdout).unwrap();
    assert_eq!((&json["accepted"], &json["credential"]), (&4.into(), &false.into()));
    home.run(&["limits", host, "--forget"]).expect(0);
    assert_eq!(home.run(&["limits", host]).expect(0).stdout, format!("nothing of {host} is remembered\n"));
}

#[test]
fn a_wait_that_one_run_was_told_holds_for_the_next() {
    let server = Server::start(|_| reply("429 Too Many Requests", "Retry-After: 300\r\n", ""));
    let home = Home::new();
    let get = ["get", "--max-wait", "1s", &server.url("/")];
    home.run(&get).expect(75);
    home.run(&get).expect(75).says(&["another run was told"]);
    assert_eq!(server.heads().len(), 1);
    // But not for one that remembers nothing.
    home.run(&[&get[..], &["--no-memory"]].concat()).expect(75);
    assert_eq!(server.heads().len(), 2);
}

#[test]
fn a_run_says_what_it_remembers() {
    let server = Server::start(|_| json("{}"));
    let home = Home::new();
    // Enough for the file to be begun anew, with what is known.
    for _ in 0..2 {
        let urls: Vec<String> = (0..150).map(|id| server.url(&format!("/{id}"))).collect();
        home.run(&[&["get", "-q"], urls.iter().map(String::as_str).collect::<Vec<_>>().as_slice()].concat()).expect(0);
    }
    home.run(&["get", "-v", &server.url("/")]).expect(0).says(&["remembered: http://127.0.0.1", "no limit met: "]);
}

#[test]
fn what_is_remembered_shows_no_secret_and_is_kept_apart_by_it() {
    let server = Server::start(|_| json("{}"));
    let home = Home::new();
    home.run(&["get", &server.url("/")]).expect(0);
    for secret in ["s3cret", "0ther"] {
        let url = server.url("/").replace("http://", &format!("http://ann:{secret}@"));
        home.run(&["get", &url]).expect(0);
        home.run(&["get", "-H", &format!("X-Api-Key: {secret}"), &server.url("/")]).expect(0);
    }
    let mut files = 0;
    for entry in fs::read_dir(home.memory()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for secret in ["s3cret", "0ther", "ann"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", path.display());
        }
        files += usize::from(path.extension().is_some());
    }
    assert_eq!(files, 5);
}

#[test]
fn a_folder_that_can_not_be_used_is_no_error() {
    let server = Server::start(|_| json("{}"));
    let home = Home::new();
    home.write("taken", "");
    let run = |flags: &[&str], folder: &str| {
        let mut command: Command = home.command(&[&["get", &server.url("/")], flags].concat());
        Running::start(command.env("ABIDE_STATE_DIR", home.path(folder))).wait()
    };
    assert_eq!(run(&[], "taken").expect(0).stderr, "");
    run(&["-v"], "taken").expect(0).says(&["nothing is remembered", "taken"]);
}
