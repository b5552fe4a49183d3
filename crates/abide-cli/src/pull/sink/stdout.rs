//! Standard output in pull order. It cannot be resumed: pages out of turn wait in a temporary file that is gone with the process.

use std::io::{self, Write};
use std::path::Path;

use abide_core::time::Wall;

use super::order::{Order, Output};
use super::{Sink, Totals};
use crate::pull::journal::Journal;
use crate::pull::journal::error::{Error, Result};
use crate::pull::journal::place::{Failed, Failure, Frontier, Page, Todo};
use crate::pull::journal::state::Ending;

/// An open output to a stream. If its reader has gone, calls fail with [`Error::BrokenPipe`].
pub(crate) struct Stdout<W = io::Stdout> {
    journal: Journal,
    order: Order,
    stream: Stream<W>,
}

struct Stream<W> {
    writer: W,
    buffer: Vec<u8>,
}

impl Stdout {
    pub(crate) fn open() -> Result<Self> {
        Self::to(io::stdout())
    }
}

impl<W: Write + Send> Stdout<W> {
    fn to(writer: W) -> Result<Self> {
        let journal = Journal::temporary()?;
        let order = Order::new(&journal, Frontier::START, None)?;
        Ok(Self { journal, order, stream: Stream { writer, buffer: Vec::new() } })
    }
}

impl<W: Write + Send> Sink for Stdout<W> {
    fn todo(&mut self, from: u64) -> Result<Option<Todo>> {
        self.order.todo(&self.journal, from)
    }

    fn put(&mut self, pages: &[Page]) -> Result<()> {
        self.order.put(&self.journal, &mut self.stream, pages)
    }

    fn fail(&mut self, job: u64, failure: &Failure) -> Result<()> {
        self.order.fail(&self.journal, &mut self.stream, job, failure)
    }

    fn seen(&mut self, job: u64, url: &str) -> Result<bool> {
        self.journal.visited(job, url)
    }

    fn waiting(&self) -> u64 {
        self.order.waiting
    }

    fn totals(&self) -> Totals {
        let at = &self.order.frontier;
        Totals { records: at.records, pages: at.pages, bytes: at.offset, failed: self.order.failures }
    }

    fn failures(&mut self, job: u64, most: u32) -> Result<Vec<Failed>> {
        self.journal.failures(job, most)
    }

    /// A stream cannot be made durable; this gives back the space of pages that have left.
    fn sync(&mut self) -> Result<()> {
        let mut batch = self.journal.begin()?;
        batch.reclaim(self.order.frontier.place)?;
        batch.commit()
    }

    fn finish(&mut self, jobs: u64, _: Wall) -> Result<()> {
        match self.order.frontier.place.job {
            job if job == jobs => Ok(()),
            job => Err(Error::Unfinished { job, jobs }),
        }
    }

    fn close(self: Box<Self>, _: Ending) -> Result<()> {
        Ok(())
    }
}

impl<W: Write> Output for Stream<W> {
    fn append(&mut self, frontier: &mut Frontier, bytes: &[u8]) -> Result<()> {
        frontier.offset += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        // So that many pages that waited for one do not gather in memory.
        if self.buffer.len() > 256 * 1024 { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let written = self.writer.write_all(&self.buffer).and_then(|()| self.writer.flush());
        self.buffer.clear();
        written.map_err(Error::io("write", Path::new("standard output")))
    }

    fn rewind(&mut self, _: u64) {
        // What has left cannot be called back; the run ends with the error.
        self.buffer.clear();
    }
}
