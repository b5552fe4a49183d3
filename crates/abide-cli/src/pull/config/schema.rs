//! The JSON schema of the file, made of the table of its keys.

use serde_json::{Map, Value, json};

use super::keys::{FILE, Key, Shape};

/// The schema (JSON Schema 2020-12), for editors and for whoever writes such files by program.
pub(crate) fn schema() -> Value {
    let mut schema = table(FILE);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("A file for abide pull");
    schema
}

fn table(keys: &[Key]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let mut value = shape(key.shape);
            value["description"] = json!(key.about);
            (key.name.to_owned(), value)
        })
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn shape(shape: Shape) -> Value {
    let text = || json!({"type": "string"});
    let whole = || json!({"type": "integer", "minimum": 0});
    let secret = || json!({"type": "string", "pattern": "^(env|file|cmd):."});
    let or_list = |one: Value| json!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]});
    match shape {
        Shape::Text => text(),
        Shape::Texts => or_list(text()),
        Shape::Whole => whole(),
        Shape::Wholes => or_list(whole()),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Secret => secret(),
        Shape::Secrets => or_list(secret()),
        Shape::Any => json!({}),
        Shape::Map => json!({"type": "object"}),
        Shape::Table(keys) => table(keys),
        Shape::TextOr(keys) => json!({"anyOf": [text(), table(keys)]}),
        Shape::FlagOrText => json!({"type": ["boolean", "string"]}),
        Shape::List(keys) => json!({"type": "array", "items": table(keys)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_beside_the_guide_is_this_one() {
        let kept = include_str!("../../../../../docs/pull.schema.json");
        let now = format!("{:#}\n", schema());
        assert!(kept == now, "write it anew: abide pull --schema > docs/pull.schema.json");
    }

    #[test]
    fn every_key_stands_in_the_guide() {
        let guide = include_str!("../../../../../docs/pull.md");
        fn missing(keys: &[Key], guide: &str) -> Vec<&'static str> {
            let within = keys.iter().flat_map(|key| match key.shape {
                Shape::Table(keys) | Shape::TextOr(keys) | Shape::List(keys) => missing(keys, guide),
                _ => Vec::new(),
            });
            let absent = keys.iter().map(|key| key.name).filter(|name| {
                !['`', '[']
                    .iter()
                    .any(|before| guide.contains(&format!("{before}{name}{}", if *before == '[' { ']' } else { '`' })))
            });
            within.chain(absent).collect()
        }
        assert_eq!(missing(FILE, guide), Vec::<&str>::new());
    }
}
