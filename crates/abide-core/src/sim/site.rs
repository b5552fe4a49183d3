//! A running server: judges each request at the moment of its arrival, and says when its answer leaves and what it is.

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::book::Book;
use super::chance::{draw, lognormal, secs, stream};
use super::server::Server;
use super::trace::Outcome;
use crate::rng::Rng;
use crate::time::{Instant, Now, Wall};

/// The state of a server in a run. Cloned to find out what the best client could do with it.
#[derive(Clone, Debug)]
pub(super) struct Site<'a> {
    server: Cow<'a, Server>,
    books: Vec<Book>,
    /// The run's start.
    start: Now,
    changed: usize,
    banned_until: Option<Wall>,
    refusals: u32,
    refused_at: Wall,
    /// One stream each, so that what the n-th accepted request meets does not depend on who sends it.
    fates: Rng,
    works: Rng,
}

/// An answer, as far as the world has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// When it leaves the server.
    pub(super) at: Instant,
    pub(super) kind: Kind,
    /// How much of the time until then is a stall.
    pub(super) stall: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Accepted,
    /// Over a limit, which opens then; `None` if it can't be said.
    Refused(Option<Wall>),
    /// Counted, and then a 503.
    Failed,
    /// Counted, and then the connection broke.
    Reset,
    /// Not even looked at.
    Down,
}

impl Kind {
    /// The status of the answer; `None` if there is none.
    pub(super) const fn status(self, refusal: StatusCode) -> Option<StatusCode> {
        Some(match self {
            Self::Accepted => StatusCode::OK,
            Self::Refused(_) => refusal,
            Self::Failed | Self::Down => StatusCode::SERVICE_UNAVAILABLE,
            Self::Reset => return None,
        })
    }

    pub(super) const fn outcome(self) -> Outcome {
        match self {
            Self::Accepted => Outcome::Accepted,
            Self::Refused(_) => Outcome::Refused,
            Self::Failed | Self::Reset => Outcome::Failed,
            Self::Down => Outcome::Down,
        }
    }
}

impl<'a> Site<'a> {
    pub(super) fn new(server: Cow<'a, Server>, start: Now, seed: u64) -> Self {
        Self {
            books: server.rules.iter().map(|rule| Book::new(*rule)).collect(),
            server,
            start,
            changed: 0,
            banned_until: None,
            refusals: 0,
            refused_at: Wall::default(),
            fates: stream(seed, 1),
            works: stream(seed, 2),
        }
    }

    /// The status of its refusals.
    pub(super) fn refusal(&self) -> StatusCode {
        self.server.refusal
    }

    /// The server's wall clock.
    fn wall(&self, now: Instant) -> Wall {
        self.start.wall + now.since(self.start.mono) + self.server.skew
    }

    fn mono(&self, wall: Wall) -> Instant {
        self.start.mono + (wall - self.server.skew).since(self.start.wall)
    }

    fn advance(&mut self, now: Instant) {
        let wall = self.wall(now);
        while let Some(change) = self.server.changes.get(self.changed)
            && self.start.mono + change.at <= now
        {
            if let Some(book) = self.books.first_mut() {
                book.turn_into(change.rule, wall);
            }
            self.changed += 1;
        }
        for book in &mut self.books {
            book.advance(wall);
        }
    }

    /// A request of this cost arrives. Moments must not go back.
    pub(super) fn arrive(&mut self, cost: u64, now: Instant) -> Reply {
        self.advance(now);
        let wall = self.wall(now);
        if self.outage_ends(now).is_some() {
            return Reply { at: now, kind: Kind::Down, stall: Duration::ZERO };
        }
        let opens = self.open_now(cost, wall);
        if opens != Some(wall) {
            for book in &mut self.books {
                book.refuse(cost, wall);
            }
            self.count_refusal(wall);
            let opens = opens.filter(|_| self.is_foreseeable(cost, wall));
            return Reply { at: now, kind: Kind::Refused(opens), stall: Duration::ZERO };
        }
        let held = self.books.iter_mut().map(|book| book.accept(cost, wall)).max().unwrap_or_default();
        let (kind, stall) = self.fate();
        let work = self.work();
        let after = held + work + stall;
        for book in &mut self.books {
            book.work_until(wall + after);
        }
        Reply { at: now + after, kind, stall }
    }

    fn work(&mut self) -> Duration {
        let work = draw(&mut self.works, self.server.work);
        if self.server.varies > 0.0 {
            secs(work.as_secs_f64() * lognormal(&mut self.works, self.server.varies))
        } else {
            work
        }
    }

    /// The earliest moment at which a request of this cost is accepted if no other comes; `None` if never.
    pub(super) fn opens_at(&mut self, cost: u64, mut now: Instant) -> Option<Instant> {
        loop {
            self.advance(now);
            let wall = self.wall(now);
            let at = self.open_now(cost, wall).map(|opens| if opens == wall { now } else { self.mono(opens) });
            let at = at.map(|at| self.outage_ends(at).unwrap_or(at));
            let change = self.server.changes.get(self.changed).map(|change| self.start.mono + change.at);
            match (at, change) {
                (Some(at), _) if at == now => return Some(now),
                (Some(at), Some(change)) => now = at.min(change),
                (Some(at), None) => now = at,
                (None, Some(change)) => now = change,
                (None, None) => return None,
            }
        }
    }

    /// Writes what an answer that is decided now says.
    pub(super) fn speak(&self, reply: Reply, now: Instant, headers: &mut HeaderMap) {
        let (voice, wall) = (&self.server.voice, self.wall(now));
        voice.greet(wall, headers);
        if reply.kind == Kind::Down {
            return;
        }
        voice.state(self.books.iter().filter_map(|book| book.balance(wall)), wall, headers);
        if let Kind::Refused(opens) = reply.kind {
            voice.refuse(opens, wall, headers);
        }
    }

    fn open_now(&self, cost: u64, wall: Wall) -> Option<Wall> {
        let ban = self.banned_until.filter(|until| *until > wall).unwrap_or(wall);
        self.books.iter().try_fold(ban, |last, book| Some(last.max(book.opens_at(cost, wall)?)))
    }

    /// Whether the moment at which it opens can be told: nobody knows when work will be done.
    fn is_foreseeable(&self, cost: u64, wall: Wall) -> bool {
        self.banned_until.is_some_and(|until| until > wall)
            || self.books.iter().all(|book| book.balance(wall).is_some() || book.opens_at(cost, wall) == Some(wall))
    }

    fn count_refusal(&mut self, wall: Wall) {
        let Some(ban) = self.server.ban else { return };
        if self.banned_until.is_some_and(|until| until > wall) {
            return;
        }
        let follows = self.refused_at + ban.length > wall;
        self.refusals = if follows { self.refusals + 1 } else { 1 };
        self.refused_at = wall;
        if self.refusals >= ban.refusals {
            self.banned_until = Some(wall + ban.length);
            self.refusals = 0;
        }
    }

    fn outage_ends(&self, now: Instant) -> Option<Instant> {
        let since = now.since(self.start.mono);
        let outage = self.server.outages.iter().find(|outage| (outage.from..outage.until).contains(&since))?;
        Some(self.start.mono + outage.until)
    }

    fn fate(&mut self) -> (Kind, Duration) {
        let faults = &self.server.faults;
        let drawn = self.fates.below(1_000_000);
        if drawn < faults.failed {
            (Kind::Failed, Duration::ZERO)
        } else if drawn < faults.failed + faults.reset {
            (Kind::Reset, Duration::ZERO)
        } else if drawn < faults.failed + faults.reset + faults.stalled {
            (Kind::Accepted, faults.stall)
        } else {
            (Kind::Accepted, Duration::ZERO)
        }
    }
}
