//! Parents and children: a request for each record of a parent, and what its records take over from it.

use std::collections::HashSet;
use std::path::Path as File;

use abide_core::json::{Json, Kind};
use abide_core::place::Path;
use bytes::Bytes;

use super::pattern::{Pattern, text_of};

/// Whose records an endpoint is asked for, one by one.
#[derive(Clone, Debug)]
pub(crate) struct Parent {
    pub(crate) name: String,
    pub(crate) pattern: Pattern,
    /// Members that its records get, and where the parent has them.
    pub(crate) keep: Vec<(String, Path)>,
}

impl Parent {
    /// What of the parent's records is needed.
    pub(super) fn places(&self) -> impl Iterator<Item = &Path> {
        self.pattern.places().chain(self.keep.iter().map(|(_, path)| path))
    }
}

/// A child's requests: a URL each, and the members that the records get, as they stand in an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    pub(crate) urls: Vec<Box<str>>,
    pub(crate) kept: Vec<Box<str>>,
    /// Records of the parent that lack what the URL is made of.
    pub(crate) without: u64,
}

/// The rows of a page that children need: of each record the values at these places, as an array.
pub(super) fn project(records: &[u8], places: &[Path]) -> Bytes {
    let mut rows = Vec::new();
    for record in records.split(|&byte| byte == b'\n').filter(|record| !record.is_empty()) {
        let json = Json::parse(record).ok();
        rows.push(b'[');
        for (i, place) in places.iter().enumerate() {
            let value = json.as_ref().and_then(|json| place.find(json)).map_or("null", |value| value.text());
            rows.extend_from_slice(if i == 0 { b"" } else { b"," });
            rows.extend_from_slice(value.as_bytes());
        }
        rows.extend_from_slice(b"]\n");
    }
    rows.into()
}

/// What a child asks for, by the rows that were kept of its parent in this order of places. The same row is asked for once.
///
/// # Errors
///
/// If the file can't be read.
pub(super) fn requests(rows: &File, places: &[Path], parent: &Parent) -> Result<Requests, String> {
    let text =
        std::fs::read_to_string(rows).map_err(|e| format!("the rows in {} can't be read: {e}", rows.display()))?;
    let mut requests = Requests::default();
    let mut seen = HashSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let json = Json::parse(line.as_bytes()).map_err(|e| format!("{} is damaged: {e}", rows.display()))?;
        let values: Vec<_> = json.root().elements().collect();
        let value = |path: &Path| places.iter().position(|place| place == path).and_then(|at| values.get(at).copied());
        let Ok(url) = parent.pattern.fill(|path| value(path).and_then(text_of)) else {
            requests.without += 1;
            continue;
        };
        let kept: Vec<String> = parent
            .keep
            .iter()
            .map(|(name, path)| {
                let text = value(path).map_or("null", |value| value.text());
                format!("{}:{text}", serde_json::Value::from(name.as_str()))
            })
            .collect();
        let (url, kept) = (Box::<str>::from(url.as_str()), Box::<str>::from(kept.join(",")));
        if seen.insert((url.clone(), kept.clone())) {
            requests.urls.push(url);
            requests.kept.push(kept);
        }
    }
    Ok(requests)
}

/// Records with these members added to each.
///
/// # Errors
///
/// A sentence, if a record is no object, or has such a member already.
pub(super) fn with_kept(records: &Bytes, kept: &str, keep: &[(String, Path)]) -> Result<Bytes, String> {
    if kept.is_empty() {
        return Ok(records.clone());
    }
    let mut written = Vec::with_capacity(records.len());
    for record in records.split(|&byte| byte == b'\n').filter(|record| !record.is_empty()) {
        let json = Json::parse(record).map_err(|e| e.to_string())?;
        if json.root().kind() != Kind::Object {
            return Err("a record is no object, so nothing of the parent can be kept in it; leave keep out".to_owned());
        }
        if let Some((name, _)) = keep.iter().find(|(name, _)| json.member(name).is_some()) {
            return Err(format!(
                "the records have a member '{name}' of their own; keep the parent's under another name"
            ));
        }
        // A compact object ends with its brace.
        let members = &record[..record.len() - 1];
        written.extend_from_slice(members);
        written.extend_from_slice(if members.len() > 1 { b"," } else { b"" });
        written.extend_from_slice(kept.as_bytes());
        written.extend_from_slice(b"}\n");
    }
    Ok(written.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent() -> Parent {
        Parent {
            name: "p".to_owned(),
            pattern: Pattern::read("https://x.test/{p.a.n}", Some("p")).unwrap(),
            keep: vec![("of".to_owned(), "id".parse().unwrap()), ("n".to_owned(), "a.n".parse().unwrap())],
        }
    }

    #[test]
    fn rows_become_requests_each_once() {
        let parent = parent();
        let places: Vec<Path> = parent.places().cloned().collect();
        let rows = project(
            b"{\"id\":1,\"a\":{\"n\":\"x\"}}\n{\"id\":1,\"a\":{\"n\":\"x\"},\"c\":0}\n{\"id\":2}\n{\"a\":{\"n\":7}}\n",
            &places,
        );
        assert_eq!(rows, "[\"x\",1,\"x\"]\n[\"x\",1,\"x\"]\n[null,2,null]\n[7,null,7]\n");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rows");
        std::fs::write(&file, &rows).unwrap();
        let requests = requests(&file, &places, &parent).unwrap();
        assert_eq!(requests.urls, ["https://x.test/x".into(), "https://x.test/7".into()]);
        assert_eq!(requests.kept, ["\"of\":1,\"n\":\"x\"".into(), "\"of\":null,\"n\":7".into()]);
        assert_eq!(requests.without, 1);
    }

    #[test]
    fn records_take_over_members() {
        let keep = parent().keep;
        let with = |records: &'static str| with_kept(&Bytes::from_static(records.as_bytes()), "\"of\":1", &keep);
        assert_eq!(with("{\"x\":1}\n{}\n").unwrap(), "{\"x\":1,\"of\":1}\n{\"of\":1}\n");
        assert!(with("[1]\n").unwrap_err().contains("no object"));
        assert!(with("{\"of\":2}\n").unwrap_err().contains("member 'of' of their own"));
        assert_eq!(with_kept(&Bytes::from_static(b"7\n"), "", &[]).unwrap(), "7\n");
    }
}
