//! Reads one ordinary head so many times: 15 fields, three of them about limits. `scripts/bench read` counts what one costs.

use std::hint::black_box;
use std::time::Duration;

use abide_core::headers::{Reader, Response};
use abide_core::time::{Instant, Now, Wall};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

const HEAD: [(&str, &str); 15] = [
    ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ("content-type", "application/json; charset=utf-8"),
    ("content-length", "5120"),
    ("connection", "keep-alive"),
    ("server", "nginx"),
    ("cache-control", "private, max-age=60, s-maxage=60"),
    ("vary", "Accept, Authorization, Cookie"),
    ("etag", "W/\"644b5b0155e6404a9cc4bd9d8b1ae730\""),
    ("strict-transport-security", "max-age=31536000; includeSubdomains; preload"),
    ("x-content-type-options", "nosniff"),
    ("x-request-id", "C0E1:6A1D:2A9D0B2:5D5F3F1:65F1A1B2"),
    ("access-control-allow-origin", "*"),
    ("x-ratelimit-limit", "5000"),
    ("x-ratelimit-remaining", "4987"),
    ("x-ratelimit-reset", "1767227400"),
];

fn main() {
    // Cargo adds `--bench` when it runs this itself.
    let times: u64 = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(1_000);
    let mut headers = HeaderMap::new();
    for (name, value) in HEAD {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let mut reader = Reader::default();
    for i in 0..times {
        let now = Now { mono: Instant::ZERO + Duration::from_millis(i), wall: Wall::from_secs(1_767_225_600) };
        let response = Response {
            host: "api.example.com",
            status: StatusCode::OK,
            headers: &headers,
            body: None,
            sent: now,
            received: now,
        };
        black_box(reader.read(black_box(&response)));
    }
}
