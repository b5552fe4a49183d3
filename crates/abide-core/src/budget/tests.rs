use super::*;
use crate::policy::LimitSpecs;
use crate::time::Wall;

const ONE: Ask = Ask { count: 1, cost: 1, unused: None, delay: Duration::ZERO };

fn limits(text: &str) -> Vec<LimitSpec> {
    text.parse::<LimitSpecs>().unwrap().0
}

fn at(millis: u64) -> Now {
    let since = Duration::from_secs(86_400) + Duration::from_millis(millis);
    Now { mono: Instant::ZERO + since, wall: Wall::from_secs(1_767_225_600) + since }
}

/// When a lease begins, in milliseconds.
fn from(answer: Answer) -> u64 {
    let Answer::Leased(lease) = answer else { panic!("{answer:?}") };
    u64::try_from(lease.from.since(at(0).mono).as_millis()).unwrap()
}

#[test]
fn who_asks_while_the_budget_is_used_up_gets_the_next_place_that_nobody_has() {
    let mut book = Book::new(&limits("10/s burst 1"));
    let places: Vec<u64> = (0..5).map(|_| from(book.lease(ONE, at(0)))).collect();
    // Each is counted when its span of 25 ms ends, and servers may count in whole milliseconds.
    assert_eq!(places, [0, 26, 126, 226, 326]);
}

#[test]
fn all_limits_are_taken_together() {
    let mut book = Book::new(&limits("2/s sliding + 3/min fixed"));
    assert_eq!([0, 0, 1_005, 60_010].map(|millis| from(book.lease(ONE, at(millis)))), [0, 0, 1_005, 60_010]);
    let limit = limits("3/min fixed")[0];
    let mut book = Book::new(&limits("2/s sliding + 3/min fixed"));
    for _ in 0..3 {
        book.lease(ONE, at(0));
    }
    assert_eq!(
        book.lease(ONE, at(0)),
        Answer::Later { again: at(55_005).mono, opens: at(60_005).mono, limit },
        "nobody holds a place for a minute"
    );
}

#[test]
fn more_than_one_is_leased_only_where_that_costs_no_wait() {
    let mut book = Book::new(&limits("5/s"));
    let many = |book: &mut Book, millis| match book.lease(Ask { count: 64, ..ONE }, at(millis)) {
        Answer::Leased(lease) => lease.count,
        later => panic!("{later:?}"),
    };
    assert_eq!(from(book.lease(ONE, at(0))), 0);
    assert_eq!((many(&mut book, 100), many(&mut book, 200)), (4, 1));
}

#[test]
fn what_was_not_used_is_there_for_the_next() {
    for text in ["2/5s", "2/5s fixed", "2/5s fixed-clock", "2/5s counter", "2/5s burst 1"] {
        let mut book = Book::new(&limits(text));
        assert_eq!(from(book.lease(ONE, at(0))), 0, "{text}");
        let Answer::Leased(unused) = book.lease(ONE, at(0)) else { panic!("{text}") };
        assert_eq!(from(book.lease(Ask { unused: Some(unused), ..ONE }, at(100))), 100, "{text}");
        assert!(from(book.lease(ONE, at(100))) >= 2_500, "{text}");
    }
}

#[test]
fn what_nobody_knows_of_counts_as_spent() {
    for text in ["50/5s", "50/5s fixed", "50/5s counter", "10/s burst 49"] {
        let mut book = Book::spent(&limits(text), at(0));
        assert!(from(book.lease(ONE, at(0))) >= 100, "{text}");
    }
}

#[test]
fn a_budget_is_known_by_its_limits_in_any_order() {
    assert_eq!(id(&limits("10/s + 50/min")), id(&limits("50/min + 10/s")));
    assert_ne!(id(&limits("10/s + 50/min")), id(&limits("10/s + 51/min")));
}

#[test]
fn words_that_are_no_book_are_refused() {
    let limits = limits("50/5s + 10/s burst 3");
    let mut book = Book::new(&limits);
    for _ in 0..9 {
        book.lease(ONE, at(0));
    }
    let mut words = Vec::new();
    book.write(&mut words);
    assert!(Book::read(&limits, &words, at(0)).is_ok());
    for len in 0..words.len() {
        assert!(Book::read(&limits, &words[..len], at(0)).is_err(), "{len} of {}", words.len());
    }
    words.push(0);
    assert!(Book::read(&limits, &words, at(0)).is_err());
    words[1] = u64::MAX;
    assert!(Book::read(&limits, &words, at(0)).is_err());
}
