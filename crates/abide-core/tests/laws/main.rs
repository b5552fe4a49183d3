//! The laws of the engine (DESIGN.md), each a property over random worlds, and the failures that other libraries are known for.

#![allow(clippy::unwrap_used)]

mod desk;
mod judge;
mod laws;
mod pace;
mod rules;
mod said;
mod scene;
mod silence;
mod stage;
mod stalls;
mod stories;
mod world;

use proptest::test_runner::{Config, FileFailurePersistence};

/// What proptest runs where nobody asks for anything.
const UNASKED: u32 = 256;

/// So many cases a law, unless `PROPTEST_CASES` asks for more or fewer.
fn cases(usual: u32) -> Config {
    let asked = Config::default();
    Config {
        cases: if asked.cases == UNASKED { usual } else { asked.cases },
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..asked
    }
}
