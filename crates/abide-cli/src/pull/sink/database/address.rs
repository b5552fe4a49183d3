//! Where a database is that other processes serve: its address, shown without credentials, and the journal of a table there.

use std::fmt;
use std::path::PathBuf;

use abide::Memory;

use crate::pull::journal::digest::Digest;
use crate::pull::sink::table::name::TableName;

/// The URL of a PostgreSQL database.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    /// Whether a text means a database at all.
    pub(crate) fn is_meant_by(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    pub(crate) fn new(url: &str) -> Self {
        Self(url.to_owned())
    }

    /// As the user gave it.
    #[cfg(feature = "postgres")]
    pub(crate) fn url(&self) -> &str {
        &self.0
    }

    /// Where the journal of a table is: in the user's own folder, for a database has no place beside it.
    pub(crate) fn journal(&self, table: &TableName) -> PathBuf {
        let folder = Memory::user().map(|memory| memory.path().join("pulls")).unwrap_or_default();
        let digest = Digest::of(format!("{self}\n{table}").as_bytes()).as_u64();
        folder.join(format!("{table}-{digest:016x}.abide"))
    }
}

/// Without user, password and options.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        // A password may hold a slash, though it should not.
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        write!(f, "postgres://{rest}")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_no_credential() {
        for url in ["postgresql://ann:p/w@h:5433/db?password=pw", "postgres://h:5433/db?password=pw"] {
            assert_eq!(format!("{0} {0:?}", Address::new(url)), "postgres://h:5433/db postgres://h:5433/db");
        }
    }

    #[test]
    fn each_table_has_a_journal_of_its_own() {
        let journal = |url: &str, table: &str| Address::new(url).journal(&table.parse().unwrap());
        assert_ne!(journal("postgres://h/db", "a"), journal("postgres://h/db", "b"));
        assert_ne!(journal("postgres://h/db", "a"), journal("postgres://h/other", "a"));
        assert_eq!(journal("postgres://ann:old@h/db", "a"), journal("postgres://ann:new@h/db", "a"));
    }
}
