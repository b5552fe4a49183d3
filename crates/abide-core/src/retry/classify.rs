//! What an answer means, and after which failures a request may be sent again.

use http::StatusCode;

use crate::call::Safety;
use crate::headers::{Refusal, Signal};
use crate::policy::{Policy, Repeat};

/// What an answer means for the call and for the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server took the request, and its answer is the result: a success, or an error that would come again.
    Accepted,
    /// The server did not act because of a limit.
    Refused(Refusal),
    /// A refusal that does not say why: a limit or a fault.
    Suspected,
    /// Something went wrong that may go better next time.
    Fault,
}

/// Reads an answer's meaning from what the user decided by hand, what the server said, and the status, in this order.
pub(crate) fn classify(policy: &Policy, status: StatusCode, signal: &Signal) -> Outcome {
    if policy.busy.contains(&status) {
        return Outcome::Refused(signal.refusal.filter(|r| *r != Refusal::Unknown).unwrap_or(Refusal::Rate));
    }
    if policy.fault.contains(&status) {
        return Outcome::Fault;
    }
    match signal.refusal {
        Some(Refusal::Unknown) => Outcome::Suspected,
        Some(refusal) => Outcome::Refused(refusal),
        None if is_transient(status) => Outcome::Fault,
        None => Outcome::Accepted,
    }
}

/// Statuses after which the same request may go better: RFC 9110 (408, 500, 502, 503, 504), RFC 8470 (425), and those that
/// proxies made up for the same cases.
fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 500 | 502 | 503 | 504 | 520..=524)
}

/// Why a request would be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Refused(StatusCode),
    Fault,
    Unsent,
}

/// Whether a request may be sent again.
pub(crate) fn may_repeat(repeat: Repeat, safety: Safety, cause: Cause) -> bool {
    match safety {
        Safety::Idempotent => true,
        Safety::Once => false,
        Safety::Unsafe => match cause {
            Cause::Unsent => repeat.unsent,
            // With a wait, or it would not be a refusal but a suspicion.
            Cause::Refused(StatusCode::SERVICE_UNAVAILABLE) => repeat.overloaded,
            Cause::Refused(_) => repeat.refused,
            Cause::Fault => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_decided_comes_first() {
        let policy =
            Policy { busy: vec![StatusCode::FORBIDDEN], fault: vec![StatusCode::NOT_FOUND], ..Policy::default() };
        let silent = Signal::default();
        assert_eq!(classify(&policy, StatusCode::FORBIDDEN, &silent), Outcome::Refused(Refusal::Rate));
        assert_eq!(classify(&policy, StatusCode::NOT_FOUND, &silent), Outcome::Fault);
        assert_eq!(classify(&policy, StatusCode::BAD_GATEWAY, &silent), Outcome::Fault);
        assert_eq!(classify(&policy, StatusCode::BAD_REQUEST, &silent), Outcome::Accepted);
    }

    #[test]
    fn an_unsafe_request_is_repeated_only_where_the_server_did_not_act() {
        let repeat = Repeat::default();
        assert!(may_repeat(repeat, Safety::Unsafe, Cause::Unsent));
        assert!(may_repeat(repeat, Safety::Unsafe, Cause::Refused(StatusCode::TOO_MANY_REQUESTS)));
        assert!(!may_repeat(repeat, Safety::Unsafe, Cause::Fault));
        assert!(!may_repeat(repeat, Safety::Once, Cause::Unsent));
        assert!(!may_repeat(
            Repeat { refused: false, ..repeat },
            Safety::Unsafe,
            Cause::Refused(StatusCode::TOO_MANY_REQUESTS)
        ));
    }
}
