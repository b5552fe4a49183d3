//! How long an answer may be out before that is beyond reason: by what the slowest answers that are still usual here take.

use std::time::Duration;

use crate::time::nanos;

/// Late is so many times what 19 of 20 answers took, and never less than this.
const TIMES: u32 = 10;
const LEAST: Duration = Duration::from_millis(500);
/// One in so many answers may take longer than what counts as usual.
const UNUSUAL: u32 = 20;
/// Fewer answers than this say nothing of what is usual, so that an attempt is given longer.
const FEW: u32 = 16;
const CAUTIOUS: Duration = Duration::from_secs(10);
/// With so many answers all counts are halved, so that those of long ago fade.
const MANY: u32 = 512;

/// The finest difference that is kept: 2^16 ns, about 66 µs.
const UNIT: u32 = 16;
/// Four bins for each doubling, up to 275 s.
const BINS: usize = 84;

/// The times that answers took, as a histogram, and where its slow end begins.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    bins: [u16; BINS],
    answers: u32,
    /// The bin with the slowest of the usual answers, and how many were slower than all in it.
    slow: usize,
    slower: u32,
}

impl Default for Tail {
    fn default() -> Self {
        Self { bins: [0; BINS], answers: 0, slow: 0, slower: 0 }
    }
}

impl Tail {
    /// An answer took so long.
    pub(crate) fn on_answer(&mut self, took: Duration) {
        let bin = bin(took);
        // Halved long before it is full.
        self.bins[bin] += 1;
        self.answers += 1;
        self.slower += u32::from(bin > self.slow);
        if self.answers >= MANY {
            self.halve();
        }
        while self.slower * UNUSUAL > self.answers {
            self.slow += 1;
            self.slower -= u32::from(self.bins[self.slow]);
        }
        while self.slow > 0 && (self.slower + u32::from(self.bins[self.slow])) * UNUSUAL <= self.answers {
            self.slower += u32::from(self.bins[self.slow]);
            self.slow -= 1;
        }
    }

    /// An attempt was out for so long, and its answer is not waited for any more. Where that is longer than usual it counts as
    /// if it had been answered now: a server that has become slow must not be taken for one that stalls.
    pub(crate) fn on_unanswered(&mut self, waited: Duration) {
        if bin(waited) > self.slow {
            self.on_answer(waited);
        }
    }

    /// An attempt that is out for longer than this has stalled.
    pub(crate) fn late_after(&self) -> Duration {
        let least = if self.answers < FEW { CAUTIOUS } else { LEAST };
        (ceiling(self.slow) * TIMES).max(least)
    }

    fn halve(&mut self) {
        self.bins.iter_mut().for_each(|count| *count /= 2);
        self.answers = self.bins.iter().map(|count| u32::from(*count)).sum();
        self.slower = self.bins[self.slow + 1..].iter().map(|count| u32::from(*count)).sum();
    }
}

fn bin(took: Duration) -> usize {
    let units = nanos(took) >> UNIT;
    let octave = units.max(1).ilog2() as usize;
    let bin = if octave < 2 { units as usize } else { 4 * (octave - 1) + (units >> (octave - 2)) as usize % 4 };
    bin.min(BINS - 1)
}

/// What nothing in a bin took longer than.
fn ceiling(bin: usize) -> Duration {
    let units = if bin < 4 { bin as u64 + 1 } else { (bin as u64 % 4 + 5) << (bin / 4 - 1) };
    Duration::from_nanos(units << UNIT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn after(answers: impl IntoIterator<Item = u64>) -> Duration {
        let mut tail = Tail::default();
        answers.into_iter().for_each(|took| tail.on_answer(millis(took)));
        tail.late_after()
    }

    #[test]
    fn an_unknown_origin_is_given_time() {
        assert_eq!(after([]), CAUTIOUS);
        assert_eq!(after([50; 15]), CAUTIOUS);
        assert_eq!(after([2_000; 3]).as_secs(), 21, "ten times the slowest, rounded up to the end of its bin");
    }

    #[test]
    fn a_quick_origin_is_late_after_half_a_second_and_a_slow_one_after_ten_times_its_usual() {
        assert_eq!(after([5; 100]), LEAST);
        let slow = after([300; 100]);
        assert!(slow >= millis(3_000) && slow <= millis(3_750), "{slow:?}");
    }

    #[test]
    fn one_stall_in_twenty_changes_nothing_and_one_in_ten_is_usual() {
        assert_eq!(after((0..400).map(|n| if n % 25 == 0 { 20_000 } else { 20 })), LEAST);
        assert!(after((0..400).map(|n| if n % 10 == 0 { 20_000 } else { 20 })) > millis(200_000));
    }

    #[test]
    fn a_server_that_becomes_slow_is_soon_taken_for_slow() {
        let mut tail = Tail::default();
        (0..10_000).for_each(|_| tail.on_answer(millis(20)));
        let stalls = (0..1_000).take_while(|_| {
            let late = tail.late_after() < millis(5_000);
            tail.on_unanswered(tail.late_after());
            late
        });
        assert!(stalls.count() < 60);
    }

    proptest! {
        #[test]
        fn at_most_one_answer_in_twenty_is_slower_than_usual(answers in proptest::collection::vec(0_u64..300_000, 1..400)) {
            let mut tail = Tail::default();
            answers.iter().for_each(|took| tail.on_answer(millis(*took)));
            let usual = ceiling(tail.slow);
            let slower = answers.iter().filter(|took| tail.slow < BINS - 1 && millis(**took) >= usual).count();
            prop_assert!(slower * 20 <= answers.len());
            // And the next bin below would be too low.
            if tail.slow > 0 {
                let below = ceiling(tail.slow - 1);
                prop_assert!(answers.iter().filter(|took| millis(**took) >= below).count() * 20 > answers.len());
            }
        }

        #[test]
        fn a_bin_holds_what_is_between_its_ceiling_and_the_one_below(nanos in 0_u64..270_000_000_000) {
            let took = Duration::from_nanos(nanos);
            let bin = bin(took);
            prop_assert!(took < ceiling(bin));
            prop_assert!(bin == 0 || took >= ceiling(bin - 1));
        }

        #[test]
        fn late_is_never_below_half_a_second(answers in proptest::collection::vec(any::<u64>(), 0..1_200)) {
            let mut tail = Tail::default();
            for nanos in answers {
                tail.on_answer(Duration::from_nanos(nanos));
                prop_assert!(tail.late_after() >= LEAST);
            }
        }
    }
}
