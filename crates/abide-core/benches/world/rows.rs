//! The servers of the table.

use std::time::Duration;

use abide_core::sim::{Caller, Fields, Lies, Network, RetryAfter, Rule, Server, Voice};
use abide_core::time::Offset;

use super::draw::Draw;

/// A row of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) case: fn(&mut Draw) -> Case,
}

/// What one seed makes of a row.
pub(crate) struct Case {
    /// Silent; what it says comes with the column.
    pub(crate) server: Server,
    /// What the user tells of it.
    pub(crate) told: Vec<Rule>,
    pub(crate) caller: Caller,
    /// What it says, in the column where servers speak.
    pub(crate) voice: Voice,
    pub(crate) shared_with: Option<Duration>,
    pub(crate) network: fn(Network) -> Network,
}

impl Case {
    fn new(server: Server, requests: u64, draw: &Draw) -> Self {
        Self {
            told: server.rules().to_vec(),
            server,
            caller: Caller::new(requests),
            voice: Voice::of(draw.dialect()),
            shared_with: None,
            network: |network| network,
        }
    }

    /// A rule alone, and requests for about this many of its amounts.
    fn rule(rule: Rule, requests: u64, draw: &Draw) -> Self {
        Self::new(Server::new(rule), requests, draw)
    }
}

/// An amount a window, and how many requests fill three windows.
fn window(draw: &mut Draw) -> (u64, Duration, u64) {
    let amount = draw.number(50, 10, 100);
    (amount, draw.period(5), 3 * amount)
}

fn bucket(draw: &mut Draw) -> Rule {
    Rule::bucket(draw.number(20, 2, 60), SECOND, draw.number(10, 0, 60))
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

pub(crate) const ALL: &[Row] = &[
    Row {
        name: "fixed 50/5s",
        case: |draw| {
            let (amount, period, n) = window(draw);
            Case::rule(Rule::fixed(amount, period), n, draw)
        },
    },
    Row {
        name: "on the clock 50/5s",
        case: |draw| {
            let (amount, period, n) = window(draw);
            Case::rule(Rule::clock(amount, period), n, draw)
        },
    },
    Row {
        name: "sliding 50/5s",
        case: |draw| {
            let (amount, period, n) = window(draw);
            Case::rule(Rule::sliding(amount, period), n, draw)
        },
    },
    Row {
        name: "sliding, counts refused, 50/5s",
        case: |draw| {
            let (amount, period, n) = window(draw);
            Case::rule(Rule::sliding(amount, period).counting_refused(), 2 * n, draw)
        },
    },
    Row {
        name: "counter 50/5s",
        case: |draw| {
            let (amount, period, n) = window(draw);
            Case::rule(Rule::counter(amount, period), n, draw)
        },
    },
    Row {
        name: "counter, counts refused, 50/5s",
        case: |draw| {
            let (amount, period, n) = window(draw);
            Case::rule(Rule::counter(amount, period).counting_refused(), n, draw)
        },
    },
    Row {
        name: "bucket 20/s burst 10",
        case: |draw| {
            let rule = bucket(draw);
            Case::rule(rule, draw.number(200, 150, 400), draw)
        },
    },
    Row {
        name: "bucket, exact, 10/s burst 1",
        case: |draw| {
            let rule = Rule::meter(draw.number(10, 1, 40), SECOND, draw.number(1, 0, 3));
            Case::rule(rule, draw.number(150, 100, 300), draw)
        },
    },
    Row {
        name: "bucket, only Retry-After in s",
        case: |draw| {
            let rule = bucket(draw);
            let voice = Voice { retry_after: RetryAfter::Seconds, ..Voice::SILENT };
            Case { voice, ..Case::rule(rule, draw.number(200, 150, 400), draw) }
        },
    },
    Row {
        name: "queue 20/s, 4 held back",
        case: |draw| {
            let rule = Rule::queue(draw.number(20, 2, 60), SECOND, draw.number(4, 1, 6));
            Case::rule(rule, draw.number(200, 150, 400), draw)
        },
    },
    Row {
        name: "at work 4, 200 ms each",
        case: |draw| {
            let work = Duration::from_millis(draw.number(200, 20, 500));
            let server = Server::new(Rule::concurrency(draw.number(4, 2, 7))).works(work, work / 4);
            Case::new(server, draw.number(200, 150, 400), draw)
        },
    },
    Row {
        name: "10/s & 1000/day on the clock",
        case: |draw| {
            let quota = draw.number(1_000, 300, 1_200);
            let server = Server::new(Rule::fixed(draw.number(10, 5, 50), SECOND)).and(Rule::clock(quota, DAY));
            Case::new(server, quota + 100, draw)
        },
    },
    Row {
        name: "1000/min by cost of 1 to 50",
        case: |draw| {
            let server = Server::new(Rule::fixed(draw.number(1_000, 500, 5_000), MINUTE).by_cost());
            let case = Case::new(server, 200, draw);
            Case { caller: case.caller.costs(1, 50), ..case }
        },
    },
    Row {
        name: "20/s burst 10 & 100/30s",
        case: |draw| {
            let server = Server::new(bucket(draw)).and(Rule::fixed(draw.number(100, 50, 200), Duration::from_secs(30)));
            Case::new(server, 300, draw)
        },
    },
    Row {
        name: "10/s & 100/min fixed",
        case: |draw| {
            let server = Server::new(Rule::fixed(draw.number(10, 5, 20), SECOND))
                .and(Rule::fixed(draw.number(100, 60, 200), MINUTE));
            Case::new(server, 300, draw)
        },
    },
    Row {
        name: "fixed 50/5s, another at 1/s",
        case: |draw| {
            let amount = draw.number(50, 20, 100);
            let case = Case::rule(Rule::fixed(amount, Duration::from_secs(5)), 4 * amount, draw);
            Case { shared_with: Some(SECOND), ..case }
        },
    },
    Row {
        name: "bucket 20/s b. 10, another at 1/s",
        case: |draw| {
            let rule = Rule::bucket(draw.number(20, 5, 60), SECOND, draw.number(10, 2, 60));
            Case { shared_with: Some(SECOND), ..Case::rule(rule, draw.number(200, 150, 400), draw) }
        },
    },
    Row {
        name: "sliding 50/5s, 25/5s half way",
        case: |draw| {
            let (amount, after) = (draw.number(50, 20, 100), draw.number(25, 10, 150));
            let rule = |amount| Rule::sliding(amount, Duration::from_secs(5));
            let server = Server::new(rule(amount)).changes(Duration::from_secs(12), rule(after));
            Case { told: vec![rule(amount)], ..Case::new(server, 3 * amount + 3 * after, draw) }
        },
    },
    Row {
        name: "fixed 50/5s, bans after 20 refused",
        case: |draw| {
            let (amount, period, n) = window(draw);
            Case::new(Server::new(Rule::fixed(amount, period)).bans(20, MINUTE), 2 * n, draw)
        },
    },
    Row {
        name: "fixed 50/5s, says 20 too many",
        case: |draw| {
            let (amount, period, n) = window(draw);
            let case = Case::rule(Rule::fixed(amount, period), n, draw);
            let lies = Lies { remaining: draw.number(20, 1, 50), ..Lies::default() };
            Case { voice: Voice { lies, ..case.voice }, ..case }
        },
    },
    Row {
        name: "fixed 50/5s, says 2 s too early",
        case: |draw| {
            let (amount, period, n) = window(draw);
            let case = Case::rule(Rule::fixed(amount, period), n, draw);
            let lies = Lies { early: Duration::from_millis(draw.number(2_000, 100, 3_000)), ..Lies::default() };
            Case { voice: Voice { lies, ..case.voice }, ..case }
        },
    },
    Row {
        name: "fixed 50/5s, clock 90 s off",
        case: |draw| {
            let (amount, period, n) = window(draw);
            let ahead = Offset::from_nanos(draw.number(90_000, 0, 180_000).cast_signed() * 1_000_000 - 90_000_000_000);
            let server = Server::new(Rule::fixed(amount, period)).clock_ahead(ahead);
            let case = Case::new(server, n, draw);
            Case { voice: Voice { fields: Fields::Legacy, retry_after: RetryAfter::Date, ..case.voice }, ..case }
        },
    },
    Row {
        name: "bucket, down from 3 to 10 s",
        case: |draw| {
            let until = 3 + draw.number(7, 1, 60);
            let server = Server::new(bucket(draw)).is_down(3 * SECOND, Duration::from_secs(until));
            Case::new(server, draw.number(200, 150, 400), draw)
        },
    },
    Row {
        name: "flaky: 10% 503, 2% reset",
        case: |draw| {
            let work = Duration::from_millis(draw.number(50, 20, 200));
            let server = Server::unlimited().works(work, Duration::ZERO).fails(0.10).resets(0.02);
            Case::new(server, 1_000, draw)
        },
    },
    Row {
        name: "flaky: 10% 503, 2% reset, 1% stall",
        case: |draw| {
            let work = Duration::from_millis(draw.number(50, 20, 200));
            let server = Server::unlimited().works(work, Duration::ZERO).fails(0.10).resets(0.02);
            Case::new(server.stalls(0.01, Duration::from_secs(20)), 1_000, draw)
        },
    },
    Row {
        name: "2% reset, 1% stall",
        case: |draw| {
            let work = Duration::from_millis(draw.number(50, 20, 200));
            let server = Server::unlimited().works(work, Duration::ZERO).resets(0.02);
            Case::new(server.stalls(0.01, Duration::from_secs(20)), 1_000, draw)
        },
    },
    Row {
        name: "fixed 50/5s, network loses 0.5%",
        case: |draw| {
            let (amount, period, n) = window(draw);
            let network = |network: Network| {
                network.loses(0.005).reorders(0.05, Duration::from_millis(100)).timeout(Duration::from_secs(5))
            };
            Case { network, ..Case::rule(Rule::fixed(amount, period), n, draw) }
        },
    },
];
