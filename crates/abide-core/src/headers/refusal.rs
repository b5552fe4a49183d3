//! Judges whether a response refuses the request because of a limit, and because of which kind.

use std::time::Duration;

use http::StatusCode;

use super::{Quota, Refusal, Wait};

/// A quota that opens again within this time is a pace, not a quota that is gone.
const LONG: Duration = Duration::from_secs(60);

/// Judges a response by its status, the wait that it orders, and its quotas.
pub(super) fn judge(status: StatusCode, wait: Option<Wait>, quotas: &[Quota]) -> Option<Refusal> {
    let exhausted = || quotas.iter().filter(|quota| quota.remaining == Some(0));
    let limited = || {
        let reset = exhausted().filter_map(|quota| quota.reset).max();
        let opens = match wait {
            Some(Wait::For(wait) | Wait::Absurd(wait)) => Some(wait),
            None => reset,
        };
        if reset.is_some() && opens > Some(LONG) { Refusal::Quota } else { Refusal::Rate }
    };
    match status {
        StatusCode::TOO_MANY_REQUESTS => Some(limited()),
        StatusCode::FORBIDDEN if wait.is_some() || exhausted().next().is_some() => Some(limited()),
        StatusCode::SERVICE_UNAVAILABLE if exhausted().next().is_some() => Some(limited()),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::PAYLOAD_TOO_LARGE if wait.is_some() => Some(Refusal::Overload),
        // A server that has something left to give does not refuse because of its limit.
        StatusCode::SERVICE_UNAVAILABLE if quotas.iter().any(|quota| quota.remaining.is_some()) => None,
        StatusCode::SERVICE_UNAVAILABLE => Some(Refusal::Unknown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(remaining: u64, reset: u64) -> Quota {
        Quota { remaining: Some(remaining), reset: Some(Duration::from_secs(reset)), ..Quota::default() }
    }

    fn wait(secs: u64) -> Option<Wait> {
        Some(Wait::For(Duration::from_secs(secs)))
    }

    #[test]
    fn a_quota_that_is_gone_for_long_is_told_from_a_pace() {
        let judge = |wait, quotas: &[Quota]| judge(StatusCode::TOO_MANY_REQUESTS, wait, quotas);
        assert_eq!(judge(None, &[]), Some(Refusal::Rate));
        assert_eq!(judge(None, &[quota(0, 2)]), Some(Refusal::Rate));
        assert_eq!(judge(None, &[quota(0, 3_500)]), Some(Refusal::Quota));
        assert_eq!(judge(wait(29), &[quota(0, 3_500)]), Some(Refusal::Rate), "the wait knows better");
        assert_eq!(judge(wait(3_500), &[quota(9, 3_500)]), Some(Refusal::Rate), "something is left");
    }

    #[test]
    fn a_503_is_a_limit_only_where_something_says_so() {
        let judge = |wait, quotas: &[Quota]| judge(StatusCode::SERVICE_UNAVAILABLE, wait, quotas);
        assert_eq!(judge(wait(5), &[]), Some(Refusal::Overload));
        assert_eq!(judge(None, &[]), Some(Refusal::Unknown));
        assert_eq!(judge(None, &[quota(7, 5)]), None);
        assert_eq!(judge(None, &[quota(0, 5)]), Some(Refusal::Rate));
    }

    #[test]
    fn a_403_needs_evidence() {
        let judge = |wait, quotas: &[Quota]| judge(StatusCode::FORBIDDEN, wait, quotas);
        assert_eq!(judge(None, &[]), None);
        assert_eq!(judge(None, &[quota(7, 5)]), None);
        assert_eq!(judge(wait(60), &[quota(7, 5)]), Some(Refusal::Rate));
        assert_eq!(judge(None, &[quota(0, 5)]), Some(Refusal::Rate));
    }

    #[test]
    fn other_answers_are_no_refusals() {
        for status in [200, 202, 301, 404, 500, 502] {
            assert_eq!(judge(StatusCode::from_u16(status).unwrap(), wait(5), &[quota(0, 5)]), None, "{status}");
        }
    }
}
