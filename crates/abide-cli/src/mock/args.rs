//! The flags of `abide mock`, each read into the type that it means.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use abide_core::policy::{LimitSpecs, SpecError, WindowKind};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, value_parser};
use http::{HeaderValue, StatusCode};

use super::config::{HeaderStyle, Like, MockConfig, RetryAfter};
use super::faults::{Faults, Share};
use super::pages::Paging;
use crate::args::Span;

const EXAMPLES: &str = "\
Limits: 50/5s is 50 in 5 s, in a window that begins with the first request;
  behind it 'sliding', 'fixed-clock', 'counter' or 'hits' names another window
  '20/s burst 10' (as nginx), 'even 20/s', 'concurrency 4', '9/day at 00:00 UTC'
  'by cost' counts what the query says (?cost=5); ' + ' joins several
Paths:  /items?page=1  /items/ID  /get  /status/CODE

Examples:
  abide mock --limit 50/5s --headers draft-8 --retry-after seconds
  abide mock --limit '20/s burst 10' --status 503 --fail 10% --stall 1%
  abide mock --script 429,429,200 --listen 127.0.0.1:8080 --log requests.log";

/// Serve a rate-limited JSON API on loopback, to test against.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MockArgs {
    /// Loopback address and port [default: a free port]
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", hide_default_value = true, value_parser = loopback)]
    listen: SocketAddr,
    /// A limit to hold; all that are given hold at once
    #[arg(long, value_name = "SPEC", value_parser = limits)]
    limit: Vec<LimitSpecs>,
    /// none, legacy, legacy-delta, draft-6, -7 or -8
    #[arg(
        long,
        value_name = "STYLE",
        value_enum,
        default_value = "none",
        hide_default_value = true,
        hide_possible_values = true
    )]
    headers: HeaderStyle,
    /// With refusals: none, seconds, date or text:VALUE
    #[arg(long, value_name = "FORM", default_value = "none", hide_default_value = true, value_parser = retry_after)]
    retry_after: RetryAfter,
    /// Of refusals: 429, 503 or 403 [default: 429]
    #[arg(
        long,
        value_name = "CODE",
        default_value = "429",
        hide_default_value = true,
        hide_possible_values = true,
        value_parser = refusal()
    )]
    status: StatusCode,
    /// Let refused requests count as well
    #[arg(long)]
    count_refused: bool,
    /// From arrival to answer, such as 20ms
    #[arg(long, value_name = "TIME")]
    latency: Option<Span>,
    /// Accepted requests to answer 503, such as 10%
    #[arg(long, value_name = "SHARE", default_value = "0%", hide_default_value = true)]
    fail: Share,
    /// Accepted requests whose connection is reset
    #[arg(long, value_name = "SHARE", default_value = "0%", hide_default_value = true)]
    reset: Share,
    /// Accepted requests left without a byte for 20 s
    #[arg(long, value_name = "SHARE", default_value = "0%", hide_default_value = true)]
    stall: Share,
    /// Seed of these faults [default: a new one, printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// First answers, such as 429,429,200; then as usual
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = status)]
    script: Vec<StatusCode>,
    /// Records in /items [default: 300]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 300,
        hide_default_value = true,
        value_parser = value_parser!(u64).range(..=1_000_000_000_000)
    )]
    records: u64,
    /// Of /items: STYLE[,TRAP…]; 'list' names them
    #[arg(long, value_name = "STYLE")]
    pages: Option<Paging>,
    /// Serve its paths too: jsonplaceholder
    #[arg(long, value_name = "API", value_enum, hide_possible_values = true)]
    like: Option<Like>,
    /// Append a line a request: epoch seconds, status, path
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

impl MockArgs {
    /// What the flags ask for, or why they do not go together.
    pub(super) fn config(self) -> Result<MockConfig, String> {
        Ok(MockConfig {
            listen: self.listen,
            limits: self.limit.into_iter().flat_map(|specs| specs.0).collect(),
            headers: self.headers,
            retry_after: self.retry_after,
            status: self.status,
            count_refused: self.count_refused,
            latency: self.latency.map_or(Duration::ZERO, |span| span.0),
            faults: Faults::new(self.fail, self.reset, self.stall)?,
            seed: self.seed.unwrap_or_else(|| fastrand::u64(..)),
            script: self.script,
            records: self.records,
            pages: self.pages,
            like: self.like,
            log: self.log,
        })
    }
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    match numeric.parse::<SocketAddr>() {
        Ok(addr) if addr.ip().is_loopback() => Ok(addr),
        Ok(addr) => Err(format!(
            "the mock answers anybody who reaches it, so it listens on loopback only: use 127.0.0.1:{}",
            addr.port()
        )),
        Err(_) => Err("not an address with a port, such as 127.0.0.1:8080 or [::1]:0".to_owned()),
    }
}

/// A plain `L/P` is the commonest window of servers, not the one that is safest for a client.
fn limits(text: &str) -> Result<LimitSpecs, SpecError> {
    LimitSpecs::parse_with(text, WindowKind::Fixed)
}

fn retry_after(text: &str) -> Result<RetryAfter, String> {
    match (text, text.strip_prefix("text:")) {
        ("none", _) => Ok(RetryAfter::None),
        ("seconds", _) => Ok(RetryAfter::Seconds),
        ("date", _) => Ok(RetryAfter::Date),
        (_, Some(value)) => match HeaderValue::from_str(value) {
            Ok(value) => Ok(RetryAfter::Text(value)),
            Err(_) => Err("a field's value holds no control characters".to_owned()),
        },
        _ => Err("use seconds, date, none, or text:VALUE for that very value".to_owned()),
    }
}

fn refusal() -> impl TypedValueParser<Value = StatusCode> {
    let codes = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE, StatusCode::FORBIDDEN];
    PossibleValuesParser::new(["429", "503", "403"])
        .try_map(move |text| codes.into_iter().find(|code| code.as_str() == text).ok_or("not a status that refuses"))
}

fn status(text: &str) -> Result<StatusCode, String> {
    // A status below 200 would only announce another one.
    let status = text.trim().parse().ok().filter(|status: &StatusCode| status.as_u16() >= 200);
    status.ok_or_else(|| "not a status from 200 to 999; write them as 429,429,200".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::policy::LimitSpec;
    use clap::{CommandFactory, Parser};

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        mock: MockArgs,
    }

    fn config(flags: &str) -> Result<MockConfig, String> {
        let line = Line::try_parse_from(std::iter::once("mock").chain(flags.split_terminator('|')));
        line.map_err(|wrong| wrong.to_string())?.mock.config()
    }

    #[test]
    fn without_a_flag_the_mock_is_the_default_one() {
        let config = MockConfig { seed: 0, ..config("").unwrap() };
        assert_eq!(format!("{config:?}"), format!("{:?}", MockConfig::default()));
    }

    #[test]
    fn every_flag_reaches_the_mock() {
        let flags = "--listen|localhost:8080|--limit|50/5s + concurrency 4|--limit|9/s sliding|--headers|draft-8|\
                     --retry-after|date|--status|503|--count-refused|--latency|20ms|--fail|10%|--reset|2%|--stall|1%|\
                     --seed|7|--script|429,200|--records|45|--pages|link,short|--like|jsonplaceholder|--log|x.log";
        let config = config(flags).unwrap();
        assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
        let limits: Vec<_> = config.limits.iter().map(LimitSpec::to_string).collect();
        assert_eq!(limits, ["50/5s fixed", "concurrency 4", "9/s"]);
        assert_eq!((config.headers, config.retry_after), (HeaderStyle::Draft8, RetryAfter::Date));
        assert_eq!((config.status.as_u16(), config.count_refused, config.latency.as_millis()), (503, true, 20));
        assert_eq!(config.faults.to_string(), "10% answered 503, 2% reset, 1% stalled");
        assert_eq!(
            (config.seed, config.script, config.records),
            (7, vec![StatusCode::TOO_MANY_REQUESTS, StatusCode::OK], 45)
        );
        assert_eq!(config.pages.map(|pages| pages.to_string()).as_deref(), Some("link,short"));
        assert_eq!((config.like, config.log), (Some(Like::Jsonplaceholder), Some("x.log".into())));
    }

    #[test]
    fn a_wrong_value_says_what_is_right() {
        for (flags, says) in [
            ("--listen|0.0.0.0:8080", "listens on loopback only: use 127.0.0.1:8080"),
            ("--listen|8080", "such as 127.0.0.1:8080"),
            ("--limit|50/m", "write 'min'"),
            ("--headers|draft-9", "draft-6, draft-7, draft-8"),
            ("--retry-after|soon", "seconds, date, none"),
            ("--status|500", "429, 503, 403"),
            ("--latency|20", "500ms, 20s"),
            ("--fail|10", "such as 10%"),
            ("--script|429,x", "from 200 to 999"),
            ("--script|100", "from 200 to 999"),
            ("--records|many", "invalid digit"),
            ("--pages|list", "Styles:\n  link           Link: next and last (GitHub)"),
            ("--pages|link,trap", "Traps:\n  empty          every second page is empty"),
            ("--pages|page,empty", "does not go with 'page'; what does: short"),
            ("--fail|60%|--stall|60%", "more than 100% together"),
        ] {
            let message = config(flags).unwrap_err();
            assert!(message.contains(says), "{flags}: {message}");
        }
    }

    #[test]
    fn any_text_can_be_a_retry_after() {
        let text = |flags: &str| config(flags).map(|config| config.retry_after);
        for value in ["-5", "0", "abc", ""] {
            assert_eq!(text(&format!("--retry-after|text:{value}")), Ok(RetryAfter::Text(value.parse().unwrap())));
        }
        assert!(text("--retry-after|text:a\nb").is_err());
    }

    #[test]
    fn the_help_fits_one_screen() {
        let help = Line::command().term_width(80).try_get_matches_from(["mock", "--help"]).unwrap_err().to_string();
        assert!(help.lines().count() <= 36 && help.lines().all(|line| line.len() <= 80), "{help}");
    }
}
