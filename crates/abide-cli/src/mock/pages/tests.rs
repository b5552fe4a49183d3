//! Pulls every style with every trap that fits it, and compares what came with what there is.

use clap::Parser;

use super::*;
use crate::args::{Cli, Verb};
use crate::exit::Code;
use crate::mock::config::MockConfig;
use crate::{mock, pull};

/// Five pages of 20, the last of them short.
const RECORDS: u64 = 95;

/// What became of a pull.
struct Pulled {
    code: Code,
    lines: Vec<String>,
    requests: u64,
}

/// Pulls `/items` as a user would.
async fn pull(style: &Style, paging: &str, query: &str) -> Pulled {
    let config = MockConfig { records: RECORDS, pages: Some(paging.parse().unwrap()), ..MockConfig::default() };
    let mock = mock::start(config).await.unwrap();
    let url = format!("http://{}/items{query}", mock.addr);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("x.ndjson");
    let line = ["abide", "pull", &url, "-o", output.to_str().unwrap(), "--no-memory", "--quiet"];
    let Verb::Pull(args) = Cli::parse_from(line.iter().chain(style.pull)).verb else { panic!() };
    let code = pull::run(*args).await.map_or_else(|failure| failure.code, |()| Code::Complete);
    let text =
        std::fs::read_to_string(&output).or_else(|_| std::fs::read_to_string(output.with_extension("ndjson.part")));
    let lines = text.unwrap_or_default().lines().map(str::to_owned).collect();
    Pulled { code, lines, requests: mock.stop().await.requests }
}

/// The first so many records, each as a line.
fn records(count: u64) -> Vec<String> {
    let line = |id| {
        let mut line = Vec::new();
        write_record(&mut line, id);
        String::from_utf8(line).unwrap()
    };
    (0..count).map(line).collect()
}

/// Fails unless these are the first so many records, each once and in order.
#[track_caller]
fn assert_records(lines: &[String], count: u64, of: &str) {
    let expected = records(count);
    let first = lines.iter().zip(&expected).position(|(line, record)| line != record);
    assert!(
        lines.len() == expected.len() && first.is_none(),
        "{of}: {} records, and {:?} is the first other than expected ({:.200})",
        lines.len(),
        first,
        first.map_or("", |at| &lines[at])
    );
}

fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

#[test]
fn every_style_brings_every_record_once_and_in_order() {
    block_on(async {
        for style in &STYLES {
            let pulled = pull(style, style.name, "").await;
            assert_eq!(pulled.code, Code::Complete, "{}", style.name);
            assert_records(&pulled.lines, RECORDS, style.name);
            // One page more is needed where only an empty one is the end, and one may be asked for ahead of its turn.
            let most = if style.names_next() || style.counts() || style.field.is_some() { 5 } else { 7 };
            assert!((5..=most).contains(&pulled.requests), "{}: {} requests", style.name, pulled.requests);
        }
    });
}

#[test]
fn pages_that_are_foreseen_bring_the_same() {
    block_on(async {
        for style in STYLES.iter().filter(|style| style.is_counted()) {
            let pulled = pull(style, style.name, "?limit=4").await;
            assert_eq!(pulled.code, Code::Complete, "{}", style.name);
            assert_records(&pulled.lines, RECORDS, style.name);
            assert!(pulled.requests <= 24 + 7, "{}: {} requests", style.name, pulled.requests);
        }
    });
}

#[test]
fn no_trap_costs_a_record_or_brings_one_twice() {
    block_on(async {
        for style in &STYLES {
            let quiet = [Trap::Empty, Trap::Short, Trap::Lower, Trap::Text, Trap::Drop];
            for trap in quiet.into_iter().filter(|trap| trap.fits(style)) {
                let paging = format!("{},{}", style.name, trap.name());
                // Enough pages to be foreseen, where they can be.
                let query = if style.is_counted() { "?kind=x&limit=6" } else { "?limit=30&kind=x" };
                let pulled = pull(style, &paging, query).await;
                assert_eq!(pulled.code, Code::Complete, "{paging}");
                assert_records(&pulled.lines, RECORDS, &paging);
            }
        }
    });
}

#[test]
fn pages_that_lead_back_or_on_for_ever_end_within_three_requests_and_are_said() {
    block_on(async {
        for style in &STYLES {
            for (trap, before) in [(Trap::Repeat, 3), (Trap::Forever, 5)] {
                let paging = format!("{},{}", style.name, trap.name());
                // Where all pages are known from the start, nobody asks for one more.
                if !trap.fits(style) {
                    continue;
                }
                let pulled = pull(style, &paging, "").await;
                assert_eq!(pulled.code, Code::Stalled, "{paging}");
                // The next one is the repeat.
                assert!(pulled.requests <= before + 1 + 3, "{paging}: {} requests", pulled.requests);
                assert_records(&pulled.lines, (before * 20).min(RECORDS), &paging);
                if trap == Trap::Repeat {
                    let pulled = pull(style, &paging, "?limit=5").await;
                    assert_eq!(pulled.code, Code::Stalled, "{paging}");
                    assert!(pulled.requests <= before + 1 + 3, "{paging}: {} requests", pulled.requests);
                    assert_records(&pulled.lines, 15, &paging);
                }
            }
        }
    });
}

#[test]
fn what_has_expired_half_way_is_got_anew_from_the_first_page() {
    block_on(async {
        for style in STYLES.iter().filter(|style| Trap::Gone.fits(style)) {
            for trap in ["gone", "invalid"] {
                let paging = format!("{},{trap}", style.name);
                let pulled = pull(style, &paging, "").await;
                assert_eq!(pulled.code, Code::Complete, "{paging}");
                assert_records(&pulled.lines, RECORDS, &paging);
                assert_eq!(pulled.requests, 5 + 1 + 2, "{paging}");
            }
        }
    });
}

#[test]
fn a_next_page_at_another_origin_is_not_followed_unless_that_is_allowed() {
    block_on(async {
        for style in STYLES.iter().filter(|style| Trap::Origin.fits(style)) {
            let paging = format!("{},origin", style.name);
            let pulled = pull(style, &paging, "").await;
            assert_eq!(pulled.code, Code::Stalled, "{paging}");
            assert_records(&pulled.lines, 40, &paging);
        }
    });
}

#[test]
fn a_style_and_its_traps_read_back_as_themselves() {
    for style in &STYLES {
        for (trap, name, _) in TRAPS {
            let text = format!("{},{name}", style.name);
            match text.parse::<Paging>() {
                Ok(paging) => assert_eq!(paging.to_string(), text),
                Err(why) => assert!(!trap.fits(style) && why.contains("what does:"), "{why}"),
            }
        }
    }
}
