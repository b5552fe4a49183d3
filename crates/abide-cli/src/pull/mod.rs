//! `abide pull`: what a user asks for, read into requests, records and files.

pub(crate) mod body;
pub(crate) mod names;
pub(crate) mod records;
pub(crate) mod template;
pub(crate) mod urls;
