//! What becomes of the records of a page before they are written: those with a known key are dropped, the rest is put into form.

use std::borrow::Cow;

use abide_core::json::Json;

use super::OpenOptions;
use super::csv;
use super::file::format::Rows;
use super::key::Key;
use crate::pull::journal::batch::Batch;
use crate::pull::journal::error::{Error, Result};

/// How rows are made from records.
#[derive(Debug)]
pub(super) struct Shape {
    form: Rows,
    key: Option<Key>,
    /// The columns that the user wants, of which a record may have more.
    chosen: Option<Vec<String>>,
    /// The columns that the file has, as far as they were looked up.
    columns: Vec<String>,
}

/// The rows of a page.
#[derive(Debug, Default)]
pub(super) struct Shaped<'p> {
    /// What stands before all rows, if these are the first.
    pub(super) header: Vec<u8>,
    pub(super) rows: Cow<'p, [u8]>,
    /// How many there are.
    pub(super) count: u64,
}

impl Shape {
    pub(super) fn new(form: Rows, options: &OpenOptions<'_>) -> Self {
        Self { form, key: options.key.cloned(), chosen: options.columns.map(<[_]>::to_vec), columns: Vec::new() }
    }

    /// The rows of a page, which will stand at `offset` or after it. Their keys are noted in `batch`.
    pub(super) fn rows<'p>(
        &mut self,
        batch: &mut Batch<'_>,
        offset: u64,
        lines: &'p [u8],
        records: u64,
    ) -> Result<Shaped<'p>> {
        if self.form == Rows::Ndjson && self.key.is_none() || lines.is_empty() {
            return Ok(Shaped { rows: Cow::Borrowed(lines), count: records, ..Shaped::default() });
        }
        let lines: Vec<&[u8]> = lines.split_inclusive(|&byte| byte == b'\n').collect();
        // They were written by the parser of pages, so they can be read.
        let records: Vec<Json<'_>> = lines.iter().filter_map(|line| Json::parse(line).ok()).collect();
        let (mut rows, mut count) = (Vec::new(), 0);
        let header = if self.form == Rows::Csv { self.header(batch, &records)? } else { Vec::new() };
        for (line, record) in lines.iter().zip(&records) {
            if let Some(key) = self.key.as_ref().and_then(|key| key.of(record))
                && !batch.note_key(&key, offset)?
            {
                continue;
            }
            count += 1;
            match self.form {
                Rows::Ndjson => rows.extend_from_slice(line),
                Rows::Csv => {
                    let stranger = csv::push_row(&mut rows, &self.columns, record);
                    if let Some(name) = stranger.filter(|_| self.chosen.is_none()) {
                        return Err(Error::NewColumn { name, columns: self.columns.clone() });
                    }
                }
            }
        }
        Ok(Shaped { header, rows: Cow::Owned(rows), count })
    }

    /// Learns the columns. Where there are none yet they are settled now, and this is the line with their names.
    fn header(&mut self, batch: &Batch<'_>, page: &[Json<'_>]) -> Result<Vec<u8>> {
        let mut header = Vec::new();
        if self.columns.is_empty() {
            self.columns = batch.columns()?;
        }
        if self.columns.is_empty() {
            self.columns = self.chosen.clone().unwrap_or_else(|| csv::columns_of(page.iter()));
            csv::push_header(&mut header, &self.columns);
        }
        Ok(header)
    }

    /// The columns, once there is a header.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Forgets what was noted in a batch that failed.
    pub(super) fn forget(&mut self) {
        self.columns.clear();
    }
}
