//! One budget's file: the books of the limits that processes of this machine keep to together, changed under its lock.
//!
//! The file is a row of 64-bit words, little-endian, made at its full length so that a disk that fills up later does no harm:
//!
//! | word | what |
//! | --- | --- |
//! | 0, 1 | `abidebud`, and the version |
//! | 2 | the number of words that count, these included |
//! | 3 | a checksum of those behind it: a process may be killed while it writes |
//! | 4, 5 | a digest of the boot's name, and how far the wall clock was ahead of the monotonic one |
//! | 6 … | the number of processes that asked of late, and for each its name and when it asked |
//! | … | the [book](abide_core::budget::Book) |

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use abide_core::budget::{Answer, Ask, Book, Lease};
use abide_core::policy::LimitSpec;
use abide_core::time::{Instant, Now};

use super::file::lock;
use super::folder::private;
use super::header::FileClock;

const MAGIC: u64 = u64::from_le_bytes(*b"abidebud");
const VERSION: u64 = 1;
/// What stands before the processes.
const HEAD: usize = 6;
/// The length of a new file. Only windows of thousands need more.
const LENGTH: usize = 16 * 1024;
/// What is read at once; few files are longer.
const USUAL: usize = 2 * 1024;
/// A larger file was not written by abide.
const LARGEST: usize = 1024 * 1024;
/// Who asked so long ago has no part any more.
const PRESENT: Duration = Duration::from_secs(10);
const MOST_WORKERS: usize = 1_024;
/// After a failure it is not asked for so long.
const RESPITE: Duration = Duration::from_millis(500);
/// How often it is looked whether the file is still the one of its name.
const STALE: Duration = Duration::from_secs(1);

/// The file of one budget, as one process uses it.
#[derive(Debug)]
pub(crate) struct BudgetFile {
    path: PathBuf,
    limits: Arc<[LimitSpec]>,
    who: u64,
    file: Option<File>,
    opened: Instant,
    bytes: Vec<u8>,
    words: Vec<u64>,
    /// How many asked of late.
    workers: u32,
    /// Whether it was said that it can't be used.
    is_said: bool,
}

/// The budget can't be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Down {
    /// Not to be asked before.
    pub(crate) until: Instant,
    /// How many shared it.
    pub(crate) workers: u32,
}

/// What stands in a file.
struct Page {
    clock: FileClock,
    workers: Vec<(u64, Instant)>,
    book: Book,
}

impl BudgetFile {
    pub(super) fn new(path: PathBuf, limits: Arc<[LimitSpec]>, who: u64) -> Self {
        let (bytes, words) = (Vec::new(), Vec::new());
        Self { path, limits, who, file: None, opened: Instant::ZERO, bytes, words, workers: 1, is_said: false }
    }

    /// Asks for a lease. Its moments are of the clock of `now`.
    pub(crate) fn lease(&mut self, ask: Ask, now: Now) -> Result<Answer, Down> {
        match self.try_lease(ask, now) {
            Ok(answer) => {
                self.is_said = false;
                Ok(answer)
            }
            Err(e) => {
                self.file = None;
                if !std::mem::replace(&mut self.is_said, true) {
                    tracing::warn!(
                        "the budget in {} can't be used ({e}): until it can, this process keeps to one part in {} of each limit",
                        self.path.display(),
                        self.workers
                    );
                }
                Err(Down { until: now.mono + RESPITE, workers: self.workers })
            }
        }
    }

    fn try_lease(&mut self, ask: Ask, now: Now) -> io::Result<Answer> {
        let file = self.open(now.mono)?;
        if !lock(&file)? {
            return Err(io::Error::other("another process holds it"));
        }
        let answer = self.locked_lease(&file, ask, now);
        file.unlock()?;
        self.file = Some(file);
        answer
    }

    /// The file of this name; it is made if there is none.
    fn open(&mut self, now: Instant) -> io::Result<File> {
        if let Some(file) = self.file.take() {
            if now < self.opened + STALE {
                return Ok(file);
            }
            if is_named(&file, &self.path) {
                self.opened = now;
                return Ok(file);
            }
        }
        self.opened = now;
        private().read(true).write(true).create(true).truncate(false).open(&self.path)
    }

    fn locked_lease(&mut self, file: &File, ask: Ask, now: Now) -> io::Result<Answer> {
        let mut page = self.read(file, now)?;
        let there = page.clock.moment(now);
        page.workers
            .retain(|(who, seen)| *who != self.who && seen.since(there.mono).max(there.mono.since(*seen)) < PRESENT);
        if page.workers.len() < MOST_WORKERS {
            page.workers.push((self.who, there.mono));
        }
        self.workers = u32::try_from(page.workers.len()).unwrap_or(u32::MAX);
        // One at a time: it costs microseconds, and nobody takes what another could use.
        let unused = ask.unused.map(|lease| moved(lease, |at| there.mono + at.since(now.mono) - now.mono.since(at)));
        let answer = page.book.lease(Ask { count: 1, unused, ..ask }, there);
        self.write(file, &page)?;
        let here = |at: Instant| now.mono + at.since(there.mono) - there.mono.since(at);
        Ok(match answer {
            Answer::Leased(lease) => Answer::Leased(moved(lease, here)),
            Answer::Later { again, opens, limit } => Answer::Later { again: here(again), opens: here(opens), limit },
        })
    }

    fn read(&mut self, mut file: &File, now: Now) -> io::Result<Page> {
        file.seek(SeekFrom::Start(0))?;
        self.bytes.resize(USUAL, 0);
        let mut len = fill(file, &mut self.bytes)?;
        let fresh = |book| Ok(Page { clock: FileClock::new(now), workers: Vec::new(), book });
        if len == 0 {
            // Whoever makes a file makes it at its full length.
            file.write_all(&vec![0; LENGTH])?;
            return fresh(Book::new(&self.limits));
        }
        let said = |bytes: &[u8], at: usize| {
            bytes.get(at * 8..at * 8 + 8).and_then(|word| Some(u64::from_le_bytes(word.try_into().ok()?)))
        };
        if said(&self.bytes[..len], 0) == Some(MAGIC)
            && said(&self.bytes[..len], 1).is_some_and(|version| version > VERSION)
        {
            return Err(io::Error::other("a later version of abide wrote it"));
        }
        let size =
            said(&self.bytes[..len], 2).and_then(|words| usize::try_from(words).ok()).unwrap_or(0).saturating_mul(8);
        if size > len && size <= LARGEST {
            self.bytes.resize(size, 0);
            len += fill(file, &mut self.bytes[len..])?;
        }
        self.words.clear();
        let whole = &self.bytes[..size.min(len)];
        self.words.extend(whole.chunks_exact(8).filter_map(|word| Some(u64::from_le_bytes(word.try_into().ok()?))));
        match Page::read(&self.words, &self.limits, now) {
            Some(page) => Ok(page),
            // What was spent is not known.
            None => fresh(Book::spent(&self.limits, FileClock::new(now).moment(now))),
        }
    }

    fn write(&mut self, mut file: &File, page: &Page) -> io::Result<()> {
        page.write(&mut self.words);
        self.bytes.clear();
        self.bytes.extend(self.words.iter().flat_map(|word| word.to_le_bytes()));
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&self.bytes)
    }
}

impl Page {
    fn read(words: &[u64], limits: &[LimitSpec], now: Now) -> Option<Self> {
        let [MAGIC, VERSION, _, check, boot, ahead] = *words.get(..HEAD)? else { return None };
        if check != checksum(&words[HEAD - 2..]) {
            return None;
        }
        let mut clock = FileClock::from_words(boot, ahead);
        let count = usize::try_from(*words.get(HEAD)?).ok().filter(|count| *count <= MOST_WORKERS)?;
        let (rows, book) = words.get(HEAD + 1..)?.split_at_checked(count * 2)?;
        let workers = rows.chunks_exact(2).map(|row| (row[0], Instant::from_nanos(row[1]))).collect();
        let book = Book::read(limits, book, clock.moment(now)).ok()?;
        if !clock.is_of_this_boot() {
            // Its moments stay, and are read by the wall clock from now on.
            clock = FileClock::new(now);
        }
        Some(Self { clock, workers, book })
    }

    fn write(&self, words: &mut Vec<u64>) {
        words.clear();
        let (boot, ahead) = self.clock.words();
        words.extend([MAGIC, VERSION, 0, 0, boot, ahead, self.workers.len() as u64]);
        words.extend(self.workers.iter().flat_map(|(who, seen)| [*who, seen.as_nanos()]));
        self.book.write(words);
        words[2] = words.len() as u64;
        words[3] = checksum(&words[HEAD - 2..]);
    }
}

/// A lease by another clock.
fn moved(lease: Lease, by: impl Fn(Instant) -> Instant) -> Lease {
    Lease { from: by(lease.from), until: by(lease.until), counted: by(lease.counted), ..lease }
}

/// Tells a torn file from a whole one.
fn checksum(words: &[u64]) -> u64 {
    words.iter().fold(words.len() as u64, |sum, word| (sum.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Reads until the bytes are full or the file ends.
fn fill(mut file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < bytes.len() {
        match file.read(&mut bytes[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(len)
}

/// Whether a file is still the one of its name: it may have been removed, and another made.
#[cfg(unix)]
fn is_named(file: &File, path: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
    file.metadata().ok().map(id) == path.metadata().ok().map(id)
}

/// Elsewhere a file that is open can't be removed.
#[cfg(not(unix))]
fn is_named(_: &File, _: &std::path::Path) -> bool {
    true
}

#[cfg(test)]
mod tests;
