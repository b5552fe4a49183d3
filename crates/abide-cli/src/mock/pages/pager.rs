//! Cuts the records into pages: which of them a page holds, and which page is behind it.

use super::trap::Trap;

/// The records, and how they are cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pager<'a> {
    pub(super) records: u64,
    /// How many a page may hold.
    pub(super) size: u64,
    pub(super) traps: &'a [Trap],
}

/// One page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Its records, from here to before there.
    pub(super) start: u64,
    pub(super) end: u64,
    /// Which page is the next, counted from 0.
    pub(super) next: Option<u64>,
}

impl Pager<'_> {
    fn has(&self, trap: Trap) -> bool {
        self.traps.contains(&trap)
    }

    /// How many records the page with this number holds, if there are enough.
    fn len(&self, number: u64) -> u64 {
        if self.has(Trap::Empty) && number % 2 == 1 {
            return 0;
        }
        let size = if self.has(Trap::Lower) && number > 0 { (self.size / 2).max(1) } else { self.size };
        match number % 3 {
            1 if self.has(Trap::Short) => size.div_ceil(2),
            2 if self.has(Trap::Short) => 1,
            _ => size,
        }
    }

    /// Whether all pages hold the same number of records.
    fn is_even(&self) -> bool {
        ![Trap::Empty, Trap::Lower, Trap::Short].into_iter().any(|trap| self.has(trap))
    }

    fn start_of(&self, number: u64) -> u64 {
        if self.is_even() {
            return number.saturating_mul(self.size).min(self.records);
        }
        let mut start = 0;
        for before in 0..number {
            if start >= self.records {
                break;
            }
            start += self.len(before);
        }
        start.min(self.records)
    }

    /// How many pages there are; one where there are no records.
    pub(super) fn pages(&self) -> u64 {
        if self.is_even() {
            return self.records.div_ceil(self.size).max(1);
        }
        (1..).find(|number| self.start_of(*number) >= self.records).unwrap_or(1)
    }

    /// The page with this number, counted from 0.
    pub(super) fn numbered(&self, number: u64, is_counted: bool) -> Cut {
        let last = self.pages() - 1;
        let held = match number {
            // What can be counted on never names a page that was there, but the server can give it again.
            3.. if self.has(Trap::Repeat) && is_counted => 2,
            number if self.has(Trap::Forever) => number.min(last),
            number => number,
        };
        let (start, end) = (self.start_of(held), self.start_of(held.saturating_add(1)));
        let next = match number {
            2 if self.has(Trap::Repeat) && !is_counted => Some(1),
            number if number < last || self.has(Trap::Forever) || self.has(Trap::Repeat) => Some(number + 1),
            _ => None,
        };
        Cut { start, end, next }
    }

    /// The page that begins with this record.
    pub(super) fn from(&self, start: u64) -> Cut {
        let number = start / self.size.max(1);
        let third = self.start_of(2);
        let start = match start {
            start if self.has(Trap::Repeat) && start > third => third,
            start if self.has(Trap::Forever) && start >= self.records => {
                self.records.saturating_sub(1) / self.size * self.size
            }
            start => start.min(self.records),
        };
        let end = start.saturating_add(self.len(number).max(1)).min(self.records);
        let is_last = end >= self.records && !self.has(Trap::Forever) && !self.has(Trap::Repeat);
        Cut { start, end, next: (!is_last).then_some(number + 1) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_record_is_on_one_page_whatever_the_pages_look_like(
            records in 0..90u64, size in 1..9u64, empty: bool, short: bool, lower: bool
        ) {
            let traps: Vec<Trap> = [(Trap::Empty, empty), (Trap::Short, short), (Trap::Lower, lower)]
                .into_iter().filter_map(|(trap, is_set)| is_set.then_some(trap)).collect();
            let pager = Pager { records, size, traps: &traps };
            let (mut seen, mut next) = (0, Some(0));
            while let Some(number) = next {
                let cut = pager.numbered(number, false);
                prop_assert_eq!(cut.start, seen);
                prop_assert!(cut.end - cut.start <= size);
                seen = cut.end;
                next = cut.next;
            }
            prop_assert_eq!(seen, records);
            let mut start = 0;
            loop {
                let cut = pager.from(start);
                prop_assert_eq!(cut.start, start);
                start = cut.end;
                if cut.next.is_none() { break }
            }
            prop_assert_eq!(start, records);
        }
    }
}
