//! Retry tokens shared by all calls of a key, in integers: they bound the load that retries add to a server in trouble.

/// Tokens at the start, and the most there can be. With [`COST`], about 35 retries in a row. (AWS SDKs: 500 and 14.)
const CAPACITY: u32 = 500;
/// What one retry takes; it comes back if the retry succeeds.
const COST: u32 = 14;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    tokens: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { tokens: CAPACITY }
    }
}

impl Budget {
    /// Takes a retry's tokens, or nothing if there are too few.
    pub(crate) fn take(&mut self) -> bool {
        match self.tokens.checked_sub(COST) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }

    /// Whether half of the tokens are left beyond what a second attempt takes: it must not use up what retries need.
    pub(crate) fn has_spare(&self) -> bool {
        self.tokens >= CAPACITY / 2 + COST
    }

    /// Takes the tokens of a second attempt beside one that stalls. They do not come back with its success, or a server that
    /// stalls always would get every request twice.
    pub(crate) fn take_spare(&mut self) {
        self.tokens = self.tokens.saturating_sub(COST);
    }

    /// The retry is not made after all.
    pub(crate) fn refund(&mut self) {
        self.tokens = CAPACITY.min(self.tokens + COST);
    }

    /// A call succeeded; `paid` says whether its attempt was a retry that took tokens.
    pub(crate) fn on_success(&mut self, paid: bool) {
        self.tokens = CAPACITY.min(self.tokens + if paid { COST } else { 1 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_end_when_the_tokens_do_and_come_back_with_success() {
        let mut budget = Budget::default();
        let granted = (0..100).filter(|_| budget.take()).count();
        assert_eq!(granted as u32, CAPACITY / COST);
        budget.on_success(true);
        assert!(budget.take());
        assert!(!budget.take());
        (0..COST).for_each(|_| budget.on_success(false));
        assert!(budget.take());
    }
}
