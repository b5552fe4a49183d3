//! The connections below the client: how they are made, and what their failures mean.

use std::error::Error as _;
use std::time::Duration;

use abide_core::event::Failure;

use crate::error::{Error, Result};

#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) connect_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) ca_certificates: Vec<Vec<u8>>,
    pub(super) insecure: bool,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            ca_certificates: Vec::new(),
            insecure: false,
        }
    }
}

impl Connection {
    pub(super) fn build(&self) -> Result<reqwest::Client> {
        // Somebody else may have installed one already, and theirs is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            // One layer decides: no retries and no redirects below the engine.
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.idle_timeout);
        for pem in &self.ca_certificates {
            let certificates = reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|e| Error::setting(format!("the certificates can't be read as PEM: {}", e.without_url())))?;
            if certificates.is_empty() {
                return Err(Error::setting("there is no certificate in the PEM text"));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        if self.insecure {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        builder
            .build()
            .map_err(|e| Error::setting("the client can't be set up").with_source(Some(Box::new(e.without_url()))))
    }
}

/// What a failure of an attempt means.
pub(super) fn failure(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        Failure::Request
    } else if error.is_connect() {
        match (error.is_timeout(), connect_cause(error)) {
            (true, _) => Failure::ConnectTimeout,
            (false, cause) => cause,
        }
    } else if error.is_timeout() {
        Failure::Timeout
    } else if error.is_body() || error.is_decode() {
        Failure::Body
    } else {
        Failure::Reset
    }
}

fn connect_cause(error: &reqwest::Error) -> Failure {
    let mut cause = error.source();
    while let Some(error) = cause {
        if is_tls(error) {
            return Failure::Tls;
        }
        // hyper-util names its own kind of error only in words.
        if error.to_string() == "dns error" {
            return Failure::Resolve;
        }
        cause = error.source();
    }
    Failure::Connect
}

/// Whether this is TLS's own error, however often it was wrapped. An I/O error passes over what it holds when it is asked for its
/// source.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || held.is_some_and(|held| is_tls(held))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_of_tls_is_found_inside_of_io_errors() {
        let tls = || rustls::Error::General("no".to_owned());
        assert!(is_tls(&tls()));
        assert!(is_tls(&io::Error::other(io::Error::other(tls()))));
        assert!(!is_tls(&io::Error::other("no")) && !is_tls(&io::Error::from_raw_os_error(111)));
    }
}
