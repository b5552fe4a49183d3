//! Finds the rates of a bucket that explain all that was seen, as finely as it tells them apart.
//!
//! A rate that is too low is given away by something accepted, one that is too high by something refused. So those that are
//! tried leave a bracket, and the next ones are tried inside it.

use super::book::{Book, Evidence, Verdict};
use super::family::{Bucket, Family, Hypothesis};

/// Every rate that anybody may have, a second: from one a day to ten thousand a second.
const ALL: Bracket = Bracket { slow: 1.0 / 86_400.0, fast: 10_000.0 };
/// Rates tried first, over all of these, and then in each bracket.
const FIRST: u32 = 160;
const NEXT: u32 = 12;
/// Brackets in brackets, at most.
const LEVELS: usize = 4;
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

/// The rates that explain this evidence, given in order of sending; none if no rate does.
pub(super) fn fitting(history: &[Evidence], book: &mut Book) -> Vec<Hypothesis> {
    let mut bracket = ALL;
    let mut fit = Vec::new();
    for level in 0..LEVELS {
        let rates = bracket.rates(if level == 0 { FIRST } else { NEXT });
        (fit, bracket) = try_all(&rates, bracket, history, book);
        if bracket.slow >= bracket.fast || (level > 0 && fit.len() >= ENOUGH) {
            break;
        }
    }
    fit
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

fn try_all(rates: &[f64], within: Bracket, history: &[Evidence], book: &mut Book) -> (Vec<Hypothesis>, Bracket) {
    let mut bracket = within;
    let mut left: Vec<_> = rates.iter().map(|rate| Hypothesis::new(Family::Bucket(Bucket::new(*rate)))).collect();
    book.clear();
    for evidence in history {
        let evidence = book.reread(evidence);
        book.gather(&evidence);
        left.retain_mut(|hypothesis| {
            hypothesis.learn(&evidence, book);
            let explains = hypothesis.explains();
            if let (false, Family::Bucket(Bucket { rate, .. })) = (explains, &hypothesis.family) {
                match evidence.verdict {
                    Verdict::Refused(_) => bracket.fast = bracket.fast.min(*rate),
                    Verdict::Accepted | Verdict::Unknown => bracket.slow = bracket.slow.max(*rate),
                }
            }
            explains
        });
        book.note(&evidence);
    }
    (left, bracket)
}
