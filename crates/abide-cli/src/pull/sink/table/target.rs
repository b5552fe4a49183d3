//! What a place for rows has to offer that is no file of bytes: it takes rows and its own frontier in one transaction.
//!
//! What it says of itself is the truth, and the journal follows: pages stay in the journal until the target has them, and after a
//! kill or a broken connection the pull goes on where the target says that it is.

use abide_core::time::Wall;

use crate::pull::journal::batch::Batch;
use crate::pull::journal::error::Result;
use crate::pull::journal::place::{Frontier, Place};
use crate::pull::since::Increment;
use crate::pull::sink::order::Output;

/// A place for rows.
pub(crate) trait Target: Send {
    /// What it is called in messages, without credentials.
    fn name(&self) -> String;

    /// What stands where the rows are to go.
    fn standing(&mut self) -> Result<Standing>;

    /// What it knows of the run that began then, with which it goes on from now.
    fn take_up(&mut self, began: Wall) -> Result<Option<Known>>;

    /// Begins a run, in which `how` the rows stand to those of earlier ones.
    fn begin(&mut self, began: Wall, how: Begin, source: &str, start: &Frontier) -> Result<()>;

    /// How far the run asks and has come, where it asks for what is new.
    fn increment(&self) -> Option<&Increment>;

    /// Takes the records in `lines`, one a line, and how far it has come with them: both or neither.
    fn write(&mut self, lines: &[u8], frontier: &Frontier) -> Result<()>;

    /// Ends the run.
    fn finish(&mut self, ended: Wall, is_partial: bool) -> Result<()>;
}

/// What stands under the name of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Nothing,
    /// A table that abide wrote.
    Ours,
    /// A table of somebody else.
    Foreign,
}

/// How the rows of a run stand to what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// There is nothing.
    New,
    /// They take its place once they are complete.
    Replace,
    /// They go to those of the run before, which they complete.
    Add,
    /// They are what is new since the run before, which is complete.
    Next,
}

/// What a target knows of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) frontier: Frontier,
    pub(crate) has_ended: bool,
}

/// Gathers the pages of a group for a target.
#[derive(Debug)]
pub(super) struct Rows<T> {
    pub(super) target: T,
    lines: Vec<u8>,
    /// How far the target has come.
    place: Place,
}

/// How many bytes of pages go into a transaction, at least. They are in memory while it lasts.
const GROUP: u64 = if cfg!(test) { 100 } else { 1 << 20 };

impl<T> Rows<T> {
    pub(super) fn new(target: T, place: Place) -> Self {
        Self { target, lines: Vec::new(), place }
    }

    /// The target has come as far as that, as it says.
    pub(super) fn align(&mut self, place: Place) {
        self.lines.clear();
        self.place = place;
    }
}

impl<T: Target> Output for Rows<T> {
    fn group(&self) -> Option<u64> {
        Some(GROUP)
    }

    fn append(&mut self, _: &mut Batch<'_>, frontier: &mut Frontier, bytes: &[u8], records: u64) -> Result<()> {
        self.lines.extend_from_slice(bytes);
        frontier.records += records;
        Ok(())
    }

    fn seal(&mut self, _: &mut Frontier) -> Result<()> {
        Ok(())
    }

    fn flush(&mut self, frontier: &Frontier) -> Result<()> {
        if self.lines.is_empty() && self.place == frontier.place {
            return Ok(());
        }
        self.target.write(&self.lines, frontier)?;
        self.align(frontier.place);
        Ok(())
    }

    fn rewind(&mut self, _: &Frontier) {
        self.lines.clear();
    }
}
