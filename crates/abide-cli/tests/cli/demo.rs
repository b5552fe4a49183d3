//! The first thing that anybody runs.

use crate::support::Home;

#[test]
fn the_demo_pulls_all_its_records_and_says_how_it_did() {
    let home = Home::new();
    home.run(&["demo"]).expect(0).says(&[
        "abide mock --listen 127.0.0.1:",
        "abide pull 'http://127.0.0.1:",
        "300 of 300 records",
        "times the least possible",
    ]);
    assert!(home.names().is_empty());
}
