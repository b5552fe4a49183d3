//! Reads `Retry-After` (RFC 9110 section 10.2.3) and its relatives, and says where a wait is obeyed.

use std::time::Duration;

use http::StatusCode;

use super::units::{self, Hint, Scale, Told};
use super::{Response, Wait};
use crate::time::Wall;

/// What the fields of one response say about waiting, the most exact of them first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RetryAfter {
    /// By rank: fields in milliseconds, then `Retry-After` itself, then its other relatives.
    told: [Option<Told>; 3],
}

impl RetryAfter {
    /// Notes one field line; a value that is no wait counts as absent.
    pub(super) fn note(&mut self, name: &str, hint: Hint, value: &str, now: Wall) {
        let rank = match hint.scale {
            Some(Scale::Millis) => 0,
            _ if name == "retry-after" => 1,
            _ => 2,
        };
        let value = value.trim();
        if value.starts_with('-') {
            return;
        }
        if let Some(told) = units::told(value, hint, now) {
            self.take_at(rank, told, now);
        }
    }

    /// Takes in a wait that stands in a field of another name.
    pub(super) fn take(&mut self, told: Told, now: Wall) {
        self.take_at(2, told, now);
    }

    fn take_at(&mut self, rank: usize, fresh: Told, now: Wall) {
        let place = &mut self.told[rank];
        // Of two lines the longer wait is the one that breaks neither.
        *place = Some(place.map_or(fresh, |known| if known.from(now) < fresh.from(now) { fresh } else { known }));
    }

    /// The field to go by: the first that asks for a wait at all, else the first that is there.
    pub(super) fn told(&self, now: Wall) -> Option<Told> {
        let mut all = self.told.iter().flatten().copied();
        all.clone().find(|told| told.from(now) > Duration::ZERO).or_else(|| all.next())
    }
}

/// Whether a wait is an order with this status even where nothing was refused: a redirect is to be followed later.
pub(super) fn is_obeyed(response: &Response<'_>) -> bool {
    response.status.is_redirection() && response.status != StatusCode::NOT_MODIFIED
}

/// Turns a wait that was told into one to obey; none if it is over.
pub(super) fn wait(told: Told, now: Wall) -> Option<Wait> {
    match told.from(now) {
        Duration::ZERO => None,
        wait if wait <= Wait::LONGEST => Some(Wait::For(wait)),
        wait => Some(Wait::Absurd(wait)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Wall = Wall::from_secs(1_559_559_600);

    fn read(fields: &[(&str, &str)]) -> Option<Wait> {
        let mut all = RetryAfter::default();
        for (name, value) in fields {
            let hint = Hint { scale: name.ends_with("-ms").then_some(Scale::Millis), relative: true, absolute: false };
            all.note(name, hint, value, NOW);
        }
        all.told(NOW).and_then(|told| wait(told, NOW))
    }

    fn plain(value: &str) -> Option<Wait> {
        read(&[("retry-after", value)])
    }

    fn secs(secs: u64) -> Option<Wait> {
        Some(Wait::For(Duration::from_secs(secs)))
    }

    #[test]
    fn seconds_and_all_three_forms_of_date_are_read() {
        assert_eq!(plain("120"), secs(120));
        assert_eq!(plain(" \t42 "), secs(42));
        assert_eq!(plain("Mon, 03 Jun 2019 11:30:12 GMT"), secs(1812));
        assert_eq!(plain("Monday, 03-Jun-19 11:30:12 GMT"), secs(1812));
        assert_eq!(plain("Mon Jun  3 11:30:12 2019"), secs(1812));
        assert_eq!(plain("1.5"), Some(Wait::For(Duration::from_millis(1500))));
    }

    #[test]
    fn what_is_no_wait_is_none() {
        for value in ["0", "0.0", "-1", "-0", "", "abc", "nan", "0x10", "٥", "10, 20", "Mon, 03 Jun 2019 10:59:55 GMT"]
        {
            assert_eq!(plain(value), None, "{value}");
        }
    }

    #[test]
    fn an_epoch_in_the_field_is_known_as_one() {
        assert_eq!(plain("1559559630"), secs(30));
        assert_eq!(plain("1559559630500"), Some(Wait::For(Duration::from_millis(30_500))));
        assert_eq!(plain("1559559570"), None, "30 seconds ago");
    }

    #[test]
    fn a_wait_that_nobody_means_is_reported_and_not_cut() {
        assert_eq!(plain("34560000"), secs(34_560_000));
        assert_eq!(plain("34560001"), Some(Wait::Absurd(Duration::from_secs(34_560_001))));
        assert_eq!(plain("9999999999"), Some(Wait::Absurd(Duration::from_secs(9_999_999_999))));
        assert!(matches!(plain("99999999999999999999999999999999999"), Some(Wait::Absurd(_))));
        assert!(matches!(plain("Fri, 31 Dec 9999 23:59:59 GMT"), Some(Wait::Absurd(_))));
    }

    #[test]
    fn milliseconds_go_before_seconds() {
        assert_eq!(
            read(&[("retry-after", "2"), ("retry-after-ms", "1500")]),
            Some(Wait::For(Duration::from_millis(1500)))
        );
        assert_eq!(read(&[("retry-after", "2"), ("retry-after-ms", "soon")]), secs(2));
        assert_eq!(read(&[("retry-after", "2"), ("x-ratelimit-retry-after", "9")]), secs(2));
    }

    #[test]
    fn of_two_lines_the_longer_wait_holds() {
        assert_eq!(read(&[("retry-after", "10"), ("retry-after", "20")]), secs(20));
    }
}
