//! Takes one request from its arrival to its answer: the gate, the site, the log, in that order and in one go.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use abide_core::time::Wall;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;

use super::config::MockConfig;
use super::faults::Fault;
use super::gate::{Counters, Entry, Fate, Gate};
use super::log::RequestLog;
use super::routes::{Answer, Query, Site, empty, error};
use crate::screen::say;

/// The mock, without its sockets and its clock.
#[derive(Debug)]
pub(super) struct Mock {
    gate: Mutex<Gate>,
    log: Option<Mutex<RequestLog>>,
    log_is_lost: AtomicBool,
    site: Site,
    /// Time from arrival to answer.
    pub(super) latency: Duration,
}

/// What a request gets, once its latency is over.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The answer, or how the connection ends without one.
    pub(super) reply: Result<Answer, Fault>,
    /// Holds the request's place among those in flight until it is dropped.
    pub(super) place: Option<Place>,
}

impl Mock {
    /// A mock of this kind. It fails on a log that cannot be opened, and on a limit that no judge knows.
    pub(super) fn new(config: &MockConfig) -> io::Result<Self> {
        let log = config.log.as_deref().map(|path| {
            RequestLog::open(path).map(Mutex::new).map_err(|why| {
                io::Error::new(
                    why.kind(),
                    format!("cannot write the log {}: {why}; name another file with --log", path.display()),
                )
            })
        });
        let gate = Gate::new(config).map_err(|limit| {
            io::Error::new(
                io::ErrorKind::Unsupported,
                format!("the mock cannot judge the limit '{limit}': state another"),
            )
        })?;
        Ok(Self {
            gate: Mutex::new(gate),
            log: log.transpose()?,
            log_is_lost: AtomicBool::new(false),
            site: Site { records: config.records, like: config.like, pages: config.pages.clone() },
            latency: config.latency,
        })
    }

    /// Decides on a request that has arrived, all of it, at `now`. No body means that it was too large to read.
    pub(super) fn receive(self: &Arc<Self>, request: &Parts, body: Option<&Bytes>, peer: IpAddr, now: Wall) -> Outcome {
        let cost = Query::of(&request.uri).value("cost").and_then(|cost| cost.parse().ok()).unwrap_or(1);
        let Entry { fate, fields, in_flight } = self.gate().enter(cost, now);
        let place = in_flight.then(|| Place(Arc::clone(self)));
        let reply = match fate {
            Fate::Serve => Ok(self.site.answer(request, body, peer)),
            Fate::Status(status) => Ok(plain(status)),
            Fate::Cut(fault) => Err(fault),
        };
        let reply = reply.map(|mut answer| {
            answer.headers_mut().extend(fields);
            answer
        });
        self.write_log(request, now, reply.as_ref().ok().map(Answer::status));
        Outcome { reply, place }
    }

    /// What was done so far.
    pub(super) fn counters(&self) -> Counters {
        self.gate().counters()
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        lock(&self.gate)
    }

    fn write_log(&self, request: &Parts, now: Wall, status: Option<StatusCode>) {
        let Some(log) = &self.log else { return };
        let written = lock(log).add(now, status, &request.uri);
        if let Err(why) = written
            && !self.log_is_lost.swap(true, Ordering::Relaxed)
        {
            say(&format!("abide mock: the log has gaps from here on, for a line could not be written: {why}"));
        }
    }
}

/// A place among the requests in flight.
#[derive(Debug)]
pub(super) struct Place(Arc<Mock>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.gate().leave();
    }
}

/// An answer that stands for the real one.
fn plain(status: StatusCode) -> Answer {
    match status {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => empty(status),
        StatusCode::TOO_MANY_REQUESTS => error(status, "too many requests"),
        _ => error(status, status.canonical_reason().unwrap_or("no reason given")),
    }
}

/// State behind a lock is whole between any two calls, so a panic elsewhere is no reason to give it up.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::config::{HeaderStyle, RetryAfter};
    use super::super::faults::Faults;
    use super::super::routes::tests::told;
    use super::*;
    use abide_core::policy::{LimitSpecs, WindowKind};
    use http::{Method, Request};
    use std::net::Ipv4Addr;

    fn mock(limits: &str, config: MockConfig) -> Arc<Mock> {
        let limits = LimitSpecs::parse_with(limits, WindowKind::Fixed).unwrap().0;
        Arc::new(Mock::new(&MockConfig { limits, ..config }).unwrap())
    }

    fn receive(mock: &Arc<Mock>, uri: &str, now: Wall) -> Outcome {
        let (parts, ()) = Request::builder().method(Method::GET).uri(uri).body(()).unwrap().into_parts();
        mock.receive(&parts, Some(&Bytes::new()), IpAddr::from(Ipv4Addr::LOCALHOST), now)
    }

    fn status(outcome: Outcome) -> u16 {
        outcome.reply.map_or(0, |answer| answer.status().as_u16())
    }

    const NOW: Wall = Wall::from_secs(1_764_000_000);

    #[test]
    fn limits_stand_before_every_path_and_tell_what_is_left() {
        let config =
            MockConfig { headers: HeaderStyle::Draft7, retry_after: RetryAfter::Seconds, ..MockConfig::default() };
        let mock = mock("2/5s", config);
        let asked = ["/items/0", "/nowhere", "/items/0"].map(|uri| told(receive(&mock, uri, NOW).reply.unwrap()));
        assert_eq!(asked.each_ref().map(|told| told.status), [200, 404, 429]);
        assert_eq!(
            asked.each_ref().map(|told| told.field("ratelimit")),
            [1, 0, 0].map(|n| format!("limit=2, remaining={n}, reset=5"))
        );
        assert_eq!(asked.each_ref().map(|told| told.field("retry-after")), ["", "", "5"]);
    }

    #[test]
    fn a_request_is_in_flight_until_its_outcome_is_gone() {
        let mock = mock("concurrency 1", MockConfig::default());
        let first = receive(&mock, "/items/0", NOW);
        assert_eq!(status(receive(&mock, "/items/0", NOW)), 429);
        drop(first);
        assert_eq!(status(receive(&mock, "/items/0", NOW)), 200);
        assert_eq!(status(receive(&mock, "/items/0", NOW)), 200);
    }

    #[test]
    fn the_query_can_name_the_cost() {
        let mock = mock("5/5s by cost", MockConfig::default());
        let asked =
            ["/items?cost=4", "/items?cost=2", "/items?cost=x", "/items"].map(|uri| status(receive(&mock, uri, NOW)));
        assert_eq!(asked, [200, 429, 200, 429]);
    }

    #[test]
    fn every_arrival_is_logged_with_what_it_got() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let faults = Faults::new("0%".parse().unwrap(), "50%".parse().unwrap(), "50%".parse().unwrap()).unwrap();
        let config =
            MockConfig { log: Some(path.clone()), script: vec![StatusCode::OK], faults, ..MockConfig::default() };
        let mock = mock("1/5s", config);
        let asked = ["/items/0", "/items/1", "/items/2"].map(|uri| status(receive(&mock, uri, NOW)));
        assert_eq!(asked, [200, 0, 429]);
        let lines = "1764000000.000000 200 /items/0\n1764000000.000000 000 /items/1\n1764000000.000000 429 /items/2\n";
        assert_eq!(std::fs::read_to_string(path).unwrap(), lines);
    }

    #[test]
    fn a_log_that_cannot_be_opened_is_named() {
        let config = MockConfig { log: Some("/nowhere/at/all".into()), ..MockConfig::default() };
        let message = Mock::new(&config).unwrap_err().to_string();
        assert!(
            message.starts_with("cannot write the log /nowhere/at/all: ") && message.ends_with("--log"),
            "{message}"
        );
    }
}
