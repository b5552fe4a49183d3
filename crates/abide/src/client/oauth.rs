//! Access tokens by OAuth 2.0 client credentials or a refresh token (RFC 6749 sections 4.4 and 6): fetched once for all calls that
//! wait, and renewed in time.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abide_core::time::Instant;
use http::{HeaderValue, Method};
use serde_json::Value;
use url::Url;

use super::exchange::Exchange;
use super::ground::Ground;
use super::transport::Transport;
use super::{Request, builder};
use crate::error::{Error, Kind, Result};
use crate::target;
use crate::turns::Turns;

/// How long before its end a token is renewed, at most; a tenth of its life, if that is less.
const EARLY: Duration = Duration::from_secs(60);

/// How a client gets its access token.
///
/// The token is fetched when the first call needs it, a minute before it ends (a tenth of its life before, if that is less), and
/// when the server answers 401, once for all calls that wait for it. The request for it passes the same engine as all others, by
/// the budget of its own origin.
///
/// ```no_run
/// use abide::{Client, OAuth2};
///
/// # fn example(secret: String) -> abide::Result<()> {
/// let settings = OAuth2::client_credentials("https://auth.example.com/token", "my-id", secret).scope("read");
/// let client = Client::builder("https://api.example.com").oauth2(settings).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct OAuth2 {
    url: String,
    id: String,
    secret: String,
    /// The refresh token to begin with; without one the grant is that of the client itself.
    refresh: Option<String>,
    parameters: Vec<(String, String)>,
    in_body: bool,
}

impl OAuth2 {
    /// The client credentials grant at a token endpoint.
    pub fn client_credentials(url: impl Into<String>, id: impl Into<String>, secret: impl Into<String>) -> Self {
        let (parameters, in_body) = (Vec::new(), false);
        Self { url: url.into(), id: id.into(), secret: secret.into(), refresh: None, parameters, in_body }
    }

    /// The grant of a refresh token. Where the endpoint gives another one with each access token, that one is used next; it is
    /// not written anywhere. A public client has an empty secret.
    pub fn refresh_token(
        url: impl Into<String>,
        id: impl Into<String>,
        secret: impl Into<String>,
        token: impl Into<String>,
    ) -> Self {
        Self { refresh: Some(token.into()), ..Self::client_credentials(url, id, secret) }
    }

    /// What the token is to allow; several scopes are separated by spaces.
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.parameter("scope", scope)
    }

    /// A parameter that the token endpoint wants, such as `audience` or `resource`.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Sends id and secret in the body of the request, for endpoints that do not take them as `Authorization: Basic …`
    /// (RFC 6749 section 2.3.1).
    pub fn secret_in_body(mut self) -> Self {
        self.in_body = true;
        self
    }
}

impl fmt::Debug for OAuth2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An access token as it goes into a request.
#[derive(Clone)]
pub(super) struct Token {
    value: HeaderValue,
    number: u64,
    renew_at: Instant,
}

impl Token {
    pub(super) fn value(&self) -> HeaderValue {
        self.value.clone()
    }

    /// Tells one token from the next.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.number)
    }
}

/// The tokens of one client.
pub(super) struct Tokens {
    settings: OAuth2,
    url: Url,
    held: Mutex<Option<Token>>,
    /// The refresh token to use next.
    refresh: Mutex<Option<String>>,
    /// Had by the one that fetches.
    fetching: Turns,
    /// What the last fetch came to, if it failed.
    failed: Mutex<Option<String>>,
    fetched: AtomicU64,
}

impl Tokens {
    pub(super) fn new(settings: OAuth2) -> Result<Arc<Self>> {
        let url = builder::parse_url(&settings.url)?;
        Ok(Arc::new(Self {
            refresh: Mutex::new(settings.refresh.clone()),
            settings,
            url,
            held: Mutex::default(),
            fetching: Turns::default(),
            failed: Mutex::default(),
            fetched: AtomicU64::new(0),
        }))
    }

    /// Tells apart who asks for what.
    pub(super) fn identity(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.url.as_str(), &self.settings.id, &self.settings.parameters).hash(&mut hasher);
        hasher.finish()
    }

    /// The token that is there, unless it is about to end or is the one that was refused.
    pub(super) fn current(&self, ground: &Ground, refused: Option<u64>) -> Option<Token> {
        let now = ground.handle.now().mono;
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone().filter(|token| now < token.renew_at && refused.is_none_or(|refused| token.number > refused))
    }

    /// A token, from the endpoint if nobody else has fetched one by then. Who waited while another's request failed shares its
    /// error.
    pub(super) async fn fetch(
        &self,
        ground: &Arc<Ground>,
        transport: &dyn Transport,
        refused: Option<u64>,
    ) -> Result<Token> {
        let before = self.fetched.load(Ordering::Acquire);
        let _turn = self.fetching.take().await;
        if let Some(token) = self.current(ground, refused) {
            return Ok(token);
        }
        let is_news = self.fetched.load(Ordering::Acquire) > before;
        if let Some(why) = self.failed.lock().unwrap_or_else(PoisonError::into_inner).as_ref().filter(|_| is_news) {
            return Err(self.error(why.clone()));
        }
        let answer = self.ask(ground, transport).await;
        let number = self.fetched.fetch_add(1, Ordering::AcqRel) + 1;
        let token = answer.and_then(|answer| self.read(&answer, number, ground.handle.now().mono));
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = token.as_ref().err().map(Error::reason);
        let token = token?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(token)
    }

    async fn ask(&self, ground: &Arc<Ground>, transport: &dyn Transport) -> Result<Value> {
        let OAuth2 { id, secret, parameters, in_body, .. } = &self.settings;
        let refresh = self.refresh.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut form = match &refresh {
            Some(refresh) => vec![("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())],
            None => vec![("grant_type", "client_credentials")],
        };
        form.extend(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let mut request = Request::bare(ground, (), Method::POST, self.url.clone());
        // A refresh token may be good for one request: sent twice, it may be lost.
        if refresh.is_none() {
            request = request.idempotent();
        }
        if secret.is_empty() {
            form.push(("client_id", id.as_str()));
        } else if *in_body {
            form.extend([("client_id", id.as_str()), ("client_secret", secret.as_str())]);
        } else {
            let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            request = request.basic(encode(id), encode(secret));
        }
        let parts = request.header("accept", "application/json").form(&form).parts?;
        let answered = Exchange::start(Arc::clone(ground), parts).answer(transport).await?;
        let status = answered.head().status;
        let (_, body) = answered.read(transport).await?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|e| self.error(format!("the token endpoint's answer is not JSON: {e}")));
        }
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        // What it describes may repeat what was sent; the code does not (RFC 6749 section 5.2).
        let code = body["error"].as_str().map(|code| format!(" ({code})")).unwrap_or_default();
        Err(self.error(format!("the token endpoint answered {status}{code}; check id, secret and scope")))
    }

    fn read(&self, answer: &Value, number: u64, now: Instant) -> Result<Token> {
        let text = answer["access_token"].as_str().filter(|text| !text.is_empty());
        let value = text.and_then(|text| HeaderValue::try_from(format!("Bearer {text}")).ok());
        let Some(mut value) = value else {
            return Err(self.error("the token endpoint's answer holds no access_token".to_owned()));
        };
        value.set_sensitive(true);
        if let Some(next) = answer["refresh_token"].as_str().filter(|next| !next.is_empty()) {
            let mut refresh = self.refresh.lock().unwrap_or_else(PoisonError::into_inner);
            *refresh = refresh.take().map(|_| next.to_owned());
        }
        // Some endpoints write the number as text.
        let expires_in = &answer["expires_in"];
        let life = expires_in.as_u64().or_else(|| expires_in.as_str()?.parse().ok()).map(Duration::from_secs);
        let renew_at = life.map_or(Instant::NEVER, |life| now + (life - EARLY.min(life / 10)));
        Ok(Token { value, number, renew_at })
    }

    fn error(&self, why: String) -> Error {
        Error::new(Kind::Token(why)).with_url(target::shown(&self.url, &[]))
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tokens").field(&self.settings).finish()
    }
}
