//! Retry tokens shared by all calls of a key, in integers: they bound the load that retries add to a server in trouble.

use crate::event::Failure;

/// What there is to spend on retries, and what they take. By default as the AWS SDKs have it: about 35 retries in a row.
///
/// Only the ratios matter, so that fractions are expressed by larger numbers all through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// At the start, and the most there can be; 500.
    pub capacity: u32,
    /// A retry takes so many, and gives them back if it succeeds; 14.
    pub retry: u32,
    /// The same for a retry after a timeout, which cost the server more; 14.
    pub timeout: u32,
    /// A call that succeeds without a retry adds so many; 1.
    pub success: u32,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { capacity: 500, retry: 14, timeout: 14, success: 1 }
    }
}

impl Tokens {
    /// What a retry takes after such a failure; `None` is an answer with a fault.
    pub fn cost(&self, last: Option<Failure>) -> u32 {
        match last {
            Some(Failure::Timeout | Failure::ConnectTimeout) => self.timeout,
            _ => self.retry,
        }
    }
}

/// The tokens that are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    tokens: Tokens,
    left: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Tokens::default())
    }
}

impl Budget {
    /// With all tokens.
    pub const fn new(tokens: Tokens) -> Self {
        Self { tokens, left: tokens.capacity }
    }

    /// How many are left.
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// Takes so many, or none if there are too few.
    pub fn take(&mut self, cost: u32) -> bool {
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Gives so many back. There are never more than at the start.
    pub fn give(&mut self, tokens: u32) {
        self.left = self.tokens.capacity.min(self.left.saturating_add(tokens));
    }

    /// Takes what a retry costs after such a failure; `None` if there are too few.
    pub(crate) fn take_retry(&mut self, last: Option<Failure>) -> Option<u32> {
        let cost = self.tokens.cost(last);
        self.take(cost).then_some(cost)
    }

    /// A call succeeded, whose last attempt was a retry that took so many, or none.
    pub(crate) fn on_success(&mut self, paid: Option<u32>) {
        self.give(paid.unwrap_or(self.tokens.success));
    }

    /// Whether half of the tokens are left beyond what a second attempt takes: it must not use up what retries need.
    pub(crate) fn has_spare(&self) -> bool {
        self.left >= self.tokens.capacity / 2 + self.tokens.retry
    }

    /// Takes the tokens of a second attempt beside one that stalls. They do not come back with its success, or a server that
    /// stalls always would get every request twice.
    pub(crate) fn take_spare(&mut self) {
        self.left = self.left.saturating_sub(self.tokens.retry);
    }

    /// The second attempt was not made after all.
    pub(crate) fn give_spare(&mut self) {
        self.give(self.tokens.retry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_end_when_the_tokens_do_and_come_back_with_success() {
        let mut budget = Budget::new(Tokens::default());
        let granted = (0..100).filter(|_| budget.take_retry(None).is_some()).count();
        assert_eq!(granted, 500 / 14);
        budget.on_success(Some(14));
        assert!(budget.take_retry(None).is_some());
        assert!(budget.take_retry(None).is_none());
        (0..14).for_each(|_| budget.on_success(None));
        assert!(budget.take_retry(None).is_some());
    }

    #[test]
    fn a_second_attempt_leaves_half_of_the_tokens_to_retries() {
        let mut budget = Budget::new(Tokens::default());
        let spare =
            std::iter::repeat_with(|| budget.has_spare().then(|| budget.take_spare())).take_while(Option::is_some);
        assert_eq!(spare.count(), 250 / 14);
        assert!(budget.left() >= 250);
        budget.give_spare();
        assert!(budget.has_spare());
    }

    #[test]
    fn a_retry_after_a_timeout_takes_what_that_costs() {
        let mut budget = Budget::new(Tokens { timeout: 30, ..Tokens::default() });
        assert_eq!(budget.take_retry(Some(Failure::Timeout)), Some(30));
        assert_eq!(budget.take_retry(Some(Failure::Reset)), Some(14));
        assert_eq!(budget.left(), 456);
    }
}
