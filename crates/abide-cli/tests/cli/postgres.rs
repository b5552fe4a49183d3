//! Tables of a PostgreSQL server, which `scripts/postgres` starts: types, keys, kills, and a server that goes away.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use postgres::{Client, NoTls};
use tempfile::TempDir;

use crate::support::{Home, Mock, Server, json, wait_until};

/// A server of its own; it goes with this.
struct Database {
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Database {
    /// `None`, and a word about it, where PostgreSQL is not installed.
    fn start() -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
        let mut database = Self { folder, port, server: None };
        if database.come_back() {
            return Some(database);
        }
        eprintln!("SKIPPED: PostgreSQL is not installed here, so that this test shows nothing");
        None
    }

    /// Starts the server with the data that it had. Returns whether there is one.
    fn come_back(&mut self) -> bool {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres");
        let mut command = Command::new(script);
        command.arg(self.folder.path()).arg(self.port.to_string()).stdout(Stdio::null()).stderr(Stdio::null());
        self.server = Some(command.spawn().unwrap());
        let mut ended = None;
        wait_until("the database takes connections or is not there", || {
            ended = self.server.as_mut().and_then(|server| server.try_wait().unwrap());
            ended.is_some() || Client::connect(&self.url(), NoTls).is_ok()
        });
        assert!(ended.is_none_or(|status| status.code() == Some(3)), "the server did not start: {ended:?}");
        ended.is_none()
    }

    /// Stops the server, and with it every connection.
    fn go_away(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = Command::new("kill").args(["-s", "INT", &server.id().to_string()]).status();
            let _ = server.wait();
        }
    }

    fn url(&self) -> String {
        format!("postgres://abide@127.0.0.1:{}/postgres", self.port)
    }

    /// The rows of a query that gives texts.
    fn rows(&self, sql: &str) -> Vec<String> {
        let mut client = Client::connect(&self.url(), NoTls).unwrap();
        let rows = client.query(sql, &[]).unwrap();
        let value = |row: &postgres::Row, at| row.get::<_, Option<String>>(at).unwrap_or_else(|| "-".to_owned());
        rows.iter().map(|row| (0..row.len()).map(|at| value(row, at)).collect::<Vec<_>>().join("|")).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.go_away();
    }
}

const ALL: &str = "SELECT string_agg(items::text, E'\\n' ORDER BY id) FROM items";

/// Starts a pull of 2,000 records, lets `disturb` at it, and returns how many pages were asked for.
fn pull(
    database: &mut Database,
    latency: &str,
    flags: &[&str],
    disturb: impl FnOnce(&mut Database, &Home, &Mock, &[&str]),
) -> usize {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "2000", "--latency", latency]));
    let (url, target) = (mock.url("/items"), database.url());
    let pull = [&["pull", &url, "-o", &target], flags].concat();
    disturb(database, &home, &mock, &pull);
    home.run(&pull).expect(0);
    let asked = mock.log().len();
    home.run(&pull).expect(0).says(&["is complete since"]);
    assert_eq!(mock.log().len(), asked);
    asked
}

#[test]
fn columns_have_types_and_the_last_record_with_a_key_is_the_row() {
    let Some(database) = Database::start() else { return };
    let server = Server::start(|target| match target {
        "/items" => json(
            r#"{"items":[{"id":1,"n":1,"f":true,"o":{"b":[1]},"t":"a\u0000\"b","z":null},{"id":1,"n":2.5,"f":null},
                         {"id":"x","n":9007199254740993,"f":1,"o":[]}],"next":"/2"}"#,
        ),
        _ => json(r#"{"items":[{"id":2,"n":1e400,"late":false,"t":""},{"id":2,"n":3,"o":{}}],"next":null}"#),
    });
    let (home, url) = (Home::new(), database.url());
    home.run(&["pull", &server.url("/items"), "-o", &url, "--key", "id"]).expect(0);
    let columns = "SELECT column_name::text, data_type::text FROM information_schema.columns
                   WHERE table_name = 'items' ORDER BY ordinal_position";
    let types = "id|text n|text f|text o|json t|text late|boolean z|text";
    assert_eq!(database.rows(columns).join(" "), types);
    let values = database.rows("SELECT id, n, f, o::text, t, late::text, z FROM items ORDER BY id");
    assert_eq!(values, ["1|2.5|-|-|-|-|-", "2|3|-|{}|-|-|-", "x|9007199254740993|1|[]|-|-|-"]);
    let runs = database.rows("SELECT \"table\", records::text, (ended > began)::text FROM _abide_runs");
    assert_eq!(runs, ["items|5|true"]);
    // A table of somebody else is left alone.
    home.run(&["pull", &server.url("/items"), "-o", &url, "--table", "_abide_runs"]).expect(2);
    Client::connect(&url, NoTls).unwrap().batch_execute("CREATE TABLE mine (a text)").unwrap();
    home.run(&["pull", &server.url("/items"), "-o", &url, "--table", "mine"]).expect(2).says(&["did not write"]);
    home.run(&["pull", &server.url("/items"), "-o", &url, "--table", "mine", "--fresh"]).expect(0);
    assert_eq!(database.rows("SELECT count(*)::text FROM mine"), ["5"]);
}

#[test]
fn a_killed_pull_ends_with_the_rows_of_an_uninterrupted_one() {
    for flags in [&[][..], &["--key", "id"]] {
        let (Some(mut killed), Some(mut whole)) = (Database::start(), Database::start()) else { return };
        let asked = pull(&mut killed, "5ms", flags, |_, home, mock, pull| {
            for point in [2, 30, 31, 77, 99] {
                let mut running = home.start(pull);
                wait_until("it was asked that often", || mock.log().len() >= point);
                running.child.kill().unwrap();
                assert_eq!(running.wait().code, -1);
            }
        });
        assert!(asked <= 105, "{asked} requests for 100 pages");
        pull(&mut whole, "5ms", flags, |_, _, _, _| {});
        assert_eq!(killed.rows(ALL), whole.rows(ALL));
        assert_eq!(killed.rows("SELECT count(*)::text FROM items"), ["2000"]);
    }
}

#[test]
fn a_server_that_goes_away_is_waited_for_and_nothing_is_lost_or_doubled() {
    let Some(mut database) = Database::start() else { return };
    let asked = pull(&mut database, "30ms", &[], |database, home, mock, pull| {
        let running = home.start(pull);
        for point in [20, 40] {
            wait_until("it was asked that often", || mock.log().len() >= point);
            database.go_away();
            // It goes on fetching meanwhile, and may even come to the end of the pages.
            thread::sleep(Duration::from_millis(1_500));
            assert!(database.come_back());
        }
        running.wait().expect(0).says(&["is out of reach", "complete: 2000 records"]);
    });
    assert_eq!(asked, 100);
    assert_eq!(database.rows("SELECT count(*)::text, count(DISTINCT id)::text FROM items"), ["2000|2000"]);
}

#[test]
fn one_that_is_not_there_is_told_without_its_password() {
    let home = Home::new();
    let run = home.run(&["pull", "http://127.0.0.1:9/items", "-o", "postgres://ann:s3cret@127.0.0.1:9/db"]).expect(1);
    let run = run.says(&["postgres://127.0.0.1:9/db can't be reached", "refused"]);
    assert!(!run.stderr.contains("s3cret") && !run.stderr.contains("ann"), "{}", run.stderr);
    home.run(&["pull", "http://127.0.0.1:9/items", "-o", "env:NO_SUCH_VARIABLE"]).expect(2).says(&["is not set"]);
}

#[test]
fn a_second_pull_on_the_same_table_is_refused() {
    let Some(database) = Database::start() else { return };
    let mock = Mock::start(&["--records", "2000", "--latency", "5ms"]);
    // Homes of their own, as on two machines: the journal does not tell them of each other.
    let (one, other) = (Home::new(), Home::new());
    let (url, target) = (mock.url("/items"), database.url());
    let running = one.start(&["pull", &url, "-o", &target]);
    wait_until("it has begun", || mock.log().len() >= 5);
    let refused = other.run(&["pull", &url, "-o", &target]).expect(1);
    refused.says(&["another process is writing this table", "--table"]);
    running.wait().expect(0);
}
