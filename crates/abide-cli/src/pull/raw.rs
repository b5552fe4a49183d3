//! Keeps bodies as they were received, a file a page, each whole or not there.

use std::fs;
use std::path::Path;

use super::journal::disk::with_suffix;
use super::journal::error::{Error, Result};
use super::journal::place::Place;

/// Keeps the body of a page, before the page itself is: so whatever page an output holds, its body is there as well.
pub(super) fn keep(folder: &Path, endpoint: Option<&str>, place: Place, bytes: &[u8]) -> Result<()> {
    let folder = endpoint.map_or_else(|| folder.to_owned(), |name| folder.join(name));
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let path = folder.join(format!("{:06}-{:06}", place.job + 1, place.page + 1));
    let part = with_suffix(&path, ".part");
    fs::write(&part, bytes).map_err(Error::io("write", &part))?;
    fs::rename(&part, &path).map_err(Error::io("rename", &part))
}
