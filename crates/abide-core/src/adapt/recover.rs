//! What to believe when no hypothesis explains all that was seen any more.

use std::time::Duration;

use super::book::{Book, Evidence, Verdict};
use super::family::Hypothesis;
use super::{grid, rates};
use crate::time::Instant;

/// Attempts that are remembered when all else fails.
const LATEST: usize = 60;
/// Attempts that finer rates have to explain.
const RECENT: usize = 400;
/// How far arrivals may be off when nothing else helps.
const SLACK: Duration = Duration::from_millis(5);

/// The hypotheses that explain what is in the book: the usual ones; any rate; both if arrivals are less sure than they
/// seemed; the usual ones for the last few attempts alone. Empty if nothing does.
pub(super) fn rebuild(book: &mut Book) -> Vec<Hypothesis> {
    let history = book.rewind();
    let recent = &history[history.len().saturating_sub(RECENT)..];
    let latest = &history[history.len().saturating_sub(LATEST)..];
    for (slack, evidence) in [(Duration::ZERO, recent), (SLACK, recent), (Duration::ZERO, latest)] {
        book.slack = slack;
        for hypotheses in [grid::hypotheses(), grid::fine()] {
            let left = replay(hypotheses, evidence, book);
            if !left.is_empty() {
                return left;
            }
        }
    }
    Vec::new()
}

/// The usual hypotheses that explain all that left since a moment.
pub(super) fn explain_since(since: Instant, book: &mut Book) -> Vec<Hypothesis> {
    let history = book.rewind();
    let begin = history.partition_point(|evidence| evidence.sent < since);
    let left = replay(grid::hypotheses(), &history[begin..], book);
    if left.is_empty() {
        book.clear();
        history.iter().for_each(|evidence| book.note(evidence));
    }
    left
}

/// The rates, off the grid too, that explain what is in the book, and this.
pub(super) fn refine(book: &Book, evidence: Option<&Evidence>) -> Vec<Hypothesis> {
    let mut book = book.clone();
    if let Some(evidence) = evidence {
        book.note(evidence);
    }
    let history = book.rewind();
    rates::fitting(&history, &mut book)
}

/// Lets hypotheses see evidence, and fills the book with it.
pub(super) fn replay(hypotheses: Vec<Hypothesis>, evidence: &[Evidence], book: &mut Book) -> Vec<Hypothesis> {
    replay_since(Instant::ZERO, hypotheses, evidence, book)
}

/// The same, where what was refused before `since` was refused for another reason.
pub(super) fn replay_since(
    since: Instant,
    mut hypotheses: Vec<Hypothesis>,
    evidence: &[Evidence],
    book: &mut Book,
) -> Vec<Hypothesis> {
    book.begin_again(evidence);
    while let Some(evidence) = book.next_again() {
        if evidence.sent >= since || !matches!(evidence.verdict, Verdict::Refused(_)) {
            for hypothesis in &mut hypotheses {
                hypothesis.learn(&evidence, book);
            }
            hypotheses.retain(Hypothesis::explains);
        }
        book.note(&evidence);
    }
    hypotheses
}
