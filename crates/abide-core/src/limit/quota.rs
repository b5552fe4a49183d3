//! The quotas that the server named: what is left of each, and when it starts anew.

use std::time::Duration;

use super::Opening;
use crate::headers;
use crate::time::Instant;

/// Two readings of one reset differ by less than this: most servers send whole seconds.
const RESET_TOLERANCE: Duration = Duration::from_millis(1_500);

/// No API names more quotas than this at a time; one that names a new one with each answer must not fill the memory.
const MOST: usize = 32;

/// All quotas of one key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quotas(Vec<Quota>);

#[derive(Clone, Debug)]
struct Quota {
    name: Option<String>,
    limit: Option<u64>,
    /// Left after every answer so far; attempts without an answer are not in it.
    remaining: u64,
    /// When the window ends; `None` once it has and no answer told of the next.
    reset: Option<Instant>,
    /// When the answer came that `remaining` rests on. Only what left after it can raise it.
    as_of: Instant,
}

impl Quotas {
    /// The quota that opens last for `cost` more, where `unanswered` attempts may or may not be counted already.
    pub(crate) fn opening(&self, cost: u64, unanswered: u64, now: Instant) -> Option<(Option<u64>, Opening)> {
        self.0.iter().filter_map(|quota| Some((quota.limit, quota.opening(cost, unanswered, now)?))).max_by_key(
            |(_, opening)| match opening {
                Opening::At(at) => (0, *at),
                Opening::AfterAnswer | Opening::Never => (1, Instant::ZERO),
            },
        )
    }

    /// An answer came to an attempt that left at `sent`.
    pub(crate) fn on_answer(&mut self, said: &[headers::Quota], sent: Instant, now: Instant) {
        for quota in &mut self.0 {
            if !said.iter().any(|s| s.name == quota.name && s.remaining.is_some()) {
                quota.remaining = quota.remaining.saturating_sub(1);
            }
        }
        for said in said {
            let Some(remaining) = said.remaining else { continue };
            let reset = said.reset.filter(|reset| !reset.is_zero()).map(|reset| now + reset);
            match self.0.iter_mut().find(|quota| quota.name == said.name) {
                Some(quota) => quota.on_said(said.limit, remaining, reset, sent, now),
                None => {
                    self.make_room();
                    self.0.push(Quota { name: said.name.clone(), limit: said.limit, remaining, reset, as_of: now });
                }
            }
        }
    }

    /// Forgets the quota that was named longest ago, if there are too many.
    fn make_room(&mut self) {
        if self.0.len() == MOST
            && let Some(oldest) = (0..MOST).min_by_key(|i| self.0[*i].as_of)
        {
            self.0.swap_remove(oldest);
        }
    }

    /// The moment at which the window of an empty quota ends, if one is empty.
    pub(crate) fn empty_until(&self, now: Instant) -> Option<Instant> {
        self.0.iter().filter(|quota| quota.remaining == 0).filter_map(|quota| quota.reset).filter(|at| *at > now).max()
    }

    /// Turns the windows that have ended.
    pub(crate) fn turn(&mut self, now: Instant) {
        for quota in &mut self.0 {
            if quota.reset.is_some_and(|reset| reset <= now) {
                quota.reset = None;
                quota.remaining = quota.limit.unwrap_or(u64::MAX);
                quota.as_of = now;
            }
        }
    }
}

impl Quota {
    fn opening(&self, cost: u64, unanswered: u64, now: Instant) -> Option<Opening> {
        let reset = self.reset.filter(|reset| *reset > now)?;
        if self.remaining >= unanswered.saturating_add(cost) {
            return None;
        }
        // Those without an answer may have been counted in `remaining`: their answers will tell, if there is enough for one more.
        Some(if self.remaining >= cost && unanswered > 0 { Opening::AfterAnswer } else { Opening::At(reset) })
    }

    fn on_said(&mut self, limit: Option<u64>, remaining: u64, reset: Option<Instant>, sent: Instant, now: Instant) {
        self.limit = limit.or(self.limit);
        let newer = sent >= self.as_of;
        match (self.reset, reset) {
            (Some(known), Some(said)) if said > known + RESET_TOLERANCE => {
                // The server has begun a new window, whatever we thought of the old one.
                (self.remaining, self.reset, self.as_of) = (remaining, reset, now);
            }
            (Some(known), Some(said)) if known > said + RESET_TOLERANCE => {
                if newer {
                    (self.remaining, self.reset, self.as_of) = (remaining, reset, now);
                }
            }
            (known, said) => {
                if newer || known.is_none() && said.is_some() && self.remaining == u64::MAX {
                    self.remaining = remaining;
                } else {
                    self.remaining = self.remaining.min(remaining);
                }
                self.as_of = now;
                // Whole seconds are rounded up, so the earliest reading is the nearest one.
                self.reset = match (known, said) {
                    (Some(known), Some(said)) => Some(known.min(said)),
                    (known, said) => said.or(known),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn said(remaining: u64, reset_secs: u64) -> Vec<headers::Quota> {
        vec![headers::Quota {
            limit: Some(50),
            remaining: Some(remaining),
            reset: Some(Duration::from_secs(reset_secs)),
            ..headers::Quota::default()
        }]
    }

    #[test]
    fn what_is_not_answered_may_be_counted_already() {
        let mut quotas = Quotas::default();
        quotas.on_answer(&said(5, 5), at(0), at(10));
        assert_eq!(quotas.opening(1, 4, at(10)), None);
        assert_eq!(quotas.opening(1, 5, at(10)), Some((Some(50), Opening::AfterAnswer)));
    }

    #[test]
    fn an_empty_quota_opens_at_its_earliest_reset() {
        let mut quotas = Quotas::default();
        quotas.on_answer(&said(1, 5), at(0), at(10));
        quotas.on_answer(&said(0, 5), at(100), at(900));
        assert_eq!(quotas.opening(1, 0, at(900)), Some((Some(50), Opening::At(at(5_010)))));
        quotas.turn(at(5_010));
        assert_eq!(quotas.opening(50, 0, at(5_010)), None);
    }

    #[test]
    fn answers_out_of_order_never_raise_what_is_left() {
        let mut quotas = Quotas::default();
        quotas.on_answer(&said(41, 5), at(0), at(10));
        quotas.on_answer(&said(42, 5), at(1), at(11));
        assert_eq!(quotas.opening(41, 0, at(11)), None);
        assert!(quotas.opening(42, 0, at(11)).is_some());
    }

    #[test]
    fn a_later_reset_is_a_new_window() {
        let mut quotas = Quotas::default();
        quotas.on_answer(&said(0, 5), at(0), at(10));
        quotas.on_answer(&said(49, 5), at(4_000), at(4_010));
        assert_eq!(quotas.opening(49, 0, at(4_010)), None);
    }

    #[test]
    fn an_answer_without_fields_still_spends() {
        let mut quotas = Quotas::default();
        quotas.on_answer(&said(2, 5), at(0), at(10));
        quotas.on_answer(&[], at(20), at(30));
        assert_eq!(quotas.opening(1, 0, at(30)), None);
        assert!(quotas.opening(2, 0, at(30)).is_some());
    }
    #[test]
    fn a_server_that_makes_up_names_does_not_fill_the_memory() {
        let mut quotas = Quotas::default();
        for i in 0..1_000_u64 {
            let mut said = said(0, 3_600);
            said[0].name = Some(format!("quota {i}"));
            quotas.on_answer(&said, at(i), at(i + 1));
        }
        assert_eq!(quotas.0.len(), MOST);
        assert_eq!(quotas.0.iter().map(|quota| quota.as_of).max(), Some(at(1_000)));
        assert!(quotas.empty_until(at(1_000)).is_some());
    }
}
