//! What a mock is told to be.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use abide_core::policy::LimitSpec;
use clap::ValueEnum;
use http::{HeaderValue, StatusCode};

use super::faults::Faults;
use super::pages::Paging;

/// A rate-limited API. The default is what `abide mock` starts without a flag.
#[derive(Clone, Debug)]
pub(crate) struct MockConfig {
    /// Where to listen, on loopback; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// What holds, all at once. A window of kind `Sliding` slides: the mock's plain `L/P` is read as `Fixed`.
    pub(crate) limits: Vec<LimitSpec>,
    /// How responses tell what is left.
    pub(crate) headers: HeaderStyle,
    /// How refusals tell the wait.
    pub(crate) retry_after: RetryAfter,
    /// The status of a refusal.
    pub(crate) status: StatusCode,
    /// Whether refused requests count against every limit.
    pub(crate) count_refused: bool,
    /// Time from arrival to answer.
    pub(crate) latency: Duration,
    /// What goes wrong, and how often.
    pub(crate) faults: Faults,
    /// Seed of the faults, so that a run can be had again.
    pub(crate) seed: u64,
    /// Statuses of the first answers, before the limits are asked.
    pub(crate) script: Vec<StatusCode>,
    /// How many records `/items` holds.
    pub(crate) records: u64,
    /// How its pages follow each other; by `next` and `Link`, if nobody said.
    pub(crate) pages: Option<Paging>,
    /// Another API whose paths are served too.
    pub(crate) like: Option<Like>,
    /// File that gets a line for each request.
    pub(crate) log: Option<PathBuf>,
}

impl Default for MockConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            limits: Vec::new(),
            headers: HeaderStyle::None,
            retry_after: RetryAfter::None,
            status: StatusCode::TOO_MANY_REQUESTS,
            count_refused: false,
            latency: Duration::ZERO,
            faults: Faults::default(),
            seed: 0,
            script: Vec::new(),
            records: 300,
            pages: None,
            like: None,
            log: None,
        }
    }
}

/// The fields that tell what is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HeaderStyle {
    None,
    Legacy,
    LegacyDelta,
    #[value(name = "draft-6")]
    Draft6,
    #[value(name = "draft-7")]
    Draft7,
    #[value(name = "draft-8")]
    Draft8,
}

/// The `Retry-After` field of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    /// No such field.
    None,
    /// Whole seconds, rounded up.
    Seconds,
    /// An IMF-fixdate of the next whole second.
    Date,
    /// Always this text, right or wrong.
    Text(HeaderValue),
}

/// An API of the outside world whose paths and shapes the mock can take on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Like {
    Jsonplaceholder,
}
