//! What the person at the terminal sees: one live line, or a plain line every few seconds where nobody watches.

use std::io::{self, IsTerminal, StderrLock, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use abide::abide_core::decision::Reason;
use abide::{Client, Waiting};

/// How often the live line is drawn again.
pub(crate) const TICK: Duration = Duration::from_millis(200);
/// How often a plain line is written.
const PLAIN: Duration = Duration::from_secs(5);
/// A wait shorter than this has no end worth a word.
const SHORT: Duration = Duration::from_millis(700);
/// Columns that stay free: in a full line, the `^C` that a terminal shows would begin another one.
const MARGIN: usize = 3;
const SEPARATOR: &str = "; ";
/// Back to the first column, and the line wiped (ECMA-48: CR, EL 2).
const WIPE: &str = "\r\u{1b}[2K";

/// Standard error, as a place for progress and notes.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    lines: Lines,
    mode: Mode,
    quiet: bool,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    Live,
    /// With the moment of the last line.
    Plain(Instant),
    Silent,
}

/// A way to write lines that stay, above the live line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// What the live line shows; nothing where there is none.
    live: Arc<Mutex<String>>,
}

impl Screen {
    pub(crate) fn new(quiet: bool) -> Self {
        let mode = if quiet {
            Mode::Silent
        } else if columns().is_some() {
            Mode::Live
        } else {
            Mode::Plain(Instant::now())
        };
        Self { lines: Lines::default(), mode, quiet }
    }

    pub(crate) fn lines(&self) -> Lines {
        self.lines.clone()
    }

    /// Shows how things stand: the first part, and of the others as many as the terminal has room for.
    pub(crate) fn status(&mut self, parts: impl FnOnce() -> Vec<String>) {
        match &mut self.mode {
            Mode::Live => {
                let columns = columns().unwrap_or_default().saturating_sub(MARGIN);
                self.lines.show(fitting(&parts(), columns));
            }
            Mode::Plain(said) if said.elapsed() >= PLAIN => {
                *said = Instant::now();
                say(&parts().join(SEPARATOR));
            }
            Mode::Plain(_) | Mode::Silent => {}
        }
    }

    /// Says something that stays.
    pub(crate) fn note(&self, line: &str) {
        if !self.quiet {
            self.error(line);
        }
    }

    /// Says something that stays, even where nothing but errors is wanted.
    pub(crate) fn error(&self, line: &str) {
        // If standard error is gone there is nobody left to tell.
        let _ = self.lines.above(|stderr| writeln!(stderr, "{line}"));
    }

    /// Takes the live line away, until there is a status again.
    pub(crate) fn clear(&self) {
        self.lines.show(String::new());
    }
}

impl Lines {
    fn show(&self, line: String) {
        let mut live = self.live();
        if *live != line {
            *live = line;
            let _ = write!(io::stderr().lock(), "{WIPE}{live}");
        }
    }

    /// Writes to standard error while the live line is out of the way.
    pub(crate) fn above(&self, write: impl FnOnce(&mut StderrLock<'_>) -> io::Result<()>) -> io::Result<()> {
        let live = self.live();
        let mut stderr = io::stderr().lock();
        if live.is_empty() {
            return write(&mut stderr);
        }
        stderr.write_all(WIPE.as_bytes())?;
        write(&mut stderr)?;
        stderr.write_all(live.as_bytes())
    }

    /// A text is whole at any time, so a panic elsewhere is no reason to give it up.
    fn live(&self) -> MutexGuard<'_, String> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As many of the parts as fit, and of the first as much.
fn fitting(parts: &[String], columns: usize) -> String {
    let mut line = String::new();
    for part in parts {
        if line.is_empty() {
            line.extend(part.chars().take(columns));
        } else if line.chars().count() + SEPARATOR.len() + part.chars().count() <= columns {
            line = line + SEPARATOR + part;
        } else {
            break;
        }
    }
    line
}

/// How wide the terminal is that a live line can be drawn on; nothing if there is none.
#[cfg(unix)]
fn columns() -> Option<usize> {
    let stderr = io::stderr();
    if !stderr.is_terminal() || std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return None;
    }
    let columns = rustix::termios::tcgetwinsize(stderr).ok()?.ws_col;
    (columns > 0).then_some(columns.into())
}

/// Elsewhere a terminal may have to be told first that it is one.
#[cfg(not(unix))]
fn columns() -> Option<usize> {
    None
}

/// Writes a line on standard error. If nobody can read it there is nobody to tell.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// What is waited for and until when, in words; `None` if nothing but answers.
pub(crate) fn waiting(client: &Client) -> Option<String> {
    let now = SystemTime::now();
    let left = |waiting: &Waiting| waiting.until.and_then(|at| at.duration_since(now).ok());
    let waits = client.waiting();
    let longest = waits.iter().max_by_key(|waiting| left(waiting))?;
    match left(longest) {
        Some(left) if left >= SHORT => {
            Some(format!("waiting {} until {} for {}", short(left), clock(now + left), longest.reason))
        }
        _ if matches!(longest.reason, Reason::Concurrency(_)) => None,
        _ => Some(format!("slowed by {}", longest.reason)),
    }
}

/// How long the longest wait that is known goes on.
pub(crate) fn wait(client: &Client) -> Duration {
    let now = SystemTime::now();
    let left = |waiting: Waiting| waiting.until.and_then(|at| at.duration_since(now).ok());
    client.waiting().into_iter().filter_map(left).max().unwrap_or_default()
}

/// A duration in words.
pub(crate) fn short(duration: Duration) -> String {
    abide::abide_core::time::Human(duration).to_string()
}

/// A number of things, with the word for one of them.
pub(crate) fn count(number: u64, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

/// A moment of today as `14:03:05`, another day's with its date; in UTC, for the time zone database is not ours to carry.
pub(crate) fn clock(at: SystemTime) -> String {
    let Ok(at) = jiff::Timestamp::try_from(at) else { return "a moment beyond the calendar".to_owned() };
    let format = if at.as_second() / 86_400 == jiff::Timestamp::now().as_second() / 86_400 {
        "%H:%M:%S UTC"
    } else {
        "%Y-%m-%d %H:%M:%S UTC"
    };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_line_ends_between_two_parts() {
        let parts = ["45 records", "waiting 3.0s", "5.0 requests/s"].map(str::to_owned);
        assert_eq!(fitting(&parts, 80), "45 records; waiting 3.0s; 5.0 requests/s");
        assert_eq!(fitting(&parts, 39), "45 records; waiting 3.0s");
        assert_eq!(fitting(&parts, 24), "45 records; waiting 3.0s");
        assert_eq!(fitting(&parts, 23), "45 records");
        assert_eq!(fitting(&parts, 4), "45 r");
    }

    #[test]
    fn numbers_agree_with_their_words() {
        assert_eq!(
            (count(1, "page"), count(0, "page"), count(2, "page")),
            ("1 page".into(), "0 pages".into(), "2 pages".into())
        );
    }
}
