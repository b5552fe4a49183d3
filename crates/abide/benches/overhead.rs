//! Counts the CPU time of the same calls through bare reqwest, through reqwest with the time limits that a client of abide has, and
//! through that client, in turn.
//!
//! `overhead [ROUNDS] [CALLS] [NAME]`: so many rounds with so many calls each, 64 at once over connections that are kept open. The server is
//! another process, so that its work is not counted. With the name of a column (`reqwest`, `limited`, `abide`) that alone is run, for a
//! profiler to look at.

use std::error::Error;
use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const AT_ONCE: usize = 64;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 30\r\n\
    date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n{\"id\":7,\"name\":\"seven\",\"a\":1}\n";

/// The length of its body.
const ANSWER_BYTES: usize = 30;

/// Who calls.
const NAMES: [&str; 3] = ["reqwest", "limited", "abide"];

/// What has the place of the server's address among the arguments of the process that serves.
const SERVE: &str = "serve";

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if arguments.first().is_some_and(|first| first == SERVE) {
        return runtime.block_on(serve());
    }
    // Cargo adds `--bench` when it runs this itself.
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse().ok());
    let (rounds, calls) = (numbers.next().unwrap_or(3), numbers.next().unwrap_or(1_000));
    let server = Server::start()?;
    let only = NAMES.into_iter().find(|name| arguments.iter().any(|argument| argument == name));
    runtime.block_on(compare(&server.url, rounds, calls, only))
}

async fn compare(url: &str, rounds: usize, calls: usize, only: Option<&str>) -> Outcome {
    // It sets up TLS for all.
    let client =
        abide::Client::builder(url).limit("10000000/s".parse()?).concurrency(u32::try_from(AT_ONCE)?).build()?;
    let bare = reqwest::Client::builder().build()?;
    let limited = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .build()?;
    let through = |client: &reqwest::Client| {
        let (client, url) = (client.clone(), format!("{url}/items/7"));
        async move { Ok(client.get(url).send().await?.bytes().await?.len()) }
    };
    let through_abide = || {
        let client = client.clone();
        async move { Ok(client.get("/items/7").send().await?.bytes().await?.len()) }
    };
    println!("| round | reqwest, µs of CPU a call | with the time limits | abide | more than either |");
    println!("| --- | --- | --- | --- | --- |");
    let mut all = [Vec::new(), Vec::new(), Vec::new()];
    // In the first round, connections are made and limits are met.
    for round in 0..=rounds {
        let asked = |name| if only.is_none_or(|only| only == name) { calls } else { 0 };
        let times = [
            time(asked("reqwest"), &|| through(&bare)).await?,
            time(asked("limited"), &|| through(&limited)).await?,
            time(asked("abide"), &through_abide).await?,
        ];
        if round > 0 {
            row(&round.to_string(), times, calls);
            all.iter_mut().zip(times).for_each(|(all, time)| all.push(time));
        }
    }
    row("median", all.each_mut().map(|times| median(times)), calls);
    if client.stats().waited.iter().next().is_some() {
        return Err(format!("calls waited, so more was counted than calls: {}", client.stats()).into());
    }
    Ok(())
}

fn row(name: &str, times: [Duration; 3], calls: usize) {
    let [bare, limited, abide] = times.map(|all| all.as_secs_f64() * 1e6 / calls as f64);
    let more = |than: f64| (abide / than - 1.0) * 100.0;
    println!("| {name} | {bare:.2} | {limited:.2} | {abide:.2} | {:.1} %, {:.1} % |", more(bare), more(limited));
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The CPU time of so many calls.
async fn time<F>(calls: usize, call: &impl Fn() -> F) -> Outcome<Duration>
where
    F: Future<Output = Outcome<usize>> + Send + 'static,
{
    let (left, began) = (Arc::new(AtomicUsize::new(calls)), cpu()?);
    let mut tasks = tokio::task::JoinSet::new();
    // A call is made anew each time, as a user does, and its task goes on until none is left.
    for _ in 0..AT_ONCE.min(calls) {
        left.fetch_sub(1, Ordering::Relaxed);
        tasks.spawn(call());
    }
    while let Some(done) = tasks.join_next().await {
        assert_eq!(done??, ANSWER_BYTES, "the whole answer came");
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            tasks.spawn(call());
        }
    }
    Ok(cpu()?.saturating_sub(began))
}

/// The time that this process has run, in its own code and in the system's.
#[cfg(target_os = "linux")]
fn cpu() -> Outcome<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Ok(Duration::new(time.tv_sec.try_into()?, time.tv_nsec.try_into()?))
}

#[cfg(not(target_os = "linux"))]
fn cpu() -> Outcome<Duration> {
    Err("CPU time is read from Linux alone".into())
}

/// This program once more, which serves until its standard input is closed.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg(SERVE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        let output = child.stdout.take().ok_or("the server has no output")?;
        BufReader::new(output).read_line(&mut url)?;
        Ok(Self { child, url: url.trim_end().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

async fn serve() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(answer(stream));
    }
}

/// One request after the other; each is small enough to come in one piece or in few.
async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        seen.extend_from_slice(&buffer[..read]);
        while let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            seen.drain(..end + 4);
            stream.write_all(ANSWER).await?;
        }
    }
}
