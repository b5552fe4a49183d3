//! A credential goes to the origin that it was given for, and to nobody and nothing else.

use std::fs;
use std::path::Path;

use crate::support::{Home, Run, Running, Server, json, reply};

const SECRET: &str = "s3cr3t";
/// What must be seen nowhere: the secret, and `ann:s3cr3t` in base 64.
const TRACES: [&str; 2] = [SECRET, "YW5uOnMzY3IzdA"];

/// Every way to give one, and how it shows in a request to whom it is for.
const WAYS: [(&[&str], &str); 7] = [
    (&["--bearer", "env:KEY"], "authorization: Bearer s3cr3t\r\n"),
    (&["--bearer", "cmd:echo $KEY"], "authorization: Bearer s3cr3t\r\n"),
    (&["--basic", "ann:file:key.txt"], "authorization: Basic YW5uOnMzY3IzdA==\r\n"),
    (&["-H", "X-Api-Key: s3cr3t"], "x-api-key: s3cr3t\r\n"),
    (&["-H", "Cookie: session=s3cr3t"], "cookie: session=s3cr3t\r\n"),
    (&["--api-key", "header.X-Key=env:KEY"], "x-key: s3cr3t\r\n"),
    (&["--api-key", "query.key=env:KEY"], "key=s3cr3t"),
];

/// Runs abide in a home that holds the secret in its environment and in a file beside it.
fn run(home: &Home, args: &[&str]) -> Run {
    let keys = Home::new();
    keys.write("key.txt", "s3cr3t\n");
    let file = format!("ann:file:{}", keys.path("key.txt").display());
    let args: Vec<&str> = args.iter().map(|arg| if *arg == "ann:file:key.txt" { file.as_str() } else { arg }).collect();
    Running::start(home.command(&args).env("KEY", SECRET)).wait()
}

/// Fails if the secret is in what was said or in any file, names included.
#[track_caller]
fn is_kept(home: &Home, run: &Run) {
    let files = files(&home.path("."));
    assert!(!files.is_empty());
    let places = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let said = [("stdout", run.stdout.as_bytes()), ("stderr", run.stderr.as_bytes())];
    for (place, bytes) in places.chain(said) {
        for trace in TRACES {
            let holds = bytes.windows(trace.len()).any(|window| window == trace.as_bytes());
            assert!(!holds && !place.contains(trace), "{trace} is in {place}: {}", String::from_utf8_lossy(bytes));
        }
    }
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    all
}

#[track_caller]
fn no_request_holds_it(server: &Server) {
    for head in server.heads() {
        let lower = head.to_ascii_lowercase();
        let fields = ["authorization", "cookie", "x-api-key", "x-key", "key=", "ann"];
        assert!(
            !TRACES.iter().any(|trace| head.contains(trace)) && !fields.iter().any(|it| lower.contains(it)),
            "{head}"
        );
    }
}

/// Another origin, with a page that has no next one.
fn other() -> Server {
    Server::start(|_| json(r#"{"items":[2]}"#))
}

#[test]
fn a_redirect_to_another_origin_is_followed_without_it() {
    for (flags, shows) in WAYS {
        let other = other();
        let target = other.url("/two");
        let server = Server::start(move |_| reply("302 Found", &format!("Location: {target}\r\n"), ""));
        let home = Home::new();
        let url = server.url("/one?a=1");
        let pulled =
            run(&home, &[&["pull", &url, "-o", "x.ndjson", "-vv", "--summary-json", "s.json"], flags].concat());
        let pulled = pulled.expect(0);
        assert_eq!(home.read("x.ndjson"), "2\n");
        assert!(server.heads()[0].contains(shows), "{flags:?}: {}", server.heads()[0]);
        is_kept(&home, &pulled);
        let got = run(&home, &[&["get", &url, "-vv"], flags].concat()).expect(0);
        is_kept(&home, &got);
        assert_eq!(other.heads().len(), 2);
        no_request_holds_it(&other);
    }
}

#[test]
fn a_next_link_to_another_origin_stops_until_it_is_allowed_and_gets_nothing() {
    for (flags, shows) in WAYS {
        let other = other();
        let target = other.url("/two");
        // As many APIs do, this one repeats the query in its links; here only in that to itself.
        let server = Server::start(move |request| match request.contains("page=2") {
            true => json(format!("{{\"items\":[1],\"next\":\"{target}\"}}")),
            false => {
                let echo = if request.contains(SECRET) { "key=s3cr3t&" } else { "" };
                json(format!("{{\"items\":[0],\"next\":\"/one?{echo}page=2\"}}"))
            }
        });
        let home = Home::new();
        let url = server.url("/one");
        let pull = [&["pull", &url, "-o", "x.ndjson", "-vv", "--summary-json", "s.json"], flags].concat();
        let stalled =
            run(&home, &pull).expect(4).says(&["another origin", &format!("--allow-origin {}", other.origin())]);
        assert_eq!((home.read("x.ndjson.part").as_str(), other.heads().len()), ("0\n1\n", 0));
        is_kept(&home, &stalled);

        let done = run(&home, &[&pull[..], &["--allow-origin", &other.origin()]].concat()).expect(0);
        assert_eq!((home.read("x.ndjson").as_str(), server.heads().len()), ("0\n1\n2\n", 2));
        assert!(server.heads().iter().all(|head| head.contains(shows)), "{flags:?}: {:?}", server.heads());
        is_kept(&home, &done);
        assert_eq!(other.heads().len(), 1);
        no_request_holds_it(&other);
    }
}

#[test]
fn user_and_password_in_a_url_are_kept_as_well() {
    let other = other();
    let target = other.url("/two");
    let server = Server::start(move |request| match request {
        "/one" => json(r#"{"items":[0],"next":"/one?page=2"}"#),
        "/one?page=2" => json(format!("{{\"items\":[1],\"next\":\"{target}\"}}")),
        "/away" => reply("307 Temporary Redirect", &format!("Location: {target}\r\n"), ""),
        _ => reply("404 Not Found", "", ""),
    });
    let with_user = |path: &str| server.url(path).replace("http://", "http://ann:s3cr3t@");
    let home = Home::new();
    let pull = ["pull", &with_user("/one"), "-o", "x.ndjson", "-vv", "--allow-origin", &other.origin()];
    is_kept(&home, &run(&home, &pull).expect(0));
    is_kept(&home, &run(&home, &["get", &with_user("/away"), "-vv"]).expect(0));
    is_kept(&home, &run(&home, &["get", &with_user("/none"), "-vv"]).expect(1).says(&["404"]));
    is_kept(&home, &run(&home, &["pull", &with_user("/{none,one,away}"), "-o", "x/", "-vv"]).expect(3));
    home.write("urls.txt", &server.url("/none"));
    is_kept(&home, &run(&home, &["pull", "--urls", "urls.txt", "-vv"]).expect(1));
    no_request_holds_it(&other);
    let ours = |head: &&String| !head.starts_with("GET /none");
    assert!(server.heads().iter().filter(ours).all(|head| head.contains("authorization: Basic YW5uOnMzY3IzdA==\r\n")));
    assert!(home.read("x.ndjson") == "0\n1\n2\n");
}

#[test]
fn what_went_wrong_is_told_without_it() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let quick = ["--retries", "1", "--backoff", "1ms..2ms", "-vv"];
    for (flags, _) in WAYS {
        for url in
            [format!("http://{closed}/x"), format!("https://{closed}/x"), format!("http://ann:s3cr3t@{closed}/x")]
        {
            let home = Home::new();
            home.write("something", "");
            is_kept(&home, &run(&home, &[&["get", &url], &quick[..], flags].concat()).expect(1));
            is_kept(&home, &run(&home, &[&["pull", &url, "-o", "x.ndjson"], &quick[..], flags].concat()).expect(1));
        }
    }
    let home = Home::new();
    home.write("something", "");
    for args in [
        &["get", "http://h/", "--bearer", SECRET][..],
        &["get", "http://h/", "--basic", "ann:s3cr3t"],
        &["get", "http://h/", "--api-key", "query.key=s3cr3t"],
        &["get", "http://ann:s3cr3t@h x/"],
        &["get", "ann:s3cr3t@h/x"],
        &["pull", "http://ann:s3cr3t@h/1", "http://ann:s3cr3t@h/2"],
        &["pull", "http://ann:s3cr3t@h:port/"],
        &["get", "http://h/", "--bearer", "cmd:echo s3cr3t; exit 3"],
        &["get", "http://h/", "-H", "X Key: s3cr3t"],
    ] {
        is_kept(&home, &run(&home, args).expect(2));
    }
}

#[test]
fn what_is_no_credential_goes_everywhere() {
    let other = other();
    let target = other.url("/two");
    let server = Server::start(move |_| reply("302 Found", &format!("Location: {target}\r\n"), ""));
    Home::new().run(&["get", &server.url("/"), "-H", "Accept: text/x", "-H", "User-Agent: me"]).expect(0);
    for server in [&server, &other] {
        let head = &server.heads()[0];
        assert!(head.contains("accept: text/x\r\n") && head.contains("user-agent: me\r\n"), "{head}");
    }
}
