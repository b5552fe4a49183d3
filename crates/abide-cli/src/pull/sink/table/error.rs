//! What can go wrong between a page and a table, said so that the user knows what to do next.

use std::fmt;
use std::time::Duration;

/// Why a table could not be opened or written.
#[derive(Debug)]
pub(crate) enum TableError {
    /// A table has the name, and abide did not write it.
    Occupied { at: String },
    /// abide wrote the table, and its journal is gone.
    Leftover { at: String, journal: String },
    /// The journal speaks of rows, and the table or what is known of it is gone.
    Lost { at: String },
    /// A record has no value where the key says it has one.
    NoKey { field: String },
    /// A key that is not made of a record's own fields.
    NestedKey { key: String },
    /// Another process writes to the table.
    #[cfg(feature = "postgres")]
    InUse { at: String },
    /// The database can't be reached, or somebody else keeps it busy.
    Away { at: String, why: String, since: Duration },
    /// The database refused.
    Refused { at: String, why: String },
}

impl TableError {
    /// 2 where the user has to decide, else 1.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Occupied { .. } | Self::Leftover { .. } | Self::NoKey { .. } | Self::NestedKey { .. } => 2,
            _ => 1,
        }
    }
}

impl std::error::Error for TableError {}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied { at } => write!(
                f,
                "{at} is there and abide did not write it, so it was left alone; name another with --table, or give --fresh to \
                 replace it once the new one is complete"
            ),
            Self::Leftover { at, journal } => write!(
                f,
                "{at} was pulled by abide, but the journal {journal} is gone, so nobody knows what is missing; name another \
                 table with --table, or give --fresh to pull it again and replace it once that is complete"
            ),
            Self::Lost { at } => write!(
                f,
                "the journal speaks of rows in {at}, which are not there any more; give --fresh to start again"
            ),
            Self::NoKey { field } => write!(
                f,
                "a record has no {field:?}, which --key names, so nobody can know its row; name other fields with --key, or \
                 leave the flag out and every record is a row, and start again with --fresh"
            ),
            Self::NestedKey { key } => write!(
                f,
                "the key of a table is made of its columns, and {key} names something within one; name fields of the record \
                 itself, or pull to NAME.ndjson"
            ),
            #[cfg(feature = "postgres")]
            Self::InUse { at } => write!(
                f,
                "another process is writing this table of {at}; wait until it is done, stop it, or name another with --table"
            ),
            Self::Away { at, why, since } if since.is_zero() => {
                write!(
                    f,
                    "{at} can't be reached: {why}; start it or set the address right, and run the same command again"
                )
            }
            Self::Away { at, why, since } => write!(
                f,
                "{at} has been out of reach for {} s: {why}; what was fetched is kept: run the same command again when it is \
                 back, it goes on from there",
                since.as_secs()
            ),
            Self::Refused { at, why } => write!(
                f,
                "{at} refused what was to be written: {why}; what was fetched is kept: set that right and run the same command \
                 again"
            ),
        }
    }
}
