//! The few file operations that safety depends on: private files, no following of links, and folders made durable.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::panic;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::UNIX_EPOCH;

use super::digest::Digest;
use super::error::{Error, Result};

/// How many files are synced side by side.
const SYNC_THREADS: usize = 16;

/// `path` with `suffix` appended to its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The folder that `path` lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What stands at `path`, if anything; an error unless it is a plain file. Links are not followed.
pub(crate) fn plain_file(path: &Path) -> Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => Ok(Some(meta)),
        Ok(meta) if meta.is_dir() => Err(Error::WrongKind { path: path.to_owned(), is_folder: true }),
        Ok(_) => Err(Error::NotAFile { path: path.to_owned() }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("look at", path)(e)),
    }
}

/// Creates an empty file that only its owner can read, unless something stands there.
pub(crate) fn create_private(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(Error::io("create", path)(e)),
    }
}

/// Creates a file, or opens the plain one that stands there, for reading and writing.
pub(crate) fn open_or_create(path: &Path) -> Result<File> {
    let seen = plain_file(path)?;
    let file = OpenOptions::new().read(true).write(true).create_new(seen.is_none()).open(path);
    let file = file.map_err(Error::io("open", path))?;
    match seen {
        Some(seen) if !same_file(&seen, &file.metadata().map_err(Error::io("look at", path))?) => {
            Err(Error::NotAFile { path: path.to_owned() })
        }
        _ => Ok(file),
    }
}

/// Whether a link was put in place between looking and opening.
#[cfg(unix)]
fn same_file(seen: &Metadata, opened: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (seen.dev(), seen.ino()) == (opened.dev(), opened.ino())
}

#[cfg(not(unix))]
fn same_file(_: &Metadata, opened: &Metadata) -> bool {
    opened.is_file()
}

/// Makes the names within `folder` durable: files created, renamed and removed.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(folder).and_then(|f| f.sync_all()).map_err(Error::io("sync", folder))?;
    }
    Ok(())
}

/// Waits until the contents of all `files` are on disk.
///
/// One after the other would take the disk's latency for each; side by side they share it, which is ten times as fast for small files.
pub(crate) fn sync_files(files: &[PathBuf]) -> Result<()> {
    let sync = |files: &[PathBuf]| {
        files.iter().try_for_each(|path| {
            let synced = File::open(path).and_then(|file| file.sync_data());
            synced.map_err(Error::io("sync", path))
        })
    };
    let share = files.len().div_ceil(SYNC_THREADS).max(1);
    thread::scope(|scope| {
        let spawn = |files| thread::Builder::new().spawn_scoped(scope, move || sync(files));
        let threads: Vec<_> = files.chunks(share).map(|files| (files, spawn(files))).collect();
        threads.into_iter().try_for_each(|(files, thread)| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic)),
            // No more threads for this process: it is only slower without.
            Err(_) => sync(files),
        })
    })
}

/// Removes a file if it is there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
        _ => Ok(()),
    }
}

/// By what a file is known to be the one that was left there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// In bytes.
    pub(crate) size: u64,
    /// In nanoseconds since 1970.
    pub(crate) modified: i64,
    /// Of the whole file; `None` where abide did not write it.
    pub(crate) digest: Option<Digest>,
}

/// What stands where a stamped file was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Same,
    Changed,
    Absent,
}

impl Stamp {
    pub(crate) fn of(meta: &Metadata, digest: Option<Digest>) -> Self {
        // A file system without modification times gives 0 for all: size and digest decide then.
        let modified = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
        Self { size: meta.len(), modified, digest }
    }

    /// Whether the file at `path` is the stamped one. It is read only if its size is right and its time is not, as after a copy.
    pub(crate) fn compare(&self, path: &Path) -> Result<Found> {
        let Some(meta) = plain_file(path)? else { return Ok(Found::Absent) };
        let now = Self::of(&meta, self.digest);
        if now == *self {
            return Ok(Found::Same);
        }
        match self.digest {
            Some(digest) if now.size == self.size && digest == digest_of(path)? => Ok(Found::Same),
            _ => Ok(Found::Changed),
        }
    }
}

/// Reads the whole file.
pub(crate) fn digest_of(path: &Path) -> Result<Digest> {
    let mut digest = Digest::EMPTY;
    let read = File::open(path).and_then(|mut file| digest.update_from(&mut file, u64::MAX));
    read.map_err(Error::io("read", path))?;
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touched_file_is_the_same_and_an_edited_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(&path, "rows").unwrap();
        let stamp = Stamp::of(&plain_file(&path).unwrap().unwrap(), Some(Digest::of(b"rows")));
        let touched = Stamp { modified: stamp.modified - 1, ..stamp };
        assert_eq!(touched.compare(&path).unwrap(), Found::Same);
        assert_eq!(Stamp { digest: None, ..touched }.compare(&path).unwrap(), Found::Changed);
        fs::write(&path, "rowS").unwrap();
        assert_eq!(touched.compare(&path).unwrap(), Found::Changed);
        fs::remove_file(&path).unwrap();
        assert_eq!(stamp.compare(&path).unwrap(), Found::Absent);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_no_plain_file() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "mine").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(matches!(plain_file(&link), Err(Error::NotAFile { .. })));
        assert!(matches!(open_or_create(&link), Err(Error::NotAFile { .. })));
        assert!(matches!(plain_file(dir.path()), Err(Error::WrongKind { is_folder: true, .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        create_private(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
