//! The settings of a client that say who asks.

use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::{ClientBuilder, basic, header};
use crate::client::credential::Credentials;
use crate::client::oauth::{OAuth2, Tokens};
use crate::client::transport::connection::Connects;

impl<C> ClientBuilder<C> {
    /// `Authorization: Bearer …` (RFC 6750).
    pub fn bearer(self, token: impl AsRef<str>) -> Self {
        self.authorization(format!("Bearer {}", token.as_ref()))
    }

    /// `Authorization: Basic …` (RFC 7617).
    pub fn basic(self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        self.authorization(basic(user.as_ref(), password.as_ref()))
    }

    fn authorization(mut self, value: String) -> Self {
        match HeaderValue::try_from(value) {
            Ok(value) => self.credentials.insert(AUTHORIZATION, value),
            Err(_) => self.wrong = Some("the credential holds characters that a header field can't".to_owned()),
        }
        self
    }

    /// A header field of every request. It is taken for a credential, and goes to no other origin, unless it is `Accept*`,
    /// `User-Agent` or `Content-Type`.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match header(name.as_ref(), value.as_ref()) {
            Ok((name, value)) if Credentials::covers(&name) => self.credentials.insert(name, value),
            Ok((name, value)) => drop(self.headers.insert(name, value)),
            Err(wrong) => self.wrong = Some(wrong),
        }
        self
    }

    /// An API key in a header field of every request; it is shown nowhere and goes to no other origin.
    pub fn api_key_header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match header(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => self.credentials.insert(name, value),
            Err(wrong) => self.wrong = Some(wrong),
        }
        self
    }

    /// An API key in the query of every request; it is shown nowhere and goes to no other origin.
    pub fn api_key_query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.credentials.query.push((name.into(), value.into()));
        self
    }
}

impl<C: Connects> ClientBuilder<C> {
    /// An access token that is fetched from a token endpoint and renewed by itself, in place of a fixed one.
    pub fn oauth2(mut self, settings: OAuth2) -> Self {
        match Tokens::new(settings) {
            Ok(tokens) => {
                self.credentials.headers.remove(AUTHORIZATION);
                self.credentials.tokens = Some(tokens);
            }
            Err(error) => self.wrong = Some(error.reason()),
        }
        self
    }
}
