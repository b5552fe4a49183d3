//! Sharing: one budget for tasks, clients, processes and runs.
//!
//! | among | how |
//! | --- | --- |
//! | tasks of one program | clone the [`Client`](crate::Client): clones share one engine and one pool of connections |
//! | async and blocking code | each client has its own engine; let them share a [`Memory`](crate::Memory), or use one of them |
//! | processes on one machine, and runs after one another | [`ClientBuilder::memory`](crate::ClientBuilder::memory) |
//! | machines | not yet: tell each its part, as [`share_of`](crate::ClientBuilder::share_of) does |
//!
//! ```no_run
//! use abide::{Client, Memory};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let memory = Memory::at("/var/lib/my-program/limits");
//! let client = Client::builder("https://api.example.com").memory(memory).build()?;
//! # drop(client);
//! # Ok(())
//! # }
//! ```
//!
//! With a memory, what a run learned of a server the next one knows, and those that run at the same time keep to a limit together:
//! each attempt that leaves is a line in a file of its key, which the others read before theirs. No credential stands there, and a
//! folder that can't be used is no error.
//!
//! Limits that were told are kept to by a second file, the budget: each attempt is leased from it, and a process that finds it used up
//! gets the next moment that nobody has, so that processes take turns. One that is killed takes at most its lease along; what was
//! spent is known after a restart of the machine. Where the file can't be used, each process keeps to one part in as many as there
//! were, a warning says so, and it comes back by itself. Limits are shared among those that were told the same ones; `concurrency` is
//! each process's own.
//!
//! # Who shares
//!
//! Calls to one origin with one credential. [`bucket`](crate::Request::bucket) sets a part of an API apart that its server counts apart;
//! [`mount`](crate::ClientBuilder::mount) gives rules of its own to what lies under a prefix.
//!
//! # Who goes first
//!
//! First come, first served. [`priority`](crate::Request::priority) goes before that, and a heavy call
//! ([`cost`](crate::Request::cost)) is not starved by light ones: room is kept for it.
