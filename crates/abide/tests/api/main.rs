//! What users can name, as it stands in `docs/api.txt`: a change of it is seen, and has to be meant.

#![allow(clippy::unwrap_used)]

mod list;
mod module;
mod words;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use module::Library;

const FILE: &str = "docs/api.txt";

/// The variable that makes the test write the file anew.
const ACCEPT: &str = "ABIDE_ACCEPT_API";

const HEAD: &str = "# What users can name: every public item of abide, and of abide-core, which it shows as abide::abide_core.\n\
    # `cargo test -p abide --test api` compares this with the sources; with ABIDE_ACCEPT_API=1 it writes it anew.\n";

#[test]
fn the_api_is_the_one_that_is_written_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut lines = BTreeSet::new();
    for name in ["abide", "abide_core"] {
        let sources = root.join("crates").join(name.replace('_', "-")).join("src");
        lines.extend(list::of(&Library::read(name, &sources.join("lib.rs"))));
    }
    let now = lines.into_iter().fold(HEAD.to_owned(), |text, line| text + &line + "\n");
    let path = root.join(FILE);
    if env::var_os(ACCEPT).is_some() {
        fs::write(&path, now).unwrap();
        return;
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        known == now,
        "the public API is not the one in {FILE}:\n\n{}\nIf the change is meant, accept it and say in CHANGELOG.md what users \
         have to do:\n\n    {ACCEPT}=1 cargo test -p abide --test api\n",
        difference(&known, &now)
    );
}

/// The lines that only one of two sorted texts has.
fn difference(old: &str, new: &str) -> String {
    let lines = |text: &'static str, only: &str, other: &str| -> Vec<(String, &'static str)> {
        let other: BTreeSet<&str> = other.lines().collect();
        only.lines().filter(|line| !other.contains(line)).map(|line| (line.to_owned(), text)).collect()
    };
    let mut all = [lines("-", old, new), lines("+", new, old)].concat();
    all.sort();
    all.iter().fold(String::new(), |mut text, (line, sign)| {
        let _ = writeln!(text, "{sign} {line}");
        text
    })
}

#[test]
fn what_has_gone_and_what_is_new_is_shown() {
    assert_eq!(difference("a\nb(x)\nc\n", "a\nb(y)\nc\nd\n"), "- b(x)\n+ b(y)\n+ d\n");
}

#[test]
fn only_what_can_be_named_is_listed_and_under_the_name_that_users_have() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "lib.rs",
        "mod inner;\n#[cfg(feature = \"more\")]\npub mod more;\npub use inner::{Hidden as Shown, deep};\npub use other::Thing;\n\
         #[cfg(test)]\nmod tests { pub fn no() {} }\npub(crate) fn no() {}\n",
    );
    write(
        "inner.rs",
        "mod deeper { pub fn deep<T: Clone>(mut a: &[T]) -> Option<(u8, T)> where T: Sized { None } }\npub use deeper::deep;\n\
         #[derive(Clone, Debug)]\n#[non_exhaustive]\npub struct Hidden<T> { pub field: u8, secret: T }\n\
         impl<T> Hidden<T> { pub fn go(mut self) -> Self { self } fn no(&self) {} }\n\
         impl<T> From<u8> for Hidden<T> { fn from(_: u8) -> Self { todo!() } }\npub struct Unseen;\nimpl Unseen { pub fn no() {} }\n",
    );
    write(
        "more.rs",
        "use super::inner::Hidden;\npub enum Kind { A, B(u8), C { x: &'static str } }\npub trait Able { type Out; fn able(&self) -> Self::Out; }\n\
         impl Able for Hidden<u8> { type Out = (); fn able(&self) {} }\npub const MOST: u32 = 7;\n",
    );
    let expected = [
        "lib::Shown: #[derive(Clone, Debug)] #[non_exhaustive] struct Hidden<T>",
        "lib::Shown: impl Able for Hidden<u8> [feature = \"more\"]",
        "lib::Shown: impl<T> From<u8> for Hidden<T>",
        "lib::Shown::field: u8",
        "lib::Shown::go: impl<T> Hidden<T> fn go(self) -> Self",
        "lib::Thing = other::Thing",
        "lib::deep: fn deep<T: Clone>(a: &[T]) -> Option<(u8, T)> where T: Sized",
        "lib::more: mod [feature = \"more\"]",
        "lib::more::Able: trait Able [feature = \"more\"]",
        "lib::more::Able::Out: type Out [feature = \"more\"]",
        "lib::more::Able::able: fn able(&self) -> Self::Out [feature = \"more\"]",
        "lib::more::Kind: enum Kind [feature = \"more\"]",
        "lib::more::Kind::A: A [feature = \"more\"]",
        "lib::more::Kind::B: B(u8) [feature = \"more\"]",
        "lib::more::Kind::C: C { x: &'static str } [feature = \"more\"]",
        "lib::more::MOST: const MOST: u32 [feature = \"more\"]",
    ];
    let listed: Vec<String> = list::of(&Library::read("lib", &folder.path().join("lib.rs")))
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(listed, expected);
}
