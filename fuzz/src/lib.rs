//! What every reading must keep, whatever was read.

use abide_core::headers::{Reader, Response, Signal, Wait};
use abide_core::time::{Instant, Now, Wall};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// A moment of today.
pub const TODAY: Wall = Wall::from_secs(1_767_225_600);

/// Reads a response with these fields; a name or a value that HTTP forbids is left out.
pub fn read(reader: &mut Reader, status: u16, fields: &[(&[u8], &[u8])], body: Option<&[u8]>, now: Now) -> Signal {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    let response = Response { host: "api.github.com", status, headers: &headers, body, sent: now, received: now };
    let signal = reader.read(&response);
    check(&signal, now.wall);
    signal
}

/// Reads one response of today.
pub fn read_today(status: u16, fields: &[(&[u8], &[u8])]) -> Signal {
    read(&mut Reader::default(), status, fields, None, Now { mono: Instant::ZERO, wall: TODAY })
}

fn check(signal: &Signal, received: Wall) {
    if let Some(Wait::For(wait)) = signal.wait {
        assert!(!wait.is_zero() && wait <= Wait::LONGEST);
    }
    for quota in &signal.quotas {
        assert!(quota.reset.is_none_or(|reset| reset <= Wait::LONGEST));
        assert!(quota.window.is_none_or(|window| window <= Wait::LONGEST));
    }
    let summary = signal.summary(received, Some(received));
    assert!(summary.reset_after.is_none_or(|reset| reset <= Wait::LONGEST));
    assert!(summary.to_json().contains_key("throttled"));
}
