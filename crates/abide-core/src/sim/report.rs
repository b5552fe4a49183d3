//! What came of a run: counts, times, and how near it came to the least possible time.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::trace::{Entry, Outcome, Step};

/// What came of a run. Prints as one line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// All clients together, background aside.
    pub total: Tally,
    /// Each client by itself, the background, if there is one, at the end.
    pub parties: Vec<Tally>,
    /// Jobs that had not ended when the run did.
    pub unfinished: u64,
    /// From the start to the end of the last job.
    pub time: Duration,
    /// The least time in which a client could do it that knows the rules and the server's next move; `None` if none could, or
    /// nobody can say.
    pub least: Option<Duration>,
    /// The longest time in which the server accepted nothing, from the start to the last request that it accepted.
    pub worst_gap: Duration,
    /// The most requests that arrived within 100 ms.
    pub busiest: u64,
    /// Every second in which something arrived.
    pub seconds: Vec<Second>,
    /// All that happened, if the world was [traced](super::World::traced).
    pub trace: Vec<Entry>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All jobs have ended.
    Done,
    /// The world's horizon was reached.
    Horizon,
    /// Jobs were left, and no client would ever do anything for them; or one did so much at one moment that time stood still.
    Stuck,
}

/// Counts of requests and jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Attempts that left.
    pub requests: u64,
    /// Of these, accepted and answered well.
    pub accepted: u64,
    /// Of these, refused for a limit or a ban.
    pub refused: u64,
    /// Of these, failed in a server that had let them in, or that was down.
    pub failed: u64,
    /// Of these, lost by the network on the way there.
    pub dropped: u64,
    /// Jobs that were done.
    pub done: u64,
    /// Jobs that were given up.
    pub lost: u64,
}

/// What arrived in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Second {
    /// Which, counted from the start.
    pub number: u64,
    /// Requests that arrived.
    pub arrived: u64,
    /// Of these, accepted.
    pub accepted: u64,
    /// Of these, refused.
    pub refused: u64,
    /// The most that arrived within any 100 ms that end in this second.
    pub busiest: u64,
}

impl Tally {
    /// The share of requests that was refused; 0 if there was none.
    pub fn refused_share(&self) -> f64 {
        self.refused as f64 / self.requests.max(1) as f64
    }
}

impl Report {
    /// The time over the least possible time; infinite if jobs were lost or left, NaN if the least time is not known.
    pub fn ratio(&self) -> f64 {
        let Some(least) = self.least else { return f64::NAN };
        if self.unfinished + self.total.lost > 0 {
            return f64::INFINITY;
        }
        if least.is_zero() && self.time.is_zero() { 1.0 } else { self.time.as_secs_f64() / least.as_secs_f64() }
    }

    /// What arrived from a moment of the run on, as one long second.
    pub fn after(&self, moment: Duration) -> Second {
        let mut sum = Second { number: moment.as_secs(), ..Second::default() };
        for second in self.seconds.iter().filter(|second| second.number >= moment.as_secs()) {
            sum.arrived += second.arrived;
            sum.accepted += second.accepted;
            sum.refused += second.refused;
            sum.busiest = sum.busiest.max(second.busiest);
        }
        sum
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { requests, refused, failed, lost, .. } = self.total;
        write!(f, "{requests} requests, {refused} refused, {failed} failed, {lost} lost, ")?;
        write!(f, "{:.3} s", self.time.as_secs_f64())?;
        if let Some(least) = self.least {
            write!(f, ", {:.3} times the least {:.3} s", self.ratio(), least.as_secs_f64())?;
        }
        write!(f, ", worst gap {:.3} s, busiest 100 ms {}", self.worst_gap.as_secs_f64(), self.busiest)?;
        match self.ending {
            Ending::Done => Ok(()),
            Ending::Horizon => write!(f, "; not finished: {} left at the horizon", self.unfinished),
            Ending::Stuck => write!(f, "; not finished: {} left that no client cares for", self.unfinished),
        }
    }
}

const BUSY: Duration = Duration::from_millis(100);

/// Keeps the books of a run.
#[derive(Debug)]
pub(super) struct Recorder {
    total: Tally,
    parties: Vec<Tally>,
    accepted_at: Duration,
    ended_at: Duration,
    worst_gap: Duration,
    /// Arrivals of the last 100 ms.
    recent: VecDeque<Duration>,
    busiest: u64,
    seconds: Vec<Second>,
    traced: bool,
    trace: Vec<Entry>,
}

impl Recorder {
    pub(super) fn new(parties: usize, traced: bool) -> Self {
        Self {
            total: Tally::default(),
            parties: vec![Tally::default(); parties],
            accepted_at: Duration::ZERO,
            ended_at: Duration::ZERO,
            worst_gap: Duration::ZERO,
            recent: VecDeque::new(),
            busiest: 0,
            seconds: Vec::new(),
            traced,
            trace: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, entry: Entry, is_background: bool) {
        if self.traced {
            self.trace.push(entry);
        }
        self.parties[entry.party].count(entry.step);
        if is_background {
            return;
        }
        self.total.count(entry.step);
        match entry.step {
            Step::Arrived(outcome) => self.on_arrival(entry.at, outcome),
            Step::Done | Step::GivenUp => self.ended_at = entry.at,
            _ => {}
        }
    }

    fn on_arrival(&mut self, at: Duration, outcome: Outcome) {
        while self.recent.front().is_some_and(|first| *first + BUSY <= at) {
            self.recent.pop_front();
        }
        self.recent.push_back(at);
        let busy = self.recent.len() as u64;
        self.busiest = self.busiest.max(busy);
        if self.seconds.last().is_none_or(|second| second.number != at.as_secs()) {
            self.seconds.push(Second { number: at.as_secs(), ..Second::default() });
        }
        // One was just pushed if there was none.
        if let Some(second) = self.seconds.last_mut() {
            second.arrived += 1;
            second.accepted += u64::from(outcome == Outcome::Accepted);
            second.refused += u64::from(outcome == Outcome::Refused);
            second.busiest = second.busiest.max(busy);
        }
        if outcome == Outcome::Accepted {
            self.worst_gap = self.worst_gap.max(at - self.accepted_at);
            self.accepted_at = at;
        }
    }

    pub(super) fn finish(self, ending: Ending, least: Option<Duration>, now: Duration, unfinished: u64) -> Report {
        Report {
            ending,
            total: self.total,
            parties: self.parties,
            unfinished,
            time: if ending == Ending::Done { self.ended_at } else { now },
            least,
            worst_gap: self.worst_gap,
            busiest: self.busiest,
            seconds: self.seconds,
            trace: self.trace,
        }
    }
}

impl Tally {
    fn count(&mut self, step: Step) {
        let counted = match step {
            Step::Sent => &mut self.requests,
            Step::LostOnTheWay => &mut self.dropped,
            Step::Arrived(Outcome::Accepted) => &mut self.accepted,
            Step::Arrived(Outcome::Refused) => &mut self.refused,
            Step::Arrived(Outcome::Failed | Outcome::Down) => &mut self.failed,
            Step::Done => &mut self.done,
            Step::GivenUp => &mut self.lost,
            Step::Wanted | Step::Heard(_) | Step::Failed(_) | Step::Dropped => return,
        };
        *counted += 1;
    }
}
