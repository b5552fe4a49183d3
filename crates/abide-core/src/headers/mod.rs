//! Reads what a response says about limits: one response in, one [`Signal`] out.

mod date;
mod few;
mod grammar;
mod quotas;
mod ratelimit;
mod refusal;
mod retry_after;
mod signal;
mod skew;
mod units;
mod words;

use http::header::AGE;
use http::{HeaderMap, StatusCode};

use self::grammar::Role;
use self::quotas::Drafts;
use self::retry_after::RetryAfter;
pub use self::signal::{Quota, Refusal, Signal, Wait};
use self::skew::ServerClock;
use crate::time::Now;

/// A response as far as limits are concerned.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// Host that answered, in lower case and without a port.
    pub host: &'a str,
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// The beginning of the decoded body, where the shell had reason to read it.
    pub body: Option<&'a [u8]>,
    /// Both clocks when the request left.
    pub sent: Now,
    /// Both clocks when the head of the response arrived.
    pub received: Now,
}

/// Reads the responses of one origin and keeps what they taught: the server's clock, and the units of its fields.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    clock: ServerClock,
}

impl Reader {
    /// Reads one response.
    pub fn read(&mut self, response: &Response<'_>) -> Signal {
        self.clock.observe(response);
        let now = self.clock.at(response.received.wall);
        let mut retry_after = RetryAfter::default();
        let mut drafts = Drafts::new(now);
        for (header, value) in response.headers {
            if !grammar::may_matter(header.as_str()) {
                continue;
            }
            let (Some(name), Ok(value)) = (grammar::understand(header.as_str()), value.to_str()) else { continue };
            match name.role {
                Role::RetryAfter => retry_after.note(header.as_str(), name.hint, value, now),
                _ => drafts.note(name, value),
            }
        }
        let mut signal = Signal::default();
        // What a cache stored is the balance of another day (RateLimit drafts, section on caching).
        if response.headers.get(AGE).is_none_or(|age| age == "0") {
            drafts.finish(&mut signal.quotas);
        }
        let told = retry_after.told(now);
        signal.retry_after = told.map(|told| told.from(now));
        signal.wait = told.filter(|_| retry_after::is_obeyed(response)).and_then(|told| retry_after::wait(told, now));
        signal.refusal = refusal::judge(response.status, signal.wait, &signal.quotas);
        signal
    }
}

#[cfg(test)]
mod tests;
