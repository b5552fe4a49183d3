//! Runs the program, the mock and small servers, each bounded in time and gone when its test is.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// No single run takes longer, unless it hangs.
const BOUND: Duration = Duration::from_secs(60);

/// An empty folder to run `abide` in, and another for what it remembers.
pub(crate) struct Home(TempDir, TempDir);

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A run under way; it is killed when this is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    stdout: Option<thread::JoinHandle<Vec<u8>>>,
    stderr: Option<thread::JoinHandle<Vec<u8>>>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The folder of what is remembered.
    pub(crate) fn memory(&self) -> &Path {
        self.1.path()
    }

    /// Everything in the folder, folders within it not entered.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.0.path())
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_abide"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("ABIDE_STATE_DIR", self.1.path());
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
    }

    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(&mut self.command(args))
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.start(args).wait()
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Run {
        let mut running = Running::start(self.command(args).stdin(Stdio::piped()));
        let mut stdin = running.child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        running.wait()
    }
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Self { child, stdout: Some(collect(stdout)), stderr: Some(collect(stderr)) }
    }

    /// Waits for the end, and fails if it does not come.
    pub(crate) fn wait(mut self) -> Run {
        let mut status = None;
        let ended = poll(|| {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        if !ended {
            let _ = self.child.kill();
        }
        let text = |thread: Option<thread::JoinHandle<Vec<u8>>>| {
            String::from_utf8_lossy(&thread.unwrap().join().unwrap()).into_owned()
        };
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        assert!(ended, "it did not end within {BOUND:?}; it said:\n{stderr}");
        // A process that a signal ended has no code; here -1 stands for that.
        Run { code: status.unwrap().code().unwrap_or(-1), stdout, stderr }
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// Fails with what was said, unless the code is this one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless each of these was said on standard error.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in:\n{}", self.stderr);
        }
        self
    }
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}

/// Whether the condition comes true before it is too late.
fn poll(mut condition: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !condition() {
        if began.elapsed() > BOUND {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}

/// Waits until the condition is true, and fails if that takes too long.
#[track_caller]
pub(crate) fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(poll(condition), "in vain: {what}");
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// `abide mock` on a free port, with a log.
pub(crate) struct Mock {
    child: Child,
    url: String,
    home: Home,
}

impl Mock {
    pub(crate) fn start(args: &[&str]) -> Self {
        let home = Home::new();
        let mut child = home
            .command(&["mock", "--log", "log"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).trim().to_owned();
        Self { child, url, home }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Status and target of every request so far.
    pub(crate) fn log(&self) -> Vec<(u16, String)> {
        let Ok(text) = fs::read_to_string(self.home.path("log")) else { return Vec::new() };
        let line = |line: &str| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?.parse().ok()?, words.next()?.to_owned()))
        };
        text.lines().filter_map(line).collect()
    }

    /// Begins the log anew.
    pub(crate) fn forget(&self) {
        // The mock appends, so that its next line is the first.
        fs::write(self.home.path("log"), "").unwrap();
    }

    pub(crate) fn refused(&self) -> usize {
        self.log().iter().filter(|(status, _)| *status == 429).count()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that answers as a function says, and keeps what it was asked.
pub(crate) struct Server {
    addr: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

/// What a server is asked.
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let field = |line: &'_ str| line.split_once(':').map(|(known, value)| (known.to_owned(), value.len()));
        let line =
            self.head.lines().find(|line| field(line).is_some_and(|(known, _)| known.eq_ignore_ascii_case(name)))?;
        Some(line.split_once(':')?.1.trim())
    }
}

impl Server {
    /// `answer` gets the target (path and query), and gives the whole answer.
    pub(crate) fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::of_requests(move |asked| answer(asked.target()))
    }

    /// `answer` gets the request, and gives the whole answer.
    pub(crate) fn of_requests(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&heads), Arc::new(answer));
        // Ends with the process: a test has no more than a few of them.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &kept, &*answer));
            }
        });
        Self { addr, heads }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The heads of all requests so far, request lines included.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// The targets of all requests so far.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.heads().iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect()
    }
}

fn serve(stream: TcpStream, heads: &Mutex<Vec<String>>, answer: &dyn Fn(&Asked) -> Vec<u8>) {
    let mut lines = BufReader::new(&stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if lines.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    heads.lock().unwrap().push(head.clone());
    let mut asked = Asked { head, body: String::new() };
    let length: u64 = asked.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    if lines.take(length).read_to_string(&mut asked.body).is_ok() {
        let _ = (&stream).write_all(&answer(&asked));
    }
}

/// A 200 with a JSON body.
pub(crate) fn json(body: impl AsRef<[u8]>) -> Vec<u8> {
    reply("200 OK", "Content-Type: application/json\r\n", body)
}

/// An answer; each of the `fields` ends with CRLF.
pub(crate) fn reply(status: &str, fields: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
