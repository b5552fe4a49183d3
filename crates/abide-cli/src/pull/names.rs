//! Names the files of a pull that writes one file an URL: short where that is enough, and never the same name twice.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};

use url::Url;

/// The file names for a list of URLs, fixed before the first of them is fetched.
///
/// A file is named after the last segment of its URL's path. Where two would share a name, both get path and query,
/// percent-encoded, and where these are equal too, the origin as well. What is still not apart (the same URL twice, or a
/// difference in nothing but case, which some file systems do not see) gets a number: `report~2.pdf`.
///
/// A name consists of ASCII letters, digits and `% - _ . + = , @ ~`, begins with no dot, ends with neither a dot nor `.part`,
/// is no device of Windows, and has at most 250 bytes, so that `.part` can follow. It holds no userinfo and no secret query
/// parameter. It depends on nothing but the list, so the next run finds the same files.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    choices: Vec<Choice>,
    secrets: Vec<String>,
}

/// How one URL of the list is named: eight bytes, for a list can be long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    form: Form,
    /// 0 for no number.
    number: u32,
}

/// What a name is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The last segment of the path.
    Segment,
    /// Path and query.
    Path,
    /// Origin, path and query.
    Whole,
}

impl Names {
    /// Decides on the names of a list of URLs, which is gone through up to five times. `secrets` are the names of the query
    /// parameters that hold a credential.
    ///
    /// Needs some 50 bytes an URL while it works and 8 afterwards.
    pub(crate) fn plan<U: Borrow<Url>>(urls: impl Iterator<Item = U> + Clone, secrets: Vec<String>) -> Self {
        let mut names = Self { choices: Vec::new(), secrets };
        let whole = names.hashes(urls.clone(), Form::Whole, |_| true);
        let mut chosen = vec![None; whole.len()];
        let repeats = repeats(&whole);
        drop(whole);
        names.choose(&urls, &repeats, &mut chosen);
        names.choices = chosen.iter().map(|form| Choice { form: form.unwrap_or(Form::Whole), number: 0 }).collect();
        if chosen.contains(&None) {
            let open = urls.zip(0..).filter(|(_, index)| chosen[*index as usize].is_none());
            names.number(open, &repeats);
        }
        names
    }

    /// Chooses, for each URL that is no repetition, the first form in which nobody else has the same name.
    fn choose<U: Borrow<Url>>(
        &self,
        urls: &(impl Iterator<Item = U> + Clone),
        repeats: &BTreeMap<u32, u32>,
        chosen: &mut [Option<Form>],
    ) {
        let mut left = chosen.len() - repeats.len();
        let mut taken = HashSet::new();
        for form in [Form::Segment, Form::Path, Form::Whole] {
            if left == 0 {
                return;
            }
            let open = |index| !repeats.contains_key(&index) && chosen[index as usize].is_none();
            let hashes = self.hashes(urls.clone(), form, open);
            for same in hashes.chunk_by(|a, b| a.0 == b.0) {
                let &[(hash, index)] = same else { continue };
                if taken.insert(hash) {
                    chosen[index as usize] = Some(form);
                    left -= 1;
                }
            }
        }
    }

    /// Gives numbers to those URLs, from 2 on for each name. Counting goes over all forms, for two can make the same name.
    fn number<U: Borrow<Url>>(&mut self, urls: impl Iterator<Item = (U, u32)>, repeats: &BTreeMap<u32, u32>) {
        let mut last = BTreeMap::new();
        for (url, index) in urls {
            let form = repeats.get(&index).map_or(Form::Whole, |&first| self.choices[first as usize].form);
            let number = last.entry(self.hash(form, url.borrow())).or_insert(1);
            *number += 1;
            self.choices[index as usize] = Choice { form, number: *number };
        }
    }

    /// The hashes of the names that some of the URLs have in this form, in order, each with the URL's index.
    fn hashes<U: Borrow<Url>>(
        &self,
        urls: impl Iterator<Item = U>,
        form: Form,
        open: impl Fn(u32) -> bool,
    ) -> Vec<(u64, u32)> {
        let open = urls.zip(0..).filter(|(_, index)| open(*index));
        let mut hashes: Vec<_> = open.map(|(url, index)| (self.hash(form, url.borrow()), index)).collect();
        hashes.sort_unstable();
        hashes
    }

    /// The name for the URL that stood at this index of the list, counted from 0.
    ///
    /// # Panics
    ///
    /// If the list was shorter.
    pub(crate) fn name(&self, index: usize, url: &Url) -> String {
        let Choice { form, number } = self.choices[index];
        let name = self.base(form, url);
        match (number, name.rsplit_once('.')) {
            (0, _) => name,
            (number, Some((stem, extension))) if is_extension(extension) => format!("{stem}~{number}.{extension}"),
            (number, _) => format!("{name}~{number}"),
        }
    }

    /// A name that is safe, but not yet the only one of its kind. It holds a `~` only behind a part that was cut off.
    fn base(&self, form: Form, url: &Url) -> String {
        let mut text = String::new();
        match form {
            Form::Segment => {
                let last = url.path_segments().and_then(|segments| segments.rev().find(|segment| !segment.is_empty()));
                // What is percent-encoded in the URL stays so, and readable.
                encode(last.unwrap_or("index"), true, &mut text);
            }
            Form::Path => encode(&self.path_and_query(url), false, &mut text),
            Form::Whole => {
                let host = url.host_str().unwrap_or_default();
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                let origin = format!("{}://{host}{port}/", url.scheme());
                encode(&origin, false, &mut text);
                encode(&self.path_and_query(url), false, &mut text);
            }
        }
        safe(text)
    }

    /// Path and query without the slash at the beginning, and without secrets.
    fn path_and_query(&self, url: &Url) -> String {
        let path = url.path();
        let mut text = path.strip_prefix('/').unwrap_or(path).to_owned();
        let is_public = |pair: &&str| {
            let key = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(key, _)| key);
            !self.secrets.iter().any(|secret| key.as_deref() == Some(secret))
        };
        let pairs = url.query().into_iter().flat_map(|query| query.split('&')).filter(is_public);
        for (i, pair) in pairs.enumerate() {
            text.push(if i == 0 { '?' } else { '&' });
            text.push_str(pair);
        }
        text
    }

    /// A number that is the same for two names that a file system without case takes for the same.
    fn hash(&self, form: Form, url: &Url) -> u64 {
        fnv(self.base(form, url).bytes().map(|c| c.to_ascii_lowercase()))
    }
}

/// For each URL that not even its whole text tells from an earlier one, the index of the first such. Without this, the two
/// would keep each other from a good name.
fn repeats(whole: &[(u64, u32)]) -> BTreeMap<u32, u32> {
    let same = whole.chunk_by(|a, b| a.0 == b.0);
    same.flat_map(|same| same[1..].iter().map(|&(_, later)| (later, same[0].1))).collect()
}

/// Percent-encodes all but the characters that are safe in a file name, in a shell and in all file systems.
fn encode(text: &str, keep_percent: bool, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'+' | b'=' | b',' | b'@' => {
                out.push(byte.into());
            }
            b'%' if keep_percent => out.push('%'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
}

/// The longest name, in bytes: 255, less `.part`, a tilde and ten digits, and two characters that `safe` encodes.
const LONGEST: usize = 235;

/// Changes what would make an encoded name mean something else than a file with that name.
fn safe(mut name: String) -> String {
    if name.is_empty() {
        name.push_str("index");
    }
    if name.len() > LONGEST {
        // The hash keeps names apart that begin alike.
        let hash = format!("~{:016x}", fnv(name.bytes()));
        name.truncate(LONGEST - hash.len());
        name.push_str(&hash);
    }
    let stem = name.split('.').next().unwrap_or_default();
    if name.starts_with('.') || is_device(stem) {
        let first = name.remove(0);
        name.insert_str(0, &format!("%{:02X}", u32::from(first)));
    }
    let part = name.len().saturating_sub(PART.len());
    if name.get(part..).is_some_and(|end| end.eq_ignore_ascii_case(PART)) {
        name.replace_range(part..=part, "%2E");
    } else if name.ends_with('.') {
        name.truncate(name.len() - 1);
        name.push_str("%2E");
    }
    name
}

/// The end of a file that is not complete.
const PART: &str = ".part";

/// Whether Windows takes this for a device, whatever follows after a dot.
fn is_device(stem: &str) -> bool {
    let stem = stem.to_ascii_uppercase();
    let numbered = |port: &str| matches!(port.strip_prefix(|c: char| c.is_ascii_digit()), Some(""));
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT")).is_some_and(numbered)
}

fn is_extension(text: &str) -> bool {
    (1..=8).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric())
}

/// The hash FNV-1a, which is the same on every machine and in every version. That two names share it makes one of them
/// longer than it had to be, and nothing worse.
fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(urls: &[&str]) -> Vec<String> {
        let urls: Vec<Url> = urls.iter().map(|url| url.parse().unwrap()).collect();
        let names = Names::plan(urls.iter(), vec!["api_key".to_owned()]);
        urls.iter().enumerate().map(|(index, url)| names.name(index, url)).collect()
    }

    #[test]
    fn a_file_is_named_after_the_last_segment() {
        assert_eq!(
            names(&[
                "http://h/items/7",
                "http://h/a/data.json?x=1",
                "http://h/things/",
                "http://h",
                "http://h/caf\u{e9}%20b"
            ]),
            ["7", "data.json", "things", "index", "caf%C3%A9%20b"]
        );
    }

    #[test]
    fn where_two_are_equal_both_get_path_and_query() {
        assert_eq!(
            names(&["http://h/a/data.json", "http://h/b/data.json", "http://h/c"]),
            ["a%2Fdata.json", "b%2Fdata.json", "c"]
        );
        assert_eq!(
            names(&["http://h/items?page=1&n=5", "http://h/items?page=2", "http://h/items", "http://h/items/"]),
            ["items%3Fpage=1%26n=5", "items%3Fpage=2", "items", "items%2F"]
        );
        assert_eq!(
            names(&["http://a/x", "http://b/x", "https://b/x", "http://b:81/x"]),
            ["http%3A%2F%2Fa%2Fx", "http%3A%2F%2Fb%2Fx", "https%3A%2F%2Fb%2Fx", "http%3A%2F%2Fb%3A81%2Fx"]
        );
    }

    #[test]
    fn what_no_url_tells_apart_gets_a_number() {
        assert_eq!(
            names(&["http://h/r.pdf", "http://h/s", "http://h/r.pdf", "http://h/s#f"]),
            ["r.pdf", "s", "r~2.pdf", "s~2"]
        );
        assert_eq!(names(&["http://h/A", "http://h/a", "http://h/%61"]), ["A", "a~2", "%61"]);
        assert_eq!(
            names(&["http://h/x/1", "http://h/y/1", "http://h/x/1", "http://h/X/1"]),
            ["x%2F1", "y%2F1", "x%2F1~2", "X%2F1~3"]
        );
    }

    #[test]
    fn a_name_that_another_form_makes_as_well_is_not_given_twice() {
        let names = names(&["http://h/a%2Fb", "http://h/a/b", "http://h/c/b"]);
        assert_eq!(names, ["a%2Fb", "http%3A%2F%2Fh%2Fa%2Fb", "c%2Fb"]);
    }

    #[test]
    fn names_are_safe_to_write() {
        assert_eq!(
            names(&[
                "http://h/.abide",
                "http://h/x.PART",
                "http://h/..%2f",
                "http://h/b.",
                "http://h/nul.txt",
                "http://h/LPT1",
                "http://h/a*b~c'd"
            ]),
            ["%2Eabide", "x%2EPART", "%2E.%2f", "b%2E", "%6Eul.txt", "%4CPT1", "a%2Ab%7Ec%27d"]
        );
        assert_eq!(
            names(&["http://h/a/../..", "http://h/%2e%2E/b", "http://h/...", "http://h/console"]),
            ["index", "b", "%2E.%2E", "console"]
        );
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let long = "x".repeat(300);
        let names = names(&[&format!("http://h/{long}1"), &format!("http://h/{long}2"), &format!("http://h/{long}1")]);
        assert!(names.iter().all(|name| name.len() <= 250), "{names:?}");
        assert!(names[0] != names[1] && names[2] == format!("{}~2", names[0]), "{names:?}");
    }

    #[test]
    fn no_credential_is_in_a_name() {
        let names = names(&[
            "http://user:secret@h/a?api_key=secret&b=1",
            "http://user:secret@h/a?b=1&api%5Fkey=secret",
            "http://user:secret@h/a?api_key=secret",
            "http://user:secret@g/a",
        ]);
        assert_eq!(names, ["a%3Fb=1", "a%3Fb=1~2", "http%3A%2F%2Fh%2Fa", "http%3A%2F%2Fg%2Fa"]);
    }

    /// URLs that are likely to share names.
    fn url() -> impl Strategy<Value = String> {
        let segment = proptest::sample::select(vec![
            "a",
            "A",
            "b",
            "a%2Fb",
            "a%2fb",
            "a~2",
            "..",
            ".",
            "",
            ".abide",
            "x.part",
            "X.PART",
            "con",
            "a.json",
            "a~2.json",
            "%7E",
            "http%3A%2F%2Fh%2Fa",
            "\u{e9}",
            "index",
            "a.",
        ]);
        let long = (200..260_usize, "[ab]").prop_map(|(len, end)| "y".repeat(len) + &end);
        let path = proptest::collection::vec(prop_oneof![8 => segment.prop_map(str::to_owned), 1 => long], 0..4);
        let host = proptest::sample::select(vec!["http://h", "http://h:81", "http://u:secret@h", "https://g"]);
        let query = proptest::sample::select(vec![
            "",
            "?",
            "?a",
            "?A",
            "?api_key=secret",
            "?a&api_key=secret",
            "?api_key=secret&x=1",
            "#f",
        ]);
        (host, path, query).prop_map(|(host, path, query)| format!("{host}/{}{query}", path.join("/")))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn names_are_safe_and_no_two_are_the_same_even_without_case(urls in proptest::collection::vec(url(), 0..30)) {
            let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
            let all = names(&urls);
            let mut seen = HashSet::new();
            for name in &all {
                prop_assert!(seen.insert(name.to_ascii_lowercase()), "{name} twice for {urls:?}");
                prop_assert!((1..=250).contains(&name.len()), "{name}");
                prop_assert!(name.bytes().all(|c| c.is_ascii_alphanumeric() || b"%-_.+=,@~".contains(&c)), "{name}");
                prop_assert!(!name.starts_with('.') && !name.ends_with('.'), "{name}");
                prop_assert!(!name.to_ascii_lowercase().ends_with(".part") && !name.contains("secret"), "{name}");
                prop_assert!(!is_device(name.split('.').next().unwrap()), "{name}");
            }
            prop_assert_eq!(names(&urls), all);
        }
    }
}
