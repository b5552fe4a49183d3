//! Estimates how far a server's clock is from ours, as an interval that every `Date` field narrows.

use std::time::Duration;

use http::header::{AGE, DATE, HeaderValue};

use super::Response;
use super::date;
use crate::time::{Offset, Wall};

const SECOND: Offset = Offset::from_nanos(1_000_000_000);

/// The offset of the server's clock from ours.
///
/// A response whose `Date` is `d` was written when the server's clock was in `[d, d + 1 s)`, and that was between our
/// sending and our receiving. So the offset is between `d − received` and `d + 1 s − sent`. Each response gives such an
/// interval, and the offset is in all of them until a clock is set or another backend answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerClock {
    bounds: Option<Bounds>,
    /// The last `Date`, and what it means: for a second all answers have the same.
    last: Option<([u8; DATE_BYTES], Wall)>,
}

/// The length of a `Date` as all write it (RFC 9110 section 5.6.7).
const DATE_BYTES: usize = 29;

#[derive(Clone, Copy, Debug)]
struct Bounds {
    low: Offset,
    high: Offset,
}

impl ServerClock {
    /// Takes the `Date` of one response into account. A response out of a cache carries the date of another day.
    pub(super) fn observe(&mut self, response: &Response<'_>) {
        let mut date = None;
        for (name, value) in response.headers {
            if *name == DATE {
                date = date.or(Some(value));
            } else if *name == AGE && value != "0" {
                return;
            }
        }
        let Some(stamp) = date.and_then(|date| self.stamp(date)) else { return };
        // Counted back on the monotonic clock, so that a wall clock that was set in between does not matter.
        let received = response.received.wall;
        let elapsed = response.received.mono.since(response.sent.mono);
        let fresh = Bounds { low: stamp.offset_from(received), high: (stamp + SECOND + elapsed).offset_from(received) };
        self.bounds = Some(match self.bounds {
            Some(known) if known.low <= fresh.high && fresh.low <= known.high => {
                Bounds { low: known.low.max(fresh.low), high: known.high.min(fresh.high) }
            }
            _ => fresh,
        });
    }

    fn stamp(&mut self, date: &HeaderValue) -> Option<Wall> {
        if let Some((_, stamp)) = self.last.filter(|(known, _)| known == date.as_bytes()) {
            return Some(stamp);
        }
        let stamp = date::http_date(date.to_str().ok()?)?;
        self.last = date.as_bytes().try_into().ok().map(|date| (date, stamp));
        Some(stamp)
    }

    /// What the server's clock shows when ours shows `wall`, as early as the evidence allows: a moment that is named by
    /// the server then comes late rather than early. A clock that may be right is taken to be right.
    pub(super) fn at(&self, wall: Wall) -> Wall {
        match self.bounds {
            Some(Bounds { low, high }) if low > Offset::ZERO || high < Offset::ZERO => wall + low,
            _ => wall,
        }
    }

    /// How far it may be ahead of what [`ServerClock::at`] says.
    pub(super) fn doubt(&self) -> Duration {
        match self.bounds {
            Some(Bounds { low, high }) if low > Offset::ZERO || high < Offset::ZERO => {
                Offset::from_nanos(high.as_nanos().saturating_sub(low.as_nanos())).forward()
            }
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::time::{Instant, Now};

    const NOON: i64 = 1_767_268_800;

    fn now(millis: i64) -> Now {
        Now {
            mono: Instant::ZERO + Duration::from_millis(millis.unsigned_abs()),
            wall: Wall::from_millis(NOON * 1000 + millis),
        }
    }

    fn observe(clock: &mut ServerClock, date: &str, sent: Now, received: Now) {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, date.parse().unwrap());
        clock.observe(&Response {
            host: "a.example",
            status: StatusCode::OK,
            headers: &headers,
            body: None,
            sent,
            received,
        });
    }

    fn skew(clock: &ServerClock) -> i64 {
        clock.at(Wall::from_secs(NOON)).offset_from(Wall::from_secs(NOON)).as_nanos() / 1_000_000
    }

    #[test]
    fn a_clock_that_may_be_right_is_taken_to_be_right() {
        let mut clock = ServerClock::default();
        observe(&mut clock, "Thu, 01 Jan 2026 12:00:00 GMT", now(600), now(650));
        assert_eq!(skew(&clock), 0);
    }

    #[test]
    fn answers_narrow_the_skew_from_both_sides() {
        let mut clock = ServerClock::default();
        observe(&mut clock, "Thu, 01 Jan 2026 12:01:00 GMT", now(400), now(500));
        assert_eq!(skew(&clock), 59_500);
        observe(&mut clock, "Thu, 01 Jan 2026 12:01:01 GMT", now(1_050), now(1_100));
        assert_eq!(skew(&clock), 59_900);
        observe(&mut clock, "Thu, 01 Jan 2026 12:01:01 GMT", now(1_700), now(1_800));
        assert_eq!(skew(&clock), 59_900, "the lower end, which waits longest, stays");
    }

    #[test]
    fn a_contradiction_starts_anew() {
        let mut clock = ServerClock::default();
        observe(&mut clock, "Thu, 01 Jan 2026 12:01:00 GMT", now(0), now(0));
        observe(&mut clock, "Thu, 01 Jan 2026 11:59:00 GMT", now(0), now(0));
        assert_eq!(skew(&clock), -60_000);
    }

    #[test]
    fn a_wall_clock_set_back_in_flight_is_no_skew() {
        let mut clock = ServerClock::default();
        let sent = Now { mono: Instant::ZERO, wall: Wall::from_secs(NOON + 7_200) };
        observe(&mut clock, "Thu, 01 Jan 2026 12:00:00 GMT", sent, now(100));
        assert_eq!(skew(&clock), 0);
    }

    #[test]
    fn a_date_is_read_whether_it_was_the_last_one_or_not() {
        let mut clock = ServerClock::default();
        let dates = ["Thu, 01 Jan 2026 12:01:00 GMT", "Thu, 1 Jan 2026 12:03:00 GMT", "Thu, 01 Jan 2026 12:02:00 GMT"];
        let mut ahead = |date: &str| {
            observe(&mut clock, date, now(0), now(0));
            skew(&clock)
        };
        let all = [0, 0, 1, 1, 2, 2, 0].map(|which| ahead(dates[which]));
        assert_eq!(all, [60_000, 60_000, 180_000, 180_000, 120_000, 120_000, 60_000]);
    }

    #[test]
    fn a_cached_answer_says_nothing_about_the_clock() {
        let mut clock = ServerClock::default();
        let mut headers = HeaderMap::new();
        headers.insert(DATE, "Thu, 01 Jan 2026 11:00:00 GMT".parse().unwrap());
        headers.insert(AGE, "3600".parse().unwrap());
        clock.observe(&Response {
            host: "a.example",
            status: StatusCode::OK,
            headers: &headers,
            body: None,
            sent: now(0),
            received: now(0),
        });
        assert_eq!(skew(&clock), 0);
    }

    #[test]
    fn absurd_clocks_do_not_panic() {
        let mut clock = ServerClock::default();
        for wall in [i64::MIN, i64::MAX] {
            let extreme = Now { mono: Instant::NEVER, wall: Wall::from_nanos(wall) };
            observe(&mut clock, "Fri, 31 Dec 9999 23:59:59 GMT", now(0), extreme);
            observe(&mut clock, "Thu, 01 Jan 1970 00:00:00 GMT", extreme, now(0));
            let _ = clock.at(extreme.wall);
        }
    }
}
