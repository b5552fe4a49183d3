//! The amount of a limit as an interval: what was accepted raises its lower end, what was refused lowers its upper end.

/// All amounts that are still possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) lo: u64,
    pub(super) hi: u64,
}

impl Default for Amount {
    fn default() -> Self {
        Self { lo: 1, hi: u64::MAX }
    }
}

impl Amount {
    /// So many were surely used together.
    pub(super) fn raise(&mut self, used: u64) {
        self.lo = self.lo.max(used);
    }

    /// One more was refused when at most so many were used.
    pub(super) fn lower(&mut self, used: u64) {
        self.hi = self.hi.min(used);
    }

    /// What it may be at most; what it surely is as long as nothing was refused.
    pub(super) fn most(self) -> u64 {
        if self.hi == u64::MAX { self.lo } else { self.hi.max(self.lo) }
    }

    pub(super) fn is_possible(self) -> bool {
        self.lo <= self.hi
    }
}
