//! The cases of peers' tests and of RFC 8288 for the `Link` field, one a line in `data/link.jsonl`.

use std::collections::BTreeMap;

use abide_core::page::link::{Link, links};
use serde_json::Value;

const CASES: &str = include_str!("data/link.jsonl");

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn every_case_is_read_as_its_source_reads_it() {
    let mut count = 0;
    for case in CASES.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let id = case["id"].as_str().unwrap();
        let read = links(texts(&case["input"]["value"]));
        let expected: Vec<&Value> = case["expect"]["links"].as_array().unwrap().iter().collect();
        assert_eq!(read.len(), expected.len(), "{id}: {read:?}");
        for (link, expected) in read.iter().zip(expected) {
            assert_eq!(link.uri, expected["uri"].as_str().unwrap(), "{id}");
            assert_eq!(link.rels, texts(&expected["rel"]), "{id}");
            let params: BTreeMap<_, _> = link.params.iter().cloned().collect();
            assert_eq!(serde_json::to_value(params).unwrap(), expected["params"], "{id}");
        }
        // Where a base is given, the target is resolved against it, which is the shell's work.
        if case["input"]["base"].is_null() {
            let next = read.iter().find(|link| link.has_rel("next")).map(|link: &Link| link.uri.as_str());
            assert_eq!(next, case["expect"]["next"].as_str(), "{id}");
        }
        count += 1;
    }
    assert_eq!(count, 33);
}
