//! The least possible time of a whole world: a copy of the server, and a client that always knows its next opening.
//!
//! This client sends each request so that it arrives at the first moment at which all limits admit it, waits for at most as many
//! answers at a time as its callers do, sends again at once what failed, and knows a stall when it meets one. Messages take the
//! network's least time. Two things bound it that are no limits of the server's: it does not know that a place at work is free
//! before the answer is there, and it takes jobs of the same moment in order, whatever they cost. Others on the same quota send as
//! they do, and have first turn at their moments.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::time::Duration;

use super::caller::{Caller, Wish};
use super::chance::stream;
use super::rule::{Rule, Shape};
use super::site::{Kind, Reply, Site};
use super::world::{CALLERS, OTHERS, World};
use crate::time::Instant;

/// More jobs than this are not planned.
const MOST: u64 = 10_000_000;

/// If so many others come before one request, it will never have its turn.
const PATIENCE: u32 = 1_000_000;

/// The least time from the start to the last answer; `None` if it cannot be done, or there is too much to plan.
pub(super) fn time<'c>(world: &World, callers: impl Iterator<Item = &'c Caller>) -> Option<Duration> {
    let start = world.start();
    let mut jobs = BinaryHeap::new();
    let mut workers = 0_usize;
    for (n, caller) in (CALLERS..).zip(callers) {
        if caller.requests > MOST - (jobs.len() as u64).min(MOST) {
            return None;
        }
        workers = workers.saturating_add(caller.workers);
        for wish in caller.wishes(stream(world.seed, n)) {
            jobs.push(Reverse((start.mono + wish.at, jobs.len(), wish.cost)));
        }
    }
    let mut others: Vec<_> =
        (OTHERS..).zip(&world.others).map(|(n, caller)| caller.wishes(stream(world.seed, n)).peekable()).collect();
    Plan {
        site: Site::new(Cow::Borrowed(&world.server), start, world.seed),
        start: start.mono,
        one_way: world.network.least(),
        workers: workers.min(places(world)),
        free_at: BinaryHeap::new(),
        at: start.mono,
    }
    .run(jobs, &mut others)
    .map(|end| end.since(start.mono))
}

/// The most requests that the server ever works on at a time.
fn places(world: &World) -> usize {
    let cap = |rule: &Rule| match rule.shape {
        Shape::Concurrency => usize::try_from(rule.amount).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let first = world.server.changes.iter().map(|change| &change.rule).chain(world.server.rules.first()).map(cap).max();
    let rest = world.server.rules.iter().skip(1).map(cap).min();
    first.unwrap_or(usize::MAX).min(rest.unwrap_or(usize::MAX))
}

/// A job: from when on, its place in order, its cost.
type Job = Reverse<(Instant, usize, u32)>;

struct Plan<'a> {
    site: Site<'a>,
    start: Instant,
    one_way: Duration,
    workers: usize,
    /// When the answers come that are waited for.
    free_at: BinaryHeap<Reverse<Instant>>,
    /// The server's last arrival.
    at: Instant,
}

impl Plan<'_> {
    fn run(
        mut self,
        mut jobs: BinaryHeap<Job>,
        others: &mut [Peekable<impl Iterator<Item = Wish>>],
    ) -> Option<Instant> {
        let mut end = self.start;
        while let Some(Reverse((wanted, order, cost))) = jobs.pop() {
            let mut leaves = wanted;
            if self.free_at.len() >= self.workers
                && let Some(Reverse(free)) = self.free_at.pop()
            {
                leaves = leaves.max(free);
            }
            let reply = self.arrive(cost, leaves + self.one_way, others)?;
            let heard = reply.at + self.one_way - reply.stall;
            self.free_at.push(Reverse(heard));
            if reply.kind == Kind::Accepted && reply.stall.is_zero() {
                end = end.max(heard);
            } else {
                jobs.push(Reverse((heard, order, cost)));
            }
        }
        Some(end)
    }

    /// Lets a request arrive as soon after `earliest` as it is accepted.
    fn arrive(
        &mut self,
        cost: u32,
        earliest: Instant,
        others: &mut [Peekable<impl Iterator<Item = Wish>>],
    ) -> Option<Reply> {
        self.at = self.at.max(earliest);
        for _ in 0..PATIENCE {
            // To ask moves the site on to the answer, and somebody else may come before that.
            let opens = match others {
                [] => self.site.opens_at(cost.into(), self.at)?,
                _ => self.site.clone().opens_at(cost.into(), self.at)?,
            };
            let arrives = |wish: &Wish| self.start + wish.at + self.one_way;
            let next = others.iter_mut().filter_map(|other| other.peek().map(arrives).map(|at| (at, other)));
            match next.min_by_key(|(at, _)| *at).filter(|(at, _)| *at <= opens) {
                Some((at, other)) => {
                    let cost = other.next().map_or(1, |wish| wish.cost);
                    // What came while the last request waited is dealt with late.
                    self.at = self.at.max(at);
                    self.site.arrive(cost.into(), self.at);
                }
                None => {
                    self.at = opens;
                    return Some(self.site.arrive(cost.into(), opens));
                }
            }
        }
        None
    }
}
