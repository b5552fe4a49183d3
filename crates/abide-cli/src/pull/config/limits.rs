//! `[limits]`: how fast, how many at once, how patient; turned into the flags of the same names.

use http::StatusCode;

use super::section::Section;
use crate::args::{BackoffRange, Common, HeaderUnit, HostLimit, Pace, Span};
use crate::exit::Result;

/// The fields whose numbers `reset` is about, where it names none.
const RESETS: [&str; 5] = [
    "x-ratelimit-reset",
    "x-rate-limit-reset",
    "ratelimit-reset",
    "x-ratelimit-reset-after",
    "x-ratelimit-retry-after",
];

pub(super) fn read(limits: &Section<'_>, common: &mut Common) -> Result<()> {
    common.limit.extend(limits.read_all::<HostLimit>("rate")?);
    common.concurrency = common.concurrency.or(match limits.whole::<u32>("concurrency")? {
        Some(most @ 1..=10_000) => Some(most),
        Some(_) => return Err(limits.error("concurrency", "a number from 1 to 10000 was expected")),
        None => None,
    });
    common.max_wait = common.max_wait.or(limits.read::<Span>("max_wait")?);
    common.deadline = common.deadline.or(limits.read::<Span>("deadline")?);
    common.timeout = common.timeout.or(limits.read::<Span>("timeout")?);
    common.backoff = common.backoff.or(limits.read::<BackoffRange>("backoff")?);
    common.retries = common.retries.or(limits.whole::<u32>("retries")?);
    common.share_of = common.share_of.or(limits.read("share_of")?);
    common.pace = common.pace.or(match limits.text("pace")? {
        None => None,
        Some("eager") => Some(Pace::Eager),
        Some("even") => Some(Pace::Even),
        Some(_) => return Err(limits.error("pace", "'eager' or 'even' was expected")),
    });
    if let Some(unit) = limits.text("reset")? {
        // The reader knows the two kinds of seconds apart; what it has to be told is the unit.
        let unit = if matches!(unit, "delta" | "epoch") { "s" } else { unit };
        let unit = unit.parse().map_err(|e| limits.error("reset", format!("{e}; or delta, epoch")))?;
        let by_hand = |field: &str| common.header_unit.iter().any(|known| known.field.eq_ignore_ascii_case(field));
        let units: Vec<HeaderUnit> = RESETS
            .iter()
            .filter(|field| !by_hand(field))
            .map(|field| HeaderUnit { field: (*field).to_owned(), unit })
            .collect();
        common.header_unit.extend(units);
    }
    if limits.flag("learn")? == Some(false) {
        let why = "a limit that nobody states has to be learned, or requests would go on to be refused; state it with rate instead";
        return Err(limits.error("learn", why));
    }
    common.start = common.start.or(limits.read("start")?);
    common.more.busy = statuses(limits, "busy")?;
    common.more.fault = statuses(limits, "fault")?;
    Ok(())
}

/// Statuses of answers.
pub(super) fn statuses(section: &Section<'_>, key: &str) -> Result<Vec<StatusCode>> {
    let numbers = section.wholes::<u16>(key)?;
    let status = |number: u16| {
        StatusCode::from_u16(number).map_err(|_| section.error(key, format!("{number} is not the status of an answer")))
    };
    numbers.into_iter().map(status).collect()
}
