//! Judges whether a response refuses the request because of a limit, and because of which kind.

use std::time::Duration;

use http::StatusCode;

use super::{Quota, Refusal, Wait};

/// A quota that opens again within this time is a pace, not a quota that is gone.
const LONG: Duration = Duration::from_secs(60);

/// What there is to judge by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence<'a> {
    pub(super) status: StatusCode,
    /// The wait that is named, above zero.
    pub(super) wait: Option<Wait>,
    pub(super) quotas: &'a [Quota],
    /// What an error code, or a dialect, says outright.
    pub(super) code: Option<Refusal>,
    /// The name of the limit or the reason.
    pub(super) policy: Option<&'a str>,
    /// The vendor marks its limit on requests in flight by a quota of zero.
    pub(super) zero_is_concurrency: bool,
}

/// Judges a response.
pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Refusal> {
    let by_fields = by_fields(evidence);
    let is_concurrency = || {
        evidence.policy.is_some_and(|policy| contains_ignoring_case(policy, "concurren"))
            || evidence.zero_is_concurrency && evidence.quotas.iter().any(|quota| quota.limit == Some(0))
    };
    match (by_fields, evidence.code) {
        (Some(Refusal::Rate | Refusal::Quota), _) if is_concurrency() => Some(Refusal::Concurrency),
        (Some(Refusal::Rate), Some(code @ (Refusal::Quota | Refusal::Concurrency))) => Some(code),
        (Some(Refusal::Overload | Refusal::Unknown) | None, Some(code)) => Some(code),
        (judged, _) => judged,
    }
}

fn by_fields(evidence: &Evidence<'_>) -> Option<Refusal> {
    let is_exhausted = evidence.quotas.iter().any(|quota| quota.remaining == Some(0));
    let has_wait = evidence.wait.is_some();
    match evidence.status.as_u16() {
        429 | 420 => Some(limited(evidence)),
        402 if is_exhausted => Some(limited(evidence)),
        403 if has_wait || is_exhausted => Some(limited(evidence)),
        418 if has_wait => Some(limited(evidence)),
        503 if is_exhausted => Some(limited(evidence)),
        503 | 413 if has_wait => Some(Refusal::Overload),
        // A server that has something left to give does not refuse because of its limit.
        503 if evidence.quotas.iter().any(|quota| quota.remaining.is_some()) => None,
        503 => Some(Refusal::Unknown),
        // Not registered, but in use: `Bandwidth Limit Exceeded`, and overload.
        509 => Some(Refusal::Quota),
        529 => Some(Refusal::Overload),
        _ => None,
    }
}

/// Tells a quota that is gone until it resets from a pace: by how long it takes until it opens, or by its window.
fn limited(evidence: &Evidence<'_>) -> Refusal {
    let exhausted = evidence.quotas.iter().filter(|quota| quota.remaining == Some(0));
    let opens = match evidence.wait {
        Some(Wait::For(wait) | Wait::Absurd(wait)) => exhausted.map(|_| wait).max(),
        None => exhausted.filter_map(|quota| quota.reset.or(quota.window)).max(),
    };
    if opens > Some(LONG) { Refusal::Quota } else { Refusal::Rate }
}

/// Where in `text` `part` begins, in upper or lower case.
pub(super) fn find_ignoring_case(text: &str, part: &str) -> Option<usize> {
    text.as_bytes().windows(part.len()).position(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

/// Whether `text` has `part` in it, in upper or lower case.
pub(super) fn contains_ignoring_case(text: &str, part: &str) -> bool {
    find_ignoring_case(text, part).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(status: u16) -> Evidence<'static> {
        let status = StatusCode::from_u16(status).unwrap();
        Evidence { status, wait: None, quotas: &[], code: None, policy: None, zero_is_concurrency: false }
    }

    fn judge(status: u16, wait: Option<Wait>, quotas: &[Quota]) -> Option<Refusal> {
        super::judge(&Evidence { wait, quotas, ..evidence(status) })
    }

    fn quota(remaining: u64, reset: u64) -> Quota {
        Quota { remaining: Some(remaining), reset: Some(Duration::from_secs(reset)), ..Quota::default() }
    }

    fn wait(secs: u64) -> Option<Wait> {
        Some(Wait::For(Duration::from_secs(secs)))
    }

    #[test]
    fn a_quota_that_is_gone_for_long_is_told_from_a_pace() {
        assert_eq!(judge(429, None, &[]), Some(Refusal::Rate));
        assert_eq!(judge(429, None, &[quota(0, 2)]), Some(Refusal::Rate));
        assert_eq!(judge(429, None, &[quota(0, 3_500)]), Some(Refusal::Quota));
        assert_eq!(judge(429, wait(29), &[quota(0, 3_500)]), Some(Refusal::Rate), "the wait knows better");
        assert_eq!(judge(429, wait(3_500), &[quota(9, 3_500)]), Some(Refusal::Rate), "something is left");
    }

    #[test]
    fn a_503_is_a_limit_only_where_something_says_so() {
        assert_eq!(judge(503, wait(5), &[]), Some(Refusal::Overload));
        assert_eq!(judge(503, None, &[]), Some(Refusal::Unknown));
        assert_eq!(judge(503, None, &[quota(7, 5)]), None);
        assert_eq!(judge(503, None, &[quota(0, 5)]), Some(Refusal::Rate));
    }

    #[test]
    fn a_403_needs_evidence() {
        assert_eq!(judge(403, None, &[]), None);
        assert_eq!(judge(403, None, &[quota(7, 5)]), None);
        assert_eq!(judge(403, wait(60), &[quota(7, 5)]), Some(Refusal::Rate));
        assert_eq!(judge(403, None, &[quota(0, 5)]), Some(Refusal::Rate));
    }

    #[test]
    fn other_answers_are_no_refusals() {
        for status in [200, 202, 301, 404, 500, 502] {
            assert_eq!(judge(status, wait(5), &[quota(0, 5)]), None, "{status}");
        }
    }

    #[test]
    fn a_code_decides_what_the_status_leaves_open() {
        let by_code = |status, code| super::judge(&Evidence { code: Some(code), ..evidence(status) });
        assert_eq!(by_code(200, Refusal::Rate), Some(Refusal::Rate));
        assert_eq!(by_code(503, Refusal::Rate), Some(Refusal::Rate));
        assert_eq!(by_code(429, Refusal::Quota), Some(Refusal::Quota));
        assert_eq!(by_code(429, Refusal::Overload), Some(Refusal::Rate));
    }

    #[test]
    fn a_limit_on_requests_in_flight_is_known_by_its_name_or_its_zero() {
        let named = Evidence { policy: Some("endpoint-Concurrency"), ..evidence(429) };
        assert_eq!(super::judge(&named), Some(Refusal::Concurrency));
        let zero = [Quota { limit: Some(0), ..quota(0, 60) }];
        let marked = Evidence { quotas: &zero, zero_is_concurrency: true, ..evidence(429) };
        assert_eq!(super::judge(&marked), Some(Refusal::Concurrency));
        assert_eq!(judge(429, None, &zero), Some(Refusal::Rate));
    }
}
