//! A server, the way there and back, and what goes wrong on it.

use http::header::{HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

use crate::rules::{Limit, MS, Rule, SEC};

/// Numbers from a seed, the test's own.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        // xorshift64* (Vigna 2016).
        self.0 = if self.0 == 0 { 1 } else { self.0 };
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        if n == 0 { 0 } else { self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % n }
    }
}

/// What a refusal says about waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saying {
    Nothing,
    /// The true moment, in whole seconds and rounded up.
    True,
    /// Always this, whatever is true.
    Text(&'static str),
    /// One of these, now this and now that.
    Fickle(&'static [&'static str]),
}

impl Saying {
    /// The wait that a client has to obey: none where the text is no wait.
    pub(crate) fn means(text: &str) -> Option<u64> {
        let whole = text.parse::<u64>().ok().map(|secs| secs.saturating_mul(SEC));
        let decimal = || text.parse::<f64>().ok().map(|secs| (secs * SEC as f64) as u64);
        whole.or_else(decimal).filter(|wait| *wait > 0)
    }
}

/// How often in a thousand something happens to a request, whatever the limits say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) refuse: u16,
    pub(crate) bare_503: u16,
    pub(crate) fault: u16,
    pub(crate) missing: u16,
    pub(crate) redirect: u16,
    pub(crate) reset: u16,
    pub(crate) unsent: u16,
    pub(crate) stall: u16,
    /// Answered well, but [`LATE`] later.
    pub(crate) late: u16,
}

/// How much later a late answer comes.
pub(crate) const LATE: u64 = 12 * SEC;

#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) limits: Vec<Limit>,
    pub(crate) saying: Saying,
    /// The status of a refusal by a limit.
    pub(crate) refusal: StatusCode,
    /// Says what is left of the first rule on every answer.
    pub(crate) quotas: bool,
    pub(crate) trouble: Trouble,
    /// Trouble ends here, so that every story can end well.
    pub(crate) calm_at: u64,
    /// Time from the arrival to the answer.
    pub(crate) service: u64,
    pub(crate) refused: u64,
    pub(crate) accepted: u64,
}

/// What becomes of a request that arrives.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    Answer { status: StatusCode, headers: HeaderMap, counted: bool, late_by: u64 },
    Reset,
    Stall,
}

impl Server {
    pub(crate) fn new(limits: impl IntoIterator<Item = impl Into<Limit>>) -> Self {
        Self {
            limits: limits.into_iter().map(Into::into).collect(),
            saying: Saying::Nothing,
            refusal: StatusCode::TOO_MANY_REQUESTS,
            quotas: false,
            trouble: Trouble::default(),
            calm_at: u64::MAX,
            service: 0,
            refused: 0,
            accepted: 0,
        }
    }

    /// Whether the connection for a request does not come about.
    pub(crate) fn is_unreachable(&self, dice: &mut Dice, at: u64) -> bool {
        at < self.calm_at && dice.below(1_000) < u64::from(self.trouble.unsent)
    }

    pub(crate) fn arrive(&mut self, cost: u64, at: u64, wall: u64, dice: &mut Dice) -> Fate {
        let draw = if at < self.calm_at { dice.below(1_000) } else { u64::MAX };
        let mut floor = 0;
        let mut falls = |share: u16| {
            floor += u64::from(share);
            draw < floor
        };
        let trouble = self.trouble;
        if falls(trouble.refuse) {
            return self.refuse(at, wall, dice);
        }
        if falls(trouble.bare_503) {
            self.refused += 1;
            return answer(StatusCode::SERVICE_UNAVAILABLE, HeaderMap::new(), false);
        }
        if falls(trouble.stall) {
            return Fate::Stall;
        }
        let admits = |limit: &mut Limit| limit.rule.admits(limit.weight(cost), at, wall);
        if !self.limits.iter_mut().all(admits) {
            return self.refuse(at, wall, dice);
        }
        for limit in &mut self.limits {
            limit.rule.count(limit.weight(cost), at);
        }
        self.accepted += 1;
        let (mut headers, mut late_by) = (HeaderMap::new(), 0);
        let status = if falls(trouble.fault) {
            StatusCode::INTERNAL_SERVER_ERROR
        } else if falls(trouble.missing) {
            StatusCode::NOT_FOUND
        } else if falls(trouble.redirect) {
            headers.insert(LOCATION, HeaderValue::from_static("/elsewhere"));
            if let Saying::Text(text) = self.saying {
                headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            }
            StatusCode::TEMPORARY_REDIRECT
        } else if falls(trouble.reset) {
            self.leave();
            return Fate::Reset;
        } else {
            late_by = if falls(trouble.late) { LATE } else { 0 };
            StatusCode::OK
        };
        self.state_quota(&mut headers, at, wall);
        Fate::Answer { status, headers, counted: true, late_by }
    }

    /// A request that was counted is done with.
    pub(crate) fn leave(&mut self) {
        self.limits.iter_mut().for_each(|limit| limit.rule.leave());
    }

    fn refuse(&mut self, at: u64, wall: u64, dice: &mut Dice) -> Fate {
        self.refused += 1;
        let mut headers = HeaderMap::new();
        match self.saying {
            Saying::Nothing => {}
            Saying::Text(text) => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static(text))),
            Saying::Fickle(texts) => {
                let text = texts[dice.below(texts.len() as u64) as usize];
                headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            }
            Saying::True => {
                let opens = self.limits.iter().map(|limit| limit.rule.opens(at, wall)).max().unwrap_or(at);
                let secs = opens.saturating_sub(at).div_ceil(SEC).max(1);
                headers.insert(RETRY_AFTER, HeaderValue::from(secs));
            }
        }
        self.state_quota(&mut headers, at, wall);
        answer(self.refusal, headers, false)
    }

    /// `RateLimit` fields as draft 7 writes them.
    fn state_quota(&self, headers: &mut HeaderMap, at: u64, wall: u64) {
        let first = self.limits.first().map(|limit| &limit.rule).filter(|_| self.quotas);
        let Some(rule @ Rule::Fixed { amount, period, used, .. }) = first else {
            return;
        };
        let reset = rule.opens(at, wall).saturating_sub(at).div_ceil(SEC);
        let text = format!("limit={amount}, remaining={}, reset={reset}", amount - used);
        let policy = format!("{amount};w={}", period / SEC);
        for (name, value) in [("ratelimit", text), ("ratelimit-policy", policy)] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap());
        }
    }
}

fn answer(status: StatusCode, headers: HeaderMap, counted: bool) -> Fate {
    Fate::Answer { status, headers, counted, late_by: 0 }
}

/// One way, there or back: at least so long, and up to so much longer by chance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) least: u64,
    pub(crate) jitter: u64,
}

impl Way {
    pub(crate) const fn millis(least: u64, jitter: u64) -> Self {
        Self { least: least * MS, jitter: jitter * MS }
    }

    pub(crate) fn draw(self, dice: &mut Dice) -> u64 {
        self.least + dice.below(self.jitter + 1)
    }
}
