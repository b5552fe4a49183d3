//! What a file holds, as its name says: how a record is written, and how the whole is packed.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// How many bytes of pages a member of a packed file is made from, at least: large enough to be packed well, small enough for
/// memory. With another size, files that were begun before would not come out as they would have.
const MEMBER: u64 = if cfg!(test) { 100 } else { 1 << 20 };
/// The library's own middle way between speed and size.
const ZSTD_LEVEL: i32 = 3;

/// What a file of records holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) rows: Rows,
    pub(crate) packing: Packing,
}

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// One record a line, as it came.
    Ndjson,
    /// RFC 4180, with the names of the columns in the first line.
    Csv,
}

/// How the whole is packed. A packed file is a sequence of members (gzip, RFC 1952) or frames (Zstandard, RFC 8878), each whole by
/// itself, which every reader takes for one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Format {
    pub(crate) const NDJSON: Self = Self { rows: Rows::Ndjson, packing: Packing::Plain };

    /// The format that a file name ends in.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let (packing, name) = match name.rsplit_once('.')? {
            (name, "gz") => (Packing::Gzip, name),
            (name, "zst") => (Packing::Zstd, name),
            _ => (Packing::Plain, name),
        };
        let rows = match name.rsplit_once('.')?.1 {
            "ndjson" | "jsonl" => Rows::Ndjson,
            "csv" => Rows::Csv,
            _ => return None,
        };
        Some(Self { rows, packing })
    }
}

impl Packing {
    /// How many bytes of pages go into a member; nothing where there are none.
    pub(super) fn member_size(self) -> Option<u64> {
        (self != Self::Plain).then_some(MEMBER)
    }

    /// A whole member. The same bytes give the same member: there is no time and no name in it.
    pub(super) fn member(self, raw: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(raw.to_vec()),
            Self::Gzip => {
                let mut packed = GzEncoder::new(Vec::new(), Compression::default());
                packed.write_all(raw)?;
                packed.finish()
            }
            Self::Zstd => zstd::bulk::compress(raw, ZSTD_LEVEL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_known_by_the_ending() {
        let of = |name| Format::of_name(name).map(|format| (format.rows, format.packing));
        assert_eq!(of("a.ndjson"), Some((Rows::Ndjson, Packing::Plain)));
        assert_eq!(of("a.b.jsonl.gz"), Some((Rows::Ndjson, Packing::Gzip)));
        assert_eq!(of("a.csv.zst"), Some((Rows::Csv, Packing::Zstd)));
        for other in ["ndjson", "a.gz", "a.txt.gz", "a.ndjson.bz2", "a.json", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
