//! One key's file: read under its lock, appended to, and begun anew when it has grown.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use abide_core::Key;
use abide_core::adapt::Knowledge;
use abide_core::deed::{Act, Deed};
use abide_core::time::{self, Now};

use super::folder::{private, prune};
use super::header::{FileClock, Header, Unread};

/// A larger file was not written by abide.
const LARGEST: u64 = 8 * 1024 * 1024;
/// Lines after which a file is begun anew.
const MOST_LINES: usize = 256;
/// The last line of a file in whose place stands another.
const MOVED: &str = "moved";
/// A lock is held for some microseconds, or for as long as the system has no time for who holds it. One that is not free for so
/// long is held by a process that was stopped.
const PATIENCE: Duration = Duration::from_millis(100);
/// After that it is not tried again for a while, so that a process that was stopped does not slow others down.
const RESPITE: Duration = Duration::from_secs(1);
const BETWEEN_TRIES: Duration = Duration::from_micros(100);
/// Who was alone for so long, and looked at the file so short a time ago, need not look again before each attempt.
const ALONE: Duration = Duration::from_secs(1);
pub(crate) const FRESH: Duration = Duration::from_millis(50);
/// Attempts of processes that were killed are not carried on for longer.
const FORGOTTEN: Duration = Duration::from_secs(120);

/// The file of one key, as one process uses it. It fails open: after an error nothing is read or written any more.
#[derive(Debug)]
pub(crate) struct KeyFile {
    path: PathBuf,
    key: Key,
    /// Tells our lines from those of others.
    who: u64,
    /// `None` after an error.
    log: Option<Log>,
    /// When it was last read under its lock, before or after an attempt of ours.
    looked: Option<time::Instant>,
    /// When somebody else last did something.
    others: time::Instant,
    /// It was locked for too long, and is left alone until then.
    respite: time::Instant,
}

#[derive(Debug)]
struct Log {
    file: File,
    /// What was read up to here.
    position: u64,
    /// Whether the last line has no end, for its writer was killed.
    is_torn: bool,
    generation: u64,
    clock: FileClock,
    lines: usize,
    /// Attempts that have left and not ended.
    flying: BTreeMap<(u64, u64), Deed>,
}

/// What others did since the last look.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// What was known before that, where it can't be told what was done since.
    pub(crate) knowledge: Option<Knowledge>,
    /// The clocks that the moments of the knowledge are to be read by.
    pub(crate) now: Now,
    pub(crate) deeds: Vec<(u64, Deed)>,
}

impl KeyFile {
    /// Opens a key's file, or begins it.
    pub(super) fn open(path: PathBuf, key: &Key, who: u64, now: Now) -> (Self, News) {
        let mut file = Self {
            path,
            key: key.clone(),
            who,
            log: None,
            looked: None,
            others: time::Instant::ZERO,
            respite: time::Instant::ZERO,
        };
        match file.load(now) {
            Ok(news) => (file, news),
            Err(e) => {
                file.fail(&e);
                (file, News::default())
            }
        }
    }

    fn load(&mut self, now: Now) -> io::Result<News> {
        let mut moved = None;
        loop {
            let mut file = private().read(true).append(true).create(true).open(&self.path)?;
            let is_locked = lock(&file)?;
            let mut bytes = Vec::new();
            (&file).take(LARGEST + 1).read_to_end(&mut bytes)?;
            let (Header { generation, clock, knowledge, .. }, length) = match header(&bytes) {
                Ok(read) => read,
                Err(Unread::Later) => return Err(io::Error::other("a later version of abide wrote it")),
                Err(Unread::Broken) if is_locked => {
                    let header = self.header(0, None, now);
                    bytes = header.to_line().into_bytes();
                    file.set_len(0)?;
                    file.write_all(&bytes)?;
                    // Files come seldom, so this is a good moment to look after the old ones.
                    self.path.parent().inspect(|folder| prune(folder));
                    (header, bytes.len())
                }
                Err(Unread::Broken) => return Err(io::Error::other("another process holds it")),
            };
            let mut log = Log::new(file, length, generation, clock);
            let mut news = News { knowledge, now: log.clock.read(now), deeds: Vec::new() };
            // If another one is found twice, who wanted to put it in this place was killed over that.
            if log.take(&bytes[length..], is_locked, now, &mut news.deeds) && moved != Some(generation) {
                moved = Some(generation);
                continue;
            }
            if is_locked {
                log.file.unlock()?;
            }
            if !log.clock.is_of_this_boot() {
                // Its moments are read as well as they can be, and written anew.
                log.lines += MOST_LINES;
            }
            self.log = Some(log);
            self.notice(&news.deeds);
            return Ok(news);
        }
    }

    fn header(&self, generation: u64, knowledge: Option<Knowledge>, now: Now) -> Header {
        Header {
            origin: self.key.origin().to_owned(),
            has_credential: self.key.credential() != 0,
            generation,
            clock: FileClock::new(now),
            knowledge,
        }
    }

    /// Whether a look would hardly tell anything new.
    pub(crate) fn is_fresh(&self, now: time::Instant) -> bool {
        self.log.is_none()
            || now < self.respite
            || self.looked.is_some_and(|at| now.since(at) < FRESH && now.since(self.others) > ALONE)
    }

    /// Locks the file; `false` if it is used no more, or held for too long by somebody else.
    pub(crate) fn lock(&mut self, now: time::Instant) -> bool {
        match self.log.as_ref().filter(|_| now >= self.respite).map(|log| lock(&log.file)) {
            Some(Ok(true)) => true,
            Some(Ok(false)) => {
                self.respite = now + PATIENCE + RESPITE;
                false
            }
            Some(Err(e)) => {
                self.fail(&e);
                false
            }
            None => false,
        }
    }

    /// What others did since the last look. To be called while it is locked.
    pub(crate) fn read(&mut self, now: Now) -> News {
        let news = self.try_read(now).unwrap_or_else(|e| {
            self.fail(&e);
            News::default()
        });
        self.looked = Some(now.mono);
        self.notice(&news.deeds);
        news
    }

    fn try_read(&mut self, now: Now) -> io::Result<News> {
        let mut news = News::default();
        let Some(log) = &mut self.log else { return Ok(news) };
        let (mut bytes, position) = (Vec::new(), log.position);
        log.file.seek(SeekFrom::Start(position))?;
        (&log.file).take(LARGEST).read_to_end(&mut bytes)?;
        if !log.take(&bytes, true, now, &mut news.deeds) {
            return Ok(news);
        }
        let file = match private().read(true).append(true).open(&self.path) {
            // Forgotten: what is known here is of no use to anybody else.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(io::Error::other("it was removed")),
            file => file?,
        };
        if generation(&file)? == log.generation {
            // Who was to begin it anew was killed over that.
            return Ok(news);
        }
        if !lock(&file)? {
            return Err(io::Error::other("another process holds it"));
        }
        let mut bytes = Vec::new();
        (&file).take(LARGEST + 1).read_to_end(&mut bytes)?;
        let Ok((header, length)) = header(&bytes) else { return Err(io::Error::other("it is broken")) };
        if header.generation != log.generation + 1 {
            // What stood in those between is lost, but for what came of it.
            news.knowledge = header.knowledge;
            news.now = header.clock.read(now);
        }
        log.file.unlock()?;
        *log = Log::new(file, length, header.generation, header.clock);
        log.take(&bytes[length..], true, now, &mut news.deeds);
        Ok(news)
    }

    fn notice(&mut self, deeds: &[(u64, Deed)]) {
        let others = deeds.iter().filter(|(who, _)| *who != self.who).map(|(_, deed)| deed.at).max();
        self.others = self.others.max(others.unwrap_or(time::Instant::ZERO));
    }

    /// Whether it is time to begin anew with what is known now.
    pub(crate) fn is_long(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.lines >= MOST_LINES)
    }

    /// Writes what was done, and begins anew with `knowledge` if there is some. To be called while it is locked and read; it
    /// gives the lock back.
    pub(crate) fn write(&mut self, deeds: &[Deed], knowledge: Option<Knowledge>, now: Now) {
        if let Err(e) = self.try_write(deeds, knowledge, now) {
            self.fail(&e);
        }
    }

    fn try_write(&mut self, deeds: &[Deed], knowledge: Option<Knowledge>, now: Now) -> io::Result<()> {
        let who = self.who;
        let Some(log) = &mut self.log else { return Ok(()) };
        log.append(deeds.iter().map(|deed| (who, *deed)), now)?;
        if let Some(knowledge) = knowledge {
            let header = self.header(self.log.as_ref().map_or(0, |log| log.generation) + 1, Some(knowledge), now);
            self.begin_anew(header, now)?;
        }
        match &self.log {
            Some(log) => log.file.unlock(),
            None => Ok(()),
        }
    }

    /// Puts another file in the place of this one, with what is under way. Who has this one open finds out by its last line.
    fn begin_anew(&mut self, header: Header, now: Now) -> io::Result<()> {
        let Some(log) = &mut self.log else { return Ok(()) };
        let mut flying = std::mem::take(&mut log.flying);
        flying.retain(|_, deed| deed.at + FORGOTTEN > now.mono);
        let path = self.path.with_extension("new");
        // What is left of one who was killed over this.
        let _ = fs::remove_file(&path);
        let mut file = private().read(true).append(true).create_new(true).open(&path)?;
        let line = header.to_line();
        let placed = file.write_all(line.as_bytes()).and_then(|()| {
            if !lock(&file)? {
                return Err(io::Error::other("a new file is locked"));
            }
            log.file.write_all(format!("{MOVED}\n").as_bytes())?;
            fs::rename(&path, &self.path)
        });
        if let Err(e) = placed {
            // Nobody looks for it under this name.
            let _ = fs::remove_file(&path);
            return Err(e);
        }
        let mut fresh = Log::new(file, line.len(), header.generation, header.clock);
        let mut left: Vec<(u64, Deed)> = flying.into_iter().map(|((who, _), deed)| (who, deed)).collect();
        left.sort_by_key(|(_, deed)| deed.at);
        fresh.append(left.into_iter(), now)?;
        *log = fresh;
        Ok(())
    }

    /// From here on it is as if there was no memory.
    fn fail(&mut self, error: &io::Error) {
        tracing::debug!("nothing is remembered of {}: {}: {error}", self.key.origin(), self.path.display());
        self.log = None;
    }
}

impl Log {
    /// A file of which nothing was read but the first line, which is so long.
    fn new(file: File, length: usize, generation: u64, clock: FileClock) -> Self {
        let (position, flying) = (length as u64, BTreeMap::new());
        Self { file, position, is_torn: false, generation, clock, lines: 0, flying }
    }

    /// Takes in lines that were read behind the position, and moves it. Returns whether another file stands in the place of this.
    fn take(&mut self, bytes: &[u8], is_locked: bool, now: Now, deeds: &mut Vec<(u64, Deed)>) -> bool {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if is_locked {
            self.is_torn = if bytes.is_empty() { self.is_torn } else { whole < bytes.len() };
        }
        self.position += if is_locked { bytes.len() } else { whole } as u64;
        let now = self.clock.read(now);
        let mut moved = false;
        for line in bytes[..whole].split(|byte| *byte == b'\n').filter_map(|line| str::from_utf8(line).ok()) {
            moved |= line == MOVED;
            if let Some((who, deed)) = Deed::from_line(line, now) {
                self.track(who, deed);
                deeds.push((who, deed));
            }
        }
        moved
    }

    fn track(&mut self, who: u64, deed: Deed) {
        self.lines += 1;
        match deed.act {
            Act::Left { .. } => drop(self.flying.insert((who, deed.attempt), deed)),
            Act::Ended { .. } => drop(self.flying.remove(&(who, deed.attempt))),
        }
    }

    fn append(&mut self, deeds: impl Iterator<Item = (u64, Deed)>, now: Now) -> io::Result<()> {
        let mut text = String::new();
        if std::mem::take(&mut self.is_torn) {
            text.push('\n');
        }
        let clock = self.clock.read(now);
        for (who, deed) in deeds {
            self.track(who, deed);
            text += &deed.to_line(who, clock);
            text.push('\n');
        }
        self.file.write_all(text.as_bytes())?;
        self.position += text.len() as u64;
        Ok(())
    }
}

/// How often a file was begun anew; reads on from its start.
fn generation(mut file: &File) -> io::Result<u64> {
    let mut line = Vec::new();
    io::BufReader::new(file).take(LARGEST).read_until(b'\n', &mut line)?;
    file.seek(SeekFrom::Start(0))?;
    header(&line).map(|(header, _)| header.generation).map_err(|_| io::Error::other("it is broken"))
}

/// The first line, and its length.
fn header(bytes: &[u8]) -> Result<(Header, usize), Unread> {
    if bytes.len() as u64 > LARGEST {
        return Err(Unread::Broken);
    }
    let length = bytes.iter().position(|byte| *byte == b'\n').ok_or(Unread::Broken)? + 1;
    let line = str::from_utf8(&bytes[..length]).map_err(|_| Unread::Broken)?;
    Ok((Header::from_line(line)?, length))
}

/// Locks a file, unless somebody else holds it for too long.
pub(super) fn lock(file: &File) -> io::Result<bool> {
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if began.elapsed() > PATIENCE => return Ok(false),
            Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN_TRIES),
            Err(TryLockError::Error(e)) => return Err(e),
        }
    }
}

/// Removes a file. Who has it open finds out by its last line.
pub(super) fn forget(path: &Path) -> io::Result<()> {
    let mut file = private().read(true).append(true).open(path)?;
    if !lock(&file)? {
        return Err(io::Error::other("another process holds it; try again"));
    }
    fs::remove_file(path)?;
    file.write_all(format!("{MOVED}\n").as_bytes())
}

/// Reads a file that may be in use: what stands in its first line, and what was done since.
pub(super) fn read(path: &Path, now: Now) -> Option<(Header, Vec<(u64, Deed)>)> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    let (header, length) = header(&bytes).ok()?;
    let now = header.clock.read(now);
    let lines = bytes[length..].split(|byte| *byte == b'\n').filter_map(|line| str::from_utf8(line).ok());
    let deeds = lines.filter_map(|line| Deed::from_line(line, now)).collect();
    Some((header, deeds))
}

#[cfg(test)]
mod tests;
