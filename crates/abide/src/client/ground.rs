//! What all clones of a client share, whatever sends for it: the engine, the rules, and what is held of an answer.

use crate::handle::Handle;

use super::rules::RuleBook;

#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) handle: Handle,
    pub(super) rules: RuleBook,
    /// The most bytes of a body that are held.
    pub(super) max_body: u64,
    /// Whether redirects are followed here, hop by hop; else they are answers like others.
    pub(super) follows: bool,
    /// Whether by any rule two attempts of a call may be under way at once.
    #[cfg(feature = "blocking")]
    pub(super) hedges: bool,
}

#[cfg(feature = "tower")]
impl Ground {
    /// The URL under which its API is, if it is for one.
    pub(crate) fn base(&self) -> Option<&url::Url> {
        self.rules.base()
    }
}
