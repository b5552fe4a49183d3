//! Tables of a SQLite file: types, keys, what others have in the file, and kills at any moment.

use std::fs;

use rusqlite::Connection;

use crate::support::{Home, Mock, Server, json, reply, wait_until};

fn open(home: &Home) -> Connection {
    Connection::open(home.path("x.sqlite")).unwrap()
}

/// All rows of a query, their values joined with `|` as SQLite's own shell does it.
fn rows(home: &Home, sql: &str) -> Vec<String> {
    let conn = open(home);
    let mut statement = conn.prepare(sql).unwrap();
    let width = statement.column_count();
    let value = |value: rusqlite::types::ValueRef<'_>| match value {
        rusqlite::types::ValueRef::Null => "-".to_owned(),
        rusqlite::types::ValueRef::Integer(integer) => integer.to_string(),
        rusqlite::types::ValueRef::Real(real) => format!("{real:?}"),
        rusqlite::types::ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
        rusqlite::types::ValueRef::Blob(_) => "blob".to_owned(),
    };
    let row = |row: &rusqlite::Row<'_>| {
        Ok((0..width).map(|at| value(row.get_ref(at).unwrap())).collect::<Vec<_>>().join("|"))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// Pages of records, each page the text between two semicolons; page `n` is at `/items?n=N`.
fn pages(pages: &'static str) -> Server {
    Server::start(move |target| {
        let n = target.rsplit_once('=').map_or(0, |(_, n)| n.parse::<usize>().unwrap());
        let all: Vec<&str> = pages.split(';').collect();
        let next = if n + 1 < all.len() { format!("\"/items?n={}\"", n + 1) } else { "null".to_owned() };
        json(format!("{{\"items\":[{}],\"next\":{next}}}", all[n]))
    })
}

#[test]
fn columns_have_the_types_of_their_values_and_follow_them() {
    let server = pages(
        r#"{"id":1,"n":null,"r":1,"big":5,"t":"a","o":{"b":[1]},"f":true};
           {"id":2,"n":2,"r":0.30000000000000004,"big":9007199254740993,"t":"","o":[],"f":false};
           {"id":3,"r":"x","f":null,"late":1.5,"none":null,"huge":123456789012345678901234567890}"#,
    );
    let home = Home::new();
    home.run(&["pull", &server.url("/items"), "-o", "x.sqlite"]).expect(0).says(&["complete: 3 records"]);
    let columns = rows(&home, "SELECT name, type FROM pragma_table_info('items')");
    let all = "id|INTEGER r|TEXT big|INTEGER t|TEXT o|TEXT f|INTEGER n|INTEGER late|REAL huge|TEXT none|TEXT";
    assert_eq!(columns.join(" "), all);
    let values = rows(&home, "SELECT id, n, r, big, t, o, f, late, none, huge FROM items");
    assert_eq!(values[0], "1|-|1.0|5|a|{\"b\":[1]}|1|-|-|-");
    assert_eq!(values[1], "2|2|0.30000000000000004|9007199254740993||[]|0|-|-|-");
    assert_eq!(values[2], "3|-|x|-|-|-|-|1.5|-|123456789012345678901234567890");
    let runs = rows(&home, "SELECT \"table\", records, pages, ended > began, source FROM _abide_runs");
    assert_eq!(runs, [format!("items|3|3|1|{}", server.url("/items"))]);
}

#[test]
fn the_last_record_with_a_key_is_the_row() {
    let server = pages(r#"{"tenant":"a","id":1,"x":1},{"tenant":"b","id":1,"x":2};{"tenant":"a","id":1,"y":3}"#);
    let home = Home::new();
    let url = server.url("/items");
    home.run(&["pull", &url, "-o", "x.sqlite", "--key", "tenant,id", "--table", "kept"]).expect(0);
    assert_eq!(rows(&home, "SELECT tenant, id, x, y FROM kept ORDER BY tenant"), ["a|1|-|3", "b|1|2|-"]);
    let key = rows(&home, "SELECT name, pk FROM pragma_table_info('kept') WHERE pk > 0 ORDER BY pk");
    assert_eq!(key, ["tenant|1", "id|2"]);
    home.run(&["pull", &url, "-o", "x.sqlite", "--key", "a.b"]).expect(2).says(&["a.b", "within"]);
    home.run(&["pull", &url, "-o", "x.sqlite", "--key", "y"]).expect(2).says(&["\"y\"", "--key"]);
    home.run(&["pull", &url, "-o", "x.sqlite", "--table", "a/b"]).expect(2).says(&["'a/b'"]);
}

#[test]
fn a_key_may_change_its_type() {
    let server = pages(r#"{"id":1,"x":1},{"id":2,"x":1};{"id":"b","x":2};{"id":2,"x":3}"#);
    let home = Home::new();
    home.run(&["pull", &server.url("/items"), "-o", "x.sqlite", "--key", "id"]).expect(0);
    assert_eq!(rows(&home, "SELECT id, x, typeof(id) FROM items ORDER BY id"), ["1|1|text", "2|3|text", "b|2|text"]);
}

#[test]
fn what_others_have_in_the_file_is_left_alone() {
    let server = pages(r#"{"id":1,"x":1};{"id":2,"x":"wide"}"#);
    let home = Home::new();
    let url = server.url("/items");
    open(&home).execute_batch("CREATE TABLE mine (a); INSERT INTO mine VALUES (7); CREATE TABLE items (b)").unwrap();
    home.run(&["pull", &url, "-o", "x.sqlite"]).expect(2).says(&["table items", "did not write", "--table", "--fresh"]);
    assert!(server.heads().is_empty());
    home.run(&["pull", &url, "-o", "x.sqlite", "--table", "pulled"]).expect(0);
    home.run(&["pull", &url, "-o", "x.sqlite", "--fresh"]).expect(0);
    assert_eq!(rows(&home, "SELECT * FROM items"), ["1|1", "2|wide"]);
    assert_eq!(rows(&home, "SELECT * FROM mine"), ["7"]);

    // Not even what was added to the table itself is lost when a column gets another type.
    let home = Home::new();
    home.run(&["pull", &pages(r#"{"id":1,"x":1}"#).url("/items"), "-o", "x.sqlite"]).expect(0);
    home.write(
        "plain.db",
        "not a database, though it is long enough to be taken for one, which is a hundred bytes or so",
    );
    home.run(&["pull", &url, "-o", "plain.db"]).expect(1).says(&["plain.db", "not a database"]);
}

#[test]
fn what_was_added_to_a_table_stays_when_a_column_gets_another_type() {
    let there = std::sync::atomic::AtomicBool::new(false);
    let server = Server::start(move |target| match target {
        "/items/2" if !there.swap(true, std::sync::atomic::Ordering::SeqCst) => reply("404 Not Found", "", ""),
        "/items/2" => json(r#"{"id":2,"x":"wide"}"#),
        _ => json(r#"{"id":1,"x":1}"#),
    });
    let home = Home::new();
    let pull = ["pull", &server.url("/items/{1,2}"), "-o", "x.sqlite"];
    home.run(&pull).expect(3);
    let extra = "ALTER TABLE items ADD COLUMN note TEXT DEFAULT 'none'; UPDATE items SET note = 'mine';
                 CREATE INDEX by_x ON items (x); CREATE VIEW v AS SELECT x FROM items";
    open(&home).execute_batch(extra).unwrap();
    home.run(&pull).expect(0);
    assert_eq!(rows(&home, "SELECT * FROM items"), ["1|1|mine", "2|wide|none"]);
    assert_eq!(rows(&home, "SELECT x FROM v"), ["1", "wide"]);
    assert_eq!(rows(&home, "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'items'"), ["by_x"]);
    assert_eq!(rows(&home, "SELECT count(*) FROM _abide_runs WHERE ended IS NOT NULL"), ["2"]);
}

#[test]
fn a_complete_table_is_complete_until_it_is_pulled_anew() {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "30"]));
    let pull = ["pull", &mock.url("/items"), "-o", "x.sqlite"];
    home.run(&pull).expect(0);
    let asked = mock.log().len();
    home.run(&pull).expect(0).says(&["is complete since", "30 records"]);
    assert_eq!(mock.log().len(), asked);
    home.run(&[&pull[..], &["--if-complete", "fail"]].concat()).expect(1);
    home.run(&[&pull[..], &["--if-complete", "refetch"]].concat()).expect(0);
    assert_eq!(rows(&home, "SELECT count(*) FROM items"), ["30"]);
    assert_eq!(home.names(), ["x.sqlite", "x.sqlite.items.abide"]);
    // Without its journal nobody knows what it holds.
    fs::remove_file(home.path("x.sqlite.items.abide")).unwrap();
    home.run(&pull).expect(2).says(&["items", "journal", "is gone", "--fresh"]);
    home.run(&[&pull[..], &["--fresh"]].concat()).expect(0);
    // Dropped by its owner, it is pulled again.
    open(&home).execute_batch("DROP TABLE items").unwrap();
    home.run(&pull).expect(0).says(&["complete: 30 records"]);
}

#[test]
fn a_fresh_table_takes_the_place_of_the_old_one_when_it_is_complete() {
    let other = Server::start(|_| json(r#"{"items":[{"id":2}],"next":null}"#));
    let next = other.url("/2");
    let server = Server::start(move |_| json(format!(r#"{{"items":[{{"id":1}}],"next":"{next}"}}"#)));
    let home = Home::new();
    open(&home).execute_batch("CREATE TABLE items (a); INSERT INTO items VALUES ('old')").unwrap();
    let pull = ["pull", &server.url("/items"), "-o", "x.sqlite"];
    home.run(&[&pull[..], &["--fresh"]].concat()).expect(4);
    assert_eq!(rows(&home, "SELECT * FROM items"), ["old"]);
    home.run(&[&pull[..], &["--allow-origin", &other.origin()]].concat()).expect(0);
    assert_eq!(rows(&home, "SELECT * FROM items"), ["1", "2"]);
    let tables = rows(&home, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
    assert_eq!(tables, ["_abide_runs", "items"]);
}

#[test]
fn two_pulls_may_share_a_file_and_not_a_table() {
    let (home, mock) = (Home::new(), Mock::start(&["--records", "2000", "--latency", "5ms"]));
    let (url, many) = (mock.url("/items"), mock.url("/items/{0..299}"));
    let running = home.start(&["pull", &url, "-o", "x.sqlite"]);
    wait_until("it has begun", || mock.log().len() >= 5);
    home.run(&["pull", &url, "-o", "x.sqlite"]).expect(1).says(&["another process is writing this output"]);
    home.run(&["pull", &many, "-o", "x.sqlite", "--table", "single"]).expect(0);
    running.wait().expect(0);
    assert_eq!(rows(&home, "SELECT (SELECT count(*) FROM items), (SELECT count(*) FROM single)"), ["2000|300"]);
}

#[test]
fn several_endpoints_have_a_table_each() {
    let server = Server::start(|target| match target {
        "/users" => json(r#"[{"id":1},{"id":2}]"#),
        "/orders" => json(r#"[{"id":7,"user":1}]"#),
        _ => reply("404 Not Found", "", ""),
    });
    let home = Home::new();
    let config = |base: &str, endpoints: &str| {
        let pulls: String = endpoints.split(' ').map(|name| format!("[[pull]]\npath = \"/{name}\"\n")).collect();
        format!("[api]\nbase = \"{base}\"\n[out]\nto = \"x.sqlite\"\n{pulls}")
    };
    home.write("x.toml", &config(&server.origin(), "users orders"));
    home.run(&["pull", "x.toml"]).expect(0);
    assert_eq!(rows(&home, "SELECT (SELECT count(*) FROM users), (SELECT user FROM orders)"), ["2|1"]);
    // One that brings nothing leaves those of the others alone.
    home.write("y.toml", &config(&server.origin(), "none users").replace("x.sqlite", "y.sqlite"));
    assert_ne!(home.run(&["pull", "y.toml"]).code, 0);
    let conn = Connection::open(home.path("y.sqlite")).unwrap();
    assert_eq!(conn.query_row("SELECT count(*) FROM users", [], |row| row.get::<_, i64>(0)), Ok(2));
}

#[test]
fn a_killed_pull_ends_with_the_rows_of_an_uninterrupted_one() {
    let kill_at = |flags: &[&str], points: &[usize]| {
        let (home, mock) = (Home::new(), Mock::start(&["--records", "2000", "--latency", "3ms"]));
        let url = mock.url("/items");
        let pull = [&["pull", &url, "-o", "x.sqlite"], flags].concat();
        for point in points {
            let mut running = home.start(&pull);
            wait_until("it was asked that often", || mock.log().len() >= *point);
            running.child.kill().unwrap();
            assert_eq!(running.wait().code, -1);
        }
        home.run(&pull).expect(0);
        assert!(mock.log().len() <= 100 + points.len(), "{} requests for 100 pages", mock.log().len());
        home
    };
    for flags in [&[][..], &["--key", "id"]] {
        let (home, whole) = (kill_at(flags, &[2, 30, 31, 77, 99]), kill_at(flags, &[]));
        for sql in ["SELECT * FROM items", "SELECT sql FROM sqlite_schema"] {
            assert_eq!(rows(&home, sql), rows(&whole, sql));
        }
        assert_eq!(rows(&home, "SELECT count(*), min(id), max(id) FROM items"), ["2000|0|1999"]);
        assert_eq!(home.names(), ["x.sqlite", "x.sqlite.items.abide"]);
    }
}
