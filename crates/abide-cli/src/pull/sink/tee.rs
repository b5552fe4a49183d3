//! An output beside which the rows are kept that children need: what is in the one is in the other, whatever a kill leaves.

use std::path::Path as File;

use abide_core::place::Path;
use abide_core::time::Wall;

use super::file::OneFile;
use super::file::format::Format;
use super::{IfComplete, OpenOptions, Opened, Sink, Totals};
use crate::pull::journal::Journal;
use crate::pull::journal::error::{Error, Result};
use crate::pull::journal::place::{Failure, Page, Todo};
use crate::pull::journal::state::Ending;
use crate::pull::kin;
use crate::pull::since::Increment;

/// Where rows are kept, and what of each record they hold.
pub(crate) struct Rows<'a> {
    pub(crate) file: &'a File,
    pub(crate) places: &'a [Path],
}

/// Both outputs. A page is put into both; one that a kill kept from one of them is fetched again, and ignored by the other.
struct Tee {
    main: Box<dyn Sink>,
    /// `None` once they are complete.
    rows: Option<OneFile>,
    places: Vec<Path>,
}

/// Opens the rows beside an output that is new or resumed. `None` if the output was complete without them.
pub(crate) fn open(
    main: Opened<Box<dyn Sink>>,
    rows: &Rows<'_>,
    config: &[(&str, &str)],
    now: Wall,
) -> Result<Option<Opened<Box<dyn Sink>>>> {
    let places = rows.places.iter().map(Path::to_string).collect::<Vec<_>>().join(" ");
    // Rows that a kill left of the run before are not those of this one.
    let increment = match &main {
        Opened::New(main) | Opened::Resumed(main, _) => main.increment(),
        Opened::Complete { increment, .. } => increment.as_ref(),
    };
    let id = increment.map(Increment::id);
    let mut config = [config, &[("rows", places.as_str())]].concat();
    config.extend(id.as_deref().map(|id| ("increment", id)));
    let is_new = matches!(main, Opened::New(_));
    let options =
        OpenOptions { config: &config, fresh: is_new, if_complete: IfComplete::Skip, ..OpenOptions::default() };
    if matches!(main, Opened::Complete { .. }) && !rows.file.exists() {
        return Ok(None);
    }
    let opened = match OneFile::open(rows.file, Format::NDJSON, &options, now) {
        Err(Error::OtherPull { differences, .. })
            if matches!(main, Opened::Resumed(..)) && differences.iter().all(|known| known.name != "rows") =>
        {
            let options = OpenOptions { fresh: true, ..options };
            OneFile::open(rows.file, Format::NDJSON, &options, now)?
        }
        opened => opened?,
    };
    let kept = match opened {
        Opened::New(kept) | Opened::Resumed(kept, _) => Some(kept),
        Opened::Complete { .. } => None,
    };
    let tee = |main, kept| -> Box<dyn Sink> { Box::new(Tee { main, rows: kept, places: rows.places.to_vec() }) };
    Ok(match (main, kept) {
        (Opened::New(main), kept) => Some(Opened::New(tee(main, kept))),
        (Opened::Resumed(main, left), kept) => Some(Opened::Resumed(tee(main, kept), left)),
        (complete @ Opened::Complete { .. }, None) => Some(complete),
        (Opened::Complete { .. }, Some(kept)) => {
            Box::new(kept).close(Ending::Interrupted)?;
            None
        }
    })
}

impl Sink for Tee {
    fn journal(&self) -> &Journal {
        self.main.journal()
    }

    fn todo(&mut self, from: u64) -> Result<Option<Todo>> {
        let main = self.main.todo(from)?;
        let rows = self.rows.as_mut().map(|rows| rows.todo(from)).transpose()?.flatten();
        Ok(match (main, rows) {
            (Some(main), Some(rows)) => Some(if rows.place < main.place { rows } else { main }),
            (main, rows) => main.or(rows),
        })
    }

    fn put(&mut self, pages: &[Page]) -> Result<()> {
        if let Some(rows) = &mut self.rows {
            let project = |page: &Page| Page { bytes: kin::project(&page.bytes, &self.places), ..page.clone() };
            rows.put(&pages.iter().map(project).collect::<Vec<_>>())?;
        }
        self.main.put(pages)
    }

    fn fail(&mut self, job: u64, failure: &Failure) -> Result<()> {
        if let Some(rows) = &mut self.rows {
            rows.fail(job, failure)?;
        }
        self.main.fail(job, failure)
    }

    fn seen(&self, job: u64, url: &str) -> Result<bool> {
        // What one of them lacks is to be fetched again.
        let in_rows = self.rows.as_ref().map_or(Ok(true), |rows| rows.seen(job, url))?;
        Ok(in_rows && self.main.seen(job, url)?)
    }

    fn increment(&self) -> Option<&Increment> {
        self.main.increment()
    }

    fn waiting(&self) -> u64 {
        self.main.waiting().max(self.rows.as_ref().map_or(0, Sink::waiting))
    }

    fn totals(&self) -> Totals {
        self.main.totals()
    }

    fn poll_note(&mut self) -> Option<String> {
        self.main.poll_note()
    }

    fn sync(&mut self) -> Result<()> {
        if let Some(rows) = &mut self.rows {
            rows.sync()?;
        }
        self.main.sync()
    }

    fn finish(&mut self, jobs: u64, now: Wall) -> Result<()> {
        if let Some(rows) = &mut self.rows {
            rows.finish(jobs, now)?;
        }
        self.main.finish(jobs, now)
    }

    fn close(self: Box<Self>, ending: Ending) -> Result<()> {
        if let Some(rows) = self.rows {
            Box::new(rows).close(ending)?;
        }
        self.main.close(ending)
    }
}
