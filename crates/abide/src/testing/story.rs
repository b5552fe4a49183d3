//! Every decision of an engine with its moment, to read and to assert on.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abide_core::Decision;
use abide_core::time::{Human, Instant};

/// What the engine decided so far. Clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Story(Arc<Mutex<Vec<Decided>>>);

/// A decision and when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decided {
    /// How much time had passed on the virtual clock.
    pub at: Duration,
    /// What was decided, and why.
    pub decision: Decision,
}

impl Story {
    pub(crate) fn push(&self, at: Instant, decision: Decision) {
        let decided = Decided { at: at.since(Instant::ZERO), decision };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(decided);
    }

    /// All decisions, the first first.
    pub fn decisions(&self) -> Vec<Decided> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A line a decision: `2.000s call 1 sends attempt 2 after the pause that call 1 was told`.
impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decisions().iter().try_for_each(|decided| writeln!(f, "{decided}"))
    }
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        write!(f, "{}.{:03}s ", at.as_secs(), at.subsec_millis())?;
        if let Some(id) = self.decision.id() {
            write!(f, "{id} ")?;
        }
        match &self.decision {
            Decision::Send { attempt, beside: Some(first), .. } => {
                write!(f, "sends attempt {attempt} beside attempt {first}, which has stalled")
            }
            Decision::Send { attempt: 1, why, .. } if why.until.is_none() => f.write_str("sends"),
            Decision::Send { attempt, why, .. } => write!(f, "sends attempt {attempt} after {}", why.reason),
            Decision::Wait { why, .. } => match why.until {
                Some(until) => {
                    let left = until.since(Instant::ZERO).saturating_sub(at);
                    write!(f, "waits {} for {}", Human(left), why.reason)
                }
                None => write!(f, "waits for {}", why.reason),
            },
            Decision::Peek { bytes, .. } => write!(f, "looks at up to {bytes} bytes of the body"),
            Decision::Drop { attempt, .. } => write!(f, "drops attempt {attempt}"),
            Decision::Retry { .. } => f.write_str("tries again"),
            Decision::Unread { holders, .. } => {
                let names: Vec<String> = holders.iter().map(ToString::to_string).collect();
                write!(f, "waits while nobody reads the answers of {}", names.join(", "))
            }
            Decision::Lease { key, .. } => write!(f, "asks the budget of {} that others share", key.origin()),
            Decision::Renew { .. } => f.write_str("gets another credential"),
            Decision::Return { verdict, .. } => write!(f, "returns ({verdict:?})"),
            Decision::Follow { .. } => f.write_str("follows the redirect"),
            Decision::GiveUp { reason, account, .. } => write!(f, "ends: {reason} ({account})"),
            other => write!(f, "{other:?}"),
        }
    }
}
