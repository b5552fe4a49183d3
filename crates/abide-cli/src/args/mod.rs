//! The command line as it was typed, in types.

mod value;
mod verbs;

pub(crate) use value::{BackoffRange, HeaderUnit, HostLimit, Span};
pub(crate) use verbs::{Cli, Common, GetArgs, IfComplete, More, Pace, PullArgs, Verb};
