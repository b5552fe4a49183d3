//! Databases that rows can go to.

pub(crate) mod sqlite;
