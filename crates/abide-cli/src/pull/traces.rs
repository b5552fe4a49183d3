//! What a pull leaves on disk before it has fetched anything: gone again, where nothing was there before.

use std::fs;
use std::path::PathBuf;

use super::journal::disk::with_suffix;
use super::output::Output;
use super::sink::database::sqlite;
use super::sink::table::name::TableName;

/// Files and folders that a pull is about to create.
#[derive(Debug)]
pub(super) struct Traces {
    files: Vec<PathBuf>,
    folder: Option<PathBuf>,
}

impl Traces {
    /// Of a pull that has not opened its output yet; nothing if there is something to go on from, or nothing to leave.
    pub(super) fn expected(output: &Output, table: &TableName) -> Option<Self> {
        let (journal, part, folder) = match output {
            Output::Stdout => return None,
            Output::File(path, _) => (with_suffix(path, ".abide"), Some(with_suffix(path, ".part")), None),
            // The file may by now hold the table of another endpoint.
            Output::Sqlite(path) => (sqlite::journal(path, table), None, None),
            Output::Postgres(address) => (address.journal(table), None, None),
            Output::Folder(path) => (path.join(".abide"), None, (!path.exists()).then(|| path.clone())),
        };
        let log = with_suffix(&journal, "-wal");
        let files: Vec<PathBuf> = part.into_iter().chain([log, journal]).collect();
        (!files.iter().any(|path| path.exists())).then_some(Self { files, folder })
    }

    /// Removes them. What can't be removed is empty, and the next run takes it up.
    pub(super) fn remove(self) {
        for path in self.files {
            let _ = fs::remove_file(path);
        }
        if let Some(folder) = self.folder {
            // Fails if there is anything else in it by now, which then is not ours.
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull::sink::file::format::Format;

    fn table() -> TableName {
        "items".parse().unwrap()
    }

    #[test]
    fn only_what_was_not_there_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.ndjson");
        let traces = Traces::expected(&Output::File(path.clone(), Format::NDJSON), &table()).unwrap();
        for name in ["x.ndjson.part", "x.ndjson.abide", "other"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        assert!(Traces::expected(&Output::File(path, Format::NDJSON), &table()).is_none());
        traces.remove();
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["other"]);
    }

    #[test]
    fn a_folder_with_something_else_in_it_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("items");
        for other in [false, true] {
            let traces = Traces::expected(&Output::Folder(path.clone()), &table()).unwrap();
            fs::create_dir(&path).unwrap();
            fs::write(path.join(".abide"), "").unwrap();
            if other {
                fs::write(path.join("other"), "").unwrap();
            }
            traces.remove();
            assert_eq!(path.exists(), other);
        }
    }
}
