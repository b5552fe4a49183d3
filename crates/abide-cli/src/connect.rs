//! Turns the flags on sending into a client, with every credential read and every file opened.

use std::time::Duration;

use abide::retry::{Backoff, exponential};
use abide::{Client, ClientBuilder, Memory, OAuth2};

use crate::args::{Common, HeaderUnit, More, Pace};
use crate::exit::{Failure, Result};
use crate::secret::{KeyPlace, Source};

/// The client that these flags ask for; `max_wait` is the verb's own default, and `hedge` whether it sends again beside requests
/// that stall.
pub(crate) fn client(common: &Common, max_wait: Duration, hedge: bool) -> Result<Client> {
    let mut builder = Client::anywhere()
        .concurrency(concurrency(common))
        .pace(match common.pace {
            None | Some(Pace::Eager) => abide::Pace::Eager,
            Some(Pace::Even) => abide::Pace::Even,
        })
        .share_of(common.share_of.unwrap_or(abide::Share::ALL))
        .max_wait(common.max_wait.map_or(max_wait, |span| span.0))
        .hedge(hedge)
        .max_body(common.max_body.0);
    if let Some(rate) = common.start {
        builder = builder.start(rate.0);
    }
    let mut backoff = Backoff::default();
    if common.batch {
        backoff = backoff.max(Duration::from_secs(60));
    }
    if let Some(range) = common.backoff {
        backoff = exponential(range.base).max(range.cap).full_jitter();
    }
    builder = builder.backoff(backoff).retries(common.retries.unwrap_or(if common.batch { 10 } else { 5 }));
    for limit in &common.limit {
        builder = match &limit.host {
            Some(host) => builder.limit_for(host, limit.limits.clone()),
            None => builder.limit(limit.limits.clone()),
        };
    }
    for HeaderUnit { field, unit } in &common.header_unit {
        builder = builder.header_unit(field, *unit);
    }
    if let Some(timeout) = common.timeout {
        builder = builder.timeout(timeout.0);
    }
    for line in &common.header {
        builder = builder.header(&line.name, &line.value);
    }
    if let Some(token) = common.bearer.as_ref() {
        builder = builder.bearer(token.read().map_err(Failure::usage)?);
    }
    if let Some(basic) = &common.basic {
        builder = builder.basic(&basic.user, basic.password.read().map_err(Failure::usage)?);
    }
    for key in &common.api_key {
        let secret = key.source.read().map_err(Failure::usage)?;
        builder = match &key.place {
            KeyPlace::Header(name) => builder.header(name, secret),
            KeyPlace::Query(name) => builder.api_key_query(name, secret),
        };
    }
    builder = more(builder, &common.more).map_err(Failure::usage)?;
    for path in &common.cacert {
        let pem = std::fs::read(path)
            .map_err(|e| Failure::usage(format!("the certificates in {} can't be read: {e}", path.display())))?;
        builder = builder.ca_certificates(pem);
    }
    if common.insecure {
        builder = builder.insecure();
    }
    if let Some(memory) = Memory::user().filter(|_| !common.no_memory) {
        builder = builder.memory(memory);
    }
    builder.build().map_err(Failure::usage)
}

/// What was said in a file alone.
fn more(mut builder: ClientBuilder, more: &More) -> std::result::Result<ClientBuilder, String> {
    for (name, value) in &more.fields {
        builder = builder.header(name, value.read()?);
    }
    if let [token] = more.bearers.as_slice() {
        builder = builder.bearer(token.read()?);
    }
    if let Some((user, password)) = &more.login {
        builder = builder.basic(user, password);
    }
    if let Some(oauth) = &more.oauth2 {
        let (id, secret) = (oauth.id.read()?, oauth.secret.as_ref().map(Source::read).transpose()?.unwrap_or_default());
        let mut settings = match &oauth.refresh {
            Some(refresh) => OAuth2::refresh_token(&oauth.url, id, secret, refresh.read()?),
            None => OAuth2::client_credentials(&oauth.url, id, secret),
        };
        for (name, value) in &oauth.parameters {
            settings = settings.parameter(name, value.read()?);
        }
        builder = builder.oauth2(if oauth.in_body { settings.secret_in_body() } else { settings });
    }
    Ok(builder.busy(more.busy.iter().copied()).fault(more.fault.iter().copied()))
}

/// The tokens that requests take in turn; none where one or none is used for all.
pub(crate) fn tokens(common: &Common) -> Result<Vec<String>> {
    let several = Some(&common.more.bearers).filter(|bearers| bearers.len() > 1 && common.bearer.is_none());
    several.into_iter().flatten().map(|token| token.read().map_err(Failure::usage)).collect()
}

/// The most attempts in flight to an origin.
pub(crate) fn concurrency(common: &Common) -> u32 {
    common.concurrency.unwrap_or(8)
}

/// The query keys that hold secrets.
pub(crate) fn secret_query_keys(common: &Common) -> Vec<String> {
    let query = |key: &crate::secret::ApiKey| match &key.place {
        KeyPlace::Query(name) => Some(name.clone()),
        KeyPlace::Header(_) => None,
    };
    common.api_key.iter().filter_map(query).collect()
}
