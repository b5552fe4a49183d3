//! Whether a belief keeps its word: how often what it let through was refused all the same.

use crate::time::Instant;

/// What a broken word weighs, in kept ones: a belief that breaks it for more than one in seven is not one.
const WEIGHT: u32 = 6;
/// Trust ends at so much, which is five broken words with little kept between them.
const MOST: u32 = 30;

#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    debt: u32,
    /// Refusals of what left by then are of an event that counted already.
    counted: Instant,
    /// Whether nothing was accepted since.
    is_dry: bool,
}

impl Trust {
    /// A belief begins.
    pub(super) fn begin(&mut self, now: Instant) {
        *self = Self { debt: 0, counted: now, is_dry: true };
    }

    pub(super) fn on_accepted(&mut self) {
        self.debt = self.debt.saturating_sub(1);
        self.is_dry = false;
    }

    /// What the belief let through at `sent` was refused. Those in flight together are one event. With
    /// nothing accepted since the last one it weighs little: there a limit is shut, and pilots ask when it opens.
    pub(super) fn on_broken(&mut self, sent: Instant, now: Instant) {
        if sent > self.counted {
            self.debt = (self.debt + if self.is_dry { 1 } else { WEIGHT }).min(MOST);
            (self.counted, self.is_dry) = (now, true);
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.debt >= MOST
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Tells of `n` attempts a millisecond apart, of which each `of`-th is refused; whether trust is lost.
    fn is_lost_after(n: u64, of: u64) -> bool {
        let mut trust = Trust::default();
        (1..=n).any(|i| {
            let sent = Instant::ZERO + Duration::from_millis(i);
            if i % of == 0 {
                trust.on_broken(sent, sent);
            } else {
                trust.on_accepted();
            }
            trust.is_lost()
        })
    }

    #[test]
    fn what_is_refused_one_time_in_ten_may_be_the_doing_of_others() {
        assert!(!is_lost_after(10_000, 10));
    }

    #[test]
    fn what_is_refused_one_time_in_four_is_soon_found_out() {
        assert!(is_lost_after(60, 4));
    }

    #[test]
    fn refusals_in_flight_together_are_one_broken_word() {
        let mut trust = Trust::default();
        for i in 1..100 {
            trust.on_broken(Instant::ZERO + Duration::from_millis(1), Instant::ZERO + Duration::from_millis(i));
        }
        assert!(!trust.is_lost());
    }
}
