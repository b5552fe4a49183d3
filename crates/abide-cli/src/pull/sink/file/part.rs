//! The growing output file: bytes are appended at the frontier, and what no commit speaks of is cut off.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::format::Packing;
use crate::pull::journal::batch::Batch;
use crate::pull::journal::disk;
use crate::pull::journal::error::{Error, Result};
use crate::pull::journal::place::Frontier;
use crate::pull::sink::order::Output;
use crate::pull::sink::shape::{Shape, Shaped};

/// Pages smaller than this are gathered into one write, and the earlier output is copied in pieces of this size.
const GATHER: usize = 256 * 1024;

/// `NAME.part`, and the earlier `NAME` whose rows go into it, if there is one.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    path: PathBuf,
    source: Option<Source>,
    shape: Shape,
    packing: Packing,
    /// What goes into the next member of a packed file.
    raw: Vec<u8>,
    buffer: Vec<u8>,
    /// Set when the file has to be cut before the next write.
    cut_to: Option<u64>,
}

#[derive(Debug)]
struct Source {
    file: File,
    path: PathBuf,
}

impl Part {
    /// Opens or creates the file at `path`. It is cut to `length` before anything is written.
    pub(super) fn open(path: &Path, length: u64, shape: Shape, packing: Packing) -> Result<Self> {
        let file = disk::open_or_create(path)?;
        let (path, raw, buffer) = (path.to_owned(), Vec::new(), Vec::new());
        Ok(Self { file, path, source: None, shape, packing, raw, buffer, cut_to: Some(length) })
    }

    /// With the earlier output, whose rows go before and between the new ones.
    pub(super) fn with_source(mut self, path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        self.source = Some(Source { file, path: path.to_owned() });
        Ok(self)
    }

    /// Copies what has to be copied of the earlier output before the next byte.
    pub(super) fn copy(&mut self, frontier: &mut Frontier) -> Result<()> {
        let Some(mut source) = self.source.take() else { return Ok(()) };
        let copied = source.read_to(frontier, |frontier, piece| self.push(frontier, piece));
        self.source = Some(source);
        copied
    }

    /// Writes what a whole file has at its end: the rest of the earlier output, and where nothing was packed at least a member.
    pub(super) fn end(&mut self, frontier: &mut Frontier) -> Result<()> {
        self.copy(frontier)?;
        if frontier.offset == 0 {
            let empty = self.member(&[])?;
            self.push(frontier, &empty)?;
        }
        self.flush(frontier)
    }

    /// Waits until all that was flushed is on disk.
    pub(super) fn sync(&mut self) -> Result<()> {
        self.file.sync_data().map_err(Error::io("sync", &self.path))
    }

    fn push(&mut self, frontier: &mut Frontier, bytes: &[u8]) -> Result<()> {
        frontier.digest.update(bytes);
        frontier.offset += bytes.len() as u64;
        if self.buffer.len() + bytes.len() > GATHER {
            self.write()?;
        }
        if bytes.len() > GATHER {
            return self.file.write_all(bytes).map_err(Error::io("write", &self.path));
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn member(&self, raw: &[u8]) -> Result<Vec<u8>> {
        self.packing.member(raw).map_err(Error::io("pack", &self.path))
    }

    fn write(&mut self) -> Result<()> {
        if let Some(length) = self.cut_to {
            let cut = self.file.set_len(length).and_then(|()| self.file.seek(SeekFrom::Start(length)));
            cut.map_err(Error::io("cut", &self.path))?;
            self.cut_to = None;
        }
        self.file.write_all(&self.buffer).map_err(Error::io("write", &self.path))?;
        self.buffer.clear();
        Ok(())
    }
}

impl Source {
    fn read_to(
        &mut self,
        frontier: &mut Frontier,
        mut push: impl FnMut(&mut Frontier, &[u8]) -> Result<()>,
    ) -> Result<()> {
        if frontier.copied == frontier.copy_to {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(frontier.copied)).map_err(Error::io("read", &self.path))?;
        let mut piece = vec![0; GATHER];
        while frontier.copied < frontier.copy_to {
            let left = usize::try_from(frontier.copy_to - frontier.copied).unwrap_or(usize::MAX);
            let want = left.min(piece.len());
            match self.file.read(&mut piece[..want]).map_err(Error::io("read", &self.path))? {
                0 => return Err(Error::SourceLost { path: self.path.clone() }),
                got => {
                    push(frontier, &piece[..got])?;
                    frontier.copied += got as u64;
                }
            }
        }
        Ok(())
    }
}

impl Output for Part {
    fn group(&self) -> Option<u64> {
        self.packing.member_size()
    }

    fn append(&mut self, batch: &mut Batch<'_>, frontier: &mut Frontier, bytes: &[u8], records: u64) -> Result<()> {
        let Shaped { header, rows, count } = self.shape.rows(batch, frontier.offset, bytes, records)?;
        frontier.records += count;
        if !header.is_empty() {
            // A member of its own, so that rows that were missing can be put right behind it.
            let member = self.member(&header)?;
            self.copy(frontier)?;
            let from = frontier.offset;
            self.push(frontier, &member)?;
            batch.fix_columns(self.shape.columns(), from..frontier.offset)?;
        }
        if self.packing != Packing::Plain {
            self.raw.extend_from_slice(&rows);
        } else if !rows.is_empty() {
            self.copy(frontier)?;
            self.push(frontier, &rows)?;
        }
        Ok(())
    }

    fn seal(&mut self, frontier: &mut Frontier) -> Result<()> {
        if self.raw.is_empty() {
            return Ok(());
        }
        let member = self.member(&self.raw)?;
        self.raw.clear();
        self.copy(frontier)?;
        self.push(frontier, &member)
    }

    fn flush(&mut self, _: &Frontier) -> Result<()> {
        self.write()
    }

    fn rewind(&mut self, frontier: &Frontier) {
        self.raw.clear();
        self.buffer.clear();
        self.shape.forget();
        self.cut_to = Some(frontier.offset);
    }
}
