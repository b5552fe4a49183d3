//! A book as words, for a file that processes share.

use std::fmt;

use super::{AHEAD, Book};
use crate::policy::LimitSpec;
use crate::time::{Instant, Now};

/// Why words are no book of these limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookError;

impl fmt::Display for BookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what stands there is no book of these limits")
    }
}

impl std::error::Error for BookError {}

impl Book {
    /// Adds the book to these words.
    pub fn write(&self, words: &mut Vec<u64>) {
        words.push(self.turn.as_nanos());
        self.limits.write(words);
    }

    /// The book of these limits that [`Book::write`] wrote.
    ///
    /// # Errors
    ///
    /// If there are too few or too many words, or they say what no book says: a turn that lies too far ahead is one of another
    /// clock.
    pub fn read(limits: &[LimitSpec], words: &[u64], now: Now) -> Result<Self, BookError> {
        let mut book = Self::new(limits);
        let mut words = words.iter().copied();
        book.turn = Instant::from_nanos(words.next().ok_or(BookError)?);
        book.limits.read(&mut words).ok_or(BookError)?;
        if book.turn > now.mono + AHEAD {
            return Err(BookError);
        }
        if words.next().is_some() { Err(BookError) } else { Ok(book) }
    }
}
