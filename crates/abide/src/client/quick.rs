//! One call without a client of one's own.

use std::sync::OnceLock;

use super::{Client, Response};
use crate::error::Result;

/// Fetches a URL: waits as long as the server asks for, and tries again what may go better the next time.
///
/// All such calls of a process share one [`Client`] with the default settings, so that one that is told to wait holds back the
/// others to the same origin.
///
/// ```no_run
/// # async fn example() -> abide::Result<()> {
/// let text = abide::get("https://api.example.com/users/1").await?.error_for_status()?.text().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`Request::send`](crate::Request::send).
pub async fn get(url: impl AsRef<str>) -> Result<Response> {
    static SHARED: OnceLock<Client> = OnceLock::new();
    let client = match SHARED.get() {
        Some(client) => client,
        None => {
            let client = Client::anywhere().build()?;
            SHARED.get_or_init(|| client)
        }
    };
    client.get(url).send().await
}
