//! What one process did with a key's budget, for the others that share it, and its text: one line each.

use std::fmt::Write;
use std::time::Duration;

use crate::adapt::End;
use crate::headers::Wait;
use crate::time::{Instant, Now};

/// An attempt left, or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed {
    /// The number of the attempt among those of its process and key.
    pub attempt: u64,
    /// When it left, or ended.
    pub at: Instant,
    /// Which of the two, and how.
    pub act: Act,
}

/// What happened to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It left.
    Left {
        /// What it spends of limits that count cost.
        cost: u32,
        /// The [budget](crate::budget) that has counted it already; 0 if none has.
        budget: u64,
    },
    /// It ended.
    Ended {
        /// How.
        end: End,
        /// The server asked that nothing of the key be sent before.
        pause: Option<Instant>,
    },
}

/// A line without it is torn: the process was killed over it.
const END: &str = " .";
/// Another process's clock may be read so much later than ours.
const AHEAD: Duration = Duration::from_secs(1);

impl Deed {
    /// A line without its end. Moments are written as the wall clock shows them; `who` tells processes apart.
    pub fn to_line(&self, who: u64, now: Now) -> String {
        let Self { attempt, at, act } = *self;
        let wall = |at| now.wall_at(at).as_nanos();
        let mut line = format!("{who:x} {attempt} {} ", wall(at));
        let (word, pause) = match act {
            Act::Left { cost, budget: 0 } => (format!("left {cost}"), None),
            Act::Left { cost, budget } => (format!("leased {cost} {budget:x}"), None),
            Act::Ended { end, pause } => (
                match end {
                    End::Accepted => "accepted".to_owned(),
                    End::Refused(None) => "refused".to_owned(),
                    End::Refused(Some(wait)) => format!("refused {}", wait.as_nanos()),
                    End::Suspected => "suspected".to_owned(),
                    End::Unknown => "unknown".to_owned(),
                    End::Unsent => "unsent".to_owned(),
                },
                pause,
            ),
        };
        line += &word;
        if let Some(pause) = pause {
            // Writing to a string does not fail.
            let _ = write!(line, " until {}", wall(pause));
        }
        line + END
    }

    /// Reads a line, and who wrote it; `None` if it is torn, or from a later version. No moment but the end of a pause lies
    /// ahead, and that no further than a wait that is believed.
    pub fn from_line(line: &str, now: Now) -> Option<(u64, Self)> {
        let mut words = line.strip_suffix(END)?.split(' ');
        let who = u64::from_str_radix(words.next()?, 16).ok()?;
        let attempt = words.next()?.parse().ok()?;
        let moment = |words: &mut std::str::Split<'_, char>| {
            Some(now.mono_at(crate::time::Wall::from_nanos(words.next()?.parse().ok()?)))
        };
        let at = moment(&mut words).filter(|at| *at <= now.mono + AHEAD)?.min(now.mono);
        let kind = words.next()?;
        let mut rest = words.clone();
        let number = rest.next().and_then(|word| word.parse::<u64>().ok());
        if number.is_some() {
            words = rest;
        }
        let end = match (kind, number) {
            ("left", cost) => {
                let cost = u32::try_from(cost?).ok()?.max(1);
                return Some((who, Self { attempt, at, act: Act::Left { cost, budget: 0 } }));
            }
            ("leased", cost) => {
                let cost = u32::try_from(cost?).ok()?.max(1);
                let budget = u64::from_str_radix(words.next()?, 16).ok()?;
                return Some((who, Self { attempt, at, act: Act::Left { cost, budget } }));
            }
            ("accepted", None) => End::Accepted,
            ("refused", wait) => End::Refused(wait.map(|wait| Duration::from_nanos(wait).min(Wait::LONGEST))),
            ("suspected", None) => End::Suspected,
            ("unknown", None) => End::Unknown,
            ("unsent", None) => End::Unsent,
            _ => return None,
        };
        let pause = match words.next() {
            None => None,
            Some("until") => Some(moment(&mut words)?.min(now.mono + Wait::LONGEST)),
            Some(_) => return None,
        };
        Some((who, Self { attempt, at, act: Act::Ended { end, pause } }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Wall;

    fn now() -> Now {
        Now { mono: Instant::from_nanos(1 << 60), wall: Wall::from_secs(1_790_000_000) }
    }

    fn act() -> impl Strategy<Value = Act> {
        let wait = prop::option::of((0..1_u64 << 50).prop_map(Duration::from_nanos));
        let end = prop_oneof![
            Just(End::Accepted),
            wait.prop_map(End::Refused),
            Just(End::Suspected),
            Just(End::Unknown),
            Just(End::Unsent)
        ];
        let pause = prop::option::of((0..1_u64 << 54).prop_map(|wait| now().mono + Duration::from_nanos(wait)));
        prop_oneof![
            (1..u32::MAX, prop_oneof![Just(0), any::<u64>()]).prop_map(|(cost, budget)| Act::Left { cost, budget }),
            (end, pause).prop_map(|(end, pause)| Act::Ended { end, pause })
        ]
    }

    proptest! {
        #[test]
        fn a_line_reads_back_as_it_was_written(who: u64, attempt: u64, ago in 0..1_u64 << 59, act in act()) {
            let deed = Deed { attempt, at: now().mono - Duration::from_nanos(ago), act };
            prop_assert_eq!(Deed::from_line(&deed.to_line(who, now()), now()), Some((who, deed)));
        }

        #[test]
        fn no_line_is_too_strange(line in "[0-9a-f]{1,3} [0-9]{1,20} [0-9-]{1,20} [a-z]{1,9}( [0-9a-z ]{0,30})? [.]") {
            if let Some((_, deed)) = Deed::from_line(&line, now()) {
                prop_assert!(deed.at <= now().mono);
            }
        }

        #[test]
        fn a_torn_line_is_none(attempt: u64, act in act(), cut in 0..200_usize) {
            let line = Deed { attempt, at: now().mono, act }.to_line(7, now());
            prop_assert_eq!(Deed::from_line(&line[..cut.min(line.len() - 1)], now()), None);
        }
    }

    #[test]
    fn what_lies_ahead_is_of_another_clock() {
        let line = Deed { attempt: 1, at: now().mono + Duration::from_secs(60), act: Act::Left { cost: 1, budget: 0 } }
            .to_line(1, now());
        assert_eq!(Deed::from_line(&line, now()), None);
    }
}
