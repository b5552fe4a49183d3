//! Finds the rates of a bucket that explain all that was seen, as finely as it tells them apart.
//!
//! A rate that is too low is given away by something accepted, one that is too high by something refused. So between one of these
//! and one of those lie rates that may fit, and the next ones are tried there. There can be several such brackets, for a faster
//! rate with a smaller burst may explain the same.

use super::book::{Book, Evidence, Verdict};
use super::family::{Bucket, Family, Hypothesis};

/// Every rate that anybody may have, a second: from one a day to ten thousand a second.
const ALL: Bracket = Bracket { slow: 1.0 / 86_400.0, fast: 10_000.0 };
/// Rates tried first, over all of these, and then in each bracket.
const FIRST: u32 = 160;
const NEXT: u32 = 12;
/// Brackets in brackets, at most.
const LEVELS: usize = 4;
/// Brackets that are looked into.
const MOST: usize = 6;
/// So many that fit tell the rate well enough.
const ENOUGH: usize = 4;
/// People choose whole numbers a second, a minute and an hour. So many of them are tried in a bracket, if it has no more.
const ROUND: u32 = 24;

/// Rates at the lower end and below are too low, at the upper end and above too high.
#[derive(Clone, Copy)]
struct Bracket {
    slow: f64,
    fast: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Slow,
    Fits,
    Fast,
}

/// The rates that explain this evidence, given in order of sending; none if no rate does.
pub(super) fn fitting(history: &[Evidence], book: &mut Book) -> Vec<Hypothesis> {
    let mut brackets = vec![ALL];
    let mut fit = Vec::new();
    for level in 0..LEVELS {
        let count = if level == 0 { FIRST } else { NEXT };
        let rates: Vec<f64> = brackets.iter().flat_map(|bracket| bracket.rates(count)).collect();
        let (left, outcomes) = try_all(&rates, history, book);
        fit = left;
        brackets = between(&rates, &outcomes);
        if brackets.is_empty() || (level > 0 && fit.len() >= ENOUGH) {
            break;
        }
    }
    fit.retain(|hypothesis| !hypothesis.is_vague(book));
    fit
}

/// The brackets round all that fit, and those from one that is too slow to one that is too fast with nothing tried between.
fn between(rates: &[f64], outcomes: &[Outcome]) -> Vec<Bracket> {
    let mut tried = vec![(ALL.slow, Outcome::Slow)];
    tried.extend(rates.iter().copied().zip(outcomes.iter().copied()));
    tried.push((ALL.fast, Outcome::Fast));
    let mut misses = tried.iter().enumerate().filter(|(_, (_, outcome))| *outcome != Outcome::Fits).peekable();
    let mut brackets = Vec::new();
    while let (Some((low, (slow, from))), Some((high, (fast, to)))) = (misses.next(), misses.peek()) {
        if *high > low + 1 || (*from == Outcome::Slow && *to == Outcome::Fast) {
            brackets.push(Bracket { slow: *slow, fast: *fast });
        }
    }
    brackets.truncate(MOST);
    brackets
}

impl Bracket {
    /// So many, evenly apart by their ratio, and the round ones.
    fn rates(self, count: u32) -> Vec<f64> {
        let step = (self.fast / self.slow).powf(f64::from(count + 1).recip());
        let mut rates: Vec<f64> = (1..=count).map(|n| self.slow * step.powf(f64::from(n))).collect();
        for unit in [1.0, 60.0, 3_600.0] {
            let (from, to) = ((self.slow * unit).floor() + 1.0, self.fast * unit);
            if to - from <= f64::from(ROUND) {
                rates.extend((0..=ROUND).map(|n| from + f64::from(n)).take_while(|n| *n < to).map(|n| n / unit));
            }
        }
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        rates
    }
}

fn try_all(rates: &[f64], history: &[Evidence], book: &mut Book) -> (Vec<Hypothesis>, Vec<Outcome>) {
    let mut outcomes = vec![Outcome::Fits; rates.len()];
    let mut left: Vec<_> =
        rates.iter().enumerate().map(|(n, rate)| (n, Hypothesis::new(Family::Bucket(Bucket::new(*rate))))).collect();
    book.begin_again(history);
    while let Some(evidence) = book.next_again() {
        left.retain_mut(|(n, hypothesis)| {
            hypothesis.learn(&evidence, book);
            let explains = hypothesis.explains();
            if !explains {
                let is_refused = matches!(evidence.verdict, Verdict::Refused(_));
                outcomes[*n] = if is_refused { Outcome::Fast } else { Outcome::Slow };
            }
            explains
        });
        book.note(&evidence);
    }
    (left.into_iter().map(|(_, hypothesis)| hypothesis).collect(), outcomes)
}
