//! Standard output in pull order. It cannot be resumed: pages out of turn wait in a temporary file that is gone with the process.

use std::env;
use std::io::{self, Write};

use abide_core::time::Wall;

use super::file::format::Rows;
use super::order::{Order, Output};
use super::shape::Shape;
use super::{OpenOptions, Sink, Totals};
use crate::pull::journal::Journal;
use crate::pull::journal::batch::Batch;
use crate::pull::journal::error::{Error, Result};
use crate::pull::journal::place::{Failure, Frontier, Page, Todo};
use crate::pull::journal::state::Ending;

/// An open output to a stream. If its reader has gone, calls fail with [`Error::BrokenPipe`].
pub(crate) struct Stdout<W = io::Stdout> {
    journal: Journal,
    order: Order,
    stream: Stream<W>,
}

struct Stream<W> {
    shape: Shape,
    writer: W,
    buffer: Vec<u8>,
}

impl Stdout {
    pub(crate) fn open(options: &OpenOptions<'_>) -> Result<Self> {
        Self::to(io::stdout(), options)
    }
}

impl<W: Write + Send> Stdout<W> {
    fn to(writer: W, options: &OpenOptions<'_>) -> Result<Self> {
        let journal = Journal::temporary()?;
        let order = Order::new(&journal, Frontier::START, None)?;
        Ok(Self {
            journal,
            order,
            stream: Stream { shape: Shape::new(Rows::Ndjson, options), writer, buffer: Vec::new() },
        })
    }
}

impl<W: Write + Send> Sink for Stdout<W> {
    fn todo(&mut self, from: u64) -> Result<Option<Todo>> {
        self.order.todo(&self.journal, from)
    }

    fn put(&mut self, pages: &[Page]) -> Result<()> {
        self.order.put(&self.journal, &mut self.stream, pages).map_err(without_resume)
    }

    fn fail(&mut self, job: u64, failure: &Failure) -> Result<()> {
        self.order.fail(&self.journal, &mut self.stream, job, failure).map_err(without_resume)
    }

    fn journal(&self) -> &Journal {
        &self.journal
    }

    fn waiting(&self) -> u64 {
        self.order.waiting
    }

    fn totals(&self) -> Totals {
        let at = &self.order.frontier;
        Totals { records: at.records, pages: at.pages, bytes: at.offset, failed: self.order.failures }
    }

    /// A stream cannot be made durable; this gives back the space of pages that have left.
    fn sync(&mut self) -> Result<()> {
        let mut batch = self.journal.begin()?;
        batch.reclaim(&self.order.frontier)?;
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

/// A full disk, where nothing is kept for another run.
fn without_resume(error: Error) -> Error {
    match error {
        Error::DiskFull { .. } => {
            Error::Io { action: "write", path: env::temp_dir(), source: io::ErrorKind::StorageFull.into() }
        }
        other => other,
    }
}

impl<W: Write> Stream<W> {
    fn send(&mut self) -> Result<()> {
        let written = self.writer.write_all(&self.buffer).and_then(|()| self.writer.flush());
        self.buffer.clear();
        written.map_err(|source| match source.kind() {
            io::ErrorKind::BrokenPipe => Error::BrokenPipe,
            _ => Error::Io { action: "write", path: "standard output".into(), source },
        })
    }
}

impl<W: Write> Output for Stream<W> {
    fn group(&self) -> Option<u64> {
        None
    }

    fn append(&mut self, batch: &mut Batch<'_>, frontier: &mut Frontier, bytes: &[u8], records: u64) -> Result<()> {
        let shaped = self.shape.rows(batch, frontier.offset, bytes, records)?;
        frontier.records += shaped.count;
        frontier.offset += shaped.rows.len() as u64;
        self.buffer.extend_from_slice(&shaped.rows);
        // So that many pages that waited for one do not gather in memory.
        if self.buffer.len() > 256 * 1024 { self.send() } else { Ok(()) }
    }

    fn seal(&mut self, _: &mut Frontier) -> Result<()> {
        Ok(())
    }

    fn flush(&mut self, _: &Frontier) -> Result<()> {
        self.send()
    }

    fn rewind(&mut self, _: &Frontier) {
        // What has left cannot be called back; the run ends with the error.
        self.buffer.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull::sink::testing::{all_rows, failure, page, rows, url};

    const NOW: Wall = Wall::from_secs(1_700_000_000);

    /// Takes `room` bytes and then has no reader any more.
    struct Reader {
        read: Vec<u8>,
        room: usize,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.room.min(bytes.len()) {
                0 => Err(io::ErrorKind::BrokenPipe.into()),
                taken => {
                    self.read.extend_from_slice(&bytes[..taken]);
                    self.room -= taken;
                    Ok(taken)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn open(room: usize) -> Stdout<Reader> {
        Stdout::to(Reader { read: Vec::new(), room }, &OpenOptions::default()).unwrap()
    }

    fn read(sink: &Stdout<Reader>) -> &str {
        str::from_utf8(&sink.stream.writer.read).unwrap()
    }

    #[test]
    fn pages_leave_in_input_order_as_soon_as_they_can() {
        let mut sink = open(usize::MAX);
        sink.put(&[page(2, 0, 1), page(1, 0, 2)]).unwrap();
        assert_eq!((read(&sink), sink.waiting()), ("", 2));
        sink.put(&[page(0, 0, 1)]).unwrap();
        assert_eq!(read(&sink), rows(0, 0) + &rows(1, 0));
        sink.sync().unwrap();
        assert!(sink.seen(1, &url(1, 0)).unwrap());
        sink.put(&[page(1, 1, 2)]).unwrap();
        assert_eq!((read(&sink), sink.waiting()), (&*(rows(0, 0) + &all_rows(1, 2) + &rows(2, 0)), 0));
        sink.finish(3, NOW).unwrap();
        assert_eq!(sink.totals().bytes, read(&sink).len() as u64);
    }

    #[test]
    fn a_failed_job_is_passed_over_and_listed() {
        let mut sink = open(usize::MAX);
        sink.put(&[page(1, 0, 1)]).unwrap();
        assert!(matches!(sink.finish(2, NOW), Err(Error::Unfinished { job: 0, jobs: 2 })));
        sink.fail(0, &failure(0)).unwrap();
        sink.finish(2, NOW).unwrap();
        assert_eq!(read(&sink), rows(1, 0));
        assert_eq!(sink.failures(0, 9).unwrap()[0].failure, failure(0));
    }

    #[test]
    fn a_reader_that_has_gone_is_told_apart_from_other_failures() {
        let mut sink = open(5);
        let gone = sink.put(&[page(0, 0, 1), page(1, 0, 1)]).unwrap_err();
        assert!(matches!(gone, Error::BrokenPipe));
        assert_eq!(gone.exit_code(), 0);
    }
}
