//! The attempts of a call that are under way: one, or two while another stands in for one that has stalled.

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_ENCODING;

use super::flight::{Flight, Outcome};
use super::transport::{Arrival, Broken, Sending};

/// An answer on its way to the caller, with what was read of its body already.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: Arrival,
    /// What is shown of the attempt that brought it.
    pub(super) flight: Flight,
    /// Parts of the decoded body that were looked at, in order; the rest is still to be read.
    pub(super) peeked: VecDeque<Bytes>,
}

/// The attempts under way, by number.
#[derive(Debug, Default)]
pub(super) struct Race<'t> {
    runners: Vec<(u32, Runner<'t>)>,
}

struct Runner<'t> {
    flight: Flight,
    course: Course<'t>,
}

enum Course<'t> {
    Sending(Sending<'t>),
    Landed {
        head: Arrival,
        /// Parts of the decoded body that were looked at, in order.
        peeked: VecDeque<Bytes>,
        /// How much of the body is being looked at, if it is.
        peek: Option<usize>,
    },
}

/// What came of an attempt.
#[derive(Debug)]
pub(super) enum Came {
    /// The head of its answer.
    Head,
    /// The beginning of the body, which was asked for.
    Body(Bytes),
    /// No answer, or not the whole of it.
    Broken(Broken),
}

impl fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.course {
            Course::Sending(_) => f.write_str("Sending"),
            Course::Landed { head, .. } => f.debug_tuple("Landed").field(head).finish(),
        }
    }
}

impl<'t> Race<'t> {
    pub(super) fn start(&mut self, attempt: u32, flight: Flight, sending: Sending<'t>) {
        // Hardly ever is there another, and room for several is a good deal of memory.
        self.runners.reserve_exact(1);
        self.runners.push((attempt, Runner { flight, course: Course::Sending(sending) }));
    }

    /// Ends an attempt, or drops its answer, which came to this.
    pub(super) fn end(&mut self, attempt: u32, outcome: Outcome) {
        if let Some(at) = self.runners.iter().position(|(number, _)| *number == attempt) {
            self.runners.remove(at).1.flight.settle(outcome);
        }
    }

    /// Ends all of them; those that were answered came to this.
    pub(super) fn end_all(&mut self, outcome: Outcome) {
        self.runners.drain(..).for_each(|(_, mut runner)| runner.flight.settle(outcome));
    }

    /// Whether none is under way.
    pub(super) fn is_over(&self) -> bool {
        self.runners.is_empty()
    }

    /// What is shown of an attempt.
    pub(super) fn flight(&mut self, attempt: u32) -> Option<&mut Flight> {
        self.runners.iter_mut().find(|(number, _)| *number == attempt).map(|(_, runner)| &mut runner.flight)
    }

    /// Begins to look at so many bytes of an answer's body.
    pub(super) fn peek(&mut self, attempt: u32, bytes: usize) {
        let runner = self.runners.iter_mut().find(|(number, _)| *number == attempt);
        if let Some((_, Runner { course: Course::Landed { peek, .. }, .. })) = runner {
            *peek = Some(bytes);
        }
    }

    /// The head of the answer to an attempt, once it has come.
    pub(super) fn head(&self, attempt: u32) -> Option<&Arrival> {
        self.runners.iter().find(|(number, _)| *number == attempt).and_then(|(_, runner)| match &runner.course {
            Course::Landed { head, .. } => Some(head),
            Course::Sending(_) => None,
        })
    }

    /// The answer that has come, with the number of its attempt.
    pub(super) fn take_answer(&mut self) -> Option<(u32, Answer)> {
        self.runners.drain(..).find_map(|(attempt, Runner { flight, course })| match course {
            Course::Landed { head, peeked, .. } => Some((attempt, Answer { head, flight, peeked })),
            Course::Sending(_) => None,
        })
    }

    /// The next thing that comes of any attempt.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(u32, Came)> {
        for at in 0..self.runners.len() {
            let (attempt, runner) = &mut self.runners[at];
            let attempt = *attempt;
            if let Poll::Ready(came) = runner.poll(cx) {
                if let Came::Broken(broken) = &came {
                    runner.flight.on_failure(broken.failure);
                    self.end(attempt, Outcome::Failed);
                }
                return Poll::Ready((attempt, came));
            }
        }
        Poll::Pending
    }
}

impl Runner<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        match &mut self.course {
            Course::Sending(sending) => Poll::Ready(match ready!(self.flight.in_scope(|| sending.as_mut().poll(cx))) {
                Ok(head) => {
                    self.flight.on_head(head.status);
                    self.course = Course::Landed { head, peeked: VecDeque::new(), peek: None };
                    Came::Head
                }
                Err(broken) => Came::Broken(broken),
            }),
            Course::Landed { head, peeked, peek } => {
                let Some(bytes) = *peek else { return Poll::Pending };
                if head.headers.contains_key(CONTENT_ENCODING) {
                    // Nobody decoded it, so there is nothing in it to be read.
                    *peek = None;
                    return Poll::Ready(Came::Body(Bytes::new()));
                }
                while peeked.iter().map(Bytes::len).sum::<usize>() < bytes {
                    match ready!(head.body.poll_chunk(cx)) {
                        Ok(Some(chunk)) => peeked.push_back(chunk),
                        Ok(None) => break,
                        Err(broken) => return Poll::Ready(Came::Broken(broken)),
                    }
                }
                *peek = None;
                let mut seen = BytesMut::new();
                peeked.iter().for_each(|chunk| seen.extend_from_slice(chunk));
                seen.truncate(bytes);
                Poll::Ready(Came::Body(seen.freeze()))
            }
        }
    }
}
