//! What the person at the terminal sees: one live line, or a plain line every few seconds where nobody watches.

use std::io::{self, IsTerminal, StderrLock, Write};
use std::time::{Duration, Instant, SystemTime};

use abide::abide_core::decision::Reason;
use abide::{Client, Waiting};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the live line is drawn again.
pub(crate) const TICK: Duration = Duration::from_millis(200);
/// How often a plain line is written.
const PLAIN: Duration = Duration::from_secs(5);
/// A wait shorter than this has no end worth a word.
const SHORT: Duration = Duration::from_millis(700);

/// Standard error, as a place for progress and notes.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    lines: Lines,
    /// When a plain line was written last; `None` if none are to be.
    said: Option<Instant>,
    quiet: bool,
}

/// A way to write lines that stay, above the live line where there is one.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    live: Option<ProgressBar>,
}

impl Screen {
    pub(crate) fn new(quiet: bool) -> Self {
        let is_live = !quiet && io::stderr().is_terminal();
        let live = is_live.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The template is a constant, and this one is valid.
            bar.set_style(ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        let said = (!quiet && !is_live).then(Instant::now);
        Self { lines: Lines { live }, said, quiet }
    }

    pub(crate) fn lines(&self) -> Lines {
        self.lines.clone()
    }

    /// Shows how things stand.
    pub(crate) fn status(&mut self, line: impl FnOnce() -> String) {
        match (&self.lines.live, &mut self.said) {
            (Some(bar), _) => {
                if bar.is_finished() {
                    bar.reset();
                }
                bar.set_message(line());
                bar.tick();
            }
            (None, Some(said)) if said.elapsed() >= PLAIN => {
                *said = Instant::now();
                say(&line());
            }
            (None, _) => {}
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
        if let Some(bar) = self.lines.live.as_ref().filter(|bar| !bar.is_finished()) {
            bar.finish_and_clear();
        }
    }
}

impl Lines {
    /// Writes to standard error while the live line is out of the way.
    pub(crate) fn above(&self, write: impl FnOnce(&mut StderrLock<'_>) -> io::Result<()>) -> io::Result<()> {
        match &self.live {
            Some(bar) => bar.suspend(|| write(&mut io::stderr().lock())),
            None => write(&mut io::stderr().lock()),
        }
    }
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
