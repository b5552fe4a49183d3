//! The evidence: which attempts are in flight, what was accepted and refused, and how sure their arrivals are.

use std::collections::VecDeque;
use std::time::Duration;

use super::log::{Log, View};
use super::{End, Ticket};
use crate::time::{Instant, Now, nanos};

/// Servers read their clocks in whole milliseconds.
const GRAIN: Duration = Duration::from_millis(1);
/// Where accepted attempts take this many times as long as refused ones, one that is silent for as many refusals' time has
/// passed the gate.
const SILENCE: u32 = 4;
/// Accepted attempts that tell the pace.
const LATELY: u64 = 32;

#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    accepted: Log,
    refused: Log,
    /// In order of sending. Those before `learned` are in the logs already and wait only for their answer.
    flights: VecDeque<Flight>,
    learned: usize,
    /// What is learned once more, in order of sending.
    again: VecDeque<Evidence>,
    first_ticket: u64,
    shortest: Shortest,
    offset: i128,
    /// When the first of the latest refusals that were in flight together left, and when the last can have arrived.
    refusals: Option<(Instant, Instant)>,
    /// How much wider than measured the arrivals are taken, as something did not fit.
    pub(super) slack: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    sent: Instant,
    end: Option<(End, Instant)>,
    /// Whether it left although some hypothesis spoke against it.
    pub(super) contested: bool,
    /// Another process sent it, and its answer is known here only some time after it came.
    is_foreign: bool,
}

/// The shortest round trips.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shortest {
    pub(super) accepted: Option<Duration>,
    pub(super) refused: Option<Duration>,
}

/// One attempt, or several that were merged, as a hypothesis sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    pub(super) sent: Instant,
    /// When the answer came; `NEVER` if it has not.
    pub(super) answered: Instant,
    /// The latest moment at which it can have arrived. Only differences of arrivals mean anything: all are early by the
    /// shortest way to the server.
    pub(super) latest: Instant,
    /// The same by the whole of the round trip.
    pub(super) latest_really: Instant,
    pub(super) count: u64,
    pub(super) verdict: Verdict,
    pub(super) contested: bool,
    /// Whether it was refused without a word, so that a fault may be the reason.
    pub(super) is_bare: bool,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tally {
    Accepted,
    /// Refused attempts too.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Refused(Option<Duration>),
    /// It may have been counted.
    Unknown,
}

impl Book {
    pub(super) fn on_sent(&mut self, contested: bool, now: Now) -> Ticket {
        self.read_clock(now);
        self.flights.push_back(Flight { sent: now.mono, end: None, contested, is_foreign: false });
        Ticket(self.first_ticket + self.flights.len() as u64 - 1)
    }

    /// An attempt that was told of is another process's.
    pub(super) fn disown(&mut self, ticket: Ticket) {
        let index = ticket.0.checked_sub(self.first_ticket).and_then(|index| usize::try_from(index).ok());
        if let Some(flight) = index.and_then(|index| self.flights.get_mut(index)) {
            flight.is_foreign = true;
        }
    }

    /// When an attempt left that is in flight still.
    pub(super) fn sent(&self, ticket: Ticket) -> Option<Instant> {
        Some(self.flights.get(usize::try_from(ticket.0.checked_sub(self.first_ticket)?).ok()?)?.sent)
    }

    pub(super) fn on_end(&mut self, ticket: Ticket, end: End, now: Now) {
        self.read_clock(now);
        let Some(index) = ticket.0.checked_sub(self.first_ticket).and_then(|index| usize::try_from(index).ok()) else {
            return;
        };
        let Some(flight) = self.flights.get_mut(index) else { return };
        flight.end = Some((end, now.mono));
        let (sent, trip) = (flight.sent, now.mono.since(flight.sent));
        match end {
            End::Accepted => {
                self.shortest.accepted = Some(self.shortest.accepted.map_or(trip, |known| known.min(trip)));
            }
            End::Refused(_) | End::Suspected => {
                self.shortest.refused = Some(self.shortest.refused.map_or(trip, |known| known.min(trip)));
            }
            End::Unknown | End::Unsent => {}
        }
        if index < self.learned {
            self.accepted.amend(sent, now.mono);
        }
        self.land();
    }

    fn land(&mut self) {
        while self.learned > 0 && self.flights.front().is_some_and(|flight| flight.end.is_some()) {
            self.flights.pop_front();
            self.first_ticket += 1;
            self.learned -= 1;
        }
    }

    fn read_clock(&mut self, now: Now) {
        self.offset = i128::from(now.wall.as_nanos()) - i128::from(now.mono.as_nanos());
    }

    /// The next attempt of which all is known, in order of sending. To be followed by [`Book::note`].
    pub(super) fn next(&mut self, now: Instant) -> Option<Evidence> {
        loop {
            let flight = *self.flights.get(self.learned)?;
            let (verdict, answered) = match flight.end {
                Some((End::Accepted, at)) => (Verdict::Accepted, at),
                Some((End::Refused(wait), at)) => (Verdict::Refused(wait), at),
                Some((End::Suspected, at)) => (Verdict::Refused(None), at),
                Some((End::Unknown, at)) => (Verdict::Unknown, at),
                Some((End::Unsent, _)) => {
                    self.learned += 1;
                    self.land();
                    continue;
                }
                None if self.silence_of(&flight).is_some_and(|silence| flight.sent + silence <= now) => {
                    (Verdict::Accepted, Instant::NEVER)
                }
                None if flight.sent + self.patience() <= now => (Verdict::Unknown, Instant::NEVER),
                None => return None,
            };
            self.learned += 1;
            let is_bare = matches!(flight.end, Some((End::Suspected, _)));
            let evidence = self.evidence(flight.sent, answered, 1, verdict, flight.contested);
            self.gather(&evidence);
            return Some(Evidence { is_bare, ..evidence });
        }
    }

    fn evidence(&self, sent: Instant, answered: Instant, count: u64, verdict: Verdict, contested: bool) -> Evidence {
        let view = if matches!(verdict, Verdict::Refused(_)) { self.refused() } else { self.accepted() };
        let (latest, latest_really) = (view.latest(sent, answered), view.really().latest(sent, answered));
        Evidence { sent, answered, latest, latest_really, count, verdict, contested, is_bare: false }
    }

    /// To be told of each attempt before the hypotheses learn from it.
    pub(super) fn gather(&mut self, evidence: &Evidence) {
        if matches!(evidence.verdict, Verdict::Refused(_)) {
            self.refusals = Some(match self.refusals {
                Some((from, until)) if evidence.sent <= until => (from, until.max(evidence.latest)),
                _ => (evidence.sent, evidence.latest),
            });
        }
    }

    /// The refusals of the latest event, once all of them are known: when the first left, and when the last can have arrived.
    pub(super) fn settled_refusals(&self) -> Option<(Instant, Instant)> {
        let is_over = |until| {
            self.again.front().is_none_or(|next| next.sent > until)
                && self.unlearned().all(|flight| flight.sent > until)
        };
        self.refusals.filter(|(_, until)| is_over(*until))
    }

    /// Puts an attempt into the logs, after every hypothesis has seen it.
    pub(super) fn note(&mut self, evidence: &Evidence) {
        let log = match evidence.verdict {
            Verdict::Accepted | Verdict::Unknown => &mut self.accepted,
            Verdict::Refused(_) => &mut self.refused,
        };
        log.push(evidence.sent, evidence.answered, evidence.count, evidence.verdict != Verdict::Unknown);
        self.land();
    }

    /// Takes all out of the logs, in order of sending, so that new hypotheses can see it one by one.
    pub(super) fn rewind(&mut self) -> Vec<Evidence> {
        let all = self.history();
        self.clear();
        all
    }

    /// All that is in the logs, in order of sending.
    pub(super) fn history(&self) -> Vec<Evidence> {
        let mut all = Vec::new();
        for (log, verdict) in [(&self.accepted, Verdict::Accepted), (&self.refused, Verdict::Refused(None))] {
            for (entry, sure, other) in log.iter() {
                for (count, verdict) in [(sure, verdict), (other, Verdict::Unknown)] {
                    if count > 0 {
                        all.push(self.evidence(entry.sent, entry.answered, count, verdict, false));
                    }
                }
            }
        }
        all.sort_by_key(|evidence| evidence.sent);
        all
    }

    /// What has ended and waits for something that left before it.
    pub(super) fn ended(&self) -> impl Iterator<Item = Evidence> {
        self.unlearned().filter_map(|flight| {
            let (end, at) = flight.end?;
            let verdict = match end {
                End::Accepted => Verdict::Accepted,
                End::Refused(wait) => Verdict::Refused(wait),
                End::Suspected => Verdict::Refused(None),
                End::Unknown => Verdict::Unknown,
                End::Unsent => return None,
            };
            Some(self.evidence(flight.sent, at, 1, verdict, flight.contested))
        })
    }

    /// Starts from what an earlier run saw. What is in flight stays so.
    pub(super) fn recall(&mut self, history: impl Iterator<Item = Evidence>, shortest: Shortest, now: Now) {
        self.read_clock(now);
        self.clear();
        self.shortest = shortest;
        for evidence in history {
            self.note(&evidence);
        }
    }

    pub(super) fn shortest(&self) -> Shortest {
        self.shortest
    }

    /// Forgets what was refused.
    pub(super) fn forgive(&mut self) {
        self.refused = Log::default();
    }

    /// How many of the attempts that left since a moment were accepted of late, and in what time.
    pub(super) fn pace(&self, since: Instant, now: Instant) -> (u64, Duration) {
        let count = self.accepted.count_since(since).min(LATELY);
        (count, now.since(self.accepted.left(count).unwrap_or(now)))
    }

    /// When the first attempt left that is not learned from.
    pub(super) fn oldest_unlearned(&self) -> Option<Instant> {
        self.unlearned().next().map(|flight| flight.sent)
    }

    /// Forgets all that has ended.
    pub(super) fn clear(&mut self) {
        self.refusals = None;
        self.accepted = Log::default();
        self.refused = Log::default();
    }

    /// Forgets all that has ended, to be told of this again by [`Book::next_again`]. Until then it counts as under way.
    pub(super) fn begin_again(&mut self, history: &[Evidence]) {
        self.clear();
        self.again = history.iter().copied().collect();
    }

    /// The next of what is learned again, as it looks now. To be followed by [`Book::note`].
    pub(super) fn next_again(&mut self) -> Option<Evidence> {
        let Evidence { sent, answered, count, verdict, contested, is_bare, .. } = self.again.pop_front()?;
        let evidence = Evidence { is_bare, ..self.evidence(sent, answered, count, verdict, contested) };
        self.gather(&evidence);
        Some(evidence)
    }

    pub(super) fn accepted(&self) -> View<'_> {
        self.view(&self.accepted, self.shortest.accepted)
    }

    pub(super) fn refused(&self) -> View<'_> {
        self.view(&self.refused, self.shortest.refused)
    }

    fn view<'a>(&'a self, log: &'a Log, shortest: Option<Duration>) -> View<'a> {
        let shift = shortest.unwrap_or_default();
        View::new(log, shift - shift / 5, GRAIN + self.slack, self.silence().unwrap_or(Duration::MAX), self.patience())
    }

    fn silence(&self) -> Option<Duration> {
        let (accepted, refused) = (self.shortest.accepted?, self.shortest.refused?);
        let silence = refused.max(GRAIN) * SILENCE;
        (accepted > silence).then_some(silence)
    }

    /// Silence tells nothing of an attempt whose answer is told late.
    fn silence_of(&self, flight: &Flight) -> Option<Duration> {
        self.silence().filter(|_| !flight.is_foreign)
    }

    /// The shortest way there and back that is known.
    pub(super) fn refused_trip(&self) -> Duration {
        self.shortest.refused.unwrap_or_default()
    }

    /// How far apart the earliest and the latest arrival of an attempt are at least.
    pub(super) fn blur(&self) -> Duration {
        self.trip() / 5 + GRAIN
    }

    /// How long the server works on what it accepts, beyond the way there and back.
    pub(super) fn work(&self) -> Duration {
        self.trip().saturating_sub(self.refused_trip())
    }

    /// One that is not answered for so long may never be, and nothing waits for it any more.
    fn patience(&self) -> Duration {
        (self.trip() * 8).max(Duration::from_secs(1))
    }

    /// Whether accepted attempts take much longer than refused ones: a slow service behind a quick gate.
    pub(super) fn is_slow(&self) -> bool {
        self.silence().is_some()
    }

    /// When the first attempt that is not answered is learned from without an answer.
    pub(super) fn silence_ends(&self) -> Option<Instant> {
        let flight = self.flights.get(self.learned)?;
        Some(flight.sent + self.silence_of(flight).unwrap_or(self.patience()))
    }

    /// How many attempts that are not in the logs may have arrived, or may still.
    pub(super) fn pending(&self, tally: Tally) -> u64 {
        self.unlearned().filter(|flight| flight.counts(tally)).count() as u64
    }

    pub(super) fn unlearned(&self) -> impl DoubleEndedIterator<Item = &Flight> {
        self.flights.range(self.learned.min(self.flights.len())..)
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.flights.iter().filter(|flight| flight.end.is_none()).count() as u64
    }

    /// The most attempts that can have arrived after `from` and before `to`.
    pub(super) fn possible(&self, tally: Tally, from: Instant, to: Instant) -> u64 {
        self.views(tally).map(|view| view.possible(from, to)).sum::<u64>() + self.pending_within(tally, to)
    }

    /// The most refused attempts that can have arrived after `from` and before `to`.
    pub(super) fn possible_refused(&self, from: Instant, to: Instant) -> u64 {
        self.refused().possible(from, to)
    }

    /// The fewest attempts that have arrived after `from` and before `to`.
    pub(super) fn certain(&self, tally: Tally, from: Instant, to: Instant) -> u64 {
        self.views(tally).map(|view| view.certain(from, to)).sum()
    }

    /// The latest arrival of the last few attempts that left after `from`.
    pub(super) fn newest(&self, tally: Tally, from: Instant) -> Instant {
        self.views(tally).map(|view| view.newest(from)).max().unwrap_or(from)
    }

    /// The same by the whole of each round trip.
    pub(super) fn newest_really(&self, tally: Tally, from: Instant) -> Instant {
        self.views(tally).map(|view| view.really().newest(from)).max().unwrap_or(from)
    }

    /// The same by the whole of each round trip, for limits that hang on real moments.
    pub(super) fn possible_really(&self, tally: Tally, from: Instant, to: Instant) -> u64 {
        self.possible_logged(tally, from, to) + self.pending_within(tally, to)
    }

    /// How many attempts that are not in the logs can have arrived before `to`.
    pub(super) fn pending_within(&self, tally: Tally, to: Instant) -> u64 {
        let unlearned = self.unlearned().filter(|flight| flight.counts(tally) && flight.sent < to).count() as u64;
        let again = self.again.iter().take_while(|evidence| evidence.sent < to);
        unlearned + again.filter(|evidence| evidence.counts(tally)).map(|evidence| evidence.count).sum::<u64>()
    }

    /// The most refused attempts that can have arrived after `from` and before `to`, by the whole of each round trip.
    pub(super) fn possible_refused_really(&self, from: Instant, to: Instant) -> u64 {
        self.refused().really().possible(from, to)
    }

    /// The same without what is in flight.
    pub(super) fn possible_logged(&self, tally: Tally, from: Instant, to: Instant) -> u64 {
        self.views(tally).map(|view| view.really().possible(from, to)).sum()
    }

    /// The fewest attempts that have arrived after `from` and before `to`, by the whole of each round trip.
    pub(super) fn certain_really(&self, tally: Tally, from: Instant, to: Instant) -> u64 {
        self.views(tally).map(|view| view.really().certain(from, to)).sum()
    }

    /// How many accepted attempts left before `to` and were under way after `from`.
    pub(super) fn overlapping(&self, from: Instant, to: Instant) -> u64 {
        let flying = self.unlearned().filter(|flight| {
            flight.counts(Tally::Accepted) && flight.sent < to && flight.end.is_none_or(|(_, at)| at > from)
        });
        let again = self.again.iter().take_while(|evidence| evidence.sent < to);
        let again = again.filter(|evidence| evidence.counts(Tally::Accepted) && evidence.answered > from);
        let ahead = flying.count() as u64 + again.map(|evidence| evidence.count).sum::<u64>();
        self.accepted().exact().overlapping(from, to) + ahead
    }

    fn views(&self, tally: Tally) -> impl Iterator<Item = View<'_>> {
        let refused = (tally == Tally::All).then(|| self.refused());
        std::iter::once(self.accepted()).chain(refused)
    }

    /// By when the `n`-th last attempt has arrived; the start of time if there were fewer. `None` if only an answer will tell.
    pub(super) fn nth_last(&self, tally: Tally, n: u64) -> Option<Instant> {
        let mut before = n;
        for flight in self.unlearned().rev().filter(|flight| flight.counts(tally)) {
            before -= 1;
            if before == 0 {
                let (_, answered) = flight.end?;
                return Some(self.accepted().latest(flight.sent, answered));
            }
        }
        let (accepted, refused) = (self.accepted(), self.refused());
        let nth =
            |view: &View<'_>, n: u64| if n == 0 { Instant::NEVER } else { view.nth_last(n).unwrap_or(Instant::ZERO) };
        if tally == Tally::Accepted {
            return Some(nth(&accepted, before));
        }
        // Of the last `before` of both, so many are refused ones: as many as make the earlier of the two ends latest.
        let (mut low, mut high) = (0, before.min(self.refused.total()));
        while low < high {
            let middle = (low + high).div_ceil(2);
            if nth(&refused, middle) >= nth(&accepted, before - middle) { low = middle } else { high = middle - 1 }
        }
        let ends = |n: u64| nth(&refused, n).min(nth(&accepted, before.saturating_sub(n)));
        Some(ends(low).max(if low < before { ends(low + 1) } else { Instant::ZERO }))
    }

    /// How far `moment` lies within its window on the wall clock, for windows of this length.
    pub(super) fn since_turn(&self, moment: Instant, period: Duration) -> Duration {
        let wall = i128::from(moment.as_nanos()) + self.offset;
        let into = wall.rem_euclid(i128::from(nanos(period)).max(1));
        Duration::from_nanos(u64::try_from(into).unwrap_or(0))
    }

    /// The shortest round trip of an accepted attempt.
    pub(super) fn trip(&self) -> Duration {
        self.shortest.accepted.or(self.shortest.refused).unwrap_or_default()
    }
}

impl Evidence {
    fn counts(&self, tally: Tally) -> bool {
        tally == Tally::All || !matches!(self.verdict, Verdict::Refused(_))
    }
}

impl Flight {
    fn counts(&self, tally: Tally) -> bool {
        match self.end {
            Some((End::Unsent, _)) => false,
            Some((End::Refused(_) | End::Suspected, _)) => tally == Tally::All,
            Some((End::Accepted | End::Unknown, _)) | None => true,
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        self.end.is_some()
    }

    pub(super) fn left(&self) -> Instant {
        self.sent
    }
}
