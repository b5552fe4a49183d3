//! A mock whose limits are true ones: the core's simulated server in virtual time (feature `sim`).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use abide_core::sim::{Live, Server};
use abide_core::time::Instant;

use super::mock::{Answers, Received};
use super::{Mock, Reply, VirtualClock};

struct Simulated {
    live: Mutex<Live>,
    /// What a message takes to get there, and again what the answer takes back.
    one_way: Duration,
}

impl Answers for Simulated {
    fn answer(&self, _: &Received, now: Instant) -> Reply {
        // All take the same time, so they arrive in the order in which they left.
        let heard = self.live.lock().unwrap_or_else(PoisonError::into_inner).ask(1, now + self.one_way);
        let mut reply = match heard.status {
            Some(status) => Reply::from(status),
            None => Reply::reset(),
        };
        reply.headers = heard.headers;
        reply.after(heard.at.since(now) + self.one_way)
    }
}

impl Mock {
    /// Answers as a server with true limits does. Every request costs 1.
    ///
    /// ```
    /// use std::time::Duration;
    /// use abide::Client;
    /// use abide::testing::Mock;
    /// use abide::abide_core::sim::{Fields, Rule, Server, Voice};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::new(Rule::fixed(5, Duration::from_secs(60))).says(Voice::of(Fields::Draft8));
    /// let api = Mock::simulate(server, Duration::from_millis(20));
    /// let client = Client::builder("https://api.example.com").mock(&api).build()?;
    /// for i in 0..10 {
    ///     assert_eq!(client.get(format!("/{i}")).send().await?.status(), 200);
    /// }
    /// assert_eq!(client.stats().rate_limited, 0); // it knew from the fields of the answers when to stop
    /// assert_eq!(api.clock().elapsed().as_secs(), 60);
    /// # Ok(())
    /// # }
    /// ```
    pub fn simulate(server: Server, round_trip: Duration) -> Self {
        let clock = VirtualClock::new();
        let live = Mutex::new(Live::new(server, clock.now(), 0));
        Self::on(Simulated { live, one_way: round_trip / 2 }, clock)
    }
}
