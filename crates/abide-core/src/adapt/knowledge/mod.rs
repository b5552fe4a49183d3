//! What was learned of one key's server, as plain data that outlives a process.
//!
//! Moments are on the wall clock, the only one that the next process shares. Every bound stays safe: what was merged or rounded
//! is wider than it was.

mod recall;
mod text;

#[cfg(test)]
mod tests;

pub use text::KnowledgeError;

use std::fmt;
use std::time::Duration;

use crate::headers::Wait;
use crate::time::Wall;

/// Older than this it is a hint: one attempt tests it before the others follow.
const HINT_AFTER: Duration = Duration::from_secs(7 * 86_400);
/// A limit that nothing was refused for in so long may have been raised.
const TEST_AFTER: Duration = Duration::from_secs(86_400);
/// A clock that reads this much earlier than the clock that wrote was set back, and no age can be told.
const SET_BACK: Duration = Duration::from_secs(5);
/// No clock that was ever set reads less: 2020-01-01T00:00:00Z.
const EARLIEST: Wall = Wall::from_secs(1_577_836_800);
/// No wait, window or age above this is believed.
const LONGEST: Duration = Wait::LONGEST;

/// What is known of one key's server: every limit that explains all that was seen, and what was spent of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knowledge {
    /// When this was written.
    pub written: Wall,
    /// The limits that explain all that was seen; several as long as nothing tells them apart. None if nothing was refused yet,
    /// or nothing explains it.
    pub beliefs: Vec<Belief>,
    /// Attempts that may still count, in order of sending.
    pub spent: Vec<Spent>,
    /// The server asked that nothing be sent before.
    pub pause: Option<Wall>,
    /// The refusals after which nothing was accepted yet.
    pub drought: Option<Drought>,
    /// Whether rates between those that people choose were looked at.
    pub is_refined: bool,
    /// The longest time of refusals after which one was accepted.
    pub longest_drought: Duration,
    /// The shortest round trip of an accepted attempt.
    pub shortest_accepted: Option<Duration>,
    /// The shortest round trip of a refused one.
    pub shortest_refused: Option<Duration>,
    /// What all this rests on.
    pub proof: Proof,
}

/// A limit that explains all that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Belief {
    /// How it counts, with what it counted last.
    pub shape: Shape,
    /// At least so many fit; a bucket's are tokens, the one that comes back meanwhile among them.
    pub least: f64,
    /// No more than so many fit, for a bucket fewer than this; `None` if nothing was refused that tells.
    pub most: Option<f64>,
    /// Whether it holds on top of other limits, whose part of the refusals it does not explain.
    pub is_second: bool,
    /// Nobody usually chooses it, so it asks for no test.
    pub is_odd: bool,
    /// It does not fit what the server said, and counts only if no other is left.
    pub is_doubted: bool,
}

/// How a limit counts.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// So many in every interval of this length.
    Sliding {
        /// The length.
        period: Duration,
        /// Refused attempts count too.
        counts_refused: bool,
    },
    /// So many a window that begins with a request.
    Fixed {
        /// The length of a window.
        period: Duration,
        /// The window that was opened last.
        window: Option<Opened>,
    },
    /// So many a window of the wall clock.
    Clock {
        /// The length of a window.
        period: Duration,
    },
    /// The same, and the last window counts by the share of it that still lies within the period.
    Counter {
        /// The length of a window.
        period: Duration,
        /// Refused attempts count too.
        counts_refused: bool,
    },
    /// A bucket that fills at a steady rate.
    Bucket {
        /// The time in which one comes back.
        interval: Duration,
        /// When it is full again, if all that was sent arrived as early as it can have.
        full_early: Wall,
        /// The same, as late.
        full_late: Wall,
    },
    /// So many in flight.
    Cap,
}

/// A window that a request began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// It began then at the earliest.
    pub earliest: Wall,
    /// And then at the latest.
    pub latest: Wall,
    /// Accepted in it, for sure.
    pub used: u64,
}

/// One attempt that ended, or several that were merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When it left; of several, the first.
    pub sent: Wall,
    /// How long until its answer came, of several the last; `None` if none came.
    pub trip: Option<Duration>,
    /// How many they are.
    pub count: u64,
    /// What became of it.
    pub fate: Fate,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The server took it.
    Accepted,
    /// The server refused it for a limit.
    Refused,
    /// It may have been counted.
    Unknown,
}

/// Refusals after which nothing was accepted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drought {
    /// When the first of them left.
    pub since: Wall,
    /// When the last attempt left that they answer for.
    pub tried: Wall,
    /// When the last refusal came.
    pub refused: Wall,
    /// Whether none was tried again yet.
    pub is_first: bool,
}

/// How much was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Accepted attempts.
    pub accepted: u64,
    /// Refused attempts.
    pub refused: u64,
    /// When an attempt was last accepted.
    pub confirmed: Option<Wall>,
    /// When one was last refused, which shows that the limit is not higher.
    pub tested: Option<Wall>,
}

/// How far knowledge can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// As if it had been learned just now.
    Fresh,
    /// It holds, but the limit may have been raised since: one attempt tests above it.
    Tested,
    /// It may have changed altogether: one attempt goes first.
    Hint,
    /// It is older than any wait, or a clock was set wrong: it says nothing.
    Nonsense,
}

impl Knowledge {
    /// How far to rely on it at this moment.
    pub fn trust(&self, wall: Wall) -> Trust {
        let age = wall.since(self.written);
        if wall < EARLIEST || self.written < EARLIEST || self.written.since(wall) > SET_BACK || age > LONGEST {
            return Trust::Nonsense;
        }
        let since = |moment: Option<Wall>| wall.since(moment.unwrap_or(self.written));
        if since(self.proof.confirmed) > HINT_AFTER {
            Trust::Hint
        } else if since(self.proof.tested) > TEST_AFTER {
            Trust::Tested
        } else {
            Trust::Fresh
        }
    }

    /// Whether it would change nothing to forget it.
    pub fn is_empty(&self) -> bool {
        self.beliefs.is_empty() && self.spent.is_empty() && self.pause.is_none()
    }
}

impl fmt::Display for Belief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spec() {
            Some(spec) => write!(f, "{spec}"),
            None => f.write_str("a limit of unknown size"),
        }
    }
}
