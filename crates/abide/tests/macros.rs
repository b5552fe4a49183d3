//! The attribute on functions and methods of all kinds, and what the compiler says where it can't be.

#![cfg(all(feature = "macros", feature = "tokio"))]
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use tokio::time::Instant;

fn reset() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn is_reset(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionReset
}

#[abide::retry(attempts = 3, backoff = "exponential 1s max 30s", when = is_reset)]
async fn fetch<T: AsRef<str> + ?Sized>(
    url: &T,
    mut bodies: Vec<String>,
    (calls, fails): (&AtomicU32, u32),
) -> io::Result<usize> {
    bodies.push(url.as_ref().to_owned());
    if calls.fetch_add(1, Ordering::Relaxed) < fails {
        return Err(reset());
    }
    "7".parse::<usize>().map_err(io::Error::other)?;
    Ok(bodies.len())
}

#[tokio::test(start_paused = true)]
async fn an_async_function_waits_on_the_clock_of_the_runtime_and_has_fresh_arguments_each_time() {
    let (start, calls) = (Instant::now(), AtomicU32::new(0));
    assert_eq!(fetch("x", vec![], (&calls, 2)).await.unwrap(), 1);
    assert_eq!((calls.load(Ordering::Relaxed), start.elapsed()), (3, Duration::from_secs(3)));
    let error = fetch("x", vec![], (&calls, 100)).await.unwrap_err();
    assert_eq!((calls.load(Ordering::Relaxed), error.kind()), (6, io::ErrorKind::ConnectionReset));
}

#[tokio::test(start_paused = true)]
async fn an_async_function_can_be_spawned() {
    let task = tokio::spawn(async { fetch(&String::from("x"), vec![], (&AtomicU32::new(0), 1)).await.unwrap() });
    assert_eq!(task.await.unwrap(), 1);
}

/// One that counts how often it was cloned.
#[derive(Debug, Default)]
struct Cloned(Arc<AtomicU32>);

impl Clone for Cloned {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[abide::retry(attempts = 3, backoff = abide::retry::fixed(Duration::ZERO), on_wait = |_| {})]
fn consume(what: Cloned) -> Result<(), String> {
    drop(what);
    Err("no".to_owned())
}

#[test]
fn arguments_are_cloned_before_each_attempt_but_the_last() {
    let what = Cloned::default();
    let clones = Arc::clone(&what.0);
    assert!(consume(what).is_err());
    assert_eq!((clones.load(Ordering::Relaxed), Arc::strong_count(&clones)), (2, 1));
}

struct Service {
    calls: u32,
}

impl Service {
    #[abide::retry(attempts = 4, backoff = "fixed 1ms", elapsed = "1h", wait_from = |_: &io::Error| Some(Duration::from_secs(9)))]
    async fn call(&mut self, name: String) -> io::Result<String> {
        self.calls += 1;
        tokio::task::yield_now().await;
        if self.calls < 3 { Err(reset()) } else { Ok(name) }
    }

    #[abide::retry(attempts = 2, backoff = "fixed 0s", on_wait = |_| {})]
    fn name<'a>(&'a self, names: &'a [String]) -> Result<&'a str, String> {
        names.get(self.calls as usize).map(String::as_str).ok_or_else(|| "none".to_owned())
    }
}

#[tokio::test(start_paused = true)]
async fn methods_borrow_self_in_each_attempt() {
    let start = Instant::now();
    let mut service = Service { calls: 0 };
    assert_eq!(service.call("a".to_owned()).await.unwrap(), "a");
    assert_eq!((service.calls, start.elapsed()), (3, Duration::from_secs(18)));
    let names = vec![String::new(), String::new(), String::new(), "three".to_owned()];
    assert_eq!(service.name(&names).unwrap(), "three");
    assert_eq!(service.name(&[]), Err("none".to_owned()));
}

/// Compiles a text against the library that this test was built with.
fn compile(library: &Path, text: &str) -> Result<(), String> {
    let folder = library.parent().unwrap();
    let source = folder.join(format!("retry-sample-{}.rs", std::process::id()));
    fs::write(&source, text).unwrap();
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--color=never", "-o"])
        .arg(source.with_extension("rmeta"))
        .arg("-L")
        .arg(folder)
        .arg("--extern")
        .arg(format!("abide={}", library.display()))
        .arg(&source)
        .output()
        .unwrap();
    let _ = (fs::remove_file(&source), fs::remove_file(source.with_extension("rmeta")));
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// The builds of the library beside this test, newest first.
fn libraries() -> Vec<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let mut found: Vec<(SystemTime, PathBuf)> = fs::read_dir(test.parent().unwrap())
        .unwrap()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            let is_library = name.starts_with("libabide-") && name.ends_with(".rlib");
            is_library.then(|| Some((path.metadata().ok()?.modified().ok()?, path)))?
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

#[test]
fn an_argument_that_can_not_be_cloned_is_named_by_the_compiler() {
    let sample = |derive: &str| {
        format!(
            "{derive} pub struct Token;\n#[abide::retry(attempts = 2)]\npub fn send(token: Token) -> Result<(), String> {{ drop(token); Ok(()) }}\n"
        )
    };
    // Builds with other features may lie beside ours.
    let library = libraries().into_iter().find(|library| compile(library, &sample("#[derive(Clone)]")).is_ok());
    let errors = compile(&library.expect("a build of the library beside its test"), &sample("")).unwrap_err();
    assert!(errors.contains("`#[abide::retry]` clones the argument `token`, and `Token` is not `Clone`"), "{errors}");
    assert!(errors.contains("pub fn send(token: Token)"), "{errors}");
}
