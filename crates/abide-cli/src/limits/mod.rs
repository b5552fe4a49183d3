//! `abide limits`: what a response says about limits, as abide understands it, and what earlier runs learned.

mod input;
mod kept;
mod tell;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::time::Duration;

use abide_core::headers::{Reader, Response, Summary};
use abide_core::time::{Instant, Now, Wall};
use bytes::Bytes;
use clap::Args;
use http::header::DATE;
use serde_json::{Map, Value};

use crate::args::Common;
use crate::exit::{Failure, Result};
use crate::screen::Screen;
use crate::{connect, get, log};
use input::{Exchange, Exchanges};

pub(crate) const EXAMPLES: &str = "\
Examples:
  abide limits https://api.example.com/users/1     (asks the host once)
  abide limits api.example.com                     (asks nobody; --forget)
  curl -si https://api.example.com/users/1 | abide limits --read -
  abide limits --read responses.jsonl --json
  (a line has host, status, headers, body, received_at and id)";

#[derive(Args, Debug)]
pub(crate) struct LimitsArgs {
    /// A URL to ask once, or a HOST to recall; else recalls all
    #[arg(value_name = "URL|HOST", conflicts_with = "read")]
    whom: Option<String>,
    /// Responses as of curl -i, or JSON lines; - is standard input
    #[arg(long, value_name = "FILE|-")]
    read: Option<PathBuf>,
    /// Who answered, where a response does not say it
    #[arg(long, value_name = "HOST", requires = "read")]
    host: Option<String>,
    /// Forget what was learned of the host
    #[arg(long, requires = "whom")]
    forget: bool,
    /// Print JSON, an object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub(crate) async fn run(args: LimitsArgs) -> Result<()> {
    let stdout = std::io::stdout();
    match (&args.whom, &args.read) {
        (Some(whom), _) if args.forget => kept::forget(whom, &mut stdout.lock()),
        (Some(url), _) if url.contains("://") => {
            print(&ask(url, &args.common).await?, args.json, &mut stdout.lock())?;
            if args.json { Ok(()) } else { kept::tell_known(url, &mut stdout.lock()) }
        }
        (host, None) => kept::tell(host.as_deref(), args.json, &mut stdout.lock()),
        (_, Some(path)) => {
            let name = if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
            let mut input: Box<dyn BufRead> = if path.as_os_str() == "-" {
                Box::new(std::io::stdin().lock())
            } else {
                let file = File::open(path)
                    .map_err(|e| Failure::usage(format!("the responses in {name} can't be read: {e}")))?;
                Box::new(BufReader::new(file))
            };
            let mut any = false;
            for exchange in Exchanges::new(&mut input, args.host.clone().unwrap_or_default()) {
                let exchange = exchange.map_err(|e| Failure::usage(format!("{name}: {e}")))?;
                print(&exchange, args.json, &mut stdout.lock())?;
                any = true;
            }
            if any { Ok(()) } else { Err(Failure::usage(format!("there is no response in {name}"))) }
        }
    }
}

/// Sends one request, whatever comes of it.
async fn ask(url: &str, common: &Common) -> Result<Exchange> {
    log::start(common.verbose, Screen::new(common.quiet).lines());
    let client = connect::client(common, Duration::from_secs(60), false)?;
    let response = client.get(url).once().send().await.map_err(|e| get::failure(&e))?;
    let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let (whole, body) = response.into_whole().await.map_err(|e| get::failure(&e))?;
    Ok(Exchange {
        id: Value::Null,
        host,
        status: whole.status,
        headers: whole.headers,
        body,
        received: Some(wall_now()),
    })
}

fn wall_now() -> Wall {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Wall::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

impl Exchange {
    /// The moment of the `Date` field.
    fn date(&self) -> Option<Wall> {
        let date = httpdate::parse_http_date(self.headers.get(DATE)?.to_str().ok()?).ok()?;
        let since = date.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(Wall::from_secs(i64::try_from(since.as_secs()).ok()?))
    }

    /// What it says, judged alone.
    fn summary(&self) -> Summary {
        let date = self.date();
        let received = self.received.or(date).unwrap_or_else(wall_now);
        let now = Now { mono: Instant::ZERO, wall: received };
        let mut reader = Reader::default();
        let mut response = Response {
            host: &self.host,
            status: self.status,
            headers: &self.headers,
            body: None,
            sent: now,
            received: now,
        };
        let most = reader.peek(&response);
        let seen: Bytes = self.body.slice(..self.body.len().min(most));
        response.body = Some(&seen);
        reader.read(&response).summary(received, date)
    }
}

fn print(exchange: &Exchange, json: bool, to: &mut impl Write) -> Result<()> {
    let summary = exchange.summary();
    let text = if json {
        let mut object = Map::from_iter([("id".to_owned(), exchange.id.clone())]);
        object.extend(summary.to_json());
        format!("{}\n", Value::Object(object))
    } else {
        tell::people(exchange, &summary)
    };
    to.write_all(text.as_bytes()).map_err(|e| Failure::stdout(&e))
}
