//! What `-v` says: the engine's decisions with their reasons, one a line on standard error, and nothing of other crates.

use std::io::{self, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::screen::Lines;

/// Begins to say what happens, if `-v` was given. Once a process: a second call changes nothing.
pub(crate) fn start(verbose: u8, lines: Lines) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let layer = fmt::layer().with_ansi(false).with_target(false).with_level(false).with_writer(lines);
    let only_ours = Targets::new().with_target("abide", level);
    // Fails where somebody else listens already, and then they hear it.
    let _ = tracing::subscriber::set_global_default(registry().with(layer.with_filter(only_ours)));
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Write for &Lines {
    /// Takes whole lines: an event is written in one piece.
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.above(|stderr| stderr.write_all(text))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
