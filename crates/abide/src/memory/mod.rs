//! What is kept between runs of one machine, and shared by those that run at once: learned limits, pauses, and what was spent.
//!
//! A folder holds one file an origin and credential. Its first line is what was known at some moment, and the lines behind it are
//! what was done since. Who writes holds the file's lock, and a line without its end was torn by a kill and is skipped; so there
//! is no moment at which a killed process leaves something that harms another.
//!
//! Limits that were told are kept to by a file of their own, the budget, from which each attempt is leased: there processes take
//! turns, which they could not where each learns of the others what they have done already.

mod budget;
mod file;
mod folder;
mod header;
mod link;
mod remembered;

pub(crate) use budget::{BudgetFile, Down};
pub(crate) use file::{FRESH, KeyFile, News};
pub(crate) use link::Link;
pub use remembered::Remembered;
pub(crate) use remembered::words;

use std::io;
use std::path::{Path, PathBuf};

use folder::Folder;

/// A folder in which a client keeps what it learned of servers, for later runs and for others that run at the same time.
///
/// Processes that use one folder keep to the limits of a server together, as far as they use the same credential. Nothing there
/// shows a credential, and only its owner may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    folder: PathBuf,
}

impl Memory {
    /// The user's own: `ABIDE_STATE_DIR` if that is set, else `abide` in `XDG_STATE_HOME`, else in the folder that the system
    /// has for such things. `None` if there is none of them, for the user has no home.
    pub fn user() -> Option<Self> {
        folder::user().map(|folder| Self { folder })
    }

    /// A folder of its own; it is made when it is first needed.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// All that is kept there, by origin. Files that can't be understood are left out.
    ///
    /// # Errors
    ///
    /// If there is such a folder, and it can't be read.
    pub fn remembered(&self) -> io::Result<Vec<Remembered>> {
        let mut all: Vec<Remembered> =
            folder::files(&self.folder)?.iter().filter_map(|path| Remembered::read(path)).collect();
        all.sort_by(|a, b| (a.origin(), a.has_credential()).cmp(&(b.origin(), b.has_credential())));
        Ok(all)
    }

    pub(crate) fn open(&self) -> io::Result<Folder> {
        Folder::open(&self.folder)
    }
}
