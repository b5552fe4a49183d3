//! Keeps to a share of the limit that was learned, as if that share had been told.

use crate::limit::{Opening, Permit, Stack, Trip};
use crate::policy::{LimitSpec, Share};
use crate::time::Now;

#[derive(Clone, Debug)]
pub(crate) struct Kept {
    share: Share,
    limit: Option<LimitSpec>,
    stack: Stack,
    /// Counts the limits that were kept to, so that what an attempt took of one is not given back to the next.
    era: u64,
}

/// What an attempt took, and of which limit.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    era: u64,
    permit: Permit,
}

impl Kept {
    pub(super) fn new(share: Share) -> Self {
        Self { share, limit: None, stack: Stack::default(), era: 0 }
    }

    pub(super) fn share(&self) -> Share {
        self.share
    }

    /// Whether there is anything to do: all of a limit is kept to by who learned it.
    pub(super) fn is_partial(&self) -> bool {
        self.share != Share::ALL
    }

    /// From now on this limit is believed. What was believed last holds while it is not clear which of several it is.
    pub(super) fn follow(&mut self, believed: Option<LimitSpec>, is_limit: bool) {
        if believed != self.limit && (believed.is_some() || !is_limit) {
            self.limit = believed;
            self.stack = Stack::new(believed.into_iter(), self.share);
            self.era += 1;
        }
    }

    /// When the limit's share has room for one more beside those in flight, if that has to be waited for.
    pub(super) fn opening(&self, in_flight: u64, now: Now) -> Option<(LimitSpec, Opening)> {
        if let Some(spec) = self.limit
            && let LimitSpec::Concurrency(most) = self.share.of_limit(spec)
        {
            return (in_flight >= most.into()).then_some((spec, Opening::AfterAnswer));
        }
        self.stack.opening(1, now)
    }

    /// Boxed, since it is seldom there.
    pub(super) fn take(&mut self, now: Now) -> Option<Box<Part>> {
        self.limit?;
        Some(Box::new(Part { era: self.era, permit: self.stack.take(1, now) }))
    }

    pub(super) fn leave(&mut self, part: Option<&mut Part>, now: Now) {
        if let Some(part) = part.filter(|part| part.era == self.era) {
            self.stack.leave(&mut part.permit, now);
        }
    }

    pub(super) fn refund(&mut self, part: Option<&Part>) {
        if let Some(part) = part.filter(|part| part.era == self.era) {
            self.stack.refund(&part.permit);
        }
    }

    pub(super) fn settle(&mut self, part: Option<&Part>, trip: &Trip) {
        if let Some(part) = part.filter(|part| part.era == self.era) {
            self.stack.settle(&part.permit, None, trip);
        }
    }
}
