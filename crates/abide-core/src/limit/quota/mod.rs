//! The quotas that the server named: what is left of each, and when it starts anew.

mod balance;
mod reach;

use std::time::Duration;

use super::Opening;
use crate::adapt::End;
use crate::decision::Reason;
use crate::headers;
use crate::policy::Share;
use crate::route::Route;
use crate::time::{Instant, Now};
use balance::{Balance, Word};
use reach::{Reach, Set};

/// All quotas of one key, and which routes draw on which.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quotas {
    all: Vec<Balance>,
    reach: Reach,
    share: Share,
    /// How many attempts have left.
    attempts: u64,
}

/// What an attempt without an answer may have spent, and of which quotas.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Claim {
    places: Set,
    cost: u64,
    /// The number of the attempt, and when it was last taken to have left.
    number: u64,
    left: Instant,
}

/// What an answer says of quotas.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) quotas: &'a [headers::Quota],
    pub(crate) is_refused: bool,
    /// How far the server's clock may be ahead of what it is taken to show.
    pub(crate) doubt: Duration,
    /// When the next attempt is within what the user told, if that is known.
    pub(crate) told: Option<Instant>,
    pub(crate) sent: Now,
    pub(crate) now: Now,
}

impl Quotas {
    /// Quotas that are used to this share.
    pub(crate) fn new(share: Share) -> Self {
        Self { share, ..Self::default() }
    }

    /// What `cost` more on a route wait for: the quota that opens last.
    pub(crate) fn opening(&self, route: &Route, cost: u64, now: Now) -> Option<(Reason, Opening)> {
        if self.all.is_empty() {
            return None;
        }
        let places = self.reach.of(route);
        let drawn_on = self.all.iter().enumerate().filter(|(place, _)| places.contains(*place));
        drawn_on.filter_map(|(_, quota)| quota.opening(cost, self.share, now)).max_by_key(
            |(_, opening)| match opening {
                Opening::At(at) => (0, *at),
                Opening::AfterAnswer | Opening::Never => (1, Instant::ZERO),
            },
        )
    }

    /// The quota of a route with the longest time to the next attempt, where what is left is spread evenly after one of this cost
    /// that left at `last`, and that time.
    pub(crate) fn interval(
        &self,
        route: &Route,
        cost: u64,
        last: Instant,
        now: Instant,
    ) -> Option<(Option<u64>, Duration)> {
        if self.all.is_empty() {
            return None;
        }
        let places = self.reach.of(route);
        let drawn = self.all.iter().enumerate().filter(|(place, _)| places.contains(*place));
        let intervals =
            drawn.filter_map(|(_, quota)| Some((quota.limit, quota.interval(cost, self.share, last, now)?)));
        intervals.max_by_key(|(_, interval)| *interval)
    }

    /// Whether something that a route draws on is none of another route's business.
    pub(crate) fn divides(&self, route: &Route) -> bool {
        self.reach.divides(route)
    }

    /// An attempt may leave.
    pub(crate) fn take(&mut self, route: &Route, cost: u64, now: Now) -> Claim {
        let places = if self.all.is_empty() { Set::default() } else { self.reach.of(route) };
        let claim = Claim { places, cost, number: 0, left: now.mono };
        self.claimed(claim).for_each(|quota| quota.claim(cost, now));
        self.count(claim, now)
    }

    fn count(&mut self, claim: Claim, now: Now) -> Claim {
        self.attempts += 1;
        for (place, quota) in self.all.iter_mut().enumerate() {
            quota.on_sent(self.attempts, claim.places.contains(place), now);
        }
        Claim { number: self.attempts, left: now.mono, ..claim }
    }

    /// It leaves only now.
    pub(crate) fn leave(&mut self, claim: &mut Claim, now: Now) {
        if claim.left != now.mono {
            self.claimed(*claim).for_each(|quota| quota.on_end(claim.number, End::Unsent, now));
            *claim = self.count(*claim, now);
        }
    }

    /// An attempt is lost, or never left.
    pub(crate) fn release(&mut self, claim: Claim, end: End, now: Now) {
        for quota in self.claimed(claim) {
            quota.unclaim(claim.cost);
            quota.on_end(claim.number, end, now);
        }
    }

    fn claimed(&mut self, claim: Claim) -> impl Iterator<Item = &mut Balance> {
        let all = self.all.iter_mut().enumerate();
        all.filter(move |(place, _)| claim.places.contains(*place)).map(|(_, quota)| quota)
    }

    /// An attempt was answered.
    pub(crate) fn on_answer(&mut self, route: &Route, claim: Claim, answer: &Answer<'_>) {
        self.claimed(claim).for_each(|quota| quota.unclaim(claim.cost));
        let mut named = Set::default();
        for quota in answer.quotas {
            let Some(word) = Word::of(quota, answer.doubt, answer.sent, answer.now) else { continue };
            let known = self.all.iter().position(|known| known.is_of(quota));
            let place = known.unwrap_or_else(|| self.add(quota, &word));
            let is_claimed = known.is_some() && claim.places.contains(place);
            self.all[place].on_mentioned(&word, claim.number, self.attempts, answer.is_refused, is_claimed);
            self.all[place].compare(answer.told.filter(|_| self.share == Share::ALL), &word, answer.is_refused);
            named.insert(place);
        }
        let is_silent = named == Set::default();
        let now = answer.now;
        let mut drawn_on = named;
        for (place, quota) in self.all.iter_mut().enumerate() {
            if named.contains(place) || !claim.places.contains(place) {
                continue;
            }
            if answer.is_refused {
                quota.on_end(claim.number, End::Unsent, now);
            } else if is_silent {
                // The answer of a proxy, say: it was counted all the same.
                quota.on_spent(claim.cost);
                quota.on_end(claim.number, End::Unknown, now);
            } else {
                quota.on_unmentioned(claim.cost, now);
                quota.on_end(claim.number, End::Accepted, now);
            }
            if answer.quotas.iter().any(|said| quota.may_hide_behind(said, answer.sent, now)) {
                drawn_on.insert(place);
            }
        }
        if !is_silent {
            self.reach.note(route, drawn_on);
        }
    }

    /// A quota that was not known; it takes the place of the one that was not heard of for longest if there are too many.
    fn add(&mut self, quota: &headers::Quota, word: &Word) -> usize {
        let balance = Balance::new(quota, word);
        let place = if self.all.len() < Set::SIZE {
            self.all.push(balance);
            self.all.len() - 1
        } else {
            let oldest = (0..self.all.len()).min_by_key(|place| self.all[*place].as_of).unwrap_or(0);
            self.all[oldest] = balance;
            oldest
        };
        self.reach.replace(place, quota.named);
        place
    }

    /// The server refused an attempt for an empty quota: nothing that draws on it leaves before `until`. Returns whether there is
    /// such a quota that is not everybody's, so that this explains the refusal and the others need not wait.
    pub(crate) fn hold(&mut self, route: &Route, wait: Option<Instant>, now: Instant) -> bool {
        if !self.reach.divides(route) {
            return false;
        }
        let places = self.reach.of(route);
        let drawn_on = self.all.iter_mut().enumerate().filter(|(place, _)| places.contains(*place));
        drawn_on.fold(false, |held, (_, quota)| quota.hold(wait, now) || held)
    }

    /// Size and name of each quota whose size was said.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (u64, Option<&str>)> {
        self.all.iter().filter_map(|quota| Some((quota.limit?, quota.name())))
    }

    /// The moment at which the window of an empty quota ends, if one is empty.
    pub(crate) fn empty_until(&self, now: Instant) -> Option<Instant> {
        self.all.iter().filter_map(|quota| quota.empty_until(now)).max()
    }

    /// Whether what was granted before may not leave any more: an answer has shown that there is nothing left.
    pub(crate) fn is_shut(&self, now: Now) -> bool {
        self.all.iter().any(|quota| quota.is_shut(self.share, now))
    }

    /// Turns the windows that have ended.
    pub(crate) fn turn(&mut self, now: Instant) {
        self.all.iter_mut().for_each(|quota| quota.turn(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Wall;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn now(millis: u64) -> Now {
        Now { mono: at(millis), wall: Wall::from_millis(1_764_000_000_000 + millis.cast_signed()) }
    }

    fn said(remaining: u64, reset_secs: u64) -> Vec<headers::Quota> {
        vec![headers::Quota {
            limit: Some(50),
            remaining: Some(remaining),
            reset: Some(Duration::from_secs(reset_secs)),
            ..headers::Quota::default()
        }]
    }

    /// An answer to a call of cost 1 on one route.
    fn answer(quotas: &mut Quotas, said: &[headers::Quota], sent: u64, now: u64) {
        let claim = quotas.take(&Route::default(), 1, self::now(sent));
        hear(quotas, &Route::default(), claim, said, sent, now);
    }

    fn hear(quotas: &mut Quotas, route: &Route, claim: Claim, said: &[headers::Quota], sent: u64, now: u64) {
        let (sent, now) = (self::now(sent), self::now(now));
        let answer = Answer { quotas: said, is_refused: false, doubt: Duration::ZERO, told: None, sent, now };
        quotas.on_answer(route, claim, &answer);
    }

    fn opening(quotas: &Quotas, cost: u64, now: u64) -> Option<Opening> {
        quotas.opening(&Route::default(), cost, self::now(now)).map(|(_, opening)| opening)
    }

    #[test]
    fn what_is_not_answered_may_be_counted_already() {
        let mut quotas = Quotas::default();
        answer(&mut quotas, &said(5, 5), 0, 10);
        let claims: Vec<Claim> = (0..4).map(|_| quotas.take(&Route::default(), 1, now(10))).collect();
        assert_eq!(opening(&quotas, 1, 10), None);
        quotas.take(&Route::default(), 1, now(10));
        assert_eq!(opening(&quotas, 1, 10), Some(Opening::AfterAnswer));
        claims.into_iter().for_each(|claim| quotas.release(claim, End::Unknown, now(10)));
        assert_eq!(opening(&quotas, 4, 10), None);
    }

    #[test]
    fn a_route_is_held_back_only_by_what_it_draws_on() {
        let named = |name: &str, remaining| {
            let quota = said(remaining, 60).remove(0);
            vec![headers::Quota { name: Some(name.to_owned()), named: true, ..quota }]
        };
        let (search, core) = (Route::of_path("/search/code"), Route::of_path("/repos/a"));
        let mut quotas = Quotas::default();
        hear(&mut quotas, &search, Claim::default(), &named("search", 0), 0, 10);
        hear(&mut quotas, &core, Claim::default(), &named("core", 40), 0, 10);
        assert!(quotas.opening(&search, 1, now(20)).is_some());
        assert!(quotas.opening(&Route::of_path("/search/users"), 1, now(20)).is_some());
        assert_eq!(quotas.opening(&core, 1, now(20)), None);
        assert_eq!(quotas.opening(&Route::of_path("/users/x"), 1, now(20)), None);
    }

    #[test]
    fn a_window_that_rolls_is_free_a_whole_distance_after_the_last_answer() {
        let rolling = |remaining| vec![headers::Quota { rolling: true, ..said(remaining, 58).remove(0) }];
        let mut quotas = Quotas::default();
        answer(&mut quotas, &rolling(1), 0, 10);
        answer(&mut quotas, &rolling(0), 900, 1_000);
        quotas.turn(at(58_500));
        assert_eq!(opening(&quotas, 1, 58_500), Some(Opening::At(at(59_000))));
    }

    #[test]
    fn quotas_beyond_the_last_place_take_that_of_the_oldest() {
        let mut quotas = Quotas::default();
        for i in 0..200 {
            let quota = headers::Quota { name: Some(format!("q{i}")), ..said(0, 60).remove(0) };
            let route = Route::of_path(&format!("/r{}x", "y".repeat(i)));
            hear(&mut quotas, &route, Claim::default(), &[quota], 0, i as u64);
        }
        assert_eq!(quotas.all.len(), Set::SIZE);
    }

    #[test]
    fn an_empty_quota_opens_at_its_earliest_reset() {
        let mut quotas = Quotas::default();
        answer(&mut quotas, &said(1, 5), 0, 10);
        answer(&mut quotas, &said(0, 5), 100, 900);
        assert_eq!(opening(&quotas, 1, 900), Some(Opening::At(at(5_010))));
        quotas.turn(at(5_010));
        assert_eq!(opening(&quotas, 50, 5_010), None);
    }

    #[test]
    fn answers_out_of_order_never_raise_what_is_left() {
        let mut quotas = Quotas::default();
        answer(&mut quotas, &said(41, 5), 0, 10);
        answer(&mut quotas, &said(42, 5), 1, 11);
        assert_eq!(opening(&quotas, 41, 11), None);
        assert!(opening(&quotas, 42, 11).is_some());
    }

    #[test]
    fn a_later_reset_is_a_new_window() {
        let mut quotas = Quotas::default();
        answer(&mut quotas, &said(0, 5), 0, 10);
        answer(&mut quotas, &said(49, 5), 4_000, 4_010);
        assert_eq!(opening(&quotas, 49, 4_010), None);
    }

    #[test]
    fn an_answer_without_fields_still_spends() {
        let mut quotas = Quotas::default();
        answer(&mut quotas, &said(2, 5), 0, 10);
        answer(&mut quotas, &[], 20, 30);
        assert_eq!(opening(&quotas, 1, 30), None);
        assert!(opening(&quotas, 2, 30).is_some());
    }
}
