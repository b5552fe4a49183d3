//! Databases that rows can go to.

pub(crate) mod address;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
pub(crate) mod sqlite;
