//! What is believed of a quota, word by word.

use super::*;
use crate::time::Wall;

/// The learner's moments begin long after the start of time.
const START: u64 = 10_000_000;

fn now(millis: u64) -> Now {
    let millis = START + millis;
    Now { mono: at(millis - START), wall: Wall::from_millis(1_764_000_000_000 + millis.cast_signed()) }
}

fn at(millis: u64) -> Instant {
    Instant::from_nanos((START + millis) * 1_000_000)
}

/// A server with a window that its first request begins, and what was said by it so far.
struct Story {
    stated: Stated,
    attempts: u64,
}

impl Story {
    fn new() -> Self {
        Self { stated: Stated::new(0), attempts: 0 }
    }

    /// One attempt there and back in a millisecond.
    fn hear(&mut self, end: End, said: Option<Said>, millis: u64) {
        self.stated.on_sent(now(millis));
        self.stated.on_end(self.attempts, end, said, now(millis + 1));
        self.attempts += 1;
    }

    fn opening(&self, millis: u64) -> Option<Opening> {
        self.stated.opening(now(millis))
    }

    fn is_open(&self, millis: u64) -> bool {
        matches!(self.opening(millis), Some(Opening::At(opens)) if opens <= at(millis))
    }
}

/// So many left of 3, and a reset within this second.
fn said(remaining: u64, resets: u64) -> Said {
    Said { limit: Some(3), window: None, remaining, reset: Some((at(resets - 1_000), at(resets))) }
}

/// Three attempts that use up a window of 5 s from the first one on, of which the server says when it ends in whole seconds.
fn spent() -> Story {
    let mut story = Story::new();
    for i in 0..3 {
        story.hear(End::Accepted, Some(said(2 - i, 5_200)), 100 * i);
    }
    story
}

#[test]
fn one_answer_is_explained_by_too_much() {
    let mut story = Story::new();
    story.hear(End::Accepted, Some(said(2, 5_200)), 0);
    assert_eq!(story.opening(1), None);
}

#[test]
fn a_window_closes_the_second_that_a_rounded_reset_leaves_open() {
    let story = spent();
    let Some(Opening::At(opens)) = story.opening(201) else { panic!("{:?}", story.stated) };
    // Of a window that slides, too, the first place is free by then.
    assert!((at(5_000)..=at(5_002)).contains(&opens), "{opens:?}");
}

#[test]
fn attempts_in_flight_count() {
    let mut story = Story::new();
    story.hear(End::Accepted, Some(said(2, 5_200)), 0);
    story.hear(End::Accepted, Some(said(1, 5_200)), 100);
    assert!(story.is_open(101));
    story.stated.on_sent(now(200));
    assert!(!story.is_open(201));
}

#[test]
fn what_is_none_of_its_business_takes_nothing() {
    let mut story = Story::new();
    story.hear(End::Accepted, Some(said(2, 5_200)), 0);
    story.hear(End::Unsent, None, 50);
    story.hear(End::Accepted, Some(said(1, 5_200)), 100);
    assert!(story.is_open(101));
}

#[test]
fn who_was_counted_unseen_leaves_nothing_to_believe() {
    let mut story = spent();
    story.stated.on_stranger();
    assert_eq!(story.opening(201), None);
}

#[test]
fn a_reset_that_no_limit_has_is_believed_as_it_was_said() {
    let mut story = Story::new();
    // The window is said, and it ends long after what is said of its end.
    for i in 0..3 {
        story.hear(End::Accepted, Some(Said { window: Some(Duration::from_secs(60)), ..said(2 - i, 5_200) }), 100 * i);
    }
    assert_eq!(story.opening(201), None);
}

#[test]
fn a_server_that_refuses_what_it_allowed_is_soon_taken_by_its_word_alone() {
    let mut story = Story::new();
    for round in 0..STRIKES {
        assert!(!story.stated.is_worn_out());
        let begins = u64::from(round) * 1_000_000;
        story.hear(End::Accepted, Some(said(2, begins + 5_200)), begins);
        story.hear(End::Refused(None), Some(said(0, begins + 5_200)), begins + 100);
    }
    assert!(story.stated.is_worn_out());
}
