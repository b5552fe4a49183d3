//! Where the output goes: what may stand there, what is refused, and what is never touched.

use std::fs;

use crate::support::{Home, Mock, Server, json, names, reply};

const NOWHERE: &str = "http://127.0.0.1:9/items";

#[test]
fn a_folder_is_no_file() {
    let home = Home::new();
    fs::create_dir(home.path("x.ndjson")).unwrap();
    home.run(&["pull", NOWHERE, "-o", "x.ndjson"]).expect(1).says(&[
        "x.ndjson is a folder",
        "-o x.ndjson/",
        "name a file",
    ]);
    home.run(&["pull", NOWHERE, "-o", "."]).expect(1).says(&["is a folder"]);
    home.write("plain", "");
    home.run(&["pull", NOWHERE, "-o", "plain/"]).expect(1).says(&["plain is a file and a folder is needed"]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let home = Home::new();
    for output in ["none/x.ndjson", "none/x/"] {
        home.run(&["pull", NOWHERE, "-o", output]).expect(1).says(&["the folder none does not exist", "create it"]);
    }
}

#[test]
fn an_ending_that_is_not_known_says_which_are() {
    let home = Home::new();
    for output in ["x.xlsx", "x", "x.json"] {
        home.run(&["pull", NOWHERE, "-o", output]).expect(2).says(&[output, "NAME.ndjson", "NAME/"]);
    }
    assert!(home.names().is_empty());
}

#[test]
fn what_can_not_be_read_says_what_can() {
    let home = Home::new();
    let run = |args: &[&str]| home.run(args).expect(2);
    run(&["pull", NOWHERE, "-o", "x.ndjson", "--limit", "50/m"])
        .says(&["'m' may mean minute or month", "accepted: '50/5s'"]);
    run(&["pull", NOWHERE, "-o", "x.ndjson", "--limit", "fast"]).says(&[
        "'fast' is not a limit",
        "accepted:",
        "concurrency 4",
    ]);
    run(&["pull", NOWHERE, "--max-wait", "5"]).says(&["'5' is not a duration", "5min"]);
    run(&["pull", NOWHERE, "--max-body", "5XB"]).says(&["'5XB' is not a size", "256MiB"]);
    run(&["pull", NOWHERE, "--records", "a."]).says(&["'a.' is not a path to records", "data.items"]);
    run(&["pull", NOWHERE, "--pages", "sideways"]).says(&["sideways", "auto", "none"]);
    run(&["pull", NOWHERE, "--allow-origin", "x"]).says(&["'x' is not an origin", "https://"]);
    run(&["pull", NOWHERE, "-o", "x/", "--pages", "auto"]).says(&["one file an URL does not go with --pages"]);
    run(&["pull", "http://x/1", "http://x/2"]).says(&["there are 2 URLs", "in quotes", "--urls"]);
    run(&["pull", "items.toml"]).says(&["items.toml can't be read"]);
    run(&["pull", "http://x/{1..}"]).says(&["{1..}"]);
    run(&["pull", "--urls", "none.txt"]).says(&["the URLs in none.txt can't be read"]);
    run(&["get", "x/y"]).says(&["'x/y' is not a URL to fetch", "https://"]);
    run(&["get", NOWHERE, "--bearer", "env:ABIDE_NOT_SET"]).says(&["ABIDE_NOT_SET is not set"]);
    run(&["get", NOWHERE, "-H", "X-Key"]).says(&["'Name: value'"]);
    run(&["get", NOWHERE, "--cacert", "none.pem"]).says(&["none.pem can't be read"]);
    run(&["get", NOWHERE, "-q", "-v"]).says(&["cannot be used with"]);
    assert!(home.names().is_empty());
}

#[test]
fn a_file_of_somebody_else_is_never_touched() {
    let (home, mock) = (Home::new(), Mock::start(&[]));
    home.write("x.ndjson", "mine");
    home.run(&["pull", &mock.url("/items"), "-o", "x.ndjson"]).expect(2).says(&[
        "abide did not write it",
        "--fresh",
        "-o",
    ]);
    assert_eq!((home.read("x.ndjson").as_str(), home.names().len(), mock.log().len()), ("mine", 1, 0));

    fs::create_dir(home.path("items")).unwrap();
    home.write("items/7", "mine");
    home.run(&["pull", &mock.url("/items/{0..9}"), "-o", "items/"]).expect(2).says(&["items/7 exists", "--fresh"]);
    assert_eq!((names(&home.path("items")), home.read("items/7").as_str()), (vec!["7".to_owned()], "mine"));
    assert_eq!(mock.log().len(), 0);
}

#[test]
fn fresh_replaces_a_file_once_the_new_one_is_complete() {
    let other = Server::start(|_| json(r#"{"items":[2],"next":null}"#));
    let next = other.url("/2");
    let server = Server::start(move |target| match target {
        "/" => json(format!(r#"{{"items":[1],"next":"{next}"}}"#)),
        _ => reply("404 Not Found", "", ""),
    });
    let home = Home::new();
    home.write("x.ndjson", "mine");
    home.run(&["pull", &server.url("/none"), "-o", "x.ndjson", "--fresh"]).expect(1).says(&["nothing was fetched"]);
    assert_eq!((home.read("x.ndjson").as_str(), home.names().len()), ("mine", 1));
    home.run(&["pull", &server.url("/"), "-o", "x.ndjson", "--fresh"]).expect(4);
    assert_eq!(home.read("x.ndjson"), "mine");
    // Going on with it needs the flag no more.
    home.run(&["pull", &server.url("/"), "-o", "x.ndjson", "--allow-origin", &other.origin()]).expect(0);
    assert_eq!(home.read("x.ndjson"), "1\n2\n");
}

#[test]
fn a_file_that_was_changed_since_is_left_alone() {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "3"]));
    home.run(&["pull", &mock.url("/items"), "-o", "x.ndjson"]).expect(0);
    home.write("x.ndjson", "mine");
    home.run(&["pull", &mock.url("/items"), "-o", "x.ndjson"]).expect(2).says(&["not as abide left it", "--fresh"]);
    assert_eq!(home.read("x.ndjson"), "mine");
}

#[test]
fn urls_with_the_same_file_name_get_longer_ones() {
    let server = Server::start(|target| json(format!("\"{target}\"")));
    let home = Home::new();
    home.run(&["pull", &server.url("/{a,b}/data.json"), "-o", "x/"]).expect(0);
    assert_eq!(names(&home.path("x")), [".abide", "a%2Fdata.json", "b%2Fdata.json"]);
    assert_eq!(home.read("x/b%2Fdata.json"), "\"/b/data.json\"");
}

#[cfg(unix)]
#[test]
fn the_journal_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (home, mock) = (Home::new(), Mock::start(&["--records", "3"]));
    home.run(&["pull", &mock.url("/items"), "-o", "x.ndjson"]).expect(0);
    home.run(&["pull", &mock.url("/items/{0,1}"), "-o", "x/"]).expect(0);
    for journal in ["x.ndjson.abide", "x/.abide"] {
        assert_eq!(fs::metadata(home.path(journal)).unwrap().permissions().mode() & 0o777, 0o600, "{journal}");
    }
}

/// A file system of its own in a folder; it goes with this.
#[cfg(target_os = "linux")]
struct Small(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl Small {
    /// `None` where mounting is not allowed.
    fn mount(path: std::path::PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&path).unwrap();
        let options = format!("size={size}");
        let mut mount = std::process::Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &options, "none"]).arg(&path).output();
        mounted.is_ok_and(|mount| mount.status.success()).then_some(Self(path))
    }

    fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(std::process::Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

#[cfg(target_os = "linux")]
impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_what_was_fetched() {
    for name in ["x.ndjson", "x.csv.gz", "x.sqlite"] {
        let (home, mock) = (Home::new(), Mock::start(&["--records", "4000"]));
        let Some(small) = Small::mount(home.path("disk"), "400k") else {
            eprintln!("skipped: a small file system can't be mounted here");
            return;
        };
        let (url, output) = (mock.url("/items"), format!("disk/{name}"));
        let pull = ["pull", &url, "-o", &output];
        home.run(&pull).expect(1).says(&["no space left", "what was fetched is kept", "run the same command again"]);
        assert!(name == "x.sqlite" || !home.path(&output).exists());
        let asked = mock.log().len();
        assert!((2..200).contains(&asked), "{asked} pages");
        small.resize("8m");
        let on = format!("going on with {output}");
        home.run(&pull).expect(0).says(&[&on, "complete: 4000 records"]);
        assert!(mock.log().len() <= 201, "{} pages", mock.log().len());
        home.run(&["pull", &url, "-o", name]).expect(0);
        if name == "x.sqlite" {
            let dump = |path: &str| {
                let conn = rusqlite::Connection::open(home.path(path)).unwrap();
                let sql = "SELECT group_concat(concat_ws('|', i.id, i.name), ';') FROM items AS i";
                conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap()
            };
            assert!(dump(&output) == dump(name));
        } else {
            assert!(fs::read(home.path(&output)).unwrap() == fs::read(home.path(name)).unwrap(), "{name}");
        }
    }
}
