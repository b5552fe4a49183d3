//! Which part of an API a call goes to: its path, with what looks like an identifier left out.

use std::fmt;

/// A path whose identifiers are replaced by `*`, so that `/items/1` and `/items/2` are one route.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route(String);

/// Segments longer than this are taken for identifiers.
const LONGEST_WORD: usize = 24;

impl Route {
    /// The route of a URL's path (`/users/17/posts` is `/users/*/posts`). A segment with a digit in it is an identifier, unless it
    /// is a version (`v2`), and so is a very long one.
    pub fn of_path(path: &str) -> Self {
        let mut route = String::with_capacity(path.len());
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            route.push('/');
            route.push_str(if is_identifier(segment) { "*" } else { segment });
        }
        Self(route)
    }

    /// How many segments, from the first on, two routes share.
    pub(crate) fn shared(&self, other: &Self) -> usize {
        self.segments().zip(other.segments()).take_while(|(a, b)| a == b).count()
    }

    fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').skip(1)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({})", self.0)
    }
}

fn is_identifier(segment: &str) -> bool {
    let is_version = segment
        .strip_prefix(['v', 'V'])
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    !is_version && (segment.len() > LONGEST_WORD || segment.bytes().any(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_left_out() {
        let route = |path| Route::of_path(path).0;
        assert_eq!(route("/v2/users/17/posts/"), "/v2/users/*/posts");
        assert_eq!(route("//items//a1b2"), "/items/*");
        assert_eq!(route("/0d5e9a2c-3b1f-4a7d/x"), "/*/x");
        assert_eq!(route("/"), "");
        assert_eq!(Route::of_path("/"), Route::default());
    }

    #[test]
    fn shared_segments_are_counted_from_the_first() {
        let shared = |a, b| Route::of_path(a).shared(&Route::of_path(b));
        assert_eq!(shared("/repos/a/issues", "/repos/a/pulls"), 2);
        assert_eq!(shared("/search/code", "/repos/a"), 0);
        assert_eq!(shared("/", "/repos"), 0);
    }
}
