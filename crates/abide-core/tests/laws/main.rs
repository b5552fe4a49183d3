//! The laws of the engine (DESIGN.md), each a property over random worlds, and the failures that other libraries are known for.

#![allow(clippy::unwrap_used)]

mod judge;
mod laws;
mod rules;
mod scene;
mod stage;
mod world;

/// Cases a law, unless `PROPTEST_CASES` says otherwise.
fn cases(default: u32) -> proptest::test_runner::Config {
    let from_env = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    proptest::test_runner::Config {
        cases: from_env.unwrap_or(default),
        failure_persistence: Some(Box::new(proptest::test_runner::FileFailurePersistence::WithSource(
            "proptest-regressions",
        ))),
        ..proptest::test_runner::Config::default()
    }
}
