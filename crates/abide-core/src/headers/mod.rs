//! Reads what a response says about limits: one response in, one [`Signal`] out.

mod body;
mod codes;
mod date;
mod dialect;
mod dialects;
mod few;
mod grammar;
mod memory;
mod quotas;
mod ratelimit;
mod reader;
mod refusal;
mod retry_after;
mod signal;
mod skew;
mod summary;
mod units;
mod values;
mod words;

use http::{HeaderMap, StatusCode};

pub use self::reader::Reader;
pub use self::signal::{Amount, Quota, Refusal, Signal, Wait};
pub use self::summary::{Bucket, Summary};
pub use self::units::{Scale, Told, UnitError};
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

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unlisted;

#[cfg(test)]
mod peers;
