//! Writes one line a request, as soon as its fate is known.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use abide_core::time::Wall;
use http::{StatusCode, Uri};

/// The file that gets the lines.
#[derive(Debug)]
pub(super) struct RequestLog {
    file: File,
    line: Vec<u8>,
}

impl RequestLog {
    /// Opens a log, to be added to if it is there.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file, line: Vec::new() })
    }

    /// Adds a line with one write, so that a reader never sees half of it. No status stands for no answer.
    pub(super) fn add(&mut self, arrival: Wall, status: Option<StatusCode>, uri: &Uri) -> io::Result<()> {
        self.line.clear();
        write_line(&mut self.line, arrival, status, uri)?;
        self.file.write_all(&self.line)
    }
}

fn write_line(line: &mut Vec<u8>, arrival: Wall, status: Option<StatusCode>, uri: &Uri) -> io::Result<()> {
    let micros = arrival.as_nanos() / 1_000;
    let status = status.map_or(0, |status| status.as_u16());
    let target = uri.path_and_query().map_or("-", |target| target.as_str());
    writeln!(line, "{}.{:06} {status:03} {target}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_arrival_the_status_and_the_target() {
        let line = |nanos, status, uri: &'static str| {
            let mut line = Vec::new();
            write_line(&mut line, Wall::from_nanos(nanos), status, &Uri::from_static(uri)).unwrap();
            String::from_utf8(line).unwrap()
        };
        assert_eq!(
            line(1_764_000_000_123_456_789, Some(StatusCode::OK), "/items/3"),
            "1764000000.123456 200 /items/3\n"
        );
        assert_eq!(line(1_764_000_000_000_456_000, None, "/items?page=2"), "1764000000.000456 000 /items?page=2\n");
        assert_eq!(line(0, Some(StatusCode::NOT_FOUND), "http://other.example/x?y"), "0.000000 404 /x?y\n");
    }

    #[test]
    fn lines_are_added_to_a_log_that_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("requests");
        for _ in 0..2 {
            let mut log = RequestLog::open(&path).unwrap();
            log.add(Wall::from_secs(1), Some(StatusCode::OK), &Uri::from_static("/")).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), "1.000000 200 /\n1.000000 200 /\n");
    }
}
