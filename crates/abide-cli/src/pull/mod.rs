//! Pulling many pages to disk so that a kill at any moment loses nothing.

pub(crate) mod journal;
pub(crate) mod sink;
