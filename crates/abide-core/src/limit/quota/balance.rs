//! One quota: what is left of it, when it starts anew, and so when the next attempt that draws on it may leave.

use std::time::Duration;

use super::Early;
use crate::adapt::{self, End, Said, Stated};
use crate::decision::Reason;
use crate::headers;
use crate::headers::Told;
use crate::limit::Opening;
use crate::policy::Share;
use crate::time::{Instant, Now, nanos};

/// Two readings of one reset differ by less than this: most servers send whole seconds.
const RESET_TOLERANCE: Duration = Duration::from_millis(1_500);
/// A moment in whole seconds is one within the last of them.
const SECOND: Duration = Duration::from_secs(1);
/// Of a moment on another clock so large a part of what is open is hardly true, at either end.
const UNLIKELY: u32 = 8;
/// Where a second is less than this part of a wait it is not worth to find out more.
const WORTH_A_SECOND: u32 = 120;
/// How far what was told and what is said may be apart.
const SLACK: Duration = Duration::from_millis(50);
/// So many refusals show that what was told is not what holds.
const STRIKES: u32 = 3;
/// If the first attempt in a new window has no answer for so long, the others go.
const HANDS_ON: Duration = Duration::from_secs(1);
/// A quota that was not mentioned for so long, or for two windows, is not drawn on any more.
const STALE: Duration = Duration::from_secs(300);

#[derive(Clone, Debug)]
pub(super) struct Balance {
    name: Option<String>,
    /// Whether the server gave the name.
    named: bool,
    pub(super) limit: Option<u64>,
    /// Left after every answer so far; attempts without an answer are not in it.
    pub(super) remaining: u64,
    /// Spent by attempts without an answer: it may or may not be counted in `remaining`.
    claimed: u64,
    /// When the window ends at the latest; `None` once it has and no answer told of the next.
    reset: Option<Instant>,
    /// When it may end at the earliest.
    earliest: Instant,
    /// Whether a window has ended of whose successor no answer has told.
    turned: bool,
    /// When the first of the attempts without an answer left; in a window of which nothing is known, the last.
    first_left: Instant,
    /// When the answer came that `remaining` rests on. Only what left after it can raise it.
    pub(super) as_of: Instant,
    /// The most that ever was left.
    most: u64,
    /// The farthest away that the end of a window ever was, and when one was last mentioned.
    span: Duration,
    mentioned: Instant,
    /// When it opens by what the user told, where that agrees with all that was said since it is empty.
    told: Option<Instant>,
    /// Refusals of what was within both.
    strikes: u32,
    /// Which limits it may be; `None` where its resets are exact, or far away, or nobody could know.
    stated: Option<Stated>,
    is_beyond_us: bool,
}

/// What an answer says of one quota, and how sure it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    said: Said,
    reset: Option<(Instant, Instant)>,
    rolling: bool,
    sent: Now,
    now: Now,
}

impl Word {
    /// `None` if it does not say how many are left. The server's clock may be ahead of what it is taken to show by `doubt`.
    pub(super) fn of(quota: &headers::Quota, doubt: Duration, sent: Now, now: Now) -> Option<Self> {
        let grain = match quota.told_reset {
            Some(Told::After(distance)) if distance.subsec_nanos() == 0 => now.mono.since(sent.mono) + SECOND,
            Some(Told::At(moment)) if moment.is_whole_second() => doubt + SECOND,
            _ => Duration::ZERO,
        };
        let latest = quota.reset.filter(|reset| !reset.is_zero()).map(|reset| now.mono + reset);
        let earliest = latest.map(|latest| (latest - grain).max(sent.mono));
        // Both clocks are hardly ever at the very end of what they leave open.
        let likely = |(earliest, latest)| (earliest + doubt / UNLIKELY, latest - doubt / UNLIKELY);
        let reset = earliest.zip(latest);
        let said = Said {
            limit: quota.limit,
            window: quota.window,
            remaining: quota.remaining?,
            reset: if grain > SECOND + doubt / 2 { reset.map(likely) } else { reset },
        };
        Some(Self { said, reset, rolling: quota.rolling, sent, now })
    }

    /// Whether what it leaves open of the reset matters.
    fn is_worth_more(&self) -> bool {
        let most = SECOND * WORTH_A_SECOND;
        let is_near = |(earliest, latest): (Instant, Instant)| earliest < latest && latest.since(self.now.mono) <= most;
        self.reset.is_some_and(is_near) && self.said.window.is_none_or(|window| window <= most)
    }
}

impl Balance {
    pub(super) fn new(quota: &headers::Quota, word: &Word) -> Self {
        let mut balance = Self {
            name: quota.name.clone(),
            named: quota.named,
            limit: quota.limit,
            remaining: word.said.remaining,
            claimed: 0,
            reset: None,
            earliest: Instant::ZERO,
            turned: false,
            first_left: Instant::ZERO,
            as_of: Instant::ZERO,
            most: 0,
            span: Duration::ZERO,
            mentioned: Instant::ZERO,
            told: None,
            strikes: 0,
            stated: None,
            is_beyond_us: false,
        };
        balance.on_word(word);
        balance
    }

    /// Two quotas without a name of their own are told apart by their size: many APIs have one a route.
    pub(super) fn is_of(&self, quota: &headers::Quota) -> bool {
        let same_size = self.limit.is_none() || quota.limit.is_none() || self.limit == quota.limit;
        self.name == quota.name && same_size
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What is left for us where only a share is used: at least one of every window.
    fn spare(&self, share: Share) -> u64 {
        let all = self.limit.unwrap_or(self.most);
        self.remaining.saturating_sub(all - share.of(all).max(1).min(all))
    }

    /// The time from an attempt of this cost that left at `last` to the next, where what is left is spread evenly.
    pub(super) fn interval(&self, cost: u64, share: Share, last: Instant, now: Instant) -> Option<Duration> {
        let (time, parts) = match self.reset.filter(|reset| *reset > now) {
            Some(reset) => (reset.since(last), self.spare(share).saturating_sub(self.claimed).saturating_add(1)),
            // No answer told of the window that has begun: it goes as the last one did.
            None => (self.span, share.of(self.limit?).max(1)),
        };
        let nanos = u128::from(nanos(time)) * u128::from(cost) / u128::from(parts);
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// What the next attempt of this cost waits for, if it has to.
    pub(super) fn opening(&self, cost: u64, share: Share, now: Now) -> Option<(Reason, Opening)> {
        let spare = self.spare(share);
        if spare >= self.claimed.saturating_add(cost) {
            return None;
        }
        let wall = self.wall(now.mono);
        if wall.is_none() && !self.turned {
            return None;
        }
        let quota = Reason::Quota { limit: self.limit };
        let hands_on = self.first_left.max(self.as_of) + HANDS_ON;
        match (wall, self.believed(share, now)) {
            (_, Some(adapt::Opening::AfterAnswer)) if self.claimed > 0 => Some((quota, Opening::AfterAnswer)),
            (Some(wall), Some(adapt::Opening::At(at))) => {
                let at = if self.remaining == 0 { at.max(self.earliest) } else { at };
                (at > now.mono).then_some((quota, Opening::At(at.min(wall))))
            }
            // Those without an answer may have been counted: their answers will tell, if there is enough for one more.
            (Some(_), _) if spare >= cost && self.claimed > 0 => Some((quota, Opening::AfterAnswer)),
            (Some(wall), _) => Some((quota, Opening::At(wall))),
            // What is believed holds longer than what was said, so one goes now and then to find out.
            (None, Some(adapt::Opening::At(at))) => {
                let at = at.min(hands_on);
                (at > now.mono).then_some((quota, Opening::At(at)))
            }
            // What a new window holds its first answer tells.
            (None, _) if self.claimed > 0 => (hands_on > now.mono).then_some((Reason::Probe, Opening::At(hands_on))),
            (None, _) => None,
        }
    }

    /// When it opens at the latest. What was told is exact, and a moment in whole seconds adds nothing to it.
    fn wall(&self, now: Instant) -> Option<Instant> {
        self.reset.map(|reset| self.told.map_or(reset, |told| reset.min(told))).filter(|wall| *wall > now)
    }

    /// Compares what was told with what an answer says: told, the next attempt is to fit when the quota resets.
    pub(super) fn compare(&mut self, told: Option<Instant>, word: &Word, is_refused: bool) {
        if word.said.remaining > 0 {
            self.told = None;
        } else if is_refused {
            self.strikes += u32::from(self.told.take().is_some());
        } else if let (Some(told), Some((earliest, latest))) = (told, word.reset) {
            let agrees = earliest <= told + SLACK && told <= latest + SLACK;
            self.told = Some(told.max(earliest)).filter(|_| agrees && self.strikes < STRIKES);
        }
    }

    /// When the next attempt fits by all limits that explain what was said. Where a part is left to others they are not to be
    /// outrun.
    fn believed(&self, share: Share, now: Now) -> Option<adapt::Opening> {
        self.stated.as_ref().filter(|_| share == Share::ALL)?.opening(now)
    }

    /// Whether nothing may leave, whatever was granted before.
    pub(super) fn is_shut(&self, share: Share, now: Now) -> bool {
        self.remaining == 0 && self.wall(now.mono).is_some() && self.believed(share, now).is_none()
    }

    /// When the window of an empty quota ends.
    pub(super) fn empty_until(&self, now: Instant) -> Option<Instant> {
        self.reset.filter(|reset| self.remaining == 0 && *reset > now)
    }

    /// An attempt leaves that draws on it.
    pub(super) fn claim(&mut self, cost: u64, now: Now) {
        if self.claimed == 0 || self.turned {
            self.first_left = now.mono;
        }
        self.claimed = self.claimed.saturating_add(cost);
        if cost != 1 {
            // What is left is not a number of attempts.
            self.give_up();
        }
    }

    pub(super) fn unclaim(&mut self, cost: u64) {
        self.claimed = self.claimed.saturating_sub(cost);
    }

    fn give_up(&mut self) {
        self.stated = None;
        self.is_beyond_us = true;
    }

    /// It was named for the first time, by an answer that came while all these were out.
    pub(super) fn meet(&mut self, place: usize, word: &Word, early: &[Early], last: u64) {
        let drawing = early.iter().filter(|attempt| attempt.places.contains(place));
        drawing.for_each(|attempt| self.claim(attempt.cost, attempt.left));
        let (Some(first), false) = (early.first(), self.is_beyond_us || !word.is_worth_more()) else { return };
        let stated = self.stated.insert(Stated::new(first.number));
        let mut left = first.left;
        for number in first.number..=last {
            let known = early.iter().find(|attempt| attempt.number == number);
            left = known.map_or(left, |attempt| attempt.left);
            stated.on_sent(left);
            if !known.is_some_and(|attempt| attempt.places.contains(place)) {
                stated.on_end(number, End::Unsent, None, left);
            }
        }
    }

    /// The attempt with the next number leaves, and draws on this quota or not.
    pub(super) fn on_sent(&mut self, number: u64, draws: bool, now: Now) {
        if let Some(stated) = &mut self.stated {
            stated.on_sent(now);
            if !draws {
                stated.on_end(number, End::Unsent, None, now);
            }
        }
    }

    /// Nothing more is heard of an attempt that drew on this quota.
    pub(super) fn on_end(&mut self, number: u64, end: End, now: Now) {
        if let Some(stated) = &mut self.stated {
            stated.on_end(number, end, None, now);
        }
    }

    /// The answer to an attempt mentions it; `last` is the number of the attempt that left last.
    pub(super) fn on_mentioned(&mut self, word: &Word, number: u64, last: u64, is_refused: bool, was_claimed: bool) {
        self.on_word(word);
        let (end, said) = match (is_refused, word.said.remaining) {
            (false, _) => (End::Accepted, Some(word.said)),
            (true, 0) => (End::Refused(None), Some(word.said)),
            // Another limit refused it.
            (true, _) => (End::Unsent, None),
        };
        match &mut self.stated {
            Some(stated) if !was_claimed => stated.on_stranger(),
            Some(stated) => stated.on_end(number, end, said, word.now),
            None if is_refused || self.is_beyond_us || !word.is_worth_more() => {}
            None => {
                // Nothing is known of what left since, but that it will be told of as it ends.
                let stated = self.stated.insert(Stated::new(last));
                stated.on_sent(word.sent);
                stated.on_end(last, end, said, word.now);
            }
        }
        if self.stated.as_ref().is_some_and(Stated::is_worn_out) {
            self.give_up();
        }
    }

    /// An attempt that draws on it was accepted, and the answer mentioned others: a server that states one of several quotas
    /// states the tightest.
    pub(super) fn on_unmentioned(&mut self, cost: u64, now: Now) {
        if self.turned {
            self.turned = false;
            self.remaining = self.limit.unwrap_or(u64::MAX);
            self.reset = Some(now.mono + self.span);
            self.earliest = now.mono;
            self.as_of = now.mono;
        }
        self.on_spent(cost);
    }

    /// An attempt was counted, and nothing was said of that.
    pub(super) fn on_spent(&mut self, cost: u64) {
        self.remaining = self.remaining.saturating_sub(cost);
    }

    /// Whether it may still be drawn on by what draws on it when it is mentioned, though an answer mentioned another: a server
    /// that states one of several states the one of which the smallest share is left.
    pub(super) fn may_hide_behind(&self, other: &headers::Quota, sent: Now, now: Now) -> bool {
        let (Some(own_limit), Some(limit), Some(left)) = (self.limit, other.limit, other.remaining) else {
            return false;
        };
        let is_stale = now.mono.since(self.mentioned) > (self.span * 2).max(STALE);
        let own_left = match self.believed(Share::ALL, now) {
            // Nothing is known, or it is newer than what the answer tells of the other.
            _ if self.turned || sent.mono < self.as_of => own_limit,
            Some(adapt::Opening::At(at)) if at > now.mono && self.claimed == 0 => 0,
            Some(_) => own_limit,
            None => self.remaining + self.claimed + 1,
        };
        let is_tighter = u128::from(own_left) * u128::from(limit) < u128::from(left) * u128::from(own_limit);
        !self.named && self.name == other.name && !is_stale && !is_tighter
    }

    /// It refused an attempt that was to wait until then. Returns whether it may have: it is empty.
    pub(super) fn hold(&mut self, wait: Option<Instant>, now: Instant) -> bool {
        let until = self.reset.max(wait);
        let holds = self.remaining == 0 && !self.turned && until.is_some_and(|until| until > now);
        if holds {
            self.reset = until;
            self.earliest = self.earliest.max(wait.unwrap_or_default());
        }
        holds
    }

    /// Turns the window if it has ended.
    pub(super) fn turn(&mut self, now: Instant) {
        if self.reset.is_some_and(|reset| reset <= now) {
            self.reset = None;
            self.turned = true;
            self.remaining = 0;
            self.as_of = now;
        }
    }

    fn on_word(&mut self, word: &Word) {
        let Word { said: Said { limit, remaining, .. }, reset: said, rolling, sent, now } = *word;
        self.limit = limit.or(self.limit);
        self.mentioned = now.mono;
        self.most = self.most.max(remaining);
        self.span = self.span.max(said.map_or(Duration::ZERO, |(_, latest)| latest.since(now.mono)));
        let newer = sent.mono >= self.as_of;
        let was_turned = self.turned;
        // An answer on its way while the window ended may not tell of the next.
        self.turned &= said.is_none();
        match (self.reset, said) {
            // The server has begun a new window, whatever we thought of the old one.
            (Some(known), Some((earliest, latest))) if latest > known + RESET_TOLERANCE => {
                (self.remaining, self.reset, self.earliest) = (remaining, Some(latest), earliest);
            }
            (Some(known), Some((_, latest))) if known > latest + RESET_TOLERANCE && !newer => return,
            (Some(known), Some((earliest, latest))) if known > latest + RESET_TOLERANCE => {
                (self.remaining, self.reset, self.earliest) = (remaining, Some(latest), earliest);
            }
            (known, said) => {
                self.remaining = if newer || was_turned { remaining } else { self.remaining.min(remaining) };
                if let Some((earliest, latest)) = said {
                    let merged = match known {
                        None => latest,
                        // A window that rolls is free a whole distance after the last answer, and not before.
                        Some(known) if rolling => known.max(latest),
                        // Whole seconds are rounded up, so the earliest reading is the nearest one.
                        Some(known) => known.min(latest),
                    };
                    let narrowed = if known.is_some() { self.earliest.max(earliest) } else { earliest };
                    (self.reset, self.earliest) = (Some(merged), narrowed.min(merged));
                }
            }
        }
        self.as_of = now.mono;
    }
}
