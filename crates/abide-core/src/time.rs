//! Time as the core sees it: two clocks that the caller reads, in integer nanoseconds, that never panic on overflow.
//!
//! [`Instant`] is for waiting. [`Wall`] is for reading what servers write (dates, epoch resets) and for nothing else, so a
//! jump of the wall clock can move no wait. All arithmetic saturates.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// A moment on a clock that never goes back, in nanoseconds since a start that the caller chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The caller's start of time.
    pub const ZERO: Self = Self(0);
    /// A moment that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `nanos` nanoseconds after the caller's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the caller's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long it is from `earlier` to here; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(nanos(rhs)))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(rhs)))
    }
}

/// A moment on the wall clock, in nanoseconds since 1970-01-01T00:00:00Z; it may jump in either direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(i64);

impl Wall {
    /// The moment `secs` seconds after the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(NANOS_PER_SEC as i64))
    }

    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// The moment `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SEC as i64)
    }

    /// Whether it is the beginning of a second.
    pub(crate) const fn is_whole_second(self) -> bool {
        self.0.rem_euclid(NANOS_PER_SEC as i64) == 0
    }

    /// How far it is from `other` to here; negative if `other` is later.
    pub const fn offset_from(self, other: Self) -> Offset {
        Offset(self.0.saturating_sub(other.0))
    }

    /// How long it is from `earlier` to here; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.offset_from(earlier).forward()
    }
}

impl Add<Offset> for Wall {
    type Output = Self;

    fn add(self, rhs: Offset) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl Sub<Offset> for Wall {
    type Output = Self;

    fn sub(self, rhs: Offset) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl Add<Duration> for Wall {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(nanos(rhs)).unwrap_or(i64::MAX)))
    }
}

/// A signed distance between two moments on the wall clock, such as the skew between a server's clock and ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(i64);

impl Offset {
    /// No distance.
    pub const ZERO: Self = Self(0);

    /// A distance of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The distance in nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The distance as a duration, zero if it points back.
    pub const fn forward(self) -> Duration {
        Duration::from_nanos(if self.0 > 0 { self.0.unsigned_abs() } else { 0 })
    }
}

/// Both clocks, read together. Every input of the engine carries one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For waiting.
    pub mono: Instant,
    /// For reading dates and epochs.
    pub wall: Wall,
}

impl Now {
    /// What the wall clock shows, or showed, at a moment of the other, as it goes now.
    pub fn wall_at(self, at: Instant) -> Wall {
        let span = |duration: Duration| Offset(i64::try_from(nanos(duration)).unwrap_or(i64::MAX));
        self.wall + span(at.since(self.mono)) - span(self.mono.since(at))
    }

    /// The moment at which the wall clock shows, or showed, this. What lies before the start of time is moved there.
    pub fn mono_at(self, at: Wall) -> Instant {
        self.mono + at.since(self.wall) - self.wall.since(at)
    }

    /// Both clocks at another moment.
    pub(crate) fn at(self, mono: Instant) -> Self {
        Self { mono, wall: self.wall_at(mono) }
    }
}

/// A duration in nanoseconds, saturating at about 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Writes a duration as people read it: `350ms`, `2.5s`, `3m20s`, `1h05m`, `2d03h`.
pub struct Human(
    /// The duration to write.
    pub Duration,
);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_secs();
        match secs {
            0 => write!(f, "{}ms", self.0.as_millis()),
            1..=9 => write!(f, "{}.{}s", secs, self.0.subsec_millis() / 100),
            10..=59 => write!(f, "{secs}s"),
            60..=3_599 => write!(f, "{}m{:02}s", secs / 60, secs % 60),
            3_600..=86_399 => write!(f, "{}h{:02}m", secs / 3_600, secs % 3_600 / 60),
            _ => write!(f, "{}d{:02}h", secs / 86_400, secs % 86_400 / 3_600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_saturate() {
        assert_eq!(Instant::NEVER + Duration::from_secs(1), Instant::NEVER);
        assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
        assert_eq!(Instant::ZERO.since(Instant::NEVER), Duration::ZERO);
    }

    #[test]
    fn durations_read_like_durations() {
        let read = |millis| Human(Duration::from_millis(millis)).to_string();
        assert_eq!(read(350), "350ms");
        assert_eq!(read(2_540), "2.5s");
        assert_eq!(read(200_000), "3m20s");
        assert_eq!(read(3_900_000), "1h05m");
        assert_eq!(read(183_600_000), "2d03h");
    }
}
