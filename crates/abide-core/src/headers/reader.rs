//! Reads one response after the other and keeps what they taught.

use std::time::Duration;

use http::HeaderName;
use http::header::AGE;

use super::body::{self, Body};
use super::codes;
use super::dialect::{Place, Rule, Spoken};
use super::grammar::{self, Name, Role};
use super::memory::Memory;
use super::quotas::Drafts;
use super::refusal::{self, Evidence};
use super::retry_after::{self, RetryAfter};
use super::skew::ServerClock;
use super::units::{self, Decimal, Scale};
use super::{Refusal, Response, Signal, Wait};
use crate::time::{Now, Wall};

/// So much of a body is enough to find an error in.
const ERROR_PREFIX: usize = 16 * 1024;
/// Hosts that tell their limits in the body of a success do so at its end as well.
const SUCCESS_PREFIX: usize = 256 * 1024;

/// Reads the responses of one origin and keeps what they taught: the server's clock, and the units of its fields.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    clock: ServerClock,
    memory: Memory,
    /// The host of the last response, and its dialects.
    spoken: Option<(String, Spoken)>,
}

impl Reader {
    /// Says by hand in which unit the numbers of `field` count, whatever the responses show.
    pub fn set_unit(&mut self, field: &HeaderName, scale: Scale) {
        self.memory.set(field.as_str(), scale);
    }

    /// How many bytes of the decoded body are worth reading before [`Self::read`] is called; zero for an answer whose
    /// body has nothing to say about limits. `response` has no body yet.
    pub fn peek(&mut self, response: &Response<'_>) -> usize {
        match response.status.as_u16() {
            400 | 402 | 403 | 413 | 418..=430 | 500.. => ERROR_PREFIX,
            200 if spoken_by(&mut self.spoken, response.host).has_bodies() => SUCCESS_PREFIX,
            _ => 0,
        }
    }

    /// How much later the server's clock may be than the moments that it names are read for: so much earlier they may come.
    pub(crate) fn clock_doubt(&self) -> Duration {
        self.clock.doubt()
    }

    /// Reads one response.
    pub fn read(&mut self, response: &Response<'_>) -> Signal {
        self.clock.observe(response);
        if says_nothing(response, spoken_by(&mut self.spoken, response.host)) {
            return Signal::default();
        }
        self.read_closely(response)
    }

    fn read_closely(&mut self, response: &Response<'_>) -> Signal {
        let now = Now { mono: response.received.mono, wall: self.clock.at(response.received.wall) };
        let mut reading = Reading::new(now.wall);
        let spoken = spoken_by(&mut self.spoken, response.host);
        for (header, value) in response.headers {
            let header = header.as_str();
            if !grammar::may_matter(header) {
                continue;
            }
            let Ok(value) = value.to_str() else { continue };
            if !spoken.claim(header) {
                reading.field(header, header, value, spoken, &mut self.memory, now);
            }
        }
        let is_error = response.status.is_client_error() || response.status.is_server_error();
        for rule in spoken.rules().filter(|rule| is_error || !rule.is_about_errors()) {
            reading.apply(rule, response, spoken, &mut self.memory, now);
        }
        reading.body = body::read(response, spoken, now.wall);
        // What a cache stored is the balance of another day (RateLimit drafts, section on caching).
        let is_fresh = response.headers.get(AGE).is_none_or(|age| age == "0");
        reading.finish(response, spoken, is_fresh)
    }
}

/// The dialects of `host`, which most often is the host of the last response.
fn spoken_by<'a>(last: &'a mut Option<(String, Spoken)>, host: &str) -> &'a Spoken {
    if last.as_ref().is_some_and(|(known, _)| known != host) {
        *last = None;
    }
    let (_, spoken) = last.get_or_insert_with(|| (host.to_owned(), Spoken::by(host)));
    spoken
}

/// Whether an answer says nothing of limits, as most do, so that a closer look would find nothing.
fn says_nothing(response: &Response<'_>, spoken: &Spoken) -> bool {
    response.status.is_success()
        && response.body.is_none()
        && !response.headers.keys().any(|name| spoken.heeds(name.as_str()))
}

/// One response, being read.
struct Reading<'a> {
    now: Wall,
    drafts: Drafts<'a>,
    retry_after: RetryAfter,
    /// The best name so far, and how vague it is.
    policy: Option<(u8, &'a str)>,
    scope: Option<&'a str>,
    cost: Option<Decimal>,
    should_retry: Option<bool>,
    code: Option<Refusal>,
    body: Body,
}

impl<'a> Reading<'a> {
    fn new(now: Wall) -> Self {
        Self {
            now,
            drafts: Drafts::new(now),
            retry_after: RetryAfter::default(),
            policy: None,
            scope: None,
            cost: None,
            should_retry: None,
            code: None,
            body: Body::default(),
        }
    }

    /// Takes in one field line that is to be read as if its name were `alias`.
    fn field(&mut self, header: &str, alias: &'a str, value: &'a str, spoken: &Spoken, memory: &mut Memory, now: Now) {
        if header.ends_with("should-retry") {
            self.should_retry = value.trim().parse().ok();
            return;
        }
        let Some(mut name) = grammar::understand(alias) else { return };
        spoken.hint(header, &mut name.hint);
        match name.role {
            Role::RetryAfter => self.retry_after.note(header, name.hint, value, now.wall),
            Role::Reset => self.reset(header, name, value, memory, now),
            Role::Window => self.drafts.window(&name, value),
            Role::Cost => self.cost = Decimal::parse(value.trim()),
            Role::Scope => self.scope = Some(unquoted(value)),
            // `endpoint-name` names the endpoint and not the limit.
            Role::Name(rank) if name.key.dimensions.is_empty() => self.name(rank, value),
            Role::Name(_) => {}
            Role::Policy if !self.drafts.policy(&name, value) => self.name(2, value),
            Role::Policy => {}
            Role::Limit | Role::Remaining | Role::Used => {
                self.drafts.count(&name, value);
                if let Some(windows) = spoken.windows(header) {
                    self.drafts.windows_are(windows);
                }
            }
        }
    }

    fn reset(&mut self, header: &str, mut name: Name<'a>, value: &str, memory: &mut Memory, now: Now) {
        name.hint.scale = memory.by_hand(header).or(name.hint.scale);
        // Only the size of a distance is in doubt: an epoch shows itself.
        let number = Decimal::parse(value.trim()).filter(|number| number.count() < 100_000_000);
        if let (None, false, Some(number)) = (name.hint.scale, name.hint.absolute, number) {
            name.hint.scale = memory.scale(header, number, now.mono);
        }
        if let Some(told) = units::told(value, name.hint, now.wall) {
            let rolling = memory.is_rolling(header, told.from(now.wall), now.mono);
            self.drafts.reset(&name, 0, told, rolling);
            return;
        }
        // One reset for each place of a list of limits.
        for (part, slot) in value.split(',').zip(0..) {
            if let Some(told) = units::told(part, name.hint, now.wall) {
                self.drafts.reset(&name, slot, told, false);
            }
        }
    }

    fn name(&mut self, rank: u8, value: &'a str) {
        let value = unquoted(value);
        if value.is_empty() || Decimal::parse(value).is_some() {
            return;
        }
        if self.policy.is_none_or(|(known, _)| rank < known) {
            self.policy = Some((rank, value));
        }
        // A bucket or a resource tells quotas apart; a reason does not.
        if rank <= 1 {
            self.drafts.label(value);
        }
    }

    /// Takes in what a dialect knows of the fields.
    fn apply(&mut self, rule: &Rule, response: &Response<'a>, spoken: &Spoken, memory: &mut Memory, now: Now) {
        let value = |field| response.headers.get(field).and_then(|value| value.to_str().ok());
        match *rule {
            Rule::Alias(field, alias) => {
                if let Some(value) = value(field) {
                    self.field(field, alias, value, spoken, memory, now);
                }
            }
            Rule::CodeField(field) => self.code = self.code.or_else(|| codes::meaning(value(field)?)),
            Rule::Code(Place::Field(field), values, refusal) if value(field).is_some_and(|it| values.contains(&it)) => {
                self.code = Some(refusal);
            }
            Rule::Status(status, refusal) if response.status == status => self.code = self.code.or(Some(refusal)),
            Rule::Categories(field) => {
                for value in value(field).into_iter().flat_map(|value| value.split(',')) {
                    let (wait, _) = value.split_once(':').unwrap_or((value, ""));
                    self.retry_after.note(field, grammar::Name::wait().hint, wait, now.wall);
                }
            }
            Rule::WaitInJson(field, member, scale) => {
                if let Some(told) = value(field).and_then(|value| body::longest_wait(value, member, scale)) {
                    self.retry_after.take(told, now.wall);
                }
            }
            Rule::Cost(Place::Field(field)) => {
                self.cost = self.cost.or_else(|| Decimal::parse(value(field)?.trim()));
            }
            _ => {}
        }
    }

    fn finish(&mut self, response: &Response<'_>, spoken: &Spoken, is_fresh: bool) -> Signal {
        let body = std::mem::take(&mut self.body);
        let mut signal = Signal::default();
        if is_fresh {
            for (name, item) in &body.quotas {
                self.drafts.take(&Name::made(Role::Limit, name), std::slice::from_ref(item));
            }
            self.drafts.finish(&mut signal.quotas);
        }
        let header = self.retry_after.told(self.now);
        let wait = |told: Option<units::Told>| told.and_then(|told| retry_after::wait(told, self.now));
        let told = wait(header).or_else(|| wait(body.wait));
        let policy = self.policy.map(|(_, name)| name.to_owned()).or(body.policy);
        signal.refusal = refusal::judge(&Evidence {
            status: response.status,
            wait: told,
            quotas: &signal.quotas,
            code: body.refusal.or(self.code),
            policy: policy.as_deref(),
            zero_is_concurrency: spoken.rules().any(|rule| matches!(rule, Rule::ZeroIsConcurrency)),
        });
        let is_order = signal.refusal.is_some() || retry_after::is_obeyed(response) || body.is_order;
        signal.wait = told.filter(|_| is_order).or_else(|| signal.refusal.and_then(|_| pause(&signal, spoken)));
        signal.told_wait = told;
        signal.retry_after = header;
        signal.retry_after_body = body.wait;
        signal.policy = policy;
        signal.scope = self.scope.map(str::to_owned);
        signal.cost = body.cost.or(self.cost).map(Decimal::amount);
        signal.should_retry = self.should_retry.or(body.should_retry);
        signal
    }
}

/// The wait that the vendor's documentation asks for, where a refusal names none and no quota says when it resets.
fn pause(signal: &Signal, spoken: &Spoken) -> Option<Wait> {
    if signal.quotas.iter().any(|quota| quota.remaining == Some(0) && quota.reset.is_some()) {
        return None;
    }
    spoken.rules().find_map(|rule| match rule {
        Rule::Pause(pause) => Some(Wait::For(*pause)),
        _ => None,
    })
}

fn unquoted(value: &str) -> &str {
    value.trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http::header::{HeaderMap, HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;
    use crate::time::Instant;

    /// Names that say something, names that do not, and mixtures of their parts.
    fn name() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "x",
            "rate",
            "limit",
            "ratelimit",
            "remaining",
            "reset",
            "retry",
            "after",
            "quota",
            "cost",
            "date",
            "age",
            "etag",
            "sentry",
            "amzn",
            "errortype",
            "ms",
            "error",
            "code",
            "content",
            "length",
            "should",
            "scope",
            "concurrency",
            "used",
            "throttle",
            "policy",
        ]);
        let known = prop::sample::select(vec![
            "retry-after",
            "x-sentry-rate-limits",
            "x-ms-error-code",
            "x-shopify-shop-api-call-limit",
            "x-github-request-id",
            "x-qps",
        ]);
        prop_oneof![
            3 => prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("-")),
            1 => known.prop_map(str::to_owned),
            1 => "[a-z][a-z-]{0,11}",
        ]
    }

    proptest! {
        #[test]
        fn an_answer_that_is_not_looked_at_closely_has_nothing_to_say(
            fields in prop::collection::vec((name(), "[0-9]{1,9}|[a-z]{1,6}|[0-9]{1,3}:[a-z]{1,6}:key"), 0..4),
            status in 200_u16..300,
            host in prop::sample::select(vec!["api.example", "api.github.com", "shop.myshopify.com", "api.linear.app"]),
        ) {
            let headers: HeaderMap = fields
                .iter()
                .map(|(name, value)| (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap()))
                .collect();
            let now = Now { mono: Instant::ZERO, wall: Wall::from_secs(1_767_225_600) };
            let status = StatusCode::from_u16(status).unwrap();
            let response = Response { host, status, headers: &headers, body: None, sent: now, received: now };
            if says_nothing(&response, &Spoken::by(host)) {
                prop_assert_eq!(Reader::default().read_closely(&response), Signal::default());
            }
        }
    }
}
