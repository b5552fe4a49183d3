//! The guide: how to do what with abide, and what it does not do.
//!
//! - [`limits`]: what is told, said and learned; several at once; what an answer says is left
//! - [`retries`]: what is sent again, when, and what never is; retries of anything else
//! - [`pages`]: all pages of an answer, or all items
//! - [`sharing`]: one budget for tasks, clients, processes and runs
//! - [`testing`]: tests without a network and without waiting
//! - [`elsewhere`]: what abide does not do, and what to use then
//!
//! Whoever comes from another library finds the way line by line in `docs/from-python.md` and `docs/from-rust.md`.

pub mod elsewhere;
pub mod limits;
pub mod pages;
pub mod retries;
pub mod sharing;
pub mod testing;
