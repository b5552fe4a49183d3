//! Words what a mock is and what it has done, for the person who started it.

use std::fmt::Write;
use std::net::SocketAddr;

use abide_core::policy::{LimitSpec, WindowKind};

use super::config::{HeaderStyle, MockConfig, RetryAfter};
use super::faults::Faults;
use super::gate::Counters;

/// A few lines on what the mock holds and how to try it, given the address it came to listen on.
pub(super) fn hint(config: &MockConfig) -> impl FnOnce(SocketAddr) -> String + use<> {
    let mut text = String::new();
    // Writing to a String cannot fail.
    if config.limits.is_empty() {
        text.push_str("  limits: none; add one with --limit, such as --limit 50/5s\n");
    } else {
        let limits: Vec<_> = config.limits.iter().map(limit).collect();
        let _ = write!(text, "  limits: {}; over them {}", limits.join(" + "), config.status.as_u16());
        text.push_str(match (&config.retry_after, config.headers) {
            (RetryAfter::None, HeaderStyle::None) => ", and no field says so\n",
            (RetryAfter::None, _) => " without Retry-After\n",
            _ => " with Retry-After\n",
        });
    }
    if config.faults != Faults::default() {
        let _ = writeln!(text, "  faults: {}; again with --seed {}", config.faults, config.seed);
    }
    let records = config.records;
    let _ = writeln!(text, "  paths:  /items ({records} records), /items/ID, /get, /status/CODE");
    move |addr| {
        let _ = writeln!(text, "  try:    abide pull http://{addr}/items -o items.ndjson");
        text
    }
}

/// A limit in words that leave no doubt about the window.
fn limit(spec: &LimitSpec) -> String {
    match spec {
        LimitSpec::Window { kind: WindowKind::Fixed, .. } => format!("{spec} (from the first request)"),
        LimitSpec::Window { kind: WindowKind::Sliding, .. } => format!("{spec} (sliding)"),
        _ => spec.to_string(),
    }
}

/// One line on what the mock has done.
pub(super) fn summary(counters: Counters) -> String {
    let Counters { requests, accepted, refused, failed } = counters;
    format!("abide mock: {requests} requests: {accepted} accepted, {refused} refused, {failed} failed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::policy::LimitSpecs;

    #[test]
    fn the_hint_says_what_holds_and_what_to_try() {
        let limits = LimitSpecs::parse_with("50/5s + 9/s sliding + concurrency 4", WindowKind::Fixed).unwrap().0;
        let faults = Faults::new("10%".parse().unwrap(), "0%".parse().unwrap(), "0%".parse().unwrap()).unwrap();
        let config = MockConfig { limits, faults, seed: 7, ..MockConfig::default() };
        assert_eq!(
            hint(&config)("127.0.0.1:8080".parse().unwrap()),
            "  limits: 50/5s fixed (from the first request) + 9/s (sliding) + concurrency 4; over them 429, \
             and no field says so\n  \
             faults: 10% answered 503, 0% reset, 0% stalled; again with --seed 7\n  \
             paths:  /items (300 records), /items/ID, /get, /status/CODE\n  \
             try:    abide pull http://127.0.0.1:8080/items -o items.ndjson\n"
        );
    }

    #[test]
    fn the_summary_is_one_line() {
        let counters = Counters { requests: 10, accepted: 6, refused: 3, failed: 1 };
        assert_eq!(summary(counters), "abide mock: 10 requests: 6 accepted, 3 refused, 1 failed");
    }
}
