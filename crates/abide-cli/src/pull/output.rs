//! Where a pull writes, read from `-o`: the ending of the name says what kind of output it is.

use std::path::{Path, PathBuf};

use super::sink::database::address::Address;
use super::sink::file::format::Format;
use crate::exit::{Failure, Result};

/// Where the output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Stdout,
    /// One file of records.
    File(PathBuf, Format),
    /// One file an URL.
    Folder(PathBuf),
    /// A table of a SQLite file.
    Sqlite(PathBuf),
    /// A table of a PostgreSQL database.
    Postgres(Address),
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::Postgres(address) => address.fmt(f),
            Self::File(path, _) | Self::Folder(path) | Self::Sqlite(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Output {
    /// The file or the folder; none where it is a stream or on a server.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout | Self::Postgres(_) => None,
            Self::File(path, _) | Self::Sqlite(path) | Self::Folder(path) => Some(path),
        }
    }

    /// Whether the records of several endpoints can go there, to a table each.
    pub(crate) fn has_tables(&self) -> bool {
        matches!(self, Self::Sqlite(_) | Self::Postgres(_))
    }

    pub(crate) fn of(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else { return Ok(Self::Stdout) };
        if let Some(address) = address(path)? {
            return Ok(Self::Postgres(address));
        }
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            // Without the slash, which the system takes for a claim that it is a folder.
            let plain: PathBuf = path.components().collect();
            if plain.is_file() {
                return Err(Failure::error(format!(
                    "{} is a file and a folder is needed; leave out the slash, or name a folder",
                    plain.display()
                )));
            }
            return Ok(Self::Folder(path.to_owned()));
        }
        if path.is_dir() {
            return Err(Failure::error(format!(
                "{0} is a folder; for one file an URL end the name with a slash (-o {0}/), else name a file in it",
                path.display()
            )));
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some((_, "sqlite" | "sqlite3" | "db")) = name.rsplit_once('.') {
            return Ok(Self::Sqlite(path.to_owned()));
        }
        match Format::of_name(name) {
            Some(format) => Ok(Self::File(path.to_owned(), format)),
            None => Err(Failure::usage(format!(
                "{} has an ending that abide does not know; write NAME.ndjson (or .jsonl) for one record a line, NAME.csv, \
                 either packed with .gz or .zst after it, NAME.sqlite (or .db) or \
                 postgres://HOST/DATABASE for a table, or NAME/ for one file an URL",
                path.display()
            ))),
        }
    }
}

/// The database that is meant, be it written out or as the name of a variable that holds it.
fn address(path: &Path) -> Result<Option<Address>> {
    let Some(text) = path.to_str() else { return Ok(None) };
    let url = match text.strip_prefix("env:") {
        Some(name) => std::env::var(name)
            .map_err(|_| Failure::usage(format!("{name} is not set; set it to where the records are to go")))?,
        None => text.to_owned(),
    };
    if !Address::is_meant_by(&url) {
        return match text.starts_with("env:") {
            true => Err(Failure::usage(format!(
                "what {text} holds is not the URL of a database, as postgres://HOST/DATABASE"
            ))),
            false => Ok(None),
        };
    }
    if cfg!(not(feature = "postgres")) {
        return Err(Failure::usage(
            "this abide was built without PostgreSQL; build it with the feature postgres, or write to NAME.sqlite",
        ));
    }
    Ok(Some(Address::new(&url)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_is_known_by_its_ending() {
        let of = |path: &str| Output::of(Some(Path::new(path)));
        assert_eq!(of("-").ok(), Some(Output::Stdout));
        assert_eq!(of("a/").ok(), Some(Output::Folder("a/".into())));
        assert_eq!(of("a.jsonl").ok(), Some(Output::File("a.jsonl".into(), Format::NDJSON)));
        assert_eq!(of("a.xlsx").err().map(|e| e.code), Some(crate::exit::Code::Usage));
        assert_eq!(of("/").err().map(|e| e.code), None);
        assert_eq!(of("/tmp").err().map(|e| e.code), Some(crate::exit::Code::Error));
    }
}
