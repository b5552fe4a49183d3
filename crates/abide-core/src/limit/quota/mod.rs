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
    /// Those of the first ones that are out and left before any quota was named.
    early: Vec<Early>,
}

/// An attempt that left before it was known what it draws on.
#[derive(Clone, Debug)]
struct Early {
    number: u64,
    cost: u64,
    left: Now,
    route: Route,
    /// What it turned out to draw on.
    places: Set,
}

/// So many first attempts are remembered until a quota is named: most servers name one in their first answer, or never.
const EARLY: u64 = 64;

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
        let claim = self.count(claim, now);
        if self.all.is_empty() && self.attempts <= EARLY {
            self.early.push(Early { number: claim.number, cost, left: now, route: route.clone(), places });
        }
        claim
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
        if claim.left == now.mono {
            return;
        }
        let early = self.recall(claim);
        self.claimed(*claim).for_each(|quota| quota.on_end(claim.number, End::Unsent, now));
        *claim = self.count(*claim, now);
        if self.all.is_empty() {
            self.early.extend(early.map(|early| Early { number: claim.number, left: now, ..early }));
        }
    }

    /// Looks up what an attempt turned out to draw on that left before anything was named.
    fn recall(&mut self, claim: &mut Claim) -> Option<Early> {
        let index = self.early.iter().position(|early| early.number == claim.number)?;
        let early = self.early.remove(index);
        claim.places = early.places;
        Some(early)
    }

    /// An attempt is lost, or never left.
    pub(crate) fn release(&mut self, mut claim: Claim, end: End, now: Now) {
        self.recall(&mut claim);
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
    pub(crate) fn on_answer(&mut self, route: &Route, mut claim: Claim, answer: &Answer<'_>) {
        if self.all.is_empty() {
            self.meet(route, answer);
        }
        self.recall(&mut claim);
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

    /// The first answer that may name quotas.
    fn meet(&mut self, route: &Route, answer: &Answer<'_>) {
        let mut words = Vec::new();
        for quota in answer.quotas {
            if let Some(word) = Word::of(quota, answer.doubt, answer.sent, answer.now) {
                let known = self.all.iter().position(|known| known.is_of(quota));
                words.push((known.unwrap_or_else(|| self.add(quota, &word)), word));
            }
        }
        if words.is_empty() {
            return;
        }
        let mut named = Set::default();
        words.iter().for_each(|(place, _)| named.insert(*place));
        self.reach.note(route, named);
        if self.attempts > EARLY {
            self.early.clear();
        }
        self.early.iter_mut().for_each(|early| early.places = self.reach.of(&early.route));
        for (place, word) in words {
            self.all[place].meet(place, &word, &self.early, self.attempts);
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
mod tests;
