//! `abide get`: URLs to standard output, in order, each waiting out every limit.

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use abide::{Client, Response};

use crate::args::GetArgs;
use crate::exit::{Code, Failure, Result};
use crate::pull::urls;
use crate::screen::{self, Screen};
use crate::stop::Stop;
use crate::{advice, connect, log};

const MAX_WAIT: Duration = Duration::from_secs(5 * 60);

pub(crate) async fn run(args: GetArgs) -> Result<()> {
    let urls: Vec<_> = args.urls.iter().map(|url| urls::parse(url).map_err(Failure::usage)).collect::<Result<_>>()?;
    let screen = Screen::new(args.common.quiet);
    log::start(args.common.verbose, screen.lines());
    let client = connect::client(&args.common, MAX_WAIT, false)?;
    let mut watch = Watch { client, screen, stop: Stop::new(), max_body: args.common.max_body.0 };
    let deadline = args.common.deadline.map(|span| Instant::now() + span.0);
    let mut missing = 0;
    for (i, url) in urls.iter().enumerate() {
        match fetch(&mut watch, url.as_str(), deadline).await {
            Ok(()) => {}
            Err(failure) if urls.len() == 1 => return Err(failure),
            Err(Failure { code: Code::Error, message }) => {
                missing += 1;
                watch.screen.error(&format!("abide: {}", message.unwrap_or_default()));
            }
            Err(Failure { code, message: Some(message) }) => {
                let done = screen::count(i as u64 - missing, "URL");
                return Err(Failure::new(code, format!("{message} ({done} of {} fetched)", urls.len())));
            }
            Err(failure) => return Err(failure),
        }
    }
    match missing {
        0 => Ok(()),
        all if all == urls.len() as u64 => Err(Failure::error("none of the URLs was fetched; see above for each")),
        some => Err(Failure::new(
            Code::Partial,
            format!("{some} of {} URLs are missing; see above for each, and get those again", urls.len()),
        )),
    }
}

/// Everything that has to be looked after while something is awaited.
struct Watch {
    client: Client,
    screen: Screen,
    stop: Stop,
    /// The largest body that is copied, in bytes.
    max_body: u64,
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
                    return Err(Failure::new(code, "stopped before the whole answer was there; run it again for all of it"));
                }
                () = tokio::time::sleep(screen::TICK) => match screen::waiting(&self.client) {
                    Some(waiting) => self.screen.status(|| vec![waiting]),
                    None => self.screen.clear(),
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
        let mut stdout = std::io::stdout();
        let last = copy(watch, &mut response, |chunk| stdout.write_all(chunk)).await?;
        // On a terminal the next body, the live line or the prompt would stand behind it.
        let ended = if stdout.is_terminal() && is_open(last) { stdout.write_all(b"\n") } else { Ok(()) };
        return ended.and_then(|()| stdout.flush()).map_err(|e| Failure::stdout(&e));
    }
    let (url, account) = (response.url(), response.account());
    let mut stderr = std::io::stderr();
    let last = copy(watch, &mut response, |chunk| {
        // If nobody reads it, the status is still told by the exit code.
        let _ = stderr.write_all(chunk);
        Ok(())
    })
    .await?;
    let (body, advice) = match last {
        Some(_) => ("its body is above", advice::on_status(status).unwrap_or("it may say why")),
        None => ("its body is empty", advice::on_status(status).unwrap_or("the vendor's documentation may say why")),
    };
    if is_open(last) {
        watch.screen.error("");
    }
    Err(Failure::error(format!("{url} answered {status} ({account}; {body}); {advice}")))
}

/// Copies the body as it comes, and returns its last byte.
async fn copy(
    watch: &mut Watch,
    response: &mut Response,
    mut write: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<Option<u8>> {
    let mut last = None;
    let mut copied = 0;
    while let Some(chunk) = watch.wait_for(response.chunk()).await?.map_err(|e| failure(&e))? {
        copied += chunk.len() as u64;
        if copied > watch.max_body {
            let (url, most) = (response.url(), watch.max_body);
            return Err(Failure::error(format!(
                "{url}: the answer is larger than {most} bytes; allow more with --max-body"
            )));
        }
        last = chunk.last().copied().or(last);
        write(&chunk).map_err(|e| Failure::stdout(&e))?;
    }
    Ok(last)
}

/// Whether a text with this last byte has an end of line still to come.
fn is_open(last: Option<u8>) -> bool {
    last.is_some_and(|last| last != b'\n')
}

/// What an error of the library means for the exit code, and what to do about it.
pub(crate) fn failure(error: &abide::Error) -> Failure {
    let message = format!("{error}; {}", advice::on_error(error));
    if error.is_setting() {
        Failure::usage(error)
    } else if error.is_limited() {
        Failure::new(Code::Paused, message)
    } else {
        Failure::error(message)
    }
}
