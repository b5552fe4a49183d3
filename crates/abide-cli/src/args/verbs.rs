//! The verbs and their flags.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::value::{BackoffRange, HeaderLine, HostLimit, Size, Span};
use crate::secret::{ApiKey, Basic, Source};

/// Call rate-limited HTTP APIs as fast as the API allows, and lose nothing.
#[derive(Debug, Parser)]
#[command(name = "abide", version, max_term_width = 110, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes: 0 complete, 1 error, 2 usage, 3 partial (what is missing is listed), 4 pagination stalled,
75 paused for a limit (says when to come back), 130 and 143 ended by SIGINT and SIGTERM (what was fetched is kept)";

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Fetch URLs to standard output, waiting out every limit
    #[command(after_help = GET_EXAMPLES)]
    Get(GetArgs),
    /// Pull all records of an API to disk; a killed pull goes on where it was
    #[command(after_help = PULL_EXAMPLES)]
    Pull(PullArgs),
    /// Serve a rate-limited API on loopback, to test against
    Mock(crate::mock::MockArgs),
    /// See it work: a rate-limited API on loopback, and a pull of all its records
    Demo,
}

const GET_EXAMPLES: &str = "\
Examples:
  abide get https://api.example.com/users/1
  abide get --limit 20/s --bearer env:TOKEN https://api.example.com/users/1 https://api.example.com/users/2
  abide get --max-wait 20s https://api.example.com/slow || echo \"exit $?\"";

const PULL_EXAMPLES: &str = "\
Examples:
  abide pull https://api.example.com/items -o items.ndjson           all pages, one record a line
  abide pull 'https://api.example.com/items/{0..299}' -o items/      one file an URL
  abide pull --urls urls.txt --limit '5000/h + 10/s' -o items.ndjson";

#[derive(Args, Debug)]
pub(crate) struct GetArgs {
    /// What to fetch, in this order
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Args, Debug)]
pub(crate) struct PullArgs {
    /// What to pull: a URL, or a template with {0..299} or {a,b} in it
    #[arg(value_name = "URL", required_unless_present = "urls", conflicts_with = "urls")]
    pub(crate) url: Option<String>,
    /// Read URLs from a file, one a line; - is standard input
    #[arg(long, value_name = "FILE|-")]
    pub(crate) urls: Option<PathBuf>,
    /// Where to: NAME.ndjson, or NAME/ for one file an URL [default: standard output]
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Where the next page is: auto, none, link, body.PATH, header.NAME
    /// [default: auto for one URL, none for several]
    #[arg(long, value_name = "HOW")]
    pub(crate) pages: Option<crate::pull::Pages>,
    /// Where the records are in a page, as data.items [default: found by itself]
    #[arg(long, value_name = "PATH")]
    pub(crate) records: Option<crate::pull::RecordsAt>,
    /// Another origin that next links may lead to, as https://cdn.example.com
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// Start over; what is there is replaced when the new one is complete
    #[arg(long)]
    pub(crate) fresh: bool,
    /// What to do when the output is complete already
    #[arg(long, value_name = "WHAT", default_value = "skip")]
    pub(crate) if_complete: IfComplete,
    /// Write what happened as one JSON object
    #[arg(long, value_name = "FILE")]
    pub(crate) summary_json: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IfComplete {
    Skip,
    Refetch,
    Fail,
}

/// Flags of every verb that sends requests.
#[derive(Args, Debug)]
#[command(next_help_heading = "Sending")]
pub(crate) struct Common {
    /// A limit to keep, as 50/5s, '20/s burst 10', 'concurrency 4'; HOST=SPEC for one host; all hold at once
    #[arg(long, value_name = "SPEC")]
    pub(crate) limit: Vec<HostLimit>,
    /// Requests in flight at most, an origin
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) concurrency: u32,
    /// Tries again after a fault [default: 5]; waiting for a limit is no try
    #[arg(long, value_name = "N")]
    pub(crate) retries: Option<u32>,
    /// Waits between tries, first and longest, with full jitter [default: 500ms..30s]
    #[arg(long, value_name = "A..B")]
    pub(crate) backoff: Option<BackoffRange>,
    /// More patience with faults: --retries 10 --backoff 500ms..60s
    #[arg(long)]
    pub(crate) batch: bool,
    /// The most that one attempt may take [default: none, but 10 s to connect and 30 s without a byte]
    #[arg(long, value_name = "TIME")]
    pub(crate) timeout: Option<Span>,
    /// The longest wait for a limit; a longer one ends with exit 75 at once [default: 5min, pull 1h]
    #[arg(long, value_name = "TIME")]
    pub(crate) max_wait: Option<Span>,
    /// The most that the whole command may take
    #[arg(long, value_name = "TIME")]
    pub(crate) deadline: Option<Span>,
    /// A header field; goes to no other origin unless Accept*, User-Agent, Content-Type
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) header: Vec<HeaderLine>,
    /// Authorization: Bearer, from env:NAME, file:PATH or cmd:COMMAND
    #[arg(long, value_name = "SOURCE", conflicts_with = "basic")]
    pub(crate) bearer: Option<Source>,
    /// Authorization: Basic
    #[arg(long, value_name = "USER:SOURCE")]
    pub(crate) basic: Option<Basic>,
    /// An API key, as header.X-Api-Key=env:KEY or query.api_key=env:KEY
    #[arg(long, value_name = "PLACE=SOURCE")]
    pub(crate) api_key: Vec<ApiKey>,
    /// Trust the certificates in this PEM file too
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Vec<PathBuf>,
    /// Accept any certificate
    #[arg(long)]
    pub(crate) insecure: bool,
    /// The largest decoded body that is taken
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    pub(crate) max_body: Size,
    /// Say more: every decision with its reason; twice for what is below
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}
