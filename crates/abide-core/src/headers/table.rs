//! Keeps `HEADERS.md` equal to the table of dialects and to the units that are read.

use super::dialects::DIALECTS;

const PAGE: &str = include_str!("../../../../HEADERS.md");

/// The lines of the page between two marks.
fn between(from: &str, to: &str) -> Vec<&'static str> {
    let (_, rest) = PAGE.split_once(from).expect("the page has the mark");
    let (part, _) = rest.split_once(to).expect("the page has the mark");
    part.trim().lines().collect()
}

#[test]
fn the_page_lists_every_dialect_as_the_table_has_it() {
    let printed = between("<!-- dialects -->", "<!-- end of dialects -->");
    let mut lines =
        vec!["| dialect | hosts | what is known | source |".to_owned(), "| --- | --- | --- | --- |".to_owned()];
    lines.extend(DIALECTS.iter().map(ToString::to_string));
    assert!(printed == lines, "write these lines into HEADERS.md:\n{}", lines.join("\n"));
}

#[test]
fn the_table_is_in_order_and_every_row_has_a_source() {
    assert!(DIALECTS.is_sorted_by_key(|dialect| dialect.name.to_lowercase()));
    for dialect in DIALECTS {
        assert!(!dialect.source.is_empty() && !dialect.rules.is_empty(), "{}", dialect.name);
    }
}
