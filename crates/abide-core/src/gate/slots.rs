//! Places in flight: how many the user and the server allow, and how many are taken.

use crate::decision::Reason;
use crate::policy::{LimitSpec, Share};

/// Places in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slots {
    pub(crate) used: u32,
    cap: u32,
    told: bool,
    /// The most that the server seems to bear, after it refused one for being too many.
    crowded: Option<u32>,
    /// Answers since then, or since one more was tried.
    calm: u32,
}

/// Answers for each place in flight after which one more is tried.
const ANSWERS_A_PLACE: u32 = 16;

impl Slots {
    /// As many as are allowed by default, or as were told, whichever are fewer.
    pub(super) fn new(default: u32, told: impl Iterator<Item = LimitSpec>, share: Share) -> Self {
        let told = told.filter_map(|spec| match share.of_limit(spec) {
            LimitSpec::Concurrency(n) => Some(n),
            _ => None,
        });
        match told.min() {
            Some(n) if n <= default => Self { cap: n, told: true, ..Self::default() },
            _ => Self { cap: default, ..Self::default() },
        }
    }

    pub(crate) fn cap(self) -> u32 {
        self.cap
    }

    /// The server has too many in flight. Returns whether there are others of ours, so that fewer is an answer to that.
    pub(crate) fn on_crowded(&mut self) -> bool {
        let others = self.used.saturating_sub(1);
        self.crowded = Some(self.crowded.unwrap_or(self.cap).min(others).max(1));
        self.calm = 0;
        others > 0
    }

    /// The server took a request. After a while without a word about too many, one more is tried.
    pub(crate) fn on_accepted(&mut self) {
        let Some(most) = self.crowded else { return };
        self.calm += 1;
        if self.calm > most * ANSWERS_A_PLACE {
            self.crowded = (most + 1 < self.cap).then_some(most + 1);
            self.calm = 0;
        }
    }

    fn most(self) -> u32 {
        self.crowded.unwrap_or(self.cap)
    }

    pub(super) fn full(self) -> Option<Reason> {
        (self.used >= self.most()).then_some(if self.told && self.crowded.is_none() {
            Reason::Limit(LimitSpec::Concurrency(self.cap))
        } else {
            Reason::Concurrency(self.most())
        })
    }
}
