//! Chains of pages: how each goes on, and whether it stands still.

use std::collections::BTreeMap;

use abide_core::page::{Answer, Asked, Next, Pages, Records};
use http::HeaderMap;

use super::fetch::Content;
use super::journal::digest::Digest;

/// How far the pages of each job have come, as far as this run has seen them.
#[derive(Debug, Default)]
pub(super) struct Chains(BTreeMap<u64, Chain>);

#[derive(Debug, Default)]
struct Chain {
    /// How its pages go on, once one has shown it.
    by: Option<Pages>,
    /// Records of the pages so far.
    records: u64,
    /// The records of its last page.
    last: Option<Digest>,
}

impl Chains {
    /// How to read the next page of a job, and how many records came before it.
    pub(super) fn reading<'a>(&'a self, job: u64, planned: Option<&'a Pages>) -> (&'a Pages, u64) {
        let chain = self.0.get(&job);
        let by = chain.and_then(|chain| chain.by.as_ref()).or(planned);
        (by.unwrap_or(&Pages::Auto), chain.map_or(0, |chain| chain.records))
    }

    /// The pages of a job go on by this. Returns whether that is new.
    pub(super) fn goes_on_by(&mut self, job: u64, by: &Pages) -> bool {
        let chain = self.0.entry(job).or_default();
        chain.by.replace(by.clone()).is_none()
    }

    /// Whether a page holds what the one before it held; an empty one does not.
    pub(super) fn repeats(&mut self, job: u64, content: &Content) -> bool {
        let chain = self.0.entry(job).or_default();
        chain.records += content.records;
        let mut digest = Digest::EMPTY;
        digest.update(&content.bytes);
        chain.last.replace(digest) == Some(digest) && content.records > 0
    }

    pub(super) fn end(&mut self, job: u64) {
        self.0.remove(&job);
    }
}

/// What a response names as its next page in its fields alone.
pub(super) fn linked(headers: &HeaderMap) -> Next {
    Pages::Auto.next(&Answer { headers, body: None, asked: Asked::default(), records: Records::default() })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_page_that_brings_the_same_again_stands_still() {
        let mut chains = Chains::default();
        let content = |text: &'static str| Content {
            bytes: Bytes::from_static(text.as_bytes()),
            records: text.lines().count() as u64,
            next: Next::End,
            found: None,
            total: None,
        };
        let seen = ["1\n", "2\n", "", "", "2\n", "2\n"].map(|text| chains.repeats(7, &content(text)));
        assert_eq!(seen, [false, false, false, false, false, true]);
        assert_eq!(chains.reading(7, None).1, 4);
        assert!(chains.goes_on_by(7, &Pages::Relay));
        assert!(!chains.goes_on_by(7, &Pages::Relay));
        assert_eq!(chains.reading(7, Some(&Pages::Auto)).0, &Pages::Relay);
        chains.end(7);
        assert_eq!(chains.reading(7, Some(&Pages::None)), (&Pages::None, 0));
    }
}
