//! Runs the mock on a socket: accepts connections, reads the clock, keeps latency, resets and stalls.

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use abide_core::time::Wall;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::config::MockConfig;
use super::faults::Fault;
use super::gate::Counters;
use super::routes::Answer;
use super::service::{Mock, Outcome};

/// How long a stalled request is left without a byte before its connection closes.
const STALL: Duration = Duration::from_secs(20);

/// The largest body that is read.
const LARGEST_BODY: usize = 1 << 20;

/// How long to wait when no connection can be accepted, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A mock that is being served. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    mock: Arc<Mock>,
    accepting: JoinHandle<Infallible>,
}

impl Running {
    /// What it has done so far.
    pub(crate) fn counters(&self) -> Counters {
        self.mock.counters()
    }

    /// Ends it at once, open connections included, and tells what it has done.
    pub(crate) async fn stop(mut self) -> Counters {
        self.accepting.abort();
        // The task never ends by itself, so all there is to learn is that it was aborted.
        let _ = (&mut self.accepting).await;
        self.counters()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Starts a mock on the runtime that calls. It listens when this returns.
pub(crate) async fn start(config: MockConfig) -> io::Result<Running> {
    let mock = Arc::new(Mock::new(&config)?);
    let listener = TcpListener::bind(config.listen).await.map_err(|why| {
        let text = format!(
            "cannot listen on {}: {why}; name another address with --listen, or port 0 for a free one",
            config.listen
        );
        io::Error::new(why.kind(), text)
    })?;
    let addr = listener.local_addr()?;
    let accepting = tokio::spawn(accept(listener, Arc::clone(&mock), Clock::start()));
    Ok(Running { addr, mock, accepting })
}

async fn accept(listener: TcpListener, mock: Arc<Mock>, clock: Clock) -> Infallible {
    // When this task is aborted, the set is dropped, and with it every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer.ip(), Arc::clone(&mock), clock));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection to its end.
async fn serve(stream: TcpStream, peer: IpAddr, mock: Arc<Mock>, clock: Clock) {
    // Small answers must not wait for each other; a stream that cannot be told so serves as well.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| Box::pin(answer(Arc::clone(&mock), request, peer, clock)));
    let mut connection = http1::Builder::new().title_case_headers(true).serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner();
    // What fails from here on fails because the client is gone already.
    if ended.is_err_and(|why| is_reset(&why)) {
        let _ = stream.set_zero_linger();
    } else {
        let _ = stream.shutdown().await;
    }
}

/// Answers one request, or breaks its connection off.
async fn answer(mock: Arc<Mock>, request: Request<Incoming>, peer: IpAddr, clock: Clock) -> Result<Answer, Broken> {
    let (parts, body) = request.into_parts();
    let body = read(body).await?;
    let Outcome { reply, place } = mock.receive(&parts, body.as_ref(), peer, clock.now());
    if !mock.latency.is_zero() {
        tokio::time::sleep(mock.latency).await;
    }
    if reply.as_ref().is_err_and(|fault| *fault == Fault::Stall) {
        tokio::time::sleep(STALL).await;
    }
    drop(place);
    reply.map_err(Broken::ByFault)
}

/// Reads a body to its end; `None` if it is too large.
async fn read(body: Incoming) -> Result<Option<Bytes>, Broken> {
    if body.is_end_stream() {
        return Ok(Some(Bytes::new()));
    }
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => Ok(Some(body.to_bytes())),
        Err(why) if why.is::<http_body_util::LengthLimitError>() => Ok(None),
        Err(_) => Err(Broken::ByClient),
    }
}

/// Why a connection ends in the middle of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    ByFault(Fault),
    ByClient,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByFault(_) => "broken off on purpose",
            Self::ByClient => "the client broke off",
        })
    }
}

impl std::error::Error for Broken {}

fn is_reset(why: &hyper::Error) -> bool {
    let broken = std::error::Error::source(why).and_then(|source| source.downcast_ref::<Broken>());
    broken == Some(&Broken::ByFault(Fault::Reset))
}

/// The time of day at the start, carried on by a clock that never goes back.
#[derive(Clone, Copy, Debug)]
struct Clock {
    start: Instant,
    wall: Wall,
}

impl Clock {
    fn start() -> Self {
        // A clock that is set before 1970 serves as well: only resets in epoch seconds would look odd.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), wall: Wall::default() + since_epoch }
    }

    fn now(self) -> Wall {
        self.wall + self.start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::super::faults::Faults;
    use super::*;
    use tokio::io::AsyncReadExt;

    /// Runs a test on the kind of runtime that the program has.
    fn block_on<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
    }

    async fn exchange(stream: &mut TcpStream, request: &str, end: &str) -> String {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(end.as_bytes()) {
            assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "{}", String::from_utf8_lossy(&seen));
        }
        String::from_utf8(seen).unwrap()
    }

    #[test]
    fn a_connection_serves_one_request_after_another_until_the_mock_stops() {
        block_on(async {
            let running = start(MockConfig { records: 1, ..MockConfig::default() }).await.unwrap();
            let mut stream = TcpStream::connect(running.addr).await.unwrap();
            let page = exchange(&mut stream, "GET /items HTTP/1.1\r\nHost: x\r\n\r\n", "\"next\":null}").await;
            assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
            let length = page.lines().find(|line| line.starts_with("Content-Length")).unwrap();
            let head = exchange(&mut stream, "HEAD /items HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n").await;
            assert!(head.contains(length), "{head}");
            exchange(&mut stream, "POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "}\n").await;
            let counters = running.stop().await;
            assert_eq!(counters, Counters { requests: 3, accepted: 3, refused: 0, failed: 0 });
            assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));
        });
    }

    #[test]
    fn nonsense_ends_its_own_connection_only() {
        block_on(async {
            let running = start(MockConfig::default()).await.unwrap();
            let mut nonsense = TcpStream::connect(running.addr).await.unwrap();
            nonsense.write_all(b"\x16\x03\x01 nonsense\r\n\r\n").await.unwrap();
            let mut seen = String::new();
            nonsense.read_to_string(&mut seen).await.unwrap();
            assert!(seen.starts_with("HTTP/1.1 400"), "{seen}");
            let mut stream = TcpStream::connect(running.addr).await.unwrap();
            let empty = exchange(&mut stream, "GET /status/204 HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n").await;
            assert!(empty.starts_with("HTTP/1.1 204"), "{empty}");
        });
    }

    #[test]
    fn a_reset_reaches_the_client_as_one() {
        block_on(async {
            let faults = Faults::new("0%".parse().unwrap(), "100%".parse().unwrap(), "0%".parse().unwrap()).unwrap();
            let running = start(MockConfig { faults, ..MockConfig::default() }).await.unwrap();
            let mut stream = TcpStream::connect(running.addr).await.unwrap();
            stream.write_all(b"GET /items HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let error = stream.read(&mut [0]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            assert_eq!(running.stop().await.failed, 1);
        });
    }

    #[test]
    fn an_address_that_is_taken_is_named() {
        block_on(async {
            let running = start(MockConfig::default()).await.unwrap();
            let error = start(MockConfig { listen: running.addr, ..MockConfig::default() }).await.unwrap_err();
            assert!(error.to_string().starts_with(&format!("cannot listen on {}: ", running.addr)), "{error}");
        });
    }
}
