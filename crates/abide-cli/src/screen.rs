//! What the person at the terminal sees: one live line, or a plain line every few seconds where nobody watches.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant, SystemTime};

use abide::{Client, Waiting};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the live line is drawn again.
pub(crate) const TICK: Duration = Duration::from_millis(200);
/// How often a plain line is written.
const PLAIN: Duration = Duration::from_secs(5);
/// A wait shorter than this is not worth a word.
const SHORT: Duration = Duration::from_millis(700);

/// Standard error, as a place for progress and notes.
#[derive(Debug)]
pub(crate) struct Screen {
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    Live(ProgressBar),
    Plain { said: Instant },
    Quiet,
}

impl Screen {
    pub(crate) fn new(quiet: bool) -> Self {
        let mode = if quiet {
            Mode::Quiet
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The template is a constant, and this one is valid.
            bar.set_style(ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar()));
            Mode::Live(bar)
        } else {
            Mode::Plain { said: Instant::now() }
        };
        Self { mode }
    }

    /// Shows how things stand.
    pub(crate) fn status(&mut self, line: impl FnOnce() -> String) {
        match &mut self.mode {
            Mode::Live(bar) => {
                bar.set_message(line());
                bar.tick();
            }
            Mode::Plain { said } if said.elapsed() >= PLAIN => {
                *said = Instant::now();
                say(&line());
            }
            Mode::Plain { .. } | Mode::Quiet => {}
        }
    }

    /// Says something that stays.
    pub(crate) fn note(&self, line: &str) {
        match &self.mode {
            Mode::Live(bar) => bar.suspend(|| say(line)),
            Mode::Plain { .. } => say(line),
            Mode::Quiet => {}
        }
    }

    /// Takes the live line away.
    pub(crate) fn clear(&self) {
        if let Mode::Live(bar) = &self.mode {
            bar.finish_and_clear();
        }
    }
}

/// A line on standard error. If nobody can read it there is nobody to tell.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// What is waited for and until when, in words; `None` if nothing, or not for long.
pub(crate) fn waiting(client: &Client) -> Option<String> {
    let now = SystemTime::now();
    let until = |waiting: &Waiting| waiting.until.and_then(|at| at.duration_since(now).ok());
    let waits = client.waiting();
    let longest = waits.iter().max_by_key(|waiting| until(waiting))?;
    match until(longest) {
        Some(left) if left >= SHORT => {
            Some(format!("waiting {} for {}, until {}", short(left), longest.reason, clock(now + left)))
        }
        _ => None,
    }
}

/// A duration in words.
pub(crate) fn short(duration: Duration) -> String {
    abide::abide_core::time::Human(duration).to_string()
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
