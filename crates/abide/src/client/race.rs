//! The attempts of a call that are under way: one, or two while another stands in for one that has stalled.

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_ENCODING;

use super::transport::{Arrival, Broken, Sending};

/// An answer on its way to the caller, with what was read of its body already.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: Arrival,
    /// Parts of the decoded body that were looked at, in order; the rest is still to be read.
    pub(super) peeked: VecDeque<Bytes>,
}

/// The attempts under way, by number.
#[derive(Debug, Default)]
pub(super) struct Race<'t> {
    runners: Vec<(u32, Runner<'t>)>,
}

enum Runner<'t> {
    Sending(Sending<'t>),
    Landed {
        answer: Answer,
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
        match self {
            Self::Sending(_) => f.write_str("Sending"),
            Self::Landed { answer, .. } => f.debug_tuple("Landed").field(answer).finish(),
        }
    }
}

impl<'t> Race<'t> {
    pub(super) fn start(&mut self, attempt: u32, sending: Sending<'t>) {
        self.runners.push((attempt, Runner::Sending(sending)));
    }

    /// Ends an attempt, or drops its answer.
    pub(super) fn end(&mut self, attempt: u32) {
        self.runners.retain(|(number, _)| *number != attempt);
    }

    pub(super) fn end_all(&mut self) {
        self.runners.clear();
    }

    /// Begins to look at so many bytes of an answer's body.
    pub(super) fn peek(&mut self, attempt: u32, bytes: usize) {
        let runner = self.runners.iter_mut().find(|(number, _)| *number == attempt);
        if let Some((_, Runner::Landed { peek, .. })) = runner {
            *peek = Some(bytes);
        }
    }

    /// The head of the answer to an attempt, once it has come.
    pub(super) fn head(&self, attempt: u32) -> Option<&Arrival> {
        self.runners.iter().find(|(number, _)| *number == attempt).and_then(|(_, runner)| match runner {
            Runner::Landed { answer, .. } => Some(&answer.head),
            Runner::Sending(_) => None,
        })
    }

    /// The answer that has come, with the number of its attempt.
    pub(super) fn take_answer(&mut self) -> Option<(u32, Answer)> {
        self.runners.drain(..).find_map(|(attempt, runner)| match runner {
            Runner::Landed { answer, .. } => Some((attempt, answer)),
            Runner::Sending(_) => None,
        })
    }

    /// The next thing that comes of any attempt.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(u32, Came)> {
        for at in 0..self.runners.len() {
            let (attempt, runner) = &mut self.runners[at];
            let attempt = *attempt;
            if let Poll::Ready(came) = runner.poll(cx) {
                if matches!(came, Came::Broken(_)) {
                    self.end(attempt);
                }
                return Poll::Ready((attempt, came));
            }
        }
        Poll::Pending
    }
}

impl Runner<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        match self {
            Self::Sending(sending) => Poll::Ready(match ready!(sending.as_mut().poll(cx)) {
                Ok(head) => {
                    *self = Self::Landed { answer: Answer { head, peeked: VecDeque::new() }, peek: None };
                    Came::Head
                }
                Err(broken) => Came::Broken(broken),
            }),
            Self::Landed { answer: Answer { head, peeked }, peek } => {
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
