//! How connections are made, whatever makes them.

use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) ca_certificates: Vec<Vec<u8>>,
    pub(crate) insecure: bool,
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

/// A client that makes its own connections, and so follows redirects and fetches tokens by itself.
pub trait Connects {}

#[cfg(feature = "client")]
impl Connects for crate::Client {}

#[cfg(feature = "blocking")]
impl Connects for crate::blocking::Client {}
