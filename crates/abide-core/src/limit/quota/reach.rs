//! Which quotas a route draws on: those that answers to it named, or to the routes nearest to it.

use std::collections::BTreeMap;

use crate::route::Route;

/// Routes that are kept; later ones go by their relatives.
const ROUTES: usize = 256;

/// A set of quotas, by their places in the list of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    /// Places that a set can hold.
    pub(super) const SIZE: usize = u64::BITS as usize;

    pub(super) fn insert(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    pub(super) fn contains(self, place: usize) -> bool {
        self.0 >> place & 1 == 1
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    routes: BTreeMap<Route, Set>,
    /// Those that the server gave a name. A name is there to tell quotas apart, so a stranger is not held back by it.
    named: Set,
}

impl Reach {
    /// An answer to this route named these quotas and no others.
    pub(super) fn note(&mut self, route: &Route, named: Set) {
        if let Some(known) = self.routes.get_mut(route) {
            *known = named;
        } else if self.routes.len() < ROUTES {
            self.routes.insert(route.clone(), named);
        }
    }

    /// The quota at this place is another one than before.
    pub(super) fn replace(&mut self, place: usize, has_name: bool) {
        self.routes.values_mut().for_each(|set| set.0 &= !(1 << place));
        self.named.0 &= !(1 << place);
        if has_name {
            self.named.insert(place);
        }
    }

    /// Whether a route draws on something that another known route does not draw on.
    pub(super) fn divides(&self, route: &Route) -> bool {
        let places = self.of(route);
        self.routes.values().any(|other| places.0 & !other.0 != 0)
    }

    /// The quotas that a call to this route draws on, as far as is known: what the route itself showed, else what any of the
    /// routes showed that share the most of its path with it, else what all routes have in common and has no name.
    pub(super) fn of(&self, route: &Route) -> Set {
        if let Some(known) = self.routes.get(route) {
            return *known;
        }
        let mut nearest = (0, Set::default());
        let mut common = Set(!self.named.0);
        for (known, set) in &self.routes {
            common.0 &= set.0;
            match known.shared(route) {
                0 => {}
                shared if shared > nearest.0 => nearest = (shared, *set),
                shared if shared == nearest.0 => nearest.1.0 |= set.0,
                _ => {}
            }
        }
        if nearest.0 > 0 { nearest.1 } else { common }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(places: &[usize]) -> Set {
        let mut set = Set::default();
        places.iter().for_each(|place| set.insert(*place));
        set
    }

    fn reach(routes: &[(&str, &[usize])]) -> Reach {
        let mut reach = Reach::default();
        routes.iter().for_each(|(path, places)| reach.note(&Route::of_path(path), set(places)));
        reach
    }

    #[test]
    fn a_route_goes_by_what_it_showed_last() {
        let mut reach = reach(&[("/search/code", &[1]), ("/repos/a", &[0])]);
        assert_eq!(reach.of(&Route::of_path("/search/code")), set(&[1]));
        reach.note(&Route::of_path("/search/code"), set(&[2]));
        assert_eq!(reach.of(&Route::of_path("/search/code")), set(&[2]));
    }

    #[test]
    fn an_unknown_route_goes_by_its_nearest_relatives() {
        let reach = reach(&[("/search/code", &[1]), ("/repos/a/issues", &[0]), ("/repos/b", &[3])]);
        assert_eq!(reach.of(&Route::of_path("/search/users")), set(&[1]));
        assert_eq!(reach.of(&Route::of_path("/repos/a/pulls")), set(&[0]));
        assert_eq!(reach.of(&Route::of_path("/repos/c")), set(&[0, 3]));
    }

    #[test]
    fn a_stranger_draws_on_what_all_have_in_common_and_has_no_name() {
        let mut reach = reach(&[("/search", &[0, 1, 3]), ("/repos", &[0, 2, 3])]);
        assert_eq!(reach.of(&Route::of_path("/users")), set(&[0, 3]));
        reach.named = set(&[3]);
        assert_eq!(reach.of(&Route::of_path("/users")), set(&[0]));
    }
}
