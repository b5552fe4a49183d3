//! The verbs and their flags.

use std::path::PathBuf;

use abide::Share;
use clap::{Args, Parser, Subcommand, ValueEnum};
use http::StatusCode;

use super::value::{BackoffRange, HeaderLine, HeaderUnit, HostLimit, Rate, Size, Span};
use crate::secret::{ApiKey, Basic, Netrc, OAuth, Source, Text, Unspoken};

/// Call rate-limited HTTP APIs as fast as the API allows, and lose nothing.
#[derive(Debug, Parser)]
#[command(name = "abide", version, max_term_width = 110, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes:
  0 complete   1 error (nothing was fetched)   2 usage
  3 partial (what is missing is listed)   4 pagination stalled
  75 paused for a limit or the deadline (says when to come back)
  130, 143 ended by SIGINT, SIGTERM   (after 75, 130, 143 the same pull goes on)

Examples:
  abide get https://api.example.com/users/1
  abide pull https://api.example.com/items -o items.ndjson
  abide demo";

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Fetch URLs to standard output, waiting out every limit
    #[command(after_help = GET_EXAMPLES)]
    Get(GetArgs),
    /// Pull all records of an API to disk; a killed pull goes on where it was
    #[command(after_help = PULL_EXAMPLES)]
    Pull(Box<PullArgs>),
    /// Show what a host, or a response at hand, says about its limits
    #[command(after_help = crate::limits::EXAMPLES)]
    Limits(crate::limits::LimitsArgs),
    /// Serve a rate-limited API on loopback, to test against
    Mock(crate::mock::MockArgs),
    /// See it work: a rate-limited API, and a pull of all its records
    Demo,
}

const GET_EXAMPLES: &str = "\
Examples:
  abide get https://api.example.com/users/1
  abide get --limit 20/s --bearer env:TOKEN https://api.example.com/me
  abide get --max-wait 20s https://api.example.com/slow || echo \"exit $?\"";

const PULL_EXAMPLES: &str = "\
Examples:
  abide pull https://api.example.com/items -o items.ndjson
  abide pull 'https://x.test/items/{0..299}' -o items/ --limit '80/min + 10/s'";

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
    /// A URL, a template with {0..299} or {a,b} in it, or FILE.toml
    // Taken as many, so that more than one is refused without being repeated: it may hold a password.
    #[arg(value_name = "URL", required_unless_present_any = ["urls", "schema"], conflicts_with = "urls")]
    pub(crate) url: Vec<String>,
    /// URLs from a file, one a line; - is standard input
    #[arg(long, value_name = "FILE|-")]
    pub(crate) urls: Option<PathBuf>,
    /// NAME.ndjson, .csv, also .gz, .zst; NAME/ for many
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// auto, none, link, body.PATH, header.NAME …
    #[arg(long, value_name = "HOW")]
    pub(crate) pages: Option<crate::pull::Pages>,
    /// Most pages of one URL [default: 1000000]. The error that asks for it names it
    #[arg(long, value_name = "N", hide = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_pages: Option<u64>,
    /// Ask a later run for what is new: field=updated_at send=query.since start=2026-01-01T00:00:00Z
    #[arg(long, value_name = "HOW", hide = true)]
    pub(crate) since: Option<crate::pull::Since>,
    /// Place of the records in a page, as data.items
    #[arg(long, value_name = "PATH")]
    pub(crate) records: Option<crate::pull::RecordsAt>,
    /// What names a record, as id or tenant,id: each once
    #[arg(long, value_name = "FIELDS")]
    pub(crate) key: Option<crate::pull::Key>,
    /// The table of a database [default: the last word of the URL's path]. Its errors name it
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) table: Option<crate::pull::TableName>,
    /// The columns of a CSV file, as id,name. The error that asks for it names it
    #[arg(long, value_name = "NAMES", value_delimiter = ',', hide = true)]
    pub(crate) columns: Vec<String>,
    /// Where next links may lead too, as https://x.test. The error that asks for it names it
    #[arg(long, value_name = "ORIGIN", hide = true)]
    pub(crate) allow_origin: Vec<crate::pull::Allowed>,
    /// Start over; replaces what is there when complete
    #[arg(long)]
    pub(crate) fresh: bool,
    /// skip, refetch or fail [default: skip]
    #[arg(long, value_name = "WHAT", default_value = "skip", hide_default_value = true, hide_possible_values = true)]
    pub(crate) if_complete: IfComplete,
    /// Write what happened as one JSON object
    #[arg(long, value_name = "FILE")]
    pub(crate) summary_json: Option<PathBuf>,
    /// Of a file's endpoints only this one
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) only: Vec<String>,
    /// Say what would be asked for, and ask for nothing
    #[arg(long, hide = true)]
    pub(crate) plan: bool,
    /// Ask for one page of each endpoint, say what it shows, and print a file that states it
    #[arg(long, hide = true, conflicts_with = "plan")]
    pub(crate) check: bool,
    /// Fetch this many pages of each endpoint, and leave the rest to another run
    #[arg(long, value_name = "N", hide = true)]
    pub(crate) limit_pages: Option<u64>,
    /// Print the JSON schema of such a file
    #[arg(long, hide = true)]
    pub(crate) schema: bool,
    /// A pair for the query
    #[arg(long, value_name = "KEY=VALUE", hide = true, value_parser = pair)]
    pub(crate) query: Vec<(String, String)>,
    /// The method of all requests
    #[arg(long, value_name = "METHOD", hide = true)]
    pub(crate) method: Option<http::Method>,
    /// The JSON body of the first page's request
    #[arg(long, value_name = "JSON", hide = true, value_parser = body)]
    pub(crate) body: Option<String>,
    /// What an answer means, as 'status=404 do=skip'; the first that fits counts
    #[arg(long, value_name = "RULE", hide = true)]
    pub(crate) on: Vec<crate::pull::Rule>,
    /// Where the server says how many records there are, as body.total
    #[arg(long, value_name = "PLACE", hide = true)]
    pub(crate) expect: Option<abide_core::place::Place>,
    /// How many requests may be given up before the pull ends, as 1% or 20
    #[arg(long, value_name = "SHARE|N", hide = true)]
    pub(crate) max_errors: Option<crate::pull::MaxErrors>,
    /// A folder for the bodies as they were received
    #[arg(long, value_name = "PATH", hide = true)]
    pub(crate) raw: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a pair is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn body(text: &str) -> Result<String, String> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|e| format!("it is not JSON: {e}"))?;
    Ok(json.to_string())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IfComplete {
    Skip,
    Refetch,
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pace {
    Eager,
    Even,
}

/// Flags of every verb that sends requests.
#[derive(Args, Debug)]
#[command(next_help_heading = "Sending")]
pub(crate) struct Common {
    /// 50/5s, '20/s burst 10', HOST=50/5s; all hold
    #[arg(long, value_name = "SPEC")]
    pub(crate) limit: Vec<HostLimit>,
    /// eager, or even: spread over the window
    #[arg(long, value_name = "PACE", hide_possible_values = true)]
    pub(crate) pace: Option<Pace>,
    /// The rate to begin with while nothing is known, as 2/s. Rare, so it stands in docs/pull.md
    #[arg(long, value_name = "RATE", hide = true)]
    pub(crate) start: Option<Rate>,
    /// Use only this share of every limit, as 80%
    #[arg(long, value_name = "SHARE")]
    pub(crate) share_of: Option<Share>,
    /// Most requests in flight, an origin [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) concurrency: Option<u32>,
    /// Tries again after a fault [default: 5]
    #[arg(long, value_name = "N")]
    pub(crate) retries: Option<u32>,
    /// First and longest wait [default: 500ms..30s]
    #[arg(long, value_name = "A..B")]
    pub(crate) backoff: Option<BackoffRange>,
    /// Be patient: --retries 10 --backoff 500ms..60s. Those two are listed
    #[arg(long, hide = true)]
    pub(crate) batch: bool,
    /// For one attempt [default: 30s without a byte]
    #[arg(long, value_name = "TIME")]
    pub(crate) timeout: Option<Span>,
    /// For a limit, else 75 [default: 5min, pull 1h]
    #[arg(long, value_name = "TIME")]
    pub(crate) max_wait: Option<Span>,
    /// For the whole command, else exit 75
    #[arg(long, value_name = "TIME")]
    pub(crate) deadline: Option<Span>,
    /// A header field, kept from other origins
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = Unspoken::<HeaderLine>::new())]
    pub(crate) header: Vec<HeaderLine>,
    /// A token: env:NAME, file:PATH or cmd:COMMAND
    #[arg(long, value_name = "SOURCE", conflicts_with = "basic", value_parser = Unspoken::<Source>::new())]
    pub(crate) bearer: Option<Source>,
    /// User and password, as ann:env:PASSWORD
    #[arg(long, value_name = "USER:SOURCE", value_parser = Unspoken::<Basic>::new())]
    pub(crate) basic: Option<Basic>,
    /// header.X-Api-Key=env:KEY or query.key=env:KEY
    #[arg(long, value_name = "PLACE=SOURCE", value_parser = Unspoken::<ApiKey>::new())]
    pub(crate) api_key: Vec<ApiKey>,
    /// What a file of endpoints says of sending, which has no flag
    #[arg(skip)]
    pub(crate) more: More,
    /// Use nothing that earlier runs learned
    #[arg(long)]
    pub(crate) no_memory: bool,
    /// The unit of a field about limits that is read wrongly, as x-ratelimit-reset=ms. Rare, so it stands in HEADERS.md
    #[arg(long, value_name = "FIELD=UNIT", hide = true)]
    pub(crate) header_unit: Vec<HeaderUnit>,
    /// Trust the certificates in this PEM file too
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Vec<PathBuf>,
    /// Accept any certificate. The error that asks for it names it
    #[arg(long, hide = true)]
    pub(crate) insecure: bool,
    /// Largest body, decoded [default: 256MiB]. The error that asks for it names it
    #[arg(long, value_name = "SIZE", default_value = "256MiB", hide_default_value = true, hide = true)]
    pub(crate) max_body: Size,
    /// Say every decision and why; twice for all of it
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// What can be said in a file alone.
#[derive(Clone, Default)]
pub(crate) struct More {
    /// Tokens that are used side by side.
    pub(crate) bearers: Vec<Source>,
    pub(crate) oauth2: Option<OAuth>,
    pub(crate) netrc: Option<Netrc>,
    /// User and password out of it, once it is known for which host.
    pub(crate) login: Option<(String, String)>,
    /// Header fields whose values may be secrets.
    pub(crate) fields: Vec<(String, Text)>,
    pub(crate) busy: Vec<StatusCode>,
    pub(crate) fault: Vec<StatusCode>,
}

impl std::fmt::Debug for More {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("More")
            .field("bearers", &self.bearers.len())
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn each_help_fits_one_screen() {
        for verb in ["", "get", "pull", "limits", "mock", "demo"] {
            for flag in ["-h", "--help"] {
                let line = ["abide", verb, flag].into_iter().filter(|word| !word.is_empty());
                let help = Cli::command().term_width(80).try_get_matches_from(line).unwrap_err().to_string();
                assert!(help.lines().count() <= 40, "{} lines:\n{help}", help.lines().count());
                assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
            }
        }
    }

    #[test]
    fn the_flags_make_sense_to_clap() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_readme_is_understood() {
        let readme = include_str!("../../../../README.md");
        let commands = readme.lines().filter_map(|line| line.strip_prefix("$ abide "));
        let mut count = 0;
        for command in commands {
            let command = command.split(" #").next().unwrap_or_default();
            // What stands between single quotes is one word, as in a shell.
            let words = command.split('\'').enumerate().flat_map(|(i, part)| match i % 2 {
                0 => part.split_whitespace().collect(),
                _ => vec![part],
            });
            let words: Vec<&str> = std::iter::once("abide").chain(words).collect();
            assert!(Cli::try_parse_from(&words).is_ok(), "{command}");
            count += 1;
        }
        assert!(count >= 6, "{count}");
    }
}
