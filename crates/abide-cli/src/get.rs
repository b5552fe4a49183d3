//! `abide get`: URLs to standard output, in order, each waiting out every limit.

use std::future::Future;
use std::io::Write;
use std::time::{Duration, Instant};

use abide::{Client, Response};

use crate::args::GetArgs;
use crate::connect;
use crate::exit::{Code, Failure, Result};
use crate::screen::{self, Screen};
use crate::stop::Stop;

const MAX_WAIT: Duration = Duration::from_secs(5 * 60);

pub(crate) async fn run(args: GetArgs) -> Result<()> {
    let client = connect::client(&args.common, MAX_WAIT)?;
    let mut watch = Watch { client, screen: Screen::new(args.common.quiet), stop: Stop::new() };
    let deadline = args.common.deadline.map(|span| Instant::now() + span.0);
    let mut failed = None;
    for url in &args.urls {
        if let Err(failure) = fetch(&mut watch, url, deadline).await {
            if failure.code != Code::Error || args.urls.len() == 1 {
                return Err(failure);
            }
            if let Some(message) = &failure.message {
                watch.screen.note(&format!("abide: {message}"));
            }
            failed = Some(Failure::silent(if failed.is_some() { Code::Error } else { failure.code }));
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Everything that has to be looked after while something is awaited.
struct Watch {
    client: Client,
    screen: Screen,
    stop: Stop,
}

impl Watch {
    async fn wait_for<T>(&mut self, future: impl Future<Output = T>) -> Result<T> {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                output = &mut future => {
                    self.screen.clear();
                    return Ok(output);
                }
                code = self.stop.asked() => {
                    self.screen.clear();
                    return Err(Failure::new(code, "stopped before the whole answer was there"));
                }
                () = tokio::time::sleep(screen::TICK) => {
                    if let Some(waiting) = screen::waiting(&self.client) {
                        self.screen.status(|| waiting);
                    }
                }
            }
        }
    }
}

async fn fetch(watch: &mut Watch, url: &str, deadline: Option<Instant>) -> Result<()> {
    let mut request = watch.client.get(url);
    if let Some(deadline) = deadline {
        request = request.deadline(deadline.saturating_duration_since(Instant::now()));
    }
    let mut response = watch.wait_for(request.send()).await?.map_err(|e| failure(&e))?;
    let status = response.status();
    if status.is_success() {
        return copy(watch, &mut response, std::io::stdout()).await;
    }
    let (url, account) = (response.url(), response.account());
    copy(watch, &mut response, std::io::stderr()).await?;
    Err(Failure::error(format!("{url} answered {status} ({account}); its body is above")))
}

async fn copy(watch: &mut Watch, response: &mut Response, mut to: impl Write) -> Result<()> {
    while let Some(chunk) = watch.wait_for(response.chunk()).await?.map_err(|e| failure(&e))? {
        to.write_all(&chunk).map_err(|e| Failure::stdout(&e))?;
    }
    to.flush().map_err(|e| Failure::stdout(&e))
}

/// What an error of the library means for the exit code, and what to do about it.
pub(crate) fn failure(error: &abide::Error) -> Failure {
    if error.is_setting() {
        return Failure::usage(error);
    }
    if error.is_limited() {
        let advice = match error.retry_at() {
            Some(at) => format!("come back at {}, or allow more with --max-wait", screen::clock(at)),
            None => "the server did not say for how long; come back later, or allow more with --max-wait".to_owned(),
        };
        return Failure::new(Code::Paused, format!("{error}; {advice}"));
    }
    let advice = if error.is_tls() {
        "; if the server's certificate is your own, name it with --cacert"
    } else if error.is_connect() {
        "; check the address, and whether the server runs"
    } else if error.is_deadline() {
        "; allow more with --deadline"
    } else {
        ""
    };
    Failure::error(format!("{error}{advice}"))
}
