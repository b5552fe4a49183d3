//! When a call has been refused without a word so often that it is given up, though the server takes others.

use std::time::Duration;

use crate::time::Instant;

/// So many refusals of its own, over at least so long.
const MOST: u32 = 10;
const OVER: Duration = Duration::from_secs(30);

/// The refusals of one call that nothing explains.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Suspicion {
    count: u32,
    first: Instant,
    last: Instant,
}

impl Suspicion {
    /// The call was refused again. `accepted` is when the server last took anything. While it takes nothing from anybody, that is
    /// not about this call, unless nobody ever saw it take something.
    pub(crate) fn on_refused(&mut self, accepted: Option<Instant>, now: Instant) {
        if self.count == 0 {
            self.first = now;
        } else if accepted.is_some_and(|accepted| accepted <= self.last) {
            return;
        }
        self.count += 1;
        self.last = now;
    }

    /// Whether the call is given up.
    pub(crate) fn is_certain(&self, now: Instant) -> bool {
        self.count >= MOST && now.since(self.first) >= OVER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::from_nanos(secs * 1_000_000_000)
    }

    fn after(refusals: u64, every: u64, accepted: impl Fn(u64) -> Option<Instant>) -> bool {
        let mut suspicion = Suspicion::default();
        (0..refusals).for_each(|i| suspicion.on_refused(accepted(i), at(i * every)));
        suspicion.is_certain(at((refusals - 1) * every))
    }

    #[test]
    fn ten_over_half_a_minute_are_enough() {
        let never = |_| None;
        assert!(after(10, 4, never));
        assert!(!after(9, 4, never), "too few");
        assert!(!after(10, 3, never), "27 s");
        assert!(after(10, 4, |i| Some(at(i * 4))), "others are taken");
    }

    #[test]
    fn an_outage_is_not_about_the_call() {
        assert!(!after(100, 4, |_| Some(at(0))));
        assert!(!after(100, 4, |i| Some(at(i / 20 * 80))), "taken five times in all");
    }
}
