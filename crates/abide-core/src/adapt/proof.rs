//! How much a learner has seen.

use super::book::{Evidence, Verdict};
use crate::time::Instant;

/// How much was seen in all, and when last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Proof {
    pub(super) accepted: u64,
    pub(super) refused: u64,
    /// When what was accepted, and refused, last had left.
    pub(super) confirmed: Option<Instant>,
    pub(super) tested: Option<Instant>,
}

impl Proof {
    pub(super) fn count(&mut self, evidence: &Evidence) {
        match evidence.verdict {
            Verdict::Accepted => {
                self.accepted += evidence.count;
                self.confirmed = Some(evidence.sent);
            }
            Verdict::Refused(_) => {
                self.refused += evidence.count;
                self.tested = Some(evidence.sent);
            }
            Verdict::Unknown => {}
        }
    }
}
