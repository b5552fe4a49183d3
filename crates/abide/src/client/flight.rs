//! What is shown of an attempt under way: a span with the names of OpenTelemetry's conventions for HTTP clients, and its metrics.

use std::fmt::Write as _;
use std::time::Duration;

use abide_core::call::Account;
use abide_core::decision::Reason;
use abide_core::event::Failure;
use abide_core::time::Human;
use http::{Method, StatusCode};
use tracing::Span;
use tracing::field::Empty;
use url::Url;

use crate::handle::Handle;
#[cfg(feature = "metrics")]
use crate::metrics::Meter;

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its answer was handed over, and is the server's last word.
    Answered,
    /// The server refused it because of a limit.
    Refused,
    /// Its answer was a fault.
    Fault,
    /// No answer came, or not the whole of it.
    Failed,
    /// Its answer led elsewhere, and was followed.
    Redirected,
    /// Its credential was not accepted, and another is fetched.
    Unauthorized,
    /// Nobody waited for it any more.
    Dropped,
}

impl Outcome {
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Fault => "fault",
            Self::Failed => "failed",
            Self::Redirected => "redirected",
            Self::Unauthorized => "unauthorized",
            Self::Dropped => "dropped",
        }
    }
}

/// An attempt from its beginning until its answer has been read or dropped.
#[derive(Debug)]
pub(super) struct Flight {
    span: Span,
    has_landed: bool,
    outcome: Option<Outcome>,
    #[cfg(feature = "metrics")]
    meter: Meter,
}

/// What an attempt is, for those who watch it.
pub(super) struct Departure<'a> {
    pub(super) call: u64,
    pub(super) attempt: u32,
    pub(super) method: &'a Method,
    pub(super) url: &'a Url,
    /// The URL without secrets.
    pub(super) shown: &'a dyn Fn() -> String,
    /// What it waited for since the attempt before it.
    pub(super) waits: &'a [(Reason, Duration)],
}

impl Flight {
    /// Whether anybody watches attempts.
    pub(super) fn is_watched() -> bool {
        cfg!(feature = "metrics") || tracing::enabled!(tracing::Level::INFO)
    }

    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "the clock is read for metrics alone"))]
    pub(super) fn begin(departure: &Departure<'_>, handle: &Handle) -> Self {
        let Departure { call, attempt, method, url, shown, waits } = *departure;
        let span = tracing::info_span!(
            "attempt",
            "otel.name" = %method,
            "otel.kind" = "client",
            "otel.status_code" = Empty,
            "http.request.method" = %method,
            "server.address" = url.host_str(),
            "server.port" = url.port_or_known_default(),
            "url.full" = shown(),
            "http.request.resend_count" = (attempt > 1).then(|| attempt - 1),
            "http.response.status_code" = Empty,
            "error.type" = Empty,
            "abide.call" = call,
            "abide.waits" = (!waits.is_empty()).then(|| words(waits)),
            "abide.outcome" = Empty,
        );
        Self {
            span,
            has_landed: false,
            outcome: None,
            #[cfg(feature = "metrics")]
            meter: Meter::begin(method, url, waits, handle.clone()),
        }
    }

    /// Does something of the attempt, as far as its span is concerned.
    pub(super) fn in_scope<T>(&self, act: impl FnOnce() -> T) -> T {
        self.span.in_scope(act)
    }

    pub(super) fn on_head(&mut self, status: StatusCode) {
        self.has_landed = true;
        self.span.record("http.response.status_code", status.as_u16());
        if status.is_client_error() || status.is_server_error() {
            self.on_error(status.as_str());
        }
        #[cfg(feature = "metrics")]
        self.meter.on_head(status);
    }

    pub(super) fn on_failure(&mut self, failure: Failure) {
        let kind = kind(failure);
        self.on_error(kind);
        self.outcome = Some(Outcome::Failed);
        #[cfg(feature = "metrics")]
        if !self.has_landed {
            self.meter.on_failure(kind);
        }
    }

    fn on_error(&self, kind: &str) {
        self.span.record("error.type", kind);
        self.span.record("otel.status_code", "ERROR");
    }

    /// What became of it, if that is not known already and its answer has come.
    pub(super) fn settle(&mut self, outcome: Outcome) {
        if self.has_landed {
            self.outcome.get_or_insert(outcome);
        }
    }

    /// What its answer said about limits.
    #[cfg(feature = "metrics")]
    pub(super) fn on_limits(&self, limits: &crate::Limits) {
        self.meter.on_limits(limits);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let outcome = self.outcome.unwrap_or(Outcome::Dropped);
        self.span.record("abide.outcome", outcome.label());
        #[cfg(feature = "metrics")]
        self.meter.end(outcome);
    }
}

/// What a call waited for since its account was looked at last.
pub(super) fn waits_since(before: &Account, now: &Account) -> Vec<(Reason, Duration)> {
    let earlier = |reason: Reason| {
        let known = before.waited.iter().find(|(known, _)| known.label() == reason.label());
        known.map_or(Duration::ZERO, |(_, time)| *time)
    };
    let since = now.waited.iter().map(|(reason, time)| (*reason, time.saturating_sub(earlier(*reason))));
    since.filter(|(_, time)| !time.is_zero()).collect()
}

fn words(waits: &[(Reason, Duration)]) -> String {
    let mut words = String::new();
    for (reason, time) in waits {
        let comma = if words.is_empty() { "" } else { ", " };
        // A text takes all that is written to it.
        let _ = write!(words, "{comma}{} for {reason}", Human(*time));
    }
    words
}

/// A failure as the value of `error.type`; `_OTHER` is the convention's word for what has none.
fn kind(failure: Failure) -> &'static str {
    match failure {
        Failure::Resolve => "resolve",
        Failure::Connect => "connect",
        Failure::Tls => "tls",
        Failure::ConnectTimeout => "connect_timeout",
        Failure::Timeout => "timeout",
        Failure::Reset => "reset",
        Failure::Body => "body",
        Failure::Request => "request",
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_waited_since_is_told() {
        let secs = Duration::from_secs;
        let hold = Reason::Hold { last: None };
        let before =
            Account { attempts: 1, waited: vec![(Reason::Probe, secs(2)), (hold, secs(1))], ..Account::default() };
        let now = Account {
            attempts: 2,
            waited: vec![(Reason::Probe, secs(5)), (Reason::Concurrency(8), secs(2)), (hold, secs(1))],
            ..Account::default()
        };
        let waits = waits_since(&before, &now);
        assert_eq!(waits, [(Reason::Probe, secs(3)), (Reason::Concurrency(8), secs(2))]);
        assert_eq!(words(&waits), "3.0s for the first attempts after a pause, 2.0s for one of 8 places in flight");
        assert_eq!(waits_since(&now, &now), []);
    }
}
