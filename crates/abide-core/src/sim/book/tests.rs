//! Each book against its rule's definition, told once more as plainly as it can be.

use proptest::prelude::*;

use super::*;

/// A moment that is a whole multiple of no period in use here.
const START: Wall = Wall::from_nanos(1_750_000_003_217_000_000);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn at(millis: u64) -> Wall {
    START + Duration::from_millis(millis)
}

/// Which of the requests that arrive at these moments are accepted.
fn judged(rule: Rule, moments: &[u64]) -> Vec<bool> {
    let mut book = Book::new(rule);
    moments.iter().map(|millis| arrive(&mut book, 1, at(*millis))).collect()
}

fn arrive(book: &mut Book, cost: u64, now: Wall) -> bool {
    book.advance(now);
    let accepted = book.opens_at(cost, now) == Some(now);
    if accepted {
        book.accept(cost, now);
    } else {
        book.refuse(cost, now);
    }
    accepted
}

/// The definition: what was accepted (or came, where refused ones count) before `now`, and whether one more fits.
fn by_definition(rule: Rule, moments: &[u64]) -> Vec<bool> {
    let mut counted: Vec<u64> = Vec::new();
    let mut opened: Option<u64> = None;
    let period = rule.period.as_millis() as u64;
    // Milliseconds since the epoch, so that windows on the clock are those of the rule.
    let epoch = |millis: u64| 1_750_000_003_217 + millis;
    moments
        .iter()
        .map(|&now| {
            let fits = match rule.shape {
                Shape::Sliding => counted.iter().filter(|at| now - **at < period).count() < rule.amount as usize,
                Shape::Fixed => {
                    if opened.is_none_or(|open| now >= open + period) {
                        opened = None;
                        counted.clear();
                    }
                    counted.len() < rule.amount as usize
                }
                Shape::Clock { .. } => {
                    let window = epoch(now) / period;
                    counted.iter().filter(|at| epoch(**at) / period == window).count() < rule.amount as usize
                }
                Shape::Counter => {
                    let window = epoch(now) / period;
                    let count = |window| counted.iter().filter(|at| epoch(**at) / period == window).count() as u64;
                    let left = period - epoch(now) % period;
                    count(window - 1) * left + (count(window) + 1) * period <= rule.amount * period
                }
                Shape::Bucket { burst, .. } => {
                    // Drained so far, in requests times milliseconds of the period.
                    let mut level = 0;
                    for pair in counted.windows(2) {
                        level = (level + period).saturating_sub((pair[1] - pair[0]) * rule.amount);
                    }
                    if let Some(last) = counted.last() {
                        level = (level + period).saturating_sub((now - last) * rule.amount);
                    }
                    level + period <= (burst + 1) * period
                }
                Shape::Concurrency => true,
            };
            if fits || rule.counts_refused {
                opened.get_or_insert(now);
                counted.push(now);
            }
            fits
        })
        .collect()
}

fn rules() -> impl Strategy<Value = Rule> {
    let amounts = (1u64..8, 1u64..6, 0u64..5, any::<bool>());
    (amounts, 0..6).prop_map(|((amount, period, burst, hits), family)| {
        let rule = match family {
            0 => Rule::fixed(amount, secs(period)),
            1 => Rule::clock(amount, secs(period)),
            2 => Rule::counter(amount, secs(period)),
            3 => Rule::bucket(amount, secs(period), burst),
            4 => Rule::meter(amount, secs(period), burst),
            _ => Rule::sliding(amount, secs(period)),
        };
        match rule.shape {
            Shape::Sliding | Shape::Counter if hits => rule.counting_refused(),
            _ => rule,
        }
    })
}

proptest! {
    #[test]
    fn every_book_judges_as_its_rule_is_defined(rule in rules(), mut moments in prop::collection::vec(0u64..12_000, 1..60)) {
        moments.sort_unstable();
        prop_assert_eq!(judged(rule, &moments), by_definition(rule, &moments));
    }

    #[test]
    fn a_book_opens_when_it_says_and_not_before(rule in rules(), mut moments in prop::collection::vec(0u64..12_000, 1..60)) {
        moments.sort_unstable();
        let mut book = Book::new(rule);
        for millis in &moments {
            arrive(&mut book, 1, at(*millis));
        }
        let now = at(*moments.last().unwrap());
        let opens = book.opens_at(1, now).unwrap();
        let admits = |moment: Wall| {
            let mut later = book.clone();
            later.advance(moment);
            later.opens_at(1, moment) == Some(moment)
        };
        prop_assert!(admits(opens));
        let before = opens - crate::time::Offset::from_nanos(1);
        prop_assert!(before < now || !admits(before));
    }
}

#[test]
fn a_queue_holds_back_what_a_bucket_lets_through() {
    let mut book = Book::new(Rule::queue(10, secs(1), 2));
    let now = at(0);
    book.advance(now);
    let held: Vec<_> = (0..3).map(|_| book.accept(1, now).as_millis()).collect();
    assert_eq!(held, [0, 100, 200]);
    assert_eq!(book.opens_at(1, now), Some(at(100)));
}

#[test]
fn slots_open_when_enough_of_the_work_is_done() {
    let mut book = Book::new(Rule::concurrency(2));
    for millis in [300, 200] {
        assert!(arrive(&mut book, 1, at(0)));
        book.work_until(at(millis));
    }
    assert_eq!(book.opens_at(1, at(0)), Some(at(200)));
    book.turn_into(Rule::concurrency(1), at(0));
    assert_eq!(book.opens_at(1, at(0)), Some(at(300)));
}

#[test]
fn cost_counts_where_cost_is_counted() {
    let mut book = Book::new(Rule::fixed(10, secs(1)).by_cost());
    assert!(arrive(&mut book, 9, at(0)));
    assert!(!arrive(&mut book, 2, at(1)));
    assert!(arrive(&mut book, 1, at(1)));
    assert!(arrive(&mut book, 0, at(1)));
    assert_eq!(book.opens_at(11, at(1)), None);
}

#[test]
fn a_lowered_amount_holds_for_what_was_counted_before() {
    let mut book = Book::new(Rule::sliding(5, secs(1)));
    for millis in 0..4 {
        assert!(arrive(&mut book, 1, at(millis)));
    }
    book.turn_into(Rule::sliding(2, secs(1)), at(10));
    assert!(!arrive(&mut book, 1, at(10)));
    assert_eq!(book.opens_at(1, at(10)), Some(at(1_002)));
}

#[test]
fn a_balance_tells_what_is_left_and_when_more_comes() {
    let mut book = Book::new(Rule::fixed(3, secs(5)));
    assert_eq!(book.balance(at(0)).map(|b| (b.remaining, b.reset)), Some((3, at(5_000))));
    arrive(&mut book, 1, at(100));
    assert_eq!(book.balance(at(200)).map(|b| (b.remaining, b.reset)), Some((2, at(5_100))));
    let mut book = Book::new(Rule::sliding(1, secs(5)));
    arrive(&mut book, 1, at(100));
    assert_eq!(book.balance(at(200)).map(|b| (b.remaining, b.reset)), Some((0, at(5_100))));
}
