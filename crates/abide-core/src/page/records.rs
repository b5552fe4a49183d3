//! Finds where the records of a body stand.

use crate::json::{Json, Kind, Value};
use crate::place::Path;

/// The names under which APIs put a list of records, the most telling first.
const NAMES: [&str; 6] = ["items", "data", "results", "records", "rows", "entries"];

/// The names of lists that lead elsewhere (JSON:API, OGC API, FHIR). They count as records only where no other list does.
const LINKS: [&str; 2] = ["links", "link"];

/// Where the records of a body stand, if nobody says so: in a list, or in an object under `items`, `data`, `results`, `records`, `rows`
/// or `entries`, or else in its only array of objects, or one level further down where formats wrap them: the only list in `_embedded`
/// (HAL), one of these names in `data` or `d` (OData 2), `nodes` or `edges` of the only field in `data` (GraphQL). Else the value
/// itself is the one record.
pub fn records(json: &Json<'_>) -> Path {
    let key = |name: &str| Path::ROOT.join(name);
    let is_array = |name: &&&str| json.member(name).is_some_and(|value| value.kind() == Kind::Array);
    if let Some(name) = NAMES.iter().find(is_array) {
        return key(name);
    }
    let lists: Vec<Value<'_>> =
        json.members().filter(|(_, value)| is_list_of_objects(*value)).map(|(key, _)| key).collect();
    let is_link = |list: &Value<'_>| LINKS.iter().any(|name| list.is_text(name));
    let others: Vec<Value<'_>> = lists.iter().copied().filter(|list| !is_link(list)).collect();
    match (lists.as_slice(), others.as_slice()) {
        ([only], _) | (_, [only]) => only.as_str().map_or(Path::ROOT, |name| key(&name)),
        _ => wrapped(json).unwrap_or(Path::ROOT),
    }
}

/// Where the records stand one level further down, if a format puts them there.
fn wrapped(json: &Json<'_>) -> Option<Path> {
    let is_array = |value: &Value<'_>| value.kind() == Kind::Array;
    if let Some(embedded) = json.member("_embedded") {
        let mut lists = embedded.members().filter(|(_, value)| is_array(value));
        let (name, None) = (lists.next()?.0.as_str()?, lists.next()) else { return None };
        return Some(Path::ROOT.join("_embedded").join(name));
    }
    for holder in ["data", "d"] {
        let Some(inner) = json.member(holder) else { continue };
        let named = NAMES.iter().find(|name| inner.member(name).as_ref().is_some_and(is_array));
        if let Some(name) = named {
            return Some(Path::ROOT.join(holder).join(*name));
        }
    }
    let mut fields = json.member("data")?.members();
    let ((name, field), None) = (fields.next()?, fields.next()) else { return None };
    let list = ["nodes", "edges"].into_iter().find(|list| field.member(list).as_ref().is_some_and(is_array))?;
    Some(Path::ROOT.join("data").join(name.as_str()?).join(list))
}

fn is_list_of_objects(value: Value<'_>) -> bool {
    let mut elements = value.elements().peekable();
    elements.peek().is_some() && elements.all(|element| element.kind() == Kind::Object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> String {
        records(&Json::parse(body.as_bytes()).unwrap()).to_string()
    }

    #[test]
    fn the_usual_names_are_tried_in_their_order() {
        for (i, name) in NAMES.iter().enumerate() {
            let later = NAMES[i + 1..].iter().map(|later| format!("\"{later}\": [0], ")).collect::<String>();
            let earlier = NAMES[..i].iter().map(|earlier| format!(", \"{earlier}\": {{}}")).collect::<String>();
            let body = format!("{{\"things\": [{{}}], {later}\"{name}\": [1, {{\"a\": 2}}]{earlier}}}");
            assert_eq!(found(&body), *name);
        }
        assert_eq!(found(r#"{"data": [], "things": [{}]}"#), "data");
    }

    #[test]
    fn else_it_is_the_only_array_of_objects_or_the_value_itself() {
        assert_eq!(found("[{}]"), "");
        assert_eq!(found(r#"{"links": [{}], "animals": [{}]}"#), "animals");
        assert_eq!(found(r#"{"a": [{}], "b": [{}]}"#), "");
        assert_eq!(found(r#"{"id": 1}"#), "");
    }

    #[test]
    fn formats_that_wrap_their_lists_are_seen_through() {
        assert_eq!(found(r#"{"_links": {}, "_embedded": {"things": []}}"#), "_embedded.things");
        assert_eq!(found(r#"{"_embedded": {"a": [], "b": []}}"#), "");
        assert_eq!(found(r#"{"d": {"results": [1], "__next": "x"}}"#), "d.results");
        assert_eq!(found(r#"{"data": {"items": [1], "next": "x"}}"#), "data.items");
        assert_eq!(found(r#"{"data": {"posts": {"nodes": [], "pageInfo": {}}}}"#), "data.posts.nodes");
        assert_eq!(found(r#"{"data": {"posts": {"edges": [{"node": 1}]}}}"#), "data.posts.edges");
        assert_eq!(found(r#"{"data": {"id": 1, "tags": [{"a": 1}]}}"#), "");
    }
}
